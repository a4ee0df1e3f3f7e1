"""What is kept of a build, why it was started, and what happens in a rehearsal, as values.

A record is JSON in `builds/<n>/build.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from cfl_jobs.configs.steps.step import Result

# hudson.model.Cause.UpstreamCause: how much of the past a cause carries along
_MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class UserCause:
    user: str

    def __str__(self) -> str:
        return f"Started by user {self.user}"


@dataclass(frozen=True, slots=True)
class PushCause:
    pusher: str

    def __str__(self) -> str:
        return f"Started by GitHub push by {self.pusher}"


@dataclass(frozen=True, slots=True)
class UpstreamCause:
    job: str
    number: int
    causes: tuple[Cause, ...] = ()

    def __str__(self) -> str:
        return f'Started by upstream project "{self.job}" build number {self.number}'


Cause: TypeAlias = UserCause | PushCause | UpstreamCause


def upstream_of(job: str, number: int, causes: Sequence[Cause]) -> UpstreamCause:
    """Return the cause for what build `number` of `job` starts; each ancestor is told once."""
    traversed: set[tuple[str, int]] = set()
    return UpstreamCause(job, number, tuple(_trim(c, _MAX_DEPTH, traversed) for c in causes))


def _trim(cause: Cause, depth: int, traversed: set[tuple[str, int]]) -> Cause:
    if not isinstance(cause, UpstreamCause):
        return cause
    key = (cause.job, cause.number)
    inner: tuple[Cause, ...] = ()
    if depth > 0 and key not in traversed:
        traversed.add(key)
        inner = tuple(_trim(c, depth - 1, traversed) for c in cause.causes)
    return UpstreamCause(cause.job, cause.number, inner)


def log_lines(cause: Cause, depth: int = 0) -> Iterator[str]:
    """Yield the cause as a build's log begins with it, ancestors indented by one space each."""
    yield " " * depth + str(cause)
    if isinstance(cause, UpstreamCause) and cause.causes:
        yield " " * depth + "originally caused by:"
        for inner in cause.causes:
            yield from log_lines(inner, depth + 1)


def cause_from_json(data: dict[str, Any]) -> Cause:
    if "user" in data:
        return UserCause(data["user"])
    if "pusher" in data:
        return PushCause(data["pusher"])
    causes = tuple(cause_from_json(inner) for inner in data["causes"])
    return UpstreamCause(data["job"], data["number"], causes)


@dataclass(frozen=True, slots=True)
class Revision:
    """What a build checked out. `branch` is as GIT_BRANCH says it, for example origin/master."""

    commit: str
    branch: str
    url: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build. `result` is None while it runs; times are seconds since 1970."""

    job: str
    number: int
    item: int
    cookie: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    started: float = 0.0
    finished: float | None = None
    result: Result | None = None
    description: str = ""
    display_name: str = ""
    revision: Revision | None = None
    tests: tuple[int, int] | None = None  # how many ran, how many of them failed
    failing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.job} #{self.number}"

    @property
    def shown_name(self) -> str:
        return self.display_name or f"#{self.number}"


def record_to_json(record: BuildRecord) -> dict[str, Any]:
    return {**asdict(record), "result": record.result and record.result.name}


def record_from_json(data: Mapping[str, Any]) -> BuildRecord:
    """Read what `record_to_json` made. Raises KeyError, TypeError, ValueError on anything else."""
    read = {
        "causes": tuple(map(cause_from_json, data["causes"])),
        "result": data["result"] and Result[data["result"]],
        "revision": data["revision"] and Revision(**data["revision"]),
        "tests": data["tests"] and tuple(data["tests"]),
        "failing": tuple(data.get("failing", ())),
    }
    return BuildRecord(**{**data, **read})


@dataclass(frozen=True, slots=True)
class Queued:
    """A job was asked for. `merged`: a request like it was waiting already and took the cause."""

    item: int
    job: str
    cause: Cause
    merged: bool


@dataclass(frozen=True, slots=True)
class Started:
    record: BuildRecord


@dataclass(frozen=True, slots=True)
class Finished:
    record: BuildRecord


@dataclass(frozen=True, slots=True)
class Recovered:
    """A build that an earlier rehearsal left running has been recorded as aborted."""

    record: BuildRecord


@dataclass(frozen=True, slots=True)
class Deadlocked:
    """Nothing can go on. `lines` say who waits for whom."""

    lines: tuple[str, ...]


Event: TypeAlias = Queued | Started | Finished | Recovered | Deadlocked
Notify: TypeAlias = Callable[[Event], None]
