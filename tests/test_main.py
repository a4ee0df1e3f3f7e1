"""The error boundary: exit codes, and never a traceback for a user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from cfl_jobs import cli
from cfl_jobs.__main__ import run
from cfl_jobs.errors import CflJobsError


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

    monkeypatch.setattr(cli._LazyGroup, "get_command", find)
    return Boom


def raising(error: BaseException) -> object:
    def action() -> None:
        raise error

    return staticmethod(action)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CflJobsError("it is wrong", advice="Do it right."), 1, "it is wrong\n  Do it right."),
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


def test_a_verb_decides_the_exit_code(verb: type[click.Command]) -> None:
    verb.action = staticmethod(lambda: 2)  # type: ignore[attr-defined]
    assert run(["boom"]) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["render", "--help"]])
def test_help_is_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "cfl-jobs" in capsys.readouterr().out


def test_every_verb_has_a_module_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, help_line in cli.VERBS.items():
        assert run([verb, "--help"]) == 0
        assert len(capsys.readouterr().out) > len(help_line)


def test_an_unknown_verb_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rendre"]) == 2
    assert "rendre" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    """--help must be instant: no jenkins_jobs, jinja2, yaml, requests, rich."""
    program = (
        "import sys; from cfl_jobs.__main__ import run; run(['--help']);"
        "heavy = {'jenkins_jobs', 'pkg_resources', 'jinja2', 'yaml', 'requests', 'rich'};"
        "found = heavy & set(sys.modules); assert not found, found"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
