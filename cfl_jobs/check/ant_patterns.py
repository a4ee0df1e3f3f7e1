"""Two Ant patterns → whether some file's path could match both."""

from __future__ import annotations

import re
from functools import cache


def may_overlap(one: str, other: str) -> bool:
    """Tell whether a path can match both patterns. Variables stand for anything.

    >>> may_overlap("out/*.gz", "**/ocargo.tar.gz")
    True
    >>> may_overlap("commit.txt", "tested.txt")
    False
    """
    return _segments_overlap(_split(one), _split(other))


def _split(pattern: str) -> tuple[str, ...]:
    pattern = re.sub(r"\$\{[^}]*\}|\$\w+", "*", pattern.strip().replace("\\", "/"))
    if pattern.endswith("/"):
        pattern += "**"  # org.apache.tools.ant.DirectoryScanner
    return tuple(part for part in pattern.split("/") if part not in ("", "."))


@cache
def _segments_overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:
        return all(part == "**" for part in one + other)
    if one[0] == "**":
        return _segments_overlap(one[1:], other) or _segments_overlap(one, other[1:])
    if other[0] == "**":
        return _segments_overlap(other, one)
    return _texts_overlap(one[0], other[0]) and _segments_overlap(one[1:], other[1:])


@cache
def _texts_overlap(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _texts_overlap(one[1:], other) or _texts_overlap(one, other[1:])
    if other[0] == "*":
        return _texts_overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and _texts_overlap(one[1:], other[1:])
