"""`cfl-jobs rollback`: shows what a run changed, asks, and puts it back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands.target_options import ChosenTarget, target_options

if TYPE_CHECKING:
    from cfl_jobs.planning.rollback import Undo
    from cfl_jobs.target import Target


@click.command(short_help="Put back what a run changed.")
@click.argument("run", required=False, default="")
@target_options("home", "url")
@click.option("-y", "--yes", is_flag=True, help="Don't ask (deletions are confirmed separately).")
@click.option(
    "--delete-count",
    type=int,
    metavar="N",
    help="Don't ask, if just N jobs and views would be deleted.",
)
@click.option("--force", is_flag=True, help="Also jobs that were changed since.")
@click.option(
    "--backup-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the runs were kept, if not below ~/.local/state/cfl-jobs.",
)
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
    return roll_back_run(
        target.open(Path()), run, yes=yes, delete_count=delete_count, force=force, backup=backup_dir
    )


def roll_back_run(
    target: Target,
    run: str = "",
    *,
    yes: bool = False,
    delete_count: int | None = None,
    force: bool = False,
    backup: Path | None = None,
) -> int:
    """Show, ask, put back; returns the exit code."""
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.planning.journal import find_run
    from cfl_jobs.planning.rollback import Way, plan_rollback, roll_back
    from cfl_jobs.planning.rollback_report import write_rollback
    from cfl_jobs.target import full_label
    from cfl_jobs.terminal.interrupts import stopping
    from cfl_jobs.terminal.pushing import (
        INTERRUPTED,
        Lines,
        colour,
        open_journal,
        runs_place,
        tell_given_up,
    )
    from cfl_jobs.terminal.streams import silence_output

    found = find_run(runs_place(target, backup), full_label(target.label), run)
    if found.is_running:
        raise CflJobsError(
            f"the run {found.name} is under way", advice="Wait until it is done, or stop it."
        )
    if found.damaged:
        _complain(f"{found.damaged} lines of its journal can't be read; they are left out.")
    undos = plan_rollback(found, target, force=force)
    if undos:
        click.echo(write_rollback(undos, style=colour))
    left = sum(1 for undo in undos if undo.way is Way.LEAVE)
    todo = sum(1 for undo in undos if undo.way is not Way.NOTHING) - left
    deletions = [undo for undo in undos if undo.way is Way.DELETE]
    what = f"{todo - len(deletions)} to put back, {len(deletions)} to delete, {left} left alone"
    click.echo(f"Run {found.name} on {target.label}: {what}.")
    if not todo:
        return 1 if left or found.damaged else 0
    _ask(target, todo - len(deletions), deletions, yes=yes, delete_count=delete_count)
    journal = open_journal(target, backup, verb="rollback")
    with stopping() as stop:
        lines = Lines(stop)

        def report(undo: Undo, problem: str) -> None:
            line = f"{undo.way.value} {undo.kind.value} {undo.name}"
            if problem:
                _complain(f"{line}: failed: {problem}")
            else:
                lines.write(f"{line}: done")

        try:
            result = roll_back(undos, target, journal, report=report, stop=stop)
            stop.end()
        except KeyboardInterrupt:
            return tell_given_up()
        lines.write(f"{todo - result.failed - len(result.undone)} of {todo} put back or deleted.")
    if result.undone:
        names = ", ".join(undo.name for undo in result.undone)
        _complain(f"Not done, since it was ended before: {names}")
    if lines.problem:
        silence_output()
    if problem := result.problem or lines.problem:
        _complain(f"Ended early: {problem}")
    elif result.undone:
        _complain(f"Interrupted; `cfl-jobs rollback {found.name}` goes on from here.")
        return INTERRUPTED
    return 1 if result.failed or left or problem or found.damaged else 0


def _ask(
    target: Target,
    others: int,
    deletions: Sequence[Undo],
    *,
    yes: bool,
    delete_count: int | None,
) -> None:
    from cfl_jobs.terminal.streams import confirm

    if others and not yes:
        confirm(f"Put {others} jobs and views back?", advice="Add --yes to go ahead.")
    if deletions and delete_count != len(deletions):
        builds = sum(undo.builds for undo in deletions)
        what = f"{len(deletions)} jobs and views, with {builds} builds,"
        confirm(
            f"Delete {what} from {target.label} for good?",
            advice=f"To delete {what} without being asked: --delete-count {len(deletions)}.",
        )


def _complain(text: str) -> None:
    from cfl_jobs.planning.visible import make_visible

    with suppress(OSError):
        click.echo(make_visible(text), err=True)
