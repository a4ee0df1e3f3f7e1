"""Model → the chain as a value: which job starts which, what goes along, what copies what.

Drawings, checks and the review of a change read this one value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import chain, product
from typing import TypeVar

from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.model import Job, Parameter, StartKind, Trigger, UpstreamTrigger
from cfl_jobs.configs.references import resolve_job
from cfl_jobs.configs.steps.artifacts import CopyArtifact
from cfl_jobs.configs.steps.step import Placed
from cfl_jobs.configs.steps.triggering import TriggerBuilds


@dataclass(frozen=True, slots=True)
class Start:
    """`detail` is the repository of a push or of polling, a timer's cron text, else ""."""

    kind: StartKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One job. A job that others name but nobody defines has `defined` false."""

    name: str
    starts: tuple[Start, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    artifacts: tuple[str, ...] = ()
    defined: bool = True
    disabled: bool = False

    @property
    def by_hand(self) -> bool:
        return any(start.kind is StartKind.HAND for start in self.starts)


@dataclass(frozen=True, slots=True)
class Passed:
    """A parameter that goes along. `value` is None where a file of the build says it."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class TriggerEdge:
    """`source` starts `target`. `condition` is Jenkins' word for the result that is needed.

    With `file`, nothing starts unless the build wrote that file. `step` numbers the triggers of
    a job; edges of one step start together. `part` is the model's trigger, for its place.
    """

    source: str
    target: str
    condition: str
    passed: tuple[Passed, ...] = ()
    file: str = ""
    blocking: bool = False
    step: int = 0
    part: Placed | None = None

    @property
    def holder(self) -> str:
        """The job whose config says so: it names whom it starts, or who starts it."""
        return self.target if isinstance(self.part, UpstreamTrigger) else self.source


@dataclass(frozen=True, slots=True)
class CopyEdge:
    """`target` copies `artifacts` of a build of `source`, as `part` of its config says.

    `permitted` is whether the source's copyartifact property allows it; None where the source
    isn't defined here.
    """

    source: str
    target: str
    part: CopyArtifact
    permitted: bool | None = None

    @property
    def artifacts(self) -> tuple[str, ...]:
        return read_names(self.part.filter)

    @property
    def holder(self) -> str:
        return self.target


_NO_JOB = Job("")
_Edge = TypeVar("_Edge", TriggerEdge, CopyEdge)


@dataclass(frozen=True)
class Chain:
    """All jobs, each after those that start it or that it copies from, as far as that goes.

    Edges are in the order of their jobs, and in a job in the order of its config.
    """

    nodes: tuple[GraphNode, ...]
    triggers: tuple[TriggerEdge, ...]
    copies: tuple[CopyEdge, ...]

    @cached_property
    def _nodes(self) -> dict[str, GraphNode]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _triggers(self) -> Mapping[tuple[str, str], tuple[TriggerEdge, ...]]:
        return _group(self.triggers, "source", "target", "holder")

    @cached_property
    def _copies(self) -> Mapping[tuple[str, str], tuple[CopyEdge, ...]]:
        return _group(self.copies, "source", "target")

    def node(self, name: str) -> GraphNode:
        return self._nodes[name]

    def started_by(self, name: str) -> tuple[TriggerEdge, ...]:
        return self._triggers.get(("target", name), ())

    def starts_of(self, name: str) -> tuple[TriggerEdge, ...]:
        return self._triggers.get(("source", name), ())

    def held_by(self, name: str) -> tuple[TriggerEdge, ...]:
        """Return the triggers that stand in a job's config."""
        return self._triggers.get(("holder", name), ())

    def copied_by(self, name: str) -> tuple[CopyEdge, ...]:
        return self._copies.get(("target", name), ())

    def copies_of(self, name: str) -> tuple[CopyEdge, ...]:
        return self._copies.get(("source", name), ())

    def reachable(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return these jobs and all that their builds may lead to, as far as they are defined."""

        def defined(names: Iterable[str]) -> list[str]:
            return [name for name in names if name in self._nodes and self.node(name).defined]

        return follow(
            defined(names), lambda name: defined(edge.target for edge in self.starts_of(name))
        )


def follow(names: Iterable[str], next_ones: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Return these names and all that they lead to, however indirectly."""
    found: dict[str, None] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            pending += next_ones(name)
    return tuple(found)


def _group(edges: Iterable[_Edge], *ends: str) -> Mapping[tuple[str, str], tuple[_Edge, ...]]:
    """Return edges by an end and the job there, in their order."""
    found: dict[tuple[str, str], list[_Edge]] = {}
    for edge, end in product(edges, ends):
        found.setdefault((end, getattr(edge, end)), []).append(edge)
    return {key: tuple(at_end) for key, at_end in found.items()}


def build_chain(jobs: Iterable[Job]) -> Chain:
    """Return the chain of these jobs. Jobs keep their order where the chain leaves it open."""
    by_name = {job.name: job for job in jobs if not job.is_folder}
    triggers = tuple(edge for job in by_name.values() for edge in _trigger_edges(job, by_name))
    copies = tuple(edge for job in by_name.values() for edge in _copy_edges(job, by_name))
    edges: list[TriggerEdge | CopyEdge] = [*triggers, *copies]
    pairs = [(edge.source, edge.target) for edge in edges]
    order = sort_jobs(list(dict.fromkeys([*by_name, *chain(*pairs)])), pairs)
    started = {edge.target for edge in triggers}
    rank = {name: place for place, name in enumerate(order)}
    return Chain(
        nodes=tuple(_node(name, by_name.get(name), is_started=name in started) for name in order),
        triggers=tuple(sorted(triggers, key=lambda edge: rank[edge.source])),
        copies=tuple(sorted(copies, key=lambda edge: rank[edge.target])),
    )


def _node(name: str, job: Job | None, *, is_started: bool) -> GraphNode:
    if job is None:
        return GraphNode(name, defined=False)
    starts = tuple(list_starts(job))
    if not starts and not is_started:
        starts = (Start(StartKind.HAND),)
    archived = tuple(chain(*(step.archived for step in (*job.builders, *job.publishers))))
    return GraphNode(name, starts, job.parameters, archived, disabled=job.disabled)


def list_starts(job: Job) -> Iterator[Start]:
    for trigger in job.triggers:
        if isinstance(trigger, Trigger):
            details = [name_repository(url) for url in job.urls] or [""]
            if trigger.kind is StartKind.TIMER:
                details = [trigger.spec.strip()]
            yield from (Start(trigger.kind, detail) for detail in details)


def name_repository(url: str) -> str:
    """Return "organisation/repository" of a git URL, as people call it."""
    path = re.sub(r"^[a-z+]+://[^/]*/|^[^/:]+@?[^/:]*:", "", url.strip()).strip("/")
    return "/".join(path.removesuffix(".git").split("/")[-2:])


def _trigger_edges(job: Job, jobs: dict[str, Job]) -> Iterator[TriggerEdge]:
    own, scripts = [it.name for it in job.parameters], [step.script for step in job.shells]
    for step, part in enumerate((*job.builders, *job.publishers)):
        if not isinstance(part, TriggerBuilds):
            continue
        for project in part.projects:
            target = resolve_job(project, job.name, jobs)
            asked = [it.name for it in jobs.get(target, _NO_JOB).parameters]
            passed: dict[str, str | None] = {}
            for source in part.parameters:
                found = source.passed(own, scripts, asked)
                # A file's value isn't known, so one that is stays.
                passed |= {n: v for n, v in found.items() if v is not None or n not in passed}
            yield TriggerEdge(
                job.name,
                target,
                part.condition,
                tuple(Passed(name, value) for name, value in passed.items()),
                file=", ".join(part.needed_files),
                blocking=part.blocking is not None,
                step=step,
                part=part,
            )
    for trigger in job.triggers:
        if isinstance(trigger, UpstreamTrigger):
            for upstream in (resolve_job(project, job.name, jobs) for project in trigger.jobs):
                # after every step of the upstream job itself
                yield TriggerEdge(upstream, job.name, trigger.condition, step=1000, part=trigger)


def _copy_edges(job: Job, jobs: dict[str, Job]) -> Iterator[CopyEdge]:
    for part in job.builders:
        if isinstance(part, CopyArtifact):
            source = resolve_job(part.project, job.name, jobs)
            permitted = jobs[source].permits(job.name) if source in jobs else None
            yield CopyEdge(source, job.name, part, permitted)


def sort_jobs(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Sort so that each name comes after those before it in `pairs`, and stays put otherwise.

    Where names wait for each other in a circle, the first of them goes first:

    >>> sort_jobs(["deploy", "build", "test"], [("build", "test"), ("test", "deploy")])
    ['build', 'test', 'deploy']
    >>> sort_jobs(["a", "b"], [("a", "b"), ("b", "a")])
    ['a', 'b']
    """
    place = {name: number for number, name in enumerate(names)}
    before: dict[str, set[str]] = {name: set() for name in names}
    after: dict[str, set[str]] = {name: set() for name in names}
    for source, target in pairs:
        if source != target:
            before[target].add(source)
            after[source].add(target)
    ready = [place[name] for name in names if not before[name]]
    waiting = dict.fromkeys(names)
    order: list[str] = []
    while waiting:
        if ready:
            chosen = names[heappop(ready)]
        else:  # the first that waits, however indirectly, for itself
            circles = (name for name in waiting if name in follow(before[name], before.__getitem__))
            chosen = next(circles, next(iter(waiting)))
        del waiting[chosen]
        order.append(chosen)
        for name in after[chosen]:
            before[name].discard(chosen)
            if not before[name] and name in waiting:
                heappush(ready, place[name])
    return order
