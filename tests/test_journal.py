"""A run's files: private, complete line by line, and found again by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cfl_jobs.errors import CflJobsError
from cfl_jobs.planning.journal import Journal, Step, find_run, list_runs, state_directory
from cfl_jobs.target import Kind


def test_runs_of_the_same_second_have_their_own_directories(tmp_path: Path) -> None:
    names = [Journal(tmp_path, target="x", verb="update").run for _ in range(3)]
    assert len(set(names)) == 3
    assert [run.name for run in list_runs(tmp_path, "x")] == sorted(names, reverse=True)


def test_a_step_is_the_last_line_about_its_job(tmp_path: Path) -> None:
    """Started, then done; a line that was cut off by a kill is left out."""
    journal = Journal(tmp_path, target="x", verb="update")
    file = journal.keep(Kind.JOB, "a/b", "<project/>")
    step = Step(Kind.JOB, "a/b", "update", "started", before=file)
    journal.note(step)
    done = Step(Kind.JOB, "a/b", "update", "done", before=file, after="0123")
    journal.note(done)
    with (journal.directory / "journal.jsonl").open("a") as stream:
        stream.write('{"kind": "job", "na')
    (run,) = list_runs(tmp_path, "x")
    assert run.steps == (done,)
    assert not run.is_complete
    assert run.read_before(done) == "<project/>"


def test_names_that_are_no_file_names_are_kept_apart(tmp_path: Path) -> None:
    """Folders, percent signs, very long names, a job and a view of one name."""
    journal = Journal(tmp_path, target="x", verb="update")
    names = ["a/b", "a%2Fb", "../x", "n" * 300, "n" * 301, "ü"]
    files = {name: journal.keep(Kind.JOB, name, f"config of {name}") for name in names}
    files["view"] = journal.keep(Kind.VIEW, "ü", "config of view")
    assert len(set(files.values())) == len(files)
    for name, file in files.items():
        path = journal.directory / "before" / file
        assert path.read_text() == f"config of {name}"
        assert path.parent == journal.directory / "before"


def test_a_run_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    """The last one without a name; an error where it isn't clear which."""
    with pytest.raises(CflJobsError, match="no runs against x are kept"):
        find_run(tmp_path, "x", "")
    first = Journal(tmp_path, target="x", verb="update").run
    last = Journal(tmp_path, target="x", verb="update").run
    assert find_run(tmp_path, "x", "").name == last
    assert find_run(tmp_path, "x", first).name == first
    assert find_run(tmp_path, "x", last).name == last
    with pytest.raises(CflJobsError, match="several runs begin"):
        find_run(tmp_path, "x", "2")
    with pytest.raises(CflJobsError, match="no run begins"):
        find_run(tmp_path, "x", "nothing")


def test_each_target_has_its_place(tmp_path: Path) -> None:
    """By host and path; a password in a URL never becomes a directory's name."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    place = state_directory(environment, "https://jenkins.example.org:8080/ci/")
    assert place == tmp_path / "cfl-jobs" / "jenkins.example.org-8080-ci"
    assert "secret" not in str(state_directory(environment, "https://me:secret@host/"))
    assert state_directory({}, "https://host/") == Path.home() / ".local/state/cfl-jobs/host"


def test_a_place_that_cannot_be_written_stops_before_anything_is_changed(tmp_path: Path) -> None:
    """It says what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CflJobsError, match="can't be kept, so it wasn't changed") as caught:
        Journal(tmp_path / "file" / "runs", target="x", verb="update")
    assert "--backup-dir" in caught.value.advice


def test_runs_against_other_targets_are_not_among_them(tmp_path: Path) -> None:
    """One directory may hold those of two servers: by --backup-dir, or as their names are alike."""
    Journal(tmp_path, target="https://a/", verb="update")
    Journal(tmp_path, target="https://b/", verb="update")
    assert [run.target for run in list_runs(tmp_path, "https://a/")] == ["https://a/"]
    with pytest.raises(CflJobsError, match="no runs against https://c/"):
        find_run(tmp_path, "https://c/", "")


@pytest.mark.parametrize(
    ("cut", "damaged"),
    [
        (b'{"kind": "job", "name": "Caf\xc3', 1),
        (b"[1]\n7\n", 2),
        (b'{"kind": "x", "name": "A"}', 1),
    ],
)
def test_a_damaged_line_costs_only_itself(tmp_path: Path, cut: bytes, damaged: int) -> None:
    """It is counted, so that people can be told."""
    journal = Journal(tmp_path, target="x", verb="update")
    step = Step(Kind.JOB, "Caf\u00e9\u2028", "create", "done", after="1")
    journal.note(step)
    with (journal.directory / "journal.jsonl").open("ab") as stream:
        stream.write(cut)
    (run,) = list_runs(tmp_path, "x")
    assert run.steps == (step,)
    assert run.damaged == damaged
    assert not run.is_complete


def test_a_run_under_way_is_told_from_one_that_was_killed(tmp_path: Path) -> None:
    """By the lock on its journal, which goes with the process."""
    program = (
        "import sys, pathlib; from cfl_jobs.planning.journal import Journal;"
        "journal = Journal(pathlib.Path(sys.argv[1]), target='x', verb='update');"
        "print('begun', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        (run,) = list_runs(tmp_path, "x")
        assert run.is_running
        process.kill()
    (run,) = list_runs(tmp_path, "x")
    assert not run.is_running
    assert not run.is_complete


def test_a_run_that_ended_is_complete(tmp_path: Path) -> None:
    journal = Journal(tmp_path, target="x", verb="update")
    journal.finish()
    (run,) = list_runs(tmp_path, "x")
    assert run.is_complete
    assert not run.is_running


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_place_or_a_run_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """The place is an error; a run of it is listed with the reason."""
    journal = Journal(tmp_path / "runs", target="x", verb="update")
    journal.directory.chmod(0)
    (run,) = list_runs(tmp_path / "runs", "x")
    assert run.problem == "Permission denied"
    with pytest.raises(CflJobsError, match="can't be read: Permission denied"):
        find_run(tmp_path / "runs", "x", "")
    journal.directory.chmod(0o700)
    (tmp_path / "runs").chmod(0)
    try:
        with pytest.raises(CflJobsError, match="the runs kept there can't be read"):
            list_runs(tmp_path / "runs", "x")
    finally:
        (tmp_path / "runs").chmod(0o700)


def test_a_run_whose_head_is_damaged_is_told(tmp_path: Path) -> None:
    """Nobody can say what it was about; the newest one is never passed over in silence."""
    Journal(tmp_path, target="x", verb="update")
    journal = Journal(tmp_path, target="x", verb="update")
    (journal.directory / "run.json").write_text("{")
    runs = list_runs(tmp_path, "x")
    assert [run.problem for run in runs] == ["run.json is damaged", ""]
    with pytest.raises(CflJobsError, match=r"run.json is damaged"):
        find_run(tmp_path, "x", "")


def test_the_tenth_run_of_a_second_is_newer_than_the_ninth(tmp_path: Path) -> None:
    for number in ("", "-2", "-9", "-10"):
        journal = Journal(tmp_path, target="x", verb="update")
        journal.directory.rename(tmp_path / f"20260101-000000{number}")
    names = [run.name for run in list_runs(tmp_path, "x")]
    assert names[:2] == ["20260101-000000-10", "20260101-000000-9"]


def test_a_run_of_old_is_told_without_who_made_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, target="x", verb="update")
    for name in "cab":
        journal.note(Step(Kind.JOB, name, "update", "done"))
    journal.note(Step(Kind.VIEW, "v", "create", "failed"))
    (journal.directory / "run.json").write_text('{"target": "x", "verb": "update"}')
    (run,) = list_runs(tmp_path, "x")
    assert str(run).splitlines() == [
        f"{journal.run}  update: 3 of 4 steps done, 1 failed, under way",
        "    update job  a, b, c",
        "    create view  v",
    ]
