"""The error boundary: exit codes, and never a traceback for a user."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest

from cfl_jobs import cli
from cfl_jobs.__main__ import run
from cfl_jobs.errors import CflJobsError, Declined
from tests.case_files import CASES
from tests.projects import ROOT, copy_project, edit


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> type[click.Command]:
    """A verb `boom` whose function is set by the test, in place of a module of commands/."""

    class Boom(click.Command):
        action: object = None

        def invoke(self, ctx: click.Context) -> object:
            assert callable(Boom.action)
            return Boom.action()

    def find(group: click.Group, ctx: click.Context, name: str) -> click.Command:
        return Boom(name)

    monkeypatch.setattr(cli._AllVerbs, "get_command", find)
    return Boom


def raising(error: BaseException) -> object:
    def action() -> None:
        raise error

    return staticmethod(action)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CflJobsError("it is wrong", advice="Do it right."), 1, "it is wrong\n  Do it right."),
        (OSError(13, "Not allowed", "kept"), 1, "Error: kept: Not allowed\n  Put that right"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (ZeroDivisionError("secret"), 3, "Bug in cfl-jobs: ZeroDivisionError"),
        (click.UsageError("bad option"), 2, "bad option"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    verb: type[click.Command],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: str,
) -> None:
    verb.action = raising(error)  # type: ignore[attr-defined]
    assert run(["boom"]) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert "secret" not in told


def test_a_place_that_the_system_refuses_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(copy_project(tmp_path))
    for verb in ("plan", "history", "update", "rollback", "bootstrap", "rehearse status"):
        assert run([*verb.split(), "--home", "a" * 300]) == 1, verb
        assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_half_done(
    verb: type[click.Command], number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a directory of ours nor the part of a file that was being written."""
    begun: list[Path] = []

    def begin() -> None:
        with TemporaryDirectory() as folder:
            begun.append(Path(folder))
            signal.raise_signal(number)

    verb.action = staticmethod(begin)  # type: ignore[attr-defined]
    assert run(["boom"]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted."
    assert not begun[0].exists()


def test_every_verb_has_a_module_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, help_line in cli.VERBS.items():
        assert run([verb, "--help"]) == 0
        assert len(capsys.readouterr().out) > len(help_line)


_USAGE = (CASES / "wrong_usage.txt").read_text().splitlines()[2:]


@pytest.mark.parametrize(("line", "said"), [re.split(r" {2,}", row) for row in _USAGE])
def test_wrong_usage_exits_2_and_says_what_was_probably_meant(
    line: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the command line alone makes wrong: no file is read, no server asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").touch()
    assert run(line.split()) == 2
    assert said in capsys.readouterr().err.replace("\n", "$\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_an_answer_of_no_whose_reader_went_away_is_still_one(
    verb: type[click.Command], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def decline() -> None:
        raise Declined("Nothing was changed.")

    verb.action = decline  # type: ignore[attr-defined]
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run(["boom"]) == 0
    assert capsys.readouterr().err == ""


def test_help_lists_every_command_in_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    lines = capsys.readouterr().out.splitlines()
    titles = [line for line in lines if re.fullmatch(r"\w[\w ]*:", line)]
    assert titles == ["Options:", "Write definitions:", "Look:", "Push:", "Rehearse:", "Server:"]
    for verb in cli.VERBS:
        assert sum(line.startswith(f"  {verb} ") for line in lines) == 1


@pytest.mark.parametrize(
    ("start", "arguments"),
    [
        ("jobs", []),
        ("templates/scripts", []),
        (".", ["-C", "jobs"]),
        ("..", ["-C", "project", "-C", "jobs"]),
    ],
)
def test_the_project_is_found_from_below_and_paths_stay_where_the_user_is(
    start: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = copy_project(tmp_path / "project")
    monkeypatch.chdir(project / start)
    here = Path.cwd()
    assert run([*arguments, "render", "-o", "out", "Deploy to Dev"]) == 0
    assert capsys.readouterr().out == "job Deploy to Dev\n"
    assert Path.cwd() == here
    assert (here.joinpath(*arguments[1::2]) / "out/jobs/Deploy to Dev/config.xml").is_file()
    edit(project, "jobs/deploy.yaml", "environment: Dev", "enviroment: Dev")
    assert run([*arguments, "check"]) == 1
    assert capsys.readouterr().out.startswith("jobs/deploy.yaml:")


@pytest.mark.parametrize(
    ("arguments", "advised"),
    [
        (["plan", "--home", "home", "--out", "my plan"], "update --plan 'my plan'"),
        (["import", "No such", "--home", "home"], "graph --home home"),
        (["render", "No such"], "graph` shows"),
        (["check", "--size", "No such=1"], "graph` shows"),
        (["check"], "inventory`, or add it to jobs/plugins.yaml"),
        (["check"], "explain definition` tells more"),
        (["explain", "nothing"], "explain` lists all rules"),
        (["update", "--home", "home", "--plan", "jobs/deploy.yaml"], "plan --out FILE`"),
    ],
)
def test_a_command_that_is_advised_is_for_the_shell_that_asked(
    arguments: list[str],
    advised: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With -C it needs that too, also where what the checks found is kept from the other time."""
    project = copy_project(tmp_path / "my project")
    if arguments == ["check"]:
        edit(project, "jobs/plugins.yaml", "  junit: ", "  no-junit: ")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "my project/home").mkdir()
    for place, before, said in (
        (tmp_path, ["-C", "my project"], f"cfl-jobs -C 'my project' {advised}"),
        (tmp_path / "my project", [], f"cfl-jobs {advised}"),
    ):
        monkeypatch.chdir(place)
        run([*before, *arguments])
        assert said in " ".join("".join(capsys.readouterr()).split())


def test_a_jenkins_home_in_the_project_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_project(tmp_path / "project")
    monkeypatch.chdir(project)
    assert run(["update", "--home", "build/demo", "--yes"]) == 0
    monkeypatch.chdir("build/demo")
    assert run(["plan", "--home", "."]) == 0
    assert "Plan for .: 13 as they should be." in capsys.readouterr().out


def test_where_there_is_no_project_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["check"]) == 1
    assert f"no directory jobs/ in {tmp_path}" in capsys.readouterr().err


def complete(project: Path, *words: str) -> list[str]:
    """Return what bash puts in place of the last word, by the script that users evaluate."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{project}:{os.environ['PATH']}"}
    command = project / "cfl-jobs"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cfl_jobs "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(_CFL_JOBS_COMPLETE=bash_source cfl-jobs)"; '
        'compopt() { COMPREPLY=("$2"); }; '  # it works only where bash itself asks
        'COMP_WORDS=("$@") COMP_CWORD=$(($#-1));'
        "_cfl_jobs_completion cfl-jobs; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", "cfl-jobs", *words],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("re",), ["render", "review", "rehearse"]),
        (("plan", "Deploy\\ to\\ D"), [r"Deploy\ to\ Dev"]),
        (("plan", '"Deploy to D'), ["Deploy to Dev"]),
        (("history", "--url", "no-url", ""), [""]),
        (("update", "--home", "b"), ["dirnames"]),
    ],
)
def test_bash_completes_and_quotes_blanks(
    tmp_path: Path, words: tuple[str, ...], expected: list[str]
) -> None:
    """Nothing is written to stderr, whatever is wrong, as that would break the user's line."""
    assert complete(copy_project(tmp_path / "project"), *words) == expected


@pytest.mark.parametrize(
    ("shell", "before", "last", "expected"),
    [
        ("zsh", "rehearse", "re", ["resume"]),
        ("zsh", "check", "--fo", ["--format"]),
        ("zsh", "plan", r"Deploy\ to\ D", ["Deploy to Dev"]),
        ("fish", "plan", r"Deploy\ to\ D", ["Deploy to Dev"]),
        ("zsh", "-C jobs plan", '"Deploy to D', ["Deploy to Dev"]),
        ("zsh", "-C / render", "Ad", []),
        ("zsh", "rehearse build", "Create", ["Create Distribution"]),
        ("fish", "rehearse build", "Code", []),
        ("zsh", "plan", "Code", ["Code for Life"]),
        ("fish", "explain", "shell", ["shellcheck"]),
        ("zsh", "history --home home", "2", ["RUN"]),
        ("fish", "rollback --home home", "2", ["RUN"]),
        ("zsh", "rollback --home elsewhere", "2", []),
    ],
)
def test_jobs_rules_and_runs_are_completed_as_whole_names(
    shell: str,
    before: str,
    last: str,
    expected: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the scripts ask that users evaluate: with the line as it is typed, and where one is in it.

    Fish gives the last word itself. These shells quote what they get.
    """
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(copy_project(tmp_path / "project"))
    if expected == ["RUN"]:
        run(["update", "--home", "home", "--yes", "Ad-hoc distribution"])
        expected = [place.parent.name for place in tmp_path.glob("state/*/*/*/run.json")]
    monkeypatch.setenv("_CFL_JOBS_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit):
        run([])
    assert f"_CFL_JOBS_COMPLETE={shell}_complete" in capsys.readouterr().out
    number = len(f"cfl-jobs {before}".split())
    monkeypatch.setenv("_CFL_JOBS_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", f"cfl-jobs {before} {last}")
    monkeypatch.setenv("COMP_CWORD", last if shell == "fish" else str(number))
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # put back
    with pytest.raises(SystemExit):
        run([])
    sys.stderr.close()
    told = re.findall(r"^plain[,\n]([^\t\n]*)", capsys.readouterr().out, re.MULTILINE)
    assert told == expected


def test_version_and_help_import_nothing_heavy() -> None:
    """They must be instant: nothing of a command's own, nor what words errors."""
    program = (
        "import sys; from cfl_jobs.__main__ import run; run(['--help']); run(['--version']);"
        "light = {'cfl_jobs', 'cfl_jobs.__main__', 'cfl_jobs.cli', 'cfl_jobs.commands',"
        " 'cfl_jobs.interrupts', 'cfl_jobs.terminal', 'cfl_jobs.terminal.streams'};"
        "found = {name for name in sys.modules if name.startswith('cfl_jobs')} - light;"
        "found |= {'difflib', 'rich', 'yaml', 'jinja2', 'requests', 'json'} & set(sys.modules);"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cfl-jobs, version" in done.stdout
