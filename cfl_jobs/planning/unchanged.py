"""A plan + its target → is what the plan is about still as it was when the plan was made?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cfl_jobs.errors import Missing, PlanError, Refused
from cfl_jobs.planning.observe import WORKERS, read_live
from cfl_jobs.planning.plan import Create, Delete, Plan, PlannedChange, Update
from cfl_jobs.target import Kind, Listed, Target


def is_same_job(one: str, other: str, *, name: str) -> bool:
    """Tell whether two configs are the same job: Jenkins' own rewriting aside, mark included."""
    if one == other:
        return True
    ours, theirs = (read_live(Listed(name), config) for config in (one, other))
    return (ours.normal, ours.mark, ours.disabled) == (theirs.normal, theirs.mark, theirs.disabled)


def read_unchanged(change: Update | Delete, target: Target) -> str:
    """Return the config there is now. Raises Refused where it isn't the plan's any more."""
    name = change.name_there
    try:
        now = target.read(change.kind, name)
    except Missing as error:
        raise _refuse(name, "was deleted") from error
    if not is_same_job(now, change.before, name=name):
        raise _refuse(name, "was changed")
    return now


def check_unchanged(plan: Plan, target: Target) -> None:
    """Raise PlanError if any job of the plan isn't as it was when the plan was made."""
    listed = {(kind, entry.name) for kind in Kind for entry in target.list(kind)}

    def look(change: PlannedChange) -> str:
        if isinstance(change, Create):
            return "is there already" if (change.kind, change.name) in listed else ""
        return _look(change, target)

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        found = zip(plan.changes, pool.map(look, plan.changes), strict=True)
        texts = [f"{change.kind.value} {change.name} {text}" for change, text in found if text]
    if texts:
        raise PlanError(
            f"{plan.target} isn't as it was when the plan was made: {'; '.join(texts)}",
            advice="Nothing was changed. Make a new plan.",
        )


def _look(change: Update | Delete, target: Target) -> str:
    """Return what happened to a job since, "" for nothing."""
    try:
        now = target.read(change.kind, change.name_there)
    except Missing:
        return "was deleted"
    return "" if is_same_job(now, change.before, name=change.name_there) else "was changed"


def _refuse(name: str, what: str) -> Refused:
    return Refused(
        f"{name!r} {what} on the server since the plan was made, so it is left alone",
        advice="Run `cfl-jobs plan` again to see what was changed.",
    )
