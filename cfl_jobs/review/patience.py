"""A time limit around rendering: a revision's templates may loop longer than anyone waits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 240.0  # seconds; ten thousand jobs take less


class Overdue(BaseException):
    """Rendering took too long. No `except Exception` on the way takes it for a template's own."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise Overdue inside the block when it takes longer, where the platform and thread allow."""
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Overdue(f"it takes longer than {seconds:g} seconds to render")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
