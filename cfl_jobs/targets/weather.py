"""Failed requests of all threads → whether to wait for the server, which they do together."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from cfl_jobs.errors import TargetError, Unreachable
from cfl_jobs.targets.retrying import Passing, PassingFailure, Patience, Tries

_SAY_AGAIN = 30.0  # seconds
_QUICK = 1.0  # seconds within which it doesn't hurt to ask in vain


class _Found(Enum):
    """What came of asking whether the server answers."""

    THERE = "at once"
    BACK = "after some waiting"
    GONE = "not in time"


class Weather:
    """What the threads know of one server: whether it answers, is waited for, or is given up.

    `probe` asks the server for next to nothing, and raises PassingFailure. `say` takes a line for
    whoever waits.
    """

    def __init__(
        self,
        server: str,
        patience: Patience,
        probe: Callable[[], object],
        say: Callable[[str], None],
    ) -> None:
        self._server = server
        self._patience = patience
        self._probe = probe
        self._say = say
        self._answers = 0
        self._waiting = threading.Lock()
        self._finding_out = threading.Lock()
        self._is_lost = False
        self._not_before = 0.0
        # A forked process that reads ahead sees the server first; this is its word to its parent.
        self._seen = mmap.mmap(-1, 1)

    @property
    def has_answered(self) -> bool:
        return self._seen[0] == 1

    def note_answer(self) -> None:
        self._answers += 1
        self._seen[0] = 1
        self._is_lost = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Hold one request. Raises Unreachable for a server that is lost.

        Whether it is back is found out by one request at a time, and not all the time: hundreds of
        jobs mustn't wait for a server one after the other.
        """
        if not self._is_lost:
            yield
        elif self._patience.clock() >= self._not_before and self._finding_out.acquire(False):
            try:
                yield
            finally:
                self._finding_out.release()
        else:
            raise Unreachable(
                f"{self._server} does not answer any more, and wasn't asked again",
                advice="Run the command again when it does.",
            )

    def wait(self, tries: Tries, failure: PassingFailure) -> None:
        """Wait before the next try; raise the failure's error where there is none."""
        answers = self._answers
        took = tries.fail()
        if failure.passing is not Passing.ACCIDENT:
            self._seen[0] = 1
        if not self._is_lost:
            alone = self._patience.longest if self.has_answered else self._patience.brief
            if not tries.is_over and failure.after <= alone:
                tries.wait(failure.after)
                return
            if not self.has_answered:
                self._give_up(took)
            elif not tries.is_last_round:
                self._wait_together(tries, failure, answers)
                return
        raise failure.error from failure.__cause__

    def _wait_together(self, tries: Tries, failure: PassingFailure, answers: int) -> None:
        """Wait until the server answers something. One thread asks, the others wait for it.

        Raises the failure's error where the server doesn't come back, and where it answers at
        once, and did so before: then this request alone is in trouble.
        """
        with self._waiting:
            if self._is_lost:
                raise failure.error from failure.__cause__
            is_back = self._answers > answers
            found = _Found.BACK if is_back else self._find_again(tries, failure)
        if found is _Found.GONE or (found is _Found.THERE and tries.is_last):
            raise failure.error from failure.__cause__
        if found is _Found.THERE:
            tries.is_last = True
        else:
            tries.begin_again()

    def _find_again(self, tries: Tries, failure: PassingFailure) -> _Found:
        """Ask the server until it answers, but not before it wants to be asked again."""
        outage = self._patience.tries()
        outage.count, outage.spent = tries.count, tries.spent
        failed, took = (failure if failure.after else None), 0.0
        said: float | None = None
        while True:
            if failed is None:
                try:
                    self._probe()
                except PassingFailure as found:
                    failed, took = found, outage.fail()
                except TargetError:
                    pass  # an answer too
            if failed is None:
                if said is None:
                    return _Found.THERE
                self._say(f"{self._server} answers again.")
                return _Found.BACK
            left = self._patience.limit - outage.spent
            if left <= failed.after:
                self._give_up(max(took, failed.after))
                return _Found.GONE
            if said is None or outage.spent - said >= _SAY_AGAIN:
                self._say(f"Waiting, up to {left:.0f} s more: {failed.error.message}.")
                said = outage.spent
            outage.wait(failed.after)
            failed = None

    def _give_up(self, took: float) -> None:
        """Take the server for lost; one that was slow to fail isn't asked again for as long."""
        self._is_lost = True
        self._not_before = self._patience.clock() + (took if took > _QUICK else 0.0)
