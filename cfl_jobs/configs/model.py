"""Config XML → model: what a job does, in typed values, for every later stage to read.

Checks, graph, review and rehearsal read the same model, so that they can't disagree about what a
config means. An element that this module doesn't know stays whole, as `Unknown`: nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A part of a config. `path` is its element's, as configxml.element_paths gives it."""

    path: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unknown(Placed):
    """An element of config XML that has no type here. `section` is its parent's tag.

    Two are equal where tag and section are; cfl_jobs.configs.normalform compares what they hold.
    """

    section: str
    tag: str
    element: ET.Element = field(compare=False, repr=False)


class ParameterKind(Enum):
    STRING = "string"
    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    PASSWORD = "password"  # noqa: S105 - a kind of parameter
    BUILD_SELECTOR = "build selector"
    RUN = "run"
    FILE = "file"
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
    description: str = ""
    choices: tuple[str, ...] = ()
    trim: bool = False
    has_password: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class BuildDiscarder:
    """How long builds are kept; -1 is for ever."""

    days_to_keep: int = -1
    builds_to_keep: int = -1
    artifact_days_to_keep: int = -1
    artifact_builds_to_keep: int = -1


@dataclass(frozen=True, slots=True)
class Git(Placed):
    """A git checkout. `branches` may hold parameters, for example "${BRANCH}".

    `refspec` and `credentials_id` are the first remote's. `extensions` are short class names of
    all; what has no field here is in `unknown`, other remotes too. `identity` is the committer's
    name and e-mail.
    """

    urls: tuple[str, ...]
    branches: tuple[str, ...]
    refspec: str = ""
    credentials_id: str = ""
    clean_before_checkout: bool = False
    extensions: tuple[str, ...] = ()
    directory: str = ""
    local_branch: str = ""
    identity: tuple[str, str] = ("", "")
    unknown: tuple[Unknown, ...] = ()


class TriggerKind(Enum):
    GITHUB_PUSH = "push to GitHub"
    POLL = "polling"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Trigger(Placed):
    """`ignore_hooks` is polling's "ignore post-commit hooks"."""

    kind: TriggerKind
    spec: str = ""
    ignore_hooks: bool = False


@dataclass(frozen=True, slots=True)
class UpstreamTrigger(Placed):
    """ReverseBuildTrigger: this job starts after one of `jobs`."""

    jobs: tuple[str, ...]
    threshold: str = "SUCCESS"


@dataclass(frozen=True, slots=True)
class Shell(Placed):
    """A shell step. `script` as in the config; without a #! line Jenkins runs /bin/sh -xe.

    An exit code equal to `unstable_return` makes the build unstable.
    """

    script: str
    unstable_return: int | None = None


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
class CopyArtifact(Placed):
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
class PredefinedParameters(Placed):
    """NAME=value lines, variables not yet expanded."""

    properties: str


@dataclass(frozen=True, slots=True)
class FileParameters(Placed):
    """Parameters from files in the workspace, comma separated patterns."""

    files: str
    fail_on_missing: bool = False


@dataclass(frozen=True, slots=True)
class CurrentParameters(Placed):
    """All parameters of the running build."""


@dataclass(frozen=True, slots=True)
class BooleanParameters(Placed):
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
class TriggerBuilds(Placed):
    """Parameterized Trigger, as a step (`blocking` may be set) or as a publisher (`condition`)."""

    projects: tuple[str, ...]
    parameters: tuple[TriggerParameters, ...] = ()
    condition: str = "SUCCESS"
    trigger_without_parameters: bool = False
    blocking: BlockingThresholds | None = None


@dataclass(frozen=True, slots=True)
class BuildOther(Placed):
    """hudson.tasks.BuildTrigger: "Build other projects"."""

    projects: tuple[str, ...]
    threshold: str = "SUCCESS"


@dataclass(frozen=True, slots=True)
class ArchiveArtifacts(Placed):
    patterns: str
    excludes: str = ""
    allow_empty: bool = False
    only_if_successful: bool = False
    fingerprint: bool = False
    default_excludes: bool = True
    case_sensitive: bool = True
    follow_symlinks: bool = True


@dataclass(frozen=True, slots=True)
class JUnitResults(Placed):
    pattern: str
    allow_empty: bool = False
    mark_unstable: bool = True


@dataclass(frozen=True, slots=True)
class Mail(Placed):
    recipients: str
    send_to_individuals: bool = False
    every_unstable: bool = True


@dataclass(frozen=True, slots=True)
class SetDescription(Placed):
    """description-setter: `regexp` is matched on the log, `description` may use its groups."""

    regexp: str
    description: str
    regexp_for_failed: str = ""
    description_for_failed: str = ""


@dataclass(frozen=True, slots=True)
class CleanAfter(Placed):
    """ws-cleanup as a publisher: after builds of these results, names as in Jenkins' Result."""

    results: tuple[str, ...] = ("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED")
    patterns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Timestamps(Placed):
    pass


@dataclass(frozen=True, slots=True)
class CleanBefore(Placed):
    """ws-cleanup as a wrapper: the workspace is emptied before the checkout.

    With `patterns`, ("INCLUDE" or "EXCLUDE", pattern), only what they match goes; with a
    `parameter` only where that is true.
    """

    patterns: tuple[tuple[str, str], ...] = ()
    delete_directories: bool = False
    parameter: str = ""


class TimeoutKind(Enum):
    ABSOLUTE = "absolute"
    NO_ACTIVITY = "no activity"


@dataclass(frozen=True, slots=True)
class TimeLimit(Placed):
    """build-timeout. `actions` are the operations' short class names, e.g. "FailOperation"."""

    kind: TimeoutKind
    seconds: int
    actions: tuple[str, ...]
    variable: str = ""


@dataclass(frozen=True, slots=True)
class BuildName(Placed):
    template: str
    description: str = ""
    at_start: bool = True
    at_end: bool = True


@dataclass(frozen=True, slots=True)
class AnsiColor(Placed):
    color_map: str = "xterm"


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
class BindCredentials(Placed):
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
Wrapper: TypeAlias = (
    Timestamps | CleanBefore | TimeLimit | BuildName | BindCredentials | AnsiColor | Unknown
)


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
    inheritance: str = ""
    resources: tuple[str, ...] = ()
    resources_variable: str = ""
    project_url: str = ""
    workspace: str = ""
    scm: Git | None = None
    triggers: tuple[Trigger | UpstreamTrigger, ...] = ()
    wrappers: tuple[Wrapper, ...] = ()
    builders: tuple[Builder, ...] = ()
    publishers: tuple[Publisher, ...] = ()
    unknown: tuple[Unknown, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A list view. `jobs` are job names, sorted; `include_regex` adds more."""

    name: str
    description: str = ""
    jobs: tuple[str, ...] = ()
    include_regex: str = ""
    recurse: bool = False
    columns: tuple[str, ...] = ()
    unknown: tuple[Unknown, ...] = ()
