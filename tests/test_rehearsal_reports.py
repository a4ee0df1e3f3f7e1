"""What a person sees while a rehearsal runs: the tree, the lines, the causes of a build."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.records import (
    BuildRecord,
    Cause,
    Changed,
    Deadlocked,
    Event,
    PushCause,
    Queued,
    UpstreamCause,
    UserCause,
    log_lines,
    upstream_of,
)
from cfl_jobs.rehearsal.reports import BuildTree, draw, show_time, showing


def build(job: str, item: int, result: Result | None = None, *causes: Cause) -> BuildRecord:
    return BuildRecord(
        job=job,
        number=1,
        item=item,
        cookie="",
        causes=causes or (UserCause("you"),),
        started=100.0,
        finished=None if result is None else 101.5,
        result=result,
    )


def events() -> list[Event]:
    """Two publishes start one distribution, which starts a suite that still waits."""
    push = PushCause("you")
    one, two = UpstreamCause("Publish A", 1), UpstreamCause("Publish B", 1)
    return [
        Queued(1, "Publish A", push, merged=False),
        Queued(2, "Publish B", push, merged=False),
        Changed(build("Publish A", 1)),
        Changed(build("Publish B", 2)),
        Queued(3, "Create", one, merged=False),
        Changed(build("Publish A", 1, Result.SUCCESS)),
        Queued(3, "Create", two, merged=True),
        Changed(build("Publish B", 2, Result.SUCCESS)),
        Changed(build("Create", 3, None, one, two)),
        Changed(build("Create", 3, Result.FAILURE, one, two)),
        Queued(4, "Suite", UpstreamCause("Create", 1), merged=False),
    ]


def show(tree: BuildTree, *, encoding: str = "utf-8", height: int = 40, fits: bool = False) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=100, height=height, force_terminal=False)
    console.print(draw(tree, console, fits=fits))
    stream.seek(0)
    return stream.read()


def make_tree(*more: Event, home: Path = Path()) -> BuildTree:
    tree = BuildTree(Home(home))
    for event in (*events(), *more):
        tree.add(event)
    return tree


def test_a_tree_tells_what_started_what() -> None:
    assert show(make_tree()).splitlines() == [
        "✔ Publish A #1  SUCCESS in 1.5 s  (by a push)",
        "└── ✘ Create #1  FAILURE in 1.5 s  (also by Publish B #1)",
        "    └── … Suite  waiting",
        "✔ Publish B #1  SUCCESS in 1.5 s  (by a push)",
    ]


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("Running as SYSTEM\n+ pip install\nCollecting Django\n\n", "  Collecting Django"),
        ("12 %\r34 %\r", "  34 %"),
        ("\x1b[32mgreen\x1b[0m \x1b[2Jback\u202e\n", "  green back\\u202e"),
        ("x" * 9000, f"  {'x' * 97}…"),
        ("", None),
    ],
)
def test_below_a_running_build_is_the_last_line_of_its_log(
    tmp_path: Path, log: str, line: str | None
) -> None:
    """In one line of the terminal, and without what a terminal obeys."""
    file = Home(tmp_path).log("Slow", 1)
    file.parent.mkdir(parents=True)
    file.write_text(log)
    lines = show(make_tree(Changed(build("Slow", 7)), home=tmp_path)).splitlines()
    assert lines[4].startswith("▶ Slow #1  running")
    assert lines[5:] == ([] if line is None else [line])


def test_a_terminal_that_knows_no_marks_gets_plain_ones() -> None:
    shown = show(make_tree(), encoding="ascii")
    assert shown.isascii()
    assert "x Create #1  FAILURE" in shown


def test_a_tree_that_is_too_long_shows_its_end() -> None:
    shown = show(make_tree(), height=3, fits=True).splitlines()
    assert len([line for line in shown if line.strip()]) == 2
    assert "Publish B" in shown[1]


def test_a_deadlock_is_below_the_tree() -> None:
    shown = show(make_tree(Deadlocked(("A #1 waits for B",))))
    assert shown.endswith("Deadlock: nothing can go on.\n  A #1 waits for B\n")


def test_a_build_of_an_earlier_rehearsal_stands_alone() -> None:
    shown = show(make_tree(Changed(build("Old", 9, Result.ABORTED), recovered=True)))
    assert "■ Old #1  ABORTED in 1.5 s  (by you)" in shown


def test_elsewhere_each_event_is_a_line() -> None:
    stream = io.StringIO()
    with showing(stream, Home(Path())) as notify:
        recovered = Changed(build("J", 1, Result.ABORTED), recovered=True)
        for event in (*events(), recovered, Deadlocked(("A #1 waits for B",))):
            notify(event)
    assert stream.getvalue().splitlines()[2:] == [
        "Publish A #1: SUCCESS in 1.5 s",
        'Create: already waiting, now also started by upstream project "Publish B" build number 1',
        "Publish B #1: SUCCESS in 1.5 s",
        'Create #1: started by upstream project "Publish A" build number 1 and upstream project '
        '"Publish B" build number 1',
        "Create #1: FAILURE in 1.5 s",
        "J #1: was running when the last rehearsal ended; recorded as ABORTED",
        "Deadlock: nothing can go on.",
        "  A #1 waits for B",
    ]


def test_on_a_terminal_the_tree_stays_when_it_ends() -> None:
    """Also when it ends in an error: then the tree tells how far it came."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), showing(stream, Home(Path())) as notify:  # noqa: PT012
        for event in events():
            notify(event)
        raise KeyboardInterrupt
    assert "Create #1" in stream.getvalue().rpartition("\x1b[2K")[2]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (125, "2 min 5 s")]
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert show_time(seconds) == text


def test_an_ancestor_is_told_once() -> None:
    """As Cause.UpstreamCause trims: what was told of a build is not told again."""
    first = upstream_of(build("A", 1, None, UserCause("ann")))
    left, right = (upstream_of(build(name, 1, None, first)) for name in "BC")
    lines = list(log_lines(upstream_of(build("D", 1, None, left, right))))
    assert lines == [
        'Started by upstream project "D" build number 1',
        "originally caused by:",
        ' Started by upstream project "B" build number 1',
        " originally caused by:",
        '  Started by upstream project "A" build number 1',
        "  originally caused by:",
        "   Started by user ann",
        ' Started by upstream project "C" build number 1',
        " originally caused by:",
        '  Started by upstream project "A" build number 1',
    ]
