"""A push to a repository → the jobs that watch it, and those that find a commit to build."""

from __future__ import annotations

from collections.abc import Mapping

from cfl_jobs.configs.model import Job, Trigger, TriggerKind
from cfl_jobs.configs.references import expand
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.builds import Builds
from cfl_jobs.rehearsal.queueing import default_values
from cfl_jobs.rehearsal.repositories import Repositories, repository_name, short_branch


def find_watching(jobs: Mapping[str, Job], repository: str) -> tuple[Job, ...]:
    """Return the jobs that GitHub's push event for a repository makes poll."""
    return tuple(job for job in jobs.values() if _watches(job, repository))


def find_watched(jobs: Mapping[str, Job], repositories: Repositories) -> dict[str, str]:
    """Return the repositories that jobs watch, each with the branch that the first one builds."""
    watched = {}
    for name in sorted(repositories.paths):
        watching = find_watching(jobs, name)
        if watching:
            watched[name] = watched_branch(watching[0])
    return watched


def watched_branch(job: Job) -> str:
    """Return the branch that a job builds after a push: with its parameters' defaults."""
    branches = job.scm.branches if job.scm else ("",)
    return short_branch(expand(branches[0], default_values(job)))


def poll_branch(
    job: Job, builds: Builds, repositories: Repositories, *, pushed: str
) -> tuple[bool, str]:
    """Look whether a job's branch has a commit that it hasn't built, as the git plugin does.

    Returns whether it starts, and what it found: words that complete a sentence about the job.
    """
    if job.disabled:
        return False, "is disabled"
    branch = watched_branch(job)
    head = repositories.read_head(job.urls[0], branch)
    other = "" if pushed == branch else f"looks at {branch} only, and "
    if head is None:
        return False, f"{other}finds no branch {branch}"
    for record in builds.of(job.name):
        if record.revision and record.revision.commit == head:
            return False, f"{other}has built {head[:10]} of {branch} as #{record.number}"
    return True, f"{other}starts for {head[:10]} of {branch}"


def require_pushed(repositories: Repositories, repository: str, branch: str) -> str:
    """Return the repository's name. Raises RehearsalError if it hasn't that branch."""
    name = repositories.require(repository)
    if repositories.read_head(str(repositories.paths[name]), branch) is None:
        raise RehearsalError(
            f"{name} has no branch {branch!r}.",
            advice=f"Make it in {repositories.paths[name]}, or name another with --branch.",
        )
    return name


def _watches(job: Job, repository: str) -> bool:
    pushed = any(
        isinstance(trigger, Trigger) and trigger.kind is TriggerKind.GITHUB_PUSH
        for trigger in job.triggers
    )
    return pushed and any(repository_name(url) == repository for url in job.urls)
