"""Versions of Jenkins and its plugins: which is older, and for which of them something holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol, TypeVar

# What Jenkins itself is called among its plugins. (None has that name.)
CORE = "jenkins"
# Versions of a server of which none is known, so that each counts as the newest.
NEWEST: Mapping[str, str] = {}
# A version begins with a number, which "latest" and "stable" don't.
_VERSION = re.compile(r"\d[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Span:
    """The versions of a plugin, or of CORE, from `since` on and before `until`; "" is no bound.

    A span of no plugin is every version of everything.
    """

    plugin: str = ""
    since: str = ""
    until: str = ""

    def holds(self, versions: Mapping[str, str]) -> bool:
        """Tell whether a server has one of them; `versions` are its, by plugin or CORE.

        What isn't listed there counts as the newest.
        """
        version = versions.get(self.plugin, "")
        if not version or not (self.since or self.until):
            return not self.until
        if self.until and not is_older(version, self.until):
            return False
        return not is_older(version, self.since)


ALWAYS = Span()


class _Spanned(Protocol):
    @property
    def span(self) -> Span: ...


Row = TypeVar("Row", bound=_Spanned)


def rows_for(rows: Iterable[Row], versions: Iterable[tuple[str, str]]) -> Iterator[Row]:
    """Yield a table's rows that hold for a server with these versions, in the table's order."""
    known = dict(versions)
    return (row for row in rows if row.span.holds(known))


def is_version(text: str) -> bool:
    """Tell whether a text is a version, and no word for one as "latest" is."""
    return _VERSION.fullmatch(text) is not None


def is_older(version: str, than: str) -> bool:
    """Tell whether a version comes before another; False where they are as good as equal.

    Only the numbers at the beginning count: "642.v737c34dea_6c2" is 642. What follows them in
    Jenkins' versions is a commit. A hyphen begins a number of its own: 9.9-185 comes before 9.9.1.
    """
    return order(version) < order(than)


def order(version: str) -> tuple[tuple[int, ...], ...]:
    """Return what a version is sorted by."""
    parts: list[tuple[int, ...]] = []
    for part in version.split("-"):
        numbers = [int(n) for n in takewhile(str.isdecimal, part.split("."))]
        while numbers and not numbers[-1]:
            numbers.pop()
        parts.append(tuple(numbers))
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)
