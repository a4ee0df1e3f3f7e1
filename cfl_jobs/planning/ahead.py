"""Target → the same target, part of whose answers were fetched while something else was done.

Rendering needs the processor and looking at a server needs the network, so a plan does both at
once: a forked process lists the server and reads its marked jobs while this one renders.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from cfl_jobs.configs.mark import split_description
from cfl_jobs.errors import CflJobsError
from cfl_jobs.planning.observe import WORKERS
from cfl_jobs.target import Kind, Listed, Target

# What was asked, with its arguments, and the answer.
Answers = dict[tuple[Any, ...], Any]


class ReadAhead:
    """A target that answers its first questions from what was fetched before.

    Each answer is given once, also an error; whatever else is asked goes to the target itself. The
    other process ends with this one, however that ends.
    """

    def __init__(self, target: Target, patterns: Sequence[str] = ()) -> None:
        self._target = target
        self._answers: Answers | None = None
        self._receiver: Connection | None = None
        self._lock = threading.Lock()
        # A fork of running threads could find their locks held for ever.
        can_fork = "fork" in multiprocessing.get_all_start_methods()
        if "://" in target.label and can_fork and threading.active_count() == 1:
            context = multiprocessing.get_context("fork")
            self._receiver, sender = context.Pipe(duplex=False)
            arguments = (target, tuple(patterns), self._receiver, sender)
            context.Process(target=_fetch, args=arguments, daemon=True).start()
            sender.close()

    @property
    def label(self) -> str:
        return self._target.label

    def list(self, kind: Kind) -> tuple[Listed, ...]:
        found: tuple[Listed, ...] = self._answer(("list", kind), lambda: self._target.list(kind))
        return found

    def read(self, kind: Kind, name: str) -> str:
        asked = ("read", kind, name)
        return str(self._answer(asked, lambda: self._target.read(kind, name)))

    def plugins(self) -> dict[str, str]:
        found: dict[str, str] = self._answer(("plugins",), self._target.plugins)
        return found

    def version(self) -> str:
        return str(self._answer(("version",), self._target.version))

    def rewrites_late(self, version: str) -> bool:
        return self._target.rewrites_late(version)

    def count_builds(self, name: str) -> int:
        return self._target.count_builds(name)

    def create(self, kind: Kind, name: str, config: str) -> None:
        self._target.create(kind, name, config)

    def update(self, kind: Kind, name: str, config: str) -> None:
        self._target.update(kind, name, config)

    def save(self, name: str, description: str) -> None:
        self._target.save(name, description)

    def delete(self, kind: Kind, name: str) -> None:
        self._target.delete(kind, name)

    def rename(self, name: str, new_name: str) -> None:
        self._target.rename(name, new_name)

    def _answer(self, asked: tuple[Any, ...], ask: Callable[[], Any]) -> Any:
        with self._lock:
            if self._answers is None:
                self._answers = self._receive()
            is_known = asked in self._answers
            answer = self._answers.pop(asked, None)
        if isinstance(answer, CflJobsError):
            raise answer
        return answer if is_known else ask()

    def _receive(self) -> Answers:
        found: Answers = {}
        if self._receiver is not None:
            with suppress(EOFError, OSError):  # the other process is gone
                found = self._receiver.recv()
            self._receiver.close()
        return found


def _fetch(
    target: Target, patterns: Sequence[str], receiver: Connection, sender: Connection
) -> None:
    """List the target and read what is ours there; runs in a process of its own.

    Ends at the first listing that fails: a server that doesn't answer isn't asked for more.
    """
    receiver.close()  # the other process' end: with it open here, nobody would notice its end
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_end_with_reader, args=(sender,), daemon=True).start()
    answers: Answers = {}

    def fetch(asked: tuple[Any, ...], ask: Callable[[], Any]) -> bool:
        try:
            answers[asked] = ask()
        except CflJobsError as error:
            answers[asked] = error
            return False
        return True

    # A bug is met again by the other process, which can tell of it.
    with suppress(Exception):
        if all(fetch(("list", kind), partial(target.list, kind)) for kind in Kind):
            fetch(("plugins",), target.plugins)
            fetch(("version",), target.version)
            keys = [
                (kind, entry.name)
                for kind in Kind
                for entry in answers["list", kind]
                if split_description(entry.description)[1] and _is_chosen(entry.name, patterns)
            ]
            with ThreadPoolExecutor(max_workers=WORKERS) as pool:
                list(pool.map(lambda key: fetch(("read", *key), lambda: target.read(*key)), keys))
        sender.send(answers)


def _end_with_reader(sender: Connection) -> None:
    """End this process as soon as nobody can receive any more, whatever it waits for."""
    waiting = select.poll()
    waiting.register(sender.fileno(), 0)  # errors are told unasked
    waiting.poll()
    os._exit(1)


def _is_chosen(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(name == glob or fnmatchcase(name, glob) for glob in patterns)
