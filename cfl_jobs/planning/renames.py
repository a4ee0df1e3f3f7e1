"""A plan → its renames: where each job is while they are made, and what Jenkins makes of others.

Renaming a folder takes what is in it along. Whatever names a renamed job (a view's list, another
job's trigger) may be rewritten by Jenkins at once, by the plugin whose field it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.planning.plan import Plan, Update

_COMMA = re.compile(r"(\s*,\s*)")


@dataclass(frozen=True, slots=True)
class Renames:
    """New full names by the old ones, both as the plan has them."""

    new_names: Mapping[str, str] = field(default_factory=dict)

    def follow(self, config: str, *, name: str) -> str:
        """Return a config with new names wherever it names a renamed job; `name` is its own."""
        if not self.new_names:
            return config
        root = parse_config(config, name=name)
        folder = name.rpartition("/")[0]
        for element in root.iter():
            if element.text and len(element) == 0:
                parts = _COMMA.split(element.text)
                element.text = "".join(self._follow_name(part, folder) for part in parts)
        return format_config(root)

    def find_place(self, name: str) -> str:
        """Return the full name of what was in a folder that was renamed, by the name it had."""
        for old, new in self.new_names.items():
            if name.startswith(f"{old}/"):
                return new + name[len(old) :]
        return name

    def _follow_name(self, text: str, folder: str) -> str:
        """Follow a full name, or one that is relative to a folder."""
        for old, new in self.new_names.items():
            if text == old or text.startswith(f"{old}/"):
                return new + text[len(old) :]
            its_folder, _, leaf = new.rpartition("/")
            if its_folder == folder and text == old.rpartition("/")[2]:
                return leaf
        return text


NO_RENAMES = Renames()


def find_renames(plan: Plan) -> Renames:
    """Return a plan's renames."""
    return sort_renames(
        {
            change.old_name: change.name
            for change in plan.changes
            if isinstance(change, Update) and change.old_name
        }
    )


def sort_renames(new_names: Mapping[str, str]) -> Renames:
    """Return renames, the deepest first."""
    return Renames(dict(sorted(new_names.items(), key=lambda pair: -pair[0].count("/"))))


def name_before_rename(change: Update) -> str:
    """Return a job's full name when its turn to be renamed comes: its folder has its new one."""
    folder = change.name.rpartition("/")[0]
    leaf = change.name_there.rpartition("/")[2]
    return f"{folder}/{leaf}" if folder else leaf


def has_rename(change: Update) -> bool:
    """Tell whether a job has to be renamed itself, and not just its folder."""
    return name_before_rename(change) != change.name
