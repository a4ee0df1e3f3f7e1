"""Previous names of jobs; a plan's renames: where each job is meanwhile, what Jenkins rewrites.

Renaming a folder takes what is in it along. Whatever names a renamed job (a view's list, another
job's trigger) may be rewritten by Jenkins at once, by the plugin whose field it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import format_config
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.reading.names import folders_of
from cfl_jobs.target import Key, Kind

_COMMA = re.compile(r"(\s*,\s*)")


@dataclass(frozen=True)
class Renames:
    """Pairs of an old and a new full name, each as it is when its turn comes, in that order."""

    pairs: tuple[tuple[str, str], ...] = ()

    def follow(self, config: Config) -> Config:
        """Return a config with new names wherever it names a renamed job.

        Some of the renames may have been made already.
        """
        if not self.pairs:
            return config
        root = config.parse()
        folder = config.name.rpartition("/")[0]
        for element in root.iter():
            if element.text and len(element) == 0:
                parts = _COMMA.split(element.text)
                element.text = "".join(self._follow_name(part, folder) for part in parts)
        return replace(config, config=format_config(root))

    def find_place(self, name: str) -> str:
        """Return the full name of what was in a folder that was renamed, by the name it had."""
        folder, slash, leaf = name.rpartition("/")
        return self._follow_name(folder, None) + slash + leaf

    def _follow_name(self, text: str, folder: str | None) -> str:
        """Follow a full name, or one that is relative to a folder."""
        done = -1
        while True:
            whole = [old for old in (*folders_of(text), text) if old in self._by_old]
            turns = [turn for old in whole for turn in self._by_old[old] if turn > done]
            beside = self._by_leaf.get((folder, text), ())
            turns += [turn for turn in beside if turn > done]
            if not turns:
                return text
            done = min(turns)
            old, new = self.pairs[done]
            if text == old or text.startswith(f"{old}/"):
                text = new + text[len(old) :]
            else:
                text = new.rpartition("/")[2]

    @cached_property
    def _by_old(self) -> Mapping[str, Sequence[int]]:
        return _group((old, turn) for turn, (old, _) in enumerate(self.pairs))

    @cached_property
    def _by_leaf(self) -> Mapping[tuple[str | None, str], Sequence[int]]:
        """Turns by the folder in which a job has its new name, and the name it had there."""
        return _group(
            ((new.rpartition("/")[0], old.rpartition("/")[2]), turn)
            for turn, (old, new) in enumerate(self.pairs)
        )


K = TypeVar("K")


def _group(turns: Iterable[tuple[K, int]]) -> Mapping[K, Sequence[int]]:
    found: dict[K, list[int]] = {}
    for key, turn in turns:
        found.setdefault(key, []).append(turn)
    return found


NO_RENAMES = Renames()


def find_renames(plan: Plan) -> Renames:
    """Return a plan's renames: folders before what is in them."""
    made = [change for change in plan.changes if isinstance(change, Update) and has_rename(change)]
    made.sort(key=lambda change: change.name.count("/"))
    return Renames(tuple((name_before_rename(change), change.name) for change in made))


def name_before_rename(change: Update) -> str:
    """Return a job's full name when its turn to be renamed comes: its folder has its new one."""
    folder = change.name.rpartition("/")[0]
    leaf = change.name_there.rpartition("/")[2]
    return f"{folder}/{leaf}" if folder else leaf


def has_rename(change: Update) -> bool:
    """Tell whether a job has to be renamed itself, and not just its folder."""
    return name_before_rename(change) != change.name


def previous_names(desired: Sequence[Config]) -> Mapping[Key, tuple[str, ...]]:
    """Return each job's previous names: its own, and those it had in a folder's previous name.

    For "G/b", moved from "G/a", in a folder "G", moved from "F": "G/a", "F/b" and "F/a".
    """
    own = {rendered.name: rendered.moved_from for rendered in desired if rendered.kind is Kind.JOB}

    def names_of(name: str) -> list[str]:
        """Return the name with its previous ones, those of its folders included."""
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
    """Return all that a plan must know of: each job under its name and its previous ones."""
    previous = previous_names(desired)
    return tuple(
        (rendered.kind, name)
        for rendered in desired
        for name in (rendered.name, *previous.get((rendered.kind, rendered.name), ()))
    )
