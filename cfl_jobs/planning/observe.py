"""Target → what is there: the listing, and the configs of the jobs a plan is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import split_description
from cfl_jobs.errors import ConfigError, Missing, PermissionDenied, TargetError
from cfl_jobs.planning.upgrades import has_upgraded
from cfl_jobs.reading.names import folders_of
from cfl_jobs.reading.versions import CORE
from cfl_jobs.target import Key, Kind, Listed, Target

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
    reason; `builds` counts those of jobs that may go.
    """

    label: str
    listed: Mapping[Key, Listed]
    live: Mapping[Key, Config]
    versions: Mapping[str, str]
    builds: Mapping[str, int]
    unreadable: Mapping[Key, str] = field(default_factory=dict)
    project: str = ""

    def is_ours(self, key: Key) -> bool:
        """Tell whether a listed job carries our mark, and no other project's."""
        return _is_ours(self.listed[key], self.project)


def observe(
    target: Target,
    wanted: Iterable[Key],
    *,
    with_orphans: bool,
    project: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int = WORKERS,
) -> Observed:
    """List the target and read, in parallel, the wanted jobs that it has.

    `with_orphans` also reads, and counts the builds of, jobs of this project that aren't wanted.
    Where a plugin was upgraded since a job's last update, all of the project's jobs are read: what
    its new version writes by itself is told by what they have alike (see habits.py). Folders that
    new jobs are wanted in are read as well: one may be a job.
    Raises TargetError for what concerns the whole target; what concerns a job makes it unreadable.
    """
    listed = {
        (kind, entry.name): entry for kind in (Kind.JOB, Kind.VIEW) for entry in target.list(kind)
    }
    versions = list_versions(target)
    wanted = tuple(wanted)
    names = {key for key in wanted if key in listed}
    orphans = {
        key
        for key, entry in listed.items()
        if with_orphans and key not in names and _is_ours(entry, project)
    }
    keys = sorted(names | orphans, key=lambda key: (key[0].value, key[1]))
    live: dict[Key, Config] = {}
    unreadable = {
        key: entry.problem
        for key, entry in listed.items()
        if entry.problem and key not in names and key not in orphans
    }
    failed: dict[Key, TargetError] = {}
    with _threads(min(workers, max(len(keys), 1))) as pool:
        for number, (key, text) in enumerate(_ask_all(pool, target.read, keys), start=1):
            if isinstance(text, TargetError):
                failed[key] = text
            else:
                try:
                    live[key] = _read(key, text, versions)
                except ConfigError as error:
                    unreadable[key] = f"{error.message}. {_FIX}"
            progress(number, len(keys))
        jobs = [key for key in keys if key in orphans and key in live and key[0] is Kind.JOB]
        counts = dict(_ask_all(pool, lambda _, name: target.count_builds(name), jobs))
    failed |= {key: count for key, count in counts.items() if isinstance(count, TargetError)}
    builds = {key[1]: count for key, count in counts.items() if isinstance(count, int)}
    _check_target(target, list(failed.values()), is_blind=not live)
    for key, failure in failed.items():
        live.pop(key, None)
        if isinstance(failure, Missing):
            del listed[key]  # it went between the listing and the reading
        else:
            unreadable[key] = f"{failure.message}. {failure.advice}".rstrip(" .") + "."
    new = [key for key in wanted if key not in listed]
    folders = {(Kind.JOB, folder) for _, name in new for folder in folders_of(name)}
    for key in sorted(folders.intersection(listed) - set(keys), key=lambda key: key[1]):
        with suppress(TargetError, ConfigError):  # making the job tells of it
            live[key] = _read(key, target.read(*key), versions)
    ours = [key for key, entry in listed.items() if _is_ours(entry, project)]
    others = sorted(set(ours) - set(keys), key=lambda key: key[1])
    if others and any(has_upgraded(read.normal, read.mark) for read in live.values()):
        with _threads(min(workers, len(others))) as pool:
            for key, text in _ask_all(pool, target.read, others):
                # That one the plan isn't about can't be read is no matter here.
                if isinstance(text, str):
                    with suppress(ConfigError):
                        live[key] = _read(key, text, versions)
    return Observed(target.label, listed, live, versions, builds, unreadable, project)


def list_versions(target: Target) -> dict[str, str]:
    """Return the versions of a server's plugins, and Jenkins' own as CORE, as far as it tells."""
    try:
        plugins = target.plugins()
    except PermissionDenied:  # only an administrator may ask for them
        plugins = {}
    core = target.version()
    return {**plugins, CORE: core} if core else plugins


def _read(key: Key, text: str, versions: Mapping[str, str]) -> Config:
    """Return what was read. Raises ConfigError where that is no XML."""
    found = Config(*key, text, versions=versions)
    found.normal  # noqa: B018 - parses it
    return found


def _is_ours(entry: Listed, project: str) -> bool:
    mark = split_description(entry.description)[1]
    return mark is not None and mark.is_surely_for(entry.name, project)


@contextmanager
def _threads(count: int) -> Iterator[Executor]:
    """Yield threads. Whoever interrupts the work needn't wait until they have their answers."""
    pool = ThreadPoolExecutor(max_workers=count)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _ask_all(
    pool: Executor, ask: Callable[[Kind, str], T], keys: Sequence[Key]
) -> Iterator[tuple[Key, T | TargetError]]:
    """Ask for each key, in parallel; yield the answers, in order, and errors in their place."""

    def attempt(key: Key) -> T | TargetError:
        try:
            return ask(*key)
        except TargetError as error:
            return error

    return zip(keys, pool.map(attempt, keys), strict=True)


def _check_target(target: Target, failures: Sequence[TargetError], *, is_blind: bool) -> None:
    """Raise what concerns the whole target, as it is when it went away, or all is forbidden."""
    refusals = [error for error in failures if isinstance(error, PermissionDenied)]
    if is_blind and len(refusals) > 1:
        raise refusals[0]
    if any(not isinstance(error, (PermissionDenied, Missing)) for error in failures):
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
    kind, name = keys[0]
    return f"{kind.value} {name}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
