"""The chain → Graphviz DOT."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.configs.graph import Chain, Node
from cfl_jobs.drawing.arrows import list_arrows
from cfl_jobs.drawing.words import say_node_notes, say_parameter, say_start


def draw_dot(chain: Chain) -> str:
    """Return a digraph: solid arrows start a build, dashed ones only copy artifacts."""
    return "\n".join(_lines(chain)) + "\n"


def _lines(chain: Chain) -> Iterator[str]:
    yield "digraph chain {"
    yield "    rankdir=TB;"
    yield '    node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];'
    yield '    edge [fontname="sans-serif", fontsize=10];'
    events: set[str] = set()
    for node in chain.nodes:
        style = "" if node.defined and not node.disabled else ', style="rounded,dashed"'
        yield f"    {_quote(node.name)} [label={_quote(*_label(node))}{style}];"
        for start in node.starts:
            event = say_start(start)
            if event not in events:
                events.add(event)
                yield f"    {_quote('event: ' + event)} [label={_quote(event)}, shape=ellipse];"
            yield f"    {_quote('event: ' + event)} -> {_quote(node.name)};"
    for arrow in list_arrows(chain):
        style = "dashed" if not arrow.triggers else "bold" if arrow.is_blocking else "solid"
        label = _quote(*arrow.words())
        ends = f"{_quote(arrow.source)} -> {_quote(arrow.target)}"
        yield f"    {ends} [label={label}, style={style}];"
    yield "}"


def _label(node: Node) -> list[str]:
    lines = [node.name]
    if node.parameters:
        lines.append(", ".join(say_parameter(parameter) for parameter in node.parameters))
    if note := say_node_notes(node):
        lines.append(note)
    return lines


def _quote(*lines: str) -> str:
    """Return a DOT string; a line break is two characters there."""
    texts = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(texts).replace("\n", " ") + '"'
