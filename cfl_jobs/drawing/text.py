"""The chain → a tree of text for a terminal, to be understood by someone who never saw the chain.

Each job is shown once, under the first that starts it. Neighbours that start the same jobs in the
same way share one branch: "each of them starts".
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from cfl_jobs.configs.graph import Chain, StartKind
from cfl_jobs.drawing.words import (
    bracket,
    describe_node,
    group_starts,
    join_names,
    say_condition,
    say_node_notes,
    say_passed,
    say_start,
)

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_HEADINGS = {
    StartKind.PUSH: "A push to GitHub starts",
    StartKind.POLL: "A change found by polling starts",
    StartKind.TIMER: "The clock starts",
    StartKind.HAND: "A person starts",
}


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
                inner = indent + ("   " if is_last_run else "│  ")
                yield from self._branch(run, inner)

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
                words.append("and waits for" if len(targets) == 1 else "and waits for all of")
            if condition := say_condition(edge):
                words[-1] += ","
                words.append(condition)
            yield from self._wrap(" ".join(words) + ":", indent)
            yield from self._siblings(targets, indent)

    def _job(self, name: str, indent: str, *, is_last: bool, again: bool) -> Iterator[str]:
        node = self._chain.node(name)
        note = ", ".join(filter(None, (say_node_notes(node), "shown above" if again else "")))
        shown = f"{_BOLD}{name}{_PLAIN}" if self._color and not again else name
        yield f"{indent}{'└─ ' if is_last else '├─ '}{shown}{bracket(note, '  ')}"
        if again:
            return
        starts = [say_start(start) for start in node.starts if start.kind is not StartKind.HAND]
        details = [("on", join_names(starts))] if starts else []
        inner = indent + ("     " if is_last else "│    ")
        for verb, what in (*details, *describe_node(self._chain, node)):
            yield from self._wrap(f"{verb} {what}", inner)

    def _wrap(self, text: str, indent: str) -> Iterator[str]:
        width = max(self._width - len(indent), 40)
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            hang = "  " if number else ""
            yield f"{indent}{hang}{f'{_DIM}{line}{_PLAIN}' if self._color else line}"
