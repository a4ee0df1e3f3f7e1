"""Plan → text, Markdown or JSON for people and programs; secrets are left out before this."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cfl_jobs.errors import Position
from cfl_jobs.planning.alike import Alike, diff_lines, group_alike, label_of
from cfl_jobs.planning.differences import Change, Difference, Side
from cfl_jobs.planning.plan import Create, Delete, Note, Plan, PlannedChange, Update

_SIDES = {
    Side.OURS: "ours",
    Side.THEIRS: "theirs: changed on the server, will be put back",
    Side.BOTH: "both: changed here and on the server",
    Side.ADOPT: "adopt: not ours so far",
    Side.UNKNOWN: "",
    Side.JENKINS: "Jenkins dropped it at the last update: is its plugin there?",
}
_LONG = 100
_SHOWN_NAMES = 6


def write_text(
    plan: Plan,
    *,
    verbose: bool = False,
    style: Callable[[str, str], str] = lambda text, colour: text,
) -> str:
    """Return the plan as text. `style` colours a line ("green", "yellow", "red")."""
    lines: list[str] = []
    for change in plan.changes:
        if isinstance(change, Create):
            lines.append(style(_headline(change), "green") + f"  ({change.position})")
    updates = [change for change in plan.changes if isinstance(change, Update)]
    lines += [style(_headline(u), "yellow") for u in updates if u.old_name or not u.differences]
    for alike, some in _group(updates):
        names = [style(f"~ {_doing(update)} {update.name}", "yellow") for update in some]
        lines += _shorten(names, some, lambda text: style(text, "yellow"))
        lines += _text_of_differences(alike, style)
    lines += [style(_headline(deletion), "red") for deletion in plan.deletions]
    lines += _text_of_undone(plan, style)
    for note in plan.notes:
        if verbose or not note.quiet:
            lines.append(f"  {note.kind.value} {note.name} {note.text}")
    if verbose:
        lines += [f"= {kind.value} {name} is as it should be" for kind, name in plan.unchanged]
    if lines:
        lines.append("")
    lines.append(summarise(plan))
    return "\n".join(lines)


def _text_of_undone(plan: Plan, style: Callable[[str, str], str]) -> Iterator[str]:
    """Yield what is left alone and why, with what --adopt would change."""
    reasons = {(note.kind, note.name): note.text for note in plan.undone}
    for alike, some in _group(plan.unadopted):
        names = []
        for update in some:
            reason = reasons.pop((update.kind, update.name_there), "as above")
            names.append(style(f"! {update.kind.value} {update.name_there} {reason}", "red"))
        yield from _shorten(names, some, lambda text: style(text, "red"))
        yield from _text_of_differences(alike, style)
    for (kind, name), reason in reasons.items():
        yield style(f"! {kind.value} {name} {reason}", "red")


def _group(updates: Sequence[Update]) -> Iterator[tuple[Alike, tuple[Update, ...]]]:
    """Yield changes that the same updates make, with these updates."""
    for alike in group_alike([update.differences for update in updates]):
        yield alike, tuple(updates[number] for number in alike.jobs)


def _shorten(names: list[str], updates: Sequence[Update], style: Callable[[str], str]) -> list[str]:
    """Return the lines that name a group's jobs: one each, many in one."""
    rest = ", ".join(update.name for update in updates[_SHOWN_NAMES:])
    if not rest:
        return names
    return [*names[:_SHOWN_NAMES], style(f"  and {len(names) - _SHOWN_NAMES} more: {rest}")]


def _text_of_differences(alike: Alike, style: Callable[[str, str], str]) -> Iterator[str]:
    for change in alike.changes:
        places = dict.fromkeys(found.position for found in change if found.position)
        shown = replace(change[0], label=label_of(change))
        yield from text_of_difference(shown, tuple(places), style=style)


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
    return f"Plan for {plan.target}: {', '.join(parts) or 'nothing is defined'}."


def write_markdown(plan: Plan, *, verbose: bool = False) -> str:
    """Return the plan as Markdown, for a pull request's comment."""
    lines = [f"**{_escape(summarise(plan))}**", ""]
    simple = [
        change
        for change in plan.changes
        if not isinstance(change, Update) or change.old_name or not change.differences
    ]
    lines += [f"- {_escape(_headline(change)[2:])}" for change in simple]
    updates = [change for change in plan.changes if isinstance(change, Update)]
    for alike, some in _group(updates):
        lines += _details("change", alike, some)
    for alike, some in _group(plan.unadopted):
        lines += _details("--adopt would change", alike, some)
    for note in (*plan.undone, *plan.notes):
        if verbose or not note.quiet:
            lines.append(f"- {_escape(f'{note.kind.value} {note.name} {note.text}')}")
    return "\n".join(lines)


def _details(what: str, alike: Alike, updates: Sequence[Update]) -> Iterator[str]:
    names = ", ".join(f"**{_escape(update.name)}**" for update in updates)
    yield from ("", f"<details><summary>{what} {len(updates)}: {names}</summary>", "")
    yield "```diff"
    for line in _text_of_differences(alike, lambda text, colour: text):
        yield _in_diff(line)
    yield from ("```", "</details>")


def _in_diff(line: str) -> str:
    """Return a line as a block of Markdown's `diff` takes it: - and + in the first column."""
    plain = line.replace("```", "'''")
    return plain[6:] if plain.startswith("      ") else f"@@ {plain.strip()} @@"


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
    return json.dumps(document, indent=2, ensure_ascii=False)


def text_of_difference(
    difference: Difference,
    places: Sequence[Position] = (),
    *,
    style: Callable[[str, str], str] = lambda text, colour: text,
) -> Iterator[str]:
    """Yield the lines that show one difference, indented. `places` made it, in one job or many."""
    place = str(places[0]) if places else ""
    if len(places) > 1:
        place += f" and {len(places) - 1} more"
    remark = "; ".join(filter(None, (_SIDES[difference.side], difference.remark, place)))
    yield f"    {difference.label}" + (f"  ({remark})" if remark else "")
    before, after = difference.before, difference.after
    if difference.change is Change.MOVED:
        yield "      moved to another place in its list"
    elif "\n" in before + after or len(before) + len(after) > _LONG:
        for line in diff_lines(difference):
            colour = {"+": "green", "-": "red"}.get(line[:1], "")
            yield "      " + (style(line, colour) if colour else line)
    else:
        is_added, is_removed = (difference.change is c for c in (Change.ADDED, Change.REMOVED))
        yield "      " + style(f"- {'not there' if is_added else before}", "red")
        yield "      " + style(f"+ {'not there' if is_removed else after}", "green")


def _verb(change: PlannedChange) -> str:
    if isinstance(change, Create):
        return "create"
    if isinstance(change, Delete):
        return "delete"
    if change.old_name:
        return "rename"
    return "change" if change.differences else "confirm"


def _headline(change: PlannedChange) -> str:
    what = f"{change.kind.value} {change.name}"
    if isinstance(change, Create):
        return f"+ create {what}"
    if isinstance(change, Delete):
        builds = f" and its {change.builds} builds" if change.builds else ""
        return f"- delete {what}{builds}"
    if change.old_name:
        return f"> rename {change.kind.value} {change.old_name} to {change.name}"
    if not change.differences and not change.adopted:
        return f"? confirm {what}: it is as it should be, its mark isn't up to date"
    return f"~ {_doing(change)} {change.name}"


def _doing(update: Update) -> str:
    return f"{'adopt' if update.adopted else 'change'} {update.kind.value}"


def _json_of(change: PlannedChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": _verb(change),
        "kind": change.kind.value,
        "name": change.name,
    }
    if isinstance(change, Delete):
        found["builds"] = change.builds
        return found
    found["definition"] = str(change.position)
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
            "side": difference.side.value,
            "remark": difference.remark,
            "before": difference.before,
            "after": difference.after,
            "jobs": found_in,
        }


def _json_note(note: Note) -> dict[str, Any]:
    return {"kind": note.kind.value, "name": note.name, "text": note.text, "quiet": note.quiet}


def _escape(text: str) -> str:
    for character in "\\`*_<>|[]":
        text = text.replace(character, f"\\{character}")
    return text
