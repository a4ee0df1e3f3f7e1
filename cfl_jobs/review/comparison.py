"""Two renderings → what changes on the server, job by job, and those that change alike together.

A change is told in the plan's terms, as an update would make it on a server that has the first
rendering and that nobody edited. Secrets are out of everything that is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from cfl_jobs.check.secret_text import hide_secrets
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.errors import Position
from cfl_jobs.planning.alike import group_alike, is_long
from cfl_jobs.planning.differences import Change, Difference, Raw, Side, compare, describe
from cfl_jobs.planning.linediff import diff_lines
from cfl_jobs.planning.places import place_of
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.target import Kind

# What Jenkins always writes and nobody asks for: not worth a line of a job that is made or goes.
_PLAIN = frozenset({"run on any node"})


class Action(Enum):
    """What becomes of a job or view as a whole."""

    CREATE = "create"
    CHANGE = "change"
    RENAME = "rename"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a job that changes. `lines` show how: "- old", "+ new", "  as before", "  …".

    `position` is the place that makes the part, where it is made.
    """

    label: str
    change: Change
    lines: tuple[str, ...]
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class JobChange:
    """What becomes of one job or view. `position` is its definition, None for one that goes.

    `old_name` is what a renamed one was called. A new one's parts are all that it has, and one's
    that goes are all that it had.
    """

    kind: Kind
    name: str
    action: Action
    parts: tuple[Part, ...] = ()
    position: Position | None = None
    old_name: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that change alike in these jobs. Where something beside them differs from job to job,
    the first's is shown."""

    changes: tuple[JobChange, ...]
    parts: tuple[Part, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(change.name for change in self.changes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`changes` are in the order of the definitions, what goes last. `groups` hold the parts of
    all that is there before and after, most jobs first."""

    changes: tuple[JobChange, ...] = ()
    groups: tuple[Group, ...] = ()

    def having(self, *actions: Action) -> tuple[JobChange, ...]:
        return tuple(change for change in self.changes if change.action in actions)


def compare_renders(before: Iterable[Config], after: Iterable[Config]) -> Comparison:
    """Compare two renderings of a project."""
    old = {(job.kind, job.name): job for job in before}
    changes: list[JobChange] = []
    shared: list[tuple[JobChange, tuple[Difference, ...]]] = []
    for job in after:
        was = old.pop((job.kind, job.name), None)
        if was is None:
            earlier = next((name for name in job.moved_from if (job.kind, name) in old), "")
            was = old.pop((job.kind, earlier), None)
        if was is None:
            changes.append(_created(job))
            continue
        found = tuple(_differences(was, job))
        if not found and was.name == job.name:
            continue
        action = Action.CHANGE if was.name == job.name else Action.RENAME
        old_name = "" if was.name == job.name else was.name
        parts = tuple(show(difference) for difference in found)
        change = JobChange(job.kind, job.name, action, parts, job.definition, old_name)
        changes.append(change)
        shared.append((change, found))
    changes += [_deleted(job) for job in old.values()]
    return Comparison(tuple(changes), _group(shared))


def show(difference: Difference) -> Part:
    """Return what people see of a difference."""
    if difference.change is Change.MOVED:
        lines: Iterable[str] = ("  moved to another place in its list",)
    elif is_long(difference):
        lines = diff_lines(difference.before, difference.after)
    else:
        before = [f"- {difference.before}"] if difference.before else []
        lines = [*before, *([f"+ {difference.after}"] if difference.after else [])]
    shown = tuple(make_visible(hide_secrets(line)) for line in lines)
    label = make_visible(difference.label)
    return Part(label, difference.change, shown, difference.position)


def _group(shared: Sequence[tuple[JobChange, tuple[Difference, ...]]]) -> tuple[Group, ...]:
    groups: list[Group] = []
    for kind in Kind:
        of_kind = [(change, found) for change, found in shared if change.kind is kind]
        for alike in group_alike([found for _, found in of_kind]):
            changes = tuple(of_kind[number][0] for number in alike.jobs)
            groups.append(Group(changes, tuple(show(change[0]) for change in alike.changes)))
    return tuple(sorted(groups, key=lambda group: -len(group.changes)))


def _describe(raw: Raw, place: Position | None) -> Difference:
    """Put a difference into words; a whole step's script is told as it stands."""
    found = describe(raw, Side.OURS, place)
    before, after = (text.removeprefix("command: ") for text in (found.before, found.after))
    return replace(found, before=before, after=after)


def _differences(before: Config, after: Config) -> Iterator[Difference]:
    wanted, live = after.normal, before.normal
    for raw in compare(wanted, live):
        yield _describe(raw, place_of(after, raw))
    was, now = before.disabled, after.disabled
    if was != now:
        place = after.place_of("disabled")
        words = ("true", "false") if was else ("false", "true")
        yield Difference("disabled", "disabled", Change.CHANGED, *words, Side.OURS, place)
    if wanted == live and _secrets(wanted) != _secrets(live):
        shown = (SECRET, f"{SECRET} (another)")
        yield Difference("", "a password", Change.CHANGED, *shown, Side.OURS, after.definition)


def _created(job: Config) -> JobChange:
    wanted = job.normal
    nothing = Normal(wanted.tag, wanted.attributes)
    found = [
        show(_describe(raw, job.place_of(raw.place.path)))
        for raw in compare(wanted, nothing)
        if raw.label not in _PLAIN
    ]
    return JobChange(job.kind, job.name, Action.CREATE, tuple(found), job.definition)


def _deleted(job: Config) -> JobChange:
    live = job.normal
    nothing = Normal(live.tag, live.attributes)
    found = [
        show(_describe(raw, None)) for raw in compare(nothing, live) if raw.label not in _PLAIN
    ]
    return JobChange(job.kind, job.name, Action.DELETE, tuple(found))


def _secrets(normal: Normal) -> tuple[tuple[str, ...], ...]:
    return tuple(element.secrets for element in normal.walk() if element.secrets)
