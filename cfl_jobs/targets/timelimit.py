"""Requests that are under way → those that take long are told, those that take too long are cut.

The time limit of a socket counts anew with each byte that comes; this one is for a whole request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cfl_jobs.targets.failures import TooSlow


@dataclass(eq=False, slots=True)
class _Request:
    began: float
    cut: Callable[[], None]
    is_cut: bool = False


class TimeLimit:
    """Watches the requests of one server, in a thread that lives just while there are any.

    None outlives them, since a process with threads can't be forked (see rendering/processes.py).

    `limit` and `tell_after` are in seconds; `tell` takes for how long there was no answer.
    """

    def __init__(self, limit: float, tell_after: float, tell: Callable[[float], None]) -> None:
        self.limit = limit
        self._tell_after = tell_after
        self._tell = tell
        self._told = 0.0
        self._changed = threading.Condition()
        self._under_way: dict[_Request, None] = {}  # the oldest first
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, cut: Callable[[], None]) -> Iterator[None]:
        """Hold what is done inside to the limit: `cut` ends it. Raises TooSlow."""
        request = _Request(time.monotonic(), cut)
        with self._changed:
            self._under_way[request] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            ended = None
            with self._changed:
                del self._under_way[request]
                if not self._under_way:
                    ended, self._thread = self._thread, None
                    self._changed.notify_all()
            if ended is not None:
                ended.join()
            if request.is_cut:  # whatever came of that
                raise TooSlow(self.limit)

    def _watch(self) -> None:
        with self._changed:
            while self._thread is threading.current_thread():
                now = time.monotonic()
                for request in self._under_way:
                    if not request.is_cut and now >= request.began + self.limit:
                        request.is_cut = True
                        request.cut()
                oldest = next(iter(self._under_way)).began
                if now >= self._next_telling(oldest):
                    self._told = now
                    self._tell(now - oldest)
                ends = [r.began + self.limit for r in self._under_way if not r.is_cut]
                self._changed.wait(min([*ends, self._next_telling(oldest)]) - now)

    def _next_telling(self, began: float) -> float:
        return max(began, self._told) + self._tell_after
