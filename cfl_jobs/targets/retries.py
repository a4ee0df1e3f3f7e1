"""Failed requests of all threads → whether they are sent again, after what wait.

A read is sent again at once by urllib3. What still fails is sent again when the server answers
anything: one thread asks whether it does, the others wait for that.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Self

from urllib3.exceptions import MaxRetryError, ReadTimeoutError
from urllib3.util import Retry

from cfl_jobs.errors import TargetError, Unreachable

# What a server or a proxy in front of it answers while it can't answer.
NO_ANSWER = frozenset({429, 502, 503, 504})
_SAY_AGAIN = 30.0  # seconds


class TransientError(Exception):
    """Carries the error that is raised if sending the request again doesn't help.

    `after` is how long, in seconds, the server asks to be left alone. `is_there`: that it is there
    at all, it says itself.
    """

    def __init__(self, error: TargetError, after: float = 0.0, *, is_there: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.after = after
        self.is_there = is_there


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often requests are sent again, and how long, in seconds, is waited.

    A change is sent again at most `attempts` times; so is a read, but what still fails then is
    begun anew when the server answers again. Waits double from `first` to `longest`, or are as long
    as the server asks for, and differ by chance so that threads don't come back as one. A server
    that is known to be there is waited for until `limit`, by all requests together: a restart takes
    a minute or two.
    """

    attempts: int = 4
    limit: float = 120.0
    first: float = 0.5
    longest: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    draw: Callable[[], float] = field(default=random.random, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def wait(self, count: int, at_least: float = 0.0) -> None:
        """Wait before a request is sent for the `count`th time again."""
        half = min(self.longest, self.first * 2.0 ** (count - 1)) / 2
        self.sleep(max(at_least, half) + half * self.draw())

    def is_long(self, after: float) -> bool:
        """Whether a server that asks for this wait is waited for, but not within one request."""
        return self.longest < after <= self.limit


class ReadRetry(Retry):
    """urllib3's own, by a policy. It sends only reads again, and only what failed in short time.

    `pausing` holds each of its waits.
    """

    policy = RetryPolicy()
    pausing: Callable[[], AbstractContextManager[object]] = nullcontext

    @classmethod
    def by(cls, policy: RetryPolicy, pausing: Callable[[], AbstractContextManager[object]]) -> Self:
        made = cls(
            total=policy.attempts,
            connect=0,
            other=0,
            allowed_methods=("GET",),
            status_forcelist=NO_ANSWER,
            raise_on_status=False,
        )
        made.policy, made.pausing = policy, pausing
        return made

    def new(self, **changes: Any) -> Self:
        made = super().new(**changes)
        made.policy, made.pausing = self.policy, self.pausing
        return made

    def increment(
        self, method: str | None = None, url: str | None = None, *args: Any, **happened: Any
    ) -> Self:
        error, response = happened.get("error"), happened.get("response")
        if isinstance(error, ReadTimeoutError):
            raise error
        if response is not None and retry_after(response.headers) > self.policy.longest:
            raise MaxRetryError(happened["_pool"], url or "")
        return super().increment(method, url, *args, **happened)

    def sleep(self, response: Any = None) -> None:
        after = retry_after(getattr(response, "headers", {}))
        with self.pausing():
            self.policy.wait(len(self.history), after)


def retry_after(headers: Mapping[str, str]) -> float:
    """Return for how many seconds the server asks to be left alone, 0 where it doesn't say.

    Retry-After holds seconds, or a date (RFC 9110, 10.2.3), which is taken by the server's clock.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        now = parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


@dataclass(eq=False)
class Outage:
    """What the threads know of one server: whether it answers, is waited for, or is given up.

    `probe` asks the server for next to nothing, and raises TransientError. `say` takes a line for
    whoever waits.
    """

    server: str
    policy: RetryPolicy
    probe: Callable[[], object]
    say: Callable[[str], None]
    answers: int = 0
    is_there: bool = False
    is_lost: bool = False
    not_before: float = 0.0
    say_next: float = -math.inf
    waiting: threading.Lock = field(default_factory=threading.Lock)
    only_one: threading.Lock = field(default_factory=threading.Lock)
    saying: threading.Lock = field(default_factory=threading.Lock)

    def note_answer(self) -> None:
        self.answers += 1
        self.is_there = True
        self.is_lost = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Hold one request. Raises Unreachable for a server that was given up.

        Whether it is back is found out by one request at a time, and not all the time: hundreds of
        jobs mustn't wait for a server one after the other.
        """
        if not self.is_lost:
            yield
        elif self.policy.clock() >= self.not_before and self.only_one.acquire(blocking=False):
            try:
                yield
            finally:
                self.only_one.release()
        else:
            raise Unreachable(
                f"{self.server} does not answer any more, and wasn't asked again",
                advice="Run the command again when it does.",
            )

    def wait(self, failure: TransientError, count: int, attempts: int) -> None:
        """Wait before a request is sent for the `count`th time again, at most `attempts` times.

        Raises the failure's error where that is no use: the server never answered, or doesn't come
        back in time.
        """
        answers = self.answers
        self.is_there |= failure.is_there
        if self.is_lost or not self.is_there:
            self._give_up()
            raise failure.error from failure.__cause__
        if count > attempts or failure.after > self.policy.limit:
            raise failure.error from failure.__cause__
        if self.policy.is_long(failure.after):
            self._say_wait(failure)
        self.policy.wait(count, failure.after)
        with self.waiting:
            if self.answers == answers:
                self._find_again(failure)

    def _say_wait(self, failure: TransientError) -> None:
        """Say why nothing happens now, once for all threads that wait for the same."""
        with self.saying:
            now = self.policy.clock()
            if now >= self.say_next:
                self.say_next = now + _SAY_AGAIN
                self.say(f"Waiting for {failure.after:.0f} s: {failure.error.message}.")

    def _find_again(self, failure: TransientError) -> None:
        """Ask the server until it answers, but not before it wants to be asked again."""
        policy, count = self.policy, 0
        said, end = None, policy.clock() + policy.limit
        while not self.is_lost:
            try:
                self.probe()
                break
            except TransientError as found:
                failure = found
            except TargetError:  # an answer too
                break
            now = policy.clock()
            if end - now <= failure.after:
                self._give_up()
                break
            if said is None or now - said >= _SAY_AGAIN:
                self.say(f"Waiting, up to {end - now:.0f} s more: {failure.error.message}.")
                said = now
            count += 1
            policy.wait(count, failure.after)
        if self.is_lost:
            raise failure.error from failure.__cause__
        if said is not None:
            self.say(f"{self.server} answers again.")

    def _give_up(self) -> None:
        self.is_lost = True
        self.not_before = self.policy.clock() + self.policy.longest
