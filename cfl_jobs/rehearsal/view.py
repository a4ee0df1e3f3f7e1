"""Events → what a person sees: a live tree of builds on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

    job: str
    causes: list[records.Cause]
    record: records.BuildRecord | None = None
    recovered: bool = False


class BuildTree:
    """The builds of this session by their queue items, each after the one that started it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.lock = threading.Lock()
        self.shown: dict[int, Shown] = {}
        self.deadlock: tuple[str, ...] = ()

    def add(self, event: records.Event) -> None:
        with self.lock:
            match event:
                case records.Queued(item, job, cause):
                    self.shown.setdefault(item, Shown(job, [])).causes.append(cause)
                case records.Changed(record, recovered):
                    shown = Shown(record.job, list(record.causes), recovered=recovered)
                    self.shown.setdefault(record.item, shown).record = record
                case records.Deadlocked(lines):
                    self.deadlock = lines


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
        if tree.shown:
            console.print(draw(tree, console, fits=False))


def print_line(event: records.Event, stream: TextIO) -> None:
    """Print one line for an event that is worth one."""
    match event:
        case records.Changed(record, recovered=True):
            line = f"{record.name}: was running when the last rehearsal ended; recorded as ABORTED"
        case records.Changed(record) if record.result is None:
            causes = " and ".join(str(cause).removeprefix("Started by ") for cause in record.causes)
            line = f"{record.name}: started by {causes}"
        case records.Changed(record):
            line = f"{record.name}: {outcome(record)}"
        case records.Queued(job=job, cause=cause, merged=True):
            line = f"{job}: already waiting, now also {str(cause).replace('Started', 'started')}"
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
    drawn: list[RenderableType] = []
    branches: dict[tuple[str, int], Tree] = {}
    with tree.lock:
        for shown in tree.shown.values():
            parent = None
            match shown.causes:
                case [records.UpstreamCause(job, number), *_] if not shown.recovered:
                    parent = branches.get((job, number))
            # Below what started it first it is told only what else did.
            if parent:
                others = describe_causes(shown.causes[1:])
                branch = parent.add(
                    _label(tree.home, shown, others and f"also {others}", plain=plain)
                )
            else:
                why = describe_causes(shown.causes)
                branch = Tree(_label(tree.home, shown, why, plain=plain), guide_style="dim")
                drawn.append(branch)
            if shown.record and not shown.recovered:
                branches[shown.record.job, shown.record.number] = branch
        if tree.deadlock:
            lines = "\n".join(f"  {line}" for line in tree.deadlock)
            drawn.append(Text(f"Deadlock: nothing can go on.\n{lines}", style="red"))
    if not fits:
        return Group(*drawn)
    shown_lines = console.render_lines(Group(*drawn), pad=False)
    room = max(1, console.height - 1)
    return SegmentLines(shown_lines[-room:], new_lines=True)


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
