"""Events → what a person sees: a live tree of builds on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import SEEK_END
from typing import TYPE_CHECKING, TextIO

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import count
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.rehearsal import records
from cfl_jobs.rehearsal.directory import Home

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text
    from rich.tree import Tree

_TAIL = 4096  # bytes of a log that surely hold its last line

# How a build stands: its mark, one for terminals without Unicode, its colour.
_LOOKS = {
    Result.SUCCESS: ("✔", "+", "green"),
    Result.UNSTABLE: ("!", "!", "yellow"),
    Result.FAILURE: ("✘", "x", "red"),
    Result.NOT_BUILT: ("-", "-", "yellow"),
    Result.ABORTED: ("■", "x", "red"),
    "waiting": ("…", ".", "dim"),
    "running": ("▶", ">", "cyan"),
}


@dataclass(slots=True)
class Shown:
    """A request that is waiting or has become a build; `record` is None while it waits."""

    item: int
    job: str
    causes: list[records.Cause]
    record: records.BuildRecord | None = None
    children: list[Shown] = field(default_factory=list)


class BuildTree:
    """The builds of this session, each below the one that started it first."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.lock = threading.Lock()
        self.roots: list[Shown] = []
        self.deadlock: tuple[str, ...] = ()
        self._by_item: dict[int, Shown] = {}
        self._by_build: dict[tuple[str, int], Shown] = {}

    def add(self, event: records.Event) -> None:
        with self.lock:
            match event:
                case records.Queued():
                    self._add_request(event)
                case records.Started(record):
                    node = self._find(record)
                    node.record = record
                    self._by_build[record.job, record.number] = node
                case records.Finished(record):
                    self._find(record).record = record
                case records.Recovered(record):
                    self.roots.append(Shown(record.item, record.job, list(record.causes), record))
                case records.Deadlocked(lines):
                    self.deadlock = lines

    def _add_request(self, event: records.Queued) -> None:
        node = self._by_item.get(event.item)
        if node:
            node.causes.append(event.cause)
        else:
            self._place(Shown(event.item, event.job, [event.cause]))

    def _find(self, record: records.BuildRecord) -> Shown:
        """Return the build's node; a request of an earlier session gets one now."""
        known = self._by_item.get(record.item)
        return known or self._place(Shown(record.item, record.job, list(record.causes)))

    def _place(self, node: Shown) -> Shown:
        self._by_item[node.item] = node
        cause = node.causes[0]
        siblings = self.roots
        if isinstance(cause, records.UpstreamCause) and (cause.job, cause.number) in self._by_build:
            siblings = self._by_build[cause.job, cause.number].children
        siblings.append(node)
        return node


def describe_causes(causes: Iterable[records.Cause]) -> str:
    """Say what started a build."""
    texts = []
    for cause in dict.fromkeys(causes):
        match cause:
            case records.UpstreamCause(job, number):
                texts.append(f"{job} #{number}")
            case records.PushCause():
                texts.append("a push")
            case _:
                texts.append(cause.user)
    return "by " + " and ".join(texts) if texts else ""


@contextmanager
def showing(stream: TextIO, home: Home) -> Iterator[records.Notify]:
    """Yield what takes the rehearsal's events; on a terminal the tree stays up to date."""
    if not stream.isatty():
        yield lambda event: print_line(event, stream)
        return
    from rich.console import Console
    from rich.live import Live

    tree = BuildTree(home)
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


def print_line(event: records.Event, stream: TextIO) -> None:
    """Print one line for an event that is worth one."""
    match event:
        case records.Started(record):
            causes = " and ".join(str(cause).removeprefix("Started by ") for cause in record.causes)
            line = f"{record.name}: started by {causes}"
        case records.Finished(record):
            line = f"{record.name}: {outcome(record)}"
        case records.Queued(job=job, cause=cause, merged=True):
            line = f"{job}: already waiting, now also {str(cause).replace('Started', 'started')}"
        case records.Recovered(record):
            line = f"{record.name}: was running when the last rehearsal ended; recorded as ABORTED"
        case records.Deadlocked(lines):
            line = "Deadlock: nothing can go on.\n" + "\n".join(f"  {line}" for line in lines)
        case _:
            return
    stream.write(line + "\n")
    stream.flush()


def outcome(record: records.BuildRecord) -> str:
    """Return a finished build's result, time, tests and description in a line."""
    if record.result is None or record.finished is None:
        return "running"
    text = f"{record.result.name} in {show_time(record.finished - record.started)}"
    if record.tests:
        ran, failed = record.tests
        text += f", {count(ran, 'test')}"
        if failed:
            text += f", {failed} failed"
    return f"{text} - {record.description}".removesuffix(" - ")


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

    plain = not console.encoding.lower().startswith("utf")
    with tree.lock:
        drawn: list[RenderableType] = []
        for root in tree.roots:
            label = _label(tree.home, root, describe_causes(root.causes), plain=plain)
            drawn.append(branch := Tree(label, guide_style="dim"))
            _add_children(tree.home, branch, root, plain=plain)
        if tree.deadlock:
            lines = "\n".join(f"  {line}" for line in tree.deadlock)
            drawn.append(Text(f"Deadlock: nothing can go on.\n{lines}", style="red"))
    if not fits:
        return Group(*drawn)
    shown = console.render_lines(Group(*drawn), pad=False)
    room = max(1, console.height - 1)
    return SegmentLines(shown[-room:], new_lines=True)


def _add_children(home: Home, branch: Tree, node: Shown, *, plain: bool) -> None:
    """Add what a build started; below it, only what else started that is told."""
    for child in node.children:
        others = describe_causes(child.causes[1:])
        label = _label(home, child, f"also {others}" if others else "", plain=plain)
        _add_children(home, branch.add(label), child, plain=plain)


def _label(home: Home, node: Shown, why: str, *, plain: bool) -> Text:
    from rich.text import Text

    record = node.record
    stands = "waiting" if record is None else record.result or "running"
    mark, plain_mark, style = _LOOKS[stands]
    text = Text().append(f"{plain_mark if plain else mark} ", style=style)
    if record is None:
        text.append(node.job).append("  waiting", style=style)
    else:
        head, dash, description = outcome(record).partition(" - ")
        if record.result is None:
            head += f" {show_time(max(0.0, time.time() - record.started))}"
        text.append(record.name, style="bold").append(f"  {head}", style=style)
        text.append(dash + description, style="default")
    if why:
        text.append(f"  ({why})", style="dim")
    if record and record.result is None and (line := _last_line(home, record)):
        text.append(f"\n  {line}", style="dim")
        text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _last_line(home: Home, record: records.BuildRecord) -> str:
    """Return the newest line of a running build's log, as far as it is text; "" without one."""
    from rich.text import Text

    try:
        with home.log(record.job, record.number).open("rb") as log:
            log.seek(max(0, log.seek(0, SEEK_END) - _TAIL))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    newest = next((line for line in reversed(lines) if line.strip()), "")
    return make_visible(Text.from_ansi(newest).plain).strip()
