"""Two setups side by side: which jobs are the same, and which deploy or feed a deploy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfl_jobs.configs.model import Job
from cfl_jobs.review.setups import Setup


@dataclass(frozen=True, slots=True)
class Pair:
    """`renamed` are new names by old ones."""

    before: Setup
    after: Setup
    renamed: Mapping[str, str]

    def now(self, name: str) -> str:
        """Return what a job of before is called now."""
        return self.renamed.get(name, name)

    @property
    def old_jobs(self) -> Mapping[str, Job]:
        """The jobs of before, by the names they have now."""
        return {self.now(name): job for name, job in self.before.jobs.items()}

    @property
    def old_environments(self) -> Mapping[str, str]:
        return {self.now(name): value for name, value in self.before.environments.items()}

    @property
    def kept(self) -> frozenset[str]:
        """The jobs that are there before and after."""
        return frozenset(self.old_jobs) & frozenset(self.after.jobs)

    @property
    def deploys(self) -> frozenset[str]:
        """The jobs that deploy somewhere, before or after."""
        return frozenset(self.old_environments) | frozenset(self.after.environments)

    def both(self) -> Iterator[tuple[str, Job, Job]]:
        """Yield name, job before, job after, in the chain's order."""
        old = self.old_jobs
        for node in self.after.chain.nodes:
            if node.name in old and node.name in self.after.jobs:
                yield node.name, old[node.name], self.after.jobs[node.name]

    def fed_by(self, name: str) -> tuple[str, ...]:
        """Return the deploying jobs that get artifacts of a job, however indirectly."""
        reached = {name}
        waiting = [name]
        while waiting:
            source = waiting.pop()
            for edge in self.after.chain.copies:
                if edge.source == source and edge.target not in reached:
                    reached.add(edge.target)
                    waiting.append(edge.target)
        return tuple(n.name for n in self.after.chain.nodes if n.name in reached & self.deploys)
