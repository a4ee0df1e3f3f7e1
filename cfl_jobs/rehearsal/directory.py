"""The rehearsal's directory, laid out as JENKINS_HOME: jobs, builds, workspaces, our own state."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError, suggest
from cfl_jobs.files import write_whole
from cfl_jobs.rehearsal.records import BuildRecord, record_from_json, record_to_json

T = TypeVar("T")


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step: whoever reads it sees the old text or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that write_text wrote. Raises RehearsalError on anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return data if isinstance(data, dict) else {}


@contextmanager
def read_as_written(path: Path) -> Iterator[None]:
    """Turn the errors of taking apart JSON of another shape than we write into RehearsalError."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"it is not what cfl-jobs writes ({error!r})") from error


def _damaged(path: Path, reason: str) -> RehearsalError:
    return RehearsalError(f"{path} is damaged: {reason}", advice="Remove it and run this again.")


def remove_tree(path: Path) -> None:
    """Remove a directory, also one whose parts were made read only."""
    if path.is_symlink() or not path.exists():
        path.unlink(missing_ok=True)
        return
    for folder, names, _ in os.walk(path):
        for name in [".", *names]:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(inner.stat().st_mode | 0o700)
    shutil.rmtree(path)


class Home:
    """Where everything of a rehearsal is; nothing outside `root` is written."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def state(self) -> Path:
        """The directory of what Jenkins keeps elsewhere or in memory: the queue, git's config."""
        return self.root / "rehearsal"

    @property
    def repositories(self) -> Path:
        """Where the sample's repositories are."""
        return self.root / "repositories"

    def job_directory(self, job: str) -> Path:
        return self.root.joinpath("jobs", *job.replace("/", "/jobs/").split("/"))

    def build_directory(self, job: str, number: int) -> Path:
        return self.job_directory(job) / "builds" / str(number)

    def archive(self, job: str, number: int) -> Path:
        return self.build_directory(job, number) / "archive"

    def log(self, job: str, number: int) -> Path:
        return self.build_directory(job, number) / "log"

    def workspace(self, job: str) -> Path:
        return self.root.joinpath("workspace", *job.split("/"))

    def configs(self) -> Iterator[tuple[str, Path]]:
        """Yield each job's full name and its config.xml, folders' jobs as folder/job."""

        def walk(jobs: Path, prefix: str) -> Iterator[tuple[str, Path]]:
            for directory in sorted(jobs.iterdir()) if jobs.is_dir() else ():
                config = directory / "config.xml"
                if config.is_file():
                    yield f"{prefix}{directory.name}", config
                    yield from walk(directory / "jobs", f"{prefix}{directory.name}/")

        yield from walk(self.root / "jobs", "")

    def read_jobs(self) -> dict[str, Job]:
        """Read every job's config. Raises ConfigError on one that can't be read."""
        jobs = {}
        for name, path in self.configs():
            text = path.read_text(encoding="utf-8")
            if parse_config(text, name=name).tag == "com.cloudbees.hudson.plugins.folder.Folder":
                continue
            jobs[name] = read_job(name, text)
        return jobs


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
    out, and told in `damaged`.
    """

    def __init__(self, home: Home, *, lenient: bool = False) -> None:
        self.home = home
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
        write_text(path, json.dumps(record_to_json(record), indent=2) + "\n")

    def delete(self, record: BuildRecord) -> None:
        remove_tree(self.home.build_directory(record.job, record.number))
        self._load(record.job).pop(record.number, None)

    def find_permalink(self, job: str, permalink: str) -> BuildRecord | None:
        """Resolve lastBuild, lastStableBuild and the others (hudson.model.PermalinkProjectAction).

        Raises KeyError for a name that is no permalink.
        """
        accepted = _PERMALINKS[permalink]
        return next((record for record in self.of(job) if record.result in accepted), None)

    def _load(self, job: str) -> dict[int, BuildRecord]:
        if job not in self._records:
            known: dict[int, BuildRecord] = {}
            for path in (self.home.job_directory(job) / "builds").glob("*/build.json"):
                try:
                    record = _read_record(path)
                except RehearsalError as error:
                    if not self._lenient:
                        raise
                    self.damaged.append(error)
                    continue
                known[record.number] = record
            self._records[job] = known
        return self._records[job]


def _read_record(path: Path) -> BuildRecord:
    try:
        return record_from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RehearsalError(
            f"{path} is not a record of a build: {error!r}",
            advice=f"Remove {path.parent} and run it again.",
        ) from error


def require_job(jobs: Mapping[str, T], name: str) -> T:
    """Return the job called `name`. Raises RehearsalError that names the nearest one."""
    if name not in jobs:
        advice = suggest(name, jobs) or "The jobs are: " + ", ".join(sorted(jobs))
        raise RehearsalError(f"There is no job {name!r}.", advice=advice)
    return jobs[name]
