"""Plan: a value that says what is to be done to a target, and why (see planner.py).

Nothing here asks a server: a plan can be shown, kept in a file, reviewed and applied later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cfl_jobs.errors import Position, UnsafePlan
from cfl_jobs.planning.differences import Difference
from cfl_jobs.planning.observe import Key
from cfl_jobs.target import Kind

# "More than 30 % of at least ten jobs" is more likely a mistake than a wish.
MANY_JOBS = 10
LARGE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Create:
    """A job or view that isn't there. `config` is as rendered, without a mark.

    `own` are the paths of what in it nobody asked for.
    """

    kind: Kind
    name: str
    config: str
    position: Position
    project: str = ""
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Update:
    """A job or view that differs. `before` is its config on the target.

    Without `differences` only the mark is out of date, or was never confirmed: no config is sent.
    `keep_disabled`: someone disabled it on the server, and the definition doesn't say otherwise.
    `old_name` is the name it has on the target, where it is to be renamed first.
    """

    kind: Kind
    name: str
    config: str
    position: Position
    before: str
    differences: tuple[Difference, ...] = ()
    keep_disabled: bool = False
    adopted: bool = False
    old_name: str = ""
    project: str = ""
    own: frozenset[str] = frozenset()

    @property
    def name_there(self) -> str:
        return self.old_name or self.name


@dataclass(frozen=True, slots=True)
class Delete:
    """A job or view of ours that no definition asks for any more."""

    kind: Kind
    name: str
    before: str
    builds: int = 0

    @property
    def name_there(self) -> str:
        return self.name


PlannedChange: TypeAlias = Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Note:
    """Something that people should know and that changes nothing. `quiet`: only on request."""

    kind: Kind
    name: str
    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to one target, in order; what is left alone; what is left undone.

    `undone` are jobs that should be changed but can't be, or need --adopt; `unadopted` is what that
    would change. `managed` counts jobs with our mark.
    """

    target: str
    changes: tuple[PlannedChange, ...] = ()
    unchanged: tuple[Key, ...] = ()
    undone: tuple[Note, ...] = ()
    unadopted: tuple[Update, ...] = ()
    notes: tuple[Note, ...] = ()
    managed: int = 0

    @property
    def deletions(self) -> tuple[Delete, ...]:
        return tuple(change for change in self.changes if isinstance(change, Delete))

    @property
    def builds_to_go(self) -> int:
        return sum(deletion.builds for deletion in self.deletions)


def check_safety(plan: Plan, *, force: bool) -> None:
    """Raise UnsafePlan where too many of the jobs there are would change or go."""
    touched = [
        change
        for change in plan.changes
        if isinstance(change, Delete)
        or (isinstance(change, Update) and (change.differences or change.old_name))
    ]
    share = len(touched) / plan.managed if plan.managed else 0.0
    if force or plan.managed < MANY_JOBS or share <= LARGE_SHARE:
        return
    raise UnsafePlan(
        f"this would change or delete {len(touched)} of the {plan.managed} jobs and views of ours "
        f"on {plan.target}, more than {LARGE_SHARE:.0%}",
        advice="If that is what you want, run it again with --force.",
    )
