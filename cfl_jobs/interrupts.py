"""Signals → a wish to stop, which a run honours between two jobs."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAID = b"\nFinishing what is in hand; once more gives it up.\n"
_DEAF = 2.0  # seconds


class Wish(threading.Event):
    """Set by the first signal; the second one is an order.

    Those that follow an order, or `end()`, at once are let pass: people press Ctrl-C many times,
    and what became of the run is being told by then. A later one is an order again.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._is_heard = False
        self._deaf_until = -math.inf

    def hear(self, number: int) -> None:
        """Take note of a signal. Raises KeyboardInterrupt where it is an order."""
        if self._clock() < self._deaf_until:
            return
        if self._is_heard:
            self.end()
            raise KeyboardInterrupt
        self._is_heard = True
        self.set()
        with suppress(OSError):  # sys.stderr may be in the midst of something
            os.write(2, _SAID)

    def end(self) -> None:
        """Say that nothing is in hand any more."""
        self._is_heard = True
        self._deaf_until = self._clock() + _DEAF


@contextmanager
def stopping() -> Iterator[Wish]:
    """Yield an event that the first Ctrl-C sets (or a SIGTERM, or the terminal that is closed).

    The second one raises KeyboardInterrupt. A signal that is ignored, as by nohup, stays so.
    """
    wish = Wish()
    with _handling(_SIGNALS, wish.hear):
        yield wish


@contextmanager
def interrupting() -> Iterator[None]:
    """Let what would end us on the spot raise KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    lethal = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    with _handling(lethal, interrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals wait until something short is done, which is no good when half of it is.

    Not by blocking them: another thread would get them, and Python tells the main one.
    """
    heard: list[int] = []
    try:
        with _handling(_SIGNALS, heard.append):
            yield
    finally:
        for number in heard[:1]:
            signal.raise_signal(number)


@contextmanager
def _handling(numbers: Sequence[signal.Signals], do: Callable[[int], None]) -> Iterator[None]:
    """Do this for these signals, but for those that are ignored; only the main thread can."""

    def handle(number: int, frame: FrameType | None) -> None:
        do(number)

    usual = {}
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                usual[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
