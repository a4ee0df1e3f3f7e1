"""A run's journal + target → what putting it back takes, and doing it.

Each job is put back to the config it had before the run; jobs the run made are deleted, deleted
ones are made again (their builds are gone). A job that isn't as the run left it is left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum

from cfl_jobs.configs.buildwritten import keep_build_written
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import description_of
from cfl_jobs.errors import CflJobsError, Missing, Refused
from cfl_jobs.planning.journal import Journal, Run, Step
from cfl_jobs.planning.observe import describe_some, list_inside, list_versions
from cfl_jobs.planning.renames import Renames
from cfl_jobs.planning.rollback_names import Trace, trace_renames
from cfl_jobs.planning.unchanged import is_same_job
from cfl_jobs.reading.versions import NEWEST
from cfl_jobs.target import Key, Kind, Target


class Way(Enum):
    """What putting one job back takes."""

    PUT_BACK = "put back"
    DELETE = "delete"
    MAKE_AGAIN = "make again"
    NOTHING = "nothing to do"
    LEAVE = "leave alone"


@dataclass(frozen=True, slots=True)
class Undo:
    """What is to be done to one job. `now` is its config at this moment, `before` the wanted one.

    `old_name` is the name it had before the run, where that renamed it; `builds` would be deleted
    with it. `place` is where it is at this moment: its folder may get another name before its turn.
    """

    way: Way
    kind: Kind
    name: str
    before: str = ""
    now: str = ""
    old_name: str = ""
    reason: str = ""
    builds: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """How it ended: `failed` counts; `undone` weren't begun, since it was stopped (`problem`)."""

    failed: int
    undone: tuple[Undo, ...] = ()
    problem: str = ""


def plan_rollback(run: Run, target: Target, *, force: bool = False) -> tuple[Undo, ...]:
    """Return what putting a run back takes, its last steps first.

    `force` also puts back jobs that were changed since. One that can't be read is left alone.
    """
    there = frozenset((kind, entry.name) for kind in Kind for entry in target.list(kind))
    traces = zip(run.steps, trace_renames(run.steps, there), strict=True)
    versions = list_versions(target)
    planned = [
        _plan_step(run, step, trace, there, versions, target, force=force)
        for step, trace in reversed(list(traces))
    ]
    return _look_into_deletions(planned, target)


def roll_back(
    undos: tuple[Undo, ...],
    target: Target,
    journal: Journal,
    *,
    report: Callable[[Undo, str], None] = lambda undo, problem: None,
    stop: threading.Event | None = None,
) -> RolledBack:
    """Do it, until `stop` is set. The rollback is a run of its own in the journal."""
    failed = 0
    problem = ""
    todo = [undo for undo in undos if undo.way not in (Way.NOTHING, Way.LEAVE)]
    renames = Renames(tuple((undo.name, undo.old_name) for undo in todo if undo.old_name))
    undone: tuple[Undo, ...] = ()
    versions = list_versions(target) if todo else NEWEST
    for number, undo in enumerate(todo):
        if problem or (stop is not None and stop.is_set()):
            undone = tuple(todo[number:])
            break
        trouble, problem = _roll_back_one(undo, renames, target, versions, journal)
        failed += bool(trouble)
        report(undo, trouble)
    try:
        journal.finish()
    except CflJobsError as error:
        problem = problem or str(error)
    return RolledBack(failed, undone, problem)


def _roll_back_one(
    undo: Undo,
    renames: Renames,
    target: Target,
    versions: Mapping[str, str],
    journal: Journal,
) -> tuple[str, str]:
    """Return why it failed, "" if it didn't, and why it can't be written down."""
    name, old_name = (undo.old_name, undo.name) if undo.old_name else (undo.name, "")
    step = Step(undo.kind, name, undo.way.value, "started", old_name=old_name)
    trouble = ""
    try:
        if undo.now:
            now = _read_unchanged(undo, renames, target)
            step = replace(step, before=journal.keep(undo.kind, undo.name, now))
        journal.note(step)
        step = replace(step, state="done", after=_do(undo, target, versions))
    except CflJobsError as error:
        trouble = str(error)
        step = replace(step, state="failed", message=error.message)
    try:
        journal.note(step)
    except CflJobsError as error:
        return trouble, str(error)
    return trouble, ""


def _plan_step(
    run: Run,
    step: Step,
    trace: Trace,
    there: Set[Key],
    versions: Mapping[str, str],
    target: Target,
    *,
    force: bool,
) -> Undo:
    name, old_name = (trace.undone.find_place(each) for each in (step.name, step.old_name))
    undo = Undo(Way.NOTHING, step.kind, name, old_name=old_name)
    try:
        before = None
        if step.before:
            kept = Config(step.kind, name, run.read_before(step), versions=versions)
            before = trace.undone.follow(kept)
        step = replace(step, name=name, old_name=old_name)
        place = trace.later.find_place(name)
        undo = replace(undo, before=before.config if before else "", place=place)
        now, former = (
            _read(target, (step.kind, trace.later.find_place(each)), there, versions)
            for each in (step.name, step.old_name)
        )
    except CflJobsError as error:
        return replace(undo, way=Way.LEAVE, reason=error.message)
    if former and now is None:  # it has its old name already, or still
        place = trace.later.find_place(step.old_name)
        undo = replace(undo, name=step.old_name, old_name="", place=place)
        step, now = replace(step, name=step.old_name, old_name=""), former
    elif former:  # another one has its name
        return _plan_unrenamed(undo, former)
    undo = replace(undo, now=now.config if now else "")
    way, reason = _choose_way(step, before, now, trace)
    if reason and not force:
        return replace(undo, way=Way.LEAVE, reason=reason)
    return replace(undo, way=way)


def _choose_way(
    step: Step, before: Config | None, now: Config | None, trace: Trace
) -> tuple[Way, str]:
    """Return what would put a job back, and what speaks against that: "" for nothing."""
    is_deletion = step.action in ("delete", Way.DELETE.value)
    if now is None:
        if not before or (step.state == "failed" and not is_deletion):
            return Way.NOTHING, ""
        reason = "" if is_deletion else "was deleted since; --force makes it again"
        return Way.MAKE_AGAIN, reason
    if before and not step.old_name and is_same_job(now, before):
        return Way.NOTHING, ""
    if not before:
        was_there = now.mark is None and step.state == "failed"
        if was_there or step.action not in ("create", Way.MAKE_AGAIN.value):
            return Way.NOTHING, ""
        return Way.DELETE, _doubt(step, now, trace, "--force deletes it")
    if step.old_name and step.state != "done" and is_same_job(now, before):
        return Way.PUT_BACK, ""  # renamed, and nothing more
    return Way.PUT_BACK, _doubt(step, now, trace, "--force puts it back")


def _doubt(step: Step, now: Config, trace: Trace, remedy: str) -> str:
    """Return why a job may not be as the run left it, "" if it is.

    One that was killed, or failed, left what it was to leave, or what it posted with a mark that
    says "not verified yet".
    """
    mark = now.mark
    if step.state == "done":
        is_left = step.after in (now.digest, trace.names_of_then(now).digest)
        return "" if is_left else f"was changed since; {remedy} all the same"
    if mark and not mark.is_verified and now.fingerprint in (mark.applied, mark.kept):
        return ""
    if step.after and step.after == now.digest:
        return ""
    return f"was changed since, or by the run as it ended early; {remedy} all the same"


def _plan_unrenamed(undo: Undo, former: Config) -> Undo:
    """Return what to do about a job that the run was to rename, where both names are there."""
    if undo.before and is_same_job(former, replace(former, config=undo.before)):
        return undo
    reason = f"can't be {undo.old_name!r} again: there is one, which isn't as it was"
    return replace(undo, way=Way.LEAVE, reason=reason)


def _read(target: Target, key: Key, there: Set[Key], versions: Mapping[str, str]) -> Config | None:
    """Return what is there under just this name; Jenkins answers to it in another case too."""
    if key not in there:
        return None
    try:
        found = Config(*key, target.read(*key), versions=versions)
        found.normal  # noqa: B018 - parses it
        return found
    except Missing:
        return None


def _look_into_deletions(undos: Sequence[Undo], target: Target) -> tuple[Undo, ...]:
    """Count the builds that would go; leave folders alone that hold what isn't deleted itself."""
    done = {(undo.kind, undo.name): undo for undo in undos}
    deletions = [undo for undo in undos if undo.way is Way.DELETE]
    to_go = {(undo.kind, undo.place) for undo in deletions}
    for undo in sorted(deletions, key=lambda undo: -undo.name.count("/")):
        key = (undo.kind, undo.name)
        try:
            done[key] = _look_into(undo, target, to_go)
        except CflJobsError as error:
            done[key] = replace(undo, way=Way.LEAVE, reason=error.message)
        if done[key].way is not Way.DELETE:
            to_go.remove((undo.kind, undo.place))
    return tuple(done.values())


def _look_into(undo: Undo, target: Target, to_go: Set[Key]) -> Undo:
    if undo.kind is Kind.VIEW:
        return undo
    if Config(undo.kind, undo.name, undo.now).is_folder:
        others = tuple(key for key in list_inside(undo.place, target) if key not in to_go)
        if others:
            return replace(undo, way=Way.LEAVE, reason=f"holds {describe_some(others)}")
    return replace(undo, builds=target.count_builds(undo.place))


def _do(undo: Undo, target: Target, versions: Mapping[str, str]) -> str:
    """Put one job back; returns the digest of what is there then, "" for nothing."""
    kind, name = undo.kind, undo.name
    if undo.way is Way.DELETE:
        is_folder = Config(kind, name, undo.now).is_folder
        if is_folder and (inside := list_inside(name, target)):
            raise Refused(f"{name!r} still holds {describe_some(inside)}, so it is left alone")
        target.delete(kind, name)
        return ""
    if undo.way is Way.MAKE_AGAIN:
        name = undo.old_name or name
        target.create(kind, name, undo.before)
    else:
        if undo.old_name:
            target.rename(name, undo.old_name)
            name = undo.old_name
        target.update(kind, name, keep_build_written(undo.before, undo.now, name=name))
    if kind is Kind.JOB:
        target.save(name, description_of(Config(kind, name, undo.before).parse()))
    now = Config(kind, name, target.read(kind, name), versions=versions)
    if not is_same_job(now, replace(now, config=undo.before)):
        raise Refused(f"{name!r} was put back, but Jenkins made something else of it")
    return now.digest


def _read_unchanged(undo: Undo, renames: Renames, target: Target) -> str:
    """Return the config there is now. Raises Refused where it isn't what people were shown.

    The renames of this rollback, which Jenkins follows in other jobs, aside.
    """
    then = Config(undo.kind, undo.name, undo.now)
    try:
        now = target.read(undo.kind, undo.name)
    except Missing:
        now = ""
    if not now or not is_same_job(replace(then, config=now), then, renames=renames):
        raise Refused(
            f"{undo.name!r} was {'changed' if now else 'deleted'} meanwhile, so it is left alone",
            advice="Roll the same run back again, by its name, to see how it is now.",
        )
    return now
