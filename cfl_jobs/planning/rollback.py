"""A run's journal + target → what putting it back takes, and doing it.

Each job is put back to the config it had before the run; jobs the run made are deleted, deleted
ones are made again (their builds are gone). A job that isn't as the run left it is left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import CflJobsError, Missing, Refused
from cfl_jobs.planning.apply import digest_text
from cfl_jobs.planning.folders import describe_some, is_folder, list_inside
from cfl_jobs.planning.journal import Journal, Run, Step
from cfl_jobs.planning.mark import description_of, split_description
from cfl_jobs.planning.observe import Key
from cfl_jobs.planning.unchanged import is_same_job
from cfl_jobs.target import Kind, Target


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
    with it.
    """

    way: Way
    kind: Kind
    name: str
    before: str = ""
    now: str = ""
    old_name: str = ""
    reason: str = ""
    builds: int = 0


def plan_rollback(run: Run, target: Target, *, force: bool = False) -> tuple[Undo, ...]:
    """Return what putting a run back takes, its last steps first.

    `force` also puts back jobs that were changed since.
    """
    steps = [step for step in reversed(run.steps) if step.state != "failed" or step.before]
    undos = [_plan_step(run, step, target, force=force) for step in steps]
    return _look_into_deletions(undos, target)


def roll_back(
    undos: tuple[Undo, ...],
    target: Target,
    journal: Journal,
    *,
    report: Callable[[Undo, str], None] = lambda undo, problem: None,
    stop: threading.Event | None = None,
) -> tuple[int, tuple[Undo, ...]]:
    """Do it; returns how many failed, and which weren't begun since `stop` was set.

    The rollback is a run of its own in the journal.
    """
    failed = 0
    todo = [undo for undo in undos if undo.way not in (Way.NOTHING, Way.LEAVE)]
    for number, undo in enumerate(todo):
        if stop is not None and stop.is_set():
            journal.finish()
            return failed, tuple(todo[number:])
        step = Step(undo.kind, undo.name, undo.way.value, "started")
        try:
            if undo.now:
                now = _read_unchanged(undo, target)
                step = replace(step, before=journal.keep(undo.kind, undo.name, now))
            journal.note(step)
            after = _do(undo, target)
        except CflJobsError as error:
            failed += 1
            journal.note(replace(step, state="failed", message=error.message))
            report(undo, str(error))
            continue
        name = undo.old_name or undo.name
        old_name = undo.name if undo.old_name else ""
        journal.note(replace(step, name=name, old_name=old_name, state="done", after=after))
        report(undo, "")
    journal.finish()
    return failed, ()


def _plan_step(run: Run, step: Step, target: Target, *, force: bool) -> Undo:
    before = run.read_before(step) if step.before else ""
    undo = Undo(Way.NOTHING, step.kind, step.name, before, old_name=step.old_name)
    try:
        now = target.read(step.kind, step.name)
    except Missing:
        if step.old_name or not before:
            return undo
        return replace(undo, way=Way.MAKE_AGAIN)
    undo = replace(undo, now=now)
    if before and not step.old_name and is_same_job(now, before, name=step.name):
        return undo
    if step.after and digest_text(now) != step.after and not force:
        reason = "was changed since; --force puts it back all the same"
        return replace(undo, way=Way.LEAVE, reason=reason)
    if not before:
        if split_description(_description(now, step.name))[1] is None and not force:
            return replace(undo, way=Way.LEAVE, reason="isn't ours")
        return replace(undo, way=Way.DELETE)
    return replace(undo, way=Way.PUT_BACK)


def _look_into_deletions(undos: Sequence[Undo], target: Target) -> tuple[Undo, ...]:
    """Count the builds that would go; leave folders alone that hold what isn't deleted itself."""
    done = {(undo.kind, undo.name): undo for undo in undos}
    deletions = [undo for undo in undos if undo.way is Way.DELETE]
    to_go = {(undo.kind, undo.name) for undo in deletions}
    for undo in sorted(deletions, key=lambda undo: -undo.name.count("/")):
        key = (undo.kind, undo.name)
        done[key] = _look_into(undo, target, to_go)
        if done[key].way is not Way.DELETE:
            to_go.remove(key)
    return tuple(done.values())


def _look_into(undo: Undo, target: Target, to_go: Set[Key]) -> Undo:
    if undo.kind is Kind.VIEW:
        return undo
    if is_folder(undo.now, name=undo.name):
        others = tuple(key for key in list_inside(undo.name, target) if key not in to_go)
        if others:
            return replace(undo, way=Way.LEAVE, reason=f"holds {describe_some(others)}")
    return replace(undo, builds=target.count_builds(undo.name))


def _do(undo: Undo, target: Target) -> str:
    kind, name = undo.kind, undo.name
    if undo.way is Way.DELETE:
        if is_folder(undo.now, name=name) and (inside := list_inside(name, target)):
            raise Refused(f"{name!r} still holds {describe_some(inside)}, so it is left alone")
        target.delete(kind, name)
        return ""
    if undo.way is Way.MAKE_AGAIN:
        target.create(kind, name, undo.before)
    else:
        if undo.old_name:
            target.rename(name, undo.old_name)
            name = undo.old_name
        target.update(kind, name, undo.before)
    if kind is Kind.JOB:
        target.save(name, _description(undo.before, name))
    now = target.read(kind, name)
    if not is_same_job(now, undo.before, name=name):
        raise Refused(f"{name!r} was put back, but Jenkins made something else of it")
    return digest_text(now)


def _read_unchanged(undo: Undo, target: Target) -> str:
    """Return the config there is now. Raises Refused where it isn't what people were shown."""
    try:
        now = target.read(undo.kind, undo.name)
    except Missing:
        now = ""
    if not now or not is_same_job(now, undo.now, name=undo.name):
        raise Refused(
            f"{undo.name!r} was {'changed' if now else 'deleted'} meanwhile, so it is left alone",
            advice="Run the rollback again to see how it is now.",
        )
    return now


def _description(config: str, name: str) -> str:
    return description_of(parse_config(config, name=name))
