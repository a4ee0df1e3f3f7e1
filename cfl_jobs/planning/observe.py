"""Target → what is there: the listing, the configs of a plan, and whether they are as they were."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.fields import is_encrypted
from cfl_jobs.configs.mark import find_plugins, split_description
from cfl_jobs.errors import (
    CflJobsError,
    ConfigError,
    Missing,
    PermissionDenied,
    PlanError,
    TargetError,
    count,
    some,
)
from cfl_jobs.planning.plan import Create, Delete, Plan, PlannedChange
from cfl_jobs.planning.renames import NO_RENAMES, Renames
from cfl_jobs.reading.names import folders_of
from cfl_jobs.reading.versions import CORE
from cfl_jobs.target import Key, Kind, Listed, Target, is_server

# How many requests are under way at the same time.
WORKERS = 16
_FIX = "Open it in Jenkins and save it, or fix its config.xml there."
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observed:
    """What a target has: all that is listed, and what was read of it.

    `live` may hold more than was asked for. `versions` are as list_versions has them. `project` is
    the one whose marks are ours. `unreadable` are jobs that are there and can't be read, with the
    reason; `builds` counts those of jobs that may go. `left` are desired jobs that an earlier run
    left there and that aren't there any more.
    """

    label: str
    listed: Mapping[Key, Listed]
    live: Mapping[Key, Config]
    versions: Mapping[str, str]
    builds: Mapping[str, int]
    unreadable: Mapping[Key, str] = field(default_factory=dict)
    project: str = ""
    left: frozenset[Key] = frozenset()

    def is_ours(self, key: Key) -> bool:
        """Tell whether a listed job carries our mark, and no other project's."""
        mark = split_description(self.listed[key].description)[1]
        return mark is not None and mark.is_surely_for(key[1], self.project)


def observe(
    target: Target,
    desired: Iterable[Key],
    *,
    with_orphans: bool,
    defined: Collection[Key] | None = None,
    project: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Observed:
    """List the target and read, in parallel, the desired jobs that it has.

    `with_orphans` also reads, and counts the builds of, jobs of this project that aren't desired.
    Where a plugin was upgraded since a job's last update, all of the project's jobs are read: what
    its new version writes by itself is told by what they have alike (see owners.Habits). Folders
    that new jobs are to be in are read as well: one may be a job. So are orphans where something is
    new: an orphan may be its old name. Where only a part of what is `defined` is desired, that
    tells what is none, unless it isn't known.
    Raises TargetError for what concerns the whole target; what concerns a job makes it unreadable.
    """
    listed = {(kind, entry.name): entry for kind in Kind for entry in target.list(kind)}
    versions, desired = list_versions(target), tuple(desired)
    live: dict[Key, Config] = {}
    unreadable: dict[Key, str] = {}
    observed = Observed(target.label, listed, live, versions, {}, unreadable, project)
    ours = set(filter(observed.is_ours, listed))
    names = listed.keys() & desired
    orphans = {key for key in ours - names if with_orphans}
    keys = _sorted(names | orphans)

    def read(key: Key) -> Config:
        return read_config(target, key, versions)

    failed: dict[Key, CflJobsError] = {}
    live.update(_ask_all(target, read, keys, failed, progress))
    jobs = [key for key in keys if key in orphans and key in live and key[0] is Kind.JOB]
    counted = dict(_ask_all(target, lambda key: target.count_builds(key[1]), jobs, failed))
    failed = {key: failed[key] for key in keys if key in failed}  # not as threads came to them
    refusals = [error for error in failed.values() if isinstance(error, PermissionDenied)]
    if not live and len(refusals) > 1:
        raise refusals[0]
    if any(not isinstance(e, ConfigError | PermissionDenied | Missing) for e in failed.values()):
        target.list(Kind.VIEW)  # raises what concerns all of it, as where it went away
    unreadable |= {
        k: entry.problem for k, entry in listed.items() if entry.problem and k not in keys
    }
    for key, failure in failed.items():
        live.pop(key, None)
        if isinstance(failure, Missing):
            del listed[key]  # it went between the listing and the reading
        else:
            advice = failure.advice
            if isinstance(failure, ConfigError):
                advice = _FIX
            text = f"{failure.message}. {advice}".rstrip(" .") + "."
            unreadable[key] = text.removeprefix(f"{key[1]}: ")
    new = [name for kind, name in desired if (kind, name) not in listed]
    others = {(Kind.JOB, folder) for name in new for folder in folders_of(name)}
    if new and (defined is None or defined):  # one of ours may be called otherwise by now
        others |= ours.difference(defined or ())
    marked = ((config.mark, config.normal) for config in live.values())
    if any(mark and any(map(mark.is_older_than, find_plugins(of))) for mark, of in marked):
        others |= ours
    # That one the plan isn't about can't be read is no matter here; making a job tells of it.
    live.update(_ask_all(target, read, _sorted(others.intersection(listed).difference(keys)), {}))
    return replace(observed, builds={name: number for (_, name), number in counted.items()})


def _sorted(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda key: (key[0].value, key[1]))


def _ask_all(
    target: Target,
    ask: Callable[[Key], T],
    keys: Sequence[Key],
    failed: dict[Key, CflJobsError],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[Key, T]]:
    """Ask for each key, a server in parallel; yield the answers, in order, and note what `failed`.

    Whoever interrupts the work needn't wait until the threads have their answers.
    """

    def attempt(key: Key) -> T | None:
        try:
            return ask(key)
        except (TargetError, ConfigError) as error:
            failed[key] = error
            return None

    with ExitStack() as stack:
        answers: Iterator[T | None] = map(attempt, keys)
        if is_server(target.label):  # a directory answers at once
            from concurrent.futures import ThreadPoolExecutor

            pool = ThreadPoolExecutor(max_workers=min(WORKERS, max(len(keys), 1)))
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            answers = pool.map(attempt, keys)
        for number, (key, answer) in enumerate(zip(keys, answers, strict=True), start=1):
            if answer is not None:
                yield key, answer
            progress(number, len(keys))


def read_config(target: Target, key: Key, versions: Mapping[str, str]) -> Config:
    """Return what is there, parsed already. Raises Missing, ConfigError."""
    found = Config(*key, target.read(*key), versions=versions)
    found.normal  # noqa: B018 - parses it
    return found


def list_versions(target: Target) -> dict[str, str]:
    """Return the versions of a server's plugins, and Jenkins' own as CORE, as far as it tells."""
    try:
        plugins = target.plugins()
    except PermissionDenied:  # only an administrator may ask for them
        plugins = {}
    if core := target.version():
        return {**plugins, CORE: core}
    return plugins


def is_inside(key: Key, folder: str) -> bool:
    """Tell whether someone made it in a folder; each has a view of its own from the beginning."""
    kind, name = key
    is_own = kind is Kind.VIEW and name.rpartition("/")[2].lower() == "all"  # hudson.model.AllView
    return name.startswith(f"{folder}/") and not is_own


def name_inside(folder: str, target: Target, but: Collection[Key] = ()) -> str:
    """Return what else is in a folder, and in those in it: "job Team/A and 2 more", "" if empty."""
    there = ((kind, entry.name) for kind in Kind for entry in target.list(kind))
    inside = [key for key in there if is_inside(key, folder) and key not in but]
    return some([f"{kind.value} {name}" for kind, name in inside], most=1)


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


def read_again(then: Config, target: Target, renames: Renames) -> tuple[Config, str]:
    """Return what a job is now and what happened to it since, "" for nothing."""
    try:
        config = target.read(*then.key)
    except Missing:
        return then, "was deleted"
    if config == then.config:
        return then, ""
    now = Config(*then.key, config, versions=then.versions)
    return now, "was changed" * (not is_same_job(now, then, renames=renames))


def find_more_to_go(change: Delete, target: Target) -> str:
    """Say how many builds a job has by now, if that are more than the plan says; "" for no."""
    if change.kind is Kind.VIEW:
        return ""
    builds = target.count_builds(change.name)
    return f"has {count(builds, 'build')} by now, not {change.builds}" * (builds > change.builds)


def check_unchanged(plan: Plan, target: Target) -> None:
    """Raise PlanError if any job of the plan isn't as it was when the plan was made."""
    from concurrent.futures import ThreadPoolExecutor

    # Jenkins takes names that differ only in case for one.
    there = {(kind, entry.name.lower()) for kind in Kind for entry in target.list(kind)}

    def look(change: PlannedChange) -> str:
        name, problem = change.name_there, ""
        is_new = isinstance(change, Create) or change.name.lower() != name.lower()
        if is_new and (change.kind, change.name.lower()) in there:
            name, problem = change.name, "is there already"
        elif not isinstance(change, Create):
            problem = read_again(change.live, target, NO_RENAMES)[1]
        if isinstance(change, Delete):
            problem = problem or find_more_to_go(change, target)
        return problem and f"{change.kind.value} {name} {problem}"

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        texts = [text for text in pool.map(look, plan.changes) if text]
    if texts:
        raise PlanError(
            f"{plan.target} isn't as it was when the plan was made: {'; '.join(texts)}",
            advice="Nothing was changed. Make a new plan.",
        )
