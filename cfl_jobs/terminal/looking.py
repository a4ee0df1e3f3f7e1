"""A project and a target → what would change, judged: for plan, and for all that push one."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cfl_jobs.planning.basis import Asked, Basis, look
from cfl_jobs.planning.plan import Plan, find_loss
from cfl_jobs.review.review import Review
from cfl_jobs.target import Key, Target, full_label
from cfl_jobs.terminal.streams import counting, find_canvas


def look_at(
    root: Path, target: Target, asked: Asked, backup: Path | None = None
) -> tuple[Basis, Review]:
    """Render, look at the target with a bar at a terminal, and judge what would change."""

    def recall() -> Collection[Key]:
        from cfl_jobs.planning.journal import list_left

        return list_left(runs_place(target, backup), full_label(target.label))

    with counting("Looking at", find_canvas(sys.stderr)) as progress:
        basis = look(root, target, asked, recall=recall, progress=progress)
    plan, setup = basis.plan(), None
    if plan.changes and basis.setup:  # what judges is imported, and run, only where it is needed
        from cfl_jobs.review.revisions import describe_commit
        from cfl_jobs.review.setups import check_setup

        setup = replace(check_setup(root, basis.setup), commit=describe_commit(root))
    basis = replace(basis, setup=setup)
    return basis, judge(plan, basis)


def judge(plan: Plan, basis: Basis) -> Review:
    """Weigh a plan by the setup that its basis carries, where it carries one."""
    if basis.setup is None:
        return Review(plan)
    from cfl_jobs.review.comparing import review_plan

    return review_plan(plan, basis.setup, is_part=bool(basis.asked.jobs))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an update isn't made unless an `option` says that it is meant; both in words."""

    message: str
    option: str


def find_obstacles(
    review: Review, *, despite: Collection[str] = (), force: bool = False
) -> Iterator[Obstacle]:
    """Yield what needs someone's explicit word, but for what was let through already."""
    refusing = [rule for rule in review.refusing if rule not in despite]
    if refusing:
        message = f"the checks find errors in this: {', '.join(refusing)}"
        yield Obstacle(message, " ".join(f"--despite {rule}" for rule in refusing))
    loss = "" if force else find_loss(review.plan, review.endangered_deploys)
    if loss:
        yield Obstacle(loss, "--force")


def runs_place(target: Target, backup: Path | None) -> Path:
    """Return where the runs against a target are kept."""
    from cfl_jobs.planning.journal import state_directory

    return backup or state_directory(os.environ, full_label(target.label))
