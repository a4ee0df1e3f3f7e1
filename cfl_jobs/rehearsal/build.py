"""A running build: workspace, variables, log, result, processes, and what is around it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.step import Result, StepFailed
from cfl_jobs.rehearsal.directory import Trash
from cfl_jobs.rehearsal.environment import (
    Credential,
    Masker,
    build_variables,
    node_variables,
    process_environment,
)
from cfl_jobs.rehearsal.processes import Clock, Processes, StepProcess
from cfl_jobs.rehearsal.records import BuildRecord, Builds
from cfl_jobs.rehearsal.repositories import Repositories


@dataclass(frozen=True, slots=True)
class ProcessEnds:
    """The build goes on when this process has ended."""

    process: StepProcess


@dataclass(frozen=True, slots=True)
class ItemGoesOn:
    """The build goes on when this queue item has become a build, or when that has ended."""

    item: int
    has_ended: bool


Wait: TypeAlias = ProcessEnds | ItemGoesOn


class Interrupted(Exception):
    """The build is stopped from outside, with this result; its log says why."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.name)
        self.result = result


@dataclass(frozen=True, slots=True)
class Request:
    """What a build asks for: a build of `job` with these parameters."""

    job: Job
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a build needs of the rest of the rehearsal.

    `submit` takes a request and the build that makes it, and returns the queue item's number;
    `started_by_item` has what such items became.
    """

    jobs: Mapping[str, Job]
    builds: Builds
    repositories: Repositories
    processes: Processes
    trash: Trash
    clock: Clock
    secrets: Mapping[str, Credential]
    submit: Callable[[Request, BuildRecord], int]
    cancel: Callable[[int], None]
    started_by_item: Mapping[int, BuildRecord]


class BuildRun:
    """One running build, which writes no record. `wait` is what it last asked to wait for."""

    def __init__(
        self, job: Job, record: BuildRecord, around: Surroundings, *, executor: int, workspace: Path
    ) -> None:
        self.job = job
        self.record = record
        self.around = around
        self.home = around.builds.home
        self.executor = executor
        self.workspace = workspace
        self.contributed: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.not_started: list[str] = []
        self.begun = around.clock.now()
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
                now=self.around.clock.now(),
            )
        except OSError as error:
            raise StepFailed(f"Cannot run program {command[0]!r}: {error.strerror}") from error
        yield ProcessEnds(process)
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
