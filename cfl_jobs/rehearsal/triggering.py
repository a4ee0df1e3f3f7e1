"""What starts builds: pushes to repositories, and other builds (Parameterized Trigger 787)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from cfl_jobs.configs.model import Job, StartKind, Trigger, UpstreamTrigger
from cfl_jobs.configs.references import expand, resolve_job
from cfl_jobs.configs.steps.step import Result, StepFailed
from cfl_jobs.configs.steps.triggering import (
    CONDITIONS,
    BlockingThresholds,
    DontTrigger,
    TriggerBuilds,
    variable_part,
)
from cfl_jobs.rehearsal.build import BuildRun, Interrupted, ItemGoesOn, Wait
from cfl_jobs.rehearsal.environment import Repositories, repository_name, short_branch
from cfl_jobs.rehearsal.queueing import BadValue, convert_triggered, default_values
from cfl_jobs.rehearsal.records import BuildRecord, Builds


def find_watching(jobs: Mapping[str, Job], repository: str) -> tuple[Job, ...]:
    """Return the jobs that GitHub's push event for a repository makes poll."""
    return tuple(
        job
        for job in jobs.values()
        if repository in map(repository_name, job.urls)
        and any(isinstance(t, Trigger) and t.kind is StartKind.PUSH for t in job.triggers)
    )


def find_watched(jobs: Mapping[str, Job], repositories: Repositories) -> dict[str, str]:
    """Return the repositories that jobs watch, each with the branch that the first one builds."""
    watching = {name: find_watching(jobs, name) for name in sorted(repositories.paths)}
    return {name: watched_branch(found[0]) for name, found in watching.items() if found}


def watched_branch(job: Job) -> str:
    """Return the branch that a job builds after a push: with its parameters' defaults."""
    branches = getattr(job.scm, "branches", ("",))
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
    other = ""
    if pushed != branch:
        other = f"looks at {branch} only, and "
    if head is None:
        return False, f"{other}finds no branch {branch}"
    for record in builds.of(job.name):
        if record.revision and record.revision.commit == head:
            return False, f"{other}has built {head[:10]} of {branch} as #{record.number}"
    return True, f"{other}starts for {head[:10]} of {branch}"


def find_downstream(build: BuildRun) -> Iterator[tuple[Job, Mapping[str, str]]]:
    """Yield what the build's end starts, job and parameters; the log says what it doesn't.

    Every publisher is asked for each job on its own, as Jenkins' dependency graph does.
    """
    for name, publisher in sorted(_downstream(build), key=lambda pair: pair[0]):
        job = build.around.jobs.get(name)
        if job is None:
            # Jenkins says nothing at all.
            build.not_started.append(f"{build.record.name} triggers {name}, which is not there")
            continue
        if job.disabled:
            build.log(f"{name} is disabled. Triggering skipped")
            continue
        try:
            if publisher is None:
                parameters = default_values(job)
            else:
                given = publisher.values(build)
                if given is None and not publisher.trigger_without_parameters:
                    build.log(
                        "[parameterized-trigger] Downstream builds will not be triggered "
                        "as no parameter is set."
                    )
                    continue
                parameters = convert_triggered(job, given or {})
        except DontTrigger:
            continue
        except BadValue as error:
            build.log(f"ERROR: Failed to build parameters to trigger project: {name}")
            build.log(f"java.lang.IllegalArgumentException: {error}")
            build.not_started.append(f"{build.record.name} could not trigger {name}: {error}")
            continue
        build.log(f"Triggering a new build of {name}")
        yield job, parameters


def _downstream(build: BuildRun) -> Iterator[tuple[str, TriggerBuilds | None]]:
    """Yield each job that this result starts, and the publisher that does, if it is one."""
    for step in build.job.publishers:
        if isinstance(step, TriggerBuilds) and build.result in CONDITIONS[step.condition]:
            yield from ((name, step) for name in _project_names(step, build))
    jobs = build.around.jobs
    for job in jobs.values():
        for trigger in job.triggers:
            if isinstance(trigger, UpstreamTrigger):
                names = [resolve_job(name, job.name, jobs) for name in trigger.jobs]
                if build.job.name in names and build.result in CONDITIONS[trigger.condition]:
                    yield job.name, None


def _project_names(step: TriggerBuilds, build: BuildRun) -> tuple[str, ...]:
    """Return the full names of the jobs that a trigger means."""
    variables = build.variables()
    names = ",".join(expand(name, variables) for name in step.projects).split(",")
    jobs = build.around.jobs
    return tuple(resolve_job(name.strip(), build.job.name, jobs) for name in names if name.strip())


def start_builds(step: TriggerBuilds, build: BuildRun) -> Generator[Wait, None, bool]:
    """Parameterized Trigger as a builder; with `blocking` it waits, and keeps its executor."""
    names = _project_names(step, build)
    if not names:
        raise StepFailed("Build aborted. No projects to trigger. Check your configuration!")
    known = [build.around.jobs[name] for name in names if name in build.around.jobs]
    try:
        given = step.values(build) or {}
        requests = [(job, convert_triggered(job, given)) for job in known]
    except DontTrigger:
        requests = []
    except BadValue as error:
        raise StepFailed(str(error)) from error
    items = [
        build.around.trigger(job, parameters, build.record)
        for job, parameters in requests
        if not job.disabled
    ]
    if missing := [name for name in names if name not in build.around.jobs]:
        raise StepFailed(
            f"Build aborted. Can't trigger undefined projects. {len(missing)} of the below "
            "project(s) can't be resolved:\n"
            + "".join(f" > {name}\n" for name in missing)
            + "Check your configuration!"
        )
    for job, _ in requests:
        if job.disabled:
            build.log(f"Skipping {job.name}. The project is either disabled, or …")
    if step.blocking is None:
        build.log("Triggering projects: " + ", ".join(names))
        build.contributed |= _triggered_variables([], names[0])
        return True
    finished: list[BuildRecord] = []
    succeeded = True
    try:
        for item in items:
            build.log(f"Waiting for the completion of {item.job}")
            yield ItemGoesOn(item.id, has_ended=False)
            name = build.around.begun[item.id].name
            build.log(f"{name} started.")
            yield ItemGoesOn(item.id, has_ended=True)
            record = build.around.begun[item.id]
            result = record.result or Result.ABORTED
            build.log(f"{name} completed. Result was {result.name}")
            finished.append(record)
            build.contributed |= _triggered_variables(finished, item.job)
            succeeded = succeeded and _map_result(step.blocking, build, result)
    except Interrupted:
        for item in items[len(finished) :]:
            if item in build.around.queue:
                build.around.queue.remove(item)
        raise
    return succeeded


def _map_result(thresholds: BlockingThresholds, build: BuildRun, result: Result) -> bool:
    """BlockingBehaviour.mapBuildResult: what the awaited build makes of the waiting one.

    Returns False where it fails the step.
    """

    def reaches(threshold: str) -> bool:
        return bool(threshold) and not result.is_better_than(Result[threshold])

    if reaches(thresholds.fail_step):
        return False
    if reaches(thresholds.mark_failed):
        build.worsen(Result.FAILURE)
    elif reaches(thresholds.mark_unstable):
        build.worsen(Result.UNSTABLE)
    return True


def _triggered_variables(finished: Sequence[BuildRecord], last: str) -> dict[str, str]:
    """Return TRIGGERED_… for later steps (BuildInfoExporterAction).

    `finished` are the builds that were waited for, `last` the job that counts as the last.
    """
    names = list(dict.fromkeys(record.job for record in finished))
    variables = {
        "LAST_TRIGGERED_JOB_NAME": variable_part(last),
        "TRIGGERED_JOB_NAMES": ",".join(map(variable_part, names)),
    }
    for job in names:
        builds = [record for record in finished if record.job == job]
        key = variable_part(job)
        variables[f"TRIGGERED_BUILD_NUMBERS_{key}"] = ",".join(str(b.number) for b in builds)
        variables[f"TRIGGERED_BUILD_RUN_COUNT_{key}"] = str(len(builds))
        for build in builds:
            result = (build.result or Result.ABORTED).name
            variables[f"TRIGGERED_BUILD_RESULT_{key}_RUN_{build.number}"] = result
            variables[f"TRIGGERED_BUILD_NUMBER_{key}"] = str(build.number)
            variables[f"TRIGGERED_BUILD_RESULT_{key}"] = result
    return variables
