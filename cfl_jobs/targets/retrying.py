"""When to send a request again: how often, after what wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from cfl_jobs.errors import TargetError

_ROUNDS = 3


class Passing(Enum):
    """How a failure may pass by itself."""

    ACCIDENT = "a lost connection, a timeout, 502, 503, 504"
    STARTING = "Jenkins says that it is starting up"
    BUSY = "429: too many requests"


class PassingFailure(Exception):
    """Carries the error that is raised if trying again doesn't help.

    `after` is how long, in seconds, the server asks to be left alone.
    """

    def __init__(
        self, error: TargetError, passing: Passing = Passing.ACCIDENT, after: float = 0.0
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.passing = passing
        self.after = after


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long, in seconds, is waited.

    A request is tried again `attempts` times, or for `brief`, with waits from `first` doubling to
    `longest`. After that a server that has answered before, or says that it is starting up, is
    waited for until `limit`, by all requests together: a restart takes a minute or two. Each wait
    is shortened at random to between half and all of it, so that threads don't come back as one.
    """

    attempts: int = 4
    brief: float = 30.0
    limit: float = 120.0
    first: float = 0.5
    longest: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    draw: Callable[[], float] = field(default=random.random, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def tries(self) -> Tries:
        return Tries(self)


class Tries:
    """Counts the tries of one request, and the seconds that they and the waits took."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._began = patience.clock()
        self.count = 0
        self.spent = 0.0
        self.is_last = False  # the server answers others
        self._rounds = 0

    @property
    def is_last_round(self) -> bool:
        """Whether the server was waited for so often that it isn't once more."""
        return self._rounds >= _ROUNDS

    @property
    def is_over(self) -> bool:
        return self.count >= self._patience.attempts or self.spent >= self._patience.brief

    def fail(self) -> float:
        """Note that the try which is under way failed; return how long it took."""
        took = self._patience.clock() - self._began
        self.spent += took
        return took

    def begin_again(self) -> None:
        """Forget what was before the server came back."""
        self.count, self.spent, self.is_last = 0, 0.0, False
        self._rounds += 1
        self._began = self._patience.clock()

    def wait(self, at_least: float = 0.0) -> None:
        """Wait before the next try, which begins then."""
        patience = self._patience
        longest = min(patience.longest, patience.first * 2.0**self.count)
        wait = max(at_least, longest * (0.5 + patience.draw() / 2))
        self.count += 1
        patience.sleep(wait)
        self.spent += wait
        self._began = patience.clock()
