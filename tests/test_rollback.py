"""Rolling a run back: what is put back, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, Run, list_runs
from cfl_jobs.planning.rollback import Undo, Way, plan_rollback, roll_back
from cfl_jobs.rendering.render import Rendered
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import folder, jenkins, job, plan, view


def update(target: MemoryTarget, place: Path, *wanted: Rendered, prune: bool = False) -> Run:
    """Plan and apply; returns the run."""
    journal = Journal(place, target=target.label, verb="update")
    made = plan(target, *wanted, prune=prune)
    assert apply_plan(made, target, journal, plugins=target.installed).is_complete
    return list_runs(place)[0]


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
    tmp_path: Path, what: str, wanted: Rendered
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
    assert undo(target, tmp_path, plan_rollback(list_runs(tmp_path)[0], target)) == []
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
