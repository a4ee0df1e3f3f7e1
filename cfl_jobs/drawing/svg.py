"""The chain → a self-contained SVG: a card for each job, arrows for what starts and copies.

A card tells what goes along its incoming arrows, so that no label can hide another; an arrow's
tooltip says it too. Cards have `data-job`, arrows `data-from` and `data-to`, for pages around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from cfl_jobs.configs.graph import Chain, Node, StartKind
from cfl_jobs.drawing.arrows import Arrow, list_arrows
from cfl_jobs.drawing.layout import Box, lay_out
from cfl_jobs.drawing.words import (
    group_copies,
    join_names,
    say_artifacts,
    say_condition,
    say_node_notes,
    say_parameter,
    say_passed,
    say_start,
)

_WIDTH, _PADDING, _KEY, _LINE, _HEAD, _MARGIN = 300, 12, 66, 17, 30, 24
_FONT, _EM = 12, 0.545
_LEGEND = (("starts", "starts"), ("waits", "starts and waits"), ("copies", "only copies from"))
_STYLE = """
svg{font:12px system-ui,"Segoe UI","Helvetica Neue",Arial,sans-serif;background:#fff}
.card rect{fill:#fff;stroke:#8a94a6;stroke-width:1.2}
.card .name{font-size:14px;font-weight:600;fill:#10233f}
.card .key,.legend text{fill:#5b6778}.card .value{fill:#1d2b3f}
.person rect{stroke:#a15c07;stroke-width:1.8}.event rect{stroke:#1d5fbf;stroke-width:1.8}
.off rect{stroke-dasharray:5 4}
.mark-new rect{fill:#e6f6ea;stroke:#1a7f37}.mark-changed rect{fill:#fff5d6;stroke:#9a6700}
.mark-gone rect{fill:#fdeaea;stroke:#c0262d}
.card .badge{font-weight:600;fill:#1d2b3f}
.arrow path,.legend path{fill:none;stroke:#5b6778;stroke-width:1.5}
.arrow.mark-new path{stroke:#1a7f37;stroke-width:2.6}
.arrow.mark-changed path{stroke:#9a6700;stroke-width:2.6}
.arrow.mark-gone path{stroke:#c0262d;stroke-dasharray:2 4;stroke-width:2.6}
.waits path:first-of-type{stroke-width:3.4}.copies path:first-of-type{stroke-dasharray:5 4}
#tip path{fill:#5b6778;stroke:none}
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a card; `key` is "" on continuation lines."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What a review adds: "new", "changed" or "gone" for jobs, for arrows by (from, to), and the
    address that a job's card leads to."""

    jobs: Mapping[str, str] = field(default_factory=dict)
    arrows: Mapping[tuple[str, str], str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def draw_svg(chain: Chain, *, marks: Marks | None = None) -> str:
    """Return the SVG. What `marks` names gets a class "mark-<value>"."""
    return "\n".join(_lines(chain, marks or Marks())) + "\n"


def _lines(chain: Chain, marks: Marks) -> Iterator[str]:
    rows = {node.name: list(_rows(chain, node)) for node in chain.nodes}
    sizes = {
        name: (float(_WIDTH), float(_HEAD + _LINE * len(lines) + _PADDING))
        for name, lines in rows.items()
    }
    arrows = [arrow for arrow in list_arrows(chain) if arrow.source != arrow.target]
    layout = lay_out(sizes, [(arrow.source, arrow.target) for arrow in arrows])
    width = max(layout.width, 520) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + 40
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="The chain of jobs">'
    )
    yield f"<style>{_STYLE}</style>"
    yield (
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
        'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 10 5 0 10Z"/></marker></defs>'
    )
    yield f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>'
    yield f'<g transform="translate({_MARGIN} {_MARGIN})">'
    for arrow in arrows:
        yield _draw_arrow(arrow, layout.routes[arrow.source, arrow.target], marks)
    for node in chain.nodes:
        yield from _draw_card(node, layout.boxes[node.name], rows[node.name], marks)
    yield from _draw_legend(layout.height + 36)
    yield "</g>"
    yield "</svg>"


def _rows(chain: Chain, node: Node) -> Iterator[_Row]:
    by_hand = any(start.kind is StartKind.HAND for start in node.starts)
    if node.starts:
        yield from _wrap("by" if by_hand else "on", " or ".join(map(say_start, node.starts)))
    started: dict[str, list[str]] = {}
    for edge in chain.started_by(node.name):
        words = [f"with {say_passed(edge.passed)}" if edge.passed else ""]
        words += [say_condition(edge), "and waited for" if edge.blocking else ""]
        along = ", ".join(word for word in words if word)
        started.setdefault(along, []).append(edge.source)
    for along, sources in started.items():
        text = " or ".join(dict.fromkeys(sources))
        yield from _wrap("by", f"{text}, {along}" if along else text)
    if node.parameters:
        yield from _wrap(
            "asks" if by_hand else "params", ", ".join(map(say_parameter, node.parameters))
        )
    for artifacts, sources in group_copies(chain.copied_by(node.name)):
        yield from _wrap("takes", f"{artifacts} of {join_names(sources)}")
    if node.artifacts:
        yield from _wrap("makes", say_artifacts(node.artifacts))
    if note := say_node_notes(node):
        yield from _wrap("note", note)


def _wrap(key: str, text: str) -> Iterator[_Row]:
    """Break text into lines that fit a card; a word that is too long is broken too."""
    room = int((_WIDTH - _KEY - _PADDING) / (_FONT * _EM))
    line = ""
    for word in _pieces(text.split(), room):
        if line and _length(line) + 1 + _length(word) > room:
            yield _Row(key, line)
            key, line = "", word
        else:
            line = f"{line} {word}" if line else word
    yield _Row(key, line)


def _length(text: str) -> float:
    """Return the width of text, in average characters: capitals are wide, dots are narrow."""
    return sum(
        1.28 if c.isupper() or c in "_mw@%" else 0.6 if c in "iljtf.,:;' ()/" else 1.0 for c in text
    )


def _pieces(words: Iterable[str], room: int) -> Iterator[str]:
    for word in words:
        while _length(word) > room:
            cut = next(at for at in range(len(word), 0, -1) if _length(word[:at]) <= room)
            yield word[:cut]
            word = word[cut:]
        yield word


def _draw_arrow(arrow: Arrow, points: tuple[tuple[float, float], ...], marks: Marks) -> str:
    kind = "copies" if not arrow.triggers else "waits" if arrow.is_blocking else "starts"
    if mark := marks.arrows.get((arrow.source, arrow.target)):
        kind = f"{kind} mark-{mark}"
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, point in pairwise(points):
        if before == point:
            continue
        if before[0] == point[0]:
            path += f"V{point[1]:.1f}"
        else:
            middle = (before[1] + point[1]) / 2
            path += (
                f"C{before[0]:.1f} {middle:.1f} {point[0]:.1f} {middle:.1f} "
                f"{point[0]:.1f} {point[1]:.1f}"
            )
    title = f"{arrow.source} → {arrow.target}: {'; '.join(arrow.words()) or 'starts it'}"
    return (
        f'<g class="arrow {kind}" data-from="{escape(arrow.source)}" '
        f'data-to="{escape(arrow.target)}"><title>{escape(title)}</title>'
        f'<path d="{path}" marker-end="url(#tip)"/></g>'
    )


def _draw_card(node: Node, box: Box, rows: list[_Row], marks: Marks) -> Iterator[str]:
    classes = ["card"]
    kinds = {start.kind for start in node.starts}
    if kinds:
        classes.append("person" if StartKind.HAND in kinds else "event")
    if node.disabled or not node.defined:
        classes.append("off")
    mark = marks.jobs.get(node.name, "")
    if mark:
        classes.append(f"mark-{mark}")
    link = marks.links.get(node.name)
    if link is not None:
        label = escape(f"{node.name}: {mark}" if mark else node.name)
        yield f'<a href="{escape(link)}" aria-label="{label}">'
    yield (
        f'<g class="{" ".join(classes)}" data-job="{escape(node.name)}" '
        f'transform="translate({box.x:.1f} {box.y:.1f})">'
    )
    yield f'<rect width="{box.width:g}" height="{box.height:g}" rx="8"/>'
    name = _fit_name(node.name, _WIDTH - 2 * _PADDING - (60 if mark else 0))
    yield f'<text class="name" x="{_PADDING}" y="22">{escape(name)}</text>'
    if mark:
        x = box.width - _PADDING
        yield f'<text class="badge" x="{x:g}" y="22" text-anchor="end">{mark}</text>'
    for number, row in enumerate(rows):
        y = _HEAD + _LINE * number + 13
        if row.key:
            yield f'<text class="key" x="{_PADDING}" y="{y}">{row.key}</text>'
        yield f'<text class="value" x="{_KEY}" y="{y}">{escape(row.text)}</text>'
    yield "</g>"
    if link is not None:
        yield "</a>"


def _fit_name(name: str, width: float) -> str:
    room = int(width / (14 * 0.62))
    if _length(name) <= room:
        return name
    cut = next(at for at in range(len(name), 0, -1) if _length(name[:at]) <= room - 1)
    return f"{name[:cut]}…"


def _draw_legend(y: float) -> Iterator[str]:
    yield f'<g class="legend" transform="translate(0 {y:g})">'
    for number, (kind, words) in enumerate(_LEGEND):
        x = number * 170
        yield (
            f'<g class="{kind}"><path d="M{x} -4H{x + 36}" marker-end="url(#tip)"/>'
            f'<text x="{x + 46}" y="0">{words}</text></g>'
        )
    yield "</g>"
