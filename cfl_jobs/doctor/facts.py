"""What one look at a server told, and what a check says of it: values only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from cfl_jobs.doctor.needs import Needs
from cfl_jobs.target import Listed, name_command
from cfl_jobs.targets.server import Login


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """`is_active` is False where it failed to load, `is_enabled` where someone switched it off."""

    version: str
    is_active: bool = True
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Disk:
    """Free bytes at a path of a node, and the bounds where Jenkins warns and stops using it."""

    path: str
    free: int
    stops_at: int
    warns_at: int


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node. `clock_difference` is in seconds, to the controller's clock; None: not measured.

    One that `is_reserved` takes only jobs that ask for its labels; None: that isn't known.
    """

    name: str
    executors: int
    labels: tuple[str, ...]
    is_offline: bool = False
    is_controller: bool = False
    is_reserved: bool | None = None
    disks: tuple[Disk, ...] = ()
    clock_difference: float | None = None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a server knows from its update centre, and how many days ago it asked; None: never.

    `offered` is the Jenkins that it would update to, "" where it says nothing of one. `warnings`
    are published faults of what it runs: what they say, and the address of the advisory.
    """

    age: float | None
    offered: str = ""
    warnings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """The URL that a repository's host redirects to, "" for none, or why that can't be told."""

    moved_to: str = ""
    untold: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server told of itself. None: it didn't tell, and `untold` says why, by field name.

    `own_url` is the one it believes it has. `clock_difference` is how many seconds its clock is
    ahead of ours. `unreadable` are jobs of ours whose config this user may not read or change.
    `anonymous_reads` tells whether someone who isn't logged in gets a list of jobs. `repositories`
    are what their hosts said, by URL.
    """

    url: str
    version: str
    own_url: str
    uses_security: bool
    uses_crumbs: bool
    is_quieting_down: bool
    login: Login
    jobs: tuple[Listed, ...]
    clock_difference: float | None = None
    is_administrator: bool = True
    may_create: bool = True
    unreadable: tuple[str, ...] = ()
    anonymous_reads: bool = False
    plugins: Mapping[str, InstalledPlugin] | None = None
    credential_ids: tuple[str, ...] | None = None
    nodes: tuple[NodeState, ...] | None = None
    upkeep: Upkeep | None = None
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    untold: Mapping[str, str] = field(default_factory=dict)


class State(Enum):
    """How bad it is; only an ERROR keeps the chain from running."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that a check says, and how to fix it. `jobs` are those that it is about.

    `check` is the check's name, once they are put together.
    """

    state: State
    message: str
    fix: str = ""
    jobs: tuple[str, ...] = ()
    check: str = ""


Check = Callable[[Needs, Facts], Iterator[Diagnosis]]


def ok(message: str) -> Diagnosis:
    return Diagnosis(State.OK, message)


def untold(facts: Facts, field: str) -> Diagnosis:
    """Say that a server didn't tell, and why."""
    return Diagnosis(
        State.WARNING,
        f"can't be told: {facts.untold.get(field, 'the server does not say')}",
        "Ask as a user with Overall/Administer.",
    )


def renew_inventory(facts: Facts) -> str:
    """Return what to do where the jobs are rendered for older versions."""
    inventory, plan = (name_command(verb, facts.url) for verb in ("inventory", "plan"))
    return f"Run `{inventory}` and look at `{plan}`."
