"""Events → what a person sees: a live tree of builds on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.records import (
    BuildRecord,
    Cause,
    Deadlocked,
    Event,
    Finished,
    Notify,
    PushCause,
    Queued,
    Recovered,
    Started,
    UpstreamCause,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text
    from rich.tree import Tree

_COLOURS = {
    Result.SUCCESS: "green",
    Result.UNSTABLE: "yellow",
    Result.FAILURE: "red",
    Result.NOT_BUILT: "yellow",
    Result.ABORTED: "red",
}
_MARKS: dict[Result | str, str] = {
    Result.SUCCESS: "✔",
    Result.UNSTABLE: "!",
    Result.FAILURE: "✘",
    Result.NOT_BUILT: "-",
    Result.ABORTED: "■",
    "waiting": "…",
    "running": "▶",
}
_PLAIN_MARKS: dict[Result | str, str] = {
    Result.SUCCESS: "+",
    Result.UNSTABLE: "!",
    Result.FAILURE: "x",
    Result.NOT_BUILT: "-",
    Result.ABORTED: "x",
    "waiting": ".",
    "running": ">",
}


@dataclass(slots=True)
class Shown:
    """A request that is waiting or has become a build; `record` is None while it waits."""

    item: int
    job: str
    causes: list[Cause]
    record: BuildRecord | None = None
    children: list[Shown] = field(default_factory=list)


class BuildTree:
    """The builds of this session, each below the one that started it first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.roots: list[Shown] = []
        self.deadlock: tuple[str, ...] = ()
        self._by_item: dict[int, Shown] = {}
        self._by_build: dict[tuple[str, int], Shown] = {}

    def add(self, event: Event) -> None:
        with self.lock:
            match event:
                case Queued():
                    self._add_request(event)
                case Started(record):
                    node = self._find(record)
                    node.record = record
                    self._by_build[record.job, record.number] = node
                case Finished(record):
                    self._find(record).record = record
                case Recovered(record):
                    self.roots.append(Shown(record.item, record.job, list(record.causes), record))
                case Deadlocked(lines):
                    self.deadlock = lines

    def _add_request(self, event: Queued) -> None:
        node = self._by_item.get(event.item)
        if node:
            node.causes.append(event.cause)
            return
        node = Shown(event.item, event.job, [event.cause])
        self._by_item[event.item] = node
        self._place(node)

    def _find(self, record: BuildRecord) -> Shown:
        """Return the build's node; a request of an earlier session gets one now."""
        node = self._by_item.get(record.item)
        if node is None:
            node = Shown(record.item, record.job, list(record.causes))
            self._by_item[record.item] = node
            self._place(node)
        return node

    def _place(self, node: Shown) -> None:
        cause = node.causes[0]
        parent = None
        if isinstance(cause, UpstreamCause):
            parent = self._by_build.get((cause.job, cause.number))
        (parent.children if parent else self.roots).append(node)


def describe_causes(node: Shown, *, with_parent: bool) -> str:
    """Say what started a build; below its parent only what else did."""
    texts = []
    for cause in dict.fromkeys(node.causes[1:] if with_parent else node.causes):
        match cause:
            case UpstreamCause(job, number):
                texts.append(f"{job} #{number}")
            case PushCause():
                texts.append("a push")
            case _:
                texts.append(cause.user)
    if not texts:
        return ""
    return ("also " if with_parent else "") + "by " + " and ".join(texts)


@contextmanager
def showing(stream: TextIO) -> Iterator[Notify]:
    """Yield what takes the rehearsal's events; on a terminal the tree stays up to date."""
    if not stream.isatty():
        yield lambda event: print_line(event, stream)
        return
    from rich.console import Console
    from rich.live import Live

    tree = BuildTree()
    console = Console(file=stream)
    try:
        with Live(
            console=console,
            get_renderable=lambda: draw(tree, console, fits=True),
            refresh_per_second=8,
            transient=True,
        ):
            yield tree.add
    finally:
        if tree.roots:
            console.print(draw(tree, console, fits=False))


def print_line(event: Event, stream: TextIO) -> None:
    """Print one line for an event that is worth one."""
    match event:
        case Started(record):
            causes = " and ".join(str(cause).removeprefix("Started by ") for cause in record.causes)
            line = f"{record.name}: started by {causes}"
        case Finished(record):
            line = f"{record.name}: {outcome(record)}"
        case Queued(job=job, cause=cause, merged=True):
            line = f"{job}: already waiting, now also {str(cause).replace('Started', 'started')}"
        case Recovered(record):
            line = f"{record.name}: was running when the last rehearsal ended; recorded as ABORTED"
        case Deadlocked(lines):
            line = "Deadlock: nothing can go on.\n" + "\n".join(f"  {line}" for line in lines)
        case _:
            return
    stream.write(line + "\n")
    stream.flush()


def outcome(record: BuildRecord) -> str:
    """Return a finished build's result, time, tests and description in a line."""
    if record.result is None or record.finished is None:
        return "running"
    text = f"{record.result.name} in {show_time(record.finished - record.started)}"
    if record.tests:
        ran, failed = record.tests
        text += f", {ran} tests" + (f", {failed} failed" if failed else "")
    return f"{text} - {record.description}" if record.description else text


def show_time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def draw(tree: BuildTree, console: Console, *, fits: bool) -> RenderableType:
    """Return the tree as rich shows it. `fits`: at most as many lines as the terminal has."""
    from rich.console import Group
    from rich.segment import SegmentLines
    from rich.text import Text
    from rich.tree import Tree

    marks = _MARKS if console.encoding.lower().startswith("utf") else _PLAIN_MARKS
    with tree.lock:
        drawn: list[RenderableType] = []
        for root in tree.roots:
            branch = Tree(_label(root, marks, with_parent=False), guide_style="dim")
            _add_children(branch, root, marks)
            drawn.append(branch)
        if tree.deadlock:
            lines = "\n".join(f"  {line}" for line in tree.deadlock)
            drawn.append(Text(f"Deadlock: nothing can go on.\n{lines}", style="red"))
    if not fits:
        return Group(*drawn)
    shown = console.render_lines(Group(*drawn), pad=False)
    room = max(1, console.height - 1)
    return SegmentLines(shown[-room:], new_lines=True)


def _add_children(branch: Tree, node: Shown, marks: Mapping[Result | str, str]) -> None:
    for child in node.children:
        _add_children(branch.add(_label(child, marks, with_parent=True)), child, marks)


def _label(node: Shown, marks: Mapping[Result | str, str], *, with_parent: bool) -> Text:
    from rich.text import Text

    record = node.record
    why = describe_causes(node, with_parent=with_parent)
    text = Text()
    if record is None:
        text.append(f"{marks['waiting']} ", style="dim").append(node.job).append(
            "  waiting", style="dim"
        )
    elif record.result is None:
        spent = show_time(max(0.0, time.time() - record.started))
        text.append(f"{marks['running']} ", style="cyan").append(record.name, style="bold")
        text.append(f"  running {spent}", style="cyan")
    else:
        colour = _COLOURS[record.result]
        text.append(f"{marks[record.result]} ", style=colour).append(record.name, style="bold")
        head, dash, description = outcome(record).partition(" - ")
        text.append(f"  {head}", style=colour).append(dash + description, style="default")
    if why:
        text.append(f"  ({why})", style="dim")
    return text
