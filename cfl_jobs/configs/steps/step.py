"""What a step is: how its kind is read, what the chain and the checks ask it, what it does.

A kind of builder, publisher or wrapper is one class in a module beside this one, and one line in
the table of cfl_jobs.configs.read_model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar
from xml.etree import ElementTree as ET

T = TypeVar("T")
# Where each element of a config stands, as configxml.paths_of tells.
Paths: TypeAlias = Mapping[ET.Element, str]
# What a step does while it waits for something; it returns a T when that is over.
Waiting: TypeAlias = Generator[Any, None, T]

# Elements without a type here that cannot change what a build does or starts.
HARMLESS = frozenset(
    """
    com.cloudbees.jenkins.GitHubCommitNotifier com.cloudbees.jenkins.GitHubSetCommitStatusBuilder
    com.sonyericsson.rebuild.RebuildSettings hudson.plugins.disk__usage.DiskUsageProperty
    hudson.plugins.git.extensions.impl.CheckoutOption keepDependencies
    hudson.plugins.git.extensions.impl.CleanCheckout hudson.tasks.Fingerprinter
    hudson.plugins.git.extensions.impl.IgnoreNotifyCommit jenkins.plugins.slack.SlackNotifier
    hudson.plugins.git.extensions.impl.PruneStaleBranch
    hudson.plugins.jobConfigHistory.JobConfigHistory
    jenkins.branch.RateLimitBranchProperty_-JobPropertyImpl
    """.split()  # noqa: SIM905 - longer as a list
)


class Result(Enum):
    """hudson.model.Result; the value is its ordinal, a higher one is worse."""

    SUCCESS = 0
    UNSTABLE = 1
    FAILURE = 2
    NOT_BUILT = 3
    ABORTED = 4

    def is_at_least(self, other: Result) -> bool:
        return self.value <= other.value

    def is_better_than(self, other: Result) -> bool:
        return self.value < other.value

    def is_worse_than(self, other: Result) -> bool:
        return self.value > other.value


class StepFailed(Exception):
    """hudson.AbortException: the step fails with this message and no stack trace."""


class BuildState(Protocol):
    """What is known of a running build. Errors of its files are OSError."""

    @property
    def name(self) -> str:
        """Return, for example, "Deploy to Dev #7"."""

    @property
    def started(self) -> float:
        """Return when it began, in seconds since 1970."""

    @property
    def workspace(self) -> Path: ...
    @property
    def result(self) -> Result: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    def variables(self) -> dict[str, str]:
        """Return its environment as plugins see it: empty parameters are in it."""

    def read_file(self, name: str) -> str | None:
        """Return a file's text, the archived one first, else the workspace's, None without one."""

    def log(self, text: str) -> None: ...


class Build(BuildState, Protocol):
    """A running build, as its steps see it."""

    @property
    def previous_result(self) -> Result | None:
        """Return the result of the newest build before it that has ended."""

    def set_variable(self, name: str, value: str) -> None:
        """Put a variable into the environment of its later steps."""

    def worsen(self, result: Result) -> None:
        """Set the result, unless it is already worse."""

    def rename(self, name: str) -> None: ...
    def describe(self, description: str) -> None: ...
    def record_tests(self, ran: int, failing: Sequence[str]) -> None:
        """Keep how many tests ran, and the names of those that failed."""

    def read_log(self) -> str: ...
    def find_files(self, patterns: str) -> tuple[str, ...]:
        """Return the workspace's files that Ant patterns select, relative and sorted."""

    def clean_workspace(self) -> None: ...
    def archive(self, step: Any, patterns: str) -> bool:
        """Archive files, variables replaced, as an ArchiveArtifacts says; False without any."""

    def copy(self, step: Any) -> None:
        """Copy artifacts of another build as a CopyArtifact says. Raises StepFailed."""

    def start_builds(self, step: Any) -> Waiting[bool]:
        """Start builds as a TriggerStep says; False where one that it waits for failed it."""

    def bind(self, bindings: Sequence[BoundCredential]) -> None:
        """Set their variables, whose values no log shows. Raises StepFailed."""

    def run_script(self, script: str) -> Waiting[int]:
        """Run a script by its `#!` line, else by /bin/sh -xe; returns its exit code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A part of a config. `path` is its element's, as configxml.element_paths gives it."""

    path: str = field(default="", compare=False, repr=False)


def part(path: str, kind: type[T]) -> Any:
    """Return a field that holds what another dataclass reads of an element, None without it."""

    def read(element: ET.Element) -> T | None:
        found = element.find(path)
        return None if found is None else kind(**read_fields(kind, found))

    return field(default=None, metadata={"read": read})


def read_fields(kind: type, element: ET.Element) -> dict[str, Any]:
    """Return the fields of a dataclass that say how they are read, as those of configs.fields."""
    return {name: read(element) for name, read in _readers_of(kind)}


@cache
def _readers_of(kind: type) -> tuple[tuple[str, Callable[[ET.Element], Any]], ...]:
    readers = ((each.name, each.metadata.get("read")) for each in dataclasses.fields(kind))
    return tuple((name, read) for name, read in readers if read)


@dataclass(frozen=True, slots=True)
class BoundCredential(Placed):
    """One binding. `variables` are the environment variables it sets; `kind` its short class.

    `roles` tell what each variable holds, by the plugin's fields: "passwordVariable", "variable".
    """

    credentials_id: str
    kind: str
    variables: tuple[str, ...]
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step(Placed):
    """A builder, publisher or wrapper. A kind says what it has; what it leaves out, it has not.

    `TAG` is its element's tag, `LABEL` what people call it, `TITLE` what Jenkins' logs do.
    """

    TAG: ClassVar[str] = ""
    LABEL: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        """Yield the steps that an element stands for."""
        yield cls(**read_fields(cls, element), path=paths[element])

    @property
    def script(self) -> str:
        """Return the shell script that it runs."""
        return ""

    @property
    def bindings(self) -> tuple[BoundCredential, ...]:
        """Return the credentials that it gives to builds."""
        return ()

    @property
    def archived(self) -> tuple[str, ...]:
        """Return patterns of the files that it archives."""
        return ()

    @property
    def fetched(self) -> tuple[str, ...]:
        """Return patterns of the files that it puts into the workspace."""
        return ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variables that it sets for what follows."""
        return ()

    def expanded(self) -> Iterator[tuple[str, str]]:
        """Yield each field in which variables are replaced: its path and its text."""
        yield from ()

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        """Yield what a rehearsal can't do as Jenkins would: words and a path."""
        yield from ()

    def prepare(self, build: Build) -> None:
        """Do what a wrapper does before the checkout."""

    def set_up(self, build: Build) -> None:
        """Do what a wrapper does after the checkout."""

    def run(self, build: Build) -> Waiting[bool]:
        """Do what a builder does; returns False where it failed. Raises StepFailed."""
        yield from ()
        return True

    def publish(self, build: Build) -> None:
        """Do what a publisher does, but start jobs: that comes last. Raises StepFailed."""

    def tear_down(self, build: Build) -> None:
        """Do what a wrapper does when everything else is done."""


@dataclass(frozen=True, slots=True)
class Unknown(Step):
    """An element of config XML that has no type here. `section` is its parent's tag.

    Two are equal where tag and section are; cfl_jobs.configs.normalform compares what they hold.
    """

    section: str
    tag: str
    element: ET.Element = field(compare=False, repr=False)

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        if self.tag not in HARMLESS:
            yield f"unknown element {self.tag}", self.path


def keep_unknown(section: str, element: ET.Element, paths: Paths) -> Unknown:
    return Unknown(section, element.tag, element, path=paths[element])
