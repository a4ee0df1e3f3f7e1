"""Jobs → what in them can't be rehearsed truly, named before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from cfl_jobs.configs.model import Job, ParameterKind
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.repositories import Repositories, repository_name

# Tells where a part of a job's config comes from: (job, path of the element) → a place or "".
Locate: TypeAlias = Callable[[str, str], str]
_PARAMETERS = frozenset({ParameterKind.PASSWORD, ParameterKind.RUN, ParameterKind.FILE})


def refuse_unknown(jobs: Iterable[Job], repositories: Repositories, locate: Locate) -> None:
    """Raise RehearsalError that names everything in these jobs that can't be rehearsed."""
    jobs = tuple(jobs)
    problems = [
        f"{job.name}: {what} ({locate(job.name, path) or path})"
        for job in jobs
        for what, path in find_unrehearsable(job)
    ]
    if problems:
        raise RehearsalError(
            "These jobs have parts that a rehearsal can't do as Jenkins would:\n  "
            + "\n  ".join(problems),
            advice="Take them out of the job's template, or try the job on a server.",
        )
    _refuse_unknown_repositories(jobs, repositories)


def find_unrehearsable(job: Job) -> Iterator[tuple[str, str]]:
    """Yield each part of one job that can't be rehearsed: words and its element's path."""
    if job.root != "project":
        yield f"it is a {job.root}, not a freestyle job", ""
    if job.workspace:
        yield f"its own workspace {job.workspace}", "customWorkspace"
    git = job.scm.unknown if job.scm else ()
    for part in (*job.unknown, *git, *job.wrappers, *job.builders, *job.publishers):
        yield from part.unrehearsable()
    for parameter in job.parameters:
        if parameter.kind in _PARAMETERS:
            yield f"{parameter.kind.value} parameter {parameter.name}", parameter.path


def _refuse_unknown_repositories(jobs: Iterable[Job], repositories: Repositories) -> None:
    uses = {url: job.name for job in jobs for url in job.urls}
    missing = {url: job for url, job in uses.items() if not repositories.is_known(url)}
    if missing:
        options = " ".join(f"--repo {repository_name(url)}=PATH" for url in missing)
        raise RehearsalError(
            "No local repository stands for "
            + ", ".join(f"{url} (for {job})" for url, job in missing.items()),
            advice=f"Give your clones: {options}",
        )
