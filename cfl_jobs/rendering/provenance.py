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

from cfl_jobs.errors import CflJobsError, Finding, Origin, Position
from cfl_jobs.reading.located_yaml import (
    MARK,
    MARK_CLOSE,
    MARK_OPEN,
    VALUE_CLOSE,
    VALUE_OPEN,
    Loaded,
    find_repeat,
    line_at,
    load_yaml,
)
from cfl_jobs.reading.tracking import NOWHERE, LocatedText, Pieces, TrackedDict, TrackedList
from cfl_jobs.rendering.options import show

_VALUE = re.compile(f"{VALUE_OPEN}(\\d+){VALUE_CLOSE}")
NEEDS_TEXT = "stands where text is needed"


class Misplaced(CflJobsError, ValueError):
    """A mapping that can't stand inside text or be a script's input. `position` is its own."""

    def __init__(self, mapping: TrackedDict) -> None:
        super().__init__(f"a mapping {NEEDS_TEXT}", advice="Write one text or number.")
        self.position = mapping.pos


class Slot(LocatedText):
    """A scalar with placeholders in it. `is_plain`: it stands without quotes."""

    __slots__ = ("is_plain",)
    is_plain: bool


def make_text(text: str, pos: Position, pieces: Pieces, is_plain: bool) -> LocatedText:
    """Make a text of a template's scalar, for located_yaml: a Slot where there is one to fill."""
    if VALUE_OPEN not in text:
        return LocatedText(text, pos, pieces)
    slot = Slot(text, pos, pieces)
    slot.is_plain = is_plain
    return slot


_FILLED = (Slot, TrackedDict, TrackedList)


class Values:
    """The values that placeholders stand for, in the order they were met."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._places: list[Position | None] = []
        self._findings: list[Finding] = []
        self._made: dict[int, Any] = {}

    def hold(self, value: Any, place: Position | None = None) -> str:
        """Keep a value, and where it stands if it doesn't know; return what stands for it."""
        self._values.append(value)
        self._places.append(place)
        return f"{VALUE_OPEN}{len(self._values) - 1}{VALUE_CLOSE}"

    def fill(self, skeleton: Any) -> Loaded:
        """Return what was read of a template's text with the values in their places, made anew."""
        self._findings, self._made = [], {}
        return Loaded(self._fill(skeleton), tuple(self._findings))

    def _fill(self, part: Any) -> Any:
        if isinstance(part, Slot):
            return self._fill_text(part)
        if not isinstance(part, _FILLED):
            return part
        if id(part) not in self._made:  # an alias stands for one and the same value
            fill = self._fill_mapping if isinstance(part, TrackedDict) else self._fill_list
            self._made[id(part)] = fill(part)
        return self._made[id(part)]

    def _fill_mapping(self, part: Any) -> TrackedDict:
        if any(isinstance(key, Slot) for key in dict.keys(part)):
            part = self._fill_keys(part)
        places = dict(part.value_positions)
        entries: list[tuple[str, Any]] = []
        for key, item in dict.items(part):
            value = item
            if isinstance(item, _FILLED):
                value = self._fill(item)
                places[key] = self._origin(item) or places[key]
            entries.append((key, value))
        keys = part.key_positions
        return TrackedDict(entries, pos=part.pos, key_positions=keys, value_positions=places)

    def _fill_keys(self, part: Any) -> TrackedDict:
        """Return a mapping with its keys filled, but not its values; what can't be one is told."""
        filled = TrackedDict(pos=part.pos)
        for key, item in dict.items(part):
            name, pos = key, part.key_positions[key]
            if isinstance(key, Slot):
                name = self._fill_text(key)
            if not isinstance(name, str):
                message = f"a key must be text, not {name!r}"
                self._findings.append(Finding(message, pos, advice="Use a text as key."))
            elif name in filled.key_positions:
                self._findings.append(find_repeat(name, pos, filled.key_positions[name]))
            else:
                dict.__setitem__(filled, name, item)
                filled.key_positions[name] = pos
                filled.value_positions[name] = part.value_positions[key]
        return filled

    def _fill_list(self, part: Any) -> TrackedList:
        entries = [self._fill(item) for item in part]
        places = zip(part, part.entry_positions, strict=True)
        known = tuple(self._origin(item) or place for item, place in places)
        return TrackedList(entries, pos=part.pos, entry_positions=known)

    def _fill_text(self, slot: Slot) -> Any:
        """Return a scalar's value: the value itself for a lone placeholder, else text."""
        lone = _VALUE.fullmatch(slot)
        try:
            if lone and slot.is_plain:
                return _located(self._values[int(lone[1])], slot.pos)
            return self._join(str(slot), slot.pos, slot.pieces or ((0, slot.pos),))
        except Misplaced as error:
            origins = (Origin("put into the text at", slot.pos),)
            finding = Finding(error.message, error.position, origins=origins)
        except ValueError as error:
            finding = Finding(str(error), slot.pos)
        self._findings.append(finding)
        return LocatedText("", slot.pos)

    def _join(self, text: str, position: Position, pieces: Pieces) -> LocatedText:
        """Return a text with its values put in, each a piece of its own."""
        made: list[str] = []
        places: list[tuple[int, Position]] = []
        length = start = 0
        for found in (*_VALUE.finditer(text), None):
            end = found.start() if found else len(text)
            made.append(text[start:end])
            places += [(length + offset, place) for offset, place in cut(text, pieces, start, end)]
            length += end - start
            if found is None:
                break
            index, start = int(found[1]), found.end()
            value = self._text(index)
            here = locate(text, pieces, found.start())
            inside = self._pieces_of(index) or ((0, here),)
            places += [(length + at, here if of == NOWHERE else of) for at, of in inside]
            made.append(value)
            length += len(value)
        return LocatedText("".join(made), position, tuple(places))

    def _pieces_of(self, index: int) -> Pieces:
        value, place = self._values[index], self._places[index]
        if isinstance(value, LocatedText):
            return value.pieces or ((0, value.pos),)
        return ((0, place),) if place else ()

    def _origin(self, part: Any) -> Position | None:
        """Return where the value of a lone placeholder stands, if that was told."""
        lone = _VALUE.fullmatch(part) if isinstance(part, Slot) else None
        if lone is None:
            return None
        value = self._values[int(lone[1])]
        return value.pos if isinstance(value, TrackedDict) else self._places[int(lone[1])]

    def _text(self, index: int) -> str:
        value = self._values[index]
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, float)):
            return str(value)
        if isinstance(value, TrackedDict):
            raise Misplaced(value)
        raise ValueError(
            f"{show(value)} can't stand inside text; let `{{{{ … }}}}` be the whole value, without "
            "quotes"
        )


def locate(text: str, pieces: Pieces, offset: int) -> Position:
    """Return the place of a character of a text."""
    start, place = next((piece for piece in reversed(pieces) if piece[0] <= offset), pieces[0])
    lines = text.count("\n", start, offset)
    return place._replace(line=place.line + lines)


def cut(text: str, pieces: Pieces, start: int, end: int) -> Iterator[tuple[int, Position]]:
    """Yield the pieces of a part of a text, counted from its start."""
    if start < end:
        yield 0, locate(text, pieces, start)
    yield from ((offset - start, place) for offset, place in pieces if start < offset < end)


def settle(text: LocatedText, position: Position) -> LocatedText:
    """Return a text whose pieces all stand somewhere: those that don't know, at `position`."""
    if not any(place == NOWHERE for _, place in text.pieces):
        return text
    known = tuple((at, position if place == NOWHERE else place) for at, place in text.pieces)
    return LocatedText(text, text.pos, known)


def _located(value: Any, position: Position) -> Any:
    """Return a value as the generator takes it: fresh, tracked, with the positions it came with."""
    if isinstance(value, LocatedText):
        return settle(value, position)
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
        stand = tuple(getattr(entry, "pos", position) for entry in entries)
        return TrackedList(entries, pos=position, entry_positions=stand)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise ValueError(
        f"a {type(value).__name__} is not data; give text, a number, a list, a mapping"
    )


@dataclass(frozen=True, slots=True)
class _Mapped:
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
def read_marked(text: str, files: tuple[str, ...], first: Position) -> Loaded:
    """Read a rendered text, whose marks name one of `files`: what it holds has Slots for values.

    Many jobs of one template are one text, with other values.
    """
    mapped = _take_marks_out(text, files, first)
    return load_yaml(mapped.text, first.file, locate=mapped.locate, make_text=make_text)


def _take_marks_out(text: str, files: tuple[str, ...], first: Position) -> _Mapped:
    """Return the text without its marks, and where its pieces stand in `files`."""
    clean: list[str] = []
    starts: list[tuple[tuple[int, Position], ...]] = []
    for line in text.split("\n"):
        pieces: list[tuple[int, Position]] = []
        column = end = 0
        kept: list[str] = []
        for mark in MARK.finditer(line):
            kept.append(line[end : mark.start()])
            column += mark.start() - end
            end = mark.end()
            file, at, start = (int(group) for group in mark.groups())
            pieces.append((column, Position(files[file], at, start)))
        kept.append(line[end:])
        clean.append("".join(kept))
        starts.append(tuple(pieces))
    return _Mapped("\n".join(clean), tuple(starts), first)


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
            whole = line_at(source, line + offset - 1)
            at = whole.find(piece, column) if column or offset == 0 else 0
            start = (at if at >= 0 else column) + indent + 1
            yield f"{piece[:indent]}{MARK_OPEN}{file},{line + offset},{start}{MARK_CLOSE}"
            yield piece[indent:]
        else:
            yield piece
