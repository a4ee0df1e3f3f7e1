"""A plan and what it means for the chain: a value that every format is written from.

An effect is one sentence with its weight, told once of all jobs that it is alike in. A plan for a
server is a review too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

from cfl_jobs.errors import Finding, bracket, count, join_names
from cfl_jobs.planning.plan import Create, Delete, Plan
from cfl_jobs.planning.visible import make_line_visible
from cfl_jobs.target import Kind

if TYPE_CHECKING:
    from cfl_jobs.check.rule import Problem
    from cfl_jobs.configs.graph import Chain

JOB = "\0"
_MARKS = {Create: "new", Delete: "gone"}
_SHOWN = 3
_SHOWN_JOBS = 8


class Weight(IntEnum):
    """How much harm a mistake here could do."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def word(self) -> str:
        return self.name.lower()


# Those of single differences, by job and path.
Weights = Mapping[tuple[str, str], Weight]


class About(Enum):
    """What an effect is about, in the order that effects of one weight are told: what can be named
    first, what only the differences tell last."""

    RENAME = "jobs that were renamed"
    GUARD = "guards"
    ENVIRONMENT = "environments"
    TRIGGER = "what starts a job"
    EDGE = "which job starts which"
    SECRET = "secrets"  # noqa: S105 - a word
    PERMISSION = "permissions"
    SOURCE = "what is checked out"
    RETENTION = "how long builds are kept"
    MAIL = "mail"
    COPY = "what is copied"
    PARAMETER = "parameters"
    JOB = "jobs"
    RUNS = "what jobs run"
    SETTING = "settings"
    TEXT = "text for people"


@dataclass(frozen=True, slots=True)
class Effect:
    """A sentence without its subject, "this change": lead, the jobs' names, tail.

    `tail_of_many` stands in for `tail` where it speaks of several jobs. `remark` says more, of
    whose change it is. `of_all`: the jobs are all there are. `others` are the jobs that stand for
    "{others}" in the tails. `paths` are the places in the configs that it speaks of, where it
    doesn't speak of all that made it.
    """

    about: About
    weight: Weight
    lead: str
    jobs: tuple[str, ...]
    tail: str = ""
    tail_of_many: str = ""
    remark: str = ""
    of_all: bool = False
    others: tuple[str, ...] = ()
    paths: tuple[str, ...] = field(default=(), compare=False)

    def is_like(self, other: Effect) -> bool:
        """Tell whether it says the same of other jobs, whatever that weighs there."""
        return self == replace(other, jobs=self.jobs, weight=self.weight, of_all=self.of_all)

    @property
    def text(self) -> str:
        return self.tell(None)

    def shown(self, *, verbose: bool) -> str:
        """Return the sentence, with the first few of many jobs and their number unless verbose."""
        return self.tell((_SHOWN_JOBS, None)[verbose])

    def tell(self, most: int | None, more: int = 0) -> str:
        """Return it with the first `most` jobs; it is as true of `more` that it doesn't hold."""
        from cfl_jobs.check.secret_text import hide_secrets

        names = _name(self.jobs, most, more)
        if self.of_all:
            all_of = ("all", "any of")[self.lead.endswith("a build of")]
            names = f"{all_of} {count(len(self.jobs), 'job')}"
        tail = (len(self.jobs) + more > 1 and self.tail_of_many) or self.tail
        gap = " " * (tail[:1] not in ("", ":", ","))
        tail = tail.replace("{others}", _name(self.others, most))
        text = f"{self.lead} {names}{gap}{tail}{bracket(self.remark)}"
        return make_line_visible(hide_secrets(text))


def say(about: About, weight: Weight, text: str, *jobs: str, **more: Any) -> Effect:
    """Return the effect that a sentence tells, with JOB where the jobs' names are to stand."""
    lead, _, tail = text.partition(JOB)
    return Effect(about, weight, lead.rstrip(), jobs, tail.lstrip(), **more)


def _name(jobs: Sequence[str], most: int | None, more: int = 0) -> str:
    shown = jobs[:most]
    more += len(jobs) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return join_names(shown or [""])


@dataclass(frozen=True, slots=True)
class Risk:
    """The line on top of a review. `weight` is None where nothing changes on the server."""

    weight: Weight | None
    text: str

    @property
    def word(self) -> str:
        return self.weight.word if self.weight else "none"

    def __str__(self) -> str:
        if self.weight is None:
            return self.text[:1].upper() + self.text[1:]
        return f"Risk: {self.word}: {self.text}"


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, and how it was asked for. The work tree's `commit` is ""."""

    asked: str
    commit: str = ""

    def __str__(self) -> str:
        if not self.commit or self.commit[:10].startswith(self.asked):
            return self.asked
        return f"{self.asked} ({self.commit[:10]})"


@dataclass(frozen=True, slots=True)
class Review:
    """What is to be done, and what that means where it was weighed (`risk` says something).

    `revisions` are base and head; None for the plan of a server. Where one of them has findings it
    doesn't render and nothing is compared; `outlook` says what the other one holds and what to do.
    `problems` are what the checks find after the change and, where it is compared, didn't before;
    of a server's plan in what is to be applied. `weights` are those of single differences, by job
    and path: the heaviest effect's that comes of one. `deploys` are the jobs that deploy. `chain`
    holds what is there after the change and what was before it, for a drawing; `arrow_marks` say
    which is which.
    """

    plan: Plan
    revisions: tuple[Revision, Revision] | None = None
    effects: tuple[Effect, ...] = ()
    risk: Risk = Risk(None, "")
    problems: tuple[Problem, ...] = ()
    base_findings: tuple[Finding, ...] = ()
    head_findings: tuple[Finding, ...] = ()
    outlook: str = ""
    weights: Weights = field(default_factory=dict)
    deploys: frozenset[str] = frozenset()
    chain: Chain | None = None
    arrow_marks: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def with_problems(self, problems: Iterable[Problem], changed: Set[str] = frozenset()) -> Review:
        """Return it with what the checks find: errors make the risk high.

        Where names of jobs that are `changed` are given, the errors about these do.
        """
        found = tuple(problems)
        errors = [
            problem
            for problem in found
            if problem.is_error
            and (not changed or not problem.names or not changed.isdisjoint(problem.names))
        ]
        risk = self.risk
        if errors and risk.weight is not None:
            text = f"{risk.text}; check finds {count(len(errors), 'error')}"
            risk = Risk(Weight.HIGH, text)
        return replace(self, problems=found, risk=risk)

    @property
    def endangered_deploys(self) -> frozenset[str]:
        """Return the jobs that deploy of which a difference is high."""
        high = (name for (name, _), weight in self.weights.items() if weight is Weight.HIGH)
        return self.deploys.intersection(high)

    @property
    def refusing(self) -> tuple[str, ...]:
        """Return the rules whose errors keep an update from being made."""
        errors = (found.rule for found in self.problems if found.is_error)
        return tuple(dict.fromkeys(errors))

    @property
    def is_compared(self) -> bool:
        return not self.base_findings and not self.head_findings

    @property
    def mistakes(self) -> Mapping[str, tuple[Finding, ...]]:
        """Return why the head and the base don't render, by what stands above it."""
        base, head = self.revisions or ("", "")
        told = ((head, self.head_findings), (base, self.base_findings))
        return {f"What is wrong in {revision}": found for revision, found in told if found}

    @property
    def problems_title(self) -> str:
        if self.revisions and self.is_compared:
            return "What the checks find now, and didn't before"
        return "What the checks find"

    @property
    def marks(self) -> Mapping[str, str]:
        """Return what becomes of each job that changes: "new", "changed" or "gone"."""
        return {
            change.name: _MARKS.get(type(change), "changed")
            for change in self.plan.changes
            if change.kind is Kind.JOB
        }

    @property
    def title(self) -> str:
        """Return what is compared: "HEAD (1a2b3c4) compared with main (5d6e7f8)"."""
        base, head = self.revisions or ("", "")
        return f"{head} compared with {base}"


def join_effects(effects: Iterable[Effect], everyone: Collection[str] = ()) -> tuple[Effect, ...]:
    """Return the effects by weight, then by what they are about; the same of many jobs as one.

    `everyone` are the names of all jobs.
    """
    jobs: dict[Effect, dict[str, None]] = {}
    for effect in effects:
        jobs.setdefault(replace(effect, jobs=()), {}).update(dict.fromkeys(effect.jobs))
    order = list(About)
    joined = [
        replace(effect, jobs=tuple(names), of_all=len(names) > _SHOWN and set(names) == {*everyone})
        for effect, names in jobs.items()
    ]
    return tuple(sorted(joined, key=lambda effect: (-effect.weight, order.index(effect.about))))


def weigh(effects: Sequence[Effect], *, is_changed: bool) -> Risk:
    """Return the risk of a change; `is_changed`: it changes something on the server at all."""
    if not is_changed:
        return Risk(None, "no change on the server")
    if not effects:
        return Risk(Weight.LOW, "no job runs, starts, copies or may do anything else than before")
    weight = effects[0].weight
    heaviest = [effect for effect in effects if effect.weight is weight]
    lighter = effects[len(heaviest) :]
    shown = [
        effect.tell(_SHOWN_JOBS, sum(len(e.jobs) for e in lighter if e.is_like(effect)))
        for effect in heaviest[:_SHOWN]
    ]
    if len(heaviest) > _SHOWN:
        shown.append(f"and {len(heaviest) - _SHOWN} more like this")
    return Risk(weight, "; ".join(shown))
