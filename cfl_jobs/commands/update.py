"""`cfl-jobs update`: shows what it will change, asks, does it, and says what was done."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import INPUT, find_project
from cfl_jobs.commands.completion import JOB, RULE
from cfl_jobs.commands.target_options import ChosenTarget, consent_options, target_options


@click.command()
@click.argument("jobs", type=JOB, nargs=-1, metavar="[JOB]...")
@target_options("home", "url")
@consent_options
@click.option("--adopt", is_flag=True, help="Take over jobs of our names that aren't ours yet.")
@click.option("--prune", is_flag=True, help="Delete jobs of ours that are no longer defined.")
@click.option("--force", is_flag=True, help="Even where much of what is there could be lost.")
@click.option(
    "--despite", type=RULE, multiple=True, help="Let errors of this rule through; repeatable."
)
@click.option(
    "--plan",
    "plan_file",
    type=INPUT,
    metavar="FILE",
    help="Do just what `plan --out FILE` kept, there where it is for.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show Jenkins' own changes too.")
def command(
    jobs: tuple[str, ...],
    target: ChosenTarget,
    yes: bool,
    adopt: bool,
    prune: bool,
    delete_count: int | None,
    force: bool,
    despite: tuple[str, ...],
    plan_file: Path | None,
    backup_dir: Path | None,
    verbose: bool,
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
    if delete_count is not None and not (prune or plan_file):
        raise click.UsageError("--delete-count goes with --prune; nothing is deleted without it.")
    consent = Consent(yes, delete_count, force, despite, backup_dir, verbose)
    if plan_file is not None:
        return apply_kept_plan(plan_file, target.open_kept, consent)
    root = find_project()
    return update_jobs(root, target.open(root), Asked(jobs, adopt, prune), consent)
