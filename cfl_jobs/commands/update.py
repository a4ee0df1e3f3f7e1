"""`cfl-jobs update`: shows what it will change, asks, does it, and says what was done."""

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
def command(
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
    from cfl_jobs.planning.basis import Asked
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
    return update_jobs(root, target.open(root), Asked(jobs, adopt, prune), consent)
