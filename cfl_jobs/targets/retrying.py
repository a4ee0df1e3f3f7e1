"""When to send a request again: how often, after what wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from cfl_jobs.errors import TargetError


class Passing(Enum):
    """How a failure may pass by itself."""

    ACCIDENT = "a lost connection, a timeout, 502, 503, 504"
    STARTING = "Jenkins says that it is starting up"


class PassingFailure(Exception):
    """Carries the error that is raised if trying again doesn't help."""

    def __init__(self, error: TargetError, passing: Passing = Passing.ACCIDENT) -> None:
        super().__init__(error.message)
        self.error = error
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long, in seconds, one request is waited for.

    An accident is tried again `attempts` times with waits from `first` doubling to `longest`; a
    server that is starting up `starts` times, which is a minute and a half or more. Each wait is
    shortened at random to between half and all of it, so that threads don't come back as one.
    """

    attempts: int = 4
    starts: int = 20
    first: float = 0.5
    longest: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    draw: Callable[[], float] = field(default=random.random, repr=False)

    def tries(self) -> Tries:
        return Tries(self)


class Tries:
    """Counts the tries of one request."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._left = {Passing.ACCIDENT: patience.attempts, Passing.STARTING: patience.starts}
        self.count = 0

    def wait(self, failure: PassingFailure) -> None:
        """Wait before the next try; raise the failure's error where there is none."""
        if self._left[failure.passing] < 1:
            raise failure.error from failure.__cause__
        self._left[failure.passing] -= 1
        patience = self._patience
        longest = min(patience.longest, patience.first * 2.0**self.count)
        self.count += 1
        patience.sleep(longest * (0.5 + patience.draw() / 2))
