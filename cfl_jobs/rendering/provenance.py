"""Marks in a template's text → where each part of the rendered text comes from.

While a template runs, its lines carry marks (which file, line and column a piece of text stands at)
and its values are placeholders. Here both are taken out again: what remains is YAML, whose
structure no value could change, with a template position for every character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
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
        """Return a mapping with its keys and values filled; what can't be a key is told."""
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
                filled.key_positions[name] = pos
                filled.value_positions[name] = self._origin(item) or part.value_positions[key]
                dict.__setitem__(filled, name, self._fill(item))
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
        parts: list[tuple[str, Pieces]] = []
        end = 0
        for found in _VALUE.finditer(text):
            parts.append((text[end : found.start()], cut(text, pieces, end, found.start())))
            end = found.end()
            value, place = self._values[int(found[1])], self._places[int(found[1])]
            here = locate(text, pieces, found.start())
            known = pieces_of(value) or ((0, place or here),)
            parts.append(
                (text_of(value), tuple((at, here if of == NOWHERE else of) for at, of in known))
            )
        parts.append((text[end:], cut(text, pieces, end, len(text))))
        return LocatedText(*join(parts, position))

    def _origin(self, part: Any) -> Position | None:
        """Return where the value of a lone placeholder stands, if that was told."""
        lone = _VALUE.fullmatch(part) if isinstance(part, Slot) else None
        if lone is None:
            return None
        value = self._values[int(lone[1])]
        return value.pos if isinstance(value, TrackedDict) else self._places[int(lone[1])]


def text_of(value: Any) -> str:
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


def pieces_of(value: object) -> Pieces:
    """Return where the parts of a text stand, () where it doesn't know."""
    return (value.pieces or ((0, value.pos),)) if isinstance(value, LocatedText) else ()


def join(parts: Iterable[tuple[str, Pieces]], position: Position) -> tuple[str, Position, Pieces]:
    """Return what a LocatedText is made of: the texts in a row, with the pieces of each."""
    text = ""
    pieces: list[tuple[int, Position]] = []
    for part, places in parts:
        pieces += [(len(text) + offset, place) for offset, place in places]
        text += part
    return text, position, tuple(pieces)


def locate(text: str, pieces: Pieces, offset: int) -> Position:
    """Return the place of a character of a text."""
    start, place = next((piece for piece in reversed(pieces) if piece[0] <= offset), pieces[0])
    return place._replace(line=place.line + text.count("\n", start, offset))


def cut(text: str, pieces: Pieces, start: int, end: int) -> Pieces:
    """Return the pieces of a part of a text, counted from its start."""
    if start == end:
        return ()
    inside = [(offset - start, place) for offset, place in pieces if start < offset < end]
    return ((0, locate(text, pieces, start)), *inside)


def _located(value: Any, position: Position) -> Any:
    """Return a value as the generator takes it: fresh, tracked, with the positions it came with."""
    if isinstance(value, LocatedText):
        known = tuple((at, position if of == NOWHERE else of) for at, of in value.pieces)
        return LocatedText(value, value.pos, known)
    if isinstance(value, str):
        return LocatedText(value, position)
    if isinstance(value, dict):
        items = [(str(key), _located(item, position)) for key, item in dict.items(value)]
        places = dict.fromkeys((key for key, _ in items), position)
        return TrackedDict(
            items,
            pos=getattr(value, "pos", position),
            key_positions=getattr(value, "key_positions", places),
            value_positions=getattr(value, "value_positions", places),
        )
    if isinstance(value, (list, tuple)):
        entries = [_located(entry, position) for entry in value]
        places_ = tuple(getattr(entry, "pos", position) for entry in entries)
        return TrackedList(
            entries,
            pos=getattr(value, "pos", position),
            entry_positions=getattr(value, "entry_positions", places_),
        )
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise ValueError(
        f"a {type(value).__name__} is not data; give text, a number, a list, a mapping"
    )


@lru_cache(maxsize=32)
def read_marked(text: str, files: tuple[str, ...], first: Position) -> Loaded:
    """Read a rendered text, whose marks name one of `files`: what it holds has Slots for values.

    Many jobs of one template are one text, with other values. What stands before all marks is at
    `first`.
    """
    clean: list[str] = []
    starts: list[list[tuple[int, Position]]] = []  # by line, column and place of its pieces
    for line in text.split("\n"):
        kept, end = "", 0
        pieces: list[tuple[int, Position]] = []
        for mark in MARK.finditer(line):
            kept += line[end : mark.start()]
            end = mark.end()
            file, at, column = map(int, mark.groups())
            pieces.append((len(kept), Position(files[file], at, column)))
        clean.append(kept + line[end:])
        starts.append(pieces)

    def locate_mark(line: int, column: int) -> Position:
        pieces = starts[line] if line < len(starts) else []
        for start, place in reversed(pieces):
            if start <= column:
                return place._replace(column=place.column + column - start)
        if pieces:
            return pieces[0][1]
        return next((earlier[-1][1] for earlier in reversed(starts[:line]) if earlier), first)

    return load_yaml("\n".join(clean), first.file, locate=locate_mark, make_text=make_text)


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
