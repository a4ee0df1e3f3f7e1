"""Plan ↔ file: a plan kept by `plan --out` and applied, just so, by `update --plan`.

JSON, readable by its owner only, since configs may hold what others shouldn't see.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cfl_jobs.errors import PlanError, Position
from cfl_jobs.planning.differences import Change, Difference, Side
from cfl_jobs.planning.plan import Create, Delete, Note, Plan, PlannedChange, Update
from cfl_jobs.target import Kind

_FORMAT = "cfl-jobs plan 1"


def save_plan(plan: Plan, path: Path, *, versions: str) -> None:
    """Write a plan to a file. Raises PlanError where that can't be done."""
    document = {
        "format": _FORMAT,
        "target": plan.target,
        "versions": versions,
        "managed": plan.managed,
        "changes": [_to_json(change) for change in plan.changes],
        "unchanged": [[kind.value, name] for kind, name in plan.unchanged],
        "undone": [_note_to_json(note) for note in plan.undone],
        "notes": [_note_to_json(note) for note in plan.notes],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    try:
        path.unlink(missing_ok=True)
        with open(path, "x", encoding="utf-8", opener=_open_private) as stream:
            stream.write(text)
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from error


def load_plan(path: Path) -> tuple[Plan, str]:
    """Return a plan and the code of the server's plugins. Raises PlanError on another file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise PlanError(f"{path} was made by another version of cfl-jobs")
        plan = Plan(
            target=str(document["target"]),
            changes=tuple(_from_json(change) for change in document["changes"]),
            unchanged=tuple((Kind(kind), str(name)) for kind, name in document["unchanged"]),
            undone=tuple(_note_from_json(note) for note in document["undone"]),
            notes=tuple(_note_from_json(note) for note in document["notes"]),
            managed=int(document["managed"]),
        )
        return plan, str(document["versions"])
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError(
            f"{path} is not a plan", advice="Make one with `cfl-jobs plan --out FILE`."
        ) from error


def _to_json(change: PlannedChange) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": change.kind.value, "name": change.name}
    if isinstance(change, Delete):
        return {"action": "delete", **found, "before": change.before, "builds": change.builds}
    place = change.position
    found |= {"config": change.config, "position": [place.file, place.line, place.column]}
    if isinstance(change, Create):
        return {"action": "create", **found}
    return {
        "action": "update",
        **found,
        "before": change.before,
        "keep_disabled": change.keep_disabled,
        "adopted": change.adopted,
        "old_name": change.old_name,
        "differences": [_difference_to_json(found) for found in change.differences],
    }


def _from_json(found: dict[str, Any]) -> PlannedChange:
    kind, name = Kind(found["kind"]), str(found["name"])
    if found["action"] == "delete":
        return Delete(kind, name, str(found["before"]), int(found["builds"]))
    position = Position(*found["position"])
    if found["action"] == "create":
        return Create(kind, name, str(found["config"]), position)
    return Update(
        kind,
        name,
        str(found["config"]),
        position,
        str(found["before"]),
        tuple(_difference_from_json(difference) for difference in found["differences"]),
        keep_disabled=bool(found["keep_disabled"]),
        adopted=bool(found["adopted"]),
        old_name=str(found["old_name"]),
    )


def _difference_to_json(found: Difference) -> list[Any]:
    place = found.position
    position = [place.file, place.line, place.column] if place else None
    words = [found.path, found.label, found.change.value, found.before, found.after]
    return [*words, found.side.value, position]


def _difference_from_json(found: list[Any]) -> Difference:
    path, label, change, before, after, side, place = found
    position = Position(*place) if place else None
    return Difference(path, label, Change(change), before, after, Side(side), position)


def _note_to_json(note: Note) -> list[Any]:
    return [note.kind.value, note.name, note.text, note.quiet]


def _note_from_json(found: list[Any]) -> Note:
    kind, name, text, quiet = found
    return Note(Kind(kind), name, text, quiet)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
