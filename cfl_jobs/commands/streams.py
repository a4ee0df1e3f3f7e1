"""The process' streams → what can be written to them, whatever is at their other end."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# What the other end of a stream, or a disk, can do to whoever writes there.
_BROKEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.ENXIO})

# Columns that a table of jobs takes.
_ROOM = 60


def prepare_streams() -> None:
    """Let any text be written: what an encoding lacks as an escape, to a closed one nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - never closed
            setattr(sys, name, nowhere)
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_broken_stream(error: OSError) -> bool:
    """Tell whether it is the output that couldn't be written, and not a file."""
    return error.errno in _BROKEN and error.filename is None


def silence_output() -> None:
    """Keep the interpreter from complaining at its end of what it can't write."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Tell whether a terminal may be sent colours; see no-color.org."""
    return (
        not environment.get("NO_COLOR")
        and environment.get("TERM") not in ("dumb", "unknown")
        and environment.get("CLICOLOR") != "0"
    )


def find_canvas(stream: TextIO) -> Console | None:
    """Return what draws bars and tables on a stream; None: it is for plain lines only.

    That is all but a terminal whose cursor moves and that has room for a table.
    """
    if not stream.isatty():
        return None
    from rich.console import Console

    canvas = Console(file=stream)
    return None if canvas.is_dumb_terminal or canvas.width < _ROOM else canvas
