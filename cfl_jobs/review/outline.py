"""Plan → what is told of it, in order: each change once, with all jobs that make it.

What a server or a revision holds is made visible here, for any format; secrets are out before.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.errors import count, some
from cfl_jobs.planning.describing import (
    Grouping,
    describe,
    group_differences,
    is_long,
    is_never_cut,
    label_of,
    show_diff,
)
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
    turn_of,
)
from cfl_jobs.planning.visible import make_line_visible
from cfl_jobs.review.review import Review, Weight
from cfl_jobs.target import Kind

ACTIONS = ("create", "change", "rename", "follow", "confirm", "delete")
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
_SHOWN = 6  # names in one line
# What YAML takes for a name, and not for something else, without quotes.
_PLAIN_NAME = re.compile(r"(?!(?i:true|false|yes|no|on|off|null)$)[A-Za-z][\w /.()-]*[\w)]")
_SHOWN_NOTE = 300  # characters
_MISSING = {Change.ADDED: ("not there", "there"), Change.REMOVED: ("there", "not there")}
_SHOWN_WHOLE = 40  # lines of one part of a job that is made or goes


@dataclass(frozen=True, slots=True)
class Part:
    """One part of some jobs that changes. `about` says whose it is and which place makes it.

    `lines` show how it changes: "- old", "+ new", "  as before", "  …", which `is_whole` if nothing
    of them may be cut. `weight` is how much harm that could do, None where it wasn't weighed.
    """

    label: str
    about: str
    lines: tuple[str, ...]
    weight: Weight | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes of some jobs alike: a `line` for each of them, the parts that change in all.

    `action` is one of ACTIONS, "left alone", "note" or "unchanged"; `about` is what else is to be
    said. `own_weight` is that of a job which is made or goes.
    """

    action: str
    kind: Kind
    names: tuple[str, ...]
    lines: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    about: str = ""
    own_weight: Weight = Weight.LOW

    @property
    def title(self) -> str:
        """Return "change job A" or "change 3 jobs: A, B, C"."""
        if len(self.lines) == 1:
            return self.lines[0]
        names = ", ".join(map(make_line_visible, self.names))
        return f"{self.action} {count(len(self.names), self.kind.value)}: {names}"

    @property
    def weight(self) -> Weight:
        """The heaviest part's, or that of a job as a whole that is made or goes."""
        return max([self.own_weight, *(part.weight or Weight.LOW for part in self.parts)])

    def is_open(self, most: int) -> bool:
        """Tell whether all of it is to be seen at once: what weighs most, and what is short."""
        size = sum(len(part.lines) for part in self.parts)
        return self.weight is Weight.HIGH or size <= most


def list_entries(
    review: Review, *, verbose: bool = False, most: int | None = None
) -> Iterator[Entry]:
    """Yield what is told of a plan, of changes the heaviest first, then in the chain's order.

    Of one difference `most` lines. A plan of revisions is of no server: every difference is ours,
    deletions wait for --prune, and of a job that is made or goes all that it has is told.
    `verbose`: with Jenkins' own.
    """
    plan, nodes = review.plan, review.chain.nodes if review.chain else ()
    places = {node.name: place for place, node in enumerate(nodes)}
    changes = sorted(plan.changes, key=lambda c: (turn_of(c), places.get(c.name, len(places))))
    updates = [change for change in changes if isinstance(change, Update)]
    renames = {update.key: update for update in plan.probable_renames}

    def entry(change: PlannedChange, about: str) -> Entry:
        """Return that a job is made or goes, is renamed or gets another mark."""
        is_told_whole = not plan.target and not isinstance(change, Update)
        found = differences_of(change, whole=True) if is_told_whole else ()
        parts = _show_parts(review, most, [change], [(each,) for each in found])
        names, lines = (change.name,), (headline(change),)
        weight = review.weights.get((change.name, ""), Weight.LOW)
        return Entry(change.action, change.kind, names, lines, parts, about, weight)

    for update in renames.values():
        line = make_line_visible(
            f"{update.kind.value} {update.old_name} seems to be called {update.name} now: "
            f"to rename it, with its builds, write {say_moved(update)} at "
            f"{update.desired.definition}"
        )
        shown = [
            part
            for grouping in group_differences([update.told])
            for part in _show_parts(review, most, [update], grouping.changes)
        ]
        about = _say_followers(update, updates)
        yield Entry("rename", update.kind, (update.name,), (line,), tuple(shown), about)
    for change in changes:
        if isinstance(change, Create) and change.key not in renames:
            place = change.desired.definition
            gone = change.gone and f"theirs: {change.gone}, will be made again"
            about = "; ".join(filter(None, (gone, place.file and str(place))))
            yield entry(change, make_line_visible(about))
    for update in updates:
        if update.old_name or not update.differences:
            yield entry(update, _say_followers(update, updates))
    alike = [
        Entry(
            "change",
            group[0].kind,
            tuple(update.name for update in group),
            tuple(headline(update, is_changed=True) for update in group),
            _show_parts(review, most, group, grouping.changes),
        )
        for grouping, group in _group([update for update in updates if update.told])
    ]
    yield from sorted(alike, key=lambda entry: -entry.weight)
    told = {update.live.key for update in renames.values()}
    for change in changes:
        if isinstance(change, Delete) and plan.target:
            yield entry(change, "see above: is it renamed?" * (change.key in told))
        elif isinstance(change, Delete) and change.key not in told:
            yield entry(change, "update deletes it with --prune only")
    yield from _list_undone(review, most)
    yield from (_note("note", note) for note in plan.notes if verbose or not note.quiet)
    same = (Note(*key, "is as it should be") for key in plan.unchanged if verbose)
    yield from (_note("unchanged", note) for note in same)


def _list_undone(review: Review, most: int | None) -> Iterator[Entry]:
    """Yield what is left alone and why, with what --adopt would change."""
    reasons = {(note.kind, note.name): note for note in review.plan.undone}
    for grouping, group in _group(review.plan.unadopted):
        keys = [update.live.key for update in group]
        notes = [reasons.pop(key, Note(*key, "as above")) for key in keys]
        names = tuple(update.name for update in group)
        parts = _show_parts(review, most, group, grouping.changes)
        yield Entry("left alone", group[0].kind, names, tuple(map(say_note, notes)), parts)
    yield from (_note("left alone", note) for note in reasons.values())


def _group(updates: Sequence[Update]) -> Iterator[tuple[Grouping, tuple[Update, ...]]]:
    """Yield changes that the same updates make, with these, those of most jobs first."""
    groups: list[tuple[Grouping, tuple[Update, ...]]] = []
    for kind in Kind:
        of_kind = [update for update in updates if update.kind is kind]
        for grouping in group_differences([update.told for update in of_kind]):
            groups.append((grouping, tuple(of_kind[number] for number in grouping.jobs)))
    yield from sorted(groups, key=lambda group: -len(group[1]))


def _note(action: str, note: Note) -> Entry:
    return Entry(action, note.kind, (note.name,), (say_note(note),))


def say_note(note: Note) -> str:
    """Return a note as one line of visible text."""
    text = make_line_visible(f"{note.name} {note.text}")
    return f"{note.kind.value} {text[:_SHOWN_NOTE]}" + "…" * (len(text) > _SHOWN_NOTE)


def headline(change: PlannedChange, *, is_changed: bool = False) -> str:
    """Return one line that says what becomes of a job; `is_changed`: and not how it is renamed."""
    kind, name = change.kind.value, make_line_visible(change.name)
    if isinstance(change, Delete):
        builds = f" and its {count(change.builds, 'build')}" * bool(change.builds)
        return f"delete {kind} {name}{builds}"
    if isinstance(change, Create):
        return f"create {kind} {name}"
    if change.old_name and not is_changed:
        return f"rename {kind} {make_line_visible(change.old_name)} to {name}"
    if not change.differences and not change.adopted:
        return f"confirm {kind} {name}: nothing but its mark is out of date"
    return f"{('change', 'adopt')[change.adopted]} {kind} {name}"


def say_moved(update: Update) -> str:
    """Return the YAML that says what a job was called before."""
    name = update.old_name
    if not _PLAIN_NAME.fullmatch(name):
        name = json.dumps(name, ensure_ascii=False)
    return f"`moved: [{name}]`"


def _say_followers(rename: Update, updates: Iterable[Update]) -> str:
    """Return what gets nothing but the new name of a renamed job."""
    leaf = rename.old_name.rpartition("/")[2]
    names = [
        f"{update.kind.value} {update.name}"
        for update in updates
        if any(found.follows and leaf in found.before for found in update.differences)
    ]
    return make_line_visible(f"and its name in {some(names, _SHOWN)}" * bool(leaf and names))


def count_actions(plan: Plan) -> list[str]:
    """Return, for example, ["1 to create", "10 to change"]."""
    counts = Counter(change.action for change in plan.changes)
    probable = len(plan.probable_renames)
    counts["create"] -= probable
    if not plan.target:  # of revisions: what goes waits for --prune
        counts["delete"] -= probable
    parts = [f"{counts[action]} to {action}" for action in ACTIONS if counts[action]]
    if probable:
        parts.insert(0, count(probable, "probable rename"))
    return parts


def summarise(plan: Plan) -> str:
    """Return one line: "Plan for build/demo: 3 to create, 1 to change, 12 as they should be."""
    parts = count_actions(plan)
    if plan.undone:
        parts.append(f"{len(plan.undone)} left alone")
    if plan.unchanged:
        parts.append(f"{len(plan.unchanged)} as they should be")
    return f"Plan for {make_line_visible(plan.target)}: {', '.join(parts) or 'nothing is defined'}."


def differences_of(change: PlannedChange, *, whole: bool = False) -> tuple[Difference, ...]:
    """Return what differs; `whole`: all that a job has that is made, or had that goes."""
    if isinstance(change, Update):
        return change.differences
    if not whole:
        return ()
    there = change.config.normal
    nothing, place_of = Normal(there.tag, there.attributes), change.config.place_of
    is_gone = isinstance(change, Delete)
    sides = ((there, nothing), (nothing, there))[is_gone]
    found = [raw for raw in compare(*sides) if raw.label not in _PLAIN]
    if is_gone:
        return tuple(describe(raw, Owner.UNKNOWN, None) for raw in found)
    return tuple(describe(raw, Owner.UNKNOWN, place_of(raw.path)) for raw in found)


def _show_parts(
    review: Review,
    most: int | None,
    changes: Sequence[PlannedChange],
    differences: Iterable[Sequence[Difference]],
) -> tuple[Part, ...]:
    """Return what people see of differences that some jobs have, each as it is in each of these.

    Of one they see the first `most` lines, all where it is never cut.
    """
    parts: list[Part] = []
    is_of_server = bool(review.plan.target)
    if most and not isinstance(changes[0], Update):
        most = min(most, _SHOWN_WHOLE)
    for found in differences:
        first, is_whole = found[0], is_never_cut(found[0])
        lines = tuple(_show(first, changes[0], is_whole))
        if not is_whole:
            lines = cut_lines(lines, most, "; -v shows them" * is_of_server)
        places = dict.fromkeys(str(each.position) for each in found if each.position)
        owner = _OWNERS[first.owner] * is_of_server
        about = "; ".join(filter(None, (owner, first.remark, some(list(places), 1))))
        told = zip(changes, found, strict=True)
        weights = (review.weights.get((change.name, each.path)) for change, each in told)
        weight = max(filter(None, weights), default=None)
        label, about = make_line_visible(label_of(found)), make_line_visible(about)
        parts.append(Part(label, about, lines, weight, is_whole))
    return tuple(sorted(parts, key=lambda part: -(part.weight or 0)))


def cut_lines(lines: Sequence[str], most: int | None, hint: str = "") -> tuple[str, ...]:
    """Return the first lines, and how many more there are."""
    if most is None or len(lines) <= most:
        return tuple(lines)
    return (*lines[:most], f"  … and {count(len(lines) - most, 'more line')}{hint}")


def _show(found: Difference, change: PlannedChange, is_whole: bool) -> Iterator[str]:
    """Yield the lines of a difference, of a whole step its script as it stands."""
    before, after = (text.removeprefix("command: ") for text in (found.before, found.after))
    is_long_text = is_long(found) or len(before) + len(after) > _LONG
    is_told = before and after and before != after
    if isinstance(change, Update) and found.change is Change.MOVED:
        yield "  moved to another place in its list"
    elif not isinstance(change, Update) or is_told or is_long_text:
        yield from show_diff(before, after, whole=is_whole)
    else:
        old, new = _MISSING.get(found.change, ("(empty)", "(empty)"))
        yield f"- {make_line_visible(before) or old}"
        yield f"+ {make_line_visible(after) or new}"
