"""Sizes and arrows of cards → where each stands: layers from top to bottom, arrows between them.

An arrow that passes a layer gets a lane of its own there, so that no arrow crosses a card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from operator import attrgetter
from statistics import fmean

_COLUMN_GAP = 32.0
_LAYER_GAP = 64.0
_LANE = 12.0
_LOOSE_COLUMNS = 4
_SWEEPS = 8
_Pair = tuple[str, str]
_Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """`routes` are the points of each arrow: an even number, its straight lanes pair by pair.

    Between one pair and the next the arrow may swing; it is in a gap between layers there.
    """

    boxes: Mapping[str, Box]
    routes: Mapping[_Pair, _Points]
    width: float
    height: float


@dataclass(slots=True)
class _Slot:
    """A card, or a lane of a long arrow, in a layer that reaches from `top` to `bottom`."""

    layer: int
    width: float
    height: float
    above: list[_Slot] = field(default_factory=list)
    below: list[_Slot] = field(default_factory=list)
    x: float = 0.0  # of its middle
    top: float = 0.0
    bottom: float = 0.0

    @property
    def box(self) -> Box:
        return Box(self.x - self.width / 2, self.top, self.width, self.height)


def lay_out(sizes: Mapping[str, tuple[float, float]], arrows: Sequence[_Pair]) -> Layout:
    """Place cards of (width, height). `sizes` is in an order in which most arrows point forward."""
    rank = {name: number for number, name in enumerate(sizes)}
    pairs = dict.fromkeys(
        (source, target) if rank[source] < rank[target] else (target, source)
        for source, target in arrows
        if source != target
    )
    cards = _make_cards(sizes, pairs)
    rows: list[list[_Slot]] = [[] for _ in {card.layer for card in cards.values()}]
    for card in cards.values():
        rows[card.layer].append(card)
    ways = {pair: _make_way(cards[pair[0]], cards[pair[1]], rows) for pair in pairs}
    _order(rows)
    _spread(rows)
    y = _stack(rows)
    boxes = {name: card.box for name, card in cards.items()}
    loose = [name for name in sizes if name not in cards]
    for start in range(0, len(loose), _LOOSE_COLUMNS):
        row = loose[start : start + _LOOSE_COLUMNS]
        x = 0.0
        for name in row:
            boxes[name] = Box(x, y, *sizes[name])
            x += sizes[name][0] + _COLUMN_GAP
        y += max(sizes[name][1] for name in row) + _LAYER_GAP
    routes = _route(arrows, ways, cards)
    ends = [box.x + box.width for box in boxes.values()]
    ends += [x + _LANE for points in routes.values() for x, _ in points]
    return Layout(boxes, routes, max(ends, default=0.0), max(y - _LAYER_GAP, 0.0))


def _make_cards(
    sizes: Mapping[str, tuple[float, float]], pairs: Iterable[_Pair]
) -> dict[str, _Slot]:
    """Return a slot for each card that has arrows, below all that point to it."""
    sources: dict[str, list[str]] = {}
    for source, target in pairs:
        sources.setdefault(source, [])
        sources.setdefault(target, []).append(source)
    cards: dict[str, _Slot] = {}
    for name in sizes:  # in order, so sources come first
        if name in sources:
            layer = max((cards[source].layer + 1 for source in sources[name]), default=0)
            cards[name] = _Slot(layer, *sizes[name])
    return cards


def _make_way(source: _Slot, target: _Slot, rows: list[list[_Slot]]) -> list[_Slot]:
    """Add a lane in each layer that an arrow passes; return its stops, both cards among them."""
    lanes = [_Slot(layer, _LANE, 0.0) for layer in range(source.layer + 1, target.layer)]
    for lane in lanes:
        rows[lane.layer].append(lane)
    stops = [source, *lanes, target]
    for upper, lower in pairwise(stops):
        upper.below.append(lower)
        lower.above.append(upper)
    return stops


def _order(rows: list[list[_Slot]]) -> None:
    """Order each layer by the middle of what it is joined to: fewer arrows cross."""
    _renumber(rows)
    ways = (rows, attrgetter("above")), (rows[::-1], attrgetter("below"))
    for sweep in range(_SWEEPS):
        way, joined = ways[sweep % 2]
        for row in way:
            row.sort(key=lambda slot: _middle(joined(slot), slot))
            _renumber([row])


def _renumber(rows: Iterable[list[_Slot]]) -> None:
    for row in rows:
        for number, slot in enumerate(row):
            slot.x = (number + 0.5) / len(row)


def _middle(others: Sequence[_Slot], slot: _Slot) -> float:
    """Return the middle of what a slot is joined to, its own where that is nothing."""
    return fmean(other.x for other in others) if others else slot.x


def _spread(rows: list[list[_Slot]]) -> None:
    """Give each slot its x: near the middle of what it is joined to, and apart from others."""
    for row in rows:
        x = -sum(slot.width + _COLUMN_GAP for slot in row) / 2
        for slot in row:
            slot.x = x + (slot.width + _COLUMN_GAP) / 2
            x += slot.width + _COLUMN_GAP
    for sweep in range(_SWEEPS):
        for row in (rows, rows[::-1])[sweep % 2]:
            best = [_middle([*slot.above, *slot.below], slot) for slot in row]
            gaps = [(one.width + other.width) / 2 + _COLUMN_GAP for one, other in pairwise(row)]
            least = best[:1]
            for x, gap in zip(best[1:], gaps, strict=True):
                least.append(max(x, least[-1] + gap))
            most = best[-1:]
            for x, gap in zip(best[-2::-1], reversed(gaps), strict=True):
                most.append(min(x, most[-1] - gap))
            for slot, low, high in zip(row, least, reversed(most), strict=True):
                slot.x = (low + high) / 2


def _stack(rows: list[list[_Slot]]) -> float:
    """Move the rows to the left edge and below each other; return where the next one begins."""
    left = min((slot.x - slot.width / 2 for row in rows for slot in row), default=0.0)
    y = 0.0
    for row in rows:
        height = max(slot.height for slot in row)
        for slot in row:
            slot.x -= left
            slot.top, slot.bottom = y, y + height
        y += height + _LAYER_GAP
    return y


def _route(
    arrows: Sequence[_Pair], ways: Mapping[_Pair, Sequence[_Slot]], cards: Mapping[str, _Slot]
) -> dict[_Pair, _Points]:
    """Return each arrow's points. Arrows leave and reach a card side by side."""
    starts = _share(cards, [(pair[0], stops[1].x, pair) for pair, stops in ways.items()])
    ends = _share(cards, [(pair[1], stops[-2].x, pair) for pair, stops in ways.items()])
    routes: dict[_Pair, _Points] = {}
    for pair, (upper, *lanes, lower) in ways.items():
        points = [(starts[pair], upper.top + upper.height), (starts[pair], upper.bottom)]
        for lane in lanes:
            points += [(lane.x, lane.top), (lane.x, lane.bottom)]
        points += [(ends[pair], lower.top)] * 2
        routes[pair] = tuple(points)
        routes[pair[1], pair[0]] = tuple(reversed(points))
    return {arrow: routes[arrow] for arrow in dict.fromkeys(arrows) if arrow in routes}


def _share(
    cards: Mapping[str, _Slot], ends: Iterable[tuple[str, float, _Pair]]
) -> dict[_Pair, float]:
    """Return where each arrow meets its card, given (card, where the arrow comes from, arrow)."""
    ports: dict[_Pair, float] = {}
    for name, group in groupby(sorted(ends), key=lambda end: end[0]):
        together = list(group)
        box = cards[name].box
        for number, (_, _, pair) in enumerate(together, 1):
            ports[pair] = box.x + box.width * number / (len(together) + 1)
    return ports
