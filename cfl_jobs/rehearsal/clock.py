"""The rehearsal's time: real while something runs, skipped ahead while everything only waits."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Return seconds since 1970, ahead of the real time by what was skipped."""

    def wall(self) -> float:
        """Return the real time, by which files are dated."""

    def skip_to(self, moment: float) -> None:
        """Go to a moment in the future at once."""


class SkippingClock:
    """The real time plus what was skipped."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def wall(self) -> float:
        return time.time()

    def skip_to(self, moment: float) -> None:
        self._ahead += max(0.0, moment - self.now())
