"""Plan → target: carries a plan out, stage by stage, and writes down what is done.

Each job is read again before it is touched: changed since the plan, it is left alone; else what is
there goes to the journal. See carryout.py for what is done then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import CflJobsError
from cfl_jobs.planning.carryout import Maker, restore
from cfl_jobs.planning.journal import Journal, Step
from cfl_jobs.planning.observe import WORKERS
from cfl_jobs.planning.plan import (
    Create,
    Delete,
    Outcome,
    Plan,
    PlannedChange,
    Result,
    Status,
    Update,
    turn_of,
)
from cfl_jobs.planning.renames import Renames, find_renames
from cfl_jobs.planning.unchanged import check_deletion, read_unchanged
from cfl_jobs.reading.names import folders_of
from cfl_jobs.target import Key, Target


def apply_plan(
    plan: Plan,
    target: Target,
    journal: Journal,
    *,
    versions: Mapping[str, str] | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
    stop: threading.Event | None = None,
    workers: int = WORKERS,
) -> Result:
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
        for stage in _stages(plan.changes):
            pool = ThreadPoolExecutor(max_workers=min(workers, len(stage)))
            try:
                futures = [pool.submit(run.do, *task[1:]) for task in stage]
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


# When its turn comes, a change, and whether it is but its renaming that is to be done.
_Task = tuple[tuple[int, int], PlannedChange, bool]


def _stages(changes: Sequence[PlannedChange]) -> list[list[_Task]]:
    """Split changes into what may be done at the same time.

    Renames come first, since Jenkins follows them in other jobs.
    """
    renamed = [each for each in changes if isinstance(each, Update) and each.has_rename]
    tasks: list[_Task] = [((-1, each.name.count("/")), each, True) for each in renamed]
    tasks += [(turn_of(change), change, False) for change in changes]
    tasks.sort(key=itemgetter(0))
    return [list(stage) for _, stage in groupby(tasks, key=itemgetter(0))]


@dataclass(eq=False)
class _Run:
    """A plan on its way: does one task after another, in several threads at once."""

    plan: Plan
    target: Target
    journal: Journal
    maker: Maker
    report: Callable[[Outcome], None]
    stop: threading.Event
    renamed: dict[Key, Step] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    in_hand: set[Key] = field(default_factory=set)
    is_one_missing: bool = False
    is_given_up: bool = False
    problem: str = ""

    @cached_property
    def renames(self) -> Renames:
        return find_renames(self.plan)

    def do(self, change: PlannedChange, is_rename: bool) -> None:
        """Make a change, or rename its job, unless something forbids it, and report the outcome."""
        key = change.key
        if key in self.outcomes:  # its renaming failed
            return
        if reason := self._find_obstacle(change):
            self._set(Outcome(change, Status.NOT_DONE, reason))
            return
        self.in_hand.add(key)
        outcome = (self._carry_out, self._rename)[is_rename](change)
        self.in_hand.discard(key)
        if outcome:
            self._set(outcome)
            if not self.is_given_up:
                self.report(outcome)

    def _set(self, outcome: Outcome) -> None:
        change = outcome.change
        self.outcomes[change.key] = outcome
        if outcome.status is not Status.DONE:
            self.undone.add(change.name)
            is_new = isinstance(change, Create) or change.name != change.name_there
            self.is_one_missing |= is_new

    def give_up(self) -> None:
        """Don't wait for what is in hand; say so of it, and that the rest isn't done."""
        self.stop.set()
        self.is_given_up = True
        for change in self.plan.changes:
            reason = _GIVEN_UP if change.key in self.in_hand else _INTERRUPTED
            self.outcomes.setdefault(change.key, Outcome(change, Status.NOT_DONE, reason))

    def finish(self) -> Result:
        """End the journal, unless it was given up; return what became of each change."""
        outcomes = tuple(self.outcomes.values())
        try:
            if not self.is_given_up:
                self.journal.finish()
        except CflJobsError as error:
            self.problem = self.problem or str(error)
        is_undone = any(outcome.status is Status.NOT_DONE for outcome in outcomes)
        is_interrupted = self.stop.is_set() and is_undone
        return Result(outcomes, is_interrupted=is_interrupted, problem=self.problem)

    def _find_obstacle(self, change: PlannedChange) -> str:
        """Return why a task is not to be begun, "" for nothing."""
        if self.problem:
            return "since no more could be written down"
        if self.stop.is_set():
            if change.key in self.renamed:
                return "interrupted after it was renamed"
            return _INTERRUPTED
        if isinstance(change, Delete):
            # What was to take its place may be what failed.
            return "since not all of the new jobs could be made" * self.is_one_missing
        failed = (above for above in folders_of(change.name) if above in self.undone)
        return next((f"its folder {folder!r} failed" for folder in failed), "")

    def _rename(self, change: PlannedChange) -> Outcome | None:
        """Give a job its new name; returns what became of it only where that failed."""
        if not isinstance(change, Update):
            raise TypeError("only a job that is there can be renamed")
        old_name = change.name_at_rename
        step = Step(*change.key, change.verb, "started", old_name=old_name)
        try:
            before = self._read_unchanged(change, old_name)
            step = replace(step, before=self.journal.keep(*change.key, before.config))
            self.journal.note(step)
            self.target.rename(old_name, change.name)
        except CflJobsError as error:
            return self._fail(change, step, error)
        self.renamed[change.key] = step
        return None

    def _carry_out(self, change: PlannedChange) -> Outcome:
        name = change.name
        if isinstance(change, Delete):  # its folder may have another name by now
            name = self.renames.find_place(name)
        step = self.renamed.get(change.key) or Step(change.kind, name, change.verb, "started")
        message = after = ""

        def begin(after: str) -> None:
            nonlocal step
            step = replace(step, after=after)
            self.journal.note(step)

        try:
            before = None
            if not isinstance(change, Create):
                before = self._read_unchanged(change, name)
                kept = step.before or self.journal.keep(change.kind, name, before.config)
                step = replace(step, before=kept)
            if isinstance(change, Delete):
                self.journal.note(step)
                there = replace(change, live=change.live.named(name))
                check_deletion(there, self.target, again=self.plan.again)
                self.target.delete(change.kind, name)
            elif self.plan.undoes:
                after, message = restore(change, before, self.target, begin)
            else:
                after, message = self.maker.make(change, before, begin)
        except CflJobsError as error:
            return self._fail(change, step, error)
        if problem := self._note(replace(step, state="done", after=after)):
            message = f"but that could not be written down: {problem}"
        return Outcome(change, Status.DONE, message)

    def _read_unchanged(self, change: Update | Delete, name: str) -> Config:
        renames, again = self.renames, self.plan.again
        return read_unchanged(change, self.target, again=again, name=name, renames=renames)

    def _fail(self, change: PlannedChange, step: Step, error: CflJobsError) -> Outcome:
        self._note(replace(step, state="failed", message=error.message))
        return Outcome(change, Status.FAILED, str(error))

    def _note(self, step: Step) -> str:
        """Write a step down; returns why that can't be done, which also ends the run."""
        try:
            self.journal.note(step)
        except CflJobsError as error:
            self.problem = str(error)
            return error.message
        return ""


_A_WHILE = 0.2  # seconds
_INTERRUPTED = "interrupted before it was begun"
_GIVEN_UP = "given up while in hand, so it may be done or not"
