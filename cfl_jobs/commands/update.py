"""`cfl-jobs update`, `history` and `rollback`: jobs are changed, what was done, and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cfl_jobs.commands import INPUT, find_project, options
from cfl_jobs.commands.options import ChosenTarget, target_options


@click.command()
@options.JOBS
@target_options("home", "url")
@options.YES
@options.DELETE_COUNT
@options.BACKUP
@options.ADOPT
@options.PRUNE
@click.option("--force", is_flag=True, help="Even where much of what is there could be lost.")
@options.DESPITE
@click.option(
    "--plan",
    "plan_file",
    type=INPUT,
    metavar="FILE",
    help="Do just what `plan --out FILE` kept, there where it is for.",
)
@options.VERBOSE
def update(
    jobs: tuple[str, ...],
    target: ChosenTarget,
    adopt: bool,
    prune: bool,
    plan_file: Path | None,
    **said: Any,
) -> int:
    """Bring a server or a directory to what the definitions say; names or globs limit which jobs.

    Without --home or --url it is the settings' server. Every config that is replaced is kept, see
    `cfl-jobs history`; each job is read back after it was changed.
    """
    from cfl_jobs.planning.basis import PlanRequest
    from cfl_jobs.terminal.pushing import Consent, apply_kept_plan, update_jobs

    if plan_file is not None and (jobs or adopt or prune):
        message = "--plan does just what the plan says; leave job names and flags out."
        raise click.UsageError(message)
    if said["delete_count"] is not None and not (prune or plan_file):
        raise click.UsageError("--delete-count goes with --prune; nothing is deleted without it.")
    consent = Consent(**said)
    if plan_file is not None:
        return apply_kept_plan(plan_file, target.open_kept, consent)
    root = find_project()
    return update_jobs(root, target.open(root), PlanRequest(jobs, adopt, prune), consent)


@click.command()
@options.RUN
@target_options("home", "url", is_there=True)
@options.BACKUP_THERE
def history(run: str, target: ChosenTarget, backup: Path | None) -> int:
    """List runs, the newest first; with RUN, what that run did to each job."""
    from cfl_jobs.terminal.pushing import show_history

    return show_history(target.open(find_project()), run, backup)


@click.command()
@options.RUN
@target_options("home", "url", is_there=True)
@options.YES
@options.DELETE_COUNT
@options.BACKUP_THERE
@click.option("--force", is_flag=True, help="Also jobs that were changed since.")
def rollback(run: str, target: ChosenTarget, **said: Any) -> int:
    """Put every job back to what it was before RUN (the last one; see `cfl-jobs history`).

    Jobs that the run made are deleted, which is confirmed separately; jobs that it deleted are made
    again, without their builds. A job that was changed since is left alone, and so is a folder that
    holds anything else by now.
    """
    from cfl_jobs.terminal.pushing import Consent, roll_back_run

    root = find_project()
    return roll_back_run(root, target.open(root), run, Consent(**said))
