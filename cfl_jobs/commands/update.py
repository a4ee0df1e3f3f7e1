"""`cfl-jobs update`: shows what it will change, asks, does it, and says what was done."""

from __future__ import annotations

import os
import sys
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands.plan import Asked, colour, look
from cfl_jobs.commands.question import confirm
from cfl_jobs.commands.target_options import open_target, target_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfl_jobs.planning.apply import Outcome
    from cfl_jobs.planning.journal import Journal
    from cfl_jobs.planning.plan import Plan
    from cfl_jobs.target import Target


@click.command(short_help="Create and change jobs on a server or in a directory.")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@target_options
@click.option("-y", "--yes", is_flag=True, help="Don't ask (deletions are asked for apart).")
@click.option("--adopt", is_flag=True, help="Take over jobs of our names that aren't ours yet.")
@click.option("--prune", is_flag=True, help="Delete jobs of ours that are no longer defined.")
@click.option(
    "--delete-count",
    type=int,
    metavar="N",
    help="With --prune: don't ask, if just N jobs and views would be deleted.",
)
@click.option("--force", is_flag=True, help="Even where many of the jobs would change or go.")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Do just what `plan --out FILE` kept.",
)
@click.option(
    "--backup-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep replaced configs here, not below ~/.local/state/cfl-jobs.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show Jenkins' own changes too.")
def command(
    jobs: tuple[str, ...],
    home: Path | None,
    url: str | None,
    conf: Path | None,
    yes: bool,
    adopt: bool,
    prune: bool,
    delete_count: int | None,
    force: bool,
    plan_file: Path | None,
    backup_dir: Path | None,
    verbose: bool,
) -> int:
    """Bring a server or a directory to what the definitions say; names or globs limit which jobs.

    Without --home or --url it is the settings' server. Every config that is replaced is kept, see
    `cfl-jobs history`; each job is read back after it was changed.
    """
    from cfl_jobs.errors import PlanError

    if plan_file is not None and (jobs or adopt or prune):
        raise PlanError("--plan does just what the plan says; leave job names and flags out")
    target = open_target(Path(), home, url, conf)
    if plan_file is not None:
        return apply_kept_plan(
            target,
            plan_file,
            yes=yes,
            delete_count=delete_count,
            force=force,
            backup=backup_dir,
            verbose=verbose,
        )
    return update_jobs(
        Path(),
        target,
        Asked(jobs, adopt, prune),
        yes=yes,
        delete_count=delete_count,
        force=force,
        backup=backup_dir,
        verbose=verbose,
    )


def update_jobs(
    root: Path,
    target: Target,
    asked: Asked,
    *,
    yes: bool = False,
    delete_count: int | None = None,
    force: bool = False,
    backup: Path | None = None,
    verbose: bool = False,
) -> int:
    """Plan, ask, apply; returns the exit code. Raises PlanError where it isn't to be."""
    _say_if_interrupted(target, backup)
    basis = look(root, target, asked)
    plan = basis.plan()
    _show(plan, verbose=verbose)
    if not plan.changes:
        return 1 if plan.undone else 0
    _ask(plan, yes=yes, delete_count=delete_count, force=force)
    return _apply(plan, target, backup, versions=basis.observed.versions)


def apply_kept_plan(
    target: Target,
    path: Path,
    *,
    yes: bool = False,
    delete_count: int | None = None,
    force: bool = False,
    backup: Path | None = None,
    verbose: bool = False,
) -> int:
    """Apply a plan that was kept, if nothing it is about has changed since."""
    from cfl_jobs.errors import PlanError
    from cfl_jobs.planning.observe import list_versions
    from cfl_jobs.planning.planfile import load_plan
    from cfl_jobs.planning.unchanged import check_unchanged
    from cfl_jobs.target import full_label

    _say_if_interrupted(target, backup)
    plan = load_plan(path).plan()
    if plan.target != full_label(target.label):
        raise PlanError(
            f"the plan in {path} is for {plan.target}, not for {target.label}",
            advice="Name the plan's target with --url or --home.",
        )
    _show(plan, verbose=verbose)
    if not plan.changes:
        return 1 if plan.undone else 0
    _ask(plan, yes=yes, delete_count=delete_count, force=force)
    check_unchanged(plan, target)
    return _apply(plan, target, backup, versions=list_versions(target))


def open_journal(target: Target, backup: Path | None, *, verb: str) -> Journal:
    """Begin a run's journal in the usual place, or in the directory named."""
    from cfl_jobs.planning.journal import Journal
    from cfl_jobs.target import full_label

    return Journal(runs_place(target, backup), target=full_label(target.label), verb=verb)


def runs_place(target: Target, backup: Path | None) -> Path:
    """Return where the runs against a target are kept."""
    from cfl_jobs.planning.runs import state_directory
    from cfl_jobs.target import full_label

    if backup is not None:
        return backup
    return state_directory(os.environ, full_label(target.label))


def _ask(plan: Plan, *, yes: bool, delete_count: int | None, force: bool) -> None:
    from cfl_jobs.planning.plan import check_safety

    check_safety(plan, force=force)
    others = len(plan.changes) - len(plan.deletions)
    if others and not yes:
        confirm(f"Make these {others} changes on {plan.target}?", advice="Add --yes to go ahead.")
    deletions = plan.deletions
    if deletions and delete_count != len(deletions):
        builds = plan.builds_to_go
        what = f"{len(deletions)} jobs and views, with {builds} builds,"
        confirm(
            f"Delete {what} from {plan.target} for good?",
            advice=f"To delete {what} without being asked: --delete-count {len(deletions)}.",
        )


def _show(plan: Plan, *, verbose: bool) -> None:
    """Write the plan. Raises PlanError where its reader went away: nobody saw all of it."""
    from cfl_jobs.commands.streams import silence_output
    from cfl_jobs.errors import PlanError
    from cfl_jobs.planning.report import write_text

    try:
        click.echo(write_text(plan, verbose=verbose, style=colour))
    except BrokenPipeError:
        silence_output()
        raise PlanError(
            "the plan can't be shown, its reader went away, so nothing was changed",
            advice="Look at it with `cfl-jobs plan`.",
        ) from None


def _apply(plan: Plan, target: Target, backup: Path | None, *, versions: Mapping[str, str]) -> int:
    """Carry a plan out and say what became of it; returns the exit code."""
    from cfl_jobs.commands.interrupts import stopping
    from cfl_jobs.commands.outcomes import Lines, line_of, tell_given_up, tell_result
    from cfl_jobs.commands.progress import counting
    from cfl_jobs.commands.streams import find_canvas
    from cfl_jobs.planning.apply import apply_plan

    total = len(plan.changes)
    numbers = count(1)
    one_at_a_time = threading.Lock()
    canvas = find_canvas(sys.stdout)
    journal = open_journal(target, backup, verb="update")
    with stopping() as stop:
        lines = Lines(stop)

        def report(outcome: Outcome) -> None:
            with one_at_a_time:
                done = next(numbers)
                progress(done, total)
                if canvas is None:
                    lines.write(f"[{done}/{total}] {line_of(outcome)}")

        try:
            with counting("Updating", canvas, total=total) as progress:
                result = apply_plan(
                    plan, target, journal, versions=versions, report=report, stop=stop
                )
                stop.end()  # the summary is to be written whole
        except KeyboardInterrupt:  # right before the first change, or after the last one
            return tell_given_up()
        return tell_result(plan, result, lines, canvas)


def _say_if_interrupted(target: Target, backup: Path | None) -> None:
    from cfl_jobs.planning.runs import list_runs
    from cfl_jobs.target import full_label

    runs = list_runs(runs_place(target, backup), full_label(target.label))
    last = next((run for run in runs if not run.problem), None)
    if last is not None and last.is_running:
        click.echo(f"The run {last.name} is under way; what it changes meanwhile is left alone.")
    elif last is not None and not last.is_complete and last.verb == "rollback":
        click.echo(
            f"The rollback {last.name} was not finished; this update makes all as it is defined. "
            "To go on with the rollback instead, give it the run it was about: `cfl-jobs history`."
        )
    elif last is not None and not last.is_complete:
        click.echo(f"The run {last.name} was not finished; going on from what is there.")
