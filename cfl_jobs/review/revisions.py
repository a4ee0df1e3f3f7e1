"""git's revisions → their jobs/ and templates/, in a directory of their own, as plain files.

Only objects are read: no work tree, index, ref or configuration is touched, no filter, hook or
attribute of the revision counts, nothing is fetched. Links are left out, so that a revision can't
name files of this machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from cfl_jobs.errors import CflJobsError, Finding
from cfl_jobs.planning.visible import make_line_visible
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.review.review import Revision

WORK_TREE = "work tree"
_LARGEST = 50_000_000  # bytes of all files together
_LINK = "120000"  # a symbolic link's mode
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}


def find_revision(root: Path, name: str) -> Revision:
    """Return the commit that a branch, a tag or a hash names. Raises CflJobsError."""
    if not name or name.startswith("-"):
        raise CflJobsError(f"{name!r} is no revision", advice="Name a branch, a tag or a commit.")
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if found.returncode:
        _check_repository(root)
        raise CflJobsError(
            f"git knows no revision {name!r} here",
            advice=f"Fetch it first (`git fetch origin {name}`), or name another one.",
        )
    return Revision(name, found.stdout.decode().strip())


def describe_commit(root: Path) -> str:
    """Return "commit 1a2b3c4d5e", and what isn't committed of the definitions; "" without git."""
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    except CflJobsError:
        return ""
    if found.returncode:
        return ""
    remark = " and what is not committed" * bool(list_uncommitted(root))
    return f"commit {found.stdout.decode()[:10]}{remark}"


def list_uncommitted(root: Path) -> tuple[str, ...]:
    """Return the files of the definitions that are not as the current commit has them."""
    told = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    found = _git(root, *told, "--", JOBS, TEMPLATES).stdout.decode("utf-8", "replace")
    if not found:
        return ()
    prefix = _run(root, "rev-parse", "--show-prefix").decode().strip()
    paths = (entry[3:].removeprefix(prefix) for entry in found.split("\0") if entry)
    return tuple(map(make_line_visible, paths))


def find_fork_point(root: Path, base: Revision, head: Revision) -> Revision:
    """Return where `head` left `base`: what `base` got since then is not of `head`'s making.

    Revisions that have nothing in common, and shallow clones, are compared as they are.
    """
    commit = head.commit or find_revision(root, "HEAD").commit
    found = _git(root, "merge-base", base.commit, commit)
    fork = found.stdout.decode().strip()
    if found.returncode or not fork or fork == base.commit:
        return base
    return Revision(f"where it left {base.asked}", fork)


@contextmanager
def taken_out(root: Path, revision: Revision) -> Iterator[tuple[Path, tuple[Finding, ...]]]:
    """Yield a directory with the revision's files, and findings about what was left out."""
    if not revision.commit:
        yield root, ()
        return
    files, findings = _list_files(root, revision)
    with TemporaryDirectory(prefix="cfl-jobs-review-") as folder:
        target = Path(folder)
        (target / JOBS).mkdir()
        _write_files(root, files, target)
        yield target, findings


def _list_files(root: Path, revision: Revision) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return the objects of a revision's files, by path; what else there is is a finding."""
    prefix = _run(root, "rev-parse", "--show-prefix").decode().strip()
    paths = [f"{prefix}{folder}" for folder in (JOBS, TEMPLATES)]
    listed = _run(root, "ls-tree", "-r", "-l", "-z", "--full-tree", revision.commit, "--", *paths)
    files: dict[str, str] = {}
    findings: list[Finding] = []
    total = 0
    for line in filter(None, listed.decode("utf-8", "surrogateescape").split("\0")):
        about, _, path = line.partition("\t")
        mode, kind, name, size = about.split()
        path = path.removeprefix(prefix)
        if kind == "blob" and mode != _LINK:
            files[path] = name
            total += int(size)
        else:
            what = "symbolic link" if mode == _LINK else "submodule"
            message = f"{path}: is a {what}, which a review doesn't follow"
            findings.append(Finding(message, advice="Commit a plain file in its place."))
    if total > _LARGEST:
        raise CflJobsError(
            f"{revision}: {JOBS}/ and {TEMPLATES}/ hold more than {_LARGEST // 1_000_000} MB",
            advice="They hold text; move anything else out.",
        )
    return files, tuple(findings)


def _write_files(root: Path, files: Mapping[str, str], target: Path) -> None:
    request = "".join(f"{name}\n" for name in files.values()).encode()
    answer = _run(root, "cat-file", "--batch", input_=request)
    at = 0
    for path, name in files.items():
        end = answer.index(b"\n", at)
        found, _, size = answer[at:end].decode().split()
        if found != name:
            raise CflJobsError(f"git has no contents of {path}", advice="Run `git fsck`.")
        start, at = end + 1, end + 2 + int(size)
        parts = PurePosixPath(path).parts
        if ".." in parts or path.startswith("/"):
            raise CflJobsError(f"{path!r} is a path that git itself would refuse")
        file = target.joinpath(*parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer[start : at - 1])


def _run(root: Path, *arguments: str, input_: bytes = b"") -> bytes:
    found = _git(root, *arguments, input_=input_)
    if found.returncode:
        _check_repository(root)
        reason = found.stderr.decode("utf-8", "replace").strip().splitlines()
        said = [f"exit code {found.returncode}", *reason][-1]
        raise CflJobsError(f"git {arguments[0]} failed: {said}", advice="Run `git fsck`.")
    return found.stdout


def _git(root: Path, *arguments: str, input_: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-c", "core.quotePath=false", *arguments]
    environment = {**os.environ, **_ENVIRONMENT}
    try:
        return subprocess.run(
            command, cwd=root, input=input_, capture_output=True, check=False, env=environment
        )
    except FileNotFoundError as error:
        raise CflJobsError("there is no git here", advice="Install git.") from error


def _check_repository(root: Path) -> None:
    found = _git(root, "rev-parse", "--git-dir")
    if found.returncode:
        said = found.stderr.decode("utf-8", "replace").strip()
        if "dubious ownership" in said:
            raise CflJobsError(
                "git doesn't trust this repository: another user owns it",
                advice=f"Run `git config --global --add safe.directory {root.resolve()}`.",
            )
        raise CflJobsError(
            f"{root.resolve()} is in no git repository",
            advice="A review compares two revisions of one; run it in a clone.",
        )
