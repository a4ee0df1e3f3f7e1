"""A job's publishers → what they make of a finished build: archive, results, description, mail."""

from __future__ import annotations

import re
from dataclasses import replace

from cfl_jobs.configs.expansion import expand
from cfl_jobs.configs.model import (
    ArchiveArtifacts,
    CleanAfter,
    JUnitResults,
    Mail,
    Publisher,
    SetDescription,
)
from cfl_jobs.rehearsal.artifacts import archive_files
from cfl_jobs.rehearsal.directory import Builds, remove_tree
from cfl_jobs.rehearsal.junit import NoResults, read_results
from cfl_jobs.rehearsal.records import Result
from cfl_jobs.rehearsal.steps import StepFailed, Steps


def publish(publisher: Publisher, steps: Steps, builds: Builds) -> None:
    """Run one publisher; triggers come later, when all others have run. Raises StepFailed."""
    match publisher:
        case ArchiveArtifacts():
            _archive(publisher, steps)
        case JUnitResults():
            _record_tests(publisher, steps)
        case SetDescription():
            _describe(publisher, steps)
        case Mail():
            _mail(publisher, steps, builds)
        case CleanAfter(results) if steps.result.name in results:
            steps.log("[WS-CLEANUP] Deleting project workspace...")
            remove_tree(steps.workspace)
            steps.log("[WS-CLEANUP] Done")
        case _:
            return


def _archive(step: ArchiveArtifacts, steps: Steps) -> None:
    if step.only_if_successful and steps.result.is_worse_than(Result.UNSTABLE):
        steps.log("Skipped archiving because build is not successful")
        return
    steps.log("Archiving artifacts")
    patterns = expand(step.patterns, steps.variables())
    if not patterns.strip():
        raise StepFailed("No artifacts will be archived: the pattern is empty.")
    if archive_files(steps.home, steps.record, step, steps.workspace, patterns):
        if step.fingerprint:
            steps.log("Recording fingerprints")
        return
    message = f'No artifacts found that match the file pattern "{patterns}". Configuration error?'
    if step.allow_empty:
        steps.log(message)
    elif steps.result.is_at_least(Result.UNSTABLE):
        raise StepFailed(message)
    else:
        # The build failed before it made them; Jenkins doesn't complain again.
        steps.worsen(Result.FAILURE)


def _record_tests(step: JUnitResults, steps: Steps) -> None:
    steps.log("Recording test results")
    pattern = expand(step.pattern, steps.variables())
    try:
        tests, failures = read_results(steps.workspace, pattern, started=steps.record.started)
        if not tests:
            raise NoResults("None of the test reports contained any result")
    except NoResults as error:
        if step.allow_empty:
            steps.log(str(error))
            return
        if steps.result.is_worse_than(Result.UNSTABLE):
            # Most likely the build failed before it came to its tests.
            return
        raise StepFailed(str(error)) from error
    steps.record = replace(steps.record, tests=(tests, failures))
    if failures and step.mark_unstable:
        steps.worsen(Result.UNSTABLE)


def _describe(step: SetDescription, steps: Steps) -> None:
    """description-setter: the first line of the log that matches gives the description."""
    failed = steps.result.is_worse_than(Result.UNSTABLE)
    pattern = step.regexp_for_failed if failed else step.regexp
    description = step.description_for_failed if failed else step.description
    steps.flush()
    log = steps.home.log(steps.record.job, steps.record.number)
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        match = re.search(pattern, line)
        if match:
            text = description or (r"\1" if match.re.groups else r"\0")
            for group in range(match.re.groups, -1, -1):
                text = text.replace(f"\\{group}", match[group] or "")
            text = expand(text, steps.variables())
            steps.record = replace(steps.record, description=text)
            steps.log(f"[description-setter] Description set: {text}")
            return
    steps.log("[description-setter] Could not determine description.")


def _mail(step: Mail, steps: Steps, builds: Builds) -> None:
    """Say what hudson.tasks.Mailer would send; a rehearsal sends no mail."""
    before = next((r for r in builds.completed(steps.job.name)), None)
    result = steps.result
    if result is Result.FAILURE:
        subject = f"Build failed in Jenkins: {steps.record.name}"
    elif result is Result.UNSTABLE:
        if not step.every_unstable and before and before.result is Result.UNSTABLE:
            return
        subject = f"Jenkins build is unstable: {steps.record.name}"
    elif before and before.result and result is Result.SUCCESS and before.result is not result:
        subject = f"Jenkins build is back to normal: {steps.record.name}"
    else:
        return
    recipients = expand(step.recipients, steps.variables())
    steps.log(f"would mail {recipients or 'those who changed something'}: {subject}")
