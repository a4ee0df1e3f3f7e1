"""The few components whose options trials alone don't find: what to try, and where to begin."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import class_of

_PREFIX = "hudson.plugins.parameterizedtrigger."
# trigger-parameterized-builds goes through the keys that are there, in their order; each makes an
# element of a class.
_PARAMETERS_OF_TRIGGERS = {
    f"{_PREFIX}PredefinedBuildParameters": "predefined-parameters",
    "hudson.plugins.git.GitRevisionBuildParameters": "git-revision",
    f"{_PREFIX}FileBuildParameters": "property-file",
    f"{_PREFIX}CurrentBuildParameters": "current-parameters",
    f"{_PREFIX}NodeParameters": "node-parameters",
    f"{_PREFIX}SubversionRevisionBuildParameters": "svn-revision",
    f"{_PREFIX}matrix.MatrixSubsetBuildParameters": "restrict-matrix-project",
    f"{_PREFIX}BooleanParameters": "boolean-parameters",
}
# credentials-binding is a list of mappings of one key each.
_BINDINGS = {
    "FileBinding": "file",
    "SSHUserPrivateKeyBinding": "ssh-user-private-key",
    "StringBinding": "text",
    "UsernamePasswordBinding": "username-password",
    "UsernamePasswordMultiBinding": "username-password-separated",
    "ZipFileBinding": "zip-file",
}
# Other spellings of the same options, which would only be tried in vain.
SKIPPED: Mapping[tuple[str, str], frozenset[str]] = {
    ("scm", "git"): frozenset({"remotes", "disable-submodules", "recursive-submodules"}),
}


# What options are: a mapping, or a list of mappings.
SHAPES: tuple[Any, ...] = ({}, [{}])
# Values that no error message of the component lists.
VALUES: Mapping[tuple[str, str, str], tuple[str, ...]] = {
    ("wrapper", "timeout", "type"): ("no-activity", "likely-stuck", "elastic", "deadline"),
    ("scm", "svn", "workspaceupdater"): ("revertupdate", "emulateclean", "update"),
}
_PERMISSIONS = {
    "com.cloudbees.plugins.credentials.CredentialsProvider": "credentials",
    "com.synopsys.arc.jenkins.plugins.ownership.OwnershipPlugin": "ownership",
    "hudson.model.Item": "job",
    "hudson.model.Run": "run",
    "hudson.scm.SCM": "scm",
}
_THRESHOLDS = {
    "build-step-failure-threshold": "buildStepFailureThreshold",
    "unstable-threshold": "unstableThreshold",
    "failure-threshold": "failureThreshold",
}
_RESULTS = ("Success", "Unstable", "Failure", "NotBuilt", "Aborted")
_GERRIT_FILES = {
    "file-paths": "filePaths",
    "forbidden-file-paths": "forbiddenFilePaths",
    "topics": "topics",
}
_GERRIT_EVENTS = {
    "comment-added-event": {
        "approval-category": "verdictCategory",
        "approval-value": "commentAddedTriggerApprovalValue",
    },
    "comment-added-contains-event": {"comment-contains-value": "commentAddedCommentContains"},
}
_INHERITANCES = {"InheritGlobalStrategy": "global", "NonInheritingStrategy": "none"}


def hidden_keys(kind: str, name: str, element: ET.Element) -> tuple[str, ...]:
    """Return keys that a component doesn't ask for while they are absent, in the right order."""
    if (kind, name) != ("publisher", "trigger-parameterized-builds"):
        return ()
    keys = [_PARAMETERS_OF_TRIGGERS.get(inner.tag) for inner in element.iter()]
    return tuple(dict.fromkeys(key for key in keys if key))


def begin(kind: str, name: str, element: ET.Element) -> tuple[Any, ...]:
    """Return what options a search begins with: a mapping or a list of mappings without any."""
    search = _BEGINNINGS.get((kind, name))
    if search is None:
        return SHAPES
    return (search(element),)


def _begin_bindings(element: ET.Element) -> list[Any]:
    kinds = [_BINDINGS.get(binding.tag.rpartition(".")[2]) for binding in element.iter()]
    return [{kind: {}} for kind in kinds if kind]


def _begin_authorization(element: ET.Element) -> dict[str, Any]:
    options: dict[str, Any] = {}
    kind = class_of(element, "inheritanceStrategy")
    if kind in _INHERITANCES:
        options["inheritance-strategy"] = _INHERITANCES[kind]
    for permission in element.findall("permission"):
        parts = (permission.text or "").split(":")
        *_, what, who = ("", *parts)
        owner, _, right = what.rpartition(".")
        words = _words(right.removeprefix("View") or right)
        options.setdefault(":".join((*parts[:-2], who)), []).append(
            f"{_PERMISSIONS.get(owner, owner)}-{words}"
        )
    return options


def _begin_cleanup(element: ET.Element) -> dict[str, Any]:
    words = {"NotBuilt": "not-built"}
    kinds = [kind for kind in _RESULTS if element.findtext(f"cleanWhen{kind}") == "false"]
    conditions = [{words.get(kind, kind.lower()): False} for kind in kinds]
    options: dict[str, Any] = {"clean-if": conditions} if conditions else {}
    for pattern in element.findall("patterns/*"):
        key = pattern.findtext("type", "INCLUDE").lower()
        options.setdefault(key, []).append(pattern.findtext("pattern") or "")
    return options


def _begin_triggers(element: ET.Element) -> list[Any]:
    entries: list[Any] = []
    for config in element.findall("configs/*"):
        entry: dict[str, Any] = {"project": config.findtext("projects") or ""}
        block = config.find("block")
        if block is not None:
            entry["block"] = True
            entry["block-thresholds"] = {
                key: block.findtext(f"{tag}/name", "never") for key, tag in _THRESHOLDS.items()
            }
        entries.append(entry)
    return entries


def _begin_gerrit(element: ET.Element) -> dict[str, Any]:
    projects = [
        {
            "project-compare-type": project.findtext("compareType", "PLAIN"),
            "project-pattern": project.findtext("pattern") or "",
            "branches": _patterns(project.findall("branches/*"), "branch-"),
            **{
                key: _patterns(project.findall(f"{tag}/*"), "")
                for key, tag in _GERRIT_FILES.items()
                if project.find(tag) is not None
            },
        }
        for project in element.findall("gerritProjects/*")
    ]
    events = [_event(event) for event in element.findall("triggerOnEvents/*")]
    return {"projects": projects, "trigger-on": events}


def _patterns(patterns: list[ET.Element], prefix: str) -> list[dict[str, str]]:
    return [
        {
            f"{prefix}compare-type": pattern.findtext("compareType", "PLAIN"),
            f"{prefix}pattern": pattern.findtext("pattern") or "",
        }
        for pattern in patterns
    ]


def _event(event: ET.Element) -> object:
    name = _words(event.tag.rpartition(".Plugin")[2])
    said = {key: event.findtext(tag) or "" for key, tag in _GERRIT_EVENTS.get(name, {}).items()}
    return {name: said} if len(event) else name


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _begin_git(element: ET.Element) -> dict[str, Any]:
    remotes = [_remote(remote) for remote in element.findall("userRemoteConfigs/*")]
    options: dict[str, Any] = {"remotes": remotes}
    if len(remotes) == 1:
        ((remote, told),) = remotes[0].items()
        options = {"url": told["url"], "name": remote, **told}
    wipes = element.find("extensions/hudson.plugins.git.extensions.impl.WipeWorkspace")
    return options | {
        "branches": [branch.text or "" for branch in element.findall("branches/*/name")],
        "wipe-workspace": wipes is not None,
        "git-tool": element.findtext("gitTool") or "",
    }


def _remote(remote: ET.Element) -> dict[str, dict[str, str]]:
    options = {"url": remote.findtext("url") or "", "refspec": remote.findtext("refspec") or ""}
    if credentials := remote.findtext("credentialsId"):
        options["credentials-id"] = credentials
    return {remote.findtext("name") or "": options}


_BEGINNINGS: Mapping[tuple[str, str], Callable[[ET.Element], Any]] = {
    ("builder", "trigger-builds"): _begin_triggers,
    ("property", "authorization"): _begin_authorization,
    ("publisher", "workspace-cleanup"): _begin_cleanup,
    ("scm", "git"): _begin_git,
    ("trigger", "gerrit"): _begin_gerrit,
    ("wrapper", "credentials-binding"): _begin_bindings,
}
