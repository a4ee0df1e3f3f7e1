"""Waiting for a server: long for one that restarts, together, and never twice in vain."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, repeat

import pytest
from urllib3.connection import HTTPConnection

from cfl_jobs.errors import Missing, TargetError, Unreachable
from cfl_jobs.targets.answers import TooSlow
from cfl_jobs.targets.client import TimeLimit
from cfl_jobs.targets.retries import Outage, RetryPolicy, TransientError

URL = "http://jenkins/"
REFUSED = TransientError(Unreachable("refused", advice="Look."))
STARTING = TransientError(Unreachable("starting"), is_there=True)


class World:
    """A clock that only waits move, and a server that says what a test wants of it."""

    def __init__(self, *answers: Exception | None, was_there: bool = True) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.probes = 0
        self._answers: Iterator[Exception | None] = chain(answers, repeat(None))
        self._lock = threading.Lock()
        policy = RetryPolicy(sleep=self.pass_time, draw=lambda: 1.0, clock=lambda: self.now)
        self.outage = Outage(URL, policy, self.probe, self.said.append)
        if was_there:
            self.outage.note_answer()

    def pass_time(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds

    def probe(self) -> None:
        self.probes += 1
        answer = next(self._answers)
        if not isinstance(answer, TransientError):
            self.outage.note_answer()
        if answer is not None:
            raise answer

    def ask(self, *failures: TransientError) -> None:
        """Ask for something that fails so, then is answered."""
        for count, failure in enumerate(failures, 1):
            try:
                with self.outage.asking():
                    raise failure
            except TransientError as caught:
                self.outage.wait(caught, count, 4)
        with self.outage.asking():
            self.outage.note_answer()


def failing(act: Callable[[], object]) -> TargetError:
    with pytest.raises(TargetError) as caught:
        act()
    return caught.value


def test_a_server_that_restarts_is_waited_for_and_that_is_said() -> None:
    world = World(*[REFUSED] * 6, *[STARTING] * 5)
    world.ask(REFUSED)
    assert 60 < world.now < 120
    assert world.said[0] == "Waiting, up to 120 s more: refused."
    assert world.said[-1] == "http://jenkins/ answers again."
    assert 3 <= len(world.said) <= 5


@pytest.mark.parametrize("answer", [None, Missing("nobody")])
def test_a_server_that_answers_others_is_not_waited_for(answer: Exception | None) -> None:
    """That one request fails on and on is its own trouble."""
    world = World(*[answer] * 4)
    assert failing(lambda: world.ask(*[REFUSED] * 9)) is REFUSED.error
    assert (world.now, world.probes, world.said) == (7.5, 4, [])
    world.ask()


def test_a_server_that_comes_and_goes_is_not_waited_for_without_end() -> None:
    world = World(*[REFUSED, None] * 99)
    failing(lambda: world.ask(*[REFUSED] * 99))
    assert world.probes == 8


def test_a_server_that_wants_to_be_left_alone_is_until_then() -> None:
    world = World(TransientError(Unreachable("busy"), 50))
    world.ask(TransientError(Unreachable("busy"), 40))
    assert world.now == 90.5
    failing(lambda: world.ask(TransientError(Unreachable("busy"), 600)))
    assert world.now == 90.5


def test_threads_wait_together() -> None:
    """Eight of them ask no oftener than one, and wait no longer."""
    world = World(*[REFUSED] * 3)
    barrier = threading.Barrier(8, timeout=60)

    def fail_with_the_others(_: int) -> None:
        try:
            with world.outage.asking():
                raise REFUSED
        except TransientError as caught:
            barrier.wait()
            world.outage.wait(caught, 1, 4)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(fail_with_the_others, range(8)))
    assert world.probes < 12
    assert [line.split(",")[0] for line in world.said] == ["Waiting", f"{URL} answers again."]


def test_threads_give_up_together() -> None:
    world = World(*[REFUSED] * 999)
    with ThreadPoolExecutor(max_workers=8) as pool:
        errors = list(pool.map(lambda _: failing(lambda: world.ask(*[REFUSED] * 99)), range(8)))
    assert len(errors) == 8
    assert world.probes < 30


def test_a_server_given_up_is_asked_by_one_at_a_time_and_not_all_the_time() -> None:
    """Three hundred jobs must not wait a minute each."""
    world = World(was_there=False)
    failing(lambda: world.ask(REFUSED))
    for _ in range(300):
        assert "wasn't asked again" in failing(world.ask).message
    world.pass_time(10)
    with world.outage.asking():
        assert "wasn't asked again" in failing(world.ask).message
    world.ask()
    with world.outage.asking():
        world.ask()


class Watched:
    """A time limit of 0.04 s by a clock that stands until it is moved; what it told is kept."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.now = 0.0
        self._looks = 0
        self.limit = TimeLimit(0.04, self.told.append, self._look)
        self.connection = HTTPConnection("jenkins")
        self.connection.sock, self.server = socket.socketpair()

    def _look(self) -> float:
        self._looks += 1
        return self.now

    def pass_time(self) -> None:
        """Let more time pass than the limit, and wait until the watching thread has seen it."""
        self.now += 1
        seen = self._looks + 2
        while self._looks < seen:
            time.sleep(0.001)


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    with made.server, made.connection.sock:
        yield made
    made.limit.close()


def test_what_takes_too_long_is_cut_and_an_error_whatever_it_returns(watched: Watched) -> None:
    """One that begins meanwhile, in another thread, has a time limit of its own."""

    def ask() -> bool:
        with watched.limit.over():
            return True

    def keep_asking() -> None:
        with watched.limit.over():
            watched.limit.follow(watched.connection)
            watched.pass_time()
            assert watched.connection.sock.recv(1) == b""
            with ThreadPoolExecutor(max_workers=1) as pool:
                assert pool.submit(ask).result()
            watched.told.append(0)

    with pytest.raises(TooSlow):
        keep_asking()
    assert watched.told[-1] == 0


def test_a_wait_between_two_tries_is_neither_silence_nor_cut(watched: Watched) -> None:
    with watched.limit.over():
        with watched.limit.pausing():
            watched.pass_time()
        watched.now += 0.001
    assert watched.told == []


@pytest.mark.parametrize("is_paused", [True, False])
def test_a_connection_that_another_request_uses_by_now_is_not_cut(
    watched: Watched, *, is_paused: bool
) -> None:
    """It went back to the pool before a wait, or at the end of an answer."""

    def give_back() -> None:
        with watched.limit.over():
            watched.limit.follow(watched.connection)
            if is_paused:
                with watched.limit.pausing():
                    pass
            else:
                with ThreadPoolExecutor(max_workers=1) as pool:
                    pool.submit(watched.limit.follow, watched.connection).result()
            watched.pass_time()

    with pytest.raises(TooSlow):
        give_back()
    watched.server.send(b"answer")
    assert watched.connection.sock.recv(10) == b"answer"


def test_what_takes_long_is_told_again_and_again() -> None:
    told: list[float] = []
    often = threading.Event()

    def tell(seconds: float) -> None:
        told.append(seconds)
        if len(told) == 3:
            often.set()

    limit = TimeLimit(0.4, tell)
    with suppress(TooSlow), limit.over():
        assert often.wait(60)
    limit.close()
    assert sorted(told) == told
    assert told[0] >= 0.1


def test_no_thread_is_left_when_a_client_is_closed() -> None:
    before = threading.active_count()
    limit = TimeLimit(60, lambda seconds: None)
    for _ in range(2):
        with limit.over():
            assert threading.active_count() == before + 1
        limit.close()
        assert threading.active_count() == before
