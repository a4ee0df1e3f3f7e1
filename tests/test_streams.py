"""Whatever stdout and stderr lead to: text that can be read, an end that is told, no traceback."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cfl_jobs.planning.journal import list_runs
from cfl_jobs.terminal.streams import wants_colour

ROOT = Path(__file__).parents[1]
Done = subprocess.CompletedProcess[bytes]
Start = Callable[..., Done]
TEMPLATE = "name: {{ name }}\nbuilders:\n  - shell: echo\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of 40 jobs with long names, the last one with one that isn't ASCII."""
    names = [*(f"Job {number:02} {'x' * 230}" for number in range(39)), "Zürich"]
    entries = "".join(f"  - name: {name}\n" for name in names)
    for name, text in {
        "jobs/many.yaml": f"template: many.yaml.j2\njobs:\n{entries}",
        "templates/many.yaml.j2": TEMPLATE,
    }.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def start(project: Path) -> Start:
    """Run the shell command; `cfl` in it stands for cfl-jobs."""

    def run(command: str, stdout: int = subprocess.PIPE, **environment: str) -> Done:
        cfl = f'"{sys.executable}" -m cfl_jobs'
        return subprocess.run(
            ["bash", "-c", command.replace("cfl ", f"{cfl} ")],
            cwd=project,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "XDG_STATE_HOME": str(project / "state"),
                **environment,
            },
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )

    return run


def test_a_reader_that_goes_away_ends_the_run_between_two_jobs(start: Start, project: Path) -> None:
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
    made = len(list((project / "home/jobs").iterdir()))
    assert f"{made} of 40 changes made" in told
    assert made < 40
    (place,) = (project / "state/cfl-jobs").iterdir()
    assert list_runs(place, str(project / "home"))[0].is_complete


def test_a_reader_that_never_saw_the_plan_means_no(start: Start, project: Path) -> None:
    """Nobody knows what would be done; and it is said."""
    reading, writing = os.pipe()
    os.close(reading)
    done = start("cfl update --yes --home home", stdout=writing)
    os.close(writing)
    assert done.returncode == 1
    assert "its reader went away, so nothing was changed" in done.stderr.decode()
    assert not (project / "home/jobs").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_behind_the_output_is_an_error_in_a_line(start: Start, project: Path) -> None:
    """Before anything was changed: the plan itself can't be shown."""
    done = start("cfl update --yes --home home > /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode() == "Error: the output can't be written: No space left on device\n"
    assert not (project / "home/jobs").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_obstacle(start: Start, project: Path, closed: str) -> None:
    """The job is done all the same."""
    done = start(f"cfl update --yes --home home {closed}")
    assert done.returncode == 0
    assert len(list((project / "home/jobs").iterdir())) == 40


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
