"""Errors and findings: what every stage raises, and the one place that words them.

The tree::

    CflJobsError            what a user can put right: no traceback, exit code 1
    ├── DefinitionError     bad YAML, templates or scripts; carries every Finding
    ├── ConfigError         config XML that can't be read
    ├── PlanError           a plan that can't be made or must not be applied
    │   └── UnsafePlan      a plan that needs --adopt, --despite, --force or --prune
    ├── Declined            someone answered no: nothing is wrong, exit code 0
    ├── RehearsalError      a chain that can't be rehearsed
    └── TargetError         a server or a directory that can't be read or written
        ├── Unreachable     no answer: host, port, TLS, timeout, proxy
        ├── Unavailable     an answer that says to come back later: starting up, 502, 503, 504
        ├── LoginRefused    wrong credentials, or none where they are needed
        ├── PermissionDenied    logged in, but not allowed to
        ├── NotJenkins      something else answered
        ├── Missing         no such job or view
        └── Refused         the server (or directory) would not take this one change
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple


class Position(NamedTuple):
    """A place in a file a person edits. `line` and `column` count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Origin:
    """One link of the chain a value came along, for example ("template", Position)."""

    role: str
    position: Position


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where it stands, how it got there and what to do about it.

    `source` is the text of the line at `position`; it is shown with a caret under the column.
    """

    message: str
    position: Position | None = None
    source: str = ""
    origins: tuple[Origin, ...] = ()
    advice: str = ""

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Finding:
        """Return a finding of what dataclasses.asdict made of it."""
        position, origins = found["position"], found["origins"]
        return cls(
            found["message"],
            Position(*position) if position else None,
            found["source"],
            tuple(Origin(each["role"], Position(*each["position"])) for each in origins),
            found["advice"],
        )

    @property
    def excerpt(self) -> tuple[str, ...]:
        """Return the line at `position` and a caret under its column; () where it isn't known."""
        if not self.position or not self.source.strip():
            return ()
        shown = self.source[: self.position.column - 1]
        return self.source, re.sub(r"[^\t]", " ", shown) + "^"

    def __str__(self) -> str:
        lines = [": ".join(str(part) for part in (self.position, self.message) if part)]
        lines += [f"    {line}" for line in self.excerpt]
        lines += [f"  {origin.role} {origin.position}" for origin in self.origins]
        if self.advice:
            lines.append(f"  {self.advice}")
        return "\n".join(lines)


def merge_findings(findings: Sequence[Finding]) -> Finding:
    """Return one for all that say the same of a place: a template's line is wrong for all its jobs.

    The origins of three are told, and how many more findings there are beside.
    """
    first, most = findings[0], 3
    each = tuple(dict.fromkeys(found.origins for found in findings))
    shown = tuple(dict.fromkeys(chain.from_iterable(each[:most])))
    if shown and len(each) > most:
        *shown_whole, last = shown
        role = f"{last.role.removesuffix(' at')} and {len(each) - most} more, at"
        shown = (*shown_whole, Origin(role, last.position))
    return replace(first, origins=shown)


class CflJobsError(Exception):
    """Base of all errors that a user can put right. `advice` says what to do next."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return "\n  ".join(filter(None, (self.message, self.advice)))


class DefinitionError(CflJobsError):
    """Every finding in definitions, templates and scripts, sorted by place."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = sort_findings(findings)
        super().__init__("\n\n".join(str(finding) for finding in self.findings))


class ConfigError(CflJobsError):
    """Config XML that can't be read."""


class PlanError(CflJobsError):
    """A plan that can't be made or must not be applied."""


class UnsafePlan(PlanError):
    """A plan that needs the user's explicit word."""


class Declined(CflJobsError):
    """Someone answered no, which is no error."""


class RehearsalError(CflJobsError):
    """A chain that can't be rehearsed."""


class TargetError(CflJobsError):
    """A server or a directory that can't be read or written."""


class Unreachable(TargetError):
    """No answer at all."""


class Unavailable(TargetError):
    """An answer that says to come back later."""


class LoginRefused(TargetError):
    """Wrong credentials, or none where they are needed."""


class PermissionDenied(TargetError):
    """Logged in, but not allowed to."""


class NotJenkins(TargetError):
    """Something that is not Jenkins answered."""


class Missing(TargetError):
    """There is no such job or view."""


class Refused(TargetError):
    """The target would not take this one change; it is as it was."""


def count(number: float, word: str) -> str:
    """Return "1 job", "3 jobs", "1,000 jobs" or "2 repositories"."""
    if number == 1:
        return f"1 {word}"
    return f"{number:,.0f} " + re.sub("orys$", "ories", f"{word}s")


def bracket(text: str, gap: str = " ") -> str:
    """Return a remark in brackets, to be put behind something; "" for none."""
    return text and f"{gap}({text})"


def join_names(names: Iterable[str], word: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"; another `word` takes the place of "and"."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if names[most:] else shown


def is_or_are(names: Sequence[object]) -> str:
    return "is" if len(names) == 1 else "are"


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by place, those without a place first, and drop exact repeats."""
    nowhere = Position("", 0, 0)
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda found: (found.position or nowhere, found.message)))


def nearest(name: object, known: Iterable[object]) -> str | None:
    """Return the known name that is most like `name`, if one is like it at all."""
    from difflib import get_close_matches

    near = get_close_matches(str(name), [str(choice) for choice in known], n=1, cutoff=0.6)
    return next(iter(near), None)


def suggest(name: object, known: Iterable[object]) -> str:
    """Return "Did you mean 'fingerprint'?" for the nearest known name, or ""."""
    near = nearest(name, known)
    return f"Did you mean {near!r}?" if near else ""
