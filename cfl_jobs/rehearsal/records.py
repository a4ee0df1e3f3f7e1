"""What is kept of builds, why they were started, and what happens in a rehearsal.

A record is JSON in `builds/<n>/build.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import takewhile
from typing import Any, TypeAlias

from cfl_jobs.configs.model import BuildDiscarder
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.directory import Home, read_json, remove_tree, write_json, write_text

# hudson.model.Cause.UpstreamCause: how much of the past a cause carries along
_MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class UserCause:
    user: str

    def __str__(self) -> str:
        return f"Started by user {self.user}"


@dataclass(frozen=True, slots=True)
class PushCause:
    pusher: str

    def __str__(self) -> str:
        return f"Started by GitHub push by {self.pusher}"


@dataclass(frozen=True, slots=True)
class UpstreamCause:
    job: str
    number: int
    causes: tuple[Cause, ...] = ()

    def __str__(self) -> str:
        return f'Started by upstream project "{self.job}" build number {self.number}'


Cause: TypeAlias = UserCause | PushCause | UpstreamCause


def upstream_of(record: BuildRecord) -> UpstreamCause:
    """Return the cause for what a build starts; each ancestor is told once."""
    traversed: set[tuple[str, int]] = set()

    def trim(cause: Cause, depth: int) -> Cause:
        if not isinstance(cause, UpstreamCause):
            return cause
        key = (cause.job, cause.number)
        inner: tuple[Cause, ...] = ()
        if depth and key not in traversed:
            traversed.add(key)
            inner = tuple(trim(each, depth - 1) for each in cause.causes)
        return replace(cause, causes=inner)

    return UpstreamCause(
        record.job, record.number, tuple(trim(cause, _MAX_DEPTH) for cause in record.causes)
    )


def log_lines(cause: Cause, depth: int = 0) -> Iterator[str]:
    """Yield the cause as a build's log begins with it, ancestors indented by one space each."""
    yield " " * depth + str(cause)
    if isinstance(cause, UpstreamCause) and cause.causes:
        yield " " * depth + "originally caused by:"
        for inner in cause.causes:
            yield from log_lines(inner, depth + 1)


def cause_from_json(data: dict[str, Any]) -> Cause:
    if "user" in data:
        return UserCause(data["user"])
    if "pusher" in data:
        return PushCause(data["pusher"])
    causes = tuple(cause_from_json(inner) for inner in data["causes"])
    return UpstreamCause(data["job"], data["number"], causes)


@dataclass(frozen=True, slots=True)
class BuiltRevision:
    """What a build checked out. `branch` is as GIT_BRANCH says it, for example origin/master."""

    commit: str
    branch: str
    url: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build. `result` is None while it runs; times are seconds since 1970."""

    job: str
    number: int
    item: int
    cookie: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    started: float = 0.0
    finished: float | None = None
    result: Result | None = None
    description: str = ""
    display_name: str = ""
    revision: BuiltRevision | None = None
    tests: tuple[int, int] | None = None  # how many ran, how many of them failed
    failing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.job} #{self.number}"

    @property
    def shown_name(self) -> str:
        return self.display_name or f"#{self.number}"


@dataclass(frozen=True, slots=True)
class Queued:
    """A job was asked for. `merged`: a request like it was waiting already and took the cause."""

    item: int
    job: str
    cause: Cause
    merged: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A build began, so that it has no result, or ended.

    `recovered`: an earlier rehearsal left it running, and it has been recorded as aborted.
    """

    record: BuildRecord
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class Deadlocked:
    """Nothing can go on. `lines` say who waits for whom."""

    lines: tuple[str, ...]


Event: TypeAlias = Queued | Changed | Deadlocked
Notify: TypeAlias = Callable[[Event], None]


_DAY = 24 * 60 * 60
_ENDED = frozenset(Result)
_PERMALINKS: dict[str, frozenset[Result | None]] = {
    "lastBuild": _ENDED | {None},
    "lastCompletedBuild": _ENDED,
    "lastStableBuild": frozenset({Result.SUCCESS}),
    "lastSuccessfulBuild": frozenset({Result.SUCCESS, Result.UNSTABLE}),
    "lastUnstableBuild": frozenset({Result.UNSTABLE}),
    "lastFailedBuild": frozenset({Result.FAILURE}),
    "lastUnsuccessfulBuild": _ENDED - {Result.SUCCESS},
}


class Builds:
    """The builds in a home. Records are read once and kept; only this rehearsal writes them.

    A record that can't be read is an error; where builds are only looked at, `lenient`, it is left
    out, and told in `damaged`. `idle`: no rehearsal is at work, so those that run were aborted.
    """

    def __init__(self, home: Home, *, lenient: bool = False, idle: bool = False) -> None:
        self.home = home
        self.idle = idle
        self.damaged: list[RehearsalError] = []
        self._lenient = lenient
        self._records: dict[str, dict[int, BuildRecord]] = {}

    def of(self, job: str) -> tuple[BuildRecord, ...]:
        """Return the builds of a job, newest first, running ones too."""
        records = self._load(job)
        return tuple(records[number] for number in sorted(records, reverse=True))

    def completed(self, job: str) -> tuple[BuildRecord, ...]:
        """Return the builds of a job that have ended, newest first."""
        return tuple(record for record in self.of(job) if record.result)

    def get(self, job: str, number: int) -> BuildRecord | None:
        return self._load(job).get(number)

    def items(self, jobs: Iterable[str]) -> frozenset[int]:
        """Return the queue items that have become builds of these jobs."""
        return frozenset(record.item for job in jobs for record in self.of(job))

    def take_number(self, job: str) -> int:
        """Return the next build number and count on, as Jenkins does in nextBuildNumber."""
        path = self.home.job_directory(job) / "nextBuildNumber"
        try:
            number = int(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            number = 1
        number = max([number, *(known + 1 for known in self._load(job))])
        write_text(path, f"{number + 1}\n")
        return number

    def save(self, record: BuildRecord) -> None:
        self._load(record.job)[record.number] = record
        path = self.home.build_directory(record.job, record.number) / "build.json"
        write_json(path, {**asdict(record), "result": record.result and record.result.name})

    def abort(self, record: BuildRecord) -> BuildRecord:
        """Return the record of a build that was killed with its rehearsal, when its log ended."""
        try:
            ended = self.home.log(record.job, record.number).stat().st_mtime
        except OSError:
            ended = record.started
        finished = max(ended, record.started)
        return replace(record, result=Result.ABORTED, finished=finished)

    def delete(self, record: BuildRecord) -> None:
        remove_tree(self.home.build_directory(record.job, record.number))
        self._load(record.job).pop(record.number, None)

    def find_permalink(self, job: str, permalink: str) -> BuildRecord | None:
        """Resolve lastBuild, lastStableBuild and the others (hudson.model.PermalinkProjectAction).

        A name that is no permalink finds nothing.
        """
        return next(self.linked(job, permalink), None)

    def linked(self, job: str, permalink: str) -> Iterator[BuildRecord]:
        """Yield the builds of which the newest has this permalink."""
        accepted = _PERMALINKS.get(permalink, frozenset())
        return (record for record in self.of(job) if record.result in accepted)

    def _load(self, job: str) -> dict[int, BuildRecord]:
        if job not in self._records:
            known = self._records[job] = {}
            for path in (self.home.job_directory(job) / "builds").glob("*/build.json"):
                try:
                    record = read_json(path, _read_record, None)
                    if record and self.idle and record.result is None:
                        record = self.abort(record)
                    if record:
                        known[record.number] = record
                except RehearsalError as error:
                    if not self._lenient:
                        raise
                    self.damaged.append(error)
        return self._records[job]


def _read_record(data: Mapping[str, Any]) -> BuildRecord | None:
    read = {
        "causes": tuple(map(cause_from_json, data["causes"])),
        "result": data["result"] and Result[data["result"]],
        "revision": data["revision"] and BuiltRevision(**data["revision"]),
        "tests": data["tests"] and tuple(data["tests"]),
        "failing": tuple(data.get("failing", ())),
        "number": int(data["number"]),
        "item": int(data["item"]),
    }
    return BuildRecord(**{**data, **read})


def find_aborted(builds: Builds, jobs: Iterable[str]) -> Iterator[BuildRecord]:
    """Yield the builds that were aborted and not built since, of like ones the newest.

    What an aborted build had started is left out: built again, that build starts it again.
    """

    def was_aborted(record: BuildRecord | None) -> bool:
        return record is not None and record.result is Result.ABORTED

    for job in jobs:
        aborted = reversed(tuple(takewhile(was_aborted, builds.of(job))))
        for record in {tuple(record.parameters.items()): record for record in aborted}.values():
            above = [cause for cause in record.causes if isinstance(cause, UpstreamCause)]
            if not any(was_aborted(builds.get(cause.job, cause.number)) for cause in above):
                yield record


def discard_builds(builds: Builds, job: str, discarder: BuildDiscarder, *, now: float) -> None:
    """Remove what the discarder doesn't keep.

    The last stable and the last successful build stay whatever it says, and so do running ones.
    """
    links = ("lastStableBuild", "lastSuccessfulBuild")
    exempt = [builds.find_permalink(job, link) for link in links]

    def spent(count: int, days: int) -> Iterator[BuildRecord]:
        for index, record in enumerate(builds.of(job)):
            is_old = 0 <= count <= index or 0 <= days < (now - record.started) / _DAY
            if is_old and record.result is not None and record not in exempt:
                yield record

    for record in spent(discarder.builds_to_keep, discarder.days_to_keep):
        builds.delete(record)
    for record in spent(discarder.artifact_builds_to_keep, discarder.artifact_days_to_keep):
        remove_tree(builds.home.archive(record.job, record.number))
