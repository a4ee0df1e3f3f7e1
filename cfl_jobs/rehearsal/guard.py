"""Run beside a rehearsal, as a script: when the rehearsal is gone, ends the processes it left.

Input: lines +GROUP and -GROUP on standard input, which ends with the rehearsal, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def watch() -> None:
    """Follow the lines to their end, then kill the process groups that are still noted."""
    groups: set[int] = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line[1:]))
        elif line.startswith("-"):
            groups.discard(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch()
