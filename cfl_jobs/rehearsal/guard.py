"""Run beside a rehearsal, as a script: when the rehearsal is gone, ends the processes it left.

Input: lines "+GROUP COOKIE" and "-GROUP COOKIE" on standard input, which ends with the rehearsal,
however it ends. Only the standard library: it starts quickly and stays small.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path


def watch() -> None:
    """Follow the lines to their end, then kill what is still noted."""
    noted: set[tuple[int, str]] = set()
    for line in sys.stdin:
        group, _, cookie = line[1:].strip().partition(" ")
        (noted.add if line.startswith("+") else noted.discard)((int(group), cookie))
    kill_groups(group for group, _ in noted)
    for cookie in {cookie for _, cookie in noted}:
        kill_by_cookie(cookie)


def kill_groups(groups: Iterable[int]) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def kill_by_cookie(cookie: str) -> None:
    for pid in find_by_cookie(cookie):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def find_by_cookie(cookie: str) -> tuple[int, ...]:
    """Return the processes with this HUDSON_COOKIE, as Jenkins finds a build's leftovers.

    Only where there is a /proc; elsewhere the process groups have to do.
    """
    wanted = f"HUDSON_COOKIE={cookie}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return tuple(found)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch()
