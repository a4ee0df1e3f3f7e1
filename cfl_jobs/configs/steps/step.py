"""What a step is: how its kind is read, what the chain and the checks ask it, what it does.

A kind of builder, publisher or wrapper is one class in a module beside this one, and one line in
the table of cfl_jobs.configs.read_model.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import TAGS, Paths, read_as

T = TypeVar("T")
# What a step does while it waits for something; it returns a T when that is over.
Waiting: TypeAlias = Generator[Any, None, T]
# Elements without a type here that cannot change what a build does or starts.
HARMLESS = TAGS["harmless"]


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
    """What is known of a running build. Errors of its files are OSError.

    `name` is like "Deploy to Dev #7", `started` in seconds since 1970. `variables` are those that
    plugins see: empty parameters are among them. A file is read where it is archived, else in the
    workspace; its text is None where it is in neither.
    """

    @property
    def name(self) -> str: ...
    @property
    def started(self) -> float: ...
    @property
    def workspace(self) -> Path: ...
    @property
    def result(self) -> Result: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    def variables(self) -> dict[str, str]: ...
    def read_file(self, name: str) -> str | None: ...
    def log(self, text: str) -> None: ...


class Build(BuildState, Protocol):
    """A running build, as its steps see it.

    `previous_result` is that of the newest build before it that has ended. Variables are set for
    later steps; no log shows what credentials set. `copy` and `bind` may raise StepFailed. Files
    are those of the workspace that Ant patterns select, relative and sorted; `archive` returns
    False where there are none. A script is run by its `#!` line, else by /bin/sh -xe, and its exit
    code returned. `start_builds` returns False where one that it waits for failed the step.
    """

    @property
    def previous_result(self) -> Result | None: ...
    def set_variable(self, name: str, value: str) -> None: ...
    def worsen(self, result: Result) -> None: ...
    def rename(self, name: str) -> None: ...
    def describe(self, description: str) -> None: ...
    def record_tests(self, ran: int, failing: Sequence[str]) -> None: ...
    def read_log(self) -> str: ...
    def find_files(self, patterns: str) -> tuple[str, ...]: ...
    def clean_workspace(self) -> None: ...
    def archive(self, step: Any, patterns: str) -> bool: ...
    def copy(self, step: Any) -> None: ...
    def start_builds(self, step: Any) -> Waiting[bool]: ...
    def bind(self, bindings: Sequence[BoundCredential]) -> None: ...
    def run_script(self, script: str) -> Waiting[int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A part of a config. `path` is its element's, as configxml.element_paths gives it."""

    path: str = field(default="", compare=False, repr=False)


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
    `script` is a shell's; `bindings` are credentials that builds get, `archived` and `fetched`
    patterns of files, into the archive and into the workspace, `variables` those set for what
    follows. What a step does may raise StepFailed.
    """

    TAG: ClassVar[str] = ""
    LABEL: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        """Yield the steps that an element stands for."""
        yield read_as(cls, element, paths)

    @property
    def script(self) -> str:
        return ""

    @property
    def bindings(self) -> tuple[BoundCredential, ...]:
        return ()

    @property
    def archived(self) -> tuple[str, ...]:
        return ()

    @property
    def fetched(self) -> tuple[str, ...]:
        return ()

    @property
    def variables(self) -> tuple[str, ...]:
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
        """Do what a builder does; returns False where it failed."""
        yield from ()
        return True

    def publish(self, build: Build) -> None:
        """Do what a publisher does, but start jobs: that comes last."""

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
