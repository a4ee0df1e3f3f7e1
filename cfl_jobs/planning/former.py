"""Rendered jobs → the names that each may still have on the target, before it is renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfl_jobs.configs.config import Config
from cfl_jobs.target import Key, Kind


def former_names(desired: Sequence[Config]) -> Mapping[Key, tuple[str, ...]]:
    """Return each job's earlier names: its own, and those it had in a folder's earlier name.

    For "G/b", moved from "G/a", in a folder "G", moved from "F": "G/a", "F/b" and "F/a".
    """
    own = {rendered.name: rendered.moved_from for rendered in desired if rendered.kind is Kind.JOB}

    def names_of(name: str) -> list[str]:
        """Return the name with its earlier ones, those of its folders included."""
        folder, _, leaf = name.rpartition("/")
        found = [name, *own.get(name, ())]
        if folder:
            leaves = dict.fromkeys([leaf, *(old.rpartition("/")[2] for old in own.get(name, ()))])
            found += [f"{other}/{each}" for other in names_of(folder)[1:] for each in leaves]
        return found

    return {
        (Kind.JOB, name): names
        for name in own
        if (names := tuple(dict.fromkeys(names_of(name)[1:])))
    }


def names_to_look_at(desired: Sequence[Config]) -> tuple[Key, ...]:
    """Return all that a plan must know of: each job under its name and its earlier ones."""
    former = former_names(desired)
    return tuple(
        (rendered.kind, name)
        for rendered in desired
        for name in (rendered.name, *former.get((rendered.kind, rendered.name), ()))
    )
