"""`cfl-jobs watch`: render and check on each save."""

from __future__ import annotations

import time

import click

from cfl_jobs.commands import find_project
from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.review.formats import PROSE
from cfl_jobs.review.watch import COLOURS, watch
from cfl_jobs.terminal.text import show


@click.command()
def command() -> int:
    """Render and check at once and after each save of a file in jobs/ or templates/.

    Shows what the save changes on the server, or what is wrong. Ctrl-C ends it.
    """
    root = find_project()
    load_definitions(root)  # raises where there is nothing to watch
    try:
        watch(root, say=_say, wait=time.sleep)
    except KeyboardInterrupt:
        click.echo("")
    return 0


def _say(text: str) -> None:
    show(text, COLOURS, prose=PROSE, as_one=True)
