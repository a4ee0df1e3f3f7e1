"""Config XML → model: what a job does, in typed values, for every later stage to read.

Checks, graph, review and rehearsal read the same model, so that they can't disagree about what a
config means. An element that this module doesn't know stays whole, as `Unknown`: nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class Unknown:
    """An element of config XML that has no type here. `section` is its parent's tag."""

    section: str
    element: ET.Element = field(compare=False)

    @property
    def tag(self) -> str:
        return self.element.tag


class ParameterKind(Enum):
    STRING = "string"
    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    PASSWORD = "password"  # noqa: S105 - a kind of parameter
    BUILD_SELECTOR = "build selector"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter. `default` of a build selector is selector XML, as Jenkins passes it."""

    name: str
    kind: ParameterKind
    default: str = ""
    description: str = ""
    choices: tuple[str, ...] = ()
    trim: bool = False


@dataclass(frozen=True, slots=True)
class BuildDiscarder:
    """How long builds are kept; -1 is for ever."""

    days_to_keep: int = -1
    builds_to_keep: int = -1
    artifact_days_to_keep: int = -1
    artifact_builds_to_keep: int = -1


@dataclass(frozen=True, slots=True)
class Git:
    """A git checkout. `branches` may hold parameters, for example "${BRANCH}"."""

    urls: tuple[str, ...]
    branches: tuple[str, ...]
    refspec: str = ""
    credentials_id: str = ""
    clean_before_checkout: bool = False
    extensions: tuple[str, ...] = ()


class TriggerKind(Enum):
    GITHUB_PUSH = "push to GitHub"
    POLL = "polling"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Trigger:
    kind: TriggerKind
    spec: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamTrigger:
    """ReverseBuildTrigger: this job starts after one of `jobs`."""

    jobs: tuple[str, ...]
    threshold: str = "SUCCESS"


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell step. `script` as in the config; without a #! line Jenkins runs /bin/sh -xe."""

    script: str


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


@dataclass(frozen=True, slots=True)
class BuildSelector:
    """`argument` is the build number, parameter name or permalink the kind needs, else ""."""

    kind: Selector
    argument: str = ""
    stable_only: bool = False
    fall_back_to_last_successful: bool = False


@dataclass(frozen=True, slots=True)
class CopyArtifact:
    project: str
    selector: BuildSelector
    filter: str = ""
    excludes: str = ""
    target: str = ""
    parameter_filter: str = ""
    flatten: bool = False
    optional: bool = False
    fingerprint: bool = True
    variable_suffix: str = ""


@dataclass(frozen=True, slots=True)
class PredefinedParameters:
    """NAME=value lines, variables not yet expanded."""

    properties: str


@dataclass(frozen=True, slots=True)
class FileParameters:
    """Parameters from files in the workspace, comma separated patterns."""

    files: str
    fail_on_missing: bool = False


@dataclass(frozen=True, slots=True)
class CurrentParameters:
    """All parameters of the running build."""


@dataclass(frozen=True, slots=True)
class BooleanParameters:
    """Parameterized Trigger's BooleanParameters."""

    values: tuple[tuple[str, bool], ...]


TriggerParameters: TypeAlias = (
    PredefinedParameters | FileParameters | CurrentParameters | BooleanParameters | Unknown
)


@dataclass(frozen=True, slots=True)
class BlockingThresholds:
    """Results at which a blocking trigger step changes the caller; "" for never."""

    fail_step: str = ""
    mark_unstable: str = ""
    mark_failed: str = ""


@dataclass(frozen=True, slots=True)
class TriggerBuilds:
    """Parameterized Trigger, as a step (`blocking` may be set) or as a publisher (`condition`)."""

    projects: tuple[str, ...]
    parameters: tuple[TriggerParameters, ...] = ()
    condition: str = "SUCCESS"
    trigger_without_parameters: bool = False
    blocking: BlockingThresholds | None = None


@dataclass(frozen=True, slots=True)
class BuildOther:
    """hudson.tasks.BuildTrigger: "Build other projects"."""

    projects: tuple[str, ...]
    threshold: str = "SUCCESS"


@dataclass(frozen=True, slots=True)
class ArchiveArtifacts:
    patterns: str
    excludes: str = ""
    allow_empty: bool = False
    only_if_successful: bool = False
    fingerprint: bool = False
    default_excludes: bool = True
    case_sensitive: bool = True
    follow_symlinks: bool = True


@dataclass(frozen=True, slots=True)
class JUnitResults:
    pattern: str
    allow_empty: bool = False
    mark_unstable: bool = True


@dataclass(frozen=True, slots=True)
class Mail:
    recipients: str
    send_to_individuals: bool = False


@dataclass(frozen=True, slots=True)
class SetDescription:
    """description-setter: `regexp` is matched on the log, `description` may use its groups."""

    regexp: str
    description: str
    regexp_for_failed: str = ""
    description_for_failed: str = ""


@dataclass(frozen=True, slots=True)
class CleanAfter:
    """ws-cleanup as a publisher."""


@dataclass(frozen=True, slots=True)
class Timestamps:
    pass


@dataclass(frozen=True, slots=True)
class CleanBefore:
    """ws-cleanup as a wrapper: the workspace is emptied before the checkout."""


class TimeoutKind(Enum):
    ABSOLUTE = "absolute"
    NO_ACTIVITY = "no activity"


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """build-timeout. `actions` are the operations' short class names, e.g. "FailOperation"."""

    kind: TimeoutKind
    seconds: int
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildName:
    template: str


@dataclass(frozen=True, slots=True)
class BoundCredential:
    """One binding. `variables` are the environment variables it sets; `kind` its short class."""

    credentials_id: str
    kind: str
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BindCredentials:
    bindings: tuple[BoundCredential, ...]


Builder: TypeAlias = Shell | CopyArtifact | TriggerBuilds | Unknown
Publisher: TypeAlias = (
    ArchiveArtifacts
    | JUnitResults
    | TriggerBuilds
    | BuildOther
    | Mail
    | SetDescription
    | CleanAfter
    | Unknown
)
Wrapper: TypeAlias = Timestamps | CleanBefore | TimeLimit | BuildName | BindCredentials | Unknown


@dataclass(frozen=True, slots=True)
class Job:
    """What one freestyle job's config says.

    `copy_permissions` is None where the job doesn't restrict who may copy its artifacts.
    `unknown` holds properties, scms, triggers and top-level elements without a type here;
    unknown builders, publishers and wrappers stay in their lists, in order.
    `required_permissions` are matrix-authorization entries, as in the config.
    """

    name: str
    root: str = "project"
    description: str = ""
    display_name: str = ""
    disabled: bool = False
    concurrent: bool = False
    quiet_period: int | None = None
    node_label: str = ""
    block_when_upstream: bool = False
    block_when_downstream: bool = False
    parameters: tuple[Parameter, ...] = ()
    copy_permissions: tuple[str, ...] | None = None
    discarder: BuildDiscarder | None = None
    permissions: tuple[str, ...] = ()
    scm: Git | None = None
    triggers: tuple[Trigger | UpstreamTrigger, ...] = ()
    wrappers: tuple[Wrapper, ...] = ()
    builders: tuple[Builder, ...] = ()
    publishers: tuple[Publisher, ...] = ()
    unknown: tuple[Unknown, ...] = ()
