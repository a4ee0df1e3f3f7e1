"""What is kept: a run's files, line by line, and plans, which are the same again or none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.check.rule import Problem, Severity
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import CflJobsError, Finding, Origin, PlanError, Position
from cfl_jobs.planning.basis import Basis, PlanRequest, Setup, load_plan, save_plan
from cfl_jobs.planning.journal import Journal, RunStep, find_run, list_runs, state_directory
from cfl_jobs.planning.observe import check_unchanged, observe
from cfl_jobs.planning.plan import Create, Delete, Update
from cfl_jobs.planning.renames import names_to_look_at
from cfl_jobs.target import Kind, full_label
from tests.jenkins_server_configs import save
from tests.planned import tell
from tests.rendered_jobs import PLUGINS, Server, job


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, target="x", verb="update")


def test_runs_of_the_same_second_have_their_own_directories(tmp_path: Path) -> None:
    names = [Journal(tmp_path, target="x", verb="update").run for _ in range(3)]
    assert len(set(names)) == 3
    assert [run.name for run in list_runs(tmp_path, "x")] == sorted(names, reverse=True)


def test_a_step_is_the_last_line_about_its_job(journal: Journal, tmp_path: Path) -> None:
    """Started, then done; a line that was cut off by a kill is left out."""
    file = journal.keep(Kind.JOB, "a/b", "<project/>")
    step = RunStep(Kind.JOB, "a/b", "update", "started", before=file)
    journal.note(step)
    done = RunStep(Kind.JOB, "a/b", "update", "done", before=file, after="0123")
    journal.note(done)
    with (journal.directory / "journal.jsonl").open("a") as stream:
        stream.write('{"kind": "job", "na')
    (run,) = list_runs(tmp_path, "x")
    assert run.steps == (done,)
    assert not run.is_complete
    assert run.read_before(done) == "<project/>"


def test_names_that_are_no_file_names_are_kept_apart(journal: Journal) -> None:
    names = ["a/b", "a%2Fb", "../x", "n" * 300, "n" * 301, "ü"]
    files = {name: journal.keep(Kind.JOB, name, f"config of {name}") for name in names}
    files["view"] = journal.keep(Kind.VIEW, "ü", "config of view")
    assert len(set(files.values())) == len(files)
    for name, file in files.items():
        path = journal.directory / "before" / file
        assert path.read_text() == f"config of {name}"
        assert path.parent == journal.directory / "before"


def test_a_run_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
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
def test_a_damaged_line_costs_only_itself(
    journal: Journal, tmp_path: Path, cut: bytes, damaged: int
) -> None:
    step = RunStep(Kind.JOB, "Caf\u00e9\u2028", "create", "done", after="1")
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


def test_a_run_that_ended_is_complete(journal: Journal, tmp_path: Path) -> None:
    journal.finish()
    (run,) = list_runs(tmp_path, "x")
    assert run.is_complete
    assert not run.is_running


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_place_or_a_run_that_cannot_be_read_is_told(tmp_path: Path) -> None:
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


def test_a_run_of_old_is_told_without_who_made_it(journal: Journal, tmp_path: Path) -> None:
    for name in "cab":
        journal.note(RunStep(Kind.JOB, name, "update", "done"))
    journal.note(RunStep(Kind.VIEW, "v", "create", "failed"))
    (journal.directory / "run.json").write_text('{"target": "x", "verb": "update"}')
    (run,) = list_runs(tmp_path, "x")
    assert str(run).splitlines() == [
        f"{journal.run}  update: 3 of 4 steps done, 1 failed, under way",
        "    update job  a, b, c",
        "    create view  v",
    ]


def basis_of(server: Server, *wanted: Config) -> Basis:
    names = names_to_look_at(wanted)
    return Basis(
        wanted, observe(server, names, with_orphans=True), PlanRequest(adopt=True, prune=True)
    )


def test_a_kept_plan_is_the_same_plan(server: Server, tmp_path: Path) -> None:
    server.bring(job("A"), job("Old"), job("Gone"))
    server.configs[Kind.JOB, "C"] = save(job("C").config, PLUGINS)
    server.builds["Gone"] = 7
    basis = basis_of(server, job("A", branch="x"), job("New", moved_from=("Old",)), job("B"))
    made = basis.plan()
    assert {type(change) for change in made.changes} == {Create, Update, Delete}
    path = tmp_path / "plan.json"
    origin = Origin("for the job 'A' at", Position("jobs/a.yaml", 3))
    finding = Finding("odd", Position("templates/a.yaml.j2", 2, 5), "  - shell", (origin,), "Fix")
    problems = (Problem("some-rule", Severity.ERROR, finding, ("A", "Other")),)
    setup = Setup((job("First"), *basis.desired, job("Other")), problems)
    save_plan(replace(basis, setup=setup), path)
    kept = load_plan(path)
    assert kept.plan() == replace(made, target=full_label("memory"))
    assert kept.setup == setup
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("old", ["echo two", '"prune": true', "Publishes.", '"plan.json"'])
def test_an_altered_plan_is_refused(server: Server, tmp_path: Path, old: str) -> None:
    server.bring(job("A"))
    path = tmp_path / "plan.json"
    save_plan(basis_of(server, job("A", branch="x"), job("plan.json")), path)
    text = path.read_text(encoding="utf-8")
    altered = text.replace(old, old.replace("e", "E").replace("p", "q"), 1)
    assert altered != text
    path.write_text(altered, encoding="utf-8")
    with pytest.raises(PlanError, match=r"altered after it was made|is not a plan"):
        load_plan(path)


def test_a_plan_whose_digest_was_forged_shows_what_it_would_do(
    server: Server, tmp_path: Path
) -> None:
    """The differences are found again from what would be sent."""
    server.bring(job("A"))
    path = tmp_path / "plan.json"
    forged = basis_of(server, job("A", branch="x", scripts=("echo EVIL",)))
    save_plan(forged, path)
    assert "echo EVIL" in tell(load_plan(path).plan())
    assert "differences" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 1}', '{"format": "cfl-jobs 0.0.1 plan 1"}', "[" * 9999]
)
def test_another_file_is_no_plan(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    assert "cfl-jobs plan --out FILE" in caught.value.advice


def test_a_plan_replaces_no_more_than_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("here", "pipe"):
        with pytest.raises(PlanError, match="is not a file"):
            save_plan(basis_of(server, job("A")), tmp_path / name)
        assert (tmp_path / name).exists()


# Before it is applied, what no longer is as it was stops all of it.
WANTED = (job("A", branch="new"), job("Fresh"), job("New", moved_from=("Old",)))


@pytest.fixture
def updated(server: Server) -> Server:
    server.bring(job("A"), job("Old"), job("Gone"))
    server.builds["Gone"] = 3
    return server


def test_a_plan_whose_jobs_are_as_they_were_is_good(updated: Server) -> None:
    """A renamed job is looked for under its old name; fewer builds do no harm."""
    made = updated.plan(*WANTED, prune=True)
    assert len(made.changes) == 4
    updated.builds["Gone"] = 2
    check_unchanged(made, updated)


def make(name: str) -> Callable[[Server], None]:
    def change(updated: Server) -> None:
        updated.configs[Kind.JOB, name] = job(name).config

    return change


def build_gone(updated: Server) -> None:
    updated.builds["Gone"] = 4


def edit_old(updated: Server) -> None:
    updated.edit("Old", "out/*", "all/*")


def delete_a(updated: Server) -> None:
    del updated.configs[Kind.JOB, "A"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (make("Fresh"), "job Fresh is there already"),
        (make("FRESH"), "job Fresh is there already"),
        (make("New"), "job New is there already"),
        (make("new"), "job New is there already"),
        (build_gone, "job Gone has 4 builds by now, not 3"),
        (edit_old, "job Old was changed"),
        (delete_a, "job A was deleted"),
    ],
)
def test_what_changed_since_is_told(
    updated: Server, change: Callable[[Server], None], told: str
) -> None:
    """Names that differ only in case are one to Jenkins."""
    made = updated.plan(*WANTED, prune=True)
    change(updated)
    with pytest.raises(PlanError) as refused:
        check_unchanged(made, updated)
    assert told in refused.value.message
    assert refused.value.message.count("; ") == 0
