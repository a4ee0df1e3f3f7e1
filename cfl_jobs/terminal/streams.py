"""The process' streams: what can be written to them, whoever is at their other end; questions."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# What the other end of a stream, or a disk, can do to whoever writes there.
_BROKEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.ENXIO})

# Columns that a table of jobs takes.
_ROOM = 60


def prepare_streams() -> None:
    """Let any text be written: what an encoding lacks as an escape, to a closed one nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - never closed
            setattr(sys, name, nowhere)
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_broken_stream(error: OSError) -> bool:
    """Tell whether it is the output that couldn't be written, and not a file."""
    return error.errno in _BROKEN and error.filename is None


def silence_output() -> None:
    """Keep the interpreter from complaining at its end of what it can't write."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Tell whether a terminal may be sent colours; see no-color.org."""
    return (
        not environment.get("NO_COLOR")
        and environment.get("TERM") not in ("dumb", "unknown")
        and environment.get("CLICOLOR") != "0"
    )


def find_canvas(stream: TextIO) -> Console | None:
    """Return what draws bars and tables on a stream; None: it is for plain lines only.

    That is all but a terminal whose cursor moves and that has room for a table.
    """
    if not stream.isatty():
        return None
    from rich.console import Console

    canvas = Console(file=stream)
    if canvas.is_dumb_terminal or canvas.width < _ROOM:
        return None
    return canvas


@contextmanager
def counting(
    what: str, canvas: Console | None, *, total: int | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many are done, and of how many.

    At a terminal it moves a bar with counts and the time left; elsewhere it does nothing.
    """
    if canvas is None:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from cfl_jobs.interrupts import undisturbed

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=canvas, transient=True)
    task = bar.add_task(what, total=total)
    try:  # not `with bar`, which an interrupt leaves half put up, or half taken down
        with undisturbed():
            bar.start()
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        with undisturbed(), suppress(OSError):
            bar.stop()


def confirm(question: str, *, advice: str) -> None:
    """Ask whoever sits at the terminal; anything but yes and no is asked again.

    Raises Declined for no and for the end of the input, PlanError where nobody sees the question
    or can answer it.
    """
    import click

    from cfl_jobs.errors import Declined, PlanError

    shown_on_stdout = sys.stdout.isatty()
    if not sys.stdin.isatty() or not (shown_on_stdout or sys.stderr.isatty()):
        raise PlanError("nobody is there to ask, so nothing was changed", advice=advice)
    try:
        is_wanted = click.confirm(question, err=not shown_on_stdout)
    except click.Abort as error:
        click.echo(err=not shown_on_stdout)  # the cursor is behind the question
        if not isinstance(error.__context__, EOFError):
            raise
        is_wanted = False
    if not is_wanted:
        raise Declined("Nothing was changed.")
