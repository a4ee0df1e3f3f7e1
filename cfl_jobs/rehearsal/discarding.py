"""A job's builds + its build discarder → builds and archives removed, as LogRotator does."""

from __future__ import annotations

from cfl_jobs.configs.model import BuildDiscarder
from cfl_jobs.rehearsal.directory import Builds, remove_tree
from cfl_jobs.rehearsal.records import BuildRecord

_DAY = 24 * 60 * 60


def discard_builds(builds: Builds, job: str, discarder: BuildDiscarder, *, now: float) -> None:
    """Remove what the discarder doesn't keep.

    The last stable and the last successful build stay whatever it says, and so do running ones.
    """
    exempt = _exempt(builds, job)
    for index, record in enumerate(builds.of(job)):
        too_many = 0 <= discarder.builds_to_keep <= index
        if record.number not in exempt and (
            too_many or _older(record, discarder.days_to_keep, now)
        ):
            builds.delete(record)
    for index, record in enumerate(builds.of(job)):
        too_many = 0 <= discarder.artifact_builds_to_keep <= index
        if record.number not in exempt and (
            too_many or _older(record, discarder.artifact_days_to_keep, now)
        ):
            remove_tree(builds.home.archive(record.job, record.number))


def _exempt(builds: Builds, job: str) -> set[int]:
    kept = {record.number for record in builds.of(job) if record.result is None}
    for permalink in ("lastStableBuild", "lastSuccessfulBuild"):
        record = builds.find_permalink(job, permalink)
        if record:
            kept.add(record.number)
    return kept


def _older(record: BuildRecord, days: int, now: float) -> bool:
    return days >= 0 and record.started < now - days * _DAY
