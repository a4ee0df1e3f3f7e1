"""Rolling a run back: what is put back, and what is left alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Refused
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, Run, list_runs
from cfl_jobs.planning.observe import is_same_job
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.planning.rollback import compare_configs, plan_rollback
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import DIALECTS
from tests.memory_target import Killed, MemoryTarget
from tests.planned import roll_back, tell, ways
from tests.rendered_jobs import folder, jenkins, job, plan, view
from tests.test_renames import COPY

pytestmark = pytest.mark.usefixtures("each_dialect")


def update(target: MemoryTarget, place: Path, *wanted: Config, prune: bool = False) -> Run:
    """Plan and apply; returns the run."""
    journal = Journal(place, target=target.label, verb="update")
    made = plan(target, *wanted, prune=prune)
    assert apply_plan(made, target, journal, versions=target.installed).is_complete
    return list_runs(place, "memory")[0]


def changed(place: Path, *names: str) -> tuple[MemoryTarget, Run]:
    """Return a target after a run that changed these jobs, and that run."""
    target = jenkins()
    update(target, place, *map(job, names))
    return target, update(target, place, *(job(name, branch="new") for name in names))


def fail(target: MemoryTarget, place: Path, made: Plan) -> Run:
    """Apply a plan in vain; returns the run."""
    journal = Journal(place, target=target.label, verb="update")
    assert not apply_plan(made, target, journal, versions=target.installed).is_complete
    return list_runs(place, "memory")[0]


CHANGED = "was changed since; --force puts it back all the same"


@pytest.mark.parametrize("what", ["changed", "deleted"])
@pytest.mark.parametrize("wanted", [job("A", branch="new"), job("New")])
def test_a_job_that_changes_while_people_are_asked_is_left_alone(
    tmp_path: Path, what: str, wanted: Config
) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = update(target, tmp_path, job("A"), wanted) if wanted.name == "New" else None
    run = run or update(target, tmp_path, wanted)
    undos = plan_rollback(run, target)
    key = (Kind.JOB, wanted.name)
    if what == "changed":
        target.edit(wanted.name, "echo two", "echo COLLEAGUE")
    else:
        del target.configs[key]
    (problem,) = roll_back(undos, target, tmp_path)
    assert f"{wanted.name!r} was {what} on the server since the plan was made" in problem
    assert ("COLLEAGUE" in target.configs.get(key, "")) is (what == "changed")


def test_a_deleted_job_is_made_again_as_it_was(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("Gone"))
    before = target.configs[Kind.JOB, "Gone"]
    run = update(target, tmp_path, job("A"), prune=True)
    assert (Kind.JOB, "Gone") not in target.configs
    undos = plan_rollback(run, target)
    assert ways(undos) == {"Gone": "create"}
    assert roll_back(undos, target, tmp_path) == []
    assert target.configs[Kind.JOB, "Gone"] == before
    assert plan(target, job("A"), job("Gone")).changes == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("echo two", "echo COLLEAGUE"),
        ("<disabled>false<", "<disabled>true<"),
        ("Publishes.", "DO NOT BUILD (bob)"),
    ],
)
def test_a_job_that_was_changed_since_the_run_is_left_alone_unless_forced(
    tmp_path: Path, old: str, new: str
) -> None:
    """Its edit would be lost; what force would do is told."""
    target, run = changed(tmp_path, "A")
    target.edit("A", old, new)
    left = plan_rollback(run, target)
    assert ways(left) == {"A": CHANGED}
    shown = tell(left)
    assert shown.startswith(f"! job A {CHANGED}\n")
    assert ("- echo COLLEAGUE" in shown) is ("COLLEAGUE" in new)
    assert roll_back(left, target, tmp_path) == []
    assert new in target.configs[Kind.JOB, "A"]
    assert ways(plan_rollback(run, target, force=True)) == {"A": "update"}


def test_a_folder_with_other_peoples_jobs_in_it_is_left_alone(tmp_path: Path) -> None:
    """Nor is the folder around it deleted, nor by force; what the run made in it goes."""
    target = jenkins()
    run = update(target, tmp_path, folder("T"), folder("T/U"), job("T/Ours"), job("T/U/Ours"))
    target.configs[Kind.JOB, "T/U/Theirs"] = "<project/>"
    for force in (False, True):
        assert ways(plan_rollback(run, target, force=force)) == {
            "T/U/Ours": "delete",
            "T/Ours": "delete",
            "T/U": "holds job T/U/Theirs",
            "T": "holds job T/U and 1 more",
        }
    assert roll_back(plan_rollback(run, target), target, tmp_path) == []
    assert {name for _, name in target.configs} == {"T", "T/U", "T/U/Theirs"}


def test_a_folder_that_is_empty_but_for_what_the_run_made_goes(tmp_path: Path) -> None:
    """With its own view "all", which Jenkins makes in each folder."""
    target = jenkins()
    run = update(target, tmp_path, folder("T"), job("T/Ours"))
    target.configs[Kind.VIEW, "T/All"] = "<hudson.model.AllView/>"
    assert roll_back(plan_rollback(run, target), target, tmp_path) == []
    assert [kind for kind, _ in target.configs] == [Kind.VIEW]


@pytest.mark.parametrize("kind", Kind)
def test_a_folder_that_gets_a_job_or_view_while_people_are_asked_is_left_alone(
    tmp_path: Path, kind: Kind
) -> None:
    target = jenkins()
    undos = plan_rollback(update(target, tmp_path, folder("T")), target)
    target.configs[kind, "T/Theirs"] = "<project/>"
    (problem,) = roll_back(undos, target, tmp_path)
    assert problem.startswith(f"'T' still holds {kind.value} T/Theirs, so it is left alone\n")
    assert (kind, "T/Theirs") in target.configs


def test_the_builds_that_would_go_are_counted(tmp_path: Path) -> None:
    target = jenkins()
    run = update(target, tmp_path, job("A"), view("V", ("A",)))
    target.builds["A"] = 40
    builds = {gone.name: gone.builds for gone in plan_rollback(run, target).deletions}
    assert builds == {"A": 40, "V": 0}


def kill_update(
    target: MemoryTarget, place: Path, verb: str, *wanted: Config, after: bool = True
) -> Run:
    """Update, and be killed after (or before) the first request of a kind; returns the run."""
    armed = False

    def die(its_verb: str, name: str) -> None:
        nonlocal armed
        if armed or (its_verb == verb and not after):
            raise Killed
        armed = its_verb == verb

    made = plan(target, *wanted)
    target.before_request = die
    journal = Journal(place, target=target.label, verb="update")
    with pytest.raises(Killed):
        apply_plan(made, target, journal, versions=target.installed, workers=1)
    target.recover()
    return list_runs(place, "memory")[0]


def test_what_a_killed_run_posted_is_put_back(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    before = target.configs[Kind.JOB, "A"]
    run = kill_update(target, tmp_path, "update", job("A", branch="new"))
    assert target.configs[Kind.JOB, "A"] != before
    assert roll_back(plan_rollback(run, target), target, tmp_path) == []
    assert target.configs[Kind.JOB, "A"] == before


def test_what_was_edited_after_a_run_was_killed_is_left_alone(tmp_path: Path) -> None:
    for after in (True, False):
        target = jenkins()
        update(target, tmp_path, job("A"))
        run = kill_update(target, tmp_path, "update", job("A", branch="new"), after=after)
        target.edit("A", "echo two", "echo COLLEAGUE")
        assert ways(plan_rollback(run, target))["A"].startswith("was changed since")
        assert ways(plan_rollback(run, target, force=True)) == {"A": "update"}


def test_a_job_that_a_killed_run_did_not_reach_needs_nothing(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = kill_update(target, tmp_path, "update", job("A", branch="new"), after=False)
    assert ways(plan_rollback(run, target)) == {"A": "unchanged"}


def test_a_job_that_a_killed_run_made_and_the_next_one_went_on_with_is_left_alone(
    tmp_path: Path,
) -> None:
    """It may be in use by now."""
    target = jenkins()
    run = kill_update(target, tmp_path, "create", job("A"))
    assert ways(plan_rollback(run, target)) == {"A": "delete"}
    if not target.stores_posted:  # the next run finds nothing to go on with
        assert plan(target, job("A")).changes == ()
        return
    assert [found.action for found in update(target, tmp_path, job("A")).steps] == ["confirm"]
    assert "--force deletes it" in ways(plan_rollback(run, target))["A"]


def test_a_create_that_lost_a_step_is_deleted(tmp_path: Path) -> None:
    """It failed, and left a job with an open mark."""
    target = jenkins()
    ant = "<hudson.tasks.Ant><targets>test</targets></hudson.tasks.Ant>"
    run = fail(target, tmp_path, plan(target, job("A", builders=ant)))
    assert ways(plan_rollback(run, target)) == {"A": "delete"}


def test_a_job_that_was_there_before_a_create_failed_is_nobodys_business(tmp_path: Path) -> None:
    target = jenkins()
    made = plan(target, job("A"))
    target.configs[Kind.JOB, "A"] = job("A").config
    found = plan_rollback(fail(target, tmp_path, made), target, force=True)
    assert ways(found) == {"A": "unchanged"}


def test_a_job_that_was_deleted_since_its_update_is_made_again_only_by_force(
    tmp_path: Path,
) -> None:
    target, run = changed(tmp_path, "A")
    del target.configs[Kind.JOB, "A"]
    left = "was deleted since; --force makes it again"
    assert ways(plan_rollback(run, target)) == {"A": left}
    assert ways(plan_rollback(run, target, force=True)) == {"A": "create"}


def test_a_deleted_name_that_someone_took_since_is_left_alone(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("Gone"))
    run = update(target, tmp_path, job("A"), prune=True)
    target.configs[Kind.JOB, "Gone"] = job("Gone", branch="theirs").config
    assert ways(plan_rollback(run, target)) == {"Gone": CHANGED}


@pytest.mark.parametrize("verb", ["rename", "update", "save"])
@pytest.mark.parametrize("after", [False, True])
def test_a_rename_that_was_killed_anywhere_is_put_back(
    tmp_path: Path, verb: str, after: bool
) -> None:
    target = jenkins()
    update(target, tmp_path, job("Old"))
    before = dict(target.configs)
    wanted = job("New", branch="new", moved_from=("Old",))
    if verb == "save" and not target.stores_posted:
        return  # none is asked for there
    run = kill_update(target, tmp_path, verb, wanted, after=after)
    if verb == "save" and after:  # as good as done: nothing tells it from the next run's work
        assert "all the same" in ways(plan_rollback(run, target))["New"]
    force = verb == "save" and after
    assert roll_back(plan_rollback(run, target, force=force), target, tmp_path) == []
    assert target.configs == before


def test_a_failed_deletion_is_nothing_to_put_back(tmp_path: Path) -> None:
    """Nor to delete, with --force: what the run could not delete isn't what it made."""
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"))
    made = plan(target, job("A"), prune=True)
    target.edit("B", "echo two", "echo COLLEAGUE")
    found = plan_rollback(fail(target, tmp_path, made), target, force=True)
    assert ways(found) == {"B": "unchanged"}


@pytest.mark.parametrize("left", [None, "", "<project><descr"])
def test_one_backup_that_is_gone_or_damaged_costs_only_its_job(
    tmp_path: Path, left: str | None
) -> None:
    target, run = changed(tmp_path, "A", "B")
    backup = run.directory / "before" / "job A.xml"
    backup.unlink()
    if left is not None:
        backup.write_text(left, encoding="utf-8")
    found = ways(plan_rollback(run, target))
    assert found["B"] == "update"
    assert "its backup" in found["A"]


def test_one_job_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    target, run = changed(tmp_path, "A", "B")
    target.fail(Refused("the job 'A' can't be read"), "read", "A")
    assert ways(plan_rollback(run, target)) == {"A": "the job 'A' can't be read", "B": "update"}


def test_what_changes_in_many_jobs_alike_is_told_once(tmp_path: Path) -> None:
    target = jenkins()
    names = [f"J{number}" for number in range(8)]
    update(target, tmp_path, *map(job, names))
    changed = [job(name, branch="new") for name in names[1:]]
    update(target, tmp_path, job("J0", branch="new", artifacts="other"), *changed)
    shown = tell(plan_rollback(list_runs(tmp_path, "memory")[0], target))
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
def test_that_a_job_was_enabled_is_told(tmp_path: Path, before: str, told: str) -> None:
    target = jenkins()
    update(target, tmp_path, job("A", extra=before))
    run = update(target, tmp_path, job("A", extra="<disabled>false</disabled>"))
    assert tell(plan_rollback(run, target)).startswith(told)


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


def renamed(place: Path) -> tuple[MemoryTarget, dict[tuple[Kind, str], str], Run]:
    """Return a target after a run with renames, its configs before that, and the run."""
    target = jenkins()
    target.follows_renames = True
    assert update(target, place, *BEFORE).is_complete
    before = dict(target.configs)
    assert update(target, place, *AFTER, prune=True).is_complete
    return target, before, list_runs(place, "memory")[0]


def assert_same(
    configs: dict[tuple[Kind, str], str], expected: dict[tuple[Kind, str], str]
) -> None:
    assert set(configs) == set(expected)
    for key, config in configs.items():
        assert is_same_job(Config(*key, config), Config(*key, expected[key])), key


def test_a_rollback_of_renames_and_one_of_that(tmp_path: Path) -> None:
    """What Jenkins rewrote at the renames is nobody's edit."""
    target, before, run = renamed(tmp_path)
    after = dict(target.configs)
    assert roll_back(plan_rollback(run, target), target, tmp_path) == []
    assert_same(target.configs, before)
    again = list_runs(tmp_path, "memory")[0]
    assert again.verb == "rollback"
    assert roll_back(plan_rollback(again, target), target, tmp_path) == []
    assert_same(target.configs, after)


def test_a_rollback_of_renames_that_was_killed_goes_on_from_there(tmp_path: Path) -> None:
    """At any third request, by turns; what is in a folder is found under its name of now."""
    last = seen = 3 * DIALECTS.index(configs.chosen)
    while seen >= last:
        last, seen = last + 6, 0
        place = tmp_path / str(last)
        target, before, run = renamed(place)

        def die(verb: str, name: str, last: int = last) -> None:
            nonlocal seen
            seen += 1
            if seen >= last:
                raise Killed

        target.before_request = die
        with suppress(Killed):
            roll_back(plan_rollback(run, target), target, place)
        target.recover()
        assert roll_back(plan_rollback(run, target, force=True), target, place) == [], last
        assert_same(target.configs, before)
    assert last > 30
