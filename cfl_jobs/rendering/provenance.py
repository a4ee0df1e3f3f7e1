"""Marks in a template's text → where each part of the rendered text comes from.

While a template runs, its lines carry marks (which file, line and column a piece of text stands at)
and its values are placeholders. Here both are taken out again: what remains is YAML, whose
structure no value could change, with a template position for every character.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from cfl_jobs.errors import Position
from cfl_jobs.reading.tracking import LocatedText, TrackedDict, TrackedList

# Noncharacters of Unicode: no text means anything by them, and YAML lets them through.
MARK_OPEN, MARK_CLOSE = "\ufdd0", "\ufdd1"
VALUE_OPEN, VALUE_CLOSE = "\ufdd2", "\ufdd3"
RESERVED = re.compile("[\ufdd0-\ufdd3]")
_MARK = re.compile(f"{MARK_OPEN}(\\d+),(\\d+),(\\d+){MARK_CLOSE}")
_VALUE = re.compile(f"{VALUE_OPEN}(\\d+){VALUE_CLOSE}")


class Values:
    """The values that placeholders stand for, in the order they were met."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def hold(self, value: Any) -> str:
        """Keep a value and return the placeholder that stands for it."""
        self._values.append(value)
        return f"{VALUE_OPEN}{len(self._values) - 1}{VALUE_CLOSE}"

    def fill(self, text: str, plain: bool, position: Position) -> Any:
        """Return a scalar's value: the value itself for a lone placeholder, else text.

        Raises ValueError where a value can't stand inside text.
        """
        lone = _VALUE.fullmatch(text)
        if lone and plain:
            return _located(self._values[int(lone[1])], position)
        if VALUE_OPEN not in text:
            return LocatedText(text, position)
        return LocatedText(_VALUE.sub(lambda found: self._text(int(found[1])), text), position)

    def _text(self, index: int) -> str:
        value = self._values[index]
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, float)):
            return str(value)
        kind = "nothing" if value is None else "a list" if isinstance(value, list) else "a mapping"
        raise ValueError(
            f"{kind} can't stand inside text; let `{{{{ … }}}}` be the whole value, without quotes"
        )


def _located(value: Any, position: Position) -> Any:
    """Return a value as the generator takes it: fresh, tracked, with the positions it came with."""
    if isinstance(value, LocatedText):
        return value
    if isinstance(value, str):
        return LocatedText(value, position)
    if isinstance(value, TrackedDict):
        items = [(key, _located(item, position)) for key, item in value.raw_items()]
        return TrackedDict(
            items,
            pos=value.pos,
            key_positions=value.key_positions,
            value_positions=value.value_positions,
        )
    if isinstance(value, dict):
        items = [(str(key), _located(item, position)) for key, item in value.items()]
        places = dict.fromkeys((key for key, _ in items), position)
        return TrackedDict(items, pos=position, key_positions=places, value_positions=places)
    if isinstance(value, TrackedList):
        entries = [_located(entry, position) for entry in value]
        return TrackedList(entries, pos=value.pos, entry_positions=value.entry_positions)
    if isinstance(value, (list, tuple)):
        entries = [_located(entry, position) for entry in value]
        return TrackedList(entries, pos=position, entry_positions=(position,) * len(entries))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise ValueError(
        f"a {type(value).__name__} is not data; give text, a number, a list, a mapping"
    )


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rendered text without marks. `starts` holds, by line, (column, Position) of its pieces."""

    text: str
    starts: tuple[tuple[tuple[int, Position], ...], ...]
    first: Position

    def locate(self, line: int, column: int) -> Position:
        """Return the template position of a line and column, both from 0."""
        pieces = self.starts[line] if line < len(self.starts) else ()
        if pieces:
            index = 0
            if len(pieces) > 1:
                index = max(bisect_right(pieces, column, key=itemgetter(0)) - 1, 0)
            start, position = pieces[index]
            if column <= start:
                return position
            return Position(position.file, position.line, position.column + column - start)
        for earlier in range(min(line, len(self.starts)) - 1, -1, -1):
            if self.starts[earlier]:
                return self.starts[earlier][-1][1]
        return self.first


@lru_cache(maxsize=32)
def take_marks_out(text: str, files: tuple[str, ...], first: Position) -> Mapped:
    """Return the text without its marks, and where its pieces stand in `files`."""
    clean: list[str] = []
    starts: list[tuple[tuple[int, Position], ...]] = []
    for line in text.split("\n"):
        pieces: list[tuple[int, Position]] = []
        column = end = 0
        kept: list[str] = []
        for mark in _MARK.finditer(line):
            kept.append(line[end : mark.start()])
            column += mark.start() - end
            end = mark.end()
            file, at, start = (int(group) for group in mark.groups())
            pieces.append((column, Position(files[file], at, start)))
        kept.append(line[end:])
        clean.append("".join(kept))
        starts.append(tuple(pieces))
    return Mapped("\n".join(clean), tuple(starts), first)


def mark_lines(text: str, file: int, line: int, source: list[str], column: int) -> Iterator[str]:
    """Yield a piece of template text with a mark before the first word of each line.

    `line` counts from 1, `column` is where the piece's first line starts in its source line.
    """
    pieces = text.split("\n")
    for offset, piece in enumerate(pieces):
        if offset:
            yield "\n"
            column = 0
        indent = len(piece) - len(piece.lstrip())
        is_last = offset == len(pieces) - 1
        if piece.strip() or (is_last and piece):
            whole = source[line + offset - 1] if line + offset <= len(source) else ""
            at = whole.find(piece, column) if column or offset == 0 else 0
            start = (at if at >= 0 else column) + indent + 1
            yield f"{piece[:indent]}{MARK_OPEN}{file},{line + offset},{start}{MARK_CLOSE}"
            yield piece[indent:]
        else:
            yield piece
