"""Archiving artifacts and copying those of another build, with the ways to choose that build.

Fields are those of copyartifact 722 and core 2.440. In a config a build selector is an element with
a class; as the value of a BuildSelectorParameter it is text of XML whose tag is the simple class
name (BuildSelectorParameter.XSTREAM2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs import fields
from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.fields import Paths, read_as, read_flag, read_names, read_text, short_class
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.step import (
    Build,
    Result,
    Step,
    StepFailed,
    Waiting,
    keep_unknown,
)
from cfl_jobs.errors import ConfigError


class Selector(Enum):
    """Copy Artifact's ways to choose a build."""

    LAST_SUCCESSFUL = "StatusBuildSelector"
    SPECIFIC = "SpecificBuildSelector"
    PARAMETER = "ParameterizedBuildSelector"
    UPSTREAM = "TriggeredBuildSelector"
    PERMALINK = "PermalinkBuildSelector"
    SAVED = "SavedBuildSelector"
    LAST_COMPLETED = "LastCompletedBuildSelector"
    WORKSPACE = "WorkspaceSelector"


_ARGUMENTS = {
    Selector.SPECIFIC: "buildNumber",
    Selector.PARAMETER: "parameterName",
    Selector.PERMALINK: "id",
}


@dataclass(frozen=True, slots=True)
class BuildSelector:
    """`argument` is the build number, parameter name or permalink the kind needs, else ""."""

    kind: Selector
    argument: str = ""
    stable_only: bool = False
    fall_back_to_last_successful: bool = False


def read_selector(element: ET.Element) -> BuildSelector | None:
    """Return the selector, or None for one of a kind that has no type here."""
    try:
        kind = Selector(short_class(element.get("class") or element.tag))
    except ValueError:
        return None
    return BuildSelector(
        kind,
        argument=read_text(element, _ARGUMENTS[kind]).strip() if kind in _ARGUMENTS else "",
        stable_only=kind is Selector.LAST_SUCCESSFUL and read_flag(element, "stable"),
        fall_back_to_last_successful=kind is Selector.UPSTREAM
        and read_flag(element, "fallbackToLastSuccessful"),
    )


def parse_selector(xml: str) -> BuildSelector | None:
    """Return the selector in a build selector parameter's value, or None where there is none."""
    try:
        return read_selector(parse_config(xml, name="build selector"))
    except ConfigError:
        return None


def format_selector(selector: BuildSelector) -> str:
    """Return the XML text that stands for a selector in a build selector parameter."""
    root = ET.Element(selector.kind.value)
    if selector.kind in _ARGUMENTS:
        ET.SubElement(root, _ARGUMENTS[selector.kind]).text = selector.argument
    if selector.stable_only:
        ET.SubElement(root, "stable").text = "true"
    if selector.fall_back_to_last_successful:
        ET.SubElement(root, "fallbackToLastSuccessful").text = "true"
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def read_default_selector(parameter: ET.Element) -> str:
    """Return a BuildSelectorParameter's default as XML text.

    jenkins-job-builder posts it as `defaultSelector`; Jenkins saves it as `defaultSelectorXml`.
    """
    element, xml = parameter.find("defaultSelector"), read_text(parameter, "defaultSelectorXml")
    found = parse_selector(xml) if element is None else read_selector(element)
    if found is not None:
        return format_selector(found)
    if element is None:
        return xml
    root = ET.Element(short_class(element.get("class") or element.tag))
    root.extend(element)
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


_BUILD_NUMBER = "COPYARTIFACT_BUILD_NUMBER_"


def build_variable_of(project: str) -> str:
    """Return the variable that gets the number of the build that is copied from.

    Only letters of the name stay (copyartifact 722, CopyArtifact.EnvAction).
    """
    return _BUILD_NUMBER + re.sub("[^A-Z]+", "_", project.upper())


def _read_chosen(element: ET.Element) -> BuildSelector | None:
    return next(map(read_selector, element.findall("selector")), None)


@dataclass(frozen=True, slots=True)
class CopyArtifact(Step):
    TAG: ClassVar[str] = "hudson.plugins.copyartifact.CopyArtifact"
    LABEL: ClassVar[str] = "copy artifacts"
    TITLE: ClassVar[str] = "Copy artifacts from another project"
    # `projectName` is the field's name up to copyartifact 1.25
    project: str = fields.value(
        lambda it: (read_text(it, "project") or read_text(it, "projectName")).strip(), ""
    )
    selector: BuildSelector = fields.value(_read_chosen)  # noqa: RUF009 - a field
    filter: str = fields.text("filter")
    excludes: str = fields.text("excludes")
    target: str = fields.text("target")
    parameter_filter: str = fields.text("parameters")
    flatten: bool = fields.flag("flatten")
    optional: bool = fields.flag("optional")
    variable_suffix: str = fields.text("resultVariableSuffix")

    @classmethod
    def read(cls, element: ET.Element, paths: Paths) -> Iterator[Step]:
        if _read_chosen(element) is None:
            yield keep_unknown("builders", element, paths)
        else:
            yield read_as(cls, element, paths)

    @property
    def fetched(self) -> tuple[str, ...]:
        return read_names(self.filter) or ("**",)

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable_for(self.project),)

    def variable_for(self, project: str) -> str:
        """Return the variable that gets the build's number, for a project by its relative name."""
        suffix = self.variable_suffix
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", suffix):
            return build_variable_of(project)
        return f"{_BUILD_NUMBER}{suffix}"

    def expanded(self) -> Iterator[tuple[str, str]]:
        yield f"{self.path}/project", self.project
        yield f"{self.path}/filter", self.filter
        yield f"{self.path}/target", self.target
        yield f"{self.path}/parameters", self.parameter_filter
        argument = self.selector.argument
        if self.selector.kind is Selector.PARAMETER:
            yield f"{self.path}/selector/parameterName", f"${{{argument}}}"
        else:
            yield f"{self.path}/selector/buildNumber", argument

    def unrehearsable(self) -> Iterator[tuple[str, str]]:
        if self.selector.kind in (Selector.SAVED, Selector.WORKSPACE):
            yield f"Copy Artifact's {self.selector.kind.value}", self.path

    def run(self, build: Build) -> Waiting[bool]:
        yield from ()
        try:
            build.copy(self)
        except StepFailed as error:
            build.log(f"ERROR: {error}")
            return False
        return True


@dataclass(frozen=True, slots=True)
class ArchiveArtifacts(Step):
    TAG: ClassVar[str] = "hudson.tasks.ArtifactArchiver"
    LABEL: ClassVar[str] = "archive artifacts"
    patterns: str = fields.text("artifacts")
    excludes: str = fields.text("excludes")
    allow_empty: bool = fields.flag("allowEmptyArchive")
    only_if_successful: bool = fields.flag("onlyIfSuccessful")
    fingerprint: bool = fields.flag("fingerprint")
    default_excludes: bool = fields.flag("defaultExcludes", of=TAG)
    case_sensitive: bool = fields.flag("caseSensitive", of=TAG)
    follow_symlinks: bool = fields.flag("followSymlinks", of=TAG)

    @property
    def archived(self) -> tuple[str, ...]:
        return read_names(self.patterns)

    def publish(self, build: Build) -> None:
        if self.only_if_successful and build.result.is_worse_than(Result.UNSTABLE):
            build.log("Skipped archiving because build is not successful")
            return
        build.log("Archiving artifacts")
        patterns = expand(self.patterns, build.variables())
        if not patterns.strip():
            raise StepFailed("No artifacts will be archived: the pattern is empty.")
        if build.archive(self, patterns):
            return
        found = f'No artifacts found that match the file pattern "{patterns}".'
        message = f"{found} Configuration error?"
        if self.allow_empty:
            build.log(message)
        elif build.result.is_at_least(Result.UNSTABLE):
            raise StepFailed(message)
        else:
            # The build failed before it made them; Jenkins doesn't complain again.
            build.worsen(Result.FAILURE)
