"""What a change means for the chain: one sentence each, with its weight; alike ones together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum

from cfl_jobs.check.secret_text import hide_secrets
from cfl_jobs.drawing.words import join_names
from cfl_jobs.planning.visible import make_visible


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


def join_alike(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Return the effects by weight, then by what they are about; the same of many jobs as one."""
    jobs: dict[Effect, dict[str, None]] = {}
    for effect in effects:
        key = Effect(effect.about, effect.weight, effect.lead, (), effect.tail, effect.tail_of_many)
        jobs.setdefault(key, {}).update(dict.fromkeys(effect.jobs))
    order = list(About)
    joined = [
        Effect(key.about, key.weight, key.lead, tuple(names), key.tail, key.tail_of_many)
        for key, names in jobs.items()
    ]
    return tuple(sorted(joined, key=lambda effect: (-effect.weight, order.index(effect.about))))
