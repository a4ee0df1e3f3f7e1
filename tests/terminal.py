"""cfl-jobs at a pseudo-terminal: what a person types and sees.

with Terminal(["update", "--home", "home"], cwd=project) as terminal:
    terminal.wait_for("[y/N]")
    terminal.type("y\\n")
    assert terminal.end() == 0
    terminal.text                              what was written, escapes and all
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_ROOT = Path(__file__).parents[1]
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_PATIENCE = 60
_NOTHING: Mapping[str, str] = {}
HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"


class Terminal:
    """One run of cfl-jobs; an environment variable given as "" is left out."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        stdout: Path | None = None,
        stderr: Path | None = None,
        environment: Mapping[str, str] = _NOTHING,
    ) -> None:
        usual = {"PYTHONPATH": str(_ROOT), "TERM": "xterm", "COLUMNS": "100"}
        plain = {key: os.environ[key] for key in os.environ if key not in ("NO_COLOR", "CLICOLOR")}
        variables = {**plain, **usual, **environment}
        self._ours, its = pty.openpty()
        outputs = [
            os.open(path, os.O_WRONLY | os.O_CREAT) if path else its for path in (stdout, stderr)
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cfl_jobs", *arguments],
            cwd=cwd,
            stdin=its,
            stdout=outputs[0],
            stderr=outputs[1],
            env={key: value for key, value in variables.items() if value},
            start_new_session=True,
        )
        for number in {its, *outputs}:
            os.close(number)
        self._read = b""
        self._is_closed = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        os.close(self._ours)

    @property
    def text(self) -> str:
        return self._read.decode(errors="replace").replace("\r\n", "\n")

    @property
    def plain(self) -> str:
        """What was written without what colours it and moves the cursor."""
        return _ESCAPE.sub("", self.text)

    @property
    def escapes(self) -> frozenset[str]:
        return frozenset(_ESCAPE.findall(self.text))

    def wait_for(self, text: str) -> None:
        with self._news:
            is_there = self._news.wait_for(lambda: text in self.text or self._is_closed, _PATIENCE)
        assert is_there, self.text
        assert text in self.text

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes, as a terminal does."""
        os.killpg(self._process.pid, number)

    def interrupt_reading(self) -> None:
        """Send Ctrl-C to whoever reads from the terminal.

        One that comes between the last look for signals and the read itself isn't seen before the
        next one.
        """
        self.send(signal.SIGINT)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGINT)

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        code = self._process.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        return code

    def _collect(self) -> None:
        while True:
            try:
                part = os.read(self._ours, 65536)
            except OSError:  # the other side is closed
                part = b""
            with self._news:
                self._read += part
                self._is_closed = not part
                self._news.notify_all()
            if not part:
                return
