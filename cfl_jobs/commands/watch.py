"""`cfl-jobs watch`: render and check on each save."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.terminal.pushing import colour


@click.command(short_help="Render and check on each save.")
def command() -> int:
    """Render and check at once and after each save of a file in jobs/ or templates/.

    Shows what the save changes on the server, or what is wrong. Ctrl-C ends it.
    """
    return watch_project(Path())


def watch_project(root: Path) -> int:
    """Watch until Ctrl-C; returns the exit code."""
    import time

    from cfl_jobs.reading.definitions import load_definitions
    from cfl_jobs.review.watch import watch

    load_definitions(root)  # raises where there is nothing to watch
    try:
        watch(root, say=click.echo, wait=time.sleep, style=colour)
    except KeyboardInterrupt:
        click.echo("")
    return 0
