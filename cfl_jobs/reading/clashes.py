"""Entries → names that Jenkins would take for one, and renames that it can't make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from cfl_jobs.errors import Position
from cfl_jobs.reading.definition import Definition
from cfl_jobs.target import Kind

# What is wrong, where, and what to do.
Problem: TypeAlias = tuple[str, Position, str]


def find_clashes(entries: Sequence[Definition]) -> Iterator[Problem]:
    """Yield what is wrong with the entries' names. Jenkins compares without regard to case."""
    seen: dict[tuple[Kind, str], Definition] = {}
    for entry in entries:
        key = (entry.kind, entry.name.lower())
        if key in seen:
            first = seen[key]
            same = "the same" if first.name == entry.name else "but for its case the same"
            yield (
                f"two {entry.kind.value}s of one name: {entry.name!r} is {same} as at "
                f"{_place_of(first)}",
                entry.variables.value_positions["name"],
                "Rename one of them.",
            )
        seen.setdefault(key, entry)
    moved: dict[str, Definition] = {}
    for entry in entries:
        for old_name in entry.moved_from:
            problem = _check_move(entry, old_name, seen) or _check_twice(entry, old_name, moved)
            if problem:
                yield (problem[0], entry.variables.position_of("moved"), problem[1])
            moved.setdefault(old_name.lower(), entry)


def _check_move(
    entry: Definition, old_name: str, defined: dict[tuple[Kind, str], Definition]
) -> tuple[str, str] | None:
    """Return what is wrong with a rename, and what to do."""
    if entry.kind is Kind.VIEW:
        return (
            "`moved:` is for jobs: a view has no builds to keep",
            "Leave it out; the view is made under its new name, and --prune deletes the old one.",
        )
    other = defined.get((Kind.JOB, old_name.lower()))
    if other is entry and old_name != entry.name:
        return None  # another case of the same name
    if other is not None:
        return (
            f"{entry.name!r} can't be what {old_name!r} was: that is defined, at "
            f"{_place_of(other)}",
            "Rename first, update, and define the other job after that; or leave `moved:` out.",
        )
    folder, old_folder = (name.rpartition("/")[0] for name in (entry.name, old_name))
    parent = defined.get((Kind.JOB, folder.lower()))
    if old_folder != folder and (parent is None or old_folder not in parent.moved_from):
        return (
            f"Jenkins can't rename {old_name!r} to {entry.name!r}: that is in another folder",
            "Move it in Jenkins, then name it so here, without `moved:`.",
        )
    return None


def _check_twice(
    entry: Definition, old_name: str, moved: dict[str, Definition]
) -> tuple[str, str] | None:
    first = moved.get(old_name.lower())
    if first is None or first is entry:
        return None
    return (
        f"only one job can be what {old_name!r} was: {first.name!r} says so too",
        "Leave `moved:` out of one of them.",
    )


def _place_of(entry: Definition) -> Position:
    return entry.variables.value_positions["name"]
