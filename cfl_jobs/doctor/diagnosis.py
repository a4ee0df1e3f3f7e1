"""What a check says, and the shape of a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from cfl_jobs.doctor.facts import Facts
from cfl_jobs.doctor.needs import Needs


class State(Enum):
    """How bad it is; only an ERROR keeps the chain from running."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that a check says, and how to mend it. `jobs` are those that it is about."""

    state: State
    message: str
    fix: str = ""
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A diagnosis with the name of its check."""

    check: str
    diagnosis: Diagnosis


Check = Callable[[Needs, Facts], Iterator[Diagnosis]]


def ok(message: str) -> Diagnosis:
    return Diagnosis(State.OK, message)


def untold(facts: Facts, field: str) -> Diagnosis:
    """Say that a server didn't tell, and why."""
    return Diagnosis(
        State.WARNING,
        f"can't be told: {facts.untold.get(field, 'the server does not say')}",
        "Ask as a user with Overall/Administer.",
    )


def number(count: int, word: str) -> str:
    """Return "1 job", "2 jobs"."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def some(names: tuple[str, ...], count: int = 3) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more} more" if more > 0 else "")
