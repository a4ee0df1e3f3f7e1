"""What a change means for the chain: one sentence each, with its weight; alike ones together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from cfl_jobs.check.secret_text import hide_secrets
from cfl_jobs.drawing.words import join_names
from cfl_jobs.planning.visible import make_visible

_SHOWN = 3


class Weight(IntEnum):
    """How much harm a mistake here could do."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class About(Enum):
    """What an effect is about, in the order that effects are told."""

    ENVIRONMENT = "environments"
    RUNS = "what jobs run"
    SECRET = "secrets"  # noqa: S105 - a word
    PERMISSION = "permissions"
    TRIGGER = "what starts a job"
    EDGE = "which job starts which"
    COPY = "what is copied"
    PARAMETER = "parameters"
    JOB = "jobs"


@dataclass(frozen=True, slots=True)
class Effect:
    """A sentence without its subject, "this change": lead, the jobs' names, tail.

    `tail_of_many` stands in for `tail` where it speaks of several jobs.
    """

    about: About
    weight: Weight
    lead: str
    jobs: tuple[str, ...]
    tail: str = ""
    tail_of_many: str = ""

    @property
    def text(self) -> str:
        tail = self.tail_of_many if self.tail_of_many and len(self.jobs) > 1 else self.tail
        gap = "" if tail[:1] in ("", ":", ",") else " "
        return make_visible(hide_secrets(f"{self.lead} {join_names(self.jobs)}{gap}{tail}"))


@dataclass(frozen=True, slots=True)
class Risk:
    """The line on top of a review. `weight` is None where nothing changes on the server."""

    weight: Weight | None
    text: str

    def __str__(self) -> str:
        if self.weight is None:
            return self.text[:1].upper() + self.text[1:]
        return f"Risk: {self.weight.word}: {self.text}"


def join_alike(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Return the effects by weight, then by what they are about; the same of many jobs as one."""
    jobs: dict[Effect, dict[str, None]] = {}
    for effect in effects:
        jobs.setdefault(replace(effect, jobs=()), {}).update(dict.fromkeys(effect.jobs))
    order = list(About)
    joined = [replace(effect, jobs=tuple(names)) for effect, names in jobs.items()]
    return tuple(sorted(joined, key=lambda effect: (-effect.weight, order.index(effect.about))))


def weigh(effects: Sequence[Effect], *, is_changed: bool) -> Risk:
    """Return the risk of a change; `is_changed`: it changes something on the server at all."""
    if not is_changed:
        return Risk(None, "no change on the server")
    if not effects:
        return Risk(Weight.LOW, "no job runs, starts, copies or may do anything else than before")
    weight = effects[0].weight
    heaviest = [effect.text for effect in effects if effect.weight is weight]
    more = len(heaviest) - _SHOWN
    shown = "; ".join(heaviest[:_SHOWN])
    return Risk(weight, f"{shown}; and {more} more like this" if more > 0 else shown)
