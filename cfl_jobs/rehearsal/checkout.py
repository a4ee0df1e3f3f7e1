"""A git configuration + a build → the workspace at one commit, as the git plugin 5.2 gets there."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from cfl_jobs.configs.model import Git
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.step import StepFailed
from cfl_jobs.rehearsal.build import BuildRun, Wait
from cfl_jobs.rehearsal.records import Revision
from cfl_jobs.rehearsal.repositories import Repositories

CLEAN_AFTER = "CleanCheckout"
LFS = "GitLFSPull"
PRUNE = "PruneStaleBranch"
WIPE = "WipeWorkspace"
_TAGS = {True: "--tags", False: "--no-tags"}
_DEFAULT_REFSPEC = "+refs/heads/*:refs/remotes/origin/*"


def check_out(git: Git, build: BuildRun) -> Generator[Wait, None, Revision]:
    """Bring the workspace to the revision that the branch names now. Raises StepFailed."""
    workspace, variables = build.workspace, build.variables()
    repositories = build.around.repositories
    url = expand(git.urls[0], variables)
    refspec = expand(git.refspec, variables) or _DEFAULT_REFSPEC
    build.log("The recommended git tool is: NONE")
    credentials = git.credentials_id and f"using credential {git.credentials_id}"
    build.log(credentials or "No credentials specified")
    if WIPE in git.extensions:
        build.log("Wiping out workspace first.")
        for entry in workspace.iterdir():
            build.around.trash.put(entry)
    if (workspace / ".git").is_dir():
        build.log("Fetching changes from the remote Git repository")
        if git.clean_before_checkout:
            build.log("Cleaning workspace")
            yield from _git(build, "reset", "--hard")
            yield from _git(build, "clean", "-fdx")
    else:
        build.log("Cloning the remote Git repository")
        build.log(f"Cloning repository {url}")
        yield from _git(build, "init", str(workspace))
    yield from _git(build, "config", "remote.origin.url", url)
    build.log(f"Fetching upstream changes from {url}")
    options = [_TAGS[git.fetches_tags], "--force"]
    if PRUNE in git.extensions:
        options.append("--prune")
    if git.depth:
        options.append(f"--depth={git.depth}")
    yield from _git(build, "fetch", *options, "--quiet", "--", url, *refspec.split())
    revision = _resolve(git, repositories, variables, url, workspace)
    if revision is None:
        raise StepFailed(
            "Couldn't find any revision to build. "
            "Verify the repository and branch configuration for this job."
        )
    build.log(f"Checking out Revision {revision.commit} ({revision.branch})")
    yield from _git(build, "checkout", "-q", "-f", revision.commit)
    if LFS in git.extensions:
        yield from _git(build, "lfs", "pull", "origin")
    if git.submodules:
        build.log("Submodules come from the clones that --repo names, as repositories do.")
        yield from _git(build, "submodule", "update", *git.submodules)
    if CLEAN_AFTER in git.extensions:
        yield from _git(build, "clean", "-fdx")
    subject = repositories.git("log", "-1", "--format=%s", directory=workspace).strip()
    build.log(f'Commit message: "{subject}"')
    return revision


def _git(build: BuildRun, *arguments: str) -> Generator[Wait, None, None]:
    build.log(" > git " + " ".join(arguments))
    code = yield from build.run(["git", *arguments])
    if code:
        raise StepFailed(f"git {arguments[0]} returned status code {code}")


def _resolve(
    git: Git, repositories: Repositories, variables: Mapping[str, str], url: str, workspace: Path
) -> Revision | None:
    """Return the revision that the first branch specifier with a match stands for."""
    known = _refs(repositories, workspace)
    for specifier in git.branches:
        name = expand(specifier, variables).strip()
        if not name:
            continue
        if "*" in name:
            shown = _match_wildcard(name, known)
        else:
            shown = next((ref for ref in _candidates(name) if ref in known), None)
        if shown:
            return Revision(known[shown], shown.removeprefix("refs/remotes/"), url)
        if re.fullmatch(r"[0-9a-f]{6,40}", name):
            commits = repositories.git("rev-list", "--all", directory=workspace).splitlines()
            if found := [commit for commit in commits if commit.startswith(name)]:
                return Revision(found[0], "detached", url)
    return None


def _refs(repositories: Repositories, workspace: Path) -> dict[str, str]:
    """Return what the workspace's repository has, full ref name → commit."""
    form = "%(refname) %(objectname) %(*objectname)"
    listed = repositories.git("for-each-ref", f"--format={form}", directory=workspace)
    refs = {}
    for line in listed.splitlines():
        name, *commits = line.split()
        refs[name] = commits[-1]
    return refs


def _candidates(name: str) -> tuple[str, ...]:
    """Return the refs that a branch specifier may mean, most likely first."""
    if name.startswith("refs/heads/"):
        return (f"refs/remotes/origin/{name.removeprefix('refs/heads/')}",)
    if name.startswith("refs/"):
        return (name,)
    if name.startswith("remotes/"):
        return (f"refs/{name}",)
    return (f"refs/remotes/{name}", f"refs/remotes/origin/{name}", f"refs/tags/{name}")


def _match_wildcard(pattern: str, known: Mapping[str, str]) -> str | None:
    for ref in known:
        short = ref.removeprefix("refs/remotes/")
        names = (short, short.removeprefix("origin/"))
        if short.startswith("origin/") and any(fnmatchcase(name, pattern) for name in names):
            return ref
    return None
