"""Jobs → what in them can't be rehearsed truly, named before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cfl_jobs.configs.model import (
    BindCredentials,
    BoundCredential,
    BuildOther,
    CleanAfter,
    CleanBefore,
    CopyArtifact,
    Job,
    ParameterKind,
    Selector,
    TimeLimit,
    TriggerBuilds,
    Unknown,
    UpstreamTrigger,
)
from cfl_jobs.configs.references import resolve_job
from cfl_jobs.errors import RehearsalError
from cfl_jobs.reading.secrets import KINDS, names_of
from cfl_jobs.rehearsal.repositories import Repositories, repository_name
from cfl_jobs.rehearsal.triggering import CONDITIONS

# Elements without a type in the model that cannot change what a build does or starts.
HARMLESS = frozenset(
    {
        "com.sonyericsson.rebuild.RebuildSettings",
        "com.cloudbees.jenkins.GitHubSetCommitStatusBuilder",
        "com.cloudbees.jenkins.GitHubCommitNotifier",
        "hudson.plugins.disk__usage.DiskUsageProperty",
        "hudson.plugins.jobConfigHistory.JobConfigHistory",
        "hudson.plugins.git.extensions.impl.CheckoutOption",
        "hudson.plugins.git.extensions.impl.IgnoreNotifyCommit",
        "hudson.plugins.git.extensions.impl.CleanCheckout",
        "hudson.plugins.git.extensions.impl.PruneStaleBranch",
        "hudson.tasks.Fingerprinter",
        "keepDependencies",
        "jenkins.plugins.slack.SlackNotifier",
        "jenkins.branch.RateLimitBranchProperty_-JobPropertyImpl",
    }
)
# Tells where a part of a job's config comes from: (job, path of the element) → a place or "".
Locate: TypeAlias = Callable[[str, str], str]
_PARAMETERS = frozenset({ParameterKind.PASSWORD, ParameterKind.RUN, ParameterKind.FILE})
_SELECTORS = frozenset(Selector) - {Selector.SAVED, Selector.WORKSPACE}
_BINDINGS = frozenset(
    {
        "StringBinding",
        "UsernamePasswordBinding",
        "UsernamePasswordMultiBinding",
        "FileBinding",
    }
)
_TIMEOUT_ACTIONS = frozenset({"FailOperation", "AbortOperation", "WriteDescriptionOperation"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a job that can't be rehearsed. `path` is its element's."""

    what: str
    path: str = ""


def find_reachable(jobs: Mapping[str, Job], start: Iterable[str]) -> tuple[Job, ...]:
    """Return the jobs that a build of one of `start` may lead to, those included."""
    found: dict[str, Job] = {}
    pending = [name for name in start if name in jobs]
    while pending:
        job = jobs[pending.pop()]
        if job.name not in found:
            found[job.name] = job
            pending += [name for name in downstream_names(job, jobs) if name in jobs]
    return tuple(found.values())


def downstream_names(job: Job, jobs: Mapping[str, Job]) -> tuple[str, ...]:
    """Return the jobs that a build of `job` may start itself."""
    steps = (*job.builders, *job.publishers)
    triggers = [step for step in steps if isinstance(step, TriggerBuilds | BuildOther)]
    names = [resolve_job(name, job.name, jobs) for step in triggers for name in step.projects]
    reverse = [
        other.name
        for other in jobs.values()
        for trigger in other.triggers
        if isinstance(trigger, UpstreamTrigger)
        and job.name in [resolve_job(name, other.name, jobs) for name in trigger.jobs]
    ]
    return tuple(dict.fromkeys([*names, *reverse]))


def refuse_unknown(
    jobs: Iterable[Job],
    repositories: Repositories,
    secrets: Mapping[str, str],
    locate: Locate,
) -> None:
    """Raise RehearsalError that names everything in these jobs that can't be rehearsed."""
    jobs = tuple(jobs)
    problems = [
        f"{job.name}: {problem.what} ({locate(job.name, problem.path) or problem.path})"
        for job in jobs
        for problem in find_problems(job)
    ]
    if problems:
        raise RehearsalError(
            "These jobs have parts that a rehearsal can't do as Jenkins would:\n  "
            + "\n  ".join(problems),
            advice="Take them out of the job's template, or try the job on a server.",
        )
    _refuse_unknown_repositories(jobs, repositories)
    missing = {
        name: f"{binding.credentials_id} (for {job})"
        for job, binding in bindings_of(jobs)
        if binding.credentials_id not in secrets
        for name in names_of(binding.credentials_id, KINDS[binding.kind])
    }
    if missing:
        raise RehearsalError(
            "These credentials are needed and not given: "
            + ", ".join(dict.fromkeys(missing.values())),
            advice=f"Write lines {'=..., '.join(missing)}=... into a file and give it with "
            "--secrets FILE.",
        )


def bindings_of(jobs: Iterable[Job]) -> Iterator[tuple[str, BoundCredential]]:
    """Yield the credentials that jobs bind, each with the job's name."""
    for job in jobs:
        for wrapper in job.wrappers:
            if isinstance(wrapper, BindCredentials):
                yield from ((job.name, binding) for binding in wrapper.bindings)


def find_problems(job: Job) -> Iterator[Problem]:
    """Yield each part of one job that can't be rehearsed."""
    if job.root != "project":
        yield Problem(f"it is a {job.root}, not a freestyle job")
    if job.workspace:
        yield Problem(f"its own workspace {job.workspace}", "customWorkspace")
    git = job.scm.unknown if job.scm else ()
    for part in (*job.unknown, *git, *job.wrappers, *job.builders, *job.publishers):
        yield from _problems_of(part)
    for parameter in job.parameters:
        if parameter.kind in _PARAMETERS:
            yield Problem(f"{parameter.kind.value} parameter {parameter.name}", parameter.path)


def _problems_of(part: object) -> Iterator[Problem]:
    match part:
        case Unknown():
            if part.tag not in HARMLESS:
                yield Problem(f"unknown element {part.tag}", part.path)
        case CopyArtifact() if part.selector.kind not in _SELECTORS:
            yield Problem(f"Copy Artifact's {part.selector.kind.value}", part.path)
        case CleanBefore() | CleanAfter() if part.patterns:
            yield Problem("workspace cleaning by patterns", part.path)
        case TimeLimit():
            for action in set(part.actions) - _TIMEOUT_ACTIONS:
                yield Problem(f"what to do after a time limit: {action}", part.path)
        case TriggerBuilds():
            for source in part.parameters:
                if isinstance(source, Unknown):
                    yield Problem(f"unknown parameters {source.tag}", source.path)
            if part.condition not in CONDITIONS:
                yield Problem(f"trigger condition {part.condition}", part.path)
        case BindCredentials():
            for binding in part.bindings:
                if binding.kind not in _BINDINGS:
                    yield Problem(f"credentials binding {binding.kind}", binding.path)


def _refuse_unknown_repositories(jobs: Iterable[Job], repositories: Repositories) -> None:
    missing = {
        url: job.name
        for job in jobs
        if job.scm
        for url in job.scm.urls
        if not repositories.is_known(url)
    }
    if missing:
        options = " ".join(f"--repo {repository_name(url)}=PATH" for url in missing)
        raise RehearsalError(
            "No local repository stands for "
            + ", ".join(f"{url} (for {job})" for url, job in missing.items()),
            advice=f"Give your clones: {options}",
        )
