"""A time limit for a whole request: what takes long is told, what takes too long is cut."""

from __future__ import annotations

import threading

import pytest

from cfl_jobs.targets.failures import TooSlow
from cfl_jobs.targets.timelimit import TimeLimit


def nothing() -> None:
    pass


def test_what_takes_too_long_is_cut_and_an_error_whatever_it_returns() -> None:
    limit = TimeLimit(0.01, 60, lambda seconds: None)
    cut = threading.Event()
    with pytest.raises(TooSlow), limit.over(cut.set):
        assert cut.wait(60)


def test_each_request_has_a_time_limit_of_its_own() -> None:
    """One that began when another was under way is cut as well."""
    limit = TimeLimit(0.01, 60, lambda seconds: None)
    first, second = threading.Event(), threading.Event()

    def do_both() -> None:
        with limit.over(first.set):
            with pytest.raises(TooSlow), limit.over(second.set):
                assert second.wait(60)
            assert first.wait(60)

    with pytest.raises(TooSlow):
        do_both()


def test_what_takes_long_is_told_again_and_again() -> None:
    told: list[float] = []
    often = threading.Event()

    def tell(seconds: float) -> None:
        told.append(seconds)
        if len(told) == 3:
            often.set()

    limit = TimeLimit(60, 0.01, tell)
    with limit.over(nothing):
        assert often.wait(60)
    assert sorted(told) == told
    assert told[0] >= 0.01


def test_no_thread_outlives_the_requests() -> None:
    """A process that has one can't be forked for rendering."""
    before = threading.active_count()
    limit = TimeLimit(60, 60, lambda seconds: None)
    for _ in range(3):
        with limit.over(nothing), limit.over(nothing):
            assert threading.active_count() == before + 1
        assert threading.active_count() == before
