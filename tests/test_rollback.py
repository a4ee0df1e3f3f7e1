"""Rolling a run back: what is put back, and what is left alone."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Refused
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, Run, list_runs
from cfl_jobs.planning.rollback import Undo, Way, plan_rollback, roll_back
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import folder, jenkins, job, plan, view

pytestmark = pytest.mark.usefixtures("each_dialect")


def update(target: MemoryTarget, place: Path, *wanted: Config, prune: bool = False) -> Run:
    """Plan and apply; returns the run."""
    journal = Journal(place, target=target.label, verb="update")
    made = plan(target, *wanted, prune=prune)
    assert apply_plan(made, target, journal, versions=target.installed).is_complete
    return list_runs(place, "memory")[0]


def undo(target: MemoryTarget, place: Path, undos: tuple[Undo, ...]) -> list[str]:
    """Put back; returns the problems."""
    problems: list[str] = []
    journal = Journal(place, target=target.label, verb="rollback")
    roll_back(undos, target, journal, report=lambda undo, text: problems.append(text))
    return [text for text in problems if text]


EDIT = "changed"
DELETION = "deleted"


@pytest.mark.parametrize("what", [EDIT, DELETION])
@pytest.mark.parametrize("wanted", [job("A", branch="new"), job("New")])
def test_a_job_that_changes_while_people_are_asked_is_left_alone(
    tmp_path: Path, what: str, wanted: Config
) -> None:
    """Whether the rollback would put it back or delete it; what was edited is still there."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = update(target, tmp_path, job("A"), wanted) if wanted.name == "New" else None
    run = run or update(target, tmp_path, wanted)
    undos = plan_rollback(run, target)
    key = (Kind.JOB, wanted.name)
    if what == EDIT:
        target.edit(wanted.name, "echo two", "echo COLLEAGUE")
    else:
        del target.configs[key]
    (problem,) = undo(target, tmp_path, undos)
    assert f"{wanted.name!r} was {what} meanwhile, so it is left alone" in problem
    assert ("COLLEAGUE" in target.configs.get(key, "")) is (what == EDIT)


def test_a_deleted_job_is_made_again_as_it_was(tmp_path: Path) -> None:
    """With the mark it had, so that the next plan knows it."""
    target = jenkins()
    update(target, tmp_path, job("A"), job("Gone"))
    before = target.configs[Kind.JOB, "Gone"]
    run = update(target, tmp_path, job("A"), prune=True)
    assert (Kind.JOB, "Gone") not in target.configs
    undos = plan_rollback(run, target)
    assert [found.way for found in undos] == [Way.MAKE_AGAIN]
    assert undo(target, tmp_path, undos) == []
    assert target.configs[Kind.JOB, "Gone"] == before
    assert plan(target, job("A"), job("Gone")).changes == ()


def test_a_rollback_can_be_rolled_back(tmp_path: Path) -> None:
    """It is a run like any other."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = update(target, tmp_path, job("A", branch="new"), job("New"))
    after = dict(target.configs)
    assert undo(target, tmp_path, plan_rollback(run, target)) == []
    assert (Kind.JOB, "New") not in target.configs
    assert undo(target, tmp_path, plan_rollback(list_runs(tmp_path, "memory")[0], target)) == []
    assert target.configs == after


def test_a_job_that_was_changed_since_the_run_is_left_alone_unless_forced(tmp_path: Path) -> None:
    """Its edit would be lost."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = update(target, tmp_path, job("A", branch="new"))
    target.edit("A", "echo two", "echo COLLEAGUE")
    (left,) = plan_rollback(run, target)
    assert left.way is Way.LEAVE
    assert undo(target, tmp_path, (left,)) == []
    assert "COLLEAGUE" in target.configs[Kind.JOB, "A"]
    (forced,) = plan_rollback(run, target, force=True)
    assert forced.way is Way.PUT_BACK


def test_a_folder_with_other_peoples_jobs_in_it_is_left_alone(tmp_path: Path) -> None:
    """Nor is the folder around it deleted, nor by force; what the run made in it goes."""
    target = jenkins()
    run = update(target, tmp_path, folder("T"), folder("T/U"), job("T/Ours"), job("T/U/Ours"))
    target.configs[Kind.JOB, "T/U/Theirs"] = "<project/>"
    for force in (False, True):
        ways = {
            found.name: (found.way, found.reason)
            for found in plan_rollback(run, target, force=force)
        }
        assert ways == {
            "T/U/Ours": (Way.DELETE, ""),
            "T/Ours": (Way.DELETE, ""),
            "T/U": (Way.LEAVE, "holds job T/U/Theirs"),
            "T": (Way.LEAVE, "holds job T/U and 1 more"),
        }
    assert undo(target, tmp_path, plan_rollback(run, target)) == []
    assert {name for _, name in target.configs} == {"T", "T/U", "T/U/Theirs"}


def test_a_folder_that_is_empty_but_for_what_the_run_made_goes(tmp_path: Path) -> None:
    """With its own view "all", which Jenkins makes in each folder."""
    target = jenkins()
    run = update(target, tmp_path, folder("T"), job("T/Ours"))
    target.configs[Kind.VIEW, "T/All"] = "<hudson.model.AllView/>"
    assert undo(target, tmp_path, plan_rollback(run, target)) == []
    assert [kind for kind, _ in target.configs] == [Kind.VIEW]


@pytest.mark.parametrize("kind", Kind)
def test_a_folder_that_gets_a_job_or_view_while_people_are_asked_is_left_alone(
    tmp_path: Path, kind: Kind
) -> None:
    """It is listed once more before it is deleted."""
    target = jenkins()
    undos = plan_rollback(update(target, tmp_path, folder("T")), target)
    target.configs[kind, "T/Theirs"] = "<project/>"
    (problem,) = undo(target, tmp_path, undos)
    assert problem == f"'T' still holds {kind.value} T/Theirs, so it is left alone"
    assert (kind, "T/Theirs") in target.configs


def test_the_builds_that_would_go_are_counted(tmp_path: Path) -> None:
    """For each job that would be deleted."""
    target = jenkins()
    run = update(target, tmp_path, job("A"), view("V", ("A",)))
    target.builds["A"] = 40
    builds = {found.name: found.builds for found in plan_rollback(run, target)}
    assert builds == {"A": 40, "V": 0}


class Killed(BaseException):
    """The process is gone."""


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
    target.before_request = lambda verb, name: None
    return list_runs(place, "memory")[0]


@pytest.mark.parametrize("what", ["the description", "disabled"])
def test_an_edit_of_the_description_or_a_disabling_since_is_an_edit(
    tmp_path: Path, what: str
) -> None:
    """As any other: putting the job back would take it back."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = update(target, tmp_path, job("A", branch="new"))
    if what == "disabled":
        target.edit("A", "<disabled>false<", "<disabled>true<")
    else:
        target.edit("A", "Publishes.", "DO NOT BUILD (bob)")
    (undo,) = plan_rollback(run, target)
    assert (undo.way, undo.reason[:22]) == (Way.LEAVE, "was changed since; --f")


def test_what_a_killed_run_posted_is_put_back(tmp_path: Path) -> None:
    """The open mark tells that it is just what was posted."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    before = target.configs[Kind.JOB, "A"]
    run = kill_update(target, tmp_path, "update", job("A", branch="new"))
    assert target.configs[Kind.JOB, "A"] != before
    assert undo(target, tmp_path, plan_rollback(run, target)) == []
    assert target.configs[Kind.JOB, "A"] == before


def test_what_was_edited_after_a_run_was_killed_is_left_alone(tmp_path: Path) -> None:
    """Whether that run had changed the job by then, or not yet."""
    for after in (True, False):
        target = jenkins()
        update(target, tmp_path, job("A"))
        run = kill_update(target, tmp_path, "update", job("A", branch="new"), after=after)
        target.edit("A", "echo two", "echo COLLEAGUE")
        (left,) = plan_rollback(run, target)
        assert left.way is Way.LEAVE
        (forced,) = plan_rollback(run, target, force=True)
        assert forced.way is Way.PUT_BACK


def test_a_job_that_a_killed_run_did_not_reach_needs_nothing(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = kill_update(target, tmp_path, "update", job("A", branch="new"), after=False)
    assert [found.way for found in plan_rollback(run, target)] == [Way.NOTHING]


def test_a_job_that_a_killed_run_made_and_the_next_one_went_on_with_is_left_alone(
    tmp_path: Path,
) -> None:
    """It may be in use by now."""
    target = jenkins()
    run = kill_update(target, tmp_path, "create", job("A"))
    (undone,) = plan_rollback(run, target)
    assert undone.way is Way.DELETE
    if not target.stores_posted:  # the next run finds nothing to go on with
        assert plan(target, job("A")).changes == ()
        return
    assert [found.action for found in update(target, tmp_path, job("A")).steps] == ["confirm"]
    (left,) = plan_rollback(run, target)
    assert left.way is Way.LEAVE


def test_a_create_that_lost_a_step_is_deleted(tmp_path: Path) -> None:
    """It failed, and left a job with an open mark."""
    target = jenkins()
    ant = "<hudson.tasks.Ant><targets>test</targets></hudson.tasks.Ant>"
    journal = Journal(tmp_path, target="memory", verb="update")
    made = plan(target, job("A", builders=ant))
    assert not apply_plan(made, target, journal, versions=target.installed).is_complete
    (undone,) = plan_rollback(list_runs(tmp_path, "memory")[0], target)
    assert undone.way is Way.DELETE


def test_a_job_that_was_there_before_a_create_failed_is_nobodys_business(tmp_path: Path) -> None:
    target = jenkins()
    made = plan(target, job("A"))
    target.configs[Kind.JOB, "A"] = job("A").config
    journal = Journal(tmp_path, target="memory", verb="update")
    assert not apply_plan(made, target, journal).is_complete
    (undone,) = plan_rollback(list_runs(tmp_path, "memory")[0], target, force=True)
    assert undone.way is Way.NOTHING


def test_a_job_that_was_deleted_since_its_update_is_made_again_only_by_force(
    tmp_path: Path,
) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    run = update(target, tmp_path, job("A", branch="new"))
    del target.configs[Kind.JOB, "A"]
    (left,) = plan_rollback(run, target)
    assert (left.way, left.reason) == (Way.LEAVE, "was deleted since; --force makes it again")
    (forced,) = plan_rollback(run, target, force=True)
    assert forced.way is Way.MAKE_AGAIN


def test_a_deleted_name_that_someone_took_since_is_left_alone(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("Gone"))
    run = update(target, tmp_path, job("A"), prune=True)
    target.configs[Kind.JOB, "Gone"] = job("Gone", branch="theirs").config
    assert [found.way for found in plan_rollback(run, target)] == [Way.LEAVE]


@pytest.mark.parametrize("verb", ["rename", "update", "save"])
@pytest.mark.parametrize("after", [False, True])
def test_a_rename_that_was_killed_anywhere_is_put_back(
    tmp_path: Path, verb: str, after: bool
) -> None:
    """To the old name and the old config, or nothing is to be done."""
    target = jenkins()
    update(target, tmp_path, job("Old"))
    before = dict(target.configs)
    wanted = job("New", branch="new", moved_from=("Old",))
    if verb == "save" and not target.stores_posted:
        return  # none is asked for there
    run = kill_update(target, tmp_path, verb, wanted, after=after)
    if verb == "save" and after:  # as good as done: nothing tells it from the next run's work
        assert [found.way for found in plan_rollback(run, target)] == [Way.LEAVE]
    force = verb == "save" and after
    assert undo(target, tmp_path, plan_rollback(run, target, force=force)) == []
    assert target.configs == before


def test_a_rollback_of_a_rename_that_was_killed_can_be_run_again(tmp_path: Path) -> None:
    """And ends as it should, whichever request it was killed at."""
    for number in range(1, 9):
        target = jenkins()
        place = tmp_path / str(number)
        update(target, place, job("Old"))
        before = dict(target.configs)
        run = update(target, place, job("New", branch="new", moved_from=("Old",)))
        undos = plan_rollback(run, target)
        seen = 0

        def die(verb: str, name: str, last: int = number) -> None:
            nonlocal seen
            seen += 1
            if seen == last:
                raise Killed

        target.before_request = die
        with suppress(Killed):
            undo(target, place, undos)
        target.before_request = lambda verb, name: None
        again = plan_rollback(run, target, force=True)
        assert undo(target, place, again) == [], number
        assert target.configs == before, number


def test_a_failed_deletion_is_nothing_to_put_back(tmp_path: Path) -> None:
    """Nor to delete, with --force: what the run could not delete isn't what it made."""
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"))
    made = plan(target, job("A"), prune=True)
    target.edit("B", "echo two", "echo COLLEAGUE")
    journal = Journal(tmp_path, target="memory", verb="update")
    assert not apply_plan(made, target, journal).is_complete
    (found,) = plan_rollback(list_runs(tmp_path, "memory")[0], target, force=True)
    assert (found.name, found.way) == ("B", Way.NOTHING)


@pytest.mark.parametrize("left", [None, "", "<project><descr"])
def test_one_backup_that_is_gone_or_damaged_costs_only_its_job(
    tmp_path: Path, left: str | None
) -> None:
    """It is left alone with the reason; the others are put back."""
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"))
    run = update(target, tmp_path, job("A", branch="new"), job("B", branch="new"))
    backup = run.directory / "before" / "job A.xml"
    backup.unlink()
    if left is not None:
        backup.write_text(left, encoding="utf-8")
    ways = {found.name: (found.way, found.reason) for found in plan_rollback(run, target)}
    assert ways["B"] == (Way.PUT_BACK, "")
    assert ways["A"][0] is Way.LEAVE
    assert "its backup" in ways["A"][1]


def test_one_job_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"))
    run = update(target, tmp_path, job("A", branch="new"), job("B", branch="new"))

    def refuse(verb: str, name: str) -> None:
        if name == "A":
            raise Refused("the job 'A' can't be read")

    target.before_request = refuse
    ways = {found.name: (found.way, found.reason) for found in plan_rollback(run, target)}
    assert ways == {"A": (Way.LEAVE, "the job 'A' can't be read"), "B": (Way.PUT_BACK, "")}


def test_a_rollback_that_is_to_stop_says_what_it_did_not_begin(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"))
    run = update(target, tmp_path, job("A", branch="new"), job("B", branch="new"))
    stop = threading.Event()
    journal = Journal(tmp_path, target="memory", verb="rollback")
    result = roll_back(
        plan_rollback(run, target),
        target,
        journal,
        report=lambda undo, text: stop.set(),
        stop=stop,
    )
    assert (result.failed, len(result.undone)) == (0, 1)
    (undone,) = result.undone
    assert ">new<" in target.configs[Kind.JOB, undone.name]
    assert list_runs(tmp_path, "memory")[0].is_complete
