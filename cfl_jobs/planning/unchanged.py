"""A plan + its target → is what the plan is about still as it was when the plan was made?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.fields import is_encrypted
from cfl_jobs.errors import Missing, PlanError, Refused, count
from cfl_jobs.planning.observe import WORKERS, describe_some, list_inside
from cfl_jobs.planning.plan import Create, Delete, Plan, PlannedChange, Update
from cfl_jobs.planning.renames import NO_RENAMES, Renames
from cfl_jobs.target import Kind, Target


def is_same_job(one: Config, other: Config, *, renames: Renames = NO_RENAMES) -> bool:
    """Tell whether two configs are the same job, mark included.

    Jenkins' own rewriting and what builds wrote aside. `renames` were made between the two: jobs
    are named by their old or their new names.
    """
    if one.config == other.config:
        return True
    ours, theirs = (renames.follow(config).beside(None) for config in (one, other))
    if (ours.normal, ours.mark, ours.disabled) != (theirs.normal, theirs.mark, theirs.disabled):
        return False
    pairs = zip(ours.normal.walk(), theirs.normal.walk(), strict=True)
    secrets = [(one.secrets, other.secrets) for one, other in pairs]
    # A password may be the same: Jenkins encrypts a plain one when it saves it.
    return all(one == other or not all(map(is_encrypted, one + other)) for one, other in secrets)


def read_unchanged(
    change: Update | Delete,
    target: Target,
    *,
    again: str,
    name: str = "",
    renames: Renames = NO_RENAMES,
) -> Config:
    """Return the config there is now. Raises Refused where it isn't the plan's any more.

    `name` is what the job is called by now, where that isn't what the plan says; `again` is the
    command that makes another plan.
    """
    now, what = _read_again(change.live.named(name or change.name_there), target, renames)
    if what:
        raise Refused(
            f"{now.name!r} {what} on the server since the plan was made, so it is left alone",
            advice=f"Run `{again}` to see what was changed.",
        )
    return now


def _read_again(then: Config, target: Target, renames: Renames = NO_RENAMES) -> tuple[Config, str]:
    """Return what a job is now and what happened to it since, "" for nothing."""
    try:
        config = target.read(*then.key)
    except Missing:
        return then, "was deleted"
    if config == then.config:
        return then, ""
    now = Config(*then.key, config, versions=then.versions)
    return now, "was changed" * (not is_same_job(now, then, renames=renames))


def check_deletion(change: Delete, target: Target, *, again: str) -> None:
    """Raise Refused where more would go than the plan says: builds, or what is in a folder."""
    problem = _find_more_to_go(change, target)
    if not problem and change.live.is_folder and (inside := list_inside(change.name, target)):
        problem = f"still holds {describe_some(inside)}"
    if problem:
        raise Refused(
            f"{change.name!r} {problem}, so it is left alone",
            advice=f"Run `{again}` to see what would go.",
        )


def _find_more_to_go(change: Delete, target: Target) -> str:
    """Say how many builds a job has by now, if that are more than the plan says; "" for no."""
    if change.kind is Kind.VIEW:
        return ""
    builds = target.count_builds(change.name)
    return f"has {count(builds, 'build')} by now, not {change.builds}" * (builds > change.builds)


def check_unchanged(plan: Plan, target: Target) -> None:
    """Raise PlanError if any job of the plan isn't as it was when the plan was made."""
    # Jenkins takes names that differ only in case for one.
    there = {(kind, entry.name.lower()) for kind in Kind for entry in target.list(kind)}

    def look(change: PlannedChange) -> str:
        name, problem = change.name_there, ""
        is_new = isinstance(change, Create) or change.name.lower() != name.lower()
        if is_new and (change.kind, change.name.lower()) in there:
            name, problem = change.name, "is there already"
        elif not isinstance(change, Create):
            problem = _read_again(change.live, target)[1]
        if isinstance(change, Delete):
            problem = problem or _find_more_to_go(change, target)
        return problem and f"{change.kind.value} {name} {problem}"

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        texts = [text for text in pool.map(look, plan.changes) if text]
    if texts:
        raise PlanError(
            f"{plan.target} isn't as it was when the plan was made: {'; '.join(texts)}",
            advice="Nothing was changed. Make a new plan.",
        )
