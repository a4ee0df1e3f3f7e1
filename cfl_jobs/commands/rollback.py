"""`cfl-jobs rollback`: shows what a run changed, asks, and puts it back."""

from __future__ import annotations

from typing import Any

import click

from cfl_jobs.commands import find_project, options
from cfl_jobs.commands.options import ChosenTarget, target_options


@click.command()
@options.RUN
@target_options("home", "url", is_there=True)
@options.YES
@options.DELETE_COUNT
@options.BACKUP_THERE
@click.option("--force", is_flag=True, help="Also jobs that were changed since.")
def command(run: str, target: ChosenTarget, **said: Any) -> int:
    """Put every job back to what it was before RUN (the last one; see `cfl-jobs history`).

    Jobs that the run made are deleted, which is confirmed separately; jobs that it deleted are made
    again, without their builds. A job that was changed since is left alone, and so is a folder that
    holds anything else by now.
    """
    from cfl_jobs.terminal.pushing import Consent, roll_back_run

    root = find_project()
    return roll_back_run(root, target.open(root), run, Consent(**said))
