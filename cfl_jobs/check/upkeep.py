"""Rules about keeping a server healthy: retention, time limits, clean workspaces, schedules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, parts_of
from cfl_jobs.configs.model import BuildDiscarder, Job, Trigger
from cfl_jobs.configs.steps.wrappers import CleanAfter, CleanBefore, TimeLimit
from cfl_jobs.errors import count
from cfl_jobs.rendering.cron import find_cron_mistakes, find_cron_warnings


@RULES.rule("no-build-discarder", Severity.WARNING, "old builds of a job are kept for ever")
def find_no_discarder(scope: Scope) -> Iterator[Found]:
    """Logs and artifacts of every build stay on the server until its disk is full.

    Set how long builds are kept, or how many, with the `build-discarder` property.
    """
    for job in scope.freestyle():
        if job.discarder is None or job.discarder == BuildDiscarder():
            yield Found(job.name, "all builds of this job are kept for ever")


@RULES.rule("no-time-limit", Severity.WARNING, "a build may run for ever")
def find_no_time_limit(scope: Scope) -> Iterator[Found]:
    """A build that hangs keeps its executor, and where builds run one at a time the whole chain
    waits behind it.

    Set a limit with the `timeout` wrapper.
    """
    for job in scope.freestyle():
        if not any(parts_of(job.wrappers, TimeLimit)):
            yield Found(job.name, "builds of this job have no time limit")


@RULES.rule("workspace-not-cleaned", Severity.WARNING, "an earlier build's files may be published")
def find_uncleaned(scope: Scope) -> Iterator[Found]:
    """Jenkins keeps a job's workspace from build to build. A step that fails to write a file, or an
    optional copy that finds none, leaves the earlier build's file there, and it is archived as this
    build's.

    Clean first: the `workspace-cleanup` wrapper without patterns, or git's `clean: before`.
    """
    for job in scope.freestyle():
        steps = (*job.builders, *job.publishers)
        archiver = next((step for step in steps if step.archived), None)
        if archiver and not _is_cleaned(job):
            message = "the job archives files from a workspace that isn't cleaned before"
            yield Found(job.name, message, path=archiver.path)


def _is_cleaned(job: Job) -> bool:
    if job.scm is not None and job.scm.clean_before_checkout and not job.scm.directory:
        return True
    before = parts_of(job.wrappers, CleanBefore)
    cleans_all = any(not part.patterns and not part.parameter for part in before)
    return cleans_all or CleanAfter() in job.publishers


@RULES.rule("cron-syntax", Severity.ERROR, "a schedule is not what Jenkins reads")
def find_bad_schedules(scope: Scope) -> Iterator[Found]:
    """Jenkins refuses the job's config, or never runs the schedule. Its cron text is not crontab's:
    no names of months or days, and `H` for a time of Jenkins' choice.

    A schedule that Jenkins takes but warns about (every job at the same minute), or that limits
    both fields of days, which Jenkins wants both to match, is only a warning.
    """
    for job in scope.jobs:
        for trigger in parts_of(job.triggers, Trigger):
            path = f"{trigger.path}/spec"
            mistakes = find_cron_mistakes(trigger.spec)
            for mistake in mistakes or find_cron_warnings(trigger.spec):
                severity = None if mistakes else Severity.WARNING
                yield Found(job.name, mistake.message, mistake.advice, path, severity=severity)


def estimate_disk(
    jobs: Iterable[Job], sizes: Mapping[str, float], builds_a_day: float
) -> Iterator[str]:
    """Yield what retention lets the artifacts of each job take at most, the largest first.

    `sizes` are megabytes a build; jobs without one, or below 0.1 GB in all, are left out.
    """
    takes: list[tuple[float, str]] = []
    for job in jobs:
        kept = job.discarder or BuildDiscarder()
        days = [d for d in (kept.days_to_keep, kept.artifact_days_to_keep) if d > 0]
        builds = [n for n in (kept.builds_to_keep, kept.artifact_builds_to_keep) if n > 0]
        limits = [*builds, *(day * builds_a_day for day in days)]
        megabytes = sizes.get(job.name, 0.0)
        if not limits:
            if megabytes:
                takes.append((float("inf"), f"{job.name}: {megabytes:.1f} MB a build, for ever"))
        elif megabytes * min(limits) >= 100:
            text = f"{megabytes * min(limits) / 1000:.1f} GB, {count(min(limits), 'build')} of "
            takes.append((megabytes * min(limits), f"{job.name}: {text}{megabytes:.1f} MB"))
    yield from (text for _, text in sorted(takes, reverse=True))
