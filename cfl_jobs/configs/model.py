"""What a job is, in typed values, for every later stage to read; its steps are in configs/steps.

Checks, graph, review and rehearsal read the same model, so that they can't disagree about what a
config means. An element of no kind known here stays whole, as `Unknown`: nothing is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from posixpath import relpath
from xml.etree import ElementTree as ET

from cfl_jobs.configs import fields
from cfl_jobs.configs.fields import (
    BUILT_IN_NODE,
    read_flag,
    read_names,
    read_number,
    read_part,
    read_text,
    read_threshold,
)
from cfl_jobs.configs.steps.step import BoundCredential, Placed, Step, Unknown

# Properties that the model has.
DECLARED = "properties/hudson.model.ParametersDefinitionProperty"
PERMITTED = "properties/hudson.plugins.copyartifact.CopyArtifactPermissionProperty"
DISCARDER = "properties/jenkins.model.BuildDiscarderProperty"
MATRIX = "properties/hudson.security.AuthorizationMatrixProperty"
RESOURCES = "properties/org.jenkins.plugins.lockableresources.RequiredResourcesProperty"
GITHUB = "properties/com.coravy.hudson.plugins.github.GithubProjectProperty"
PROPERTIES = (DECLARED, PERMITTED, DISCARDER, MATRIX, RESOURCES, GITHUB)
EXTENSIONS = "extensions/hudson.plugins.git.extensions.impl."


class ParameterKind(Enum):
    STRING = "string"
    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    PASSWORD = "password"  # noqa: S105 - a kind of parameter
    RUN = "run"
    FILE = "file"
    BUILD_SELECTOR = "build selector"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Parameter(Placed):
    """A declared parameter. `default` of a build selector is selector XML, as Jenkins passes it.

    A password's isn't kept, only whether it has one. A parameter of a kind without a type here is
    OTHER, and stands in `Job.unknown` too.
    """

    name: str
    kind: ParameterKind
    default: str = ""
    description: str = fields.text("description")
    choices: tuple[str, ...] = ()
    trim: bool = fields.flag("trim")
    has_password: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class BuildDiscarder:
    """How long builds are kept; -1 is for ever."""

    days_to_keep: int = fields.number("daysToKeep", -1)
    builds_to_keep: int = fields.number("numToKeep", -1)
    artifact_days_to_keep: int = fields.number("artifactDaysToKeep", -1)
    artifact_builds_to_keep: int = fields.number("artifactNumToKeep", -1)


def _read_depth(scm: ET.Element) -> int:
    clones = (it for it in scm.findall(f"{EXTENSIONS}CloneOption") if read_flag(it, "shallow"))
    return next((read_number(clone, "depth") or 1 for clone in clones), 0)


def _read_submodules(scm: ET.Element) -> tuple[str, ...]:
    option = scm.find(f"{EXTENSIONS}SubmoduleOption")
    if option is None or read_text(option, "reference"):
        return ()
    if any(read_flag(option, name) for name in ("disableSubmodules", "trackingSubmodules")):
        return ()
    if read_flag(option, "recursiveSubmodules"):
        return ("--init", "--recursive")
    return ("--init",)


def _read_identity(scm: ET.Element) -> tuple[str, str]:
    # GitSCM.readResolve turns the old fields into the new
    new = f"{EXTENSIONS}UserIdentity"
    name = read_text(scm, f"{new}/name") or read_text(scm, "gitConfigName")
    return name, read_text(scm, f"{new}/email") or read_text(scm, "gitConfigEmail")


@dataclass(frozen=True, slots=True)
class Git(Placed):
    """A git checkout. `branches` may hold parameters, for example "${BRANCH}".

    `refspec` and `credentials_id` are the first remote's. `extensions` are short class names of
    all; what has no field here is in `unknown`, other remotes too. `identity` is the committer's
    name and e-mail. A `depth` above 0 fetches no more commits of each branch than that.
    `submodules` are the options of `git submodule update`, () where that isn't run, or isn't all
    that is asked for.
    """

    urls: tuple[str, ...] = fields.texts("userRemoteConfigs/*/url")
    branches: tuple[str, ...] = fields.texts("branches/*/name")
    refspec: str = fields.text("userRemoteConfigs/*[1]/refspec")
    credentials_id: str = fields.text("userRemoteConfigs/*[1]/credentialsId")
    depth: int = fields.value(_read_depth, 0)
    fetches_tags: bool = fields.flag(f"{EXTENSIONS}CloneOption/noTags", inverse=True)
    submodules: tuple[str, ...] = fields.value(_read_submodules, ())
    extensions: tuple[str, ...] = ()
    directory: str = fields.text(f"{EXTENSIONS}RelativeTargetDirectory/relativeTargetDir")
    identity: tuple[str, str] = fields.value(_read_identity, ("", ""))
    unknown: tuple[Unknown, ...] = ()

    @property
    def clean_before_checkout(self) -> bool:
        return not {"CleanBeforeCheckout", "WipeWorkspace"}.isdisjoint(self.extensions)


class StartKind(Enum):
    """What starts a job's builds other than another job."""

    PUSH = "push"
    POLL = "polling"
    TIMER = "timer"
    HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Trigger(Placed):
    """What starts builds other than another job."""

    kind: StartKind
    spec: str = fields.text("spec")


@dataclass(frozen=True, slots=True)
class UpstreamTrigger(Placed):
    """ReverseBuildTrigger: this job starts after one of `jobs` whose result meets `condition`."""

    jobs: tuple[str, ...] = fields.names("upstreamProjects")
    condition: str = fields.value(read_threshold, "SUCCESS")


def _read_label(root: ET.Element) -> str:
    if read_flag(root, "canRoam"):
        return ""
    # AbstractProject.getAssignedLabel, core 2.568; a pipeline's config says nothing of nodes.
    default = BUILT_IN_NODE if root.find("canRoam") is not None else ""
    return read_text(root, "assignedNode") or default


def _read_copy_permissions(root: ET.Element) -> tuple[str, ...] | None:
    if root.find(PERMITTED) is None:
        return None
    parts = root.iterfind(f"{PERMITTED}/projectNameList/*")
    return tuple(name for part in parts for name in read_names(part.text or ""))


def _read_discarder(root: ET.Element) -> BuildDiscarder | None:
    # Job.getBuildDiscarder: the property wins over the old top-level field
    if root.find(DISCARDER) is not None:
        return read_part(BuildDiscarder, root, f"{DISCARDER}/strategy")
    return read_part(BuildDiscarder, root, "logRotator")


def _read_permissions(root: ET.Element) -> tuple[str, ...]:
    return tuple(sorted(entry.text or "" for entry in root.findall(f"{MATRIX}/permission")))


@dataclass(frozen=True, slots=True)
class Job:
    """What one freestyle job's config says.

    `copy_permissions` is None where the job doesn't restrict who may copy its artifacts.
    `unknown` holds properties, scms, triggers and top-level elements without a type here;
    unknown builders, publishers and wrappers stay in their lists, in order.
    `permissions` are matrix-authorization entries, as in the config, sorted; `inheritance` is the
    short class name of their inheritance strategy. `resources` are names of lockable resources,
    `resources_variable` gets the name of the one locked.
    """

    name: str
    root: str = "project"
    description: str = fields.text("description")
    disabled: bool = fields.flag("disabled")
    concurrent: bool = fields.flag("concurrentBuild")
    quiet_period: int | None = fields.number("quietPeriod")
    node_label: str = fields.value(_read_label, "")
    block_when_upstream: bool = fields.flag("blockBuildWhenUpstreamBuilding")
    block_when_downstream: bool = fields.flag("blockBuildWhenDownstreamBuilding")
    parameters: tuple[Parameter, ...] = ()
    copy_permissions: tuple[str, ...] | None = fields.value(_read_copy_permissions)
    discarder: BuildDiscarder | None = fields.value(_read_discarder)  # noqa: RUF009 - a field
    permissions: tuple[str, ...] = fields.value(_read_permissions, ())
    inheritance: str = fields.value(
        lambda root: fields.class_of(root, f"{MATRIX}/inheritanceStrategy"), ""
    )
    resources: tuple[str, ...] = fields.value(
        lambda root: tuple(read_text(root, f"{RESOURCES}/resourceNames").split()), ()
    )
    resources_variable: str = fields.text(f"{RESOURCES}/resourceNamesVar")
    workspace: str = fields.text("customWorkspace")
    scm: Git | None = None
    triggers: tuple[Trigger | UpstreamTrigger, ...] = ()
    wrappers: tuple[Step, ...] = ()
    builders: tuple[Step, ...] = ()
    publishers: tuple[Step, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def is_folder(self) -> bool:
        return self.root.endswith(".Folder")

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the repositories that it checks out."""
        return self.scm.urls if self.scm else ()

    @property
    def shells(self) -> tuple[Step, ...]:
        """Return the builders that run a script."""
        return tuple(step for step in self.builders if step.script)

    @property
    def bindings(self) -> tuple[BoundCredential, ...]:
        """Return the credentials that its builds are given."""
        return tuple(binding for step in self.wrappers for binding in step.bindings)

    def permits(self, copier: str) -> bool:
        """Tell whether the copyartifact property lets job `copier` copy from this one.

        An entry is a name relative to the job's folder or, with "/", absolute; `*` stands for
        anything. No job is permitted by itself, not even this one
        (CopyArtifactPermissionProperty.canCopiedBy, copyartifact 722).
        """
        folder = self.name.rpartition("/")[0] or "."
        spelt = (relpath(copier, folder), f"/{copier}")
        for entry in self.copy_permissions or ():
            expression = ".*".join(map(re.escape, entry.split("*")))
            if any(re.fullmatch(expression, name) for name in spelt):
                return True
        return False


@dataclass(frozen=True, slots=True)
class View:
    """A list view. `jobs` are job names, sorted."""

    name: str
    jobs: tuple[str, ...] = ()
