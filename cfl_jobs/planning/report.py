"""Plan → text for people or JSON for programs; secrets are left out before this.

What a server or a directory holds is made visible in the text; in JSON it is as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cfl_jobs.errors import Position
from cfl_jobs.planning.describing import (
    Alike,
    Difference,
    group_alike,
    is_long,
    label_of,
    show_diff,
)
from cfl_jobs.planning.differences import Change, Owner
from cfl_jobs.planning.plan import Create, Delete, Note, Plan, PlannedChange, Update
from cfl_jobs.planning.visible import make_json_visible, make_line_visible

_SIDES = {
    Owner.OURS: "ours",
    Owner.THEIRS: "theirs: changed on the server, will be put back",
    Owner.BOTH: "both: changed here and on the server",
    Owner.ADOPT: "adopt: not ours so far",
    Owner.UNKNOWN: "",
    Owner.JENKINS: "Jenkins dropped it at the last update: is its plugin there?",
}
_LONG = 100
_SHOWN_NAMES = 6
_SHOWN_LINES = 200  # of one difference
_SHOWN_NOTE = 300  # characters


def write_text(
    plan: Plan,
    *,
    verbose: bool = False,
    style: Callable[[str, str], str] = lambda text, colour: text,
) -> str:
    """Return the plan as text. `style` colours a line ("green", "yellow", "red")."""
    lines: list[str] = []
    most = None if verbose else _SHOWN_LINES
    for change in plan.changes:
        if isinstance(change, Create):
            place = make_line_visible(str(change.desired.definition))
            lines.append(style(headline(change), "green") + f"  ({place})")
    updates = [change for change in plan.changes if isinstance(change, Update)]
    lines += [style(headline(u), "yellow") for u in updates if u.old_name or not u.differences]
    for alike, some in group_updates(updates):
        names = [style(headline(update, is_changed=True), "yellow") for update in some]
        lines += shorten(names, _names(some), lambda text: style(text, "yellow"))
        lines += text_of_differences(alike, most=most, style=style)
    lines += [style(headline(deletion), "red") for deletion in plan.deletions]
    lines += _text_of_undone(plan, most, style)
    lines += [f"  {say_note(note)}" for note in plan.notes if verbose or not note.quiet]
    if verbose:
        for kind, name in plan.unchanged:
            lines.append(f"= {kind.value} {make_line_visible(name)} is as it should be")
    if lines:
        lines.append("")
    lines.append(summarise(plan))
    return "\n".join(lines)


def _text_of_undone(
    plan: Plan, most: int | None, style: Callable[[str, str], str]
) -> Iterator[str]:
    """Yield what is left alone and why, with what --adopt would change."""
    reasons = {(note.kind, note.name): note for note in plan.undone}
    for alike, some in group_updates(plan.unadopted):
        names = []
        for update in some:
            again = Note(update.kind, update.name_there, "as above")
            note = reasons.pop((update.kind, update.name_there), again)
            names.append(style(f"! {say_note(note)}", "red"))
        yield from shorten(names, _names(some), lambda text: style(text, "red"))
        yield from text_of_differences(alike, most=most, style=style)
    for note in reasons.values():
        yield style(f"! {say_note(note)}", "red")


def say_note(note: Note) -> str:
    """Return a note as one line of visible text."""
    text = make_line_visible(f"{note.name} {note.text}")
    return f"{note.kind.value} {text if len(text) <= _SHOWN_NOTE else f'{text[:_SHOWN_NOTE]}…'}"


def group_updates(updates: Sequence[Update]) -> Iterator[tuple[Alike, tuple[Update, ...]]]:
    """Yield changes that the same updates make, with these updates."""
    for alike in group_alike([update.differences for update in updates]):
        yield alike, tuple(updates[number] for number in alike.jobs)


def _names(updates: Sequence[Update]) -> list[str]:
    return [update.name for update in updates]


def shorten(lines: list[str], names: Sequence[str], style: Callable[[str], str]) -> list[str]:
    """Return the lines that name a group's jobs: one each, those of many in one."""
    rest = ", ".join(make_line_visible(name) for name in names[_SHOWN_NAMES:])
    if not rest:
        return lines
    return [*lines[:_SHOWN_NAMES], style(f"  and {len(lines) - _SHOWN_NAMES} more: {rest}")]


def text_of_differences(
    alike: Alike,
    *,
    most: int | None = _SHOWN_LINES,
    style: Callable[[str, str], str] = lambda text, colour: text,
) -> Iterator[str]:
    """Yield the lines that show what some jobs have alike, `most` of each difference."""
    for change in alike.changes:
        places = dict.fromkeys(found.position for found in change if found.position)
        shown = replace(change[0], label=label_of(change))
        yield from text_of_difference(shown, tuple(places), most=most, style=style)


def summarise(plan: Plan) -> str:
    """Return one line: "Plan for build/demo: 3 to create, 1 to change, 12 as they should be."""
    counts = {"create": 0, "change": 0, "rename": 0, "confirm": 0, "delete": 0}
    for change in plan.changes:
        counts[_verb(change)] += 1
    parts = [f"{count} to {verb}" for verb, count in counts.items() if count]
    if plan.undone:
        parts.append(f"{len(plan.undone)} left alone")
    if plan.unchanged:
        parts.append(f"{len(plan.unchanged)} as they should be")
    return f"Plan for {make_line_visible(plan.target)}: {', '.join(parts) or 'nothing is defined'}."


def write_json(plan: Plan) -> str:
    """Return the plan as JSON; configs are not in it (see planfile.py)."""
    document = {
        "target": plan.target,
        "changes": [_json_of(change) for change in plan.changes],
        "differences": list(_json_of_differences(plan)),
        "unchanged": [{"kind": kind.value, "name": name} for kind, name in plan.unchanged],
        "undone": [_json_note(note) for note in plan.undone],
        "notes": [_json_note(note) for note in plan.notes],
    }
    return make_json_visible(json.dumps(document, indent=2, ensure_ascii=False))


def text_of_difference(
    difference: Difference,
    places: Sequence[Position] = (),
    *,
    most: int | None = None,
    style: Callable[[str, str], str] = lambda text, colour: text,
) -> Iterator[str]:
    """Yield the lines that show one difference, indented. `places` made it, in one job or many.

    `most`: how many lines of a longer one.
    """
    place = str(places[0]) if places else ""
    if len(places) > 1:
        place += f" and {len(places) - 1} more"
    remark = "; ".join(filter(None, (_SIDES[difference.owner], difference.remark, place)))
    about = f"  ({remark})" if remark else ""
    yield "    " + make_line_visible(difference.label + about)
    if difference.change is Change.MOVED:
        yield "      moved to another place in its list"
        return
    for line in _show_values(difference, most):
        colour = {"+": "green", "-": "red"}.get(line[:1], "")
        yield "      " + (style(line, colour) if colour else line)


def _show_values(difference: Difference, most: int | None) -> Iterator[str]:
    before, after = difference.before, difference.after
    is_added, is_removed = (difference.change is c for c in (Change.ADDED, Change.REMOVED))
    if is_long(difference) or len(before) + len(after) > _LONG:
        yield from show_diff(before, after, most=most)
    elif before and after and before != after:
        yield from show_diff(before, after)
    else:
        old, new = make_line_visible(before), make_line_visible(after)
        empty = "there" if is_added or is_removed else "(empty)"
        yield f"- {'not there' if is_added else old or empty}"
        yield f"+ {'not there' if is_removed else new or empty}"


def _verb(change: PlannedChange) -> str:
    if isinstance(change, Create):
        return "create"
    if isinstance(change, Delete):
        return "delete"
    if change.old_name:
        return "rename"
    return "change" if change.differences else "confirm"


def headline(change: PlannedChange, *, is_changed: bool = False) -> str:
    """Return one line that says what becomes of a job; `is_changed`: and not how it is renamed."""
    kind, name = change.kind.value, make_line_visible(change.name)
    if isinstance(change, Create):
        return f"+ create {kind} {name}"
    if isinstance(change, Delete):
        builds = f" and its {change.builds} builds" if change.builds else ""
        return f"- delete {kind} {name}{builds}"
    if change.old_name and not is_changed:
        return f"> rename {kind} {make_line_visible(change.old_name)} to {name}"
    if not change.differences and not change.adopted:
        return f"? confirm {kind} {name}: it is as it should be, its mark isn't up to date"
    return f"~ {'adopt' if change.adopted else 'change'} {kind} {name}"


def _json_of(change: PlannedChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": _verb(change),
        "kind": change.kind.value,
        "name": change.name,
    }
    if isinstance(change, Delete):
        found["builds"] = change.builds
        return found
    found["definition"] = str(change.desired.definition)
    if isinstance(change, Update):
        if change.old_name:
            found["old_name"] = change.old_name
        found["adopted"] = change.adopted
    return found


def _json_of_differences(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield each difference once, with the jobs that have it."""
    updates = [change for change in plan.changes if isinstance(change, Update)]
    jobs: dict[Difference, list[dict[str, str]]] = {}
    for update in (*updates, *plan.unadopted):
        for found in update.differences:
            job = {"name": update.name, "position": str(found.position or "")}
            jobs.setdefault(replace(found, position=None), []).append(job)
    for difference, found_in in jobs.items():
        yield {
            "path": difference.path,
            "label": difference.label,
            "change": difference.change.value,
            "side": difference.owner.value,
            "remark": difference.remark,
            "before": difference.before,
            "after": difference.after,
            "jobs": found_in,
        }


def _json_note(note: Note) -> dict[str, Any]:
    return {"kind": note.kind.value, "name": note.name, "text": note.text, "quiet": note.quiet}
