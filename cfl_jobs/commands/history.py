"""`cfl-jobs history`: the runs that changed a target, and what they did."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import DIRECTORY, find_project
from cfl_jobs.commands.completion import RUN
from cfl_jobs.commands.target_options import ChosenTarget, target_options


@click.command()
@click.argument("run", type=RUN, required=False, default="")
@target_options("home", "url", reads=("home", "backup_dir"))
@click.option(
    "--backup-dir",
    type=DIRECTORY,
    metavar="DIR",
    help="Where the runs were kept, if not below ~/.local/state/cfl-jobs.",
)
def command(run: str, target: ChosenTarget, backup_dir: Path | None) -> int:
    """List runs, the newest first; with RUN, what that run did to each job."""
    from cfl_jobs.terminal.pushing import show_history

    return show_history(target.open(find_project()), run, backup_dir)
