"""The chain → a self-contained SVG: a card for each job, arrows for what starts and copies.

It is drawn by attributes, without a style of its own, which servers' policies refuse; a page
around it may restyle it.

A card tells what goes along its incoming arrows, so that no label can hide another; an arrow's
tooltip says it too. Cards have `data-job`, arrows `data-from` and `data-to`, for pages around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cfl_jobs.configs.graph import Chain, Node
from cfl_jobs.drawing.layout import Box, lay_out
from cfl_jobs.drawing.words import (
    describe_node,
    list_arrows,
    say_condition,
    say_node_notes,
    say_passed,
    say_start,
)

# Sizes that chain.svg.j2 has too
_WIDTH, _PADDING, _KEY, _LINE, _HEAD, _MARGIN = 300, 12, 66, 17, 30, 24
_ROOM = int((_WIDTH - _KEY - _PADDING) / (12 * 0.545))  # average characters of 12px
_TITLE_EM = 14 * 0.62
_WIDTHS = dict.fromkeys("_mw@%", 1.28) | dict.fromkeys("iljtf.,:;' ()/", 0.6)
_KEYS = {"asks for": "asks", "parameters": "params"}


class _Look(NamedTuple):
    """How an outline or a line is drawn, in SVG's words."""

    fill: str
    stroke: str
    width: str
    dashes: str = ""


# By whether it is a person: the class of who starts a job, and the key of that row.
_STARTERS = {True: ("person", "by"), False: ("event", "on")}
_PLAIN = _Look("#fff", "#8a94a6", "1.2")
_STARTED = {"person": _Look("#fff", "#a15c07", "1.8"), "event": _Look("#fff", "#1d5fbf", "1.8")}
_MARKED = {
    "new": _Look("#e6f6ea", "#1a7f37", "2.4"),
    "changed": _Look("#fff5d6", "#9a6700", "2.4"),
    "gone": _Look("#fdeaea", "#c0262d", "2.4", "5 4"),
}
_ARROWS = {
    "": _Look("none", "#5b6778", "1.5"),
    **{mark: look._replace(width="2.6", dashes="") for mark, look in _MARKED.items()},
    "gone": _Look("none", "#c0262d", "2.6", "2 4"),
}


@dataclass(frozen=True, slots=True)
class Marks:
    """What a review adds: "new", "changed" or "gone" for jobs, for arrows by (from, to), and the
    address that a job's card leads to."""

    jobs: Mapping[str, str] = field(default_factory=dict)
    arrows: Mapping[tuple[str, str], str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Card:
    """A job as it is drawn. `rows` are (key, text), the key "" on continuation lines."""

    node: Node
    title: str
    mark: str
    rows: list[tuple[str, str]]
    box: Box

    @property
    def kinds(self) -> list[str]:
        """Its classes: who starts the job, and whether it is off."""
        started = _STARTERS[self.node.by_hand][0]
        found = {started: self.node.starts, "off": say_node_notes(self.node)}
        return [kind for kind, holds in found.items() if holds]

    @property
    def look(self) -> _Look:
        looks = [_MARKED.get(self.mark), *map(_STARTED.get, self.kinds), _PLAIN]
        look = next(filter(None, looks))
        if "off" in self.kinds:
            return look._replace(dashes="5 4")
        return look


def draw_svg(chain: Chain, *, marks: Marks | None = None) -> str:
    """Return the SVG. What `marks` names gets a class "mark-<value>"."""
    marks = marks or Marks()
    rows = {node.name: list(_rows(chain, node)) for node in chain.nodes}
    sizes = {
        name: (float(_WIDTH), float(_HEAD + _LINE * len(lines) + _PADDING))
        for name, lines in rows.items()
    }
    arrows = [arrow for arrow in list_arrows(chain) if arrow.source != arrow.target]
    layout = lay_out(sizes, [arrow.ends for arrow in arrows])
    cards = []
    for node in chain.nodes:
        mark = marks.jobs.get(node.name, "")
        title = _fit(node.name, _WIDTH - 2 * _PADDING - (60 if mark else 0))
        box = layout.boxes[node.name]
        cards.append(_Card(node, title, mark, rows[node.name], box))
    return fill_template(
        Path(__file__).with_name("chain.svg.j2"),
        arrows=[(arrow, _path(layout.routes[arrow.ends])) for arrow in arrows],
        cards=cards,
        arrow_looks=_ARROWS,
        marks=marks,
        width=f"{max(layout.width, 520) + 2 * _MARGIN:g}",
        height=f"{layout.height + 2 * _MARGIN + 40:g}",
        bottom=f"{layout.height + 36:g}",
    )


def _rows(chain: Chain, node: Node) -> Iterator[tuple[str, str]]:
    if node.starts:
        yield from _wrap(_STARTERS[node.by_hand][1], " or ".join(map(say_start, node.starts)))
    started: dict[str, dict[str, None]] = {}
    for edge in chain.started_by(node.name):
        words = [say_condition(edge)]
        if edge.passed:
            words.insert(0, f"with {say_passed(edge.passed)}")
        if edge.blocking:
            words.append("and waited for")
        started.setdefault(", ".join(filter(None, words)), {})[edge.source] = None
    for along, sources in started.items():
        yield from _wrap("by", ", ".join(filter(None, (" or ".join(sources), along))))
    for verb, what in describe_node(chain, node):
        yield from _wrap(_KEYS.get(verb, verb), what)
    if note := say_node_notes(node):
        yield "note", note


def _wrap(key: str, text: str) -> Iterator[tuple[str, str]]:
    """Break text into lines that fit a card; a word that is too long is broken too."""
    line = ""
    for word in _pieces(text.split()):
        if line and _length(line) + 1 + _length(word) > _ROOM:
            yield key, line
            key, line = "", word
        else:
            line = f"{line} {word}".strip()
    yield key, line


def _pieces(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        while _length(word) > _ROOM:
            cut = _cut(word, _ROOM)
            yield word[:cut]
            word = word[cut:]
        yield word


def _fit(name: str, width: float) -> str:
    room = int(width / _TITLE_EM)
    return name if _length(name) <= room else f"{name[: _cut(name, room - 1)]}…"


def _cut(text: str, room: float) -> int:
    """Return how many characters of a text fit."""
    return next(at for at in range(len(text), 0, -1) if _length(text[:at]) <= room)


def _length(text: str) -> float:
    """Return the width of text, in average characters: capitals are wide, dots are narrow."""
    return sum(1.28 if c.isupper() else _WIDTHS.get(c, 1.0) for c in text)


def _path(points: Iterable[tuple[float, float]]) -> str:
    """Return an arrow's path: straight in its lanes, a curve that stands upright between them."""
    (x, y), *others = points
    path = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in others:
        middle = (y + to_y) / 2
        if x != to_x:
            path += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        elif y != to_y:
            path += f"V{to_y:.1f}"
        x, y = to_x, to_y
    return path


def fill_template(path: Path, **values: object) -> str:
    """Return a template's text with the values in it; only a `Markup` among them isn't escaped."""
    return _environment(path.parent).get_template(path.name).render(values)


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
