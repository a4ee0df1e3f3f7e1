"""Plan → text, Markdown or JSON for people and programs; secrets are left out before this."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from difflib import unified_diff
from typing import Any

from cfl_jobs.planning.differences import Change, Difference, Side
from cfl_jobs.planning.plan import Create, Delete, Note, Plan, PlannedChange, Update, group_alike

_SIDES = {
    Side.OURS: "ours",
    Side.THEIRS: "theirs: changed on the server, will be put back",
    Side.BOTH: "both: changed here and on the server",
    Side.UNKNOWN: "",
    Side.JENKINS: "Jenkins dropped it at the last update: is its plugin there?",
}
_LONG = 100
_CONTEXT = 2
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
            kind = f"  ({change.position})"
            lines.append(style(f"+ create {change.kind.value} {change.name}", "green") + kind)
    updates = [change for change in plan.changes if isinstance(change, Update)]
    for update in updates:
        if not update.differences:
            lines.append(style(_headline(update), "yellow"))
    for alike in group_alike([update for update in updates if update.differences]).values():
        lines += [style(_headline(update), "yellow") for update in alike[:_SHOWN_NAMES]]
        if len(alike) > _SHOWN_NAMES:
            names = ", ".join(update.name for update in alike[_SHOWN_NAMES:])
            lines.append(style(f"  and {len(alike) - _SHOWN_NAMES} more: {names}", "yellow"))
        for difference in alike[0].differences:
            lines += text_of_difference(difference, style)
    for deletion in plan.deletions:
        lines.append(style(_headline(deletion), "red"))
    for note in plan.undone:
        lines.append(style(f"! {note.kind.value} {note.name} {note.text}", "red"))
    for note in plan.notes:
        if verbose or not note.quiet:
            lines.append(f"  {note.kind.value} {note.name} {note.text}")
    if verbose:
        lines += [f"= {kind.value} {name} is as it should be" for kind, name in plan.unchanged]
    if lines:
        lines.append("")
    lines.append(summarise(plan))
    return "\n".join(lines)


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
        if not isinstance(change, Update) or not change.differences
    ]
    lines += [f"- {_escape(_headline(change)[2:])}" for change in simple]
    updates = [c for c in plan.changes if isinstance(c, Update) and c.differences]
    for alike in group_alike(updates).values():
        names = ", ".join(f"**{_escape(update.name)}**" for update in alike)
        lines += ["", f"<details><summary>change {len(alike)}: {names}</summary>", ""]
        lines.append("```diff")
        for difference in alike[0].differences:
            lines += [_in_diff(line) for line in text_of_difference(difference)]
        lines += ["```", "</details>"]
    for note in (*plan.undone, *plan.notes):
        if verbose or not note.quiet:
            lines.append(f"- {_escape(f'{note.kind.value} {note.name} {note.text}')}")
    return "\n".join(lines)


def _in_diff(line: str) -> str:
    """Return a line as a block of Markdown's `diff` takes it: - and + in the first column."""
    plain = line.replace("```", "'''")
    return plain[6:] if plain.startswith("      ") else f"@@ {plain.strip()} @@"


def write_json(plan: Plan) -> str:
    """Return the plan as JSON; configs are not in it (see planfile.py)."""
    document = {
        "target": plan.target,
        "changes": [_json_of(change) for change in plan.changes],
        "unchanged": [{"kind": kind.value, "name": name} for kind, name in plan.unchanged],
        "undone": [_json_note(note) for note in plan.undone],
        "notes": [_json_note(note) for note in plan.notes],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def text_of_difference(
    difference: Difference, style: Callable[[str, str], str] = lambda text, colour: text
) -> Iterator[str]:
    """Yield the lines that show one difference, indented."""
    remarks = [_SIDES[difference.side], difference.remark, str(difference.position or "")]
    remark = "; ".join(remark for remark in remarks if remark)
    yield f"    {difference.label}" + (f"  ({remark})" if remark else "")
    before, after = difference.before, difference.after
    if difference.change is Change.MOVED:
        yield "      moved to another place in its list"
    elif "\n" in before + after or len(before) + len(after) > _LONG:
        for line in _line_diff(before, after):
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
    if change.adopted:
        return f"~ adopt {what}"
    if not change.differences:
        return f"? confirm {what}: it is as it should be, its mark isn't up to date"
    return f"~ change {what}"


def _line_diff(before: str, after: str) -> Iterator[str]:
    found = unified_diff(before.splitlines(), after.splitlines(), n=_CONTEXT, lineterm="")
    for number, line in enumerate(found):
        if number > 1 and not line.startswith("@@"):
            yield f"{line[:1]} {line[1:]}"
        elif number > 2:
            yield "  …"


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
        found["differences"] = [
            {
                "path": difference.path,
                "label": difference.label,
                "change": difference.change.value,
                "side": difference.side.value,
                "before": difference.before,
                "after": difference.after,
                "remark": difference.remark,
                "position": str(difference.position or ""),
            }
            for difference in change.differences
        ]
    return found


def _json_note(note: Note) -> dict[str, Any]:
    return {"kind": note.kind.value, "name": note.name, "text": note.text, "quiet": note.quiet}


def _escape(text: str) -> str:
    for character in "\\`*_<>|[]":
        text = text.replace(character, f"\\{character}")
    return text
