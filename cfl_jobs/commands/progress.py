"""Progress for people at a terminal: a bar with counts and time left; elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def counting(
    what: str, stream: TextIO, *, total: int | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many are done, and of how many."""
    if not stream.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=stream)
    try:
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:  # an interrupt may come between hiding the cursor and the bar's own end
        console.show_cursor(True)
