"""Copies of the real definitions, with a git history or without, to be edited by tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cfl_jobs.doctor.needs import Needs, find_needs
from cfl_jobs.reading.inventory import INVENTORY, Inventory, dump_inventory
from cfl_jobs.rendering.cache import render_cached
from tests.jenkins_server_configs import recorded_plugins

ROOT = Path(__file__).parent.parent
_IDENTITY = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def copy_project(target: Path, version: str = "") -> Path:
    """Copy jobs/ and templates/ into `target`, which may be there.

    `version` is the recorded Jenkins whose inventory it gets, instead of its own.
    """
    for folder in ("jobs", "templates"):
        shutil.copytree(ROOT / folder, target / folder)
    if version:
        inventory = dump_inventory(Inventory(recorded_plugins(version), version))
        (target / INVENTORY).write_text(inventory, encoding="utf-8")
    return target


def needs_of_project(root: Path) -> Needs:
    return find_needs(root, render_cached(root))


def edit(root: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` in a file; it must be there."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def add(root: Path, file: str, text: str) -> None:
    """Append text to a file."""
    with (root / file).open("a", encoding="utf-8") as opened:
        opened.write(text)


class History:
    """A repository that begins with the real definitions, on `main`; `change` is checked out.

    The fixture `history` is one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self) -> None:
        """Make the first commit and both branches."""
        copy_project(self.root)
        self.git("init", "-q", "--template=", "-b", "main", ".")
        self.commit("the chain")
        self.git("checkout", "-q", "-b", "change")
        self.git("repack", "-q", "-a", "-d")  # few files, as it is copied often

    def commit(self, message: str) -> str:
        """Commit everything as it is and return the hash."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **_IDENTITY},
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout
