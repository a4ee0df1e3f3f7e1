"""Plan → target: carries a plan out, stage by stage, and writes down what is done.

Each job is read again before it is touched: changed since the plan, it is left alone; else what is
there goes to the journal. See carryout.py for what is done then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import CflJobsError, Refused
from cfl_jobs.planning.carryout import Maker, restore
from cfl_jobs.planning.journal import Journal, RunStep
from cfl_jobs.planning.observe import WORKERS, find_more_to_go, name_inside, read_again
from cfl_jobs.planning.plan import (
    Create,
    Delete,
    Outcome,
    Plan,
    PlannedChange,
    RunResult,
    Status,
    Update,
    turn_of,
)
from cfl_jobs.planning.renames import Renames, find_renames
from cfl_jobs.reading.names import folders_of
from cfl_jobs.target import Key, Kind, Target

_A_WHILE = 0.2  # seconds
_INTERRUPTED = "interrupted before it was begun"
_GIVEN_UP = "given up while in hand, so it may be done or not"
# Does something about a change and says what people should know; None: that wasn't all of it.
_Act = Callable[[], str | None]


def apply_plan(
    plan: Plan,
    target: Target,
    journal: Journal,
    *,
    versions: Mapping[str, str] | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
    stop: threading.Event | None = None,
    workers: int = WORKERS,
) -> RunResult:
    """Carry out every change of a plan; a job that fails doesn't stop the others.

    `versions` are the server's (see observe.list_versions). Each job is read again just before it
    is replaced, and left alone where it changed since the plan. Renames come first, jobs wait for
    their folder, deletions for all else.

    Ctrl-C, or `stop`, finishes the jobs in hand; the rest is reported as not done. So does a
    journal that can't be written any more. A second Ctrl-C doesn't wait for the jobs in hand.
    """
    maker = Maker(target, journal, versions or {})
    run = _Run(plan, target, journal, maker, report, stop or threading.Event())
    try:
        for stage in run.stages():
            pool = ThreadPoolExecutor(max_workers=min(workers, len(stage)))
            try:
                futures = [pool.submit(run.do, change, act) for change, act in stage]
                _wait(futures, run.stop)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
            for future in futures:
                future.result()
    except KeyboardInterrupt:
        run.give_up()
    return run.finish()


def _wait(futures: Sequence[Future[None]], stop: threading.Event) -> None:
    """Wait for all; the first Ctrl-C lets the jobs in hand finish, a second one is raised.

    Not in one go: Python doesn't see a signal that comes right before it begins to wait.
    """
    is_done = False
    while not is_done:
        try:
            is_done = not wait(futures, timeout=_A_WHILE).not_done
        except KeyboardInterrupt:
            if stop.is_set():
                raise
            stop.set()


@dataclass(eq=False)
class _Run:
    """A plan on its way: does one task after another, in several threads at once.

    `steps` are those that were begun, as the journal has them.
    """

    plan: Plan
    target: Target
    journal: Journal
    maker: Maker
    report: Callable[[Outcome], None]
    stop: threading.Event
    steps: dict[Key, RunStep] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    in_hand: set[Key] = field(default_factory=set)
    is_one_missing: bool = False
    is_given_up: bool = False
    problem: str = ""

    @cached_property
    def renames(self) -> Renames:
        return find_renames(self.plan)

    def stages(self) -> list[list[tuple[PlannedChange, _Act]]]:
        """Split the plan into what may be done at the same time.

        Renames come first, since Jenkins follows them in other jobs.
        """
        tasks: list[tuple[tuple[int, int], PlannedChange, _Act]] = [
            ((-1, change.name.count("/")), change, partial(self._rename, change))
            for change in self.plan.changes
            if isinstance(change, Update) and change.has_rename
        ]
        tasks += [(turn_of(c), c, partial(self._carry_out, c)) for c in self.plan.changes]
        tasks.sort(key=itemgetter(0))
        return [[task[1:] for task in stage] for _, stage in groupby(tasks, key=itemgetter(0))]

    def do(self, change: PlannedChange, act: _Act) -> None:
        """Do something about a change, unless something forbids it, and report the outcome."""
        key = change.key
        if key in self.outcomes:  # its renaming failed
            return
        if reason := self._find_obstacle(change):
            self._set(Outcome(change, Status.NOT_DONE, reason))
            return
        self.in_hand.add(key)
        try:
            message, status = act(), Status.DONE
        except CflJobsError as error:
            self._note(key, state="failed", message=error.message)
            message, status = str(error), Status.FAILED
        self.in_hand.discard(key)
        if message is not None:
            self._set(outcome := Outcome(change, status, message))
            if not self.is_given_up:
                self.report(outcome)

    def _set(self, outcome: Outcome) -> None:
        change = outcome.change
        self.outcomes[change.key] = outcome
        is_new = isinstance(change, Create) or change.name != change.name_there
        self.is_one_missing |= is_new and outcome.status is not Status.DONE

    def give_up(self) -> None:
        """Don't wait for what is in hand; say so of it, and that the rest isn't done."""
        self.stop.set()
        self.is_given_up = True
        for change in self.plan.changes:
            reason = _GIVEN_UP if change.key in self.in_hand else _INTERRUPTED
            self.outcomes.setdefault(change.key, Outcome(change, Status.NOT_DONE, reason))

    def finish(self) -> RunResult:
        """End the journal, unless it was given up; return what became of each change."""
        outcomes = tuple(self.outcomes.values())
        try:
            if not self.is_given_up:
                self.journal.finish()
        except CflJobsError as error:
            self.problem = self.problem or str(error)
        is_undone = any(outcome.status is Status.NOT_DONE for outcome in outcomes)
        is_interrupted = self.stop.is_set() and is_undone
        return RunResult(outcomes, is_interrupted=is_interrupted, problem=self.problem)

    def _find_obstacle(self, change: PlannedChange) -> str:
        if self.problem:
            return "since no more could be written down"
        if self.stop.is_set():
            if change.key in self.steps:
                return "interrupted after it was renamed"
            return _INTERRUPTED
        if isinstance(change, Delete):
            # What was to take its place may be what failed.
            return "since not all of the new jobs could be made" * self.is_one_missing
        for folder in folders_of(change.name):
            outcome = self.outcomes.get((Kind.JOB, folder))
            if outcome and outcome.status is not Status.DONE:
                return f"its folder {folder!r} failed"
        return ""

    def _rename(self, change: Update) -> None:
        old_name = change.name_at_rename
        self.steps[change.key] = RunStep(*change.key, change.verb, "started", old_name=old_name)
        before = self._read_unchanged(change, old_name)
        self._enter(change.key, before=self.journal.keep(*change.key, before.config))
        self.target.rename(old_name, change.name)

    def _carry_out(self, change: PlannedChange) -> str:
        key, name = change.key, change.name
        if isinstance(change, Delete):  # its folder may have another name by now
            name = self.renames.find_place(name)
        step = self.steps.setdefault(key, RunStep(change.kind, name, change.verb, "started"))
        before, after, message = None, "", ""

        def begin(after: str) -> None:
            self._enter(key, after=after)

        if not isinstance(change, Create):
            before = self._read_unchanged(change, name)
            kept = step.before or self.journal.keep(change.kind, name, before.config)
            self.steps[key] = replace(step, before=kept)
        if isinstance(change, Delete):
            begin(after)
            there = replace(change, live=change.live.named(name))
            more = find_more_to_go(there, self.target)
            if not more and change.live.is_folder and (inside := name_inside(name, self.target)):
                more = f"still holds {inside}"
            self._refuse(name, more, "what would go")
            self.target.delete(change.kind, name)
        elif self.plan.undoes:
            after, message = restore(change, before, self.target, begin)
        else:
            after, message = self.maker.make(change, before, begin)
        if problem := self._note(key, state="done", after=after):
            message = f"but that could not be written down: {problem}"
        return message

    def _read_unchanged(self, change: Update | Delete, name: str) -> Config:
        now, what = read_again(change.live.named(name), self.target, self.renames)
        since = what and f"{what} on the server since the plan was made"
        self._refuse(now.name, since, "what was changed")
        return now

    def _refuse(self, name: str, problem: str, what: str) -> None:
        if problem:
            text = f"{name!r} {problem}, so it is left alone"
            raise Refused(text, advice=f"Run `{self.plan.again}` to see {what}.")

    def _enter(self, key: Key, **news: Any) -> None:
        """Write down what is new of a step. Raises CflJobsError where that can't be done."""
        self.steps[key] = replace(self.steps[key], **news)
        self.journal.note(self.steps[key])

    def _note(self, key: Key, **news: Any) -> str:
        """Do the same; returns why it can't be done, which also ends the run."""
        try:
            self._enter(key, **news)
        except CflJobsError as error:
            self.problem = str(error)
            return error.message
        return ""
