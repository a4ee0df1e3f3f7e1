"""Sample: three small real repositories for the chain to build, from files in this package.

codeforlife-deploy is a Django site with a deploy.sh, ocargo and codeforlife-portal are its apps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cfl_jobs.errors import CflJobsError

REPOSITORIES = ("ocargo", "codeforlife-portal", "codeforlife-deploy")
EXECUTABLE = ("deploy.sh", "manage.py")
SOURCE = Path(__file__).parent / "repositories"
# The same files, names and times make the same commits, wherever this runs.
IDENTITY = {
    "GIT_AUTHOR_NAME": "Code for Life",
    "GIT_AUTHOR_EMAIL": "sample@codeforlife.education",
    "GIT_AUTHOR_DATE": "2015-03-02T09:00:00+00:00",
    "GIT_COMMITTER_NAME": "Code for Life",
    "GIT_COMMITTER_EMAIL": "sample@codeforlife.education",
    "GIT_COMMITTER_DATE": "2015-03-02T09:00:00+00:00",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def make_repositories(directory: Path) -> tuple[Path, ...]:
    """Make the three repositories in `directory`, each with one commit on master.

    Returns their paths, `directory`/<repository>, in REPOSITORIES' order. Each is whole or not
    there, and one that is there stays as it is. Raises CflJobsError if git can't make one.
    """
    return tuple(_make_repository(directory / name) for name in REPOSITORIES)


def _make_repository(place: Path) -> Path:
    """Make a repository beside its place, then move it there: an interrupt leaves no half."""
    if place.exists():
        return place
    repository = place.with_name(f".{place.name}.new")
    if repository.exists():
        shutil.rmtree(repository)
    shutil.copytree(
        SOURCE / place.name,
        repository,
        copy_function=shutil.copyfile,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for file in repository.iterdir():
        if file.is_file():  # a package keeps no modes
            file.chmod(0o755 if file.name in EXECUTABLE else 0o644)
    _run_git(repository, "init", "--quiet", "--initial-branch=master", "--object-format=sha1")
    _run_git(repository, "-c", "core.autocrlf=false", "-c", "core.fileMode=true", "add", "--all")
    _run_git(repository, "commit", "--quiet", f"--message=Start {place.name}")
    return repository.rename(place)


def _run_git(repository: Path, *arguments: str) -> None:
    done = run_git(arguments, repository, IDENTITY)
    if done.returncode:
        raise CflJobsError(
            f"git {arguments[0]} failed in {repository}: {done.stderr.strip()}",
            advice="Is git 2.32 or later, and is there space on the disk?",
        )


def run_git(
    arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run git there with this environment and little else. Raises CflJobsError without git."""
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=directory,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise CflJobsError("git is not there", advice="Install git, 2.32 or later.") from error
