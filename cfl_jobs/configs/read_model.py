"""Config XML → model: a job's or view's config as typed values, whichever of its texts it is.

The same job reads the same from what jenkins-job-builder posts and from what Jenkins makes of it
at a save or a restart. Fields are those of core 2.440, git 5.2, copyartifact 722, matrix-auth 3.2
and lockable-resources 1232.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs import model
from cfl_jobs.configs.configxml import parse_config, paths_of
from cfl_jobs.configs.fields import is_default, read_text, short_class
from cfl_jobs.configs.model import Git, Job, Parameter, ParameterKind, Trigger, UpstreamTrigger
from cfl_jobs.configs.steps import artifacts, results, shell, triggering, wrappers
from cfl_jobs.configs.steps.step import Paths, Step, Unknown, keep_unknown, read_fields

# The kinds of builders, publishers and wrappers that are known, by the list that they stand in.
STEPS: dict[str, list[type[Step]]] = {
    "builders": [shell.Shell, artifacts.CopyArtifact, triggering.TriggerStep],
    "publishers": [
        artifacts.ArchiveArtifacts,
        triggering.BuildOther,
        wrappers.CleanAfter,
        results.JUnitResults,
        results.Mail,
        results.SetDescription,
        triggering.TriggerBuilds,
    ],
    "buildWrappers": [
        wrappers.AnsiColor,
        wrappers.BindCredentials,
        wrappers.BuildName,
        wrappers.CleanBefore,
        wrappers.TimeLimit,
        wrappers.Timestamps,
    ],
}
_TRIGGERS = {
    "com.cloudbees.jenkins.GitHubPushTrigger": model.StartKind.PUSH,
    "hudson.triggers.SCMTrigger": model.StartKind.POLL,
    "hudson.triggers.TimerTrigger": model.StartKind.TIMER,
}
_UPSTREAM = "jenkins.triggers.ReverseBuildTrigger"
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
_PROPERTIES_READ = frozenset(path.rpartition("/")[2] for path in model.PROPERTIES)
# Top-level fields that the model has, or that say nothing about what the job does.
_READ = frozenset(
    """
    actions assignedNode blockBuildWhenDownstreamBuilding blockBuildWhenUpstreamBuilding
    buildWrappers builders canRoam concurrentBuild customWorkspace description disabled displayName
    logRotator properties publishers quietPeriod triggers
    """.split()  # noqa: SIM905 - longer as a list
)
_GIT = "hudson.plugins.git.GitSCM"
_SCMS = (_GIT, "hudson.scm.NullSCM")
# GitSCM's fields that are read here, or that say nothing; CheckoutOption and the like are kept.
_GIT_READ = frozenset(
    """
    branches configVersion extensions gitConfigEmail gitConfigName gitTool submoduleCfg
    userRemoteConfigs
    """.split()  # noqa: SIM905 - longer as a list
)


def read_job(name: str, config: str) -> Job:
    """Return the job that a config describes. Raises ConfigError, naming `name`, on bad XML."""
    root = parse_config(config, name=name)
    paths = paths_of(root)
    return Job(
        name=name,
        root=root.tag,
        **read_fields(Job, root),
        parameters=tuple(_read_parameter(element, paths) for element in _definitions(root)),
        scm=_read_git(root, paths),
        triggers=tuple(_read_triggers(root, paths)),
        wrappers=tuple(_read_steps("buildWrappers", root, paths)),
        builders=tuple(_read_steps("builders", root, paths)),
        publishers=tuple(_read_steps("publishers", root, paths)),
        unknown=tuple(_read_unknown(root, paths)),
    )


def read_view(name: str, config: str) -> model.View:
    """Return the list view that a config describes. Raises ConfigError on bad XML."""
    names = parse_config(config, name=name).findall("jobNames/string")
    return model.View(name, tuple(sorted(item.text or "" for item in names)))


def _read_steps(section: str, root: ET.Element, paths: Paths) -> Iterator[Step]:
    """Yield the steps in a list of a job's config, in order; what is of no kind, as `Unknown`."""
    kinds = {kind.TAG: kind for kind in STEPS[section]}
    for element in root.findall(f"{section}/*"):
        kind = kinds.get(element.tag)
        if kind is None:
            yield keep_unknown(section, element, paths)
        else:
            yield from kind.read(element, paths)


def label_of(tag: str) -> str:
    """Return what people call a step of this tag; "" where it is of no kind known here."""
    kinds = (kind for section in STEPS.values() for kind in section)
    return next((kind.LABEL for kind in kinds if tag == kind.TAG), "")


def _read_triggers(root: ET.Element, paths: Paths) -> Iterator[Trigger | UpstreamTrigger]:
    for element in root.findall("triggers/*"):
        kind, path = _TRIGGERS.get(element.tag), paths[element]
        if kind is not None:
            yield Trigger(kind, **read_fields(Trigger, element), path=path)
        elif element.tag == _UPSTREAM:
            yield UpstreamTrigger(**read_fields(UpstreamTrigger, element), path=path)


def _read_unknown(root: ET.Element, paths: Paths) -> Iterator[Unknown]:
    """Yield the properties, parameters, scm, triggers and fields that the model has no type for."""
    parts: list[tuple[str, list[ET.Element], Collection[str]]] = [
        ("properties", root.findall("properties/*"), _PROPERTIES_READ),
        ("parameterDefinitions", _definitions(root), _PARAMETERS),
        ("triggers", root.findall("triggers/*"), {*_TRIGGERS, _UPSTREAM}),
    ]
    tops = [child for child in root if not is_default(child) and child.get("class") not in _SCMS]
    parts.append((root.tag, sorted(tops, key=lambda child: child.tag), _READ))
    for section, elements, known in parts:
        for element in elements:
            if element.tag not in known:
                yield keep_unknown(section, element, paths)


def _definitions(root: ET.Element) -> list[ET.Element]:
    return root.findall(f"{model.DECLARED}/parameterDefinitions/*")


def _read_parameter(element: ET.Element, paths: Paths) -> Parameter:
    kind = _PARAMETERS.get(element.tag, ParameterKind.OTHER)
    default = read_text(element, "defaultValue")
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
    return Parameter(
        name=read_text(element, "name"),
        kind=kind,
        default=default,
        choices=choices,
        has_password=has_password,
        **read_fields(Parameter, element),
        path=paths[element],
    )


def _read_git(root: ET.Element, paths: Paths) -> Git | None:
    """Return the checkout, or None where the scm is another one or none."""
    scm = root.find("scm")
    if scm is None or scm.get("class") != _GIT:
        return None
    read = read_fields(Git, scm)
    extensions = {short_class(item.tag): item for item in scm.findall("extensions/*")}
    known = {"CleanBeforeCheckout", "CloneOption", "GitLFSPull", "UserIdentity", "WipeWorkspace"}
    if read["submodules"]:
        known.add("SubmoduleOption")
    names = dict.fromkeys(extensions)
    if any(read["identity"]):
        names["UserIdentity"] = None
    unknown = {
        "userRemoteConfigs": scm.findall("userRemoteConfigs/*")[1:],
        "extensions": [item for kind, item in extensions.items() if kind not in known],
        "scm": [child for child in scm if child.tag not in _GIT_READ and not is_default(child)],
    }
    return Git(
        **read,
        extensions=tuple(names),
        unknown=tuple(
            keep_unknown(section, element, paths)
            for section, elements in unknown.items()
            for element in elements
        ),
        path=paths[scm],
    )
