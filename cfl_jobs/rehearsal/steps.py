"""A running build, as its steps see it: workspace, variables, log, result, processes."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from cfl_jobs.configs.model import Job
from cfl_jobs.rehearsal.clock import Clock
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.environment import build_variables, node_variables, process_environment
from cfl_jobs.rehearsal.masking import Masker
from cfl_jobs.rehearsal.processes import Processes, StepProcess
from cfl_jobs.rehearsal.records import BuildRecord, Result


@dataclass(frozen=True, slots=True)
class ProcessEnds:
    """The build goes on when this process has ended."""

    process: StepProcess


@dataclass(frozen=True, slots=True)
class ItemStarts:
    """The build goes on when this queue item has become a build."""

    item: int


@dataclass(frozen=True, slots=True)
class ItemEnds:
    """The build goes on when the build that this queue item became has ended."""

    item: int


Wait: TypeAlias = ProcessEnds | ItemStarts | ItemEnds


class StepFailed(Exception):
    """hudson.AbortException: the step fails with this message and no stack trace."""


class Interrupted(Exception):
    """The build is stopped from outside, with this result."""

    def __init__(self, result: Result, message: str) -> None:
        super().__init__(message)
        self.result = result


class Steps:
    """One running build. Changes to it are written to its record by whoever runs it."""

    def __init__(
        self,
        home: Home,
        job: Job,
        record: BuildRecord,
        *,
        executor: int,
        workspace: Path,
        processes: Processes,
        clock: Clock,
        secrets: Mapping[str, str],
    ) -> None:
        self.home = home
        self.job = job
        self.record = record
        self.executor = executor
        self.workspace = workspace
        self.contributed: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.not_started: list[str] = []
        self.secrets = secrets
        self._processes = processes
        self._clock = clock
        self._masker = Masker(secrets.values())
        path = home.log(record.job, record.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = path.open("ab")

    @property
    def result(self) -> Result:
        return self.record.result or Result.SUCCESS

    def worsen(self, result: Result) -> None:
        """Set the result, unless it is already worse."""
        if result.is_worse_than(self.result):
            self.record = replace(self.record, result=result)

    def variables(self) -> dict[str, str]:
        """Return the build's environment as plugins see it: empty parameters are in it."""
        node = node_variables(
            self.home,
            workspace=self.workspace,
            executor=self.executor,
            cookie=self.record.cookie,
        )
        return build_variables(self.record) | node | self.contributed | self.bound

    def log(self, text: str) -> None:
        self.write(f"{text}\n".encode())

    def write(self, data: bytes) -> None:
        self._log.write(self._masker.add(data))
        self._log.flush()

    def run(self, command: Sequence[str]) -> Generator[Wait, None, int]:
        """Run a command in the workspace with the build's environment; its exit code."""
        self.workspace.mkdir(parents=True, exist_ok=True)
        try:
            process = self._processes.start(
                command,
                directory=self.workspace,
                environment=process_environment(self.variables(), self.home),
                cookie=self.record.cookie,
                write=self.write,
                now=self._clock.now(),
            )
        except OSError as error:
            raise StepFailed(f"Cannot run program {command[0]!r}: {error.strerror}") from error
        yield ProcessEnds(process)
        code = process.exit_code
        return 1 if code is None else code

    def flush(self) -> None:
        """Write what is held back of the log, an unfinished line."""
        self._log.write(self._masker.end())
        self._log.flush()

    def close(self) -> None:
        """End the log and every process that the build left."""
        self._processes.end(self.record.cookie)
        self.flush()
        self._log.close()
