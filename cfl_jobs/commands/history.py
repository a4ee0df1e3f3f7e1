"""`cfl-jobs history`: the runs that changed a target, and what they did."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import find_project, options
from cfl_jobs.commands.options import ChosenTarget, target_options


@click.command()
@options.RUN
@target_options("home", "url", is_there=True)
@options.BACKUP_THERE
def command(run: str, target: ChosenTarget, backup: Path | None) -> int:
    """List runs, the newest first; with RUN, what that run did to each job."""
    from cfl_jobs.terminal.pushing import show_history

    return show_history(target.open(find_project()), run, backup)
