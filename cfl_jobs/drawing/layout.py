"""Sizes and arrows of cards → where each stands: layers from top to bottom, arrows between them.

An arrow that passes a layer gets a lane of its own there, so that no arrow crosses a card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_COLUMN_GAP = 32.0
_LAYER_GAP = 64.0
_LANE = 12.0
_LOOSE_COLUMNS = 4
_SWEEPS = 8


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
    routes: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    width: float
    height: float


@dataclass(slots=True)
class _Place:
    """A card, or a lane of a long arrow, in a layer."""

    layer: int
    width: float
    above: list[_Place] = field(default_factory=list)
    below: list[_Place] = field(default_factory=list)
    x: float = 0.0  # of its middle


def lay_out(sizes: Mapping[str, tuple[float, float]], arrows: Sequence[tuple[str, str]]) -> Layout:
    """Place cards of (width, height). `sizes` is in an order in which most arrows point forward."""
    rank = {name: number for number, name in enumerate(sizes)}
    pairs = [
        (source, target) if rank[source] < rank[target] else (target, source)
        for source, target in arrows
        if source != target
    ]
    joined = {name for pair in pairs for name in pair}
    layers = _assign_layers([name for name in sizes if name in joined], pairs)
    cards = {name: _Place(layer, sizes[name][0]) for name, layer in layers.items()}
    rows: list[list[_Place]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for card in cards.values():
        rows[card.layer].append(card)
    ways = {pair: _make_way(cards[pair[0]], cards[pair[1]], rows) for pair in dict.fromkeys(pairs)}
    _order(rows)
    _spread(rows)
    heights = [
        max(sizes[name][1] for name, layer in layers.items() if layer == number)
        for number in range(len(rows))
    ]
    left = min((place.x - place.width / 2 for row in rows for place in row), default=0.0)
    tops: list[float] = []
    y = 0.0
    for height in heights:
        tops.append(y)
        y += height + _LAYER_GAP
    boxes = {
        name: Box(card.x - card.width / 2 - left, tops[card.layer], *sizes[name])
        for name, card in cards.items()
    }
    loose, y = _place_loose([name for name in sizes if name not in joined], sizes, y)
    boxes |= loose
    routes = _route(arrows, ways, boxes, left, tops, heights)
    return Layout(
        boxes,
        routes,
        width=max((box.x + box.width for box in boxes.values()), default=0.0)
        + _overhang(routes, boxes),
        height=max(y - _LAYER_GAP, 0.0),
    )


def _overhang(
    routes: Mapping[tuple[str, str], tuple[tuple[float, float], ...]], boxes: Mapping[str, Box]
) -> float:
    """Return how far lanes stand out to the right of all cards."""
    right = max((box.x + box.width for box in boxes.values()), default=0.0)
    lanes = (point[0] for points in routes.values() for point in points)
    return max(max(lanes, default=0.0) + _LANE - right, 0.0)


def _assign_layers(names: Sequence[str], pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Put each name below all that point to it."""
    sources: dict[str, list[str]] = {name: [] for name in names}
    for source, target in pairs:
        sources[target].append(source)
    layers: dict[str, int] = {}
    for name in names:  # in order, so sources come first
        layers[name] = max((layers[source] + 1 for source in sources[name]), default=0)
    return layers


def _make_way(source: _Place, target: _Place, rows: list[list[_Place]]) -> list[_Place]:
    """Add a lane in each layer that an arrow passes, and return them."""
    lanes = [_Place(layer, _LANE) for layer in range(source.layer + 1, target.layer)]
    for lane in lanes:
        rows[lane.layer].append(lane)
    stops = [source, *lanes, target]
    for upper, lower in pairwise(stops):
        upper.below.append(lower)
        lower.above.append(upper)
    return lanes


def _order(rows: list[list[_Place]]) -> None:
    """Order each layer by the middle of what it is joined to: fewer arrows cross."""
    _renumber(rows)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            keys = {id(place): _mean(place.above if down else place.below) for place in row}
            kept = {id(place): place.x for place in row}
            row.sort(key=lambda place: _or(keys[id(place)], kept[id(place)]))
            _renumber([row])


def _renumber(rows: Iterable[list[_Place]]) -> None:
    for row in rows:
        for number, place in enumerate(row):
            place.x = (number + 0.5) / len(row)


def _mean(places: Sequence[_Place]) -> float | None:
    return sum(place.x for place in places) / len(places) if places else None


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _spread(rows: list[list[_Place]]) -> None:
    """Give each place its x: near the middle of what it is joined to, and apart from others."""
    for row in rows:
        total = sum(place.width + _COLUMN_GAP for place in row) - _COLUMN_GAP
        x = -total / 2
        for place in row:
            place.x = x + place.width / 2
            x += place.width + _COLUMN_GAP
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_or(_mean([*place.above, *place.below]), place.x) for place in row]
            least = list(wanted)
            most = list(wanted)
            for i in range(1, len(row)):
                least[i] = max(wanted[i], least[i - 1] + _apart(row[i - 1], row[i]))
            for i in range(len(row) - 2, -1, -1):
                most[i] = min(wanted[i], most[i + 1] - _apart(row[i], row[i + 1]))
            for place, low, high in zip(row, least, most, strict=True):
                place.x = (low + high) / 2


def _apart(left: _Place, right: _Place) -> float:
    return (left.width + right.width) / 2 + _COLUMN_GAP


def _place_loose(
    names: Sequence[str], sizes: Mapping[str, tuple[float, float]], y: float
) -> tuple[dict[str, Box], float]:
    """Place the cards without arrows in rows below."""
    boxes: dict[str, Box] = {}
    for start in range(0, len(names), _LOOSE_COLUMNS):
        row = names[start : start + _LOOSE_COLUMNS]
        x = 0.0
        for name in row:
            boxes[name] = Box(x, y, *sizes[name])
            x += sizes[name][0] + _COLUMN_GAP
        y += max(sizes[name][1] for name in row) + _LAYER_GAP
    return boxes, y


def _route(
    arrows: Sequence[tuple[str, str]],
    ways: Mapping[tuple[str, str], list[_Place]],
    boxes: Mapping[str, Box],
    left: float,
    tops: Sequence[float],
    heights: Sequence[float],
) -> dict[tuple[str, str], tuple[tuple[float, float], ...]]:
    """Return each arrow's points. Arrows leave and reach a card side by side."""
    leaving: dict[str, list[tuple[float, tuple[str, str]]]] = {}
    reaching: dict[str, list[tuple[float, tuple[str, str]]]] = {}
    for pair, lanes in ways.items():
        upper, lower = boxes[pair[0]], boxes[pair[1]]
        first = lanes[0].x - left if lanes else lower.x + lower.width / 2
        last = lanes[-1].x - left if lanes else upper.x + upper.width / 2
        leaving.setdefault(pair[0], []).append((first, pair))
        reaching.setdefault(pair[1], []).append((last, pair))
    starts = _ports(leaving, boxes)
    ends = _ports(reaching, boxes)
    routes: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {}
    for arrow in dict.fromkeys(arrows):
        forward = arrow in ways
        pair = arrow if forward else (arrow[1], arrow[0])
        if pair not in ways:
            continue
        upper, lower = boxes[pair[0]], boxes[pair[1]]
        layer = next(number for number, top in enumerate(tops) if top == upper.y)
        points = [(starts[pair], upper.y + upper.height), (starts[pair], upper.y + heights[layer])]
        for lane in ways[pair]:
            x = lane.x - left
            points += [(x, tops[lane.layer]), (x, tops[lane.layer] + heights[lane.layer])]
        points += [(ends[pair], lower.y), (ends[pair], lower.y)]
        routes[arrow] = tuple(points if forward else reversed(points))
    return routes


def _ports(
    sides: Mapping[str, list[tuple[float, tuple[str, str]]]], boxes: Mapping[str, Box]
) -> dict[tuple[str, str], float]:
    ports: dict[tuple[str, str], float] = {}
    for name, ends in sides.items():
        box = boxes[name]
        for number, (_, pair) in enumerate(sorted(ends), 1):
            ports[pair] = box.x + box.width * number / (len(ends) + 1)
    return ports
