"""Model → the chain as a value: which job starts which, what goes along, what copies what.

Drawings, checks and the review of a change read this one value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from cfl_jobs.configs.expansion import read_properties
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.model import (
    ArchiveArtifacts,
    BooleanParameters,
    BuildOther,
    BuildSelector,
    CopyArtifact,
    CurrentParameters,
    FileParameters,
    Job,
    Parameter,
    Placed,
    PredefinedParameters,
    Shell,
    Trigger,
    TriggerBuilds,
    TriggerKind,
    UpstreamTrigger,
)
from cfl_jobs.configs.order import sort_jobs
from cfl_jobs.configs.references import matches_permission, resolve_job


class StartKind(Enum):
    """What starts a job's builds other than another job."""

    PUSH = "push"
    POLL = "polling"
    TIMER = "timer"
    HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Start:
    """`detail` is the repository of a push or of polling, a timer's cron text, else ""."""

    kind: StartKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One job. A job that others name but nobody defines has `defined` false."""

    name: str
    starts: tuple[Start, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    artifacts: tuple[str, ...] = ()
    defined: bool = True
    disabled: bool = False
    description: str = ""


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


@dataclass(frozen=True, slots=True)
class CopyEdge:
    """`target` copies `artifacts` of a build of `source`.

    `permitted` is whether the source's copyartifact property allows it; None where the source
    isn't defined here.
    """

    source: str
    target: str
    artifacts: tuple[str, ...]
    selector: BuildSelector
    parameter_filter: str = ""
    optional: bool = False
    permitted: bool | None = None
    part: Placed | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """All jobs, each after those that start it or that it copies from, as far as that goes.

    Edges are in the order of their jobs, and in a job in the order of its config.
    """

    nodes: tuple[Node, ...]
    triggers: tuple[TriggerEdge, ...]
    copies: tuple[CopyEdge, ...]
    _index: _Index = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", _Index(self.nodes, self.triggers, self.copies))

    def node(self, name: str) -> Node:
        return self._index.nodes[name]

    def started_by(self, name: str) -> tuple[TriggerEdge, ...]:
        return tuple(self._index.by_target.get(name, ()))

    def starts_of(self, name: str) -> tuple[TriggerEdge, ...]:
        return tuple(self._index.by_source.get(name, ()))

    def copied_by(self, name: str) -> tuple[CopyEdge, ...]:
        return tuple(self._index.copies.get(name, ()))


class _Index:
    """Nodes and edges by job: chains may have thousands."""

    def __init__(
        self, nodes: Iterable[Node], triggers: Iterable[TriggerEdge], copies: Iterable[CopyEdge]
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.by_source: dict[str, list[TriggerEdge]] = {}
        self.by_target: dict[str, list[TriggerEdge]] = {}
        self.copies: dict[str, list[CopyEdge]] = {}
        for edge in triggers:
            self.by_source.setdefault(edge.source, []).append(edge)
            self.by_target.setdefault(edge.target, []).append(edge)
        for copy in copies:
            self.copies.setdefault(copy.target, []).append(copy)


def build_chain(jobs: Iterable[Job]) -> Chain:
    """Return the chain of these jobs. Jobs keep their order where the chain leaves it open."""
    jobs = tuple(job for job in jobs if not job.root.endswith(".Folder"))
    by_name = {job.name: job for job in jobs}
    triggers = tuple(edge for job in jobs for edge in _trigger_edges(job, by_name))
    copies = tuple(edge for job in jobs for edge in _copy_edges(job, by_name))
    named = dict.fromkeys(
        [job.name for job in jobs]
        + [name for edge in triggers for name in (edge.source, edge.target)]
        + [edge.source for edge in copies]
    )
    pairs = [(edge.source, edge.target) for edge in triggers]
    pairs += [(edge.source, edge.target) for edge in copies]
    order = sort_jobs(list(named), pairs)
    started = {edge.target for edge in triggers}
    rank = {name: place for place, name in enumerate(order)}
    return Chain(
        nodes=tuple(_node(name, by_name.get(name), is_started=name in started) for name in order),
        triggers=tuple(sorted(triggers, key=lambda edge: rank[edge.source])),
        copies=tuple(sorted(copies, key=lambda edge: rank[edge.target])),
    )


def _node(name: str, job: Job | None, *, is_started: bool) -> Node:
    if job is None:
        return Node(name, defined=False)
    starts = tuple(_starts(job))
    if not starts and not is_started:
        starts = (Start(StartKind.HAND),)
    archivers = (part for part in job.publishers if isinstance(part, ArchiveArtifacts))
    artifacts = tuple(pattern for part in archivers for pattern in read_names(part.patterns))
    return Node(
        name,
        starts,
        job.parameters,
        artifacts,
        disabled=job.disabled,
        description=job.description,
    )


def _starts(job: Job) -> Iterator[Start]:
    urls = job.scm.urls if job.scm else ()
    repositories = [name_repository(url) for url in urls]
    for trigger in job.triggers:
        if not isinstance(trigger, Trigger):
            continue
        if trigger.kind is TriggerKind.TIMER:
            yield Start(StartKind.TIMER, trigger.spec.strip())
        else:
            kind = StartKind.PUSH if trigger.kind is TriggerKind.GITHUB_PUSH else StartKind.POLL
            yield from (Start(kind, repository) for repository in repositories or [""])


def name_repository(url: str) -> str:
    """Return "organisation/repository" of a git URL, as people call it."""
    path = re.sub(r"^[a-z+]+://[^/]*/|^[^/:]+@?[^/:]*:", "", url.strip()).strip("/")
    return "/".join(path.removesuffix(".git").split("/")[-2:])


def _trigger_edges(job: Job, jobs: dict[str, Job]) -> Iterator[TriggerEdge]:
    for step, part in enumerate((*job.builders, *job.publishers)):
        if isinstance(part, TriggerBuilds):
            files = _needed_files(part, is_publisher=step >= len(job.builders))
            for project in part.projects:
                target = resolve_job(project, job.name, jobs)
                yield TriggerEdge(
                    job.name,
                    target,
                    part.condition,
                    tuple(_passed(part, job, jobs.get(target))),
                    file=", ".join(files),
                    blocking=part.blocking is not None,
                    step=step,
                    part=part,
                )
        elif isinstance(part, BuildOther):
            for project in part.projects:
                target = resolve_job(project, job.name, jobs)
                yield TriggerEdge(job.name, target, part.threshold, step=step, part=part)
    for trigger in job.triggers:
        if isinstance(trigger, UpstreamTrigger):
            for project in trigger.jobs:
                source = resolve_job(project, job.name, jobs)
                # after every step of the upstream job itself
                yield TriggerEdge(source, job.name, trigger.threshold, step=1000, part=trigger)


def _passed(part: TriggerBuilds, job: Job, target: Job | None) -> Iterator[Passed]:
    """Yield what a trigger passes. A file's names are those of the target that its writer names."""
    given: dict[str, Passed] = {}
    for source in part.parameters:
        if isinstance(source, PredefinedParameters):
            given |= {
                name: Passed(name, value)
                for name, value in read_properties(source.properties).items()
            }
        elif isinstance(source, BooleanParameters):
            given |= {name: Passed(name, str(value).lower()) for name, value in source.values}
        elif isinstance(source, CurrentParameters):
            given |= {
                parameter.name: Passed(parameter.name, f"${parameter.name}")
                for parameter in job.parameters
            }
        elif isinstance(source, FileParameters) and target is not None:
            names = names_in_file(source, job, target)
            given |= {name: Passed(name) for name in names if name not in given}
    yield from given.values()


def _needed_files(part: TriggerBuilds, *, is_publisher: bool) -> list[str]:
    """Return the files without which nothing is started.

    A publisher that has no parameter starts nothing, so one that takes them from files alone needs
    one that isn't empty, with or without "fail on missing" (parameterized-trigger 890).
    """
    files = [found for found in part.parameters if isinstance(found, FileParameters)]
    are_all = is_publisher and len(files) == len(part.parameters)
    return [
        found.files
        for found in files
        if found.fail_on_missing or (are_all and not part.trigger_without_parameters)
    ]


def names_in_file(file: FileParameters, job: Job, target: Job) -> tuple[str, ...]:
    """Return the target's parameters that a step which names the file names too.

    A file's contents are known only when the build runs; this is the best that reading tells.
    """
    scripts = [step.script for step in job.builders if isinstance(step, Shell)]
    writers = [
        script for script in scripts if any(name in script for name in read_names(file.files))
    ]
    words = {word for script in writers for word in re.findall(r"(?<![\w$])\w+", script)}
    return tuple(parameter.name for parameter in target.parameters if parameter.name in words)


def _copy_edges(job: Job, jobs: dict[str, Job]) -> Iterator[CopyEdge]:
    for part in job.builders:
        if isinstance(part, CopyArtifact):
            source = resolve_job(part.project, job.name, jobs)
            origin = jobs.get(source)
            yield CopyEdge(
                source,
                job.name,
                read_names(part.filter),
                part.selector,
                part.parameter_filter,
                part.optional,
                None if origin is None else matches_permission(origin, job.name),
                part,
            )
