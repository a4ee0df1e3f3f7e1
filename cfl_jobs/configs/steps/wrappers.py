"""What stands around a build: clean workspace, time limit, name, credentials.

Fields are those of timestamper 1.26, ws-cleanup 0.49, build-timeout 1.32, build-name-setter 2.4,
credentials-binding 642 and ansicolor 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs import fields
from cfl_jobs.configs.fields import read_flag, read_number, read_text, short_class
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.step import BoundCredential, Build, Paths, Step, keep_unknown

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
    # WsCleanup.readResolve: where none is chosen, all are
    tags = {name: f"cleanWhen{name.title().replace('_', '')}" for name in _CLEANED_AFTER}
    return (
        tuple(name for name in _CLEANED_AFTER if read_flag(element, tags[name])) or _CLEANED_AFTER
    )


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
    "variable",
    "usernameVariable",
    "accessKeyVariable",
    "secretKeyVariable",
    "keyFileVariable",
    "passphraseVariable",
    "keystoreVariable",
    "passwordVariable",
    "aliasVariable",
)
_REHEARSED_BINDINGS = frozenset(
    {
        "FileBinding",
        "SSHUserPrivateKeyBinding",
        "StringBinding",
        "UsernamePasswordBinding",
        "UsernamePasswordMultiBinding",
    }
)


def _read_binding(element: ET.Element, path: str) -> BoundCredential:
    named = {role: read_text(element, role) for role in _ROLES}
    others = (child for child in element if child.tag.endswith("Variable"))
    named |= {child.tag: child.text or "" for child in others if child.tag not in named}
    roles = tuple(role for role, variable in named.items() if variable)
    variables = tuple(named[role] for role in roles)
    credentials_id, kind = read_text(element, "credentialsId"), short_class(element.tag)
    return BoundCredential(credentials_id, kind, variables, roles, path=path)


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
