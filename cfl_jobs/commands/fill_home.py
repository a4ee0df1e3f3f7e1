"""Definitions → the jobs of a rehearsal's directory, as `update --home` would put them there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from cfl_jobs.rehearsal.directory import Home


def fill_home(root: Path, home: Home) -> int:
    """Bring the jobs in `home` to what the definitions in `root` say; returns how many changed.

    Jobs that are no longer defined go, with their builds. The run's journal is kept in the home
    too, not in the user's own directories. Raises PlanError if a job can't be written.
    """
    from cfl_jobs.errors import PlanError
    from cfl_jobs.planning.apply import Status, apply_plan
    from cfl_jobs.planning.basis import Asked, look
    from cfl_jobs.planning.journal import Journal
    from cfl_jobs.targets.home import HomeTarget

    target = HomeTarget(home.root)
    plan = look(root, target, Asked(prune=True)).plan()
    if not plan.changes:
        return 0
    journal = Journal(home.state / "runs", target=target.label, verb="rehearse")
    result = apply_plan(plan, target, journal)
    for done in result.outcomes:
        if done.status in (Status.FAILED, Status.NOT_DONE):
            raise PlanError(f"{done.change.name} could not be written: {done.message}")
    return len(result.outcomes)


def count_differences(root: Path, home: Home) -> int:
    """Return how many jobs and views of `home` are not as the definitions in `root` say.

    0 where there are no definitions, or none that render: they are not what is rehearsed.
    """
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.planning.basis import Asked, look
    from cfl_jobs.targets.home import HomeTarget

    if not (root / "jobs").is_dir():
        return 0
    try:
        plan = look(root, HomeTarget(home.root), Asked()).plan()
    except CflJobsError:
        return 0
    return len(plan.changes)


def locate_in(root: Path) -> Callable[[str, str], str]:
    """Return a function that says which line made an element of a job, if definitions are here."""

    @cache
    def places() -> dict[str, Callable[[str], object]]:
        from cfl_jobs.errors import CflJobsError
        from cfl_jobs.rendering.cache import render_cached

        try:
            return {job.name: job.place_of for job in render_cached(root)}
        except CflJobsError:
            return {}

    def locate(job: str, path: str) -> str:
        place_of = places().get(job) if (root / "jobs").is_dir() else None
        return f"{path}, from {place_of(path)}" if place_of else path

    return locate
