"""What builds of a rehearsal share, and a running one: workspace, variables, log, result."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.step import Result, StepFailed
from cfl_jobs.rehearsal.directory import Home, Trash
from cfl_jobs.rehearsal.environment import (
    Credential,
    Masker,
    build_variables,
    node_variables,
    process_environment,
)
from cfl_jobs.rehearsal.processes import Processes, StepProcess
from cfl_jobs.rehearsal.queueing import Item, Queue
from cfl_jobs.rehearsal.records import (
    BuildRecord,
    Builds,
    Cause,
    Notify,
    Queued,
    upstream_of,
)
from cfl_jobs.rehearsal.repositories import Repositories


@dataclass(frozen=True, slots=True)
class ItemGoesOn:
    """The build goes on when this queue item has become a build, or when that has ended."""

    item: int
    has_ended: bool


# What a build waits for: an item, or the end of a process.
Wait: TypeAlias = StepProcess | ItemGoesOn


class Interrupted(Exception):
    """The build is stopped from outside, with this result; its log says why."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.name)
        self.result = result


class Surroundings:
    """What the builds of a rehearsal share.

    `begun` has the records of builds by the queue item that each of them was. The time is the real
    one, moved `ahead` while everything only waits; in seconds since 1970.
    """

    def __init__(
        self,
        home: Home,
        jobs: Mapping[str, Job],
        repositories: Repositories,
        secrets: Mapping[str, Credential],
        notify: Notify,
    ) -> None:
        self.home = home
        self.jobs = dict(jobs)
        self.repositories = repositories
        self.secrets = secrets
        self.notify = notify
        self.builds = Builds(home)
        self.queue = Queue(home.state / "queue.json", self.builds.items(self.jobs))
        self.begun: dict[int, BuildRecord] = {}
        self.ahead = 0.0
        self.processes = Processes(self.now)
        self.trash = Trash(home.state / "trash", ThreadPoolExecutor(1))

    def now(self) -> float:
        return time.time() + self.ahead

    def submit(
        self,
        job: Job,
        parameters: Mapping[str, str],
        cause: Cause,
        *,
        quiet_period: float | None = None,
    ) -> Item:
        now = self.now()
        item, new = self.queue.submit(job, parameters, cause, now=now, quiet_period=quiet_period)
        self.notify(Queued(item.id, job.name, cause, merged=not new))
        return item

    def trigger(self, job: Job, parameters: Mapping[str, str], upstream: BuildRecord) -> Item:
        """Ask for a build because of another one."""
        return self.submit(job, parameters, upstream_of(upstream))


class BuildRun:
    """One running build, which writes no record. `wait` is what it last asked to wait for."""

    def __init__(
        self, job: Job, record: BuildRecord, around: Surroundings, *, executor: int, workspace: Path
    ) -> None:
        self.job = job
        self.record = record
        self.around = around
        self.home = around.home
        self.executor = executor
        self.workspace = workspace
        self.contributed: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.not_started: list[str] = []
        self.begun = around.now()
        self.wait: Wait | None = None
        self._masker = Masker(credential.secret for credential in around.secrets.values())
        path = self.home.log(record.job, record.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = path.open("ab")

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def started(self) -> float:
        return self.record.started

    @property
    def parameters(self) -> Mapping[str, str]:
        return self.record.parameters

    @property
    def result(self) -> Result:
        return self.record.result or Result.SUCCESS

    def worsen(self, result: Result) -> None:
        if result.is_worse_than(self.result):
            self.record = replace(self.record, result=result)

    def variables(self) -> dict[str, str]:
        node = node_variables(
            self.home, workspace=self.workspace, executor=self.executor, cookie=self.record.cookie
        )
        return build_variables(self.record) | node | self.contributed | self.bound

    def set_variable(self, name: str, value: str) -> None:
        self.contributed[name] = value

    def read_file(self, name: str) -> str | None:
        archive = self.home.archive(self.record.job, self.record.number)
        for path in (archive / name, self.workspace / name):
            if path.is_file():
                return path.read_text(encoding="utf-8", errors="replace")
        return None

    def log(self, text: str) -> None:
        self.write(f"{text}\n".encode())

    def write(self, data: bytes) -> None:
        self._log.write(self._masker.add(data))
        self._log.flush()

    def run(self, command: Sequence[str]) -> Generator[Wait, None, int]:
        """Run a command in the workspace with the build's environment; its exit code."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        try:
            process = self.around.processes.start(
                command,
                directory=self.workspace,
                environment=process_environment(self.variables(), self.home),
                cookie=self.record.cookie,
                write=self.write,
            )
        except OSError as error:
            raise StepFailed(f"Cannot run program {command[0]!r}: {error.strerror}") from error
        yield process
        return process.exit_code or 0

    def flush(self) -> None:
        """Write what is held back of the log, an unfinished line."""
        self._log.write(self._masker.end())
        self._log.flush()

    def close(self) -> None:
        """End the log and every process that the build left."""
        self.around.processes.end(self.record.cookie)
        self.flush()
        self._log.close()
