"""Waiting for a server: long for one that restarts, together, and never twice in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, repeat

import pytest

from cfl_jobs.errors import Missing, TargetError, Unreachable
from cfl_jobs.targets.retrying import Passing, PassingFailure, Patience
from cfl_jobs.targets.weather import Weather

URL = "http://jenkins/"
REFUSED = PassingFailure(Unreachable("refused", advice="Look."))
STARTING = PassingFailure(Unreachable("starting"), Passing.STARTING)


class World:
    """A clock that only waits move, and a server that says what a test wants of it."""

    def __init__(self, *answers: Exception | None) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.probes = 0
        self._answers: Iterator[Exception | None] = chain(answers, repeat(None))
        self._lock = threading.Lock()
        patience = Patience(sleep=self.pass_time, draw=lambda: 1.0, clock=lambda: self.now)
        self.patience = patience
        self.weather = Weather(URL, patience, self.probe, self.said.append)

    def pass_time(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds

    def probe(self) -> None:
        self.probes += 1
        answer = next(self._answers)
        if answer is None or not isinstance(answer, PassingFailure):
            self.weather.note_answer()
        if answer is not None:
            raise answer

    def ask(self, *failures: PassingFailure, takes: float = 0.0) -> None:
        """Ask for something that fails so, then is answered."""
        tries = self.patience.tries()
        for failure in failures:
            try:
                with self.weather.asking():
                    self.pass_time(takes)
                    raise failure
            except PassingFailure as caught:
                self.weather.wait(tries, caught)
        with self.weather.asking():
            self.weather.note_answer()


def failing(act: Callable[[], object]) -> TargetError:
    with pytest.raises(TargetError) as caught:
        act()
    return caught.value


def test_a_server_that_never_answered_is_soon_given_up() -> None:
    world = World()
    assert failing(lambda: world.ask(*[REFUSED] * 9)) is REFUSED.error
    assert world.now < 10
    assert world.said == []


def test_a_server_that_keeps_silent_from_the_start_is_asked_once() -> None:
    world = World()
    failing(lambda: world.ask(*[REFUSED] * 9, takes=60))
    assert world.now == 60


def test_a_server_that_restarts_is_waited_for_and_that_is_said() -> None:
    world = World(*[REFUSED] * 5, *[STARTING] * 5)
    world.weather.note_answer()
    world.ask(*[REFUSED] * 5)
    assert 60 < world.now < 120
    assert world.said[0] == "Waiting, up to 112 s more: refused."
    assert world.said[-1] == "http://jenkins/ answers again."
    assert 3 <= len(world.said) <= 5


def test_a_server_that_says_it_is_starting_is_there_though_it_never_answered() -> None:
    world = World(*[STARTING] * 3, *[REFUSED] * 3)
    world.ask(*[STARTING] * 5)
    assert world.now > 50


@pytest.mark.parametrize("takes", [0.0, 60.0])
def test_a_server_that_does_not_come_back_is_waited_for_at_most_three_minutes(takes: float) -> None:
    world = World(*[REFUSED] * 99)
    world.weather.note_answer()
    assert failing(lambda: world.ask(*[REFUSED] * 99, takes=takes)) is REFUSED.error
    assert 120 <= world.now <= 180


def test_a_server_that_answers_others_is_not_waited_for() -> None:
    """That one request fails on and on is its own trouble."""
    for answer in (None, Missing("nobody")):
        world = World(answer)
        world.weather.note_answer()
        assert failing(lambda world=world: world.ask(*[REFUSED] * 9)) is REFUSED.error  # type: ignore[misc]
        assert (world.now, world.probes, world.said) == (7.5, 2, [])
        world.ask()


def test_a_server_that_comes_and_goes_is_not_waited_for_without_end() -> None:
    world = World(*[REFUSED, None] * 99)
    world.weather.note_answer()
    failing(lambda: world.ask(*[REFUSED] * 99))
    assert world.probes == 6


class Crowd(World):
    """Eight threads that fail at once; the server is asked only after all of them did."""

    def __init__(self, *answers: Exception | None) -> None:
        super().__init__(*answers)
        self._looks: dict[int, int] = {}
        self._all_failed = threading.Event()
        self.patience = replace(self.patience, attempts=0, clock=self.look)
        self.weather = Weather(URL, self.patience, self.probe, self.said.append)

    def look(self) -> float:
        """Look at the clock, as each thread does when it begins, and again when it failed."""
        with self._lock:
            me = threading.get_ident()
            self._looks[me] = self._looks.get(me, 0) + 1
            if sum(looks > 1 for looks in self._looks.values()) == 8:
                self._all_failed.set()
        return self.now

    def probe(self) -> None:
        assert self._all_failed.wait(60)
        super().probe()


def test_threads_wait_together() -> None:
    """Eight of them ask no oftener than one, and wait no longer."""
    world = Crowd(*[REFUSED] * 3)
    world.weather.note_answer()
    barrier = threading.Barrier(8)

    def ask(_: int) -> None:
        barrier.wait()
        world.ask(REFUSED)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(ask, range(8)))
    assert (world.probes, world.now) == (4, 3.5)
    assert [line.split(",")[0] for line in world.said] == ["Waiting", f"{URL} answers again."]


def test_threads_give_up_together() -> None:
    world = World(*[REFUSED] * 999)
    world.weather.note_answer()
    with ThreadPoolExecutor(max_workers=8) as pool:
        errors = list(pool.map(lambda _: failing(lambda: world.ask(*[REFUSED] * 99)), range(8)))
    assert len(errors) == 8
    assert world.probes < 30


def test_a_server_given_up_is_asked_by_one_at_a_time() -> None:
    world = World()
    failing(lambda: world.ask(*[REFUSED] * 9))
    with world.weather.asking():
        assert "wasn't asked again" in failing(world.ask).message
    world.ask()
    with world.weather.asking():
        world.ask()


def test_a_server_given_up_that_keeps_one_waiting_is_left_alone_for_as_long() -> None:
    """Three hundred jobs must not wait a minute each."""
    world = World()
    failing(lambda: world.ask(*[REFUSED] * 9, takes=60))
    for _ in range(300):
        assert "wasn't asked again" in failing(world.ask).message
    assert world.now == 60
    world.pass_time(60)
    world.ask()
