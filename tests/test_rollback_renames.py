"""Rolling back a run that renamed jobs and folders: also half done, and back again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.journal import Run, list_runs
from cfl_jobs.planning.rollback import plan_rollback
from cfl_jobs.planning.unchanged import is_same_job
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.planned import roll_back
from tests.rendered_jobs import folder, jenkins, job, update, view
from tests.test_renames import COPY

pytestmark = pytest.mark.usefixtures("each_dialect")

BEFORE = (
    folder("F"),
    job("F/a"),
    job("F/gone"),
    job("Old", branch="old"),
    job("Copies", builders=COPY.format("Old") + COPY.format("F/a")),
    view("V", ("Old", "Copies")),
)
AFTER = (
    replace(folder("G"), moved_from=("F",)),
    job("G/b", moved_from=("G/a",)),
    job("G/new"),
    job("New", branch="new", moved_from=("Old",)),
    job("Copied", builders=COPY.format("New") + COPY.format("G/b"), moved_from=("Copies",)),
    view("V", ("New", "Copied")),
)


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def renamed(place: Path) -> tuple[MemoryTarget, dict[tuple[Kind, str], str], Run]:
    """Return a target after a run with renames, its configs before that, and the run."""
    target = jenkins()
    target.follows_renames = True
    assert update(target, place, *BEFORE).is_complete
    before = dict(target.configs)
    assert update(target, place, *AFTER, prune=True).is_complete
    return target, before, list_runs(place, "memory")[0]


def assert_same(
    configs: dict[tuple[Kind, str], str], expected: dict[tuple[Kind, str], str]
) -> None:
    assert set(configs) == set(expected)
    for key, config in configs.items():
        assert is_same_job(Config(*key, config), Config(*key, expected[key])), key


def test_a_rollback_of_renames_and_one_of_that(tmp_path: Path) -> None:
    """What Jenkins rewrote at the renames is nobody's edit."""
    target, before, run = renamed(tmp_path)
    after = dict(target.configs)
    assert roll_back(plan_rollback(run, target), target, tmp_path) == []
    assert_same(target.configs, before)
    again = list_runs(tmp_path, "memory")[0]
    assert again.verb == "rollback"
    assert roll_back(plan_rollback(again, target), target, tmp_path) == []
    assert_same(target.configs, after)


def test_a_rollback_of_renames_that_was_killed_goes_on_from_there(tmp_path: Path) -> None:
    """At any second request; what is in a folder is found under the folder's name of now."""
    last = seen = 0
    while seen >= last:
        last, seen = last + 2, 0
        place = tmp_path / str(last)
        target, before, run = renamed(place)

        def die(verb: str, name: str, last: int = last) -> None:
            nonlocal seen
            seen += 1
            if seen >= last:
                raise Killed

        target.before_request = die
        with suppress(Killed):
            roll_back(plan_rollback(run, target), target, place)
        target.before_request = lambda verb, name: None
        assert roll_back(plan_rollback(run, target, force=True), target, place) == [], last
        assert_same(target.configs, before)
    assert last > 30
