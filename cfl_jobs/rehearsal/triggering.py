"""A build + its triggers → requests for other jobs, as Parameterized Trigger 787 makes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfl_jobs.configs.expansion import expand, read_properties
from cfl_jobs.configs.model import (
    BooleanParameters,
    BuildOther,
    CurrentParameters,
    FileParameters,
    Job,
    PredefinedParameters,
    TriggerBuilds,
    TriggerParameters,
    Unknown,
    UpstreamTrigger,
)
from cfl_jobs.configs.references import resolve_job
from cfl_jobs.rehearsal.parameters import BadValue, convert_triggered, default_values
from cfl_jobs.rehearsal.records import Result
from cfl_jobs.rehearsal.steps import Steps


@dataclass(frozen=True, slots=True)
class Request:
    """What a build asks for: a build of `job` with these parameters."""

    job: Job
    parameters: Mapping[str, str]


class DontTrigger(Exception):
    """This trigger starts nothing; the log says why."""


_CONDITIONS = {
    "SUCCESS": {Result.SUCCESS},
    "UNSTABLE": {Result.UNSTABLE},
    "FAILED": {Result.FAILURE},
    "FAILED_OR_BETTER": {Result.SUCCESS, Result.UNSTABLE, Result.FAILURE},
    "UNSTABLE_OR_BETTER": {Result.SUCCESS, Result.UNSTABLE},
    "UNSTABLE_OR_WORSE": set(Result) - {Result.SUCCESS},
    "ALWAYS": set(Result),
}
CONDITIONS = frozenset(_CONDITIONS)


def condition_is_met(condition: str, result: Result) -> bool:
    return result in _CONDITIONS[condition]


def find_downstream(steps: Steps, jobs: Mapping[str, Job]) -> Iterator[Request]:
    """Yield what the build's end starts, by job name; the log says what it doesn't.

    Every publisher is asked for each job on its own, as Jenkins' dependency graph does.
    """
    wanted: list[tuple[str, TriggerBuilds | None]] = []
    variables = steps.variables()
    for publisher in steps.job.publishers:
        if isinstance(publisher, TriggerBuilds):
            if condition_is_met(publisher.condition, steps.result):
                names = project_names(publisher, variables, jobs, steps.job.name)
                wanted += [(name, publisher) for name in names]
        elif isinstance(publisher, BuildOther) and _reaches(publisher.threshold, steps.result):
            names = tuple(resolve_job(n, steps.job.name, jobs) for n in publisher.projects)
            wanted += [(name, None) for name in names]
    for job in jobs.values():
        for trigger in job.triggers:
            if (
                isinstance(trigger, UpstreamTrigger)
                and steps.job.name in [resolve_job(n, job.name, jobs) for n in trigger.jobs]
                and _reaches(trigger.threshold, steps.result)
            ):
                wanted.append((job.name, None))
    for name, trigger_publisher in sorted(wanted, key=lambda pair: pair[0]):
        downstream = jobs.get(name)
        if downstream is None:
            # Jenkins says nothing at all.
            steps.not_started.append(f"{steps.record.name} triggers {name}, which is not there")
            continue
        if downstream.disabled:
            steps.log(f"{name} is disabled. Triggering skipped")
            continue
        try:
            request = _request(trigger_publisher, steps, downstream)
        except DontTrigger:
            continue
        except BadValue as error:
            steps.log(f"ERROR: Failed to build parameters to trigger project: {name}")
            steps.log(f"java.lang.IllegalArgumentException: {error}")
            steps.not_started.append(f"{steps.record.name} could not trigger {name}: {error}")
            continue
        steps.log(f"Triggering a new build of {name}")
        yield request


def request_builds(
    trigger: TriggerBuilds, steps: Steps, jobs: Mapping[str, Job]
) -> tuple[Request, ...]:
    """Return what a trigger step starts. Raises BadValue; DontTrigger where the step does."""
    names = project_names(trigger, steps.variables(), jobs, steps.job.name)
    given = trigger_values(trigger.parameters, steps) or {}
    return tuple(
        Request(jobs[name], convert_triggered(jobs[name], given)) for name in names if name in jobs
    )


def project_names(
    trigger: TriggerBuilds, variables: Mapping[str, str], jobs: Mapping[str, Job], holder: str
) -> tuple[str, ...]:
    """Return the full names of the jobs that a trigger in the config of job `holder` means."""
    names = ",".join(expand(name, variables) for name in trigger.projects).split(",")
    return tuple(resolve_job(name.strip(), holder, jobs) for name in names if name.strip())


def trigger_values(sources: tuple[TriggerParameters, ...], steps: Steps) -> dict[str, str] | None:
    """Return the values that a trigger passes, a later source over an earlier one.

    None if no source has any. Raises DontTrigger.
    """
    values: dict[str, str] | None = None
    for source in sources:
        found = _values(source, steps)
        if found is not None:
            values = {**(values or {}), **found}
    return values


def _request(publisher: TriggerBuilds | None, steps: Steps, downstream: Job) -> Request:
    if publisher is None:
        return Request(downstream, default_values(downstream))
    given = trigger_values(publisher.parameters, steps)
    if given is None and not publisher.trigger_without_parameters:
        steps.log(
            "[parameterized-trigger] Downstream builds will not be triggered "
            "as no parameter is set."
        )
        raise DontTrigger
    return Request(downstream, convert_triggered(downstream, given or {}))


def _values(source: TriggerParameters, steps: Steps) -> dict[str, str] | None:
    match source:
        case PredefinedParameters(properties):
            variables = steps.variables()
            read = read_properties(properties)
            return {name: expand(value, variables) for name, value in read.items()}
        case CurrentParameters():
            if not steps.record.parameters:
                steps.log("[parameterized-trigger] Current build has no parameters.")
                return None
            return dict(steps.record.parameters)
        case BooleanParameters(values):
            return {name: "true" if value else "false" for name, value in values}
        case FileParameters():
            return _read_files(source, steps)
        case Unknown():
            raise DontTrigger


def _read_files(source: FileParameters, steps: Steps) -> dict[str, str] | None:
    """Return the parameters in a build's files, archived ones first; None where there are none."""
    variables = steps.variables()
    archive = steps.home.archive(steps.record.job, steps.record.number)
    values: dict[str, str] = {}
    for name in map(str.strip, expand(source.files, variables).split(",")):
        path = next((p for p in (archive / name, steps.workspace / name) if p.is_file()), None)
        if path is not None:
            text = path.read_text(encoding="utf-8", errors="replace")
            values |= read_properties(expand(text, variables))
            continue
        steps.log(f"[parameterized-trigger] Properties file {name} did not exist.")
        if source.fail_on_missing:
            steps.log(
                "Not triggering due to missing file - did you archive it as a build artifact ?"
            )
            raise DontTrigger
    return values or None


def _reaches(threshold: str, result: Result) -> bool:
    return result.is_at_least(Result[threshold])


def export_triggered(
    contributed: dict[str, str], finished: list[tuple[str, int, Result]], triggered: list[str]
) -> None:
    """Set TRIGGERED_… for later steps (BuildInfoExporterAction).

    `finished` are the builds that were waited for, `triggered` the jobs that were only started.
    """
    if not finished and not triggered:
        return
    last = finished[-1][0] if finished else triggered[0]
    names = list(dict.fromkeys([job for job, _, _ in finished]))
    contributed["LAST_TRIGGERED_JOB_NAME"] = _sanitize(last)
    contributed["TRIGGERED_JOB_NAMES"] = ",".join(map(_sanitize, names))
    for job in names:
        builds = [(number, result) for name, number, result in finished if name == job]
        key = _sanitize(job)
        contributed[f"TRIGGERED_BUILD_NUMBERS_{key}"] = ",".join(str(n) for n, _ in builds)
        contributed[f"TRIGGERED_BUILD_RUN_COUNT_{key}"] = str(len(builds))
        for number, result in builds:
            contributed[f"TRIGGERED_BUILD_RESULT_{key}_RUN_{number}"] = result.name
        contributed[f"TRIGGERED_BUILD_NUMBER_{key}"] = str(builds[-1][0])
        contributed[f"TRIGGERED_BUILD_RESULT_{key}"] = builds[-1][1].name


def _sanitize(job: str) -> str:
    return re.sub("[^a-zA-Z0-9]+", "_", job)
