"""What a rollback would do, as people are shown it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.planning.journal import list_runs
from cfl_jobs.planning.rollback import Undo, Way, plan_rollback
from cfl_jobs.planning.rollback_report import write_rollback
from cfl_jobs.target import Kind
from tests.memory_target import MemoryTarget
from tests.rendered_jobs import jenkins, job, update

pytestmark = pytest.mark.usefixtures("each_dialect")


def rolled_back(target: MemoryTarget, place: Path) -> str:
    """Return what is shown of rolling the last run back."""
    return write_rollback(plan_rollback(list_runs(place, "memory")[0], target))


def test_what_changes_in_many_jobs_alike_is_told_once(tmp_path: Path) -> None:
    """And what is done to one only, apart."""
    target = jenkins()
    names = [f"J{number}" for number in range(8)]
    update(target, tmp_path, *map(job, names))
    changed = [job(name, branch="new") for name in names[1:]]
    update(target, tmp_path, job("J0", branch="new", artifacts="other"), *changed)
    shown = rolled_back(target, tmp_path)
    assert shown.count("- new\n") == 1
    assert "\n  and 2 more: J6, J7\n" in shown
    assert shown.count("put back job J0\n") == 2


def test_that_a_job_was_enabled_is_told(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A", extra="<disabled>true</disabled>"))
    update(target, tmp_path, job("A", extra="<disabled>false</disabled>"))
    assert rolled_back(target, tmp_path) == (
        "put back job A\n    disabled\n      - false\n      + true"
    )


def test_that_nothing_but_the_mark_is_put_back_is_told(tmp_path: Path) -> None:
    """Else people would wonder what it is about."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    update(target, tmp_path, job("A", extra="<disabled>false</disabled>"))
    assert rolled_back(target, tmp_path) == "put back job A: only its mark is another"


def test_what_force_would_do_to_a_job_that_is_left_alone_is_told(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    update(target, tmp_path, job("A", branch="new"))
    target.edit("A", "echo two", "echo COLLEAGUE")
    shown = rolled_back(target, tmp_path)
    assert shown.startswith("leave alone job A: was changed since; --force puts it back all the")
    assert "- echo COLLEAGUE" in shown


def test_a_password_that_is_put_back_is_told_and_not_shown() -> None:
    """Jenkins encrypts it, so the texts can't be compared by people either."""
    config = "<project><builders><a.B><password>{{{}}}</password></a.B></builders></project>"
    old, new = (config.format(text) for text in ("AQAAABAAAAAQb2xk", "AQAAABAAAAAQbmV3"))
    shown = write_rollback([Undo(Way.PUT_BACK, Kind.JOB, "A", before=old, now=new)])
    assert "password" in shown
    assert "(another)" in shown
    assert "AQAAAB" not in shown
