"""What is kept of a build: its record as a value, and as JSON in `builds/<n>/build.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cfl_jobs.rehearsal.causes import Cause, cause_from_json, cause_to_json


class Result(Enum):
    """hudson.model.Result; the value is its ordinal, a higher one is worse."""

    SUCCESS = 0
    UNSTABLE = 1
    FAILURE = 2
    NOT_BUILT = 3
    ABORTED = 4

    def is_at_least(self, other: Result) -> bool:
        """Return whether this result is as good as `other` or better."""
        return self.value <= other.value

    def is_better_than(self, other: Result) -> bool:
        return self.value < other.value

    def is_worse_than(self, other: Result) -> bool:
        return self.value > other.value


@dataclass(frozen=True, slots=True)
class Revision:
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
    revision: Revision | None = None
    tests: tuple[int, int] | None = None  # how many ran, how many of them failed

    @property
    def name(self) -> str:
        return f"{self.job} #{self.number}"


def record_to_json(record: BuildRecord) -> dict[str, Any]:
    revision = record.revision
    return {
        "job": record.job,
        "number": record.number,
        "item": record.item,
        "cookie": record.cookie,
        "result": record.result.name if record.result else None,
        "parameters": dict(record.parameters),
        "causes": [cause_to_json(cause) for cause in record.causes],
        "started": record.started,
        "finished": record.finished,
        "description": record.description,
        "displayName": record.display_name,
        "revision": revision
        and {"commit": revision.commit, "branch": revision.branch, "url": revision.url},
        "tests": record.tests,
    }


def record_from_json(data: Mapping[str, Any]) -> BuildRecord:
    return BuildRecord(
        job=data["job"],
        number=data["number"],
        item=data["item"],
        cookie=data["cookie"],
        parameters=data["parameters"],
        causes=tuple(cause_from_json(cause) for cause in data["causes"]),
        started=data["started"],
        finished=data["finished"],
        result=Result[data["result"]] if data["result"] else None,
        description=data["description"],
        display_name=data["displayName"],
        revision=Revision(**data["revision"]) if data["revision"] else None,
        tests=(data["tests"][0], data["tests"][1]) if data["tests"] else None,
    )
