"""Builds in a home → the texts of status, log, artifacts, and of a rehearsal's end."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.artifacts import list_artifacts
from cfl_jobs.rehearsal.directory import Builds, Home
from cfl_jobs.rehearsal.queueing import Queue
from cfl_jobs.rehearsal.records import BuildRecord
from cfl_jobs.rehearsal.view import outcome

DEFAULT_HOME = Path("build/rehearsal")
_TAIL = 12


def list_status(home: Home, builds: Builds, queue: Queue, *, count: int = 3) -> Iterator[str]:
    """Yield each job's newest builds, then what waits in the queue."""
    for job, _ in home.configs():
        records = builds.of(job)
        yield job if records else f"{job}: no builds"
        for record in records[:count]:
            yield f"  #{record.number} {outcome(record)}"
    for item in queue:
        values = ", ".join(f"{name}={value}" for name, value in item.parameters.items() if value)
        yield f"In the queue: {item.job}" + (f" ({values})" if values else "")
    if len(queue):
        yield f"Go on with: {own_command(home)} resume"


def find_build(builds: Builds, job: str, number: int | None) -> BuildRecord:
    """Return the build, the newest without a number. Raises RehearsalError."""
    records = builds.of(job)
    if not records:
        raise RehearsalError(
            f"{job!r} has no builds yet.",
            advice=f"Start one: {own_command(builds.home)} build {shlex.quote(job)}",
        )
    if number is None:
        return records[0]
    found = builds.get(job, number)
    if found is None:
        known = ", ".join(f"#{record.number}" for record in records)
        raise RehearsalError(f"{job!r} has no build #{number}.", advice=f"There are {known}.")
    return found


def list_build_artifacts(home: Home, record: BuildRecord) -> Iterator[str]:
    found = list_artifacts(home, record.job, record.number)
    if not found:
        yield f"{record.name} has no artifacts."
    for path in found.values():
        yield f"{path.stat().st_size:>10}  {show_path(path)}"


def list_failures(home: Home, records: Sequence[BuildRecord]) -> Iterator[str]:
    """Yield, for each build that didn't succeed, the end of its log and how to see all of it."""
    for record in records:
        if record.result is Result.SUCCESS:
            continue
        result = record.result.name if record.result else "running"
        yield ""
        yield f"{record.name} is {result}. Its log ends with:"
        try:
            lines = read_log(home, record).splitlines()[-_TAIL:]
        except RehearsalError as error:
            lines = [error.message]
        yield from (f"    {line}" for line in lines)
        command = f"{own_command(home)} log {shlex.quote(record.job)} {record.number}"
        yield f"  All of it: {command}"


def read_log(home: Home, record: BuildRecord) -> str:
    """Return a build's log. Raises RehearsalError where it can't be read."""
    path = home.log(record.job, record.number)
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RehearsalError(
            f"{path} can't be read: {error.strerror}",
            advice="The build's other files may be there.",
        ) from error


def own_command(home: Home) -> str:
    """Return how to call rehearse again for this home, from where we are."""
    own = Path(sys.argv[0])
    name = "cfl-jobs" if shutil.which("cfl-jobs") or own.name != "cfl-jobs" else show_path(own)
    if home.root == DEFAULT_HOME.resolve():
        return f"{name} rehearse"
    return f"{name} rehearse --home {shlex.quote(show_path(home.root))}"


def show_path(path: Path) -> str:
    """Return the path as short as it is understood here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
