"""Work on many values in as many processes as there are cores, where that is worth it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Forking and sending the results back costs about as much as rendering this many jobs.
_WORTH_IT = 100


def in_processes(work: Callable[[Sequence[T]], R], values: Sequence[T]) -> Iterator[R]:
    """Yield what `work` makes of each part of `values`, in order: one part for each process.

    Processes are forked, so `work` needs no pickling; what it returns does. Few values, one core,
    running threads (which a fork would break) or no fork: one part, in this process.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    count = min(cores, len(values) // _WORTH_IT)
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    if count < 2 or not forks:
        yield work(values)
        return
    size = -(-len(values) // count)
    parts = [values[start : start + size] for start in range(0, len(values), size)]
    context = multiprocessing.get_context("fork")
    running = []
    try:
        for part in parts[1:]:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_send, args=(theirs, work, part), daemon=True)
            _start_shielded(process)
            theirs.close()
            running.append((process, ours, part))
        yield work(parts[0])
        for process, ours, part in running:
            try:
                result: R | None = ours.recv()
            except EOFError:  # it died, or its result could not be sent: do it here
                result = None
            process.join()
            yield work(part) if result is None else result
    finally:
        for process, ours, _ in running:
            ours.close()
            process.kill()
            process.join()


def _start_shielded(process: BaseProcess) -> None:
    """Start a process that Ctrl-C, which a terminal sends to all, doesn't reach: we end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(pipe: Connection, work: Callable[[Sequence[T]], R], part: Sequence[T]) -> None:
    try:
        pipe.send(work(part))
    except Exception:
        # The parent does this part again and gets the same error where it can be told.
        os._exit(1)
