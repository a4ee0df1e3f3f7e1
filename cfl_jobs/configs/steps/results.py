"""What publishers make of a finished build: test results, description, mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cfl_jobs.configs import fields
from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.step import Build, Result, Step, StepFailed
from cfl_jobs.errors import ConfigError

# hudson.tasks.junit.TestResult takes a report this many seconds older than the build.
_TOLERANCE = 3.0


@dataclass(frozen=True, slots=True)
class JUnitResults(Step):
    """junit 1252."""

    TAG: ClassVar[str] = "hudson.tasks.junit.JUnitResultArchiver"
    LABEL: ClassVar[str] = "JUnit results"
    pattern: str = fields.text("testResults")
    allow_empty: bool = fields.flag("allowEmptyResults")
    mark_unstable: bool = fields.flag("skipMarkingBuildUnstable", inverse=True)

    def publish(self, build: Build) -> None:
        build.log("Recording test results")
        try:
            ran, failing = self._read(build)
        except _NoResults as error:
            if self.allow_empty:
                build.log(str(error))
                return
            if build.result.is_worse_than(Result.UNSTABLE):
                # Most likely the build failed before it came to its tests.
                return
            raise StepFailed(str(error)) from error
        build.record_tests(ran, failing)
        if failing and self.mark_unstable:
            build.worsen(Result.UNSTABLE)

    def _read(self, build: Build) -> tuple[int, list[str]]:
        """Return how many tests there are in reports no older than the build, and which failed."""
        names = build.find_files(expand(self.pattern, build.variables()))
        if not names:
            raise _NoResults("No test report files were found. Configuration error?")
        reports = [build.workspace / name for name in names]
        fresh = [path for path in reports if path.stat().st_mtime + _TOLERANCE >= build.started]
        if not fresh:
            raise _NoResults(
                f"Test reports were found but none of them are new. Did tests run? "
                f"For example, {reports[0]} is older than the build."
            )
        read = [_read_report(path) for path in fresh]
        ran = sum(count for count, _ in read)
        if not ran:
            raise _NoResults("None of the test reports contained any result")
        return ran, [name for _, failing in read for name in failing]


class _NoResults(Exception):
    """There is nothing to publish; the text is the plugin's."""


def _read_report(path: Path) -> tuple[int, list[str]]:
    """Return how many tests there are and which failed; a report that can't be parsed is one."""
    try:
        root = parse_config(path.read_text(encoding="utf-8", errors="replace"), name=path.name)
    except ConfigError:
        return 1, [path.name]
    cases = list(root.iter("testcase"))
    bad = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    failing = [".".join(filter(None, (c.get("classname"), c.get("name")))) for c in bad]
    broken = [s.get("name", path.name) for s in root.iter("testsuite") for _ in s.findall("error")]
    return len(cases) + len(broken), failing + broken


@dataclass(frozen=True, slots=True)
class SetDescription(Step):
    """description-setter 239: `regexp` is matched on the log, `description` may use its groups."""

    TAG: ClassVar[str] = "hudson.plugins.descriptionsetter.DescriptionSetterPublisher"
    LABEL: ClassVar[str] = "build description"
    regexp: str = fields.text("regexp")
    description: str = fields.text("description")
    regexp_for_failed: str = fields.text("regexpForFailed")
    description_for_failed: str = fields.text("descriptionForFailed")

    def publish(self, build: Build) -> None:
        """Take the description from the first line of the log that matches."""
        pattern, description = self.regexp, self.description
        if build.result.is_worse_than(Result.UNSTABLE):
            pattern, description = self.regexp_for_failed, self.description_for_failed
        matches = (re.search(pattern, line) for line in build.read_log().splitlines())
        found = next(filter(None, matches), None)
        if found is None:
            build.log("[description-setter] Could not determine description.")
            return
        said = description or (r"\1" if found.re.groups else r"\0")
        for group in range(found.re.groups, -1, -1):
            said = said.replace(f"\\{group}", found[group] or "")
        said = expand(said, build.variables())
        build.describe(said)
        build.log(f"[description-setter] Description set: {said}")


@dataclass(frozen=True, slots=True)
class Mail(Step):
    """mailer 463."""

    TAG: ClassVar[str] = "hudson.tasks.Mailer"
    LABEL: ClassVar[str] = "mail"
    recipients: str = fields.text("recipients")
    send_to_individuals: bool = fields.flag("sendToIndividuals")
    every_unstable: bool = fields.flag("dontNotifyEveryUnstableBuild", inverse=True)

    def publish(self, build: Build) -> None:
        """Say what would be sent; a rehearsal sends no mail."""
        subject = self._subject(build.result, build.previous_result)
        if subject:
            recipients = expand(self.recipients, build.variables())
            whom = recipients or "those who changed something"
            build.log(f"would mail {whom}: {subject} {build.name}")

    def _subject(self, result: Result, before: Result | None) -> str:
        if result is Result.FAILURE:
            return "Build failed in Jenkins:"
        if result is Result.UNSTABLE and (self.every_unstable or before is not Result.UNSTABLE):
            return "Jenkins build is unstable:"
        if result is Result.SUCCESS and before not in (None, Result.SUCCESS):
            return "Jenkins build is back to normal:"
        return ""
