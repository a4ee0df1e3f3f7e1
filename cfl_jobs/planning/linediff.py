"""Two texts → lines that tell how they differ: "- old", "+ new", "  same", "  …"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import groupby, zip_longest

from cfl_jobs.planning.visible import make_visible

_CONTEXT = 2
# Where one text ends in a newline and the other doesn't. It is in no line, so it is like none.
_NO_END = "\n"
_NO_END_SHOWN = "\\ no newline at the end"
_LONG = 300  # characters of a line that is shown
_AROUND = 80  # of them before and after what changed in a longer line


def diff_lines(before: str, after: str) -> Iterator[str]:
    """Yield the lines that changed, with some around them, whole and as they are."""
    old, new = _split(before), _split(after)
    if before and after and before.endswith("\n") is not after.endswith("\n"):
        (new if before.endswith("\n") else old).append(_NO_END)
    for number, line in enumerate(unified_diff(old, new, n=_CONTEXT, lineterm="")):
        if number < 2:
            continue
        if not line.startswith("@@"):
            yield f"{line[:1]} {_NO_END_SHOWN if line[1:] == _NO_END else line[1:]}"
        elif number > 2:
            yield "  …"


def show_diff(before: str, after: str, *, most: int | None = None) -> Iterator[str]:
    """Yield the same for people's eyes: what is hidden is spelled out, long lines are cut.

    Of more than `most` lines, the first of them and how many there are.
    """
    lines = list(diff_lines(before, after))
    shown = lines if most is None else lines[:most]
    for sign, run in groupby(shown, key=lambda line: line[0] != " "):
        if sign:
            yield from _show_changed(list(run))
        else:
            yield from (_cut(make_visible(line)) for line in run)
    if len(shown) < len(lines):
        yield f"  … and {len(lines) - len(shown):,} more lines; -v shows them"


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _show_changed(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines that went and lines that came in their place, each pair so that they differ."""
    old = [line for line in lines if line[0] == "-"]
    new = [line for line in lines if line[0] == "+"]
    came = []
    for left, right in zip_longest(old, new, fillvalue=""):
        shown = _show_pair(left, right)
        if left:
            yield shown[0]
        if right:
            came.append(shown[1])
    yield from came


def _show_pair(old: str, new: str) -> tuple[str, str]:
    if old[2:].split() == new[2:].split():  # nothing but blanks changed
        old, new = _spell_blanks(old), _spell_blanks(new)
    old, new = make_visible(old), make_visible(new)
    if not old or not new or max(len(old), len(new)) <= _LONG:
        return _cut(old), _cut(new)
    start = count_common(old[2:], new[2:])
    end = count_common(old[: start + 1 : -1], new[: start + 1 : -1])
    return _cut_around(old, start, end), _cut_around(new, start, end)


def _spell_blanks(line: str) -> str:
    """Return a line with its tabs, and the spaces at its end, as codes."""
    text = line[2:].replace("\t", "\\t")
    return line[:2] + re.sub(" +$", lambda found: "\\x20" * len(found[0]), text)


def count_common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(line: str) -> str:
    if len(line) <= _LONG:
        return line
    return f"{line[:_LONG]}… ({len(line) - _LONG:,} more characters)"


def _cut_around(line: str, start: int, end: int) -> str:
    """Return a line without what is far from the part that changed, between `start` and `end`."""
    sign, text = line[:2], line[2:]
    first = max(start - _AROUND, 0)
    last = min(len(text) - end + _AROUND, len(text), first + _LONG)
    return f"{sign}{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"
