"""A folder on a target → what is in it, which would go with it."""

from __future__ import annotations

from cfl_jobs.target import Key, Kind, Target

# Jenkins itself makes one in each folder (hudson.model.AllView).
_OWN_VIEW = "all"


def list_inside(name: str, target: Target) -> tuple[Key, ...]:
    """Return the jobs and views in a folder, and those in the folders in it."""
    return tuple(
        (kind, entry.name)
        for kind in Kind
        for entry in target.list(kind)
        if is_inside((kind, entry.name), name)
    )


def is_inside(key: Key, folder: str) -> bool:
    """Tell whether someone made it in a folder; each has a view of its own from the beginning."""
    kind, name = key
    is_own = kind is Kind.VIEW and name.rpartition("/")[2].lower() == _OWN_VIEW
    return name.startswith(f"{folder}/") and not is_own


def describe_some(keys: tuple[Key, ...]) -> str:
    """Return "job Team/A and 2 more"."""
    kind, name = keys[0]
    return f"{kind.value} {name}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
