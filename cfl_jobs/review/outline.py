"""Plan → what is told of it, in order: each change once, with all jobs that make it.

What a server or a revision holds is made visible here, for any format; secrets are out before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cfl_jobs.check.report import count
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.describing import Alike, describe, group_alike, is_long, label_of, show_diff
from cfl_jobs.planning.differences import compare
from cfl_jobs.planning.plan import (
    Change,
    Create,
    Delete,
    Difference,
    Note,
    Owner,
    Plan,
    PlannedChange,
    Update,
)
from cfl_jobs.planning.visible import make_line_visible
from cfl_jobs.target import Kind

ACTIONS = ("create", "change", "rename", "confirm", "delete")
_OWNERS = {
    Owner.OURS: "ours",
    Owner.THEIRS: "theirs: changed on the server, will be put back",
    Owner.BOTH: "both: changed here and on the server",
    Owner.ADOPT: "adopt: not ours so far",
    Owner.UNKNOWN: "",
    Owner.JENKINS: "Jenkins dropped it at the last update: is its plugin there?",
}
# What Jenkins always writes and nobody asks for: not worth a line of a job that is made or goes.
_PLAIN = frozenset({"run on any node"})
_LONG = 100
_SHOWN_NOTE = 300  # characters
_HINT = "; -v shows them"
_SHOWN_WHOLE = 40  # lines of one part of a job that is made or goes


@dataclass(frozen=True, slots=True)
class Part:
    """One part of some jobs that changes. `about` says whose it is and which place makes it.

    `lines` show how it changes: "- old", "+ new", "  as before", "  …".
    """

    label: str
    about: str
    lines: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes of some jobs alike: a `line` for each of them, the parts that change in all.

    `action` is one of ACTIONS, "left alone", "note" or "unchanged"; `about` is what else is to be
    said.
    """

    action: str
    kind: Kind
    names: tuple[str, ...]
    lines: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    about: str = ""

    @property
    def title(self) -> str:
        """Return "change job A" or "change 3 jobs: A, B, C"."""
        if len(self.lines) == 1:
            return self.lines[0]
        names = ", ".join(map(make_line_visible, self.names))
        return f"{self.action} {count(len(self.names), self.kind.value)}: {names}"


def list_entries(
    plan: Plan, *, of_revisions: bool = False, verbose: bool = False, most: int | None = None
) -> Iterator[Entry]:
    """Yield what is told of a plan; of one difference `most` lines.

    One `of_revisions` is of no server: every difference is ours, deletions wait for --prune, and
    of a job that is made or goes all that it has is told. `verbose`: with Jenkins' own.
    """
    for change in plan.changes:
        if isinstance(change, Create):
            place = change.desired.definition
            about = make_line_visible(str(place)) if place.file else ""
            yield _entry(change, _whole_parts(change, most) if of_revisions else (), about)
    updates = [change for change in plan.changes if isinstance(change, Update)]
    for update in updates:
        if update.old_name or not update.differences:
            yield _entry(update)
    for alike, some in _group(updates):
        lines = tuple(headline(update, is_changed=True) for update in some)
        owners = {} if of_revisions else _OWNERS
        hint = "" if of_revisions else _HINT
        parts = tuple(_part(found, most, owners, hint) for found in alike.changes)
        yield Entry("change", some[0].kind, _names(some), lines, parts)
    for change in plan.deletions:
        about = "update deletes it with --prune only" if of_revisions else ""
        yield _entry(change, _whole_parts(change, most) if of_revisions else (), about)
    yield from _undone(plan, most)
    for note in plan.notes:
        if verbose or not note.quiet:
            yield _note("note", note)
    for kind, name in plan.unchanged if verbose else ():
        yield _note("unchanged", Note(kind, name, "is as it should be"))


def headline(change: PlannedChange, *, is_changed: bool = False) -> str:
    """Return one line that says what becomes of a job; `is_changed`: and not how it is renamed."""
    kind, name = change.kind.value, make_line_visible(change.name)
    if isinstance(change, Delete):
        builds = f" and its {count(change.builds, 'build')}" if change.builds else ""
        return f"delete {kind} {name}{builds}"
    if isinstance(change, Create):
        return f"create {kind} {name}"
    if change.old_name and not is_changed:
        return f"rename {kind} {make_line_visible(change.old_name)} to {name}"
    if not change.differences and not change.adopted:
        return f"confirm {kind} {name}: it is as it should be, its mark isn't up to date"
    return f"{'adopt' if change.adopted else 'change'} {kind} {name}"


def action_of(change: PlannedChange) -> str:
    """Return which of ACTIONS a change is."""
    if isinstance(change, Update):
        changed = "change" if change.differences else "confirm"
        return "rename" if change.old_name else changed
    return "create" if isinstance(change, Create) else "delete"


def count_actions(plan: Plan) -> list[str]:
    """Return, for example, ["1 to create", "10 to change"]."""
    counts = Counter(map(action_of, plan.changes))
    return [f"{counts[action]} to {action}" for action in ACTIONS if counts[action]]


def summarise(plan: Plan) -> str:
    """Return one line: "Plan for build/demo: 3 to create, 1 to change, 12 as they should be."""
    parts = count_actions(plan)
    if plan.undone:
        parts.append(f"{len(plan.undone)} left alone")
    if plan.unchanged:
        parts.append(f"{len(plan.unchanged)} as they should be")
    return f"Plan for {make_line_visible(plan.target)}: {', '.join(parts) or 'nothing is defined'}."


def say_note(note: Note) -> str:
    """Return a note as one line of visible text."""
    text = make_line_visible(f"{note.name} {note.text}")
    return f"{note.kind.value} {text if len(text) <= _SHOWN_NOTE else f'{text[:_SHOWN_NOTE]}…'}"


def differences_of(change: PlannedChange, *, whole: bool = False) -> tuple[Difference, ...]:
    """Return what differs; `whole`: all that a job has that is made, or had that goes."""
    if isinstance(change, Update):
        return change.differences
    return _whole(change) if whole else ()


def _whole(change: Create | Delete) -> tuple[Difference, ...]:
    is_new = isinstance(change, Create)
    config = change.desired if isinstance(change, Create) else change.live
    there, nothing = config.normal, Normal(config.normal.tag, config.normal.attributes)
    return tuple(
        describe(raw, Owner.UNKNOWN, config.place_of(raw.path) if is_new else None)
        for raw in (compare(there, nothing) if is_new else compare(nothing, there))
        if raw.label not in _PLAIN
    )


def _whole_parts(change: Create | Delete, most: int | None) -> tuple[Part, ...]:
    most = most and min(most, _SHOWN_WHOLE)
    return tuple(_part((found,), most, {}, is_whole=True) for found in _whole(change))


def _group(updates: Sequence[Update]) -> Iterator[tuple[Alike, tuple[Update, ...]]]:
    """Yield changes that the same updates make, with these, those of most jobs first."""
    groups: list[tuple[Alike, tuple[Update, ...]]] = []
    for kind in Kind:
        some = [update for update in updates if update.kind is kind]
        for alike in group_alike([update.differences for update in some]):
            groups.append((alike, tuple(some[number] for number in alike.jobs)))
    yield from sorted(groups, key=lambda group: -len(group[1]))


def _undone(plan: Plan, most: int | None) -> Iterator[Entry]:
    """Yield what is left alone and why, with what --adopt would change."""
    reasons = {(note.kind, note.name): note for note in plan.undone}
    for alike, some in _group(plan.unadopted):
        lines = []
        for update in some:
            again = Note(*update.live.key, "as above")
            lines.append(say_note(reasons.pop(update.live.key, again)))
        parts = tuple(_part(found, most, hint=_HINT) for found in alike.changes)
        yield Entry("left alone", some[0].kind, _names(some), tuple(lines), parts)
    for note in reasons.values():
        yield _note("left alone", note)


def _entry(change: PlannedChange, parts: tuple[Part, ...] = (), about: str = "") -> Entry:
    names = _names((change,))
    return Entry(action_of(change), change.kind, names, (headline(change),), parts, about)


def _note(action: str, note: Note) -> Entry:
    return Entry(action, note.kind, (note.name,), (say_note(note),))


def _names(changes: Sequence[PlannedChange]) -> tuple[str, ...]:
    return tuple(change.name for change in changes)


def _part(
    found: Sequence[Difference],
    most: int | None,
    owners: Mapping[Owner, str] = _OWNERS,
    hint: str = "",
    *,
    is_whole: bool = False,
) -> Part:
    """Return what people see of a difference that some jobs have."""
    first = found[0]
    places = list(dict.fromkeys(str(each.position) for each in found if each.position))
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    words = [owners.get(first.owner, ""), first.remark, "".join(places[:1]) + more]
    lines = tuple(_show(first, is_whole=is_whole))
    if most is not None and len(lines) > most:
        more = f"  … and {count(len(lines) - most, 'more line')}{hint}"
        lines = (*lines[:most], more)
    about = make_line_visible("; ".join(filter(None, words)))
    return Part(make_line_visible(label_of(found)), about, lines)


def _show(found: Difference, *, is_whole: bool) -> Iterator[str]:
    # A whole step's script is told as it stands.
    before, after = (text.removeprefix("command: ") for text in (found.before, found.after))
    is_added, is_removed = (found.change is change for change in (Change.ADDED, Change.REMOVED))
    if found.change is Change.MOVED:
        yield "  moved to another place in its list"
    elif (
        is_whole
        or is_long(found)
        or len(before) + len(after) > _LONG
        or (before and after and before != after)
    ):
        yield from show_diff(before, after)
    else:
        old, new = make_line_visible(before), make_line_visible(after)
        empty = "there" if is_added or is_removed else "(empty)"
        yield f"- {'not there' if is_added else old or empty}"
        yield f"+ {'not there' if is_removed else new or empty}"
