"""What happens in a rehearsal, as values, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cfl_jobs.rehearsal.causes import Cause
from cfl_jobs.rehearsal.records import BuildRecord


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
