"""Target → what is there: the listing, and the configs of the jobs a plan is about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import split_description
from cfl_jobs.errors import CflJobsError, ConfigError, Missing, PermissionDenied, TargetError, some
from cfl_jobs.planning.upgrades import has_upgraded
from cfl_jobs.reading.names import folders_of
from cfl_jobs.reading.versions import CORE
from cfl_jobs.target import Key, Kind, Listed, Target, is_server

# How many requests are under way at the same time.
WORKERS = 16
_FIX = "Open it in Jenkins and save it, or fix its config.xml there."
# Jenkins itself makes one in each folder (hudson.model.AllView).
_OWN_VIEW = "all"
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
        return _is_ours(self.listed[key], self.project)


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
    its new version writes by itself is told by what they have alike (see upgrades.py). Folders that
    new jobs are to be in are read as well: one may be a job. So are orphans where something is new:
    an orphan may be its old name. Where only a part of what is `defined` is desired, that tells
    what is none, unless it isn't known.
    Raises TargetError for what concerns the whole target; what concerns a job makes it unreadable.
    """
    listed = {
        (kind, entry.name): entry for kind in (Kind.JOB, Kind.VIEW) for entry in target.list(kind)
    }
    versions = list_versions(target)
    desired = tuple(desired)
    ours = {key for key, entry in listed.items() if _is_ours(entry, project)}
    names = {key for key in desired if key in listed}
    orphans = {key for key in ours - names if with_orphans}
    keys = _sorted(names | orphans)

    def read(key: Key) -> Config:
        return read_config(target, key, versions)

    failed: dict[Key, CflJobsError] = {}
    live = dict(_ask_all(target, read, keys, failed, progress))
    jobs = [key for key in keys if key in orphans and key in live and key[0] is Kind.JOB]
    counted = _ask_all(target, lambda key: target.count_builds(key[1]), jobs, failed)
    builds = {name: number for (_, name), number in counted}
    failed = {key: failed[key] for key in keys if key in failed}  # not as threads came to them
    _check_target(target, list(failed.values()), is_blind=not live)
    unreadable = {
        key: entry.problem for key, entry in listed.items() if entry.problem and key not in keys
    }
    for key, failure in failed.items():
        live.pop(key, None)
        if isinstance(failure, Missing):
            del listed[key]  # it went between the listing and the reading
        else:
            unreadable[key] = _word(failure).removeprefix(f"{key[1]}: ")
    new = [name for kind, name in desired if (kind, name) not in listed]
    others = {(Kind.JOB, folder) for name in new for folder in folders_of(name)}
    if new and (defined is None or defined):  # one of ours may be called otherwise by now
        others |= ours.difference(defined or ())
    if any(has_upgraded(config.normal, config.mark) for config in live.values()):
        others |= ours
    # That one the plan isn't about can't be read is no matter here; making a job tells of it.
    live |= _ask_all(target, read, _sorted(others.intersection(listed).difference(keys)), {})
    return Observed(target.label, listed, live, versions, builds, unreadable, project)


def read_config(target: Target, key: Key, versions: Mapping[str, str]) -> Config:
    """Return what is there, parsed already. Raises Missing, ConfigError."""
    found = Config(*key, target.read(*key), versions=versions)
    found.normal  # noqa: B018 - parses it
    return found


def _word(failure: CflJobsError) -> str:
    advice = failure.advice
    if isinstance(failure, ConfigError):
        advice = _FIX
    return f"{failure.message}. {advice}".rstrip(" .") + "."


def _sorted(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda key: (key[0].value, key[1]))


def list_versions(target: Target) -> dict[str, str]:
    """Return the versions of a server's plugins, and Jenkins' own as CORE, as far as it tells."""
    try:
        plugins = target.plugins()
    except PermissionDenied:  # only an administrator may ask for them
        plugins = {}
    if core := target.version():
        return {**plugins, CORE: core}
    return plugins


def _is_ours(entry: Listed, project: str) -> bool:
    mark = split_description(entry.description)[1]
    return mark is not None and mark.is_surely_for(entry.name, project)


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


def _check_target(target: Target, failures: Sequence[CflJobsError], *, is_blind: bool) -> None:
    """Raise what concerns the whole target, as it is when it went away, or all is forbidden."""
    refusals = [error for error in failures if isinstance(error, PermissionDenied)]
    if is_blind and len(refusals) > 1:
        raise refusals[0]
    if any(not isinstance(error, (ConfigError, PermissionDenied, Missing)) for error in failures):
        target.list(Kind.VIEW)


def list_inside(name: str, target: Target) -> tuple[Key, ...]:
    """Return the jobs and views in a folder, and those in the folders in it."""
    return tuple(
        (kind, entry.name)
        for kind in Kind
        for entry in target.list(kind)
        if is_inside((kind, entry.name), name)
    )


def is_inside(key: Key, folder: str) -> bool:
    """Tell whether someone made it in a folder; each has a view of its own from the beginning."""
    kind, name = key
    is_own = kind is Kind.VIEW and name.rpartition("/")[2].lower() == _OWN_VIEW
    return name.startswith(f"{folder}/") and not is_own


def describe_some(keys: tuple[Key, ...]) -> str:
    """Return "job Team/A and 2 more"."""
    return some([f"{kind.value} {name}" for kind, name in keys], most=1)
