"""Updates that are killed at any request leave each job as it was or as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import folder, jenkins, job, normal_of, plan, update, view

pytestmark = pytest.mark.usefixtures("each_dialect")


class Killed(BaseException):
    """The process is gone: nothing catches this."""


BEFORE = (
    folder("team"),
    job("Publish", branch="old"),
    job("Old name", scripts=("make old",)),
    view("Code for Life", ()),
)
AFTER = (
    folder("team"),
    job("Publish", branch="new", scripts=("echo new", "echo more")),
    job("New name", scripts=("make old",), moved_from=("Old name",)),
    job("team/Inner"),
    view("Code for Life", ("Publish", "New name")),
)


@pytest.mark.parametrize("point", ["before", "after"])
def test_killed_at_any_request_a_job_is_as_it_was_or_as_it_should_be(
    tmp_path: Path, point: str
) -> None:
    """And the next run goes on from there, without posting again what was posted."""
    number = 0
    while True:
        target = jenkins()
        update(target, tmp_path / f"{number}-first", *BEFORE)
        target.requests.clear()
        if not kill_at(target, number, point, tmp_path / f"{number}-killed"):
            break
        for key in target.configs:
            assert_whole(target, key)
        posted = [name for verb, name in done_writes(target)]
        target.requests.clear()
        result = update(target, tmp_path / f"{number}-next", *AFTER, prune=True)
        assert result.is_complete, (number, [o.message for o in result.outcomes])
        again = [name for verb, name in done_writes(target)]
        assert not set(posted) & set(again), number
        assert plan(target, *AFTER, prune=True).changes == ()
        assert (Kind.JOB, "Old name") not in target.configs
        number += 1
    assert number > 10


def done_writes(target: MemoryTarget) -> list[tuple[str, str]]:
    return [
        (verb, name)
        for verb, name in target.requests
        if verb in ("create", "update") and name != "Code for Life"
    ]


def kill_at(target: MemoryTarget, number: int, point: str, place: Path) -> bool:
    """Update, and be killed before (or right after) one request; False: there was none so late."""
    seen = 0
    write = ("create", "update", "save", "rename", "delete")
    pending: list[bool] = []

    def die(verb: str, name: str) -> None:
        nonlocal seen
        if pending:
            # The request before this one was carried out; its answer never came.
            target.requests.pop()
            raise Killed
        if verb in (*write, "read"):
            if seen == number and point == "before":
                target.requests.pop()
                raise Killed
            if seen == number:
                pending.append(True)
            seen += 1

    target.before_request = die
    try:
        update(target, place, *AFTER, prune=True)
    except Killed:
        return True
    finally:
        target.before_request = lambda verb, name: None
    return bool(pending)


def assert_whole(target: MemoryTarget, key: tuple[Kind, str]) -> None:
    """Every job is the old or the new one."""
    kind, name = key
    now = normal_of(target.configs[key], name=name)
    fits = [
        normal_of(rendered.config, name=name)
        for rendered in (*BEFORE, *AFTER)
        if rendered.kind is kind and name in (rendered.name, *rendered.moved_from)
    ]
    assert now in fits, name
