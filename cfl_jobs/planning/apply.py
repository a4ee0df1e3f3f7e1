"""Plan → target: carries a plan out, job by job, and verifies each by reading it back.

What is done to one job, and what a run that is killed at any moment leaves:

1. the job is read again: changed since the plan, it is left alone; else what is there goes to
   the journal;
2. the new config is posted, whole or not at all, with a mark that says "not verified yet";
3. the final mark is set as its description, which makes Jenkins save the job in its own words;
4. the job is read back and compared: what Jenkins dropped is an error, what it made otherwise is
   written into the mark.

Killed after 2, the next run sees the open mark and goes on with 3, without posting again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.requirements import find_uses
from cfl_jobs.errors import CflJobsError, Refused
from cfl_jobs.planning.differences import Raw, compare, find_losses
from cfl_jobs.planning.journal import Journal, Step
from cfl_jobs.planning.losses import advise_on_loss
from cfl_jobs.planning.mark import (
    Mark,
    code_of_name,
    description_of,
    fingerprint,
    join_description,
    set_description,
    split_description,
)
from cfl_jobs.planning.observe import WORKERS, normal_of, says_disabled
from cfl_jobs.planning.plan import Create, Delete, Plan, PlannedChange, Update
from cfl_jobs.planning.sections import codes_of_versions, find_plugins
from cfl_jobs.planning.unchanged import read_unchanged
from cfl_jobs.target import Kind, Target


class Status(Enum):
    DONE = "done"
    FAILED = "failed"
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change. `message` says what people should know."""

    change: PlannedChange
    status: Status
    message: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    outcomes: tuple[Outcome, ...]
    is_interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        return all(outcome.status is Status.DONE for outcome in self.outcomes)


def apply_plan(
    plan: Plan,
    target: Target,
    journal: Journal,
    *,
    plugins: Mapping[str, str] | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
    workers: int = WORKERS,
) -> Result:
    """Carry out every change of a plan; a job that fails doesn't stop the others.

    `plugins` are the server's, by short name. Each job is read again just before it is replaced,
    and left alone where it changed since the plan. Jobs wait for their folder, deletions for all
    else. Ctrl-C finishes the jobs in hand; the rest is reported as not done.
    """
    worker = _Worker(target, journal, dict(plugins or {}))
    outcomes: list[Outcome] = []
    stop = threading.Event()
    failed: set[str] = set()

    def run_one(change: PlannedChange) -> Outcome:
        if stop.is_set():
            return Outcome(change, Status.NOT_DONE, "interrupted before it was begun")
        folder = next((f for f in failed if change.name.startswith(f"{f}/")), None)
        if folder is not None and not isinstance(change, Delete):
            return Outcome(change, Status.NOT_DONE, f"its folder {folder!r} failed")
        outcome = worker.carry_out(change)
        report(outcome)
        return outcome

    for stage in _stages(plan.changes):
        with ThreadPoolExecutor(max_workers=min(workers, len(stage))) as pool:
            futures = [pool.submit(run_one, change) for change in stage]
            _wait(futures, stop)
            for future in futures:
                outcome = future.result()
                outcomes.append(outcome)
                if outcome.status is not Status.DONE:
                    failed.add(outcome.change.name)
    journal.finish()
    return Result(tuple(outcomes), is_interrupted=stop.is_set())


def _wait(futures: Sequence[Future[Outcome]], stop: threading.Event) -> None:
    """Wait for all; the first Ctrl-C lets the jobs in hand finish, a second one doesn't wait."""
    try:
        wait(futures)
    except KeyboardInterrupt:
        stop.set()
        wait(futures)


def _stages(changes: Sequence[PlannedChange]) -> list[list[PlannedChange]]:
    """Split changes into what may be done at the same time.

    Jobs by their depth in folders, views (which list jobs); then deletions: views, jobs inside out.
    """

    def key(change: PlannedChange) -> tuple[int, int]:
        depth = change.name.count("/")
        is_view = change.kind is Kind.VIEW
        if isinstance(change, Delete):
            return (2, 0) if is_view else (3, -depth)
        return (1, 0) if is_view else (0, depth)

    return [list(stage) for _, stage in groupby(sorted(changes, key=key), key=key)]


class _Worker:
    """Does what one change needs. Used by several threads at once; holds no state of a job."""

    def __init__(self, target: Target, journal: Journal, plugins: dict[str, str]) -> None:
        self._target = target
        self._journal = journal
        self._plugins = plugins

    def carry_out(self, change: PlannedChange) -> Outcome:
        action = action_of(change)
        step = Step(change.kind, change.name, action, "started")
        if isinstance(change, Update) and change.old_name:
            step = replace(step, old_name=change.old_name)
        before = ""
        try:
            if not isinstance(change, Create):
                before = read_unchanged(change, self._target)
                step = replace(step, before=self._journal.keep(change.kind, change.name, before))
            self._journal.note(step)
            after, message = self._do(change, before)
        except CflJobsError as error:
            self._journal.note(replace(step, state="failed", message=error.message))
            return Outcome(change, Status.FAILED, str(error))
        self._journal.note(replace(step, state="done", after=after))
        return Outcome(change, Status.DONE, message)

    def _do(self, change: PlannedChange, before: str) -> tuple[str, str]:
        """Return a digest of the config that is there now, and what people should know."""
        kind, name = change.kind, change.name
        if isinstance(change, Delete):
            self._target.delete(kind, name)
            return "", ""
        if isinstance(change, Update) and change.old_name:
            self._target.rename(change.old_name, name)
        wanted = normal_of(change.config, name=name)
        print_ = fingerprint(wanted)
        versions = self._foresee_versions(change, before)
        mark = Mark(
            change.position.file,
            print_,
            print_,
            versions=versions,
            project=change.project,
            name=code_of_name(name),
            said_disabled=says_disabled(change.config, name=name),
        )
        if kind is Kind.VIEW:
            return self._do_view(change, wanted, mark)
        if isinstance(change, Create):
            self._target.create(kind, name, _with_mark(change, replace(mark, is_verified=False)))
        elif change.differences:
            self._target.update(kind, name, _with_mark(change, replace(mark, is_verified=False)))
        self._target.save(name, _description(change, mark))
        config = self._target.read(kind, name)
        _check_mark(name, config, mark)
        return self._verify(change, wanted, mark, config)

    def _do_view(self, change: Create | Update, wanted: Normal, mark: Mark) -> tuple[str, str]:
        """A view is saved by Jenkins when it is posted, so its final mark goes at once."""
        kind, name = change.kind, change.name
        post = self._target.create if isinstance(change, Create) else self._target.update
        post(kind, name, _with_mark(change, mark))
        config = self._target.read(kind, name)
        found = compare(wanted, normal_of(config, name=name))
        self._check_losses(change, found)
        if found:
            kept = fingerprint(normal_of(config, name=name))
            self._target.update(kind, name, _with_mark(change, replace(mark, kept=kept)))
        return digest_text(config), ""

    def _verify(
        self, change: Create | Update, wanted: Normal, mark: Mark, config: str
    ) -> tuple[str, str]:
        live = normal_of(config, name=change.name)
        kept = fingerprint(live)
        seen = codes_of_versions(find_plugins(live))
        versions = mark.versions if set(seen) <= set(mark.versions) else seen
        final = replace(mark, kept=kept, versions=versions)
        found = compare(wanted, live)
        try:
            self._check_losses(change, found)
        except Refused:
            # The open mark makes the next run post it again, whoever's it is.
            open_mark = replace(final, is_verified=False)
            self._target.save(change.name, _description(change, open_mark))
            raise
        if final != mark:
            self._target.save(change.name, _description(change, final))
        message = "" if kept == mark.kept else "Jenkins made some of it otherwise; see plan -v"
        return digest_text(config), message

    def _foresee_versions(self, change: Create | Update, before: str) -> tuple[str, ...]:
        """Return codes of the plugins' versions that will stand in the job once it is saved."""
        saved_by = find_plugins(normal_of(before, name=change.name)) if before else frozenset()
        if not self._plugins:
            return codes_of_versions(saved_by)
        uses = find_uses(parse_config(change.config, name=change.name))
        names = {use.plugin or "" for use in uses} | {text.partition("@")[0] for text in saved_by}
        known = {name: self._plugins[name] for name in names if name in self._plugins}
        return codes_of_versions(f"{name}@{version}" for name, version in known.items())

    def _check_losses(self, change: Create | Update, found: Sequence[Raw]) -> None:
        losses = find_losses(found)
        if not losses:
            return
        names = ", ".join(dict.fromkeys(loss.label for loss in losses))
        raise Refused(
            f"Jenkins took {change.name!r}, but dropped: {names}",
            advice=advise_on_loss(change.config, losses, self._plugins),
        )


def describe_change(change: PlannedChange) -> str:
    """Return "create job Publish Ocargo Files"."""
    return f"{action_of(change)} {change.kind.value} {change.name}"


def digest_text(config: str) -> str:
    """Return a digest of a config's text without its description, for "is it as we left it?"."""
    normal = normal_of(config, name="config")
    rest = tuple(child for child in normal.children if child.tag != "description")
    return hashlib.sha256(repr(replace(normal, children=rest)).encode()).hexdigest()[:16]


def action_of(change: PlannedChange) -> str:
    if isinstance(change, Create):
        return "create"
    if isinstance(change, Delete):
        return "delete"
    if change.old_name:
        return "rename"
    return "update" if change.differences else "confirm"


def _description(change: Create | Update, mark: Mark) -> str:
    root = parse_config(change.config, name=change.name)
    return join_description(split_description(description_of(root))[0].strip(), mark)


def _with_mark(change: Create | Update, mark: Mark) -> str:
    root = parse_config(change.config, name=change.name)
    set_description(root, _description(change, mark))
    if isinstance(change, Update) and change.keep_disabled:
        element = root.find("disabled")
        if element is None:
            element = root.makeelement("disabled", {})
            root.append(element)
        element.text = "true"
    return format_config(root)


def _check_mark(name: str, config: str, mark: Mark) -> None:
    """Raise Refused where someone else's change came between ours and the reading back."""
    found = split_description(description_of(parse_config(config, name=name)))[1]
    if found is None or str(found) != str(mark):
        raise Refused(
            f"{name!r} was changed by someone else at the same time",
            advice="Run `cfl-jobs plan` to see how it is now.",
        )
