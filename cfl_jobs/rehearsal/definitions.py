"""Definitions → the jobs of a rehearsal's directory, as `update --home` would put them there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cfl_jobs.errors import CflJobsError, PlanError
from cfl_jobs.planning.apply import Status, apply_plan
from cfl_jobs.planning.basis import Asked, look
from cfl_jobs.planning.journal import Journal
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.targets.home import HomeTarget


@dataclass(frozen=True)
class Definitions:
    """The definitions in a project's directory, as a rehearsal needs them."""

    root: Path

    @property
    def are_here(self) -> bool:
        return (self.root / "jobs").is_dir()

    def fill(self, home: Home) -> int:
        """Bring the jobs in `home` to what the definitions say; returns how many changed.

        Jobs that are no longer defined go, with their builds. The run's journal is kept in the home
        too, not in the user's own directories. Raises PlanError if a job can't be written.
        """
        target = HomeTarget(home.root)
        plan = look(self.root, target, Asked(prune=True)).plan()
        if not plan.changes:
            return 0
        journal = Journal(home.state / "runs", target=target.label, verb="rehearse")
        result = apply_plan(plan, target, journal)
        for done in result.outcomes:
            if done.status in (Status.FAILED, Status.NOT_DONE):
                raise PlanError(f"{done.change.name} could not be written: {done.message}")
        return len(result.outcomes)

    def count_differences(self, home: Home) -> int:
        """Return how many jobs and views of `home` are not as the definitions say.

        0 where there are no definitions, or none that render: they are not what is rehearsed.
        """
        if not self.are_here:
            return 0
        try:
            return len(look(self.root, HomeTarget(home.root), Asked()).plan().changes)
        except CflJobsError:
            return 0

    def locate(self, job: str, path: str) -> str:
        """Say which line made an element of a job, if definitions are here."""
        place_of = self._places.get(job)
        return f"{path}, from {place_of(path)}" if place_of else path

    @cached_property
    def _places(self) -> dict[str, Callable[[str], object]]:

        try:
            return {job.name: job.place_of for job in render_cached(self.root)}
        except CflJobsError:
            return {}
