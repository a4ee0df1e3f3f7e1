"""Rolling a run back: what is put back, and what is left alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Refused
from cfl_jobs.planning.journal import Run
from cfl_jobs.planning.observe import is_same_job
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.planning.rollback import compare_configs, plan_rollback
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import DIALECTS
from tests.memory_target import Killed
from tests.planned import tell, ways
from tests.rendered_jobs import Server, folder, job, view
from tests.test_renames import COPY

pytestmark = pytest.mark.usefixtures("each_dialect")


def changed(server: Server, *names: str) -> Run:
    """Return a run that changed these jobs."""
    server.bring(*map(job, names))
    return server.bring(*(job(name, branch="new") for name in names))


def fail(server: Server, made: Plan) -> Run:
    """Apply a plan in vain; returns the run."""
    assert not server.apply(made).is_complete
    return server.last_run


CHANGED = "was changed since; --force puts it back all the same"


@pytest.mark.parametrize("what", ["changed", "deleted"])
@pytest.mark.parametrize("wanted", [job("A", branch="new"), job("New")])
def test_a_job_that_changes_while_people_are_asked_is_left_alone(
    server: Server, what: str, wanted: Config
) -> None:
    server.bring(job("A"))
    run = server.bring(job("A"), wanted) if wanted.name == "New" else None
    run = run or server.bring(wanted)
    undos = plan_rollback(run, server)
    key = (Kind.JOB, wanted.name)
    if what == "changed":
        server.edit(wanted.name, "echo two", "echo COLLEAGUE")
    else:
        del server.configs[key]
    (problem,) = server.roll_back(undos)
    assert f"{wanted.name!r} was {what} on the server since the plan was made" in problem
    assert ("COLLEAGUE" in server.configs.get(key, "")) is (what == "changed")


def test_a_deleted_job_is_made_again_as_it_was(server: Server) -> None:
    server.bring(job("A"), job("Gone"))
    before = server.configs[Kind.JOB, "Gone"]
    run = server.bring(job("A"), prune=True)
    assert (Kind.JOB, "Gone") not in server.configs
    undos = plan_rollback(run, server)
    assert ways(undos) == {"Gone": "create"}
    assert server.roll_back(undos) == []
    assert server.configs[Kind.JOB, "Gone"] == before
    assert server.plan(job("A"), job("Gone")).changes == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("echo two", "echo COLLEAGUE"),
        ("<disabled>false<", "<disabled>true<"),
        ("Publishes.", "DO NOT BUILD (bob)"),
    ],
)
def test_a_job_that_was_changed_since_the_run_is_left_alone_unless_forced(
    server: Server, old: str, new: str
) -> None:
    """Its edit would be lost; what force would do is told."""
    run = changed(server, "A")
    server.edit("A", old, new)
    left = plan_rollback(run, server)
    assert ways(left) == {"A": CHANGED}
    shown = tell(left)
    assert shown.startswith(f"! job A {CHANGED}\n")
    assert ("- echo COLLEAGUE" in shown) is ("COLLEAGUE" in new)
    assert server.roll_back(left) == []
    assert new in server.configs[Kind.JOB, "A"]
    assert ways(plan_rollback(run, server, force=True)) == {"A": "update"}


def test_a_folder_with_other_peoples_jobs_in_it_is_left_alone(server: Server) -> None:
    """Nor is the folder around it deleted, nor by force; what the run made in it goes."""
    run = server.bring(folder("T"), folder("T/U"), job("T/Ours"), job("T/U/Ours"))
    server.configs[Kind.JOB, "T/U/Theirs"] = "<project/>"
    for force in (False, True):
        assert ways(plan_rollback(run, server, force=force)) == {
            "T/U/Ours": "delete",
            "T/Ours": "delete",
            "T/U": "holds job T/U/Theirs",
            "T": "holds job T/U and 1 more",
        }
    assert server.roll_back(plan_rollback(run, server)) == []
    assert {name for _, name in server.configs} == {"T", "T/U", "T/U/Theirs"}


def test_a_folder_that_is_empty_but_for_what_the_run_made_goes(server: Server) -> None:
    """With its own view "all", which Jenkins makes in each folder."""
    run = server.bring(folder("T"), job("T/Ours"))
    server.configs[Kind.VIEW, "T/All"] = "<hudson.model.AllView/>"
    assert server.roll_back(plan_rollback(run, server)) == []
    assert [kind for kind, _ in server.configs] == [Kind.VIEW]


@pytest.mark.parametrize("kind", Kind)
def test_a_folder_that_gets_a_job_or_view_while_people_are_asked_is_left_alone(
    server: Server, kind: Kind
) -> None:
    undos = plan_rollback(server.bring(folder("T")), server)
    server.configs[kind, "T/Theirs"] = "<project/>"
    (problem,) = server.roll_back(undos)
    assert problem.startswith(f"'T' still holds {kind.value} T/Theirs, so it is left alone\n")
    assert (kind, "T/Theirs") in server.configs


def test_the_builds_that_would_go_are_counted(server: Server) -> None:
    """Of a view it is only that: a folder of its name, and what is in there, stays."""
    run = server.bring(job("A"), view("V", ("A",)))
    server.builds["A"] = 40
    server.configs[Kind.JOB, "V/Theirs"] = "<project/>"
    undos = plan_rollback(run, server)
    assert {gone.name: gone.builds for gone in undos.deletions} == {"A": 40, "V": 0}
    assert server.roll_back(undos) == []
    assert set(server.configs) == {(Kind.JOB, "V/Theirs")}


def kill_update(server: Server, verb: str, *wanted: Config, after: bool = True) -> Run:
    """Update, and be killed after (or before) the first request of a kind; returns the run."""
    armed = False

    def die(its_verb: str, name: str) -> None:
        nonlocal armed
        if armed or (its_verb == verb and not after):
            raise Killed
        armed = its_verb == verb

    made = server.plan(*wanted)
    server.before_request = die
    with pytest.raises(Killed):
        server.apply(made)
    server.recover()
    return server.last_run


def test_what_a_killed_run_posted_is_put_back(server: Server) -> None:
    server.bring(job("A"))
    before = server.configs[Kind.JOB, "A"]
    run = kill_update(server, "update", job("A", branch="new"))
    assert server.configs[Kind.JOB, "A"] != before
    assert server.roll_back(plan_rollback(run, server)) == []
    assert server.configs[Kind.JOB, "A"] == before


@pytest.mark.parametrize("after", [True, False])
def test_what_was_edited_after_a_run_was_killed_is_left_alone(server: Server, after: bool) -> None:
    server.bring(job("A"))
    run = kill_update(server, "update", job("A", branch="new"), after=after)
    server.edit("A", "echo two", "echo COLLEAGUE")
    assert ways(plan_rollback(run, server))["A"].startswith("was changed since")
    assert ways(plan_rollback(run, server, force=True)) == {"A": "update"}


def test_a_job_that_a_killed_run_did_not_reach_needs_nothing(server: Server) -> None:
    server.bring(job("A"))
    run = kill_update(server, "update", job("A", branch="new"), after=False)
    assert ways(plan_rollback(run, server)) == {"A": "unchanged"}


def test_a_job_that_a_killed_run_made_and_the_next_one_went_on_with_is_left_alone(
    server: Server,
) -> None:
    """It may be in use by now."""
    run = kill_update(server, "create", job("A"))
    assert ways(plan_rollback(run, server)) == {"A": "delete"}
    if not server.stores_posted:  # the next run finds nothing to go on with
        assert server.plan(job("A")).changes == ()
        return
    assert [found.action for found in server.bring(job("A")).steps] == ["confirm"]
    assert "--force deletes it" in ways(plan_rollback(run, server))["A"]


def test_a_create_that_lost_a_step_is_deleted(server: Server) -> None:
    """It failed, and left a job with an open mark."""
    ant = "<hudson.tasks.Ant><targets>test</targets></hudson.tasks.Ant>"
    run = fail(server, server.plan(job("A", builders=ant)))
    assert ways(plan_rollback(run, server)) == {"A": "delete"}


def test_a_job_that_was_there_before_a_create_failed_is_nobodys_business(server: Server) -> None:
    made = server.plan(job("A"))
    server.configs[Kind.JOB, "A"] = job("A").config
    found = plan_rollback(fail(server, made), server, force=True)
    assert ways(found) == {"A": "unchanged"}


def test_a_job_that_was_deleted_since_its_update_is_made_again_only_by_force(
    server: Server,
) -> None:
    run = changed(server, "A")
    del server.configs[Kind.JOB, "A"]
    left = "was deleted since; --force makes it again"
    assert ways(plan_rollback(run, server)) == {"A": left}
    assert ways(plan_rollback(run, server, force=True)) == {"A": "create"}


def test_a_deleted_name_that_someone_took_since_is_left_alone(server: Server) -> None:
    server.bring(job("A"), job("Gone"))
    run = server.bring(job("A"), prune=True)
    server.configs[Kind.JOB, "Gone"] = job("Gone", branch="theirs").config
    assert ways(plan_rollback(run, server)) == {"Gone": CHANGED}


@pytest.mark.parametrize("verb", ["rename", "update", "save"])
@pytest.mark.parametrize("after", [False, True])
def test_a_rename_that_was_killed_anywhere_is_put_back(
    server: Server, verb: str, after: bool
) -> None:
    server.bring(job("Old"))
    before = dict(server.configs)
    wanted = job("New", branch="new", moved_from=("Old",))
    if verb == "save" and not server.stores_posted:
        return  # none is asked for there
    run = kill_update(server, verb, wanted, after=after)
    if verb == "save" and after:  # as good as done: nothing tells it from the next run's work
        assert "all the same" in ways(plan_rollback(run, server))["New"]
    force = verb == "save" and after
    assert server.roll_back(plan_rollback(run, server, force=force)) == []
    assert server.configs == before


def test_a_failed_deletion_is_nothing_to_put_back(server: Server) -> None:
    """Nor to delete, with --force: what the run could not delete isn't what it made."""
    server.bring(job("A"), job("B"))
    made = server.plan(job("A"), prune=True)
    server.edit("B", "echo two", "echo COLLEAGUE")
    found = plan_rollback(fail(server, made), server, force=True)
    assert ways(found) == {"B": "unchanged"}


@pytest.mark.parametrize("left", [None, "", "<project><descr"])
def test_one_backup_that_is_gone_or_damaged_costs_only_its_job(
    server: Server, left: str | None
) -> None:
    run = changed(server, "A", "B")
    backup = run.directory / "before" / "job A.xml"
    backup.unlink()
    if left is not None:
        backup.write_text(left, encoding="utf-8")
    found = ways(plan_rollback(run, server))
    assert found["B"] == "update"
    assert "its backup" in found["A"]


def test_one_job_that_cannot_be_read_costs_only_itself(server: Server) -> None:
    run = changed(server, "A", "B")
    server.fail(Refused("the job 'A' can't be read"), "read", "A")
    assert ways(plan_rollback(run, server)) == {"A": "the job 'A' can't be read", "B": "update"}


def test_what_changes_in_many_jobs_alike_is_told_once(server: Server) -> None:
    names = [f"J{number}" for number in range(8)]
    server.bring(*map(job, names))
    changed = [job(name, branch="new") for name in names[1:]]
    server.bring(job("J0", branch="new", artifacts="other"), *changed)
    shown = tell(plan_rollback(server.last_run, server))
    assert shown.count("- new\n") == 1
    assert "\n  and 2 more: J6, J7\n" in shown
    assert shown.count("~ change job J0\n") == 2


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("<disabled>true</disabled>", "~ change job A\n    disabled\n      - false\n"),
        ("", "? confirm job A: nothing but its mark is out of date\n"),
    ],
)
def test_that_a_job_was_enabled_is_told(server: Server, before: str, told: str) -> None:
    server.bring(job("A", extra=before))
    run = server.bring(job("A", extra="<disabled>false</disabled>"))
    assert tell(plan_rollback(run, server)).startswith(told)


def test_a_password_that_is_put_back_is_told_and_not_shown() -> None:
    """Jenkins encrypts it, so the texts can't be compared by people either."""
    config = "<project><builders><a.B><password>{{{}}}</password></a.B></builders></project>"
    old, new = (
        Config(Kind.JOB, "A", config.format(text))
        for text in ("AQAAABAAAAAQb2xk", "AQAAABAAAAAQbmV3")
    )
    shown = tell(Plan("x", (Update(old, new, compare_configs(old, new)),)))
    assert "password" in shown
    assert "(another)" in shown
    assert "AQAAAB" not in shown


BEFORE = (
    folder("F"),
    job("F/a"),
    job("F/gone"),
    job("Old", branch="old"),
    job("Copies", builders=COPY.format("Old") + COPY.format("F/a")),
    view("V", ("Old", "Copies")),
)
AFTER = (
    replace(folder("G"), moved_from=("F",)),
    job("G/b", moved_from=("G/a",)),
    job("G/new"),
    job("New", branch="new", moved_from=("Old",)),
    job("Copied", builders=COPY.format("New") + COPY.format("G/b"), moved_from=("Copies",)),
    view("V", ("New", "Copied")),
)


def renamed(place: Path) -> tuple[Server, dict[tuple[Kind, str], str], Run]:
    """Return a server after a run with renames, its configs before that, and the run."""
    server = Server(place)
    server.follows_renames = True
    server.bring(*BEFORE)
    before = dict(server.configs)
    return server, before, server.bring(*AFTER, prune=True)


def assert_same(
    configs: dict[tuple[Kind, str], str], expected: dict[tuple[Kind, str], str]
) -> None:
    assert set(configs) == set(expected)
    for key, config in configs.items():
        assert is_same_job(Config(*key, config), Config(*key, expected[key])), key


def test_a_rollback_of_renames_and_one_of_that(tmp_path: Path) -> None:
    """What Jenkins rewrote at the renames is nobody's edit."""
    server, before, run = renamed(tmp_path)
    after = dict(server.configs)
    assert server.roll_back(plan_rollback(run, server)) == []
    assert_same(server.configs, before)
    again = server.last_run
    assert again.verb == "rollback"
    assert server.roll_back(plan_rollback(again, server)) == []
    assert_same(server.configs, after)


def test_a_rollback_of_renames_that_was_killed_goes_on_from_there(tmp_path: Path) -> None:
    """At any third request, by turns; what is in a folder is found under its name of now."""
    last = seen = 3 * DIALECTS.index(configs.chosen)
    while seen >= last:
        last, seen = last + 6, 0
        server, before, run = renamed(tmp_path / str(last))

        def die(verb: str, name: str, last: int = last) -> None:
            nonlocal seen
            seen += 1
            if seen >= last:
                raise Killed

        server.before_request = die
        with suppress(Killed):
            server.roll_back(plan_rollback(run, server))
        server.recover()
        assert server.roll_back(plan_rollback(run, server, force=True)) == [], last
        assert_same(server.configs, before)
    assert last > 30
