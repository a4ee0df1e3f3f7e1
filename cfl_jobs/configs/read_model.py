"""Config XML → model: a job's or view's config as typed values, whichever of its texts it is.

The same job reads the same from what jenkins-job-builder posts and from what Jenkins makes of it
at a save or a restart. Fields are those of core 2.440, git 5.2, copyartifact 722, matrix-auth 3.2
and lockable-resources 1232.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import parse_config, paths_of
from cfl_jobs.configs.fields import TAGS, Paths, is_default, read_as, read_text, short_class
from cfl_jobs.configs.model import (
    DECLARED,
    PROPERTIES,
    Git,
    Job,
    Parameter,
    ParameterKind,
    StartKind,
    Trigger,
    UpstreamTrigger,
    View,
)
from cfl_jobs.configs.steps import artifacts, building, triggering
from cfl_jobs.configs.steps.step import Step, Unknown, keep_unknown

# The kinds of builders, publishers and wrappers that are known, by the list that they stand in.
STEPS: dict[str, list[type[Step]]] = {
    "builders": [building.Shell, artifacts.CopyArtifact, triggering.TriggerStep],
    "publishers": [
        artifacts.ArchiveArtifacts,
        triggering.BuildOther,
        building.CleanAfter,
        building.JUnitResults,
        building.Mail,
        building.SetDescription,
        triggering.TriggerBuilds,
    ],
    "buildWrappers": [
        building.AnsiColor,
        building.BindCredentials,
        building.BuildName,
        building.CleanBefore,
        building.TimeLimit,
        building.Timestamps,
    ],
}
# core has a class for each kind but these: hudson.model.StringParameterDefinition
_NOT_OF_CORE = (ParameterKind.BUILD_SELECTOR, ParameterKind.OTHER)
_PARAMETERS = {
    f"hudson.model.{kind.value.title()}ParameterDefinition": kind
    for kind in ParameterKind
    if kind not in _NOT_OF_CORE
} | {"hudson.plugins.copyartifact.BuildSelectorParameter": ParameterKind.BUILD_SELECTOR}
_UPSTREAM = "jenkins.triggers.ReverseBuildTrigger"
_TRIGGERS = {
    "com.cloudbees.jenkins.GitHubPushTrigger": StartKind.PUSH,
    "hudson.triggers.SCMTrigger": StartKind.POLL,
    "hudson.triggers.TimerTrigger": StartKind.TIMER,
}
_GIT = "hudson.plugins.git.GitSCM"
_PROPERTIES = [path.rpartition("/")[2] for path in PROPERTIES]


def read_job(name: str, config: str) -> Job:
    """Return the job that a config describes. Raises ConfigError, naming `name`, on bad XML."""
    root = parse_config(config, name=name)
    paths = paths_of(root)
    parameters = root.findall(f"{DECLARED}/parameterDefinitions/*")
    triggers = root.findall("triggers/*")
    fields_of_root = sorted(_telling(root), key=lambda child: child.tag)
    unknown = (
        *_keep("properties", root.findall("properties/*"), paths, _PROPERTIES),
        *_keep("parameterDefinitions", parameters, paths, _PARAMETERS),
        *_keep("triggers", triggers, paths, {*_TRIGGERS, _UPSTREAM}),
        *_keep(root.tag, fields_of_root, paths, TAGS["read-of-jobs"]),
    )
    wrappers, builders, publishers = (
        tuple(_read_steps(section, root, paths))
        for section in ("buildWrappers", "builders", "publishers")
    )
    return read_as(
        Job,
        root,
        name=name,
        root=root.tag,
        parameters=tuple(_read_parameter(element, paths) for element in parameters),
        scm=_read_git(root, paths),
        triggers=tuple(
            read_as(UpstreamTrigger, it, paths)
            if it.tag == _UPSTREAM
            else read_as(Trigger, it, paths, kind=_TRIGGERS[it.tag])
            for it in triggers
            if it.tag in (*_TRIGGERS, _UPSTREAM)
        ),
        wrappers=wrappers,
        builders=builders,
        publishers=publishers,
        unknown=unknown,
    )


def _read_steps(section: str, root: ET.Element, paths: Paths) -> Iterator[Step]:
    """Yield the steps in a list of a job's config, in order; what is of no kind, as `Unknown`."""
    kinds = {kind.TAG: kind for kind in STEPS[section]}
    for element in root.findall(f"{section}/*"):
        if element.tag in kinds:
            yield from kinds[element.tag].read(element, paths)
        else:
            yield keep_unknown(section, element, paths)


def _telling(parent: ET.Element) -> list[ET.Element]:
    """Return the fields that say something that isn't read as the scm."""
    scms = (_GIT, "hudson.scm.NullSCM")
    return [it for it in parent if not is_default(it) and it.get("class") not in scms]


def _keep(
    section: str, elements: Iterable[ET.Element], paths: Paths, known: Collection[str] = ()
) -> Iterator[Unknown]:
    return (keep_unknown(section, it, paths) for it in elements if it.tag not in known)


def label_of(tag: str) -> str:
    """Return what people call a step of this tag; "" where it is of no kind known here."""
    kinds = (kind for section in STEPS.values() for kind in section)
    return next((kind.LABEL for kind in kinds if tag == kind.TAG), "")


def read_view(name: str, config: str) -> View:
    """Return the list view that a config describes. Raises ConfigError on bad XML."""
    names = parse_config(config, name=name).findall("jobNames/string")
    return View(name, tuple(sorted(item.text or "" for item in names)))


def _read_parameter(element: ET.Element, paths: Paths) -> Parameter:
    kind = _PARAMETERS.get(element.tag, ParameterKind.OTHER)
    name, default = read_text(element, "name"), read_text(element, "defaultValue")
    choices: tuple[str, ...] = ()
    has_password = False
    if kind is ParameterKind.BUILD_SELECTOR:
        default = artifacts.read_default_selector(element)
    elif kind is ParameterKind.BOOLEAN:
        default = str(default == "true").lower()
    elif kind is ParameterKind.PASSWORD:
        # Jenkins encrypts it, also an empty one, and the model never shows it.
        has_password, default = bool(default) and not default.startswith("{"), ""
    elif kind is ParameterKind.CHOICE:
        choices = tuple(item.text or "" for item in element.iter("string"))
        default = next(iter(choices), "")
    return read_as(
        Parameter,
        element,
        paths,
        name=name,
        kind=kind,
        default=default,
        choices=choices,
        has_password=has_password,
    )


def _read_git(root: ET.Element, paths: Paths) -> Git | None:
    """Return the checkout, or None where the scm is another one or none."""
    scm = root.find("scm")
    if scm is None or scm.get("class") != _GIT:
        return None
    extensions = {short_class(item.tag): item for item in scm.findall("extensions/*")}
    known = {"CleanBeforeCheckout", "CloneOption", "GitLFSPull", "UserIdentity", "WipeWorkspace"}
    git = read_as(Git, scm, paths)
    if git.submodules:
        known.add("SubmoduleOption")
    names = dict.fromkeys(extensions)
    if any(git.identity):
        names["UserIdentity"] = None
    others = [item for kind, item in extensions.items() if kind not in known]
    unknown = (
        *_keep("userRemoteConfigs", scm.findall("userRemoteConfigs/*")[1:], paths),
        *_keep("extensions", others, paths),
        *_keep("scm", _telling(scm), paths, TAGS["read-of-git"]),
    )
    return replace(git, extensions=tuple(names), unknown=unknown)
