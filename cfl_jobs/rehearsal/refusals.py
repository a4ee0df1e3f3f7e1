"""Jobs → what in them can't be rehearsed truly, named before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cfl_jobs.errors import RehearsalError
from cfl_jobs.model import (
    BindCredentials,
    BuildOther,
    CopyArtifact,
    Job,
    ParameterKind,
    Selector,
    TriggerBuilds,
    Unknown,
    UpstreamTrigger,
)
from cfl_jobs.rehearsal.checkout import KNOWN_EXTENSIONS
from cfl_jobs.rehearsal.repositories import Repositories
from cfl_jobs.rehearsal.triggering import CONDITIONS

# Elements without a type in the model that cannot change what a build does or starts.
HARMLESS = frozenset(
    {
        "com.coravy.hudson.plugins.github.GithubProjectProperty",
        "com.sonyericsson.rebuild.RebuildSettings",
        "com.cloudbees.jenkins.GitHubSetCommitStatusBuilder",
        "com.cloudbees.jenkins.GitHubCommitNotifier",
        "com.jenkinsci.plugins.badge.dsl.AddBadgeStep",
        "hudson.plugins.ansicolor.AnsiColorBuildWrapper",
        "hudson.plugins.disk__usage.DiskUsageProperty",
        "hudson.plugins.jobConfigHistory.JobConfigHistory",
        "hudson.security.AuthorizationMatrixProperty",
        "hudson.tasks.Fingerprinter",
        "jenkins.plugins.slack.SlackNotifier",
        "jenkins.branch.RateLimitBranchProperty_-JobPropertyImpl",
    }
)
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
    names = [name.strip() for step in triggers for name in step.projects]
    reverse = [
        other.name
        for other in jobs.values()
        for trigger in other.triggers
        if isinstance(trigger, UpstreamTrigger) and job.name in trigger.jobs
    ]
    return tuple(dict.fromkeys([*names, *reverse]))


def refuse_unknown(
    jobs: Iterable[Job],
    repositories: Repositories,
    secrets: Mapping[str, str],
    places: Mapping[str, Path],
) -> None:
    """Raise RehearsalError that names everything in these jobs that can't be rehearsed."""
    jobs = tuple(jobs)
    problems = [
        f"{job.name}: {problem} (in {places.get(job.name, job.name)})"
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
        binding.credentials_id: job.name
        for job in jobs
        for wrapper in job.wrappers
        if isinstance(wrapper, BindCredentials)
        for binding in wrapper.bindings
        if binding.credentials_id not in secrets
    }
    if missing:
        raise RehearsalError(
            "These credentials are needed and not given: "
            + ", ".join(f"{name} (for {job})" for name, job in missing.items()),
            advice="Write them as lines NAME=value into a file and give it with --secrets FILE.",
        )


def credentials_of(jobs: Iterable[Job]) -> tuple[str, ...]:
    """Return the ids of the credentials that the jobs bind."""
    return tuple(
        dict.fromkeys(
            binding.credentials_id
            for job in jobs
            for wrapper in job.wrappers
            if isinstance(wrapper, BindCredentials)
            for binding in wrapper.bindings
        )
    )


def find_problems(job: Job) -> Iterator[str]:
    """Yield each part of one job that can't be rehearsed, in words."""
    if job.root != "project":
        yield f"it is a {job.root}, not a freestyle job"
    parts = (*job.unknown, *job.wrappers, *job.builders, *job.publishers)
    for part in parts:
        if isinstance(part, Unknown) and part.tag not in HARMLESS:
            yield f"unknown element {part.tag} in {part.section}"
        elif isinstance(part, CopyArtifact) and part.selector.kind not in _SELECTORS:
            yield f"Copy Artifact's selector {part.selector.kind.value}"
        elif isinstance(part, TriggerBuilds):
            for source in part.parameters:
                if isinstance(source, Unknown):
                    yield f"unknown element {source.tag} in a trigger of {part.projects}"
            if part.condition not in CONDITIONS:
                yield f"trigger condition {part.condition}"
        elif isinstance(part, BindCredentials):
            for binding in part.bindings:
                if binding.kind not in _BINDINGS:
                    yield f"credentials binding {binding.kind}"
    for parameter in job.parameters:
        if parameter.kind is ParameterKind.PASSWORD:
            yield f"password parameter {parameter.name}"
    for extension in job.scm.extensions if job.scm else ():
        if extension.rpartition(".")[2] not in KNOWN_EXTENSIONS:
            yield f"git extension {extension}"


def _refuse_unknown_repositories(jobs: Iterable[Job], repositories: Repositories) -> None:
    from cfl_jobs.rehearsal.repositories import repository_name

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
