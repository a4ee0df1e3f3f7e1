"""What a build does by itself: shell steps, what stands around them, what is made of the results.

Fields are those of timestamper 1.26, ws-cleanup 0.49, build-timeout 1.32, build-name-setter 2.4,
credentials-binding 642, ansicolor 1.0, junit 1252, description-setter 239 and mailer 463.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs import fields
from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.fields import Paths, read_flag, read_number, read_text, short_class
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.step import (
    BoundCredential,
    Build,
    Result,
    Step,
    StepFailed,
    Waiting,
    keep_unknown,
)
from cfl_jobs.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Shell(Step):
    """A shell step. `script` as in the config; without a #! line Jenkins runs /bin/sh -xe.

    An exit code equal to `unstable_return` makes the build unstable.
    """

    TAG: ClassVar[str] = "hudson.tasks.Shell"
    LABEL: ClassVar[str] = "shell step"
    TITLE: ClassVar[str] = "Execute shell"
    script: str = fields.text("command")
    unstable_return: int | None = fields.number("unstableReturn")

    def run(self, build: Build) -> Waiting[bool]:
        code = yield from build.run_script(self.script)
        if code and code == self.unstable_return:
            build.log(f"Build step '{self.TITLE}' changed build result to UNSTABLE")
            build.worsen(Result.UNSTABLE)
            return True
        return code == 0


_CLEANING = "hudson.plugins.ws__cleanup."
_CLEANED_AFTER = ("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED")


@dataclass(frozen=True, slots=True)
class Timestamps(Step):
    TAG: ClassVar[str] = "hudson.plugins.timestamper.TimestamperBuildWrapper"
    LABEL: ClassVar[str] = "timestamps"


@dataclass(frozen=True, slots=True)
class AnsiColor(Step):
    TAG: ClassVar[str] = "hudson.plugins.ansicolor.AnsiColorBuildWrapper"
    LABEL: ClassVar[str] = "colours"


@dataclass(frozen=True, slots=True)
class _Cleaning(Step):
    """With `patterns`, ("INCLUDE" or "EXCLUDE", pattern), only what they match goes."""

    patterns: tuple[tuple[str, str], ...] = fields.value(
        lambda element: tuple(
            (read_text(item, "type"), read_text(item, "pattern"))
            for item in element.findall(f"patterns/{_CLEANING}Pattern")
        ),
        (),
    )

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        if self.patterns:
            yield "workspace cleaning by patterns", self.path


@dataclass(frozen=True, slots=True)
class CleanBefore(_Cleaning):
    """The workspace is emptied before the checkout; with a `parameter` only where that is true."""

    TAG: ClassVar[str] = _CLEANING + "PreBuildCleanup"
    LABEL: ClassVar[str] = "clean workspace before"
    parameter: str = fields.text("cleanupParameter")

    def prepare(self, build: Build) -> None:
        if not self.parameter or build.variables().get(self.parameter) == "true":
            build.clean_workspace()


def _read_results(element: ET.Element) -> tuple[str, ...]:
    tags = {name: f"cleanWhen{name.title().replace('_', '')}" for name in _CLEANED_AFTER}
    chosen = tuple(name for name, tag in tags.items() if read_flag(element, tag))
    return chosen or _CLEANED_AFTER  # WsCleanup.readResolve: where none is chosen, all are


@dataclass(frozen=True, slots=True)
class CleanAfter(_Cleaning):
    """A publisher that empties the workspace after builds of these results.

    It runs when the others have run, wherever it stands (seen with 0.49).
    """

    TAG: ClassVar[str] = _CLEANING + "WsCleanup"
    LABEL: ClassVar[str] = "clean workspace after"
    results: tuple[str, ...] = fields.value(_read_results, _CLEANED_AFTER)

    def publish(self, build: Build) -> None:
        if build.result.name in self.results:
            build.clean_workspace()


class TimeoutKind(Enum):
    ABSOLUTE = "absolute"
    NO_ACTIVITY = "no activity"


# Strategies' classes: the field that holds the limit, and its unit in seconds.
_TIMEOUTS = {
    "AbsoluteTimeOutStrategy": (TimeoutKind.ABSOLUTE, "timeoutMinutes", 60),
    "NoActivityTimeOutStrategy": (TimeoutKind.NO_ACTIVITY, "timeoutSecondsString", 1),
}


@dataclass(frozen=True, slots=True)
class TimeLimit(Step):
    """build-timeout. `actions` are the operations' short class names, e.g. "FailOperation"."""

    TAG: ClassVar[str] = "hudson.plugins.build__timeout.BuildTimeoutWrapper"
    LABEL: ClassVar[str] = "time limit"
    kind: TimeoutKind
    seconds: int
    actions: tuple[str, ...]
    variable: str = ""

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        strategy = fields.class_of(element, "strategy")
        kind, field, unit = _TIMEOUTS.get(strategy, (TimeoutKind.ABSOLUTE, "none", 0))
        amount = read_number(element, f"strategy/{field}")
        if amount is None:
            yield keep_unknown("buildWrappers", element, paths)
            return
        actions = tuple(short_class(item.tag) for item in element.findall("operationList/*"))
        variable = read_text(element, "timeoutEnvVar")
        yield cls(kind, amount * unit, actions, variable, path=paths[element])

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable or "BUILD_TIMEOUT",)

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        done = {"FailOperation", "AbortOperation", "WriteDescriptionOperation"}
        for action in sorted(set(self.actions) - done):
            yield f"what to do after a time limit: {action}", self.path

    def set_up(self, build: Build) -> None:
        if self.variable:
            # BuildTimeoutWrapper: in milliseconds
            build.set_variable(self.variable, str(self.seconds * 1000))


@dataclass(frozen=True, slots=True)
class BuildName(Step):
    TAG: ClassVar[str] = "org.jenkinsci.plugins.buildnamesetter.BuildNameSetter"
    LABEL: ClassVar[str] = "build name"
    template: str = fields.text("template")
    description: str = fields.text("descriptionTemplate")
    at_start: bool = fields.flag("runAtStart", of=TAG)
    at_end: bool = fields.flag("runAtEnd", of=TAG)

    def set_up(self, build: Build) -> None:
        if self.at_start:
            self._name(build)

    def tear_down(self, build: Build) -> None:
        if self.at_end:
            self._name(build)

    def _name(self, build: Build) -> None:
        build.rename(_expand_tokens(self.template, build))
        if self.description:
            build.describe(_expand_tokens(self.description, build))


def _expand_tokens(template: str, build: Build) -> str:
    """Replace ${NAME} and token-macro's ${ENV,var="NAME"}."""
    plain = re.sub(r'\$\{ENV,\s*var="(\w+)"\}', r"${\1}", template)
    return expand(plain, build.variables())


# Every binding's fields that name a variable, in the order of the plugins' pages.
_ROLES = (
    *("variable", "usernameVariable", "accessKeyVariable", "secretKeyVariable", "keyFileVariable"),
    *("passphraseVariable", "keystoreVariable", "passwordVariable", "aliasVariable"),
)
_REHEARSED_BINDINGS = (
    *("FileBinding", "SSHUserPrivateKeyBinding", "StringBinding"),
    *("UsernamePasswordBinding", "UsernamePasswordMultiBinding"),
)


def _read_binding(element: ET.Element, path: str) -> BoundCredential:
    named = {role: read_text(element, role) for role in _ROLES}
    others = (child for child in element if child.tag.endswith("Variable"))
    named |= {child.tag: child.text or "" for child in others if child.tag not in named}
    named = {role: variable for role, variable in named.items() if variable}
    credential, kind = read_text(element, "credentialsId"), short_class(element.tag)
    return BoundCredential(credential, kind, (*named.values(),), (*named,), path=path)


@dataclass(frozen=True, slots=True)
class BindCredentials(Step):
    TAG: ClassVar[str] = "org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper"
    LABEL: ClassVar[str] = "credentials"
    bindings: tuple[BoundCredential, ...] = ()

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        bindings = (_read_binding(item, paths[item]) for item in element.findall("bindings/*"))
        yield cls(tuple(bindings), path=paths[element])

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(name for binding in self.bindings for name in binding.variables)

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        for binding in self.bindings:
            if binding.kind not in _REHEARSED_BINDINGS:
                yield f"credentials binding {binding.kind}", binding.path

    def set_up(self, build: Build) -> None:
        build.bind(self.bindings)


# hudson.tasks.junit.TestResult takes a report this many seconds older than the build.
_TOLERANCE = 3.0


@dataclass(frozen=True, slots=True)
class JUnitResults(Step):
    TAG: ClassVar[str] = "hudson.tasks.junit.JUnitResultArchiver"
    LABEL: ClassVar[str] = "JUnit results"
    pattern: str = fields.text("testResults")
    allow_empty: bool = fields.flag("allowEmptyResults")
    mark_unstable: bool = fields.flag("skipMarkingBuildUnstable", inverse=True)

    def publish(self, build: Build) -> None:
        """Record the reports that are no older than the build."""
        build.log("Recording test results")
        names = build.find_files(expand(self.pattern, build.variables()))
        reports = [build.workspace / name for name in names]
        fresh = [path for path in reports if path.stat().st_mtime + _TOLERANCE >= build.started]
        read = [_read_report(path) for path in fresh]
        ran, failing = sum(count for count, _ in read), [name for _, bad in read for name in bad]
        if not reports:
            reason = "No test report files were found. Configuration error?"
        elif not fresh:
            reason = "Test reports were found but none of them are new. Did tests run? "
            reason += f"For example, {reports[0]} is older than the build."
        elif not ran:
            reason = "None of the test reports contained any result"
        else:
            build.record_tests(ran, failing)
            if failing and self.mark_unstable:
                build.worsen(Result.UNSTABLE)
            return
        if self.allow_empty:
            build.log(reason)
        elif build.result.is_at_least(Result.UNSTABLE):
            raise StepFailed(reason)
        # Else the build failed, most likely before it came to its tests.


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
    """`regexp` is matched on the log, `description` may use its groups."""

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
