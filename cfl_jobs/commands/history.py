"""`cfl-jobs history`: the runs that changed a target, and what they did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands.target_options import ChosenTarget, target_options

if TYPE_CHECKING:
    from cfl_jobs.planning.journal import Run
    from cfl_jobs.target import Target


@click.command(short_help="List the runs that changed a server or a directory.")
@click.argument("run", required=False, default="")
@target_options("home", "url")
@click.option(
    "--backup-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the runs were kept, if not below ~/.local/state/cfl-jobs.",
)
def command(run: str, target: ChosenTarget, backup_dir: Path | None) -> int:
    """List runs, the newest first; with RUN, what that run did to each job."""
    return show_history(target.open(Path()), run, backup=backup_dir)


def show_history(target: Target, run: str = "", *, backup: Path | None = None) -> int:
    """Write the runs, or one run's steps; returns the exit code."""
    from cfl_jobs.planning.journal import find_run, list_runs
    from cfl_jobs.planning.visible import make_visible
    from cfl_jobs.target import full_label
    from cfl_jobs.terminal.pushing import runs_place

    place = runs_place(target, backup)
    if run:
        found = find_run(place, full_label(target.label), run)
        for step in found.steps:
            name = f"{step.old_name} → {step.name}" if step.old_name else step.name
            message = f": {step.message}" if step.message else ""
            line = f"{step.action:8} {step.kind.value:4} {name}: {step.state}{message}"
            click.echo(make_visible(line))
        if found.damaged:
            click.echo(_tell_damage(found), err=True)
        return 0
    runs = list_runs(place, full_label(target.label))
    if not runs:
        click.echo(f"No runs against {target.label} are kept in {place}.")
    for found in runs:
        click.echo(_line(found))
    return 0


def _line(run: Run) -> str:
    if run.problem:
        return f"{run.name}  can't be read: {run.problem}"
    states = Counter(step.state for step in run.steps)
    counts = [f"{states['done']} of {len(run.steps)} jobs done"]
    counts += [f"{states[state]} {state}" for state in ("failed", "started") if states[state]]
    if not run.is_complete:
        counts.append("under way" if run.is_running else "not finished")
    if run.damaged:
        counts.append(_tell_damage(run))
    return f"{run.name}  {run.verb:8}  {', '.join(counts)}"


def _tell_damage(run: Run) -> str:
    return f"{run.damaged} lines of its journal can't be read"
