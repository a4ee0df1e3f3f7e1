"""Config XML of a job's properties → model: parameters, permissions, retention, locks.

Defaults are those of core 2.440, copyartifact 722, matrix-auth 3.2 and lockable-resources 1232.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import (
    Paths,
    list_items,
    read_flag,
    read_names,
    read_number,
    read_text,
    short_class,
)
from cfl_jobs.configs.model import BuildDiscarder, Parameter, ParameterKind, Unknown
from cfl_jobs.configs.selectors import read_default_selector

_PARAMETERS = {
    "hudson.model.StringParameterDefinition": ParameterKind.STRING,
    "hudson.model.TextParameterDefinition": ParameterKind.TEXT,
    "hudson.model.BooleanParameterDefinition": ParameterKind.BOOLEAN,
    "hudson.model.ChoiceParameterDefinition": ParameterKind.CHOICE,
    "hudson.model.PasswordParameterDefinition": ParameterKind.PASSWORD,
    "hudson.model.RunParameterDefinition": ParameterKind.RUN,
    "hudson.model.FileParameterDefinition": ParameterKind.FILE,
    "hudson.plugins.copyartifact.BuildSelectorParameter": ParameterKind.BUILD_SELECTOR,
}


class Properties:
    """The values in a job's `properties`."""

    def __init__(self, root: ET.Element, paths: Paths) -> None:
        self._root = root
        self._paths = paths
        self._by_tag = {element.tag: element for element in list_items(root, "properties")}

    def _find(self, tag: str) -> ET.Element | None:
        return self._by_tag.get(tag)

    def _definitions(self) -> Iterator[ET.Element]:
        found = self._find("hudson.model.ParametersDefinitionProperty")
        if found is not None:
            yield from list_items(found, "parameterDefinitions")

    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(_read_parameter(item, self._paths) for item in self._definitions())

    def copy_permissions(self) -> tuple[str, ...] | None:
        found = self._find("hudson.plugins.copyartifact.CopyArtifactPermissionProperty")
        if found is None:
            return None
        names = (item.text or "" for item in list_items(found, "projectNameList"))
        return tuple(name for entry in names for name in read_names(entry))

    def discarder(self) -> BuildDiscarder | None:
        # Job.getBuildDiscarder: the property wins over the old top-level field
        found = self._find("jenkins.model.BuildDiscarderProperty")
        rotator = self._root.find("logRotator") if found is None else found.find("strategy")
        if rotator is None:
            return None
        # LogRotator: an absent number is for ever
        days, builds, artifact_days, artifact_builds = (
            -1 if number is None else number
            for number in (
                read_number(rotator, "daysToKeep"),
                read_number(rotator, "numToKeep"),
                read_number(rotator, "artifactDaysToKeep"),
                read_number(rotator, "artifactNumToKeep"),
            )
        )
        return BuildDiscarder(days, builds, artifact_days, artifact_builds)

    def _matrix(self) -> ET.Element | None:
        return self._find("hudson.security.AuthorizationMatrixProperty")

    def permissions(self) -> tuple[str, ...]:
        found = self._matrix()
        entries = [] if found is None else found.findall("permission")
        return tuple(sorted(entry.text or "" for entry in entries))

    def inheritance(self) -> str:
        found = self._matrix()
        strategy = None if found is None else found.find("inheritanceStrategy")
        return "" if strategy is None else short_class(strategy.get("class", ""))

    def _lock(self) -> ET.Element | None:
        return self._find("org.jenkins.plugins.lockableresources.RequiredResourcesProperty")

    def resources(self) -> tuple[str, ...]:
        found = self._lock()
        return () if found is None else tuple(read_text(found, "resourceNames").split())

    def resources_variable(self) -> str:
        found = self._lock()
        return "" if found is None else read_text(found, "resourceNamesVar")

    def project_url(self) -> str:
        found = self._find("com.coravy.hudson.plugins.github.GithubProjectProperty")
        return "" if found is None else read_text(found, "projectUrl")

    def unknown(self) -> Iterator[Unknown]:
        for element in list_items(self._root, "properties"):
            if element.tag not in _PROPERTIES_READ:
                yield self._paths.unknown("properties", element)
        for element in self._definitions():
            if element.tag not in _PARAMETERS:
                yield self._paths.unknown("parameterDefinitions", element)


_PROPERTIES_READ = frozenset(
    {
        "com.coravy.hudson.plugins.github.GithubProjectProperty",
        "hudson.model.ParametersDefinitionProperty",
        "hudson.plugins.copyartifact.CopyArtifactPermissionProperty",
        "hudson.security.AuthorizationMatrixProperty",
        "jenkins.model.BuildDiscarderProperty",
        "org.jenkins.plugins.lockableresources.RequiredResourcesProperty",
    }
)


def _read_parameter(element: ET.Element, paths: Paths) -> Parameter:
    kind = _PARAMETERS.get(element.tag, ParameterKind.OTHER)
    default = read_text(element, "defaultValue")
    choices: tuple[str, ...] = ()
    has_password = False
    if kind is ParameterKind.BUILD_SELECTOR:
        default = read_default_selector(element)
    elif kind is ParameterKind.BOOLEAN:
        default = "true" if default == "true" else "false"
    elif kind is ParameterKind.PASSWORD:
        # Jenkins encrypts it, also an empty one, and the model never shows it.
        has_password, default = bool(default) and not default.startswith("{"), ""
    elif kind is ParameterKind.CHOICE:
        choices = tuple(item.text or "" for item in element.iter("string"))
        default = choices[0] if choices else ""
    return Parameter(
        name=read_text(element, "name"),
        kind=kind,
        default=default,
        description=read_text(element, "description"),
        choices=choices,
        trim=read_flag(element, "trim"),
        has_password=has_password,
        path=paths[element],
    )
