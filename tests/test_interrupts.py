"""Ctrl-C, SIGTERM and a closed terminal, and what is told of a run at its end."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.interrupts import Wish, interrupting, stopping, undisturbed
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, list_runs
from cfl_jobs.planning.plan import Create, Outcome, Status
from cfl_jobs.target import Kind, full_label
from cfl_jobs.terminal.pushing import (
    INTERRUPTED,
    Consent,
    Lines,
    line_of,
    roll_back_run,
    tell_given_up,
    tell_result,
)
from tests.jenkins_server import JenkinsServer, Request
from tests.jenkins_server_configs import NEW
from tests.rendered_jobs import jenkins, job, plan, update

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send_and_wait(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    threading.Event().wait(10)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_wish_to_stop_and_the_second_an_interrupt(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is in hand is finished first; that is said at once."""
    usual = signal.getsignal(number)
    with stopping() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(10)
        assert "Finishing what is in hand" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            send_and_wait(number)
    assert signal.getsignal(number) is usual


def test_signals_right_after_an_order_are_let_pass() -> None:
    """People press Ctrl-C many times: what became of the run is told all the same."""
    now = [0.0]
    for give_up in (True, False):
        wish = Wish(clock=lambda: now[0])
        if give_up:
            wish.hear(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                wish.hear(signal.SIGINT)
        else:
            wish.end()
        now[0] += 1
        wish.hear(signal.SIGINT)
        now[0] += 2
        with pytest.raises(KeyboardInterrupt):
            wish.hear(signal.SIGINT)


def test_what_would_end_us_is_an_interrupt() -> None:
    """With everything cleaned up; a handler that is there already stays."""
    with interrupting(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with stopping() as stop, interrupting():
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(10)


def test_what_is_short_is_finished_before_a_signal_is_heard() -> None:
    """Also where another thread gets it."""
    done = []
    go_on = threading.Event()
    other = threading.Thread(target=go_on.wait)
    other.start()
    with pytest.raises(KeyboardInterrupt), undisturbed():  # noqa: PT012
        signal.pthread_kill(other.ident or 0, signal.SIGINT)
        go_on.set()
        other.join()
        done.append(True)
    assert done


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As nohup leaves it."""
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, usual)


def test_in_another_thread_signals_are_left_alone() -> None:
    """Only the main thread may handle them."""
    found = []

    def look() -> None:
        with stopping() as stop:
            found.append(stop.is_set())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [False]


def test_a_second_interrupt_does_not_wait_for_what_is_in_hand(tmp_path: Path) -> None:
    """It is told as neither done nor not; the next run goes on from what is there."""
    target = jenkins()
    go_on = threading.Event()

    def hang(verb: str, name: str) -> None:
        if (verb, name) == ("create", "B"):
            os.kill(os.getpid(), signal.SIGINT)
            stop.wait(10)  # two signals at once would be one
            os.kill(os.getpid(), signal.SIGINT)
            go_on.wait(10)

    target.before_request = hang
    jobs = [job(name) for name in "ABC"]
    made = plan(target, *jobs)
    journal = Journal(tmp_path, target="memory", verb="update")
    reported: list[str] = []

    try:
        with stopping() as stop:
            result = apply_plan(
                made,
                target,
                journal,
                report=lambda outcome: reported.append(outcome.change.name),
                stop=stop,
                workers=1,
            )
        assert not go_on.is_set()
    finally:
        go_on.set()
    states = {outcome.change.name: outcome.status for outcome in result.outcomes}
    assert states == {"A": Status.DONE, "B": Status.NOT_DONE, "C": Status.NOT_DONE}
    messages = {outcome.change.name: outcome.message for outcome in result.outcomes}
    assert "given up while in hand" in messages["B"]
    assert "before it was begun" in messages["C"]
    assert result.is_interrupted
    assert reported == ["A"]
    assert not list_runs(tmp_path, "memory")[0].is_complete


def test_what_an_interrupted_rollback_advises_goes_on_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a run's name the next one would take back the rollback itself."""
    heard, first, hear = threading.Event(), threading.Lock(), Wish.hear

    def hear_and_tell(wish: Wish, number: int) -> None:
        hear(wish, number)
        heard.set()

    monkeypatch.setattr(Wish, "hear", hear_and_tell)
    target = jenkins()
    consent = Consent(yes=True, backup=tmp_path)
    names = [f"J{number}" for number in range(20)]
    update(target, tmp_path / "first", *map(job, names))
    before = dict(target.configs)
    made = plan(target, *(job(name, branch="new") for name in names))
    journal = Journal(tmp_path, target=full_label(target.label), verb="update")
    assert apply_plan(made, target, journal, versions=target.installed).is_complete

    def interrupt(verb: str, name: str) -> None:
        if verb == "update":
            if first.acquire(blocking=False):
                os.kill(os.getpid(), signal.SIGINT)
            heard.wait(60)

    target.before_request = interrupt
    assert roll_back_run(tmp_path, target, "", consent) == INTERRUPTED
    advised = (
        f"Interrupted; `cfl-jobs rollback {journal.run} --home {target.label}` goes on from here."
    )
    assert advised in capsys.readouterr().err
    assert target.configs != before
    assert roll_back_run(tmp_path, target, journal.run, consent) == 0
    assert target.configs == before


def test_a_journal_of_which_nothing_can_be_read_is_no_success(tmp_path: Path) -> None:
    target = jenkins()
    journal = Journal(tmp_path, target=full_label(target.label), verb="update")
    assert apply_plan(plan(target, job("A")), target, journal).is_complete
    consent = Consent(yes=True, backup=tmp_path)
    (journal.directory / "journal.jsonl").write_text("{\n{\n", encoding="utf-8")
    assert roll_back_run(tmp_path, target, "", consent) == 1


@pytest.mark.parametrize("jenkins_server", [NEW], indirect=True)
def test_an_interrupt_ends_a_plan_that_waits_for_the_server(
    jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """Jobs are read in threads, which nobody waits for."""
    asked, going_on = threading.Event(), threading.Event()
    jenkins_server.add_job("Deploy to Dev", job().config)

    def keep_waiting(request: Request) -> None:
        if request.path.endswith("config.xml"):
            asked.set()
            going_on.wait()

    jenkins_server.hook = keep_waiting
    process = subprocess.Popen(
        [sys.executable, "-m", "cfl_jobs", "plan", "--url", jenkins_server.url],
        cwd=Path(__file__).parents[1],
        env={
            **os.environ,
            "JENKINS_USER_ID": jenkins_server.user,
            "JENKINS_API_TOKEN": jenkins_server.token,
            "HOME": str(tmp_path),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert "Interrupted." in process.communicate(timeout=60)[0]
    finally:
        going_on.set()
    assert process.returncode == 130


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


def test_a_run_that_was_given_up_is_told_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_given_up("build/demo") == INTERRUPTED
    assert "`cfl-jobs history --home build/demo`" in capsys.readouterr().err
