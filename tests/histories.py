"""A small git history of the real definitions, for tests of reviews."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.projects import copy_project

_IDENTITY = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class History:
    """A repository whose first commit, the branch `main`, holds the real definitions."""

    def __init__(self, root: Path) -> None:
        self.root = copy_project(root)
        self.git("init", "-q", "-b", "main", ".")
        self.commit("the chain")
        self.git("checkout", "-q", "-b", "change")

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
