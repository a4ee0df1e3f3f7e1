"""Plan: a value that says what is to be done to a target, and why (see planner.py).

Nothing here asks a server: a plan can be shown, kept in a file, reviewed and applied later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, TypeVar

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Position
from cfl_jobs.target import Key, Kind, name_command

# "More than 30 % of at least ten jobs" is more likely a mistake than a wish.
MANY_JOBS = 10
LARGE_SHARE = 0.3


class Owner(Enum):
    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"
    JENKINS = "Jenkins' own"
    ADOPT = "adopt"
    UNKNOWN = "not known"


class Change(Enum):
    """What becomes of a part of the job when the plan is carried out."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between what the server has (`before`) and what we want (`after`).

    `path` is as configxml.element_paths gives it, in the config of the side that has the part.
    `label` are people's words for it. `position` is what made the part. It `follows` where it is
    but the new name of a job that the plan renames.
    """

    path: str
    label: str
    change: Change
    before: str
    after: str
    owner: Owner = Owner.UNKNOWN
    position: Position | None = None
    remark: str = ""
    follows: bool = False


class _Change:
    """What a change is about: `name` is what the job will be called, or was."""

    __slots__ = ()

    @property
    def config(self) -> Config:
        raise NotImplementedError

    @property
    def key(self) -> Key:
        return self.config.key

    @property
    def kind(self) -> Kind:
        return self.config.kind

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def name_there(self) -> str:
        return self.config.name

    @property
    def action(self) -> str:
        """What a plan calls it: create, change, rename, follow, confirm or delete."""
        return type(self).__name__.lower()

    @property
    def verb(self) -> str:
        """What a run calls it: create, update, rename, confirm or delete."""
        return self.action

    def __str__(self) -> str:
        return f"{self.verb} {self.kind.value} {self.name}"


@dataclass(frozen=True, slots=True)
class Create(_Change):
    """A job or view that isn't there; `gone` says what someone did to it on the server."""

    desired: Config
    gone: str = ""

    @property
    def config(self) -> Config:
        return self.desired


@dataclass(frozen=True, slots=True)
class Update(_Change):
    """A job or view that differs. `live` is its config on the target, under the name it has there.

    Without `differences` only the mark is out of date, or was never confirmed: an update sends no
    config then, a rollback puts back the one that was kept.
    `keep_disabled`: someone disabled it on the server, and the definition doesn't say otherwise.
    """

    desired: Config
    live: Config
    differences: tuple[Difference, ...] = ()
    keep_disabled: bool = False
    adopted: bool = False

    @property
    def config(self) -> Config:
        return self.desired

    @property
    def name_there(self) -> str:
        return self.live.name

    @property
    def old_name(self) -> str:
        """The name it has on the target, where it is to be renamed first; "" otherwise."""
        return "" if self.live.name == self.desired.name else self.live.name

    @property
    def name_at_rename(self) -> str:
        """Its full name when its turn to be renamed comes: its folder has its new one by then."""
        folder, slash, _ = self.name.rpartition("/")
        return folder + slash + self.live.name.rpartition("/")[2]

    @property
    def has_rename(self) -> bool:
        """Whether it is to be renamed itself, and not just its folder."""
        return self.name_at_rename != self.name

    @property
    def action(self) -> str:
        if self.old_name:
            return "rename"
        if self.told:
            return "change"
        return "follow" if self.differences else "confirm"

    @property
    def verb(self) -> str:
        if self.has_rename:
            return "rename"
        return "update" if self.differences else "confirm"

    @property
    def found_there(self) -> frozenset[str]:
        """The paths of what differs on the target.

        What is added stands at a place of ours, which may be called as one of theirs.
        """
        return frozenset(d.path for d in self.differences if d.change is not Change.ADDED)

    @property
    def told(self) -> tuple[Difference, ...]:
        """What differs but for new names of jobs that the plan renames."""
        return tuple(found for found in self.differences if not found.follows)


@dataclass(frozen=True, slots=True)
class Delete(_Change):
    """A job or view of ours that no definition asks for any more."""

    live: Config
    builds: int = 0

    @property
    def config(self) -> Config:
        return self.live


PlannedChange: TypeAlias = Create | Update | Delete
_C = TypeVar("_C", bound=PlannedChange)


def turn_of(change: PlannedChange) -> tuple[int, int]:
    """Return what changes sort by: folders before what is in them, jobs before views.

    Deletions come last, inside out.
    """
    depth, is_view = change.name.count("/"), change.kind is Kind.VIEW
    if isinstance(change, Delete):
        return (3 - is_view, -depth)
    return (int(is_view), depth)


def in_order(changes: Iterable[_C]) -> tuple[_C, ...]:
    return tuple(sorted(changes, key=lambda change: (turn_of(change), change.name)))


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

    `undone` are jobs that should be changed but can't be, or need --adopt (a rollback: --force);
    `unadopted` is what that would change. `managed` counts jobs with our mark. `undoes` is the run
    that a rollback puts back, each config as it was kept, mark included; "" for an update.
    `probable_renames` are new jobs much the same as one that no definition asks for any more: what
    would change if their entries had its name as `moved:`.
    """

    target: str
    changes: tuple[PlannedChange, ...] = ()
    unchanged: tuple[Key, ...] = ()
    undone: tuple[Note, ...] = ()
    unadopted: tuple[Update, ...] = ()
    notes: tuple[Note, ...] = ()
    managed: int = 0
    undoes: str = ""
    probable_renames: tuple[Update, ...] = ()

    @property
    def deletions(self) -> tuple[Delete, ...]:
        return tuple(change for change in self.changes if isinstance(change, Delete))

    @property
    def again(self) -> str:
        """The command that makes such a plan of how things are now."""
        verb = "plan --prune" if self.deletions else "plan"
        if self.undoes:
            verb = f"rollback {self.undoes}"
        return name_command(verb, self.target)

    @property
    def builds_to_go(self) -> int:
        return sum(deletion.builds for deletion in self.deletions)


class Status(Enum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change. `message` says what people should know."""

    change: PlannedChange
    status: Status
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of a plan. `problem` says why the run was ended early, "" where it wasn't."""

    outcomes: tuple[Outcome, ...]
    is_interrupted: bool = False
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        done = all(outcome.status is Status.DONE for outcome in self.outcomes)
        return done and not self.problem


_LOSSES = (
    "{} deleted",
    "{} made anew, without builds, instead of renamed",
    "{} replaced that others made or changed",
    "{} of those that deploy changed",
)


def find_loss(plan: Plan, deploys: Collection[str]) -> str:
    """Say what may be lost, where that is too much to be meant; "" otherwise.

    `deploys` are the jobs that deploy whose changes may do harm. Renames without `moved:` count
    once, as what is made anew.
    """
    made_anew = {update.live.key for update in plan.probable_renames}
    told = [each for each in plan.changes if isinstance(each, Update) and each.told]
    edited = {Owner.THEIRS, Owner.BOTH}
    replaced = [each.adopted or any(d.owner in edited for d in each.told) for each in told]
    harmful = sum(
        each.name in deploys for each, is_it in zip(told, replaced, strict=True) if not is_it
    )
    deleted = sum(deletion.key not in made_anew for deletion in plan.deletions)
    counts = (deleted, len(made_anew), sum(replaced), harmful)
    if plan.managed < MANY_JOBS or sum(counts) <= LARGE_SHARE * plan.managed:
        return ""
    parts = [words.format(many) for words, many in zip(_LOSSES, counts, strict=True) if many]
    return (
        f"much may be lost at once: {', '.join(parts)}; together {sum(counts)} of the "
        f"{plan.managed} jobs and views of ours on {plan.target}, more than {LARGE_SHARE:.0%}"
    )
