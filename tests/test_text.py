"""Lines for people: wrapped between words, in colours at a terminal and plain elsewhere."""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.reports import DEFAULT_HOME
from cfl_jobs.review.formats import PROSE
from cfl_jobs.terminal.text import show, wrap
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


def test_of_a_plan_only_what_is_prose_is_wrapped_and_that_only_at_a_terminal(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of scripts and configs stay whole, whatever reads them."""
    line = ["review", "main"]
    with chdir(project):
        run(line)
    plain = capsys.readouterr().out.splitlines()
    with Terminal(line, cwd=project, environment={"COLUMNS": "200"}) as terminal:
        terminal.end()
    shown = terminal.plain.splitlines()
    assert " ".join(plain).split() == " ".join(shown).split()
    assert {each for each in plain if each.startswith("   ")} <= set(shown)
    is_prose = re.compile(PROSE)
    assert max(len(each) for each in plain if is_prose.match(each)) > 80
    assert max(len(each) for each in shown if is_prose.match(each)) <= 80


@pytest.fixture
def project(history: History, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real definitions, one of them with a mistake that takes long to tell."""
    monkeypatch.setenv("XDG_STATE_HOME", str(history.root.parent / "state"))
    add(
        history.root,
        "templates/scripts/publish.sh",
        "export A_PASSWORD=hunter2hunter2 # a comment that goes on behind the line's end\n",
    )
    history.commit("a change")
    return history.root


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
    with chdir(project):
        for home in ("home", str(DEFAULT_HOME)):
            assert run(["update", "--home", home, "--yes", "--despite", "plain-secret"]) == 0
        Home(DEFAULT_HOME).state.mkdir(parents=True)
        capsys.readouterr()
        run(line.split())
        plain = capsys.readouterr().out
    assert told in plain
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 80
    with Terminal(line.split(), cwd=project, environment={"COLUMNS": "200"}) as terminal:
        terminal.end()
    assert coloured in terminal.text
    # Which rules come first is a matter of imports, which other tests make in another order.
    assert sorted(terminal.plain.splitlines()) == sorted(plain.splitlines())
    with Terminal(line.split(), cwd=project, environment={"COLUMNS": "60"}) as terminal:
        terminal.end()
    assert max(map(len, terminal.plain.splitlines())) <= 60
