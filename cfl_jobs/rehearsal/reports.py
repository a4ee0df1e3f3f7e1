"""Events and builds → what a person sees: a live tree or lines, status, log, the last screen."""

from __future__ import annotations

import shlex
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cfl_jobs.configs.model import Job, Parameter, ParameterKind
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.configs.steps.artifacts import CopyArtifact, Selector, parse_selector
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError, count
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.rehearsal import records
from cfl_jobs.rehearsal.artifacts import list_artifacts
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.queueing import Queue
from cfl_jobs.rehearsal.records import BuildRecord, Builds, find_aborted
from cfl_jobs.target import moves, program

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text
    from rich.tree import Tree

DEFAULT_HOME = Path("build/rehearsal")
_TAIL = 12
_NEWEST = 3


# How a line of the status begins, and its colour.
COLOURS = (
    (r"  #\d+ SUCCESS", "green"),
    (r"  #\d+ (UNSTABLE|NOT_BUILT)|In the queue: |Go on with: ", "yellow"),
    (r"  #\d+ (FAILURE|ABORTED)", "red"),
    (r"  #\d+ running", "cyan"),
)


def read_jobs(home: Home) -> dict[str, Job]:
    """Read every job's config. Raises ConfigError on one that can't be read."""
    read = (read_job(name, path.read_text(encoding="utf-8")) for name, path in home.configs())
    return {job.name: job for job in read if not job.is_folder}


def list_status(builds: Builds) -> Iterator[str]:
    """Yield each job's newest builds, then what waits in the queue."""
    home = builds.home
    for job, _ in home.configs():
        records = builds.of(job)
        yield job if records else f"{job}: no builds"
        for record in records[:_NEWEST]:
            yield f"  #{record.number} {outcome(record)}"
    unfinished = list(list_unfinished(builds))
    yield from unfinished
    if unfinished and builds.idle:
        yield f"Go on with: {own_command(home)} resume"


def list_unfinished(builds: Builds) -> Iterator[str]:
    """Yield what `resume` builds: what was aborted, then what waits in the queue."""
    home = builds.home
    jobs = [job for job, _ in home.configs()]
    for record in find_aborted(builds, jobs):
        yield f"Aborted, to be built again: {record.name}{_show_values(record.parameters)}"
    for item in Queue(home.state / "queue.json", builds.items(jobs)):
        yield f"In the queue: {item.job}{_show_values(item.parameters)}"


def _show_values(parameters: Mapping[str, str]) -> str:
    """Return values in brackets; of a build selector only a build's number."""
    shown = []
    for name, value in parameters.items():
        if said := getattr(parse_selector(value), "argument", value):
            shown.append(f"{name}={said}")
    return f" ({', '.join(shown)})" if shown else ""


def find_build(builds: Builds, job: str, number: int | None) -> BuildRecord:
    """Return the build, the newest without a number. Raises RehearsalError."""
    records = builds.of(job)
    if not records:
        start = next(_list_starts(read_jobs(builds.home)[job], builds))
        advice = f"Start one: {own_command(builds.home)} build {start}"
        raise RehearsalError(f"{job!r} has no builds yet.", advice=advice)
    if number is None:
        return records[0]
    found = builds.get(job, number)
    if found is None:
        known = ", ".join(f"#{record.number}" for record in records)
        raise RehearsalError(f"{job!r} has no build #{number}.", advice=f"There are {known}.")
    return found


def _is_asked(parameter: Parameter) -> bool:
    """Whether its default is nothing to build with."""
    if parameter.kind is not ParameterKind.BUILD_SELECTOR:
        return not parameter.default
    selector = parse_selector(parameter.default)
    return selector is None or (selector.kind is Selector.SPECIFIC and not selector.argument)


def list_build_artifacts(home: Home, record: BuildRecord) -> Iterator[str]:
    found = list_artifacts(home, record.job, record.number)
    if not found:
        yield f"{record.name} has no artifacts."
    for path in found.values():
        size = path.stat(follow_symlinks=path.exists()).st_size  # of a link to nowhere its own
        yield f"{size:>10}  {show_path(path)}"


def list_failures(home: Home, records: Sequence[BuildRecord]) -> Iterator[str]:
    """Yield, for each build that didn't succeed, the end of its log and how to see all of it."""
    for record in records:
        if record.result is None or record.result is Result.SUCCESS:
            continue
        yield f"\n{record.name} is {record.result.name}. Its log says:"
        yield from (f"    {line}" for line in _find_end(home, record))
        if record.tests and record.failing:
            yield f"  Of {count(record.tests[0], 'test')} {len(record.failing)} failed:"
            yield from (f"    {name}" for name in record.failing[:_TAIL])
            if len(record.failing) > _TAIL:
                yield f"    and {len(record.failing) - _TAIL} more"
        command = f"{own_command(home)} log {shlex.quote(record.job)} {record.number}"
        yield f"  All of it: {command}"


def _find_end(home: Home, record: BuildRecord) -> Sequence[str]:
    """Return the last lines of a build's log, or of the step that failed it."""
    try:
        lines = read_log(home, record).splitlines()
    except RehearsalError as error:
        return [error.message]
    failed = (n for n, line in enumerate(lines, 1) if line.endswith("marked build as failure"))
    end = next(failed, len(lines))
    return lines[max(0, end - _TAIL) : end]


def read_log(home: Home, record: BuildRecord) -> str:
    """Return a build's log. Raises RehearsalError where it can't be read."""
    path = home.log(record.job, record.number)
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RehearsalError(
            f"{path} can't be read: {error.strerror}",
            advice="The build's other files may be there.",
        ) from error


def own_command(home: Home) -> str:
    """Return how to call rehearse again for this home, from where we are."""
    own, name = Path(sys.argv[0]), "cfl-jobs"
    if own.name == name and not shutil.which(name):
        name = show_path(own)
    if home.root == DEFAULT_HOME.resolve():
        return f"{program(name)} rehearse"
    return f"{program(name)} rehearse --home {shlex.quote(show_path(home.root))}"


def show_path(path: Path) -> str:
    """Return the path as short as the shell that called us understands it."""
    if moves:
        return str(path)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def summarize(home: Home) -> Iterator[str]:
    """Yield where the newest artifacts, deployed sites and logs are, and what to try next."""
    builds = Builds(home)
    jobs = read_jobs(home)
    yield "\nWhat was made:"
    for name in jobs:
        records = [r for r in builds.of(name) if r.result is Result.SUCCESS]
        for record in records[:1]:
            found = list_artifacts(home, name, record.number)
            if jobs[name].scm or "commit.txt" not in found:
                continue
            for path in found.values():
                yield f"  {show_path(path)}  ({record.name})"
    for place in sorted((home.root / "deployed").glob("*/current")):
        yield f"  {show_path(place)}/  (the deployed site)"
    yield f"  {show_path(home.root / 'jobs')}/<job>/builds/<number>/log  (every build's log)"
    start = f"  {own_command(home)}"
    yield "\nWhat to try next:"
    if repositories := [path.name for path in home.repositories.glob("*") if path.is_dir()]:
        name = min(repositories, key=lambda name: (name != "ocargo", name))
        yield f"{start} push {name} --commit"
        yield f"      commits what you changed in {show_path(home.repositories / name)} first"
    by_hand = [job for job in jobs.values() if not builds.of(job.name)]
    choices = [start for job in by_hand for start in _list_starts(job, builds, is_whole=True)]
    if choices:
        yield f"{start} build {choices[-1]}"
    yield f"{start} status"


def _list_starts(job: Job, builds: Builds, *, is_whole: bool = False) -> Iterator[str]:
    """Yield a job and what it is given: a build that is to be chosen, the newest good one.

    Then, unless it has to be whole, the job with `NAME=...` for each parameter whose default is
    nothing to build with. A job with a trigger builds with its defaults alone.
    """
    selectors = [p.name for p in job.parameters if p.kind is ParameterKind.BUILD_SELECTOR]
    for step in job.builders:
        if (
            isinstance(step, CopyArtifact)
            and step.selector.kind is Selector.PARAMETER
            and [step.selector.argument] == selectors
        ):
            record = builds.find_permalink(step.project, "lastStableBuild")
            if record:
                yield f"{shlex.quote(job.name)} -p {selectors[0]}={record.number}"
    if not is_whole:
        asked = [p.name for p in job.parameters if not job.triggers and _is_asked(p)]
        yield shlex.quote(job.name) + "".join(f" -p {name}=..." for name in asked)


_LAST_BYTES = 4096  # bytes of a log that surely hold its last line

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
    record: BuildRecord | None = None
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


def outcome(record: BuildRecord) -> str:
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


def _last_line(home: Home, record: BuildRecord) -> str:
    """Return the newest line of a running build's log, as far as it is text; "" without one."""
    from rich.text import Text

    try:
        with home.log(record.job, record.number).open("rb") as log:
            log.seek(max(0, log.seek(0, SEEK_END) - _LAST_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    newest = next((line for line in reversed(lines) if line.strip()), "")
    return make_visible(Text.from_ansi(newest).plain).strip()
