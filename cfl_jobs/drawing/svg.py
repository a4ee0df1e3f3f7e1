"""The chain → a self-contained SVG: a card for each job, arrows for what starts and copies.

It is drawn by attributes, without a style of its own, which servers' policies refuse; a page
around it may restyle it.

Cards stand in layers from top to bottom, arrows between them: one that passes a layer gets a lane
of its own there, so that no arrow crosses a card.

A card tells what goes along its incoming arrows, so that no label can hide another; an arrow's
tooltip says it too. Cards have `data-job`, arrows `data-from` and `data-to`, for pages around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from statistics import fmean

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from cfl_jobs.configs.graph import Chain, GraphNode
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
# Of the layout
_COLUMN_GAP = 32.0
_LAYER_GAP = 64.0
_LANE = 12.0
_LOOSE_COLUMNS = 4
_SWEEPS = 8
_Pair = tuple[str, str]
_Points = tuple[tuple[float, float], ...]


# By whether it is a person: the class of who starts a job, and the key of that row.
_STARTERS = {True: ("person", "by"), False: ("event", "on")}


@dataclass(frozen=True, slots=True)
class Marks:
    """What a review adds: "new", "changed" or "gone" for jobs, for arrows by (from, to), and the
    address that a job's card leads to."""

    jobs: Mapping[str, str] = field(default_factory=dict)
    arrows: Mapping[tuple[str, str], str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Box:
    """A card, or a lane of a long arrow, in a layer that reaches from `y` to `bottom`."""

    width: float
    height: float
    layer: int = 0
    middle: float = 0.0
    y: float = 0.0
    bottom: float = 0.0
    above: list[Box] = field(default_factory=list)
    below: list[Box] = field(default_factory=list)

    @property
    def x(self) -> float:
        return self.middle - self.width / 2


def draw_svg(chain: Chain, *, marks: Marks | None = None) -> str:
    """Return the SVG. What `marks` names gets a class "mark-<value>"."""
    marks = marks or Marks()
    rows = {node.name: list(_rows(chain, node)) for node in chain.nodes}
    arrows = [arrow for arrow in list_arrows(chain) if arrow.source != arrow.target]
    sizes = {
        name: (float(_WIDTH), float(_HEAD + _LINE * len(lines) + _PADDING))
        for name, lines in rows.items()
    }
    layout = lay_out(sizes, [arrow.ends for arrow in arrows])
    cards = []
    for node in chain.nodes:
        mark = marks.jobs.get(node.name, "")
        # Classes: who starts the job, and whether it is off.
        told = {_STARTERS[node.by_hand][0]: node.starts, "off": say_node_notes(node)}
        kinds = [kind for kind, holds in told.items() if holds]
        room = int((_WIDTH - 2 * _PADDING - 60 * bool(mark)) / _TITLE_EM)
        title = node.name
        if _length(title) > room:
            title = f"{title[: _cut(title, room - 1)]}…"
        cards.append(
            {
                "node": node,
                "title": title,
                "mark": mark,
                "rows": rows[node.name],  # (key, text), the key "" on continuation lines
                "box": layout.boxes[node.name],
                "kinds": kinds,
            }
        )
    return fill_template(
        Path(__file__).with_name("chain.svg.j2"),
        arrows=[(arrow, _path(layout.routes[arrow.ends])) for arrow in arrows],
        cards=cards,
        marks=marks,
        width=f"{max(layout.width, 520) + 2 * _MARGIN:g}",
        height=f"{layout.height + 2 * _MARGIN + 40:g}",
        bottom=f"{layout.height + 36:g}",
    )


def _rows(chain: Chain, node: GraphNode) -> Iterator[tuple[str, str]]:
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
    waiting = text.split()[::-1]
    while waiting:
        word = waiting.pop()
        if _length(word) > _ROOM:
            cut = _cut(word, _ROOM)
            waiting.append(word[cut:])
            word = word[:cut]
        if line and _length(line) + 1 + _length(word) > _ROOM:
            yield key, line
            key, line = "", word
        else:
            line = f"{line} {word}".strip()
    yield key, line


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


@dataclass(frozen=True, slots=True)
class Layout:
    """`routes` are the points of each arrow: an even number, its straight lanes pair by pair.

    Between one pair and the next the arrow may swing; it is in a gap between layers there.
    """

    boxes: Mapping[str, Box]
    routes: Mapping[_Pair, _Points]
    width: float
    height: float


def lay_out(sizes: Mapping[str, tuple[float, float]], arrows: Sequence[_Pair]) -> Layout:
    """Place cards of (width, height), all as wide.

    `sizes` is in an order in which most arrows point forward. A card is below all that point to it.
    """
    rank = {name: number for number, name in enumerate(sizes)}
    pairs = dict.fromkeys(
        (source, target) if rank[source] < rank[target] else (target, source)
        for source, target in arrows
        if source != target
    )
    boxes = {name: Box(*size) for name, size in sizes.items()}
    for source, target in sorted(pairs, key=lambda pair: rank[pair[0]]):
        boxes[target].layer = max(boxes[target].layer, boxes[source].layer + 1)
    joined = {name for pair in pairs for name in pair}
    rows: list[list[Box]] = [[] for _ in {boxes[name].layer for name in joined}]
    for name in filter(joined.__contains__, sizes):
        rows[boxes[name].layer].append(boxes[name])
    ways = {pair: _make_way(boxes[pair[0]], boxes[pair[1]], rows) for pair in pairs}
    _order(rows)
    _spread(rows)
    y = _stack(rows)
    loose = [box for name, box in boxes.items() if name not in joined]
    for start in range(0, len(loose), _LOOSE_COLUMNS):
        row = loose[start : start + _LOOSE_COLUMNS]
        for column, box in enumerate(row):
            box.middle, box.y = column * (box.width + _COLUMN_GAP) + box.width / 2, y
        y += max(box.height for box in row) + _LAYER_GAP
    routes = _route(arrows, ways, boxes)
    ends = [box.x + box.width for box in boxes.values()]
    ends += [x + _LANE for points in routes.values() for x, _ in points]
    return Layout(boxes, routes, max(ends, default=0.0), max(y - _LAYER_GAP, 0.0))


def _make_way(source: Box, target: Box, rows: list[list[Box]]) -> list[Box]:
    """Add a lane in each layer that an arrow passes; return its stops, both cards among them."""
    lanes = [Box(_LANE, 0.0, layer) for layer in range(source.layer + 1, target.layer)]
    for lane in lanes:
        rows[lane.layer].append(lane)
    stops = [source, *lanes, target]
    for upper, lower in pairwise(stops):
        upper.below.append(lower)
        lower.above.append(upper)
    return stops


def _order(rows: list[list[Box]]) -> None:
    """Order each layer by the middle of what it is joined to: fewer arrows cross."""
    ways = (rows, attrgetter("above")), (rows[::-1], attrgetter("below"))
    for sweep in range(-1, _SWEEPS):  # the first only numbers
        way, joined = ways[sweep % 2]
        for row in way:
            if sweep >= 0:
                row.sort(key=lambda box: _middle(joined(box), box))
            for number, box in enumerate(row):
                box.middle = (number + 0.5) / len(row)


def _middle(others: Sequence[Box], box: Box) -> float:
    """Return the middle of what a box is joined to, its own where that is nothing."""
    return fmean([other.middle for other in others] or [box.middle])


def _spread(rows: list[list[Box]]) -> None:
    """Give each box its x: near the middle of what it is joined to, and apart from others."""
    for row in rows:
        x = -sum(box.width + _COLUMN_GAP for box in row) / 2
        for box in row:
            box.middle = x + (box.width + _COLUMN_GAP) / 2
            x += box.width + _COLUMN_GAP
    for sweep in range(_SWEEPS):
        for row in (rows, rows[::-1])[sweep % 2]:
            best = [_middle([*box.above, *box.below], box) for box in row]
            gaps = [(one.width + other.width) / 2 + _COLUMN_GAP for one, other in pairwise(row)]
            least, most = best[:1], best[-1:]
            for x, gap in zip(best[1:], gaps, strict=True):
                least.append(max(x, least[-1] + gap))
            for x, gap in zip(best[-2::-1], reversed(gaps), strict=True):
                most.append(min(x, most[-1] - gap))
            for box, low, high in zip(row, least, reversed(most), strict=True):
                box.middle = (low + high) / 2


def _stack(rows: list[list[Box]]) -> float:
    """Move the rows to the left edge and below each other; return where the next one begins."""
    left = min((box.x for row in rows for box in row), default=0.0)
    y = 0.0
    for row in rows:
        height = max(box.height for box in row)
        for box in row:
            box.middle -= left
            box.y, box.bottom = y, y + height
        y += height + _LAYER_GAP
    return y


def _route(
    arrows: Sequence[_Pair], ways: Mapping[_Pair, Sequence[Box]], boxes: Mapping[str, Box]
) -> dict[_Pair, _Points]:
    """Return each arrow's points. Arrows leave and reach a card side by side."""
    starts = _share(boxes, [(pair[0], stops[1].middle, pair) for pair, stops in ways.items()])
    ends = _share(boxes, [(pair[1], stops[-2].middle, pair) for pair, stops in ways.items()])
    routes: dict[_Pair, _Points] = {}
    for pair, (upper, *lanes, lower) in ways.items():
        points = [(starts[pair], upper.y + upper.height), (starts[pair], upper.bottom)]
        for lane in lanes:
            points += [(lane.middle, lane.y), (lane.middle, lane.bottom)]
        points += [(ends[pair], lower.y)] * 2
        routes[pair] = tuple(points)
        routes[pair[1], pair[0]] = tuple(reversed(points))
    return {arrow: routes[arrow] for arrow in dict.fromkeys(arrows) if arrow in routes}


def _share(
    boxes: Mapping[str, Box], ends: Iterable[tuple[str, float, _Pair]]
) -> dict[_Pair, float]:
    """Return where each arrow meets its card, given (card, where the arrow comes from, arrow)."""
    ports: dict[_Pair, float] = {}
    for name, group in groupby(sorted(ends), key=lambda end: end[0]):
        together, box = list(group), boxes[name]
        for number, (_, _, pair) in enumerate(together, 1):
            ports[pair] = box.x + box.width * number / (len(together) + 1)
    return ports


def fill_template(path: Path, **values: object) -> str:
    """Return a template's text with the values in it; only a `Markup` among them isn't escaped."""
    return _load(path).render(values)


@cache
def _load(path: Path) -> Template:
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(path.name)
