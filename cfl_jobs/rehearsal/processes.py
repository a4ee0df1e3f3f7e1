"""Steps' processes: each in its own session, its output pumped to a log, always cleaned up."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from cfl_jobs.interrupts import undisturbed
from cfl_jobs.rehearsal import guard
from cfl_jobs.rehearsal.guard import find_by_cookie, signal_build

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
