"""What is looked at: one job that can't be read is told, and doesn't hide the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.errors import LoginRefused, Missing, PermissionDenied, TargetError, Unreachable
from cfl_jobs.planning.plan import Plan
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import folder, jenkins, job, plan, update

pytestmark = pytest.mark.usefixtures("each_dialect")

WANTED = (job("a"), job("b"), job("c"))
CHANGED = (job("a", branch="main"), job("b", branch="main"), job("c", branch="main"))


@pytest.fixture
def target(tmp_path: Path) -> MemoryTarget:
    """Jobs as an update left them."""
    made = jenkins()
    assert update(made, tmp_path, *WANTED).is_complete
    return made


def changed(made: Plan) -> list[str]:
    return [change.name for change in made.changes]


@pytest.mark.parametrize("kind", [TargetError, PermissionDenied, Unreachable])
def test_a_job_that_cannot_be_read_is_told_and_the_others_go_on(
    target: MemoryTarget, kind: type[TargetError]
) -> None:
    """It is neither changed nor taken for absent; what was left undone makes an exit code of 1."""
    error = kind("the server stumbled", advice="Look into its log.")
    target.fail(error, "read", "b")
    made = plan(target, *CHANGED)
    assert changed(made) == ["a", "c"]
    assert [(note.name, note.text) for note in made.undone] == [
        ("b", "can't be read: the server stumbled. Look into its log.")
    ]


@pytest.mark.parametrize("verb", ["read", "count_builds"])
def test_a_job_that_cannot_be_looked_at_is_never_pruned(target: MemoryTarget, verb: str) -> None:
    target.fail(TargetError("no"), verb, "b")
    made = plan(target, job("a"), prune=True)
    assert changed(made) == ["c"]
    assert [(note.name, note.text) for note in made.undone] == [
        ("b", "is no longer defined, but can't be read: no.")
    ]


def test_a_folder_that_holds_a_job_that_cannot_be_read_is_not_pruned(
    target: MemoryTarget, tmp_path: Path
) -> None:
    assert update(target, tmp_path, folder("team"), job("team/x")).is_complete
    target.fail(TargetError("no"), "read", "team/x")
    made = plan(target, *WANTED, prune=True)
    assert changed(made) == []
    assert set(target.configs) >= {(Kind.JOB, "team"), (Kind.JOB, "team/x")}


def test_a_job_that_went_since_it_was_listed_is_absent(target: MemoryTarget) -> None:
    target.fail(Missing("none"), "read", "b")
    made = plan(target, *WANTED)
    assert [change.name for change in made.changes] == ["b"]
    assert made.undone == ()


@pytest.mark.parametrize("kind", [Unreachable, LoginRefused])
def test_a_target_that_goes_away_in_the_middle_is_an_error(
    target: MemoryTarget, kind: type[TargetError]
) -> None:
    """Not a plan that leaves most of the jobs alone."""
    is_gone = []

    def go_away(verb: str, name: str) -> None:
        if (verb, name) == ("read", "b"):
            is_gone.append(True)
        if is_gone:
            raise kind("gone")

    target.before_request = go_away
    with pytest.raises(kind):
        plan(target, *WANTED)


def test_who_may_read_no_job_at_all_gets_one_error(target: MemoryTarget) -> None:
    target.fail(PermissionDenied("no"), "read")
    with pytest.raises(PermissionDenied):
        plan(target, *WANTED)
