"""A run's files: private, complete line by line, and found again by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.errors import CflJobsError
from cfl_jobs.planning.journal import Journal, Step, find_run, list_runs, state_directory
from cfl_jobs.target import Kind


def test_runs_of_the_same_second_have_their_own_directories(tmp_path: Path) -> None:
    """The newest is listed first."""
    names = [Journal(tmp_path, target="x", verb="update").run for _ in range(3)]
    assert len(set(names)) == 3
    assert [run.name for run in list_runs(tmp_path)] == sorted(names, reverse=True)


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
    (run,) = list_runs(tmp_path)
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
    with pytest.raises(CflJobsError, match="no runs are kept"):
        find_run(tmp_path, "")
    first = Journal(tmp_path, target="x", verb="update").run
    last = Journal(tmp_path, target="x", verb="update").run
    assert find_run(tmp_path, "").name == last
    assert find_run(tmp_path, first).name == first
    assert find_run(tmp_path, last).name == last
    with pytest.raises(CflJobsError, match="several runs begin"):
        find_run(tmp_path, "2")
    with pytest.raises(CflJobsError, match="no run begins"):
        find_run(tmp_path, "nothing")


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
