"""Before a kept plan is applied: what no longer is as it was stops all of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cfl_jobs.errors import PlanError
from cfl_jobs.planning.unchanged import check_unchanged
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import jenkins, job, plan, update

pytestmark = pytest.mark.usefixtures("each_dialect")

WANTED = (job("A", branch="new"), job("Fresh"), job("New", moved_from=("Old",)))


@pytest.fixture
def target(tmp_path: Path) -> MemoryTarget:
    target = jenkins()
    update(target, tmp_path, job("A"), job("Old"), job("Gone"))
    target.builds["Gone"] = 3
    return target


def test_a_plan_whose_jobs_are_as_they_were_is_good(target: MemoryTarget) -> None:
    """A renamed job is looked for under its old name; fewer builds do no harm."""
    made = plan(target, *WANTED, prune=True)
    assert len(made.changes) == 4
    target.builds["Gone"] = 2
    check_unchanged(made, target)


def make(name: str) -> Callable[[MemoryTarget], None]:
    def change(target: MemoryTarget) -> None:
        target.configs[Kind.JOB, name] = job(name).config

    return change


def build_gone(target: MemoryTarget) -> None:
    target.builds["Gone"] = 4


def edit_old(target: MemoryTarget) -> None:
    target.edit("Old", "out/*", "all/*")


def delete_a(target: MemoryTarget) -> None:
    del target.configs[Kind.JOB, "A"]


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
    target: MemoryTarget, change: Callable[[MemoryTarget], None], told: str
) -> None:
    """Names that differ only in case are one to Jenkins."""
    made = plan(target, *WANTED, prune=True)
    change(target)
    with pytest.raises(PlanError) as refused:
        check_unchanged(made, target)
    assert told in refused.value.message
    assert refused.value.message.count("; ") == 0
