"""What a job is, in typed values, for every later stage to read; its steps are in configs/steps.

Checks, graph, review and rehearsal read the same model, so that they can't disagree about what a
config means. An element of no kind known here stays whole, as `Unknown`: nothing is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from posixpath import relpath

from cfl_jobs.configs.steps.shell import Shell
from cfl_jobs.configs.steps.step import Placed, Step, Unknown
from cfl_jobs.configs.steps.wrappers import BindCredentials, BoundCredential


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
    """ReverseBuildTrigger: this job starts after one of `jobs` whose result meets `condition`."""

    jobs: tuple[str, ...]
    condition: str = "SUCCESS"


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
    wrappers: tuple[Step, ...] = ()
    builders: tuple[Step, ...] = ()
    publishers: tuple[Step, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def is_folder(self) -> bool:
        return self.root.endswith(".Folder")

    @property
    def shells(self) -> tuple[Shell, ...]:
        return tuple(step for step in self.builders if isinstance(step, Shell))

    @property
    def bindings(self) -> tuple[BoundCredential, ...]:
        """Return the credentials that its builds are given."""
        bound = (step for step in self.wrappers if isinstance(step, BindCredentials))
        return tuple(binding for step in bound for binding in step.bindings)

    def permits(self, copier: str) -> bool:
        """Tell whether the copyartifact property lets job `copier` copy from this one.

        An entry is a name relative to the job's folder or, with "/", absolute; `*` stands for
        anything. No job is permitted by itself, not even this one
        (CopyArtifactPermissionProperty.canCopiedBy, copyartifact 722).
        """
        folder = self.name.rpartition("/")[0] or "."
        names = (relpath(copier, folder), f"/{copier}")
        expressions = [
            ".*".join(re.escape(piece) for piece in entry.split("*"))
            for entry in self.copy_permissions or ()
        ]
        return any(re.fullmatch(expression, name) for expression in expressions for name in names)


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
