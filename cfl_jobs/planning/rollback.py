"""A run's journal + target → the plan that puts it back: the kept configs are what is desired.

Each job is put back to the config it had before the run; jobs the run made are deleted, deleted
ones are made again (their builds are gone). A job that isn't as the run left it is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import CflJobsError, Missing, Refused
from cfl_jobs.planning.describing import describe, describe_disabled
from cfl_jobs.planning.differences import compare, compare_passwords
from cfl_jobs.planning.fields import secret_paths
from cfl_jobs.planning.journal import Run, RunStep
from cfl_jobs.planning.observe import (
    is_same_job,
    list_versions,
    name_inside,
    read_config,
)
from cfl_jobs.planning.plan import (
    Create,
    Delete,
    Difference,
    Note,
    Owner,
    Plan,
    PlannedChange,
    Update,
    in_order,
)
from cfl_jobs.planning.renames import Renames
from cfl_jobs.target import Key, Kind, Target

_UNSURE = "was changed since, or by the run as it ended early; --force {} all the same"
_CHANGED = "was changed since; --force {} all the same"
# What steps were called that make a job, and that delete one, in journals of any version.
_MAKES, _DELETES = ("create", "make again"), ("delete",)


def plan_rollback(run: Run, target: Target, *, force: bool = False) -> Plan:
    """Return the plan that puts a run back.

    `force` also puts back jobs that were changed since. One that can't be read is left alone.
    """
    return _Planner(run, target, force=force).plan()


class _Planner:
    def __init__(self, run: Run, target: Target, *, force: bool) -> None:
        self._run, self._target, self._force = run, target, force
        self._there = frozenset((kind, entry.name) for kind in Kind for entry in target.list(kind))
        self._versions = list_versions(target)
        self._changes: list[PlannedChange] = []
        self._unchanged: list[Key] = []
        self._undone: list[Note] = []
        self._unadopted: list[Update] = []

    def plan(self) -> Plan:
        steps = self._run.steps
        for step, trace in zip(steps, _trace_renames(steps, self._there), strict=True):
            name = trace.undone.find_place(step.name)
            try:
                self._plan_step(replace(step, name=name), trace)
            except CflJobsError as error:
                self._undone.append(Note(step.kind, name, error.message))
        self._look_into_deletions()
        return Plan(
            self._target.label,
            in_order(self._changes),
            tuple(self._unchanged),
            tuple(self._undone),
            tuple(self._unadopted),
            undoes=self._run.name,
        )

    def _plan_step(self, step: RunStep, trace: _Trace) -> None:
        """Plan what becomes of a step's job; its name is of now, but for later renames."""
        kind, kept = step.kind, None
        if step.before:
            config = Config(kind, step.name, self._run.read_before(step), versions=self._versions)
            kept = trace.undone.follow(config)
        old_name = trace.undone.find_place(step.old_name)
        now, previous = (
            self._read((kind, trace.later.find_place(name))) for name in (step.name, old_name)
        )
        if previous and now:  # the run was to rename one of them
            if kept and is_same_job(previous, kept):
                self._unchanged.append(now.key)
            else:
                reason = f"can't be {old_name!r} again: there is one, which isn't as it was"
                self._undone.append(Note(*now.key, reason))
            return
        if previous:  # it has its old name already, or still
            step, now, old_name = replace(step, name=old_name), previous, ""
        if now and kept:
            is_wanted = bool(old_name) or not is_same_job(now, kept)
        elif now:
            was_there = now.mark is None and step.state == "failed"
            is_wanted = step.action in _MAKES and not was_there
        else:
            is_wanted = bool(kept) and (step.state != "failed" or step.action in _DELETES)
        if not is_wanted:
            self._unchanged.append((kind, step.name))
            return
        desired = None
        if kept:
            name = trace.before.find_place(old_name or step.name)
            desired = trace.before.follow(kept).named(name)
        self._plan_change(desired, now, _doubt(step, kept, now, trace))

    def _plan_change(self, desired: Config | None, now: Config | None, doubt: str) -> None:
        change: PlannedChange
        if desired and now:
            change = Update(desired, now, compare_configs(desired, now))
        elif desired:
            change = Create(desired)
        elif now:
            change = Delete(now)
        else:
            return
        if not doubt or self._force:
            self._changes.append(change)
            return
        self._undone.append(Note(change.kind, change.name_there, doubt))
        if isinstance(change, Update):
            self._unadopted.append(change)

    def _read(self, key: Key) -> Config | None:
        """Return what is there under just this name; Jenkins answers to it in another case too."""
        with suppress(Missing):
            if key in self._there:
                return read_config(self._target, key, self._versions)
        return None

    def _look_into_deletions(self) -> None:
        """Count the builds that would go; leave folders alone that hold what isn't deleted."""
        deletions = [change for change in self._changes if isinstance(change, Delete)]
        to_go = {deletion.key for deletion in deletions}
        for deletion in in_order(deletions):
            self._changes.remove(deletion)
            key, builds = deletion.key, 0
            try:
                if deletion.live.is_folder and (inside := name_inside(key[1], self._target, to_go)):
                    raise Refused(f"holds {inside}")
                if deletion.kind is Kind.JOB:
                    builds = self._target.count_builds(key[1])
                self._changes.append(replace(deletion, builds=builds))
            except CflJobsError as error:
                to_go.remove(key)
                self._undone.append(Note(*key, error.message))


def compare_configs(desired: Config, live: Config) -> tuple[Difference, ...]:
    """Return all that differs, whosever it is; none where that is only the mark."""
    desired, live = desired.beside(None), live.beside(None)
    both = desired.normal, live.normal
    raws = (*compare(*both), *compare_passwords(*both))
    hidden = secret_paths(desired.normal) | secret_paths(live.normal)
    found = [describe(raw, Owner.UNKNOWN, hidden=hidden, versions=live.versions) for raw in raws]
    return (*found, *describe_disabled(desired, live, Owner.UNKNOWN))


def _doubt(step: RunStep, kept: Config | None, now: Config | None, trace: _Trace) -> str:
    """Return why a job may not be as the run left it, "" if it is.

    One that was killed, or failed, left what it was to leave, what it posted with a mark that says
    "not verified yet", or what it had only renamed.
    """
    if now is None and step.action in _DELETES:
        return ""
    if now is None:
        return "was deleted since; --force makes it again"
    remedy = "puts it back" if kept else "deletes it"
    if step.state == "done":
        if step.after == now.digest or step.after == trace.names_of_then(now).digest:
            return ""
        return _CHANGED.format(remedy)
    mark = now.mark
    if (
        (step.after and step.after == now.digest)
        or (mark and not mark.is_verified and now.fingerprint in (mark.applied, mark.kept))
        or (kept and step.old_name and is_same_job(now, kept))
    ):
        return ""
    return _UNSURE.format(remedy)


@dataclass(frozen=True, slots=True)
class _Trace:
    """Renames of a run that matter to one of its steps.

    `undone` came before it, and aren't in effect any more; `later` came after it, and are. `before`
    takes back those that came before it and are in effect.
    """

    undone: Renames
    later: Renames
    before: Renames

    def names_of_then(self, config: Config) -> Config:
        """Return a config of now with the names that jobs had right after the step."""
        pairs = (*self.undone.pairs, *self.later.pairs)
        return _sort((now, then) for then, now in pairs).follow(config)


def _trace_renames(steps: Sequence[RunStep], there: Set[Key]) -> list[_Trace]:
    """Return, for each step, the renames that say where its job is by now, and what it is called.

    Renames come before all else, in a rollback of an older version after all else; either may be
    half undone.
    """
    undone: list[Renames] = []
    found: dict[str, str] = {}
    for step in steps:
        undone.append(_sort(found.items()))
        old, new = (undone[-1].find_place(name) for name in (step.old_name, step.name))
        if old and (step.kind, new) not in there and (step.kind, old) in there:
            found[step.name] = old
    later: list[Renames] = []
    found = {}
    for step in reversed(steps):
        later.insert(0, _sort(found.items()))
        new = later[0].find_place(step.name)
        if step.old_name and (step.kind, new) in there:
            found[step.old_name] = new
    traces: list[_Trace] = []
    back: list[tuple[str, str]] = []
    for step, *renames in zip(steps, undone, later, strict=True):
        traces.append(_Trace(renames[0], renames[1], Renames(tuple(reversed(back)))))
        if step.old_name in found:
            back.append((step.name, step.old_name))
    return traces


def _sort(pairs: Iterable[tuple[str, str]]) -> Renames:
    """Return renames of full names as they are before all of them: the deepest first."""
    return Renames(tuple(sorted(pairs, key=lambda pair: -pair[0].count("/"))))
