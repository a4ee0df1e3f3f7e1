"""Watch: each save is rendered and told, errors don't end it, Ctrl-C does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.review.formats import PROSE
from cfl_jobs.review.rerendering import COLOURS, look, watch
from cfl_jobs.terminal.text import show
from tests.projects import ROOT, add, copy_project, edit


class Stop(Exception):
    """Ends a watch whose edits are all made."""


def watch_edits(root: Path, *edits: Callable[[], None]) -> list[list[str]]:
    """Watch while the edits are made, one at each look; return what was said for each."""
    said: list[list[str]] = [[]]
    waiting = list(edits)

    def wait(_: float) -> None:
        if not waiting:
            raise Stop
        said.append([])
        waiting.pop(0)()

    with pytest.raises(Stop):
        watch(root, say=lambda line: said[-1].append(line), wait=wait)
    return said


def test_each_save_is_told_by_what_it_changes_on_the_server(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    first, saved, without_effect, nothing = watch_edits(
        root,
        lambda: edit(root, "jobs/deploy.yaml", "retention_days: 365", "retention_days: 30"),
        lambda: add(root, "jobs/deploy.yaml", "\n# A remark.\n"),
        lambda: None,
    )
    assert "nothing wrong" in first[-1]
    text = "\n".join(saved)
    assert "jobs/deploy.yaml:" in text
    names = ("Deploy to Dev", "Deploy to Prod", "Deploy to Staging")
    assert "".join(f"~ change job {name}\n" for name in names) in text
    assert "- 365" in text
    assert "+ 30" in text
    assert "  no change on the server" in without_effect
    assert nothing == []


def test_errors_are_told_and_the_next_save_is_compared_with_the_last_good_one(
    tmp_path: Path,
) -> None:
    """A directory that is gone for a while is one."""
    root = copy_project(tmp_path)
    _, gone, back, wrong, fixed = watch_edits(
        root,
        lambda: (root / "jobs").rename(root / "away"),  # type: ignore[arg-type]
        lambda: (root / "away").rename(root / "jobs"),  # type: ignore[arg-type]
        lambda: edit(root, "jobs/settings.yaml", "  time_limit: 30", "  time_limt: 45"),
        lambda: edit(root, "jobs/settings.yaml", "  time_limt: 45", "  time_limit: 45"),
    )
    assert any("no directory jobs/" in line for line in gone)
    assert "  no change on the server" in back
    assert any("time_limt" in line for line in wrong)
    assert not any("nothing wrong" in line for line in wrong)
    assert "      - 30" in fixed
    assert "      + 45" in fixed


def test_new_and_removed_files_are_seen(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    before = look(root)
    (root / "templates/scripts/new.sh").write_text("#!/usr/bin/env bash\n")
    (root / "jobs/views.yaml").unlink()
    changed = {file for file, _ in look(root).items() ^ before.items()}
    assert changed == {"templates/scripts/new.sh", "jobs/views.yaml"}


def test_problems_that_the_checks_find_are_told(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    _, said = watch_edits(
        root, lambda: add(root, "templates/scripts/promote.sh", "password=hunter2hunter2\n")
    )
    text = "\n".join(said)
    assert "plain text" in text or "secret" in text
    assert "templates/scripts/promote.sh:" in text
    assert "hunter2" not in text
    assert "nothing wrong" not in text


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("Error: no jobs\n  Write one.", "red"),
        ("jobs/a.yaml:1:2: is wrong\n  a: b\n  ^", "red"),
        ("error secret: jobs/a.yaml:1:2: is one\n  + a", "red"),
        ("warning retention: jobs/a.yaml:1:2: is long\n  + a", "yellow"),
        ("+ new: New", "green"),
    ],
)
def test_all_lines_of_a_finding_have_its_colour(
    text: str, colour: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with click.Context(click.Command("watch"), color=True).scope():
        show(text, COLOURS, prose=PROSE, as_one=True)
    lines = [click.style(line, fg=colour) for line in text.split("\n")]
    assert capsys.readouterr().out.splitlines() == lines


def test_directory_without_jobs_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["watch"]) == 1
    assert "no directory jobs/" in capsys.readouterr().err


def test_ctrl_c_ends_it_with_0(tmp_path: Path) -> None:
    """While it waits for a save: all that it had to say of the last one has been read."""
    root = copy_project(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "cfl_jobs", "watch"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell would hand on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    with process.stdout as output:
        lines = iter(output.readline, "")
        assert any("nothing wrong" in line for line in lines)
        add(root, "jobs/views.yaml", "# saved\n")
        for said in ("no change on the server", "nothing wrong"):
            assert any(said in line for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
