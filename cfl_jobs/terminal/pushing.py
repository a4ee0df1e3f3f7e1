"""A project and a target → what would change, judged; shown, confirmed, carried out and told.

For plan, update, rollback and a new server alike. What carries a plan out is imported only then.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.errors import CflJobsError, PlanError, UnsafePlan, count
from cfl_jobs.interrupts import stopping
from cfl_jobs.planning.basis import Basis, PlanRequest, load_plan, look
from cfl_jobs.planning.journal import HISTORY, Journal, find_run, list_left, list_runs, runs_of
from cfl_jobs.planning.observe import list_versions
from cfl_jobs.planning.plan import (
    Delete,
    Outcome,
    Plan,
    PlannedChange,
    RunResult,
    Status,
    find_loss,
)
from cfl_jobs.planning.visible import make_line_visible, make_visible
from cfl_jobs.review.review import Review
from cfl_jobs.target import Target, full_label, name_command
from cfl_jobs.terminal.streams import confirm, counting, find_canvas, silence_output
from cfl_jobs.terminal.text import show, show_review

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
_COLOURS = {Status.DONE: "green", Status.FAILED: "red", Status.NOT_DONE: "yellow"}


def look_at(
    root: Path, target: Target, asked: PlanRequest, backup: Path | None = None
) -> tuple[Basis, Review]:
    """Render, look at the target with a bar at a terminal, and judge what would change."""
    with counting("Looking at", find_canvas(sys.stderr)) as progress:
        runs = partial(list_left, *runs_of(target, backup))
        basis = look(root, target, asked, recall=runs, progress=progress)
    plan, setup = basis.plan(), None
    if plan.changes and basis.setup:  # what judges is imported, and run, only where it is needed
        from cfl_jobs.review.comparing import check_setup
        from cfl_jobs.review.revisions import describe_commit

        setup = replace(check_setup(root, basis.setup), commit=describe_commit(root))
    basis = replace(basis, setup=setup)
    return basis, _judge(plan, basis)


def _judge(plan: Plan, basis: Basis) -> Review:
    """Weigh a plan by the setup that its basis carries, where it carries one."""
    if basis.setup is None:
        return Review(plan)
    from cfl_jobs.review.comparing import review_plan

    return review_plan(plan, basis.setup, is_part=bool(basis.asked.jobs))


def find_obstacles(
    review: Review, *, despite: Collection[str] = (), force: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield what needs someone's explicit word, but for what was let through already.

    That is, in words, why an update isn't made, and the option that says that it is meant.
    """
    refusing = [rule for rule in review.refusing if rule not in despite]
    if refusing:
        message = f"the checks find errors in this: {', '.join(refusing)}"
        yield message, " ".join(f"--despite {rule}" for rule in refusing)
    loss = find_loss(review.plan, review.endangered_deploys)
    if loss and not force:
        yield loss, "--force"


@dataclass(frozen=True, slots=True)
class Consent:
    """What whoever started a run said of it beforehand.

    `yes`: don't ask; deletions are confirmed separately, by `delete_count`. `force`: even where
    much could be lost. `despite` are the rules of check whose errors are let through. `backup` is
    where the run is to be kept.
    """

    yes: bool = False
    delete_count: int | None = None
    force: bool = False
    despite: tuple[str, ...] = ()
    backup: Path | None = None
    verbose: bool = False


def update_jobs(root: Path, target: Target, asked: PlanRequest, consent: Consent) -> int:
    """Plan, ask, apply; returns the exit code. Raises PlanError where it isn't to be."""
    _say_if_interrupted(target, consent.backup)
    basis, review = look_at(root, target, asked, consent.backup)
    return _push_plan(review, target, consent, basis.observed.versions, source=_commit_of(basis))


def verify_jobs(root: Path, target: Target) -> int:
    """Show what an update would still change; returns 1 where that is anything."""
    _, review = look_at(root, target, PlanRequest())
    if review.plan.changes or review.plan.undone:
        _show(review)
        return 1
    click.echo("The plan is empty: the server is what the definitions say.")
    return 0


def apply_kept_plan(path: Path, open_target: Callable[[str], Target], consent: Consent) -> int:
    """Apply a plan that was kept, if nothing it is about has changed since.

    `open_target` gets the label of the plan's target.
    """
    basis = load_plan(path)
    plan = basis.plan()
    target = open_target(plan.target)
    if plan.target != full_label(target.label):
        raise PlanError(
            f"the plan in {path} is for {plan.target}, not for {full_label(target.label)}",
            advice="Leave --home and --url out: the plan says where it is for.",
        )
    _say_if_interrupted(target, consent.backup)
    return _push_plan(_judge(plan, basis), target, consent, source=_commit_of(basis))


def _commit_of(basis: Basis) -> str:
    return basis.setup.commit if basis.setup else ""


def roll_back_run(root: Path, target: Target, run: str, consent: Consent) -> int:
    """Put back what a run changed; returns the exit code. "" is the last run."""
    found = find_run(*runs_of(target, consent.backup), run)
    if found.is_running:
        raise CflJobsError(
            f"the run {found.name} is under way", advice="Wait until it is done, or stop it."
        )
    if found.damaged:
        click.echo(f"{found.damage}; they are left out.", err=True)
    from cfl_jobs.planning.rollback import plan_rollback

    plan = plan_rollback(found, target, force=consent.force)
    click.echo(f"Run {found.name} on {target.label}, put back:")
    review = Review(plan)
    if plan.changes:  # what is put back was there before, so the checks have no say
        from cfl_jobs.rendering.cache import render_cached
        from cfl_jobs.review.effects import weigh_plan

        try:
            desired = render_cached(root)
        except CflJobsError:
            desired = ()
        review = weigh_plan(plan, desired)
    versions, source = list_versions(target), f"of the run {found.name}"
    code = _push_plan(review, target, consent, versions, source=source)
    return code or int(bool(found.damaged))


def show_history(target: Target, run: str, backup: Path | None) -> int:
    """Write the runs, or one run's steps; returns the exit code."""
    place, label = runs_of(target, backup)
    damage = ""
    lines: Sequence[object] = [f"No runs against {target.label} are kept in {place}."]
    if run:
        found = find_run(place, label, run)
        lines, damage = [found, *found.steps], found.damage * bool(found.damaged)
    else:
        lines = list_runs(place, label) or lines
    show(make_visible("\n".join(map(str, lines))), HISTORY)
    if damage:
        click.echo(damage, err=True)
    return 0


def _push_plan(
    review: Review,
    target: Target,
    consent: Consent,
    versions: Mapping[str, str] | None = None,
    *,
    source: str,
) -> int:
    """Show a plan, ask, carry it out and say what became of it; returns the exit code.

    `versions` are the server's, where it was looked at just now; otherwise it is looked at again.
    `source` says for the history what the plan is made of.
    """
    plan = review.plan
    _show(review, verbose=consent.verbose)
    if not plan.changes:
        return int(bool(plan.undone))
    _check(review, consent)
    _ask(plan, consent)
    if versions is None:
        from cfl_jobs.planning.observe import check_unchanged

        check_unchanged(plan, target)
        versions = list_versions(target)
    place, label = runs_of(target, consent.backup)
    verb = ("update", "rollback")[bool(plan.undoes)]
    journal = Journal(place, target=label, verb=verb, source=source)
    return _apply(plan, target, journal, versions=versions)


def _show(review: Review, *, verbose: bool = False) -> None:
    """Write the plan. Raises PlanError where its reader went away: nobody saw all of it."""
    try:
        show_review(review, verbose=verbose)
    except BrokenPipeError:
        silence_output()
        raise PlanError(
            "the plan can't be shown, its reader went away, so nothing was changed",
            advice=f"Look at it with `{review.plan.again}`.",
        ) from None


def _check(review: Review, consent: Consent) -> None:
    """Raise UnsafePlan where something needs an explicit word, and say what is let through."""
    found = list(find_obstacles(review, despite=consent.despite, force=consent.force))
    if found:
        options = " ".join(option for _, option in found)
        raise UnsafePlan(
            "; ".join(message for message, _ in found),
            advice=f"Nothing was changed. To apply it all the same, run it again with {options}.",
        )
    for rule in dict.fromkeys(consent.despite):
        let = "lets its errors through" if rule in review.refusing else "isn't needed"
        click.echo(f"--despite {rule} {let}.")


def _ask(plan: Plan, consent: Consent) -> None:
    def say(changes: Iterable[PlannedChange]) -> str:
        """Return "2 jobs and 1 view"."""
        kinds = Counter(change.kind.value for change in changes)
        return " and ".join(count(number, kind) for kind, number in kinds.items())

    others = [change for change in plan.changes if not isinstance(change, Delete)]
    if others and not consent.yes:
        question = f"Make {count(len(others), 'change')} on {plan.target}?"
        if plan.undoes:
            question = f"Put {say(others)} back?"
        confirm(question, advice="Add --yes to go ahead.")
    number = len(plan.deletions)
    if number and consent.delete_count != number:
        what = f"{say(plan.deletions)}, with {count(plan.builds_to_go, 'build')},"
        confirm(
            f"Delete {what} from {plan.target} for good?",
            advice=f"To delete {what} without being asked: --delete-count {number}.",
        )


def _apply(plan: Plan, target: Target, journal: Journal, *, versions: Mapping[str, str]) -> int:
    from cfl_jobs.planning.apply import apply_plan

    total = len(plan.changes)
    numbers = itertools.count(1)
    one_at_a_time = threading.Lock()
    canvas = find_canvas(sys.stdout)
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
            return tell_given_up(plan.target)
        return tell_result(plan, result, lines, canvas)


def _say_if_interrupted(target: Target, backup: Path | None) -> None:
    runs = list_runs(*runs_of(target, backup))
    last = next((run for run in runs if not run.problem), None)
    if last is None or last.is_complete:
        return
    told = f"The run {last.name} was not finished; going on from what is there."
    if last.is_running:
        told = f"The run {last.name} is under way; what it changes meanwhile is left alone."
    elif last.verb == "rollback":
        told = (
            f"The rollback {last.name} was not finished; this update makes all as it is defined. "
            "To go on with the rollback instead, give it the run it was about: "
            f"`{name_command('history', target.label)}`."
        )
    click.echo(told)


class Lines:
    """Lines on stdout while something is done; where they can't be written it is to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.problem = ""

    def write(self, text: str) -> None:
        """Write a line; to stderr, if stdout is gone."""
        try:
            click.echo(make_visible(text), err=bool(self.problem))
        except OSError as error:
            if not self.problem:
                self.problem = f"the output can't be written: {error.strerror}"
                self._stop.set()
                self.write(text)


def line_of(outcome: Outcome) -> str:
    """Return "create job Publish Ocargo Files: done", with why where it isn't."""
    why = outcome.message.splitlines()[:1]
    return ": ".join([make_line_visible(str(outcome.change)), outcome.status.value, *why])


def tell_result(plan: Plan, result: RunResult, lines: Lines, canvas: Console | None) -> int:
    """Say what was done and what wasn't; returns the exit code."""
    if canvas:  # elsewhere each change had its line
        with suppress(OSError):
            _print_table(result, canvas)
    found: dict[Status, dict[str, list[PlannedChange]]] = {status: {} for status in Status}
    for outcome in result.outcomes:
        found[outcome.status].setdefault(outcome.message, []).append(outcome.change)
    done = sum(map(len, found[Status.DONE].values()))
    lines.write(f"{done} of {count(len(plan.changes), 'change')} made on {plan.target}.")
    said = [
        f"Failed: {', '.join(map(str, changes))}: {why}"
        for why, changes in found[Status.FAILED].items()
    ]
    said += [
        f"Not done, {why}: {', '.join(change.name for change in changes)}"
        for why, changes in found[Status.NOT_DONE].items()
    ]
    said += [f"Left alone: {note.kind.value} {note.name} {note.text}" for note in plan.undone]
    problem = result.problem or lines.problem
    if problem:
        said.append(f"Ended early: {problem}")
    elif result.is_interrupted and plan.undoes:
        said.append(f"Interrupted; `{plan.again}` goes on from here.")
    elif result.is_interrupted:
        said.append("Interrupted; run it again to go on from here.")
    for text in said:
        with suppress(OSError):
            click.echo(make_visible(text), err=True)
    if lines.problem:
        silence_output()
    if result.is_interrupted and not problem:
        return INTERRUPTED
    return int(bool(problem or plan.undone) or not result.is_complete)


def tell_given_up(label: str) -> int:
    """Say where to look up what was done; returns the exit code."""
    with suppress(OSError):
        command = name_command("history", label)
        click.echo(f"Given up; `{command}` tells what was done by then.", err=True)
    return INTERRUPTED


def _print_table(result: RunResult, canvas: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("What", "Name", "Change", "Result")
    for outcome in result.outcomes:
        change, status = outcome.change, outcome.status
        name = escape(make_line_visible(change.name))
        shown = f"[{_COLOURS[status]}]{status.value}[/]"
        table.add_row(change.kind.value, name, change.verb, shown)
    canvas.print(table)
