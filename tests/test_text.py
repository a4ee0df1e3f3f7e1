"""Lines for people, wherever stdout leads: wrapped, in colours at a terminal, no traceback."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.planning.journal import list_runs
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.reports import DEFAULT_HOME
from cfl_jobs.review.formats import PROSE
from cfl_jobs.terminal.streams import wants_colour
from cfl_jobs.terminal.text import show, wrap
from tests.case_files import write_project
from tests.projects import History, add
from tests.terminal import Terminal


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("", [""]),
        ("fits in twenty", ["fits in twenty"]),
        ("prose goes on at the left", ["prose goes on at the", "left"]),
        ("  advice goes on deeper than it", ["  advice goes on", "      deeper than it"]),
        ("a.yaml:1:2: is wrong here", ["a.yaml:1:2: is wrong", "    here"]),
        ("key   text of the key", ["key   text of the", "      key"]),
        ("a-word-that-is-not-cut at all", ["a-word-that-is-not-cut", "at all"]),
    ],
)  # fmt: skip
def test_line_is_wrapped_between_its_words(line: str, pieces: list[str]) -> None:
    assert wrap(line, 20) == pieces


@pytest.mark.parametrize(
    ("source", "column", "shown"),
    [
        ("short", 3, ["    short", "      ^"]),
        ("x" * 90, 1, [f"    {'x' * 75}…", "    ^"]),
        (f"{'-' * 60}X{'-' * 60}", 61, [f"…{'-' * 38}X{'-' * 39}…", f"{' ' * 39}^"]),
        (f"\tif {'y' * 90}", 2, [f"        if {'y' * 68}…", "        ^"]),
    ],
)
def test_source_line_is_cut_and_its_caret_stays_below_its_place(
    source: str, column: int, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pad = re.sub(r"[^\t]", " ", source[: column - 1])
    show(f"a.txt:1:{column}: is wrong\n    {source}\n    {pad}^\n", ())
    assert capsys.readouterr().out.splitlines()[1:] == shown


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The real definitions, one of them with a mistake that takes long to tell; updated."""
    place = tmp_path_factory.mktemp("project")
    history = History(place / "project")
    history.begin()
    add(
        history.root,
        "templates/scripts/publish.sh",
        "export A_PASSWORD=hunter2hunter2 # a comment that goes on behind the line's end\n",
    )
    history.commit("a change")
    with pytest.MonkeyPatch.context() as patch, chdir(history.root):
        patch.setenv("XDG_STATE_HOME", str(place / "state"))
        for home in ("home", str(DEFAULT_HOME)):
            assert run(["update", "--home", home, "--yes", "--despite", "plain-secret"]) == 0
        Home(DEFAULT_HOME).state.mkdir(parents=True)
        yield history.root


def at_terminal(line: str, columns: int, cwd: Path) -> Terminal:
    with Terminal(line.split(), cwd=cwd, environment={"COLUMNS": str(columns)}) as terminal:
        terminal.end()
    return terminal


def test_of_a_plan_only_what_is_prose_is_wrapped_and_that_only_at_a_terminal(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of scripts and configs stay whole, whatever reads them."""
    run(["review", "main"])
    plain = capsys.readouterr().out.splitlines()
    shown = at_terminal("review main", 200, project).plain.splitlines()
    assert " ".join(plain).split() == " ".join(shown).split()
    assert {each for each in plain if each.startswith("   ")} <= set(shown)
    is_prose = re.compile(PROSE)
    assert max(len(each) for each in plain if is_prose.match(each)) > 80
    assert max(len(each) for each in shown if is_prose.match(each)) <= 80


@pytest.mark.parametrize(
    ("line", "told", "coloured"),
    [
        ("check", "plain-secret", "\x1b[31m"),
        ("explain", "shellcheck ", "\x1b[33m"),
        ("explain cron-syntax", "Silence it where it is right", "\x1b[31mcron-syntax (error)"),
        ("history --home home", "by ", "\x1b[32m"),
        ("rehearse status", "Deploy to Dev: no builds", ""),
    ],
)
def test_texts_are_wrapped_and_coloured_at_a_terminal_only(
    project: Path, line: str, told: str, coloured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(line.split())
    plain = capsys.readouterr().out
    assert told in plain
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    wide, narrow = (at_terminal(line, columns, project) for columns in (200, 60))
    assert coloured in wide.text
    # Which rules come first is a matter of imports, which other tests make in another order.
    assert sorted(wide.plain.splitlines()) == sorted(plain.splitlines())
    assert max(map(len, narrow.plain.splitlines())) <= 60


ROOT = Path(__file__).parents[1]
Done = subprocess.CompletedProcess[bytes]
Start = Callable[..., Done]
TEMPLATE = "name: {{ name }}\nbuilders:\n  - shell: echo\n"


@pytest.fixture
def many_jobs(tmp_path: Path) -> Path:
    """A project of 40 jobs with long names, the last one with one that isn't ASCII."""
    names = [*(f"Job {number:02} {'x' * 230}" for number in range(39)), "Zürich"]
    entries = "".join(f"  - name: {name}\n" for name in names)
    definitions = f"template: a.yaml.j2\njobs:\n{entries}"
    return write_project(tmp_path / "project", definitions=definitions, template=TEMPLATE)


@pytest.fixture
def start(many_jobs: Path) -> Start:
    """Run the shell command; `cfl` in it stands for cfl-jobs."""

    def run(command: str, stdout: int = subprocess.PIPE, **environment: str) -> Done:
        cfl = f'"{sys.executable}" -m cfl_jobs'
        return subprocess.run(
            ["bash", "-c", command.replace("cfl ", f"{cfl} ")],
            cwd=many_jobs,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "XDG_STATE_HOME": str(many_jobs / "state"),
                **environment,
            },
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )

    return run


def test_a_reader_that_goes_away_ends_the_run_between_two_jobs(
    start: Start, many_jobs: Path
) -> None:
    """What was done is told on stderr, and the journal ends as it should.

    A small pipe takes few of its lines before the reader has gone, after the first job.
    """
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)

    def read() -> None:
        with open(reading, "rb", buffering=0) as lines:  # noqa: PTH123
            assert any(b": done" in line for line in lines)

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        done = start("cfl update --yes --home home", stdout=writing)
        os.close(writing)
        reader.result()
    told = done.stderr.decode()
    assert done.returncode == 1
    assert "Ended early: the output can't be written: Broken pipe" in told
    assert "of 40 changes made on home." in told
    made = len(list((many_jobs / "home/jobs").iterdir()))
    assert f"{made} of 40 changes made" in told
    assert made < 40
    (place,) = (many_jobs / "state/cfl-jobs").iterdir()
    assert list_runs(place, str(many_jobs / "home"))[0].is_complete


def test_a_reader_that_never_saw_the_plan_means_no(start: Start, many_jobs: Path) -> None:
    """Nobody knows what would be done; and it is said."""
    reading, writing = os.pipe()
    os.close(reading)
    done = start("cfl update --yes --home home", stdout=writing)
    os.close(writing)
    assert done.returncode == 1
    assert "its reader went away, so nothing was changed" in done.stderr.decode()
    assert not (many_jobs / "home/jobs").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_behind_the_output_is_an_error_in_a_line(start: Start, many_jobs: Path) -> None:
    """Before anything was changed: the plan itself can't be shown."""
    done = start("cfl update --yes --home home > /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode() == "Error: the output can't be written: No space left on device\n"
    assert not (many_jobs / "home/jobs").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_obstacle(start: Start, many_jobs: Path, closed: str) -> None:
    """The job is done all the same."""
    done = start(f"cfl update --yes --home home {closed}")
    assert done.returncode == 0
    assert len(list((many_jobs / "home/jobs").iterdir())) == 40


@pytest.mark.parametrize(
    ("encoding", "shown"), [("cp1251", rb"Z\xfcrich"), ("latin-1", b"Z\xfcrich")]
)
def test_a_name_that_the_output_has_no_letters_for_is_shown_all_the_same(
    start: Start, encoding: str, shown: bytes
) -> None:
    """As an escape, where the encoding lacks it."""
    for command in ("update --yes", "plan", "history"):
        done = start(f"cfl {command} --home home", PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        if command == "update --yes":
            assert b"create job " + shown in done.stdout


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"CLICOLOR": "0"}, False),
    ],
)
def test_colours_are_left_out_where_they_are_not_wanted(
    environment: Mapping[str, str], wanted: bool
) -> None:
    assert wants_colour(environment) is wanted
