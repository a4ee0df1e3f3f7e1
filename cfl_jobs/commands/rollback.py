"""`cfl-jobs rollback`: shows what a run changed, asks, and puts it back."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import find_project
from cfl_jobs.commands.completion import RUN
from cfl_jobs.commands.target_options import ChosenTarget, consent_options, target_options


@click.command()
@click.argument("run", type=RUN, required=False, default="")
@target_options("home", "url", reads=("home", "backup_dir"))
@consent_options
@click.option("--force", is_flag=True, help="Also jobs that were changed since.")
def command(
    run: str,
    target: ChosenTarget,
    yes: bool,
    delete_count: int | None,
    force: bool,
    backup_dir: Path | None,
) -> int:
    """Put every job back to what it was before RUN (the last one; see `cfl-jobs history`).

    Jobs that the run made are deleted, which is confirmed separately; jobs that it deleted are made
    again, without their builds. A job that was changed since is left alone, and so is a folder that
    holds anything else by now.
    """
    from cfl_jobs.terminal.pushing import Consent, roll_back_run

    consent = Consent(yes, delete_count, force, backup=backup_dir)
    root = find_project()
    return roll_back_run(root, target.open(root), run, consent)
