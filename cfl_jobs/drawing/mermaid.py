"""The chain → a Mermaid flowchart, as GitHub shows it in a README."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfl_jobs.configs.graph import Chain, Node, StartKind
from cfl_jobs.drawing.arrows import list_arrows
from cfl_jobs.drawing.words import say_node_notes, say_parameter, say_start

_MOST_EDGES = 500
_LONGEST = 50_000


def draw_mermaid(chain: Chain) -> str:
    """Return the flowchart's text: solid arrows start a build, dotted ones only copy artifacts."""
    return "\n".join(_lines(chain)) + "\n"


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


def _lines(chain: Chain) -> Iterator[str]:
    ids = {node.name: f"job{number}" for number, node in enumerate(chain.nodes, 1)}
    yield "flowchart TD"
    events: list[str] = []
    for node in chain.nodes:
        yield f'    {ids[node.name]}["{_label(node)}"]'
        for start in node.starts:
            # One for each start, not for each kind: long arrows would cross the whole chart
            events.append(f"event{len(events) + 1}")
            yield f'    {events[-1]}(["{_escape(say_start(start))}"]) --> {ids[node.name]}'
    for arrow in list_arrows(chain):
        if arrow.source == arrow.target and not arrow.triggers:
            continue  # what a job takes of its own builds is no step of the chain
        # A thick arrow waits for the build that it starts
        line = "-.->" if not arrow.triggers else "==>" if arrow.is_blocking else "-->"
        label = "<br>".join(_escape(words) for words in arrow.words())
        text = f'|"{label}"|' if label else ""
        yield f"    {ids[arrow.source]} {line}{text} {ids[arrow.target]}"
    if events:
        yield "    classDef event stroke-dasharray: 4 3"
        yield f"    class {','.join(events)} event"


def _label(node: Node) -> str:
    lines = [f"<b>{_escape(node.name)}</b>"]
    by_hand = any(start.kind is StartKind.HAND for start in node.starts)
    if node.parameters:
        asked = ", ".join(say_parameter(parameter) for parameter in node.parameters)
        lines.append(f"{'asks for ' if by_hand else ''}{_escape(asked)}")
    if note := say_node_notes(node):
        lines.append(f"<i>{_escape(note)}</i>")
    return "<br>".join(lines)


def _escape(text: str) -> str:
    """Write what means something to Mermaid or HTML as Mermaid's entity codes."""
    return re.sub(r"[^\w .,:/()$*+~=!?'-]", lambda found: f"#{ord(found[0])};", text)
