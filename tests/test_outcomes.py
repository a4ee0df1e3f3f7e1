"""What became of a plan is told once, in few lines, and by the exit code."""

from __future__ import annotations

import errno
import io
import os
import threading
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.plan import Create, Outcome, Status
from cfl_jobs.target import Kind
from cfl_jobs.terminal.pushing import INTERRUPTED, Lines, line_of, tell_given_up, tell_result
from tests.rendered_jobs import jenkins, job, plan, update

pytestmark = pytest.mark.usefixtures("each_dialect")


class FullDisk(io.StringIO):
    """An output that nothing can be written to."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_went_wrong_for_many_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that is full, with all the jobs it is about."""
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"), job("C"))
    made = plan(target, job("A", branch="new"), job("B", branch="new"), job("C", branch="new"))
    journal = Journal(tmp_path, target="memory", verb="update")
    (journal.directory / "before").rmdir()
    result = apply_plan(made, target, journal, workers=1)
    assert tell_result(made, result, Lines(threading.Event()), None) == 1
    told = capsys.readouterr()
    assert told.out == "0 of 3 changes made on memory.\n"
    first, *advice = told.err.splitlines()
    assert first.startswith(f"Failed: update job A, update job B, update job C: {tmp_path}")
    assert advice == ["  Make room there, or name another place with --backup-dir."]


def test_a_name_in_two_lines_is_told_in_one() -> None:
    """A directory may hold such a job; it could pass for the result of another one."""
    made = Create(Config(Kind.JOB, "A: done\nupdate job B", "<project/>"))
    told = line_of(Outcome(made, Status.FAILED, "it is full"))
    assert told == "create job A: done\\nupdate job B: failed: it is full"


def test_lines_go_to_stderr_where_stdout_is_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None is lost; and the run is to stop."""
    stop = threading.Event()
    lines = Lines(stop)
    monkeypatch.setattr("sys.stdout", FullDisk())
    lines.write("one")
    assert stop.is_set()
    lines.write("two")
    assert "No space left on device" in lines.problem
    assert capsys.readouterr().err == "one\ntwo\n"


def test_a_run_that_was_given_up_is_told_where_to_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert tell_given_up("build/demo") == INTERRUPTED
    assert "`cfl-jobs history --home build/demo`" in capsys.readouterr().err
