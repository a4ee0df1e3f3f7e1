"""Starting builds of other jobs: Parameterized Trigger 787, and core's "Build other projects"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias
from xml.etree import ElementTree as ET

from cfl_jobs.configs import fields
from cfl_jobs.configs.fields import (
    Paths,
    part,
    read_as,
    read_flag,
    read_names,
    read_text,
    read_threshold,
)
from cfl_jobs.configs.references import expand, read_properties
from cfl_jobs.configs.steps.step import Build, BuildState, Placed, Result, Step, Waiting

Names: TypeAlias = Sequence[str]
_PLUGIN = "hudson.plugins.parameterizedtrigger."
# parameterizedtrigger.ResultCondition
CONDITIONS: Mapping[str, frozenset[Result]] = {
    "SUCCESS": frozenset({Result.SUCCESS}),
    "UNSTABLE": frozenset({Result.UNSTABLE}),
    "FAILED": frozenset({Result.FAILURE}),
    "FAILED_OR_BETTER": frozenset({Result.SUCCESS, Result.UNSTABLE, Result.FAILURE}),
    "UNSTABLE_OR_BETTER": frozenset({Result.SUCCESS, Result.UNSTABLE}),
    "UNSTABLE_OR_WORSE": frozenset(Result) - {Result.SUCCESS},
    "ALWAYS": frozenset(Result),
}


def variable_part(job: str) -> str:
    """Return a job's name as it stands in TRIGGERED_… variables: letters and digits stay."""
    return re.sub("[^a-zA-Z0-9]+", "_", job)


class DontTrigger(Exception):
    """This trigger starts nothing; the log says why."""


@dataclass(frozen=True, slots=True)
class TriggerParameters(Placed):
    """A source of the parameters that a trigger passes."""

    TAG: ClassVar[str] = ""

    def passed(self, own: Names, scripts: Names, asked: Names) -> Mapping[str, str | None]:
        """Return what goes along, so far as the configs tell; None where a file says the value.

        `own` are the job's parameters and `scripts` its shells'; the other job has those `asked`.
        """
        return {}

    def values(self, build: BuildState) -> Mapping[str, str] | None:
        """Return the values that go along; None where there are none. Raises DontTrigger."""
        raise DontTrigger

    def expanded(self) -> Iterator[tuple[str, str]]:
        yield from ()


@dataclass(frozen=True, slots=True)
class UnknownParameters(TriggerParameters):
    tag: str


@dataclass(frozen=True, slots=True)
class PredefinedParameters(TriggerParameters):
    """NAME=value lines, variables not yet expanded."""

    TAG: ClassVar[str] = "PredefinedBuildParameters"
    properties: str = fields.text("properties")

    def passed(self, own: Names, scripts: Names, asked: Names) -> Mapping[str, str | None]:
        return dict(read_properties(self.properties))

    def values(self, build: BuildState) -> Mapping[str, str] | None:
        variables = build.variables()
        read = read_properties(self.properties)
        return {name: expand(value, variables) for name, value in read.items()}

    def expanded(self) -> Iterator[tuple[str, str]]:
        yield f"{self.path}/properties", self.properties


@dataclass(frozen=True, slots=True)
class FileParameters(TriggerParameters):
    """Parameters from files in the workspace, comma separated patterns."""

    TAG: ClassVar[str] = "FileBuildParameters"
    files: str = fields.text("propertiesFile")
    fail_on_missing: bool = fields.flag("failTriggerOnMissing")

    def passed(self, own: Names, scripts: Names, asked: Names) -> Mapping[str, str | None]:
        """Take the parameters that a step which names the file names too: the best to be read."""
        names = read_names(self.files)
        writers = [script for script in scripts if any(name in script for name in names)]
        return {name: None for name in asked if any(_says(script, name) for script in writers)}

    def values(self, build: BuildState) -> Mapping[str, str] | None:
        variables = build.variables()
        values: dict[str, str] = {}
        for name in map(str.strip, expand(self.files, variables).split(",")):
            written = build.read_file(name)
            if written is not None:
                values |= read_properties(expand(written, variables))
                continue
            build.log(f"[parameterized-trigger] Properties file {name} did not exist.")
            if self.fail_on_missing:
                missing = "missing file - did you archive it as a build artifact ?"
                build.log(f"Not triggering due to {missing}")
                raise DontTrigger
        return values or None


def _says(script: str, name: str) -> bool:
    """Tell whether a script has a name as a word by itself, other than to expand it."""
    word = re.escape(name)  # in front, as that is found fastest
    said = re.search(rf"{word}(?<![\w$]{word})(?!\w)", script)
    return said is not None and re.fullmatch(r"\w+", name) is not None


@dataclass(frozen=True, slots=True)
class CurrentParameters(TriggerParameters):
    """All parameters of the running build."""

    TAG: ClassVar[str] = "CurrentBuildParameters"

    def passed(self, own: Names, scripts: Names, asked: Names) -> Mapping[str, str | None]:
        return {name: f"${name}" for name in own}

    def values(self, build: BuildState) -> Mapping[str, str] | None:
        if build.parameters:
            return build.parameters
        build.log("[parameterized-trigger] Current build has no parameters.")
        return None


@dataclass(frozen=True, slots=True)
class BooleanParameters(TriggerParameters):
    TAG: ClassVar[str] = "BooleanParameters"
    flags: tuple[tuple[str, str], ...] = fields.value(
        lambda element: tuple(
            (read_text(item, "name"), str(read_flag(item, "value")).lower())
            for item in element.findall("configs/*")
        )
    )

    def passed(self, own: Names, scripts: Names, asked: Names) -> Mapping[str, str | None]:
        return dict(self.flags)

    def values(self, build: BuildState) -> Mapping[str, str] | None:
        return dict(self.flags)


_SOURCES = {
    _PLUGIN + kind.TAG: kind
    for kind in (PredefinedParameters, FileParameters, CurrentParameters, BooleanParameters)
}


def _read_source(element: ET.Element, paths: Paths) -> TriggerParameters:
    if element.tag not in _SOURCES:
        return UnknownParameters(element.tag, path=paths[element])
    return read_as(_SOURCES[element.tag], element, paths)


@dataclass(frozen=True, slots=True)
class BlockingThresholds:
    """Results at which a blocking trigger step changes the caller; "" for never."""

    fail_step: str = fields.text("buildStepFailureThreshold/name")
    mark_unstable: str = fields.text("unstableThreshold/name")
    mark_failed: str = fields.text("failureThreshold/name")


@dataclass(frozen=True, slots=True)
class TriggerBuilds(Step):
    """A publisher that starts jobs where the build's result meets `condition`.

    It, and each other kind that starts jobs, is an arrow of the chain for each project.
    """

    TAG: ClassVar[str] = _PLUGIN + "BuildTrigger"
    LABEL: ClassVar[str] = "trigger builds"
    STARTS_WITHOUT: ClassVar[bool] = False  # any parameter
    projects: tuple[str, ...] = fields.names("projects")
    parameters: tuple[TriggerParameters, ...] = ()
    condition: str = fields.text("condition", "SUCCESS")
    trigger_without_parameters: bool = fields.flag("triggerWithNoParameters")
    blocking: BlockingThresholds | None = part("block", BlockingThresholds)  # noqa: RUF009

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        """Yield one step for each trigger block of an element."""
        for config in element.findall("configs/*"):
            sources = tuple(_read_source(source, paths) for source in config.findall("configs/*"))
            yield read_as(cls, config, paths, parameters=sources)

    @property
    def needed_files(self) -> tuple[str, ...]:
        """Return the files without which nothing is started.

        A publisher that has no parameter starts nothing, so one that takes them from files alone
        needs one that isn't empty, with or without "fail on missing" (parameterized-trigger 890).
        """
        files = [source for source in self.parameters if isinstance(source, FileParameters)]
        is_free = self.STARTS_WITHOUT or self.trigger_without_parameters
        needs_any = len(files) == len(self.parameters) and not is_free
        return tuple(file.files for file in files if file.fail_on_missing or needs_any)

    def expanded(self) -> Iterator[tuple[str, str]]:
        for source in self.parameters:
            yield from source.expanded()

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        for source in self.parameters:
            if isinstance(source, UnknownParameters):
                yield f"unknown parameters {source.tag}", source.path
        if self.condition not in CONDITIONS:
            yield f"trigger condition {self.condition}", self.path

    def values(self, build: BuildState) -> dict[str, str] | None:
        """Return the values that go along, a later source over an earlier one.

        None if no source has any. Raises DontTrigger.
        """
        given = [found for it in self.parameters if (found := it.values(build)) is not None]
        return {name: value for found in given for name, value in found.items()} if given else None


@dataclass(frozen=True, slots=True)
class TriggerStep(TriggerBuilds):
    """A builder that starts jobs; with `blocking` it waits for them."""

    TAG: ClassVar[str] = _PLUGIN + "TriggerBuilder"
    LABEL: ClassVar[str] = "trigger builds (step)"
    TITLE: ClassVar[str] = "Trigger/call builds on other projects"
    STARTS_WITHOUT: ClassVar[bool] = True
    condition: str = fields.text("condition", "ALWAYS")

    def run(self, build: Build) -> Waiting[bool]:
        return (yield from build.start_builds(self))


@dataclass(frozen=True, slots=True)
class BuildOther(TriggerBuilds):
    TAG: ClassVar[str] = "hudson.tasks.BuildTrigger"
    LABEL: ClassVar[str] = "build other projects"
    projects: tuple[str, ...] = fields.names("childProjects")
    condition: str = fields.value(read_threshold, "SUCCESS")
    trigger_without_parameters: bool = True

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        yield read_as(cls, element, paths)
