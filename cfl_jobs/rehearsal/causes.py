"""Why a build was started: values, their JSON and the lines they are in a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

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


def cause_to_json(cause: Cause) -> dict[str, Any]:
    match cause:
        case UserCause(user):
            return {"user": user}
        case PushCause(pusher):
            return {"pusher": pusher}
        case UpstreamCause(job, number, causes):
            return {"job": job, "number": number, "causes": [cause_to_json(c) for c in causes]}


def cause_from_json(data: dict[str, Any]) -> Cause:
    if "user" in data:
        return UserCause(data["user"])
    if "pusher" in data:
        return PushCause(data["pusher"])
    causes = tuple(cause_from_json(inner) for inner in data["causes"])
    return UpstreamCause(data["job"], data["number"], causes)
