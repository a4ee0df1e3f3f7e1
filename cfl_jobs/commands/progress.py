"""Progress for people at a terminal: a bar with counts and time left; elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cfl_jobs.commands.interrupts import interrupting, undisturbed

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def counting(
    what: str, canvas: Console | None, *, total: int | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes how many are done, and of how many."""
    if canvas is None:
        yield lambda done, total: None
        return
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
    bar = Progress(*columns, console=canvas, transient=True)
    task = bar.add_task(what, total=total)
    with interrupting():
        try:  # not `with bar`, which an interrupt leaves half put up, or half taken down
            with undisturbed():
                bar.start()
            yield lambda done, total: bar.update(task, completed=done, total=total)
        finally:
            with undisturbed(), suppress(OSError):
                bar.stop()
