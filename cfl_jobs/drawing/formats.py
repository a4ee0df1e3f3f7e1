"""The chain → a drawing in each format: the table of writers, and all but the SVG's.

The tree for terminals is to be understood by someone who never saw the chain. Each job is shown
once, under the first that starts it. Neighbours that start the same jobs in the same way share one
branch: "each of them starts".
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter

from cfl_jobs.configs.graph import Chain
from cfl_jobs.configs.model import StartKind
from cfl_jobs.drawing.svg import draw_svg
from cfl_jobs.drawing.words import (
    describe_node,
    group_starts,
    list_arrows,
    say_condition,
    say_node_notes,
    say_parameters,
    say_passed,
    say_start,
)
from cfl_jobs.errors import bracket, join_names

_MOST_EDGES = 500
_LONGEST = 50_000
_DOT_HEAD = """digraph chain {
    rankdir=TB;
    node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];
    edge [fontname="sans-serif", fontsize=10];"""
_DOT_STYLES = {"starts": "solid", "waits": "bold", "copies": "dashed"}
_MERMAID_LINES = {"starts": "-->", "waits": "==>", "copies": "-.->"}
# Of what is and isn't the last of its neighbours: what stands before it, and before what is below.
_TWIGS = {True: ("└─ ", "   "), False: ("├─ ", "│  ")}
# How names look, and what is told of them, at a terminal in colours and elsewhere.
_STYLES = {True: ("\x1b[1m{}\x1b[0m", "\x1b[2m{}\x1b[0m"), False: ("{}", "{}")}
_ASKS = {True: "asks for {}", False: "{}"}
_AWAITED = {True: "and waits for", False: "and waits for all of"}
_HEADINGS = {
    StartKind.PUSH: "A push to GitHub starts",
    StartKind.POLL: "A change found by polling starts",
    StartKind.TIMER: "The clock starts",
    StartKind.HAND: "A person starts",
}


def draw_text(chain: Chain, *, width: int = 100, color: bool = False) -> str:
    """Return the tree, lines at most `width` wide where names allow it."""
    tree = _Tree(chain, width, *_STYLES[color])
    return "\n".join(line.rstrip() for line in tree.lines()) + "\n"


class _Tree:
    """`strong` and `weak` are formats for names and for what is told of them."""

    def __init__(self, chain: Chain, width: int, strong: str, weak: str) -> None:
        self._chain, self._width, self._strong, self._weak = chain, width, strong, weak
        self._shown: set[str] = set()

    def lines(self) -> Iterator[str]:
        nodes = self._chain.nodes
        if not nodes:
            yield "There are no jobs."
        for kind, heading in _HEADINGS.items():
            names = [node.name for node in nodes if kind in {start.kind for start in node.starts}]
            if names:
                if self._shown:
                    yield ""
                yield heading
                yield from self._siblings(names, "")
        while left := [node.name for node in nodes if node.name not in self._shown]:
            yield ""  # a circle that nothing outside starts
            yield "Only these start each other"
            yield from self._siblings(left[:1], "")

    def _siblings(self, names: Sequence[str], indent: str) -> Iterator[str]:
        """Yield jobs next to each other; runs that start the same share the branch below."""
        runs = self._runs(names)
        for run in runs:
            is_last_run = run is runs[-1]
            new = [name for name in run if name not in self._shown]
            self._shown.update(new)
            for name in run:
                is_last = is_last_run and name == run[-1]
                yield from self._job(name, indent, is_last=is_last, again=name not in new)
            if run[-1] in new:
                yield from self._branch(run, indent + _TWIGS[is_last_run][1])

    def _runs(self, names: Sequence[str]) -> list[list[str]]:
        runs: list[list[str]] = []
        way_before: object = None
        for name in names:
            way = [
                (edge.condition, edge.passed, edge.file, edge.blocking, targets)
                for edge, targets in group_starts(self._chain.starts_of(name))
            ]
            way_and_state = (way, name in self._shown)
            if way and way_and_state == way_before:
                runs[-1].append(name)
            else:
                runs.append([name])
            way_before = way_and_state
        return runs

    def _branch(self, run: Sequence[str], indent: str) -> Iterator[str]:
        subject = "each " if len(run) > 1 else ""
        for edge, targets in group_starts(self._chain.starts_of(run[-1])):
            words = [f"{subject}starts"]
            subject = "then "
            if edge.passed:
                words.append(f"with {say_passed(edge.passed)}")
            if edge.blocking:
                words.append(_AWAITED[len(targets) == 1])
            if condition := say_condition(edge):
                words[-1] += ","
                words.append(condition)
            yield from self._wrap(" ".join(words) + ":", indent)
            yield from self._siblings(targets, indent)

    def _job(self, name: str, indent: str, *, is_last: bool, again: bool) -> Iterator[str]:
        node = self._chain.node(name)
        twig, below = _TWIGS[is_last]
        note = say_node_notes(node)
        if again:
            note = ", ".join(filter(None, (note, "shown above")))
            yield f"{indent}{twig}{name}{bracket(note, '  ')}"
            return
        yield f"{indent}{twig}{self._strong.format(name)}{bracket(note, '  ')}"
        starts = [say_start(start) for start in node.starts if start.kind is not StartKind.HAND]
        if starts:
            yield from self._wrap(f"on {join_names(starts)}", f"{indent}{below}  ")
        for verb, what in describe_node(self._chain, node):
            yield from self._wrap(f"{verb} {what}", f"{indent}{below}  ")

    def _wrap(self, text: str, indent: str) -> Iterator[str]:
        width = max(self._width - len(indent), 40)
        for line in textwrap.wrap(
            text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        ):
            yield indent + self._weak.format(line)


def warn_of_size(text: str) -> str:
    """Return what is wrong with a chart that Mermaid won't draw where it is shown, "" for nothing.

    Sites such as GitHub keep its defaults (Mermaid 11: maxEdges, maxTextSize).
    """
    edges = len(re.findall(r" (?:-->|==>|-\.->)", text))
    if edges <= _MOST_EDGES and len(text) <= _LONGEST:
        return ""
    return (
        f"Mermaid draws at most {_MOST_EDGES} edges and {_LONGEST:,} characters where its settings"
        f" can't be changed, as on GitHub; this chart has {edges} and {len(text):,}. Take --format"
        " svg there."
    )


def _mermaid(chain: Chain) -> Iterator[str]:
    """Yield a Mermaid flowchart, as GitHub shows it in a README: dotted arrows only copy."""
    ids = {node.name: f"job{number}" for number, node in enumerate(chain.nodes, 1)}
    yield "flowchart TD"
    events: list[str] = []
    for node in chain.nodes:
        asks, notes = _ASKS[node.by_hand], say_node_notes(node)
        told = {"<b>{}</b>": node.name, asks: say_parameters(node), "<i>{}</i>": notes}
        label = "<br>".join(look.format(_escape(text)) for look, text in told.items() if text)
        yield f'    {ids[node.name]}["{label}"]'
        for start in node.starts:
            # One for each start, not for each kind: long arrows would cross the whole chart
            events.append(f"event{len(events) + 1}")
            yield f'    {events[-1]}(["{_escape(say_start(start))}"]) --> {ids[node.name]}'
    for arrow in list_arrows(chain):
        if arrow.source == arrow.target and not arrow.triggers:
            continue  # what a job takes of its own builds is no step of the chain
        line = _MERMAID_LINES[arrow.kind]
        if label := "<br>".join(_escape(words) for words in arrow.words()):
            line += f'|"{label}"|'
        yield f"    {ids[arrow.source]} {line} {ids[arrow.target]}"
    if events:
        yield "    classDef event stroke-dasharray: 4 3"
        yield f"    class {','.join(events)} event"


def _escape(text: str) -> str:
    """Write what means something to Mermaid or HTML as Mermaid's entity codes."""
    return re.sub(r"[^\w .,:/()$*+~=!?'-]", lambda found: f"#{ord(found[0])};", text)


def _dot(chain: Chain) -> Iterator[str]:
    """Yield a digraph for Graphviz: solid arrows start a build, dashed ones only copy."""
    yield _DOT_HEAD
    events: set[str] = set()
    for node in chain.nodes:
        lines = (node.name, say_parameters(node), say_node_notes(node))
        look = f"label={_quote(*filter(None, lines))}"
        if say_node_notes(node):
            look += ', style="rounded,dashed"'
        yield f"    {_quote(node.name)} [{look}];"
        for event in map(say_start, node.starts):
            if event not in events:
                events.add(event)
                yield f"    {_quote('event: ' + event)} [label={_quote(event)}, shape=ellipse];"
            yield f"    {_quote('event: ' + event)} -> {_quote(node.name)};"
    for arrow in list_arrows(chain):
        ends = f"{_quote(arrow.source)} -> {_quote(arrow.target)}"
        yield f"    {ends} [label={_quote(*arrow.words())}, style={_DOT_STYLES[arrow.kind]}];"
    yield "}"


def _quote(*lines: str) -> str:
    """Return a DOT string; a line break is two characters there."""
    texts = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(texts).replace("\n", " ") + '"'


def _json(chain: Chain) -> Iterator[str]:
    """Yield an object with `jobs`, `triggers` and `copies`, in the chain's order."""
    jobs = [
        {
            **_pick(node, "name", "defined", "disabled"),
            "started_by": [_pick(start, "kind", "detail") for start in node.starts],
            "parameters": [_pick(p, "name", "kind", "default", "choices") for p in node.parameters],
            "artifacts": node.artifacts,
        }
        for node in chain.nodes
    ]
    triggers = [
        {
            "from": edge.source,
            "to": edge.target,
            "condition": edge.condition,
            "parameters": {item.name: item.value for item in edge.passed},
            "needs_file": edge.file or None,
            "waits": edge.blocking,
        }
        for edge in chain.triggers
    ]
    copies = [
        {
            "from": edge.source,
            "to": edge.target,
            "artifacts": edge.artifacts,
            "build": {"selector": edge.part.selector.kind, "argument": edge.part.selector.argument},
            **_pick(edge.part, "parameter_filter", "optional"),
            "permitted": edge.permitted,
        }
        for edge in chain.copies
    ]
    data = {"jobs": jobs, "triggers": triggers, "copies": copies}
    yield json.dumps(data, indent=2, ensure_ascii=False, default=attrgetter("value"))


def _pick(value: object, *names: str) -> dict[str, object]:
    return {name: getattr(value, name) for name in names}


def _writer(lines: Callable[[Chain], Iterator[str]]) -> Callable[[Chain], str]:
    return lambda chain: "\n".join(lines(chain)) + "\n"


WRITERS: Mapping[str, Callable[[Chain], str]] = {
    "text": draw_text,
    "mermaid": _writer(_mermaid),
    "dot": _writer(_dot),
    "json": _writer(_json),
    "svg": draw_svg,
}
