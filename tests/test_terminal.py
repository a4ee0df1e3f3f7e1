"""What people see at a terminal: the question, the progress, the end; on good and on poor ones."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.case_files import write_project
from tests.jenkins_server import Fault, JenkinsServer, Request
from tests.jenkins_server_configs import NEW
from tests.terminal import HIDE_CURSOR, SHOW_CURSOR, Terminal

UPDATE = ("update", "--home", "home")
JOBS = ["Publish Ocargo Files for all the world", "Zürich"]
SIGNALS = [signal.SIGINT, signal.SIGHUP]  # all three: test_interrupts


@pytest.fixture
def jenkins_server() -> Iterator[JenkinsServer]:
    """Which version it is makes no difference to a terminal."""
    with JenkinsServer(NEW) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two jobs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    template = "name: {{ name }}\nbuilders:\n  - shell: echo {{ word }}\n"
    root = write_project(tmp_path / "project", template=template)
    define(root, JOBS)
    return root


def define(root: Path, names: list[str], word: str = "one") -> None:
    entries = "".join(f"  - {{name: {name}, word: {word}}}\n" for name in names)
    (root / "jobs/a.yaml").write_text(f"template: a.yaml.j2\njobs:\n{entries}", encoding="utf-8")


def made(root: Path) -> list[str]:
    place = root / "home/jobs"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


@pytest.mark.parametrize("answer", ["YES\n", "perhaps\ny\n"])
def test_yes_is_yes_however_it_is_written(project: Path, answer: str) -> None:
    with Terminal(UPDATE, cwd=project) as terminal:
        terminal.wait_for("Make 2 changes on home? [y/N]")
        terminal.type(answer)
        assert terminal.end() == 0
    assert made(project) == JOBS
    assert terminal.text.count("[y/N]") == answer.count("\n")
    assert terminal.text.index("+ create job Zürich") < terminal.text.index("[y/N]")
    assert terminal.plain.endswith("2 of 2 changes made on home.\n")


@pytest.mark.parametrize("answer", ["No\n", "\n", "perhaps\n\x04"])
def test_all_else_is_no_which_is_no_error(project: Path, answer: str) -> None:
    """The end of the input too: Ctrl-D."""
    with Terminal(UPDATE, cwd=project) as terminal:
        terminal.wait_for("[y/N]")
        terminal.type(answer)
        assert terminal.end() == 0
    assert terminal.plain.endswith("\nNothing was changed.\n")
    assert made(project) == []


def test_deletions_are_confirmed_apart(project: Path) -> None:
    """With --yes too; no to them is no to all."""
    with Terminal([*UPDATE, "--yes"], cwd=project) as terminal:
        assert terminal.end() == 0
    define(project, JOBS[:1], word="two")
    for answer, yes in (("n\n", ["--yes"]), ("n\n", []), ("y\n", [])):
        with Terminal([*UPDATE, "--prune", *yes], cwd=project) as terminal:
            if not yes:
                terminal.wait_for("Make 1 change on home? [y/N]")
                terminal.type("y\n")
            terminal.wait_for("Delete 1 job, with 0 builds, from home for good? [y/N]")
            assert made(project) == JOBS
            terminal.type(answer)
            assert terminal.end() == 0
        assert made(project) == JOBS[: 2 - (answer == "y\n")]


def test_ctrl_c_at_the_question_changes_nothing(project: Path) -> None:
    with Terminal(UPDATE, cwd=project) as terminal:
        terminal.wait_for("[y/N]")
        terminal.interrupt_reading()
        assert terminal.end() == 130
    assert terminal.plain.endswith("[y/N]: \nInterrupted.\n")
    assert made(project) == []


def test_the_question_is_seen_where_the_output_goes_to_a_file(
    project: Path, tmp_path: Path
) -> None:
    """`update | tee log`; where nobody sees it, it isn't asked."""
    log, errors = tmp_path / "log", tmp_path / "errors"
    with Terminal(UPDATE, cwd=project, stdout=log, stderr=errors) as terminal:
        assert terminal.end() == 1
    assert "nobody is there to ask, so nothing was changed\n  Add --yes" in errors.read_text()
    with Terminal(UPDATE, cwd=project, stdout=log) as terminal:
        terminal.wait_for("Make 2 changes on home? [y/N]")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert "[y/N]" not in log.read_text()
    assert log.read_text().endswith("2 of 2 changes made on home.\n")


def test_colours_are_left_out_of_all_that_is_drawn(project: Path) -> None:
    """The bar and the table are drawn all the same."""
    with Terminal([*UPDATE, "--yes"], cwd=project) as terminal:
        terminal.end()
    assert {escape for escape in terminal.escapes if escape.startswith("\x1b[3")}
    define(project, JOBS, word="two")
    with Terminal([*UPDATE, "--yes"], cwd=project, environment={"NO_COLOR": "1"}) as terminal:
        assert terminal.end() == 0
    assert "2/2" in terminal.plain
    assert "│ Zürich " in terminal.plain
    assert not {escape for escape in terminal.escapes if escape.startswith("\x1b[3")}


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}, {"TERM": "unknown"}, {"COLUMNS": "20"}])
def test_where_nothing_can_be_drawn_there_are_plain_lines(
    project: Path, variable: dict[str, str]
) -> None:
    """Each change has its line, whole: a table in 20 columns can't be read."""
    with Terminal([*UPDATE, "--yes"], cwd=project, environment=variable) as terminal:
        assert terminal.end() == 0
    end = terminal.plain.splitlines()[-3:]
    assert [line.split("]")[0] for line in end] == ["[1/2", "[2/2", "2 of 2 changes made on home."]
    assert sorted(line.partition("] ")[2] for line in end[:2]) == [
        f"create job {name}: done" for name in JOBS
    ]
    if "TERM" in variable:
        assert not terminal.escapes


def test_a_terminal_that_tells_no_width_has_a_usual_one(project: Path) -> None:
    with Terminal([*UPDATE, "--yes"], cwd=project, environment={"COLUMNS": ""}) as terminal:
        assert terminal.end() == 0
    assert re.search(r"┃ What ┃ Name +┃ Change ┃ Result ┃", terminal.plain)
    assert f"│ {JOBS[0]} │" in terminal.plain


def test_on_a_terminal_that_is_not_utf_8_bars_and_names_can_be_read(project: Path) -> None:
    """Cyrillic has no umlauts."""
    narrow = {"PYTHONIOENCODING": "cp1251"}
    with Terminal([*UPDATE, "--yes"], cwd=project, environment=narrow) as terminal:
        assert terminal.end() == 0
    assert "--- 2/2" in terminal.plain
    assert "create job Z\\xfcrich" in terminal.plain
    assert "| Z\\xfcrich" in terminal.plain
    assert terminal.plain.isascii()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_the_server_is_looked_at_leaves_the_terminal_as_it_was(
    project: Path, jenkins_server: JenkinsServer, number: signal.Signals
) -> None:
    """The cursor is hidden while a bar is there."""
    jenkins_server.fail(Fault.DELAY, times=1000, seconds=30)
    with Terminal(
        ["plan", *on(jenkins_server)], cwd=project, environment=login(jenkins_server)
    ) as terminal:
        terminal.wait_for(HIDE_CURSOR)
        terminal.send(number)
        assert terminal.end() == 130
    assert terminal.plain.endswith("\nInterrupted.\n")
    assert terminal.text.rfind(SHOW_CURSOR) > terminal.text.rfind(HIDE_CURSOR)


@pytest.mark.parametrize("number", SIGNALS)
def test_pressing_ctrl_c_many_times_gives_up_at_once_with_a_summary(
    project: Path, jenkins_server: JenkinsServer, number: signal.Signals
) -> None:
    in_hand, go_on = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        if request.path.endswith("createItem"):
            in_hand.set()
            go_on.wait(60)

    jenkins_server.hook = hold
    arguments = ["update", "--yes", *on(jenkins_server)]
    with Terminal(arguments, cwd=project, environment=login(jenkins_server)) as terminal:
        try:
            assert in_hand.wait(60)
            terminal.send(number)
            terminal.wait_for("Finishing what is in hand; once more gives it up.")
            terminal.send(number)
            for _ in range(5):
                terminal.send(signal.SIGINT)
            assert terminal.end() == 130
        finally:
            go_on.set()
    told = terminal.plain
    assert f"0 of 2 changes made on {jenkins_server.url}" in told
    assert "Not done, given up while in hand, so it may be done or not: " in told
    assert told.endswith("\nInterrupted; run it again to go on from here.\n")
    assert "Traceback" not in told
    assert "Exception" not in told
    assert terminal.text.rfind(SHOW_CURSOR) > terminal.text.rfind(HIDE_CURSOR)


def test_counts_go_up_one_by_one_and_the_summary_is_last_on_stdout(
    project: Path, jenkins_server: JenkinsServer, tmp_path: Path
) -> None:
    """Sixteen at once report; a failure is counted, and told in full on stderr."""
    define(project, [f"Job {number}" for number in range(40)])
    jenkins_server.fail(Fault.HTML, method="POST", path="createItem")
    out, errors = tmp_path / "out", tmp_path / "errors"
    arguments = ["update", "--yes", *on(jenkins_server)]
    with Terminal(
        arguments, cwd=project, stdout=out, stderr=errors, environment=login(jenkins_server)
    ) as terminal:
        assert terminal.end() == 1
    *_, lines = out.read_text().partition("40 to create.\n")
    *changes, last = lines.splitlines()
    assert [line.split()[0] for line in changes] == [f"[{n}/40]" for n in range(1, 41)]
    assert sum(": failed: " in line for line in changes) == 1
    assert last == f"39 of 40 changes made on {jenkins_server.url}."
    assert errors.read_text().startswith("Failed: create job Job ")


def on(server: JenkinsServer) -> tuple[str, str]:
    return "--url", server.url


def login(server: JenkinsServer) -> dict[str, str]:
    return {"JENKINS_USER_ID": server.user, "JENKINS_API_TOKEN": server.token}
