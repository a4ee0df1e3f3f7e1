"""Waiting for a server: long for one that restarts, together, and never twice in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from typing import Any

import pytest

from cfl_jobs.errors import Missing, TargetError, Unreachable
from cfl_jobs.target import Kind
from cfl_jobs.targets.client import Outage, RetryPolicy, TransientError
from cfl_jobs.targets.server import JenkinsTarget
from tests.jenkins_server import Fault, JenkinsServer
from tests.server_targets import login, retry_policy

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
            self.outage.check()
            self.outage.wait(failure, count, 4)
        self.outage.check()
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
        world.outage.check()
        barrier.wait()
        world.outage.wait(REFUSED, 1, 4)

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


def test_a_server_given_up_is_asked_now_and_then() -> None:
    """Three hundred jobs must not wait a minute each."""
    world = World(was_there=False)
    failing(lambda: world.ask(REFUSED))
    for _ in range(300):
        assert "wasn't asked again" in failing(world.ask).message
    world.pass_time(10)
    world.outage.check()
    assert "wasn't asked again" in failing(world.ask).message
    world.pass_time(10)
    world.ask()
    world.ask()


def test_what_takes_long_is_told_and_what_takes_too_long_is_an_error(
    jenkins_server: JenkinsServer,
) -> None:
    """However the answer drips; whoever asks meanwhile is answered."""
    said: list[str] = []
    waits: list[float] = []

    def hold(done: threading.Event, seconds: float) -> bool:
        if not is_stuck:
            return done.wait(60)
        waits.append(seconds)
        return False

    is_stuck = False
    policy = retry_policy(waits, attempts=0, hold=hold)
    settings: dict[str, Any] = {"timeout": 60, "policy": policy, "say": said.append}
    with JenkinsTarget(jenkins_server.url, login(), **settings) as target:
        is_stuck = True
        error = failing(lambda: target.list(Kind.JOB))
        assert error.message == f"{target.label} did not answer in full within 120 seconds"
        assert said == [
            f"Waiting for {target.label}: no answer for {seconds} s." for seconds in (30, 60, 90)
        ]
        is_stuck = False
        waits.append(10)
        assert target.list(Kind.JOB) == ()


def test_tries_at_once_have_one_time_limit(jenkins_server: JenkinsServer) -> None:
    """A proxy that gives up on Jenkins after 50 s each time isn't asked five times."""
    now = 0

    def hold(done: threading.Event, seconds: float) -> bool:
        nonlocal now
        now += 50
        return done.wait(60)

    jenkins_server.fail(Fault.GATEWAY_TIMEOUT, times=99)
    policy = retry_policy(clock=lambda: now, hold=hold)
    with JenkinsTarget(jenkins_server.url, login(), timeout=60, policy=policy) as target:
        assert "(status 504" in failing(target.whoami).message
    assert now == 150
