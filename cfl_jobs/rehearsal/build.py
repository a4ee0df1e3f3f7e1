"""A running build: processes, workspace, variables, log, result; and what builds share.

Each process is in its own session, its output is pumped to a log, and it is always cleaned up.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.step import Result, StepFailed
from cfl_jobs.interrupts import undisturbed
from cfl_jobs.rehearsal import guard
from cfl_jobs.rehearsal.directory import Home, Trash
from cfl_jobs.rehearsal.environment import (
    GivenCredential,
    Masker,
    Repositories,
    build_variables,
    process_environment,
)
from cfl_jobs.rehearsal.guard import find_by_cookie, signal_build
from cfl_jobs.rehearsal.queueing import Item, Queue
from cfl_jobs.rehearsal.records import BuildRecord, Builds, Cause, Notify, Queued, upstream_of

# Seconds that a build gets to end by itself (hudson.util.ProcessTree, SoftKillWaitSeconds).
SOFT_KILL = 5.0
_DYING = 2.0
_MOST = 0.05


class StepProcess:
    """A running step. `activity` is when it last wrote something, `end` is readable at its end.

    `output` is None once it has been closed.
    """

    def __init__(
        self, popen: subprocess.Popen[bytes], write: Callable[[bytes], None], now: float
    ) -> None:
        self.popen = popen
        self.output = popen.stdout
        self.write = write
        self.activity = now
        self.end = os.pidfd_open(popen.pid)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a signal's number as the shell tells it, 128 and up."""
        code = self.popen.returncode
        if code is not None and code < 0:
            return 128 - code
        return code


class Processes:
    """All processes of a rehearsal. A guard beside us ends them should we be killed.

    `now` tells the time, by which a step's `activity` is noted.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._selector = selectors.DefaultSelector()
        self._running: list[StepProcess] = []
        self._groups: dict[str, list[int]] = {}
        self._guard: subprocess.Popen[bytes] | None = None

    @undisturbed()
    def start(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        cookie: str,
        write: Callable[[bytes], None],
    ) -> StepProcess:
        """Start a command for the build with this cookie. Raises OSError if it can't be run."""
        if self._guard is None:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,
            )
        popen = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._groups.setdefault(cookie, []).append(popen.pid)
        self._tell_guard(f"+{popen.pid} {cookie}\n")
        process = StepProcess(popen, write, self._now())
        self._running.append(process)
        if process.output:
            os.set_blocking(process.output.fileno(), False)
            self._selector.register(process.output, selectors.EVENT_READ, process)
        self._selector.register(process.end, selectors.EVENT_READ, process)
        return process

    def pump(self, timeout: float) -> None:
        """Move output to logs and notice ends, for at most `timeout` seconds."""
        for key, _ in self._selector.select(min(timeout, _MOST)):
            self._drain(key.data)
        for process in list(self._running):
            if process.popen.poll() is not None:
                # Whatever it left in the background may hold the pipe open; what was written
                # up to now is the step's output.
                self._drain(process)
                self._forget(process)

    def end(self, cookie: str, *, grace: float = 0.0) -> None:
        """End what is left of a build's processes: their groups, and whoever has its cookie.

        With `grace` they are asked (SIGTERM) and, as long as they write, listened to; what is
        still there so many seconds later is killed.
        """
        groups = self._groups.get(cookie, ())
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, _DYING)):
            if seconds and signal_build(groups, cookie, number):
                deadline = time.monotonic() + seconds
                while time.monotonic() < deadline and (
                    self._find_running(groups) or find_by_cookie(cookie)
                ):
                    self.pump(_MOST)
        for process in self._find_running(groups):
            process.popen.wait()
            self._forget(process)
        for group in self._groups.pop(cookie, ()):
            self._tell_guard(f"-{group} {cookie}\n")

    def _find_running(self, groups: Sequence[int]) -> list[StepProcess]:
        return [process for process in self._running if process.popen.pid in groups]

    def close(self) -> None:
        """Kill everything that still runs. Raises OSError where its output can't be written."""
        with ExitStack() as stack:
            stack.callback(self._selector.close)
            if self._guard and self._guard.stdin:
                stack.callback(self._guard.wait)
                stack.callback(self._guard.stdin.close)
            for cookie in self._groups:
                stack.callback(self.end, cookie)

    def _tell_guard(self, line: str) -> None:
        if self._guard and self._guard.stdin:
            with suppress(BrokenPipeError):
                self._guard.stdin.write(line.encode())

    def _drain(self, process: StepProcess) -> None:
        # A pipe holds less than this many reads; a step that never stops writing gets no more at
        # a time, so that time limits and other builds have their turn.
        for _ in range(16):
            try:
                data = process.output and os.read(process.output.fileno(), 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self._close(process)
                return
            process.activity = self._now()
            process.write(data)

    @undisturbed()
    def _forget(self, process: StepProcess) -> None:
        self._close(process)
        self._selector.unregister(process.end)
        os.close(process.end)
        self._running.remove(process)

    @undisturbed()
    def _close(self, process: StepProcess) -> None:
        if process.output:
            self._selector.unregister(process.output)
            process.output.close()
            process.output = None


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
        secrets: Mapping[str, GivenCredential],
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
        home, cookie = str(self.home.root), self.record.cookie
        # What is there only while the build runs, from where it runs.
        node = {
            "JENKINS_HOME": home,
            "HUDSON_HOME": home,
            "JENKINS_SERVER_COOKIE": cookie.partition("-")[0],
            "HUDSON_SERVER_COOKIE": cookie.partition("-")[0],
            "HUDSON_COOKIE": cookie,
            "EXECUTOR_NUMBER": str(self.executor),
            "NODE_NAME": "built-in",
            "NODE_LABELS": "built-in",
            "WORKSPACE": str(self.workspace),
            "WORKSPACE_TMP": f"{self.workspace}@tmp",
        }
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
