"""What became of a plan's changes → lines, a table and a summary for people; the exit code."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from cfl_jobs.planning.apply import Outcome, Result
    from cfl_jobs.planning.plan import Plan, PlannedChange

INTERRUPTED = 130


class Lines:
    """Lines on stdout while something is done; where they can't be written it is to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.problem = ""

    def write(self, text: str) -> None:
        """Write a line; to stderr, if stdout is gone."""
        from cfl_jobs.planning.visible import make_visible

        try:
            click.echo(make_visible(text), err=bool(self.problem))
        except OSError as error:
            if not self.problem:
                self.problem = f"the output can't be written: {error.strerror}"
                self._stop.set()
                self.write(text)


def line_of(outcome: Outcome) -> str:
    """Return "create job Publish Ocargo Files: done", with why where it isn't."""
    from cfl_jobs.planning.apply import describe_change
    from cfl_jobs.planning.visible import make_line_visible

    text = f"{make_line_visible(describe_change(outcome.change))}: {outcome.status.value}"
    first = outcome.message.splitlines()[:1]
    return f"{text}: {first[0]}" if first else text


def tell_result(plan: Plan, result: Result, lines: Lines, canvas: Console | None) -> int:
    """Say what was done and what wasn't; returns the exit code."""
    from cfl_jobs.commands.streams import silence_output
    from cfl_jobs.planning.apply import Status, describe_change
    from cfl_jobs.planning.visible import make_visible

    if canvas:  # elsewhere each change had its line
        with suppress(OSError):
            _print_table(result, canvas)
    failed = [o for o in result.outcomes if o.status is Status.FAILED]
    left = [o for o in result.outcomes if o.status is Status.NOT_DONE]
    done = len(result.outcomes) - len(failed) - len(left)
    lines.write(f"{done} of {len(plan.changes)} changes made on {plan.target}.")
    said = []
    for problem, changes in _by_message(failed).items():
        said.append(f"Failed: {', '.join(map(describe_change, changes))}: {problem}")
    for reason, changes in _by_message(left).items():
        said.append(f"Not done, {reason}: {', '.join(change.name for change in changes)}")
    said += [f"Left alone: {note.kind.value} {note.name} {note.text}" for note in plan.undone]
    problem = result.problem or lines.problem
    if problem:
        said.append(f"Ended early: {problem}")
    elif result.is_interrupted:
        said.append("Interrupted; run it again to go on from here.")
    for text in said:
        with suppress(OSError):
            click.echo(make_visible(text), err=True)
    if lines.problem:
        silence_output()
    if result.is_interrupted and not problem:
        return INTERRUPTED
    return 1 if problem or plan.undone or not result.is_complete else 0


def _by_message(outcomes: Iterable[Outcome]) -> dict[str, list[PlannedChange]]:
    found: dict[str, list[PlannedChange]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.message, []).append(outcome.change)
    return found


def tell_given_up() -> int:
    """Say where to look up what was done; returns the exit code."""
    with suppress(OSError):
        click.echo("Given up; `cfl-jobs history` tells what was done by then.", err=True)
    return INTERRUPTED


def _print_table(result: Result, canvas: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from cfl_jobs.planning.apply import Status, action_of
    from cfl_jobs.planning.visible import make_line_visible

    table = Table("What", "Name", "Change", "Result")
    colours = {Status.DONE: "green", Status.FAILED: "red", Status.NOT_DONE: "yellow"}
    for outcome in result.outcomes:
        change = outcome.change
        result_text = f"[{colours[outcome.status]}]{outcome.status.value}[/]"
        table.add_row(
            change.kind.value,
            escape(make_line_visible(change.name)),
            action_of(change),
            result_text,
        )
    canvas.print(table)
