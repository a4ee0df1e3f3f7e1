"""The chain → a tree of text for a terminal, to be understood by someone who never saw the chain.

Each job is shown once, under the first that starts it. Neighbours that start the same jobs in the
same way share one branch: "each of them starts".
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from cfl_jobs.configs.graph import Chain, StartKind, TriggerEdge
from cfl_jobs.drawing.words import (
    group_copies,
    group_starts,
    join_names,
    say_artifacts,
    say_condition,
    say_node_notes,
    say_parameter,
    say_passed,
    say_start,
)

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def draw_text(chain: Chain, *, width: int = 100, color: bool = False) -> str:
    """Return the tree, lines at most `width` wide where names allow it."""
    lines = list(_Tree(chain, width, color=color).lines())
    return "\n".join(line.rstrip() for line in lines) + "\n"


class _Tree:
    def __init__(self, chain: Chain, width: int, *, color: bool) -> None:
        self._chain = chain
        self._width = width
        self._color = color
        self._shown: set[str] = set()

    def lines(self) -> Iterator[str]:
        if not self._chain.nodes:
            yield "There are no jobs."
            return
        for heading, names in self._roots():
            if self._shown:
                yield ""
            yield heading
            yield from self._siblings(names, "")
        left = [node.name for node in self._chain.nodes if node.name not in self._shown]
        while left:  # only a circle that nothing outside starts
            yield ""
            yield "Only these start each other"
            yield from self._siblings(left[:1], "")
            left = [name for name in left if name not in self._shown]

    def _roots(self) -> Iterator[tuple[str, list[str]]]:
        """Yield headings and the jobs under them: what starts by itself, then what people start."""
        by_kind: dict[StartKind, list[str]] = {}
        for node in self._chain.nodes:
            for kind in dict.fromkeys(start.kind for start in node.starts):
                by_kind.setdefault(kind, []).append(node.name)
        headings = {
            StartKind.PUSH: "A push to GitHub starts",
            StartKind.POLL: "A change found by polling starts",
            StartKind.TIMER: "The clock starts",
            StartKind.HAND: "A person starts",
        }
        for kind, heading in headings.items():
            if kind in by_kind:
                yield heading, by_kind[kind]

    def _siblings(self, names: Sequence[str], indent: str) -> Iterator[str]:
        """Yield jobs next to each other; runs that start the same share the branch below."""
        runs = self._runs(names)
        for number, run in enumerate(runs):
            is_last_run = number == len(runs) - 1
            new = [name for name in run if name not in self._shown]
            self._shown.update(new)
            for name in run:
                is_last = is_last_run and name == run[-1]
                yield from self._job(name, indent, is_last=is_last, again=name not in new)
            starts = self._chain.starts_of(run[-1]) if run[-1] in new else ()
            if starts:
                inner = indent + ("   " if is_last_run else "│  ")
                yield from self._branch(group_starts(starts), inner, several=len(run) > 1)

    def _runs(self, names: Sequence[str]) -> list[list[str]]:
        runs: list[list[str]] = []
        for name in names:
            same = runs and self._way(runs[-1][-1]) == self._way(name) and self._way(name)
            new = name not in self._shown
            if same and new == (runs[-1][-1] not in self._shown):
                runs[-1].append(name)
            else:
                runs.append([name])
        return runs

    def _way(self, name: str) -> list[tuple[object, ...]]:
        return [
            (edge.condition, edge.passed, edge.file, edge.blocking, targets)
            for edge, targets in group_starts(self._chain.starts_of(name))
        ]

    def _branch(
        self, steps: list[tuple[TriggerEdge, tuple[str, ...]]], indent: str, *, several: bool
    ) -> Iterator[str]:
        for number, (edge, targets) in enumerate(steps):
            subject = ("each " if several else "") if number == 0 else "then "
            words = [f"{subject}starts"]
            if edge.passed:
                words.append(f"with {say_passed(edge.passed)}")
            if edge.blocking:
                words.append("and waits for" if len(targets) == 1 else "and waits for all of")
            if condition := say_condition(edge):
                words[-1] += ","
                words.append(condition)
            yield from self._wrap(" ".join(words) + ":", indent, dim=True)
            yield from self._siblings(targets, indent)

    def _job(self, name: str, indent: str, *, is_last: bool, again: bool) -> Iterator[str]:
        node = self._chain.node(name)
        notes = [say_node_notes(node)]
        if again:
            notes.append("shown above")
        note = ", ".join(word for word in notes if word)
        shown = f"{_BOLD}{name}{_PLAIN}" if self._color and not again else name
        yield f"{indent}{'└─ ' if is_last else '├─ '}{shown}{f'  ({note})' if note else ''}"
        if again:
            return
        inner = indent + ("   " if is_last else "│  ")
        starts = [say_start(start) for start in node.starts if start.kind is not StartKind.HAND]
        details = []
        if starts:
            details.append(f"on {join_names(starts)}")
        if node.parameters:
            verb = "parameters" if starts or self._chain.started_by(name) else "asks for"
            details.append(f"{verb} {', '.join(map(say_parameter, node.parameters))}")
        details += [
            f"takes {artifacts} of {join_names(sources)}"
            for artifacts, sources in group_copies(self._chain.copied_by(name))
        ]
        if node.artifacts:
            details.append(f"makes {say_artifacts(node.artifacts)}")
        for detail in details:
            yield from self._wrap(detail, inner + "  ", dim=True)

    def _wrap(self, text: str, indent: str, *, dim: bool) -> Iterator[str]:
        width = max(self._width - len(indent), 40)
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            hang = "  " if number else ""
            shown = f"{_DIM}{line}{_PLAIN}" if dim and self._color else line
            yield f"{indent}{hang}{shown}"
