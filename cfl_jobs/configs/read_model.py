"""Config XML → model: a job's or view's config as typed values, whichever of its texts it is.

The same job reads the same from what jenkins-job-builder posts and from what Jenkins makes of it
at a save or a restart. Defaults of absent fields are Jenkins' own (core 2.440).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.fields import (
    Paths,
    is_default,
    list_items,
    read_flag,
    read_names,
    read_number,
    read_text,
    short_class,
)
from cfl_jobs.configs.model import (
    Git,
    Job,
    Trigger,
    TriggerKind,
    Unknown,
    UpstreamTrigger,
    View,
)
from cfl_jobs.configs.read_properties import Properties
from cfl_jobs.configs.read_scm import read_git
from cfl_jobs.configs.read_steps import read_builders, read_publishers
from cfl_jobs.configs.read_wrappers import read_wrappers

_TRIGGERS = {
    "com.cloudbees.jenkins.GitHubPushTrigger": TriggerKind.GITHUB_PUSH,
    "hudson.triggers.SCMTrigger": TriggerKind.POLL,
    "hudson.triggers.TimerTrigger": TriggerKind.TIMER,
}
# Top-level fields that the model has, or that say nothing about what the job does.
_READ = frozenset(
    {
        "actions",
        "assignedNode",
        "blockBuildWhenDownstreamBuilding",
        "blockBuildWhenUpstreamBuilding",
        "buildWrappers",
        "builders",
        "canRoam",
        "concurrentBuild",
        "customWorkspace",
        "description",
        "disabled",
        "displayName",
        "logRotator",
        "properties",
        "publishers",
        "quietPeriod",
        "scm",
        "triggers",
    }
)


def read_job(name: str, config: str) -> Job:
    """Return the job that a config describes. Raises ConfigError, naming `name`, on bad XML."""
    root = parse_config(config, name=name)
    paths = Paths.of(root)
    properties = Properties(root, paths)
    scm = root.find("scm")
    git = read_git(scm, paths) if scm is not None else None
    return Job(
        name=name,
        root=root.tag,
        description=read_text(root, "description"),
        display_name=read_text(root, "displayName"),
        disabled=read_flag(root, "disabled"),
        concurrent=read_flag(root, "concurrentBuild"),
        quiet_period=read_number(root, "quietPeriod"),
        node_label="" if read_flag(root, "canRoam") else read_text(root, "assignedNode"),
        block_when_upstream=read_flag(root, "blockBuildWhenUpstreamBuilding"),
        block_when_downstream=read_flag(root, "blockBuildWhenDownstreamBuilding"),
        parameters=properties.parameters(),
        copy_permissions=properties.copy_permissions(),
        discarder=properties.discarder(),
        permissions=properties.permissions(),
        inheritance=properties.inheritance(),
        resources=properties.resources(),
        resources_variable=properties.resources_variable(),
        project_url=properties.project_url(),
        workspace=read_text(root, "customWorkspace"),
        scm=git,
        triggers=tuple(_read_triggers(root, paths)),
        wrappers=tuple(read_wrappers(_section(root, "buildWrappers"), paths)),
        builders=tuple(read_builders(_section(root, "builders"), paths)),
        publishers=tuple(read_publishers(_section(root, "publishers"), paths)),
        unknown=(*properties.unknown(), *_read_unknown(root, git, paths)),
    )


def read_view(name: str, config: str) -> View:
    """Return the list view that a config describes. Raises ConfigError on bad XML."""
    root = parse_config(config, name=name)
    paths = Paths.of(root)
    read = {"name", "description", "jobNames", "includeRegex", "recurse", "columns", "properties"}
    names = (item.text or "" for item in list_items(root, "jobNames") if item.tag == "string")
    return View(
        name=name,
        description=read_text(root, "description"),
        jobs=tuple(sorted(names)),
        include_regex=read_text(root, "includeRegex"),
        recurse=read_flag(root, "recurse"),
        columns=tuple(short_class(item.tag) for item in list_items(root, "columns")),
        unknown=tuple(
            paths.unknown(root.tag, child)
            for child in root
            if child.tag not in read and not is_default(child)
        ),
    )


def _section(root: ET.Element, tag: str) -> ET.Element:
    found = root.find(tag)
    return ET.Element(tag) if found is None else found


def _read_triggers(root: ET.Element, paths: Paths) -> Iterator[Trigger | UpstreamTrigger]:
    for element in list_items(root, "triggers"):
        if element.tag in _TRIGGERS:
            yield Trigger(
                _TRIGGERS[element.tag],
                read_text(element, "spec"),
                ignore_hooks=read_flag(element, "ignorePostCommitHooks"),
                path=paths[element],
            )
        elif element.tag == "jenkins.triggers.ReverseBuildTrigger":
            yield UpstreamTrigger(
                read_names(read_text(element, "upstreamProjects")),
                read_text(element, "threshold/name") or "SUCCESS",
                path=paths[element],
            )


def _read_unknown(root: ET.Element, git: Git | None, paths: Paths) -> Iterator[Unknown]:
    """Yield the scm, triggers and top-level fields that the model has no type for, by tag."""
    for child in sorted(root, key=lambda found: found.tag):
        if child.tag == "scm":
            if git is None and child.get("class") != "hudson.scm.NullSCM":
                yield paths.unknown(root.tag, child)
        elif child.tag == "triggers":
            known = {*_TRIGGERS, "jenkins.triggers.ReverseBuildTrigger"}
            for trigger in child:
                if trigger.tag not in known:
                    yield paths.unknown("triggers", trigger)
        elif child.tag not in _READ and not is_default(child):
            yield paths.unknown(root.tag, child)
