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
    for cookie in {cookie for _, cookie in noted}:
        signal_build([group for group, its in noted if its == cookie], cookie, signal.SIGKILL)


def signal_build(groups: Iterable[int], cookie: str, number: int) -> bool:
    """Send a signal to a build's process groups and to whoever has its cookie.

    Returns whether there was anyone.
    """
    reached = False
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            reached = True
    for pid in find_by_cookie(cookie):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
            reached = True
    return reached


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
