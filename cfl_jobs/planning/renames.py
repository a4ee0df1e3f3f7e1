"""Previous names of jobs; a plan's renames: where each job is meanwhile, what Jenkins rewrites.

Renaming a folder takes what is in it along. Whatever names a renamed job (a view's list, another
job's trigger) may be rewritten by Jenkins at once, by the plugin whose field it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import format_config
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.reading.names import folders_of
from cfl_jobs.target import Key, Kind

_ALIKE = 0.8  # of the lines of two jobs
_LOOKED_AT = 100
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

    def in_text(self, text: str, folder: str | None = None) -> str:
        """Return a text, such as a script, with new names, in Copy Artifact's variables too.

        In a job in `folder` a name may be relative to that.
        """
        from cfl_jobs.configs.steps.artifacts import build_variable_of

        for old, new in self.pairs:
            (of_old, _, leaf), (of_new, _, new_leaf) = old.rpartition("/"), new.rpartition("/")
            names = {old: new, build_variable_of(leaf): build_variable_of(new_leaf)}
            if folder == of_old == of_new:
                names[leaf] = new_leaf
            for name, name_now in names.items():
                whole = re.compile(rf"(?<![\w/]){re.escape(name)}(?!\w)")
                text = whole.sub(name_now.replace("\\", r"\\"), text)
        return text

    def find_place(self, name: str) -> str:
        """Return the full name of what was in a folder that was renamed, by the name it had."""
        folder, slash, leaf = name.rpartition("/")
        return self._follow_name(folder, None) + slash + leaf

    def _follow_name(self, text: str, folder: str | None) -> str:
        done = -1
        while True:
            keys = [(folder, text), *((None, name) for name in (*folders_of(text), text))]
            turns = [turn for key in keys for turn in self._turns.get(key, ()) if turn > done]
            if not turns:
                return text
            done = min(turns)
            old, new = self.pairs[done]
            if text == old or text.startswith(f"{old}/"):
                text = new + text[len(old) :]
            else:
                text = new.rpartition("/")[2]

    @cached_property
    def _turns(self) -> Mapping[tuple[str | None, str], Sequence[int]]:
        """When what is renamed: by None and its old full name, by its new folder and old leaf."""
        found: dict[tuple[str | None, str], list[int]] = {}
        for turn, (old, new) in enumerate(self.pairs):
            beside = (new.rpartition("/")[0], old.rpartition("/")[2])
            for key in ((None, old), beside):
                found.setdefault(key, []).append(turn)
        return found


NO_RENAMES = Renames()


def find_renames(plan: Plan) -> Renames:
    """Return a plan's renames: folders before what is in them."""
    made = [change for change in plan.changes if isinstance(change, Update) and change.has_rename]
    made.sort(key=lambda change: change.name.count("/"))
    return Renames(tuple((change.name_at_rename, change.name) for change in made))


def mark_followers(plan: Plan) -> Plan:
    """Return the plan with each difference marked that is but the new name of a renamed job.

    Jobs that were probably renamed count too.
    """
    probable = plan.probable_renames
    pairs = tuple((update.name_there, update.name) for update in probable)
    renames = Renames((*find_renames(plan).pairs, *pairs))
    if not renames.pairs:
        return plan
    changes = [
        _mark_follower(change, renames) if isinstance(change, Update) else change
        for change in plan.changes
    ]
    probable = tuple(_mark_follower(update, renames) for update in probable)
    return replace(plan, changes=tuple(changes), probable_renames=probable)


def _mark_follower(update: Update, renames: Renames) -> Update:
    from cfl_jobs.planning.differences import compare

    desired = update.desired
    then, now = update.live, renames.follow(update.live)
    before, after = (compare(desired.normal, of.beside(desired).normal) for of in (then, now))
    paths = {raw.path for raw in before}
    folder = desired.name.rpartition("/")[0]
    left: set[str] = set()
    for raw in after:
        live, ours = raw.live, raw.desired
        if live and ours and not live.children and not ours.children:  # as scripts, descriptions
            named = replace(live, text=renames.in_text(live.text, folder))
            if named == ours and live.secrets == ours.secrets:
                continue
        left.add(raw.path)
    if not left <= paths:  # it can't be told which is which
        return update
    differences = (replace(d, follows=d.path in paths - left) for d in update.differences)
    return replace(update, differences=tuple(differences))


def previous_names(desired: Sequence[Config]) -> Mapping[Key, tuple[str, ...]]:
    """Return each job's previous names: its own, and those it had in a folder's previous name.

    For "G/b", moved from "G/a", in a folder "G", moved from "F": "G/a", "F/b" and "F/a".
    """
    own = {rendered.name: rendered.moved_from for rendered in desired if rendered.kind is Kind.JOB}

    def names_of(name: str) -> list[str]:
        folder, _, leaf = name.rpartition("/")
        found = list(own.get(name, ()))
        if folder:
            leaves = dict.fromkeys([leaf, *(old.rpartition("/")[2] for old in found)])
            found += [f"{other}/{each}" for other in names_of(folder) for each in leaves]
        return found

    found = {(Kind.JOB, name): tuple(dict.fromkeys(names_of(name))) for name in own}
    return {key: names for key, names in found.items() if names}


def pair_alike(gone: Sequence[Config], new: Sequence[Config]) -> Iterator[tuple[Config, Config]]:
    """Yield which of the new ones each of those that go probably is by now, the likeliest first.

    Looked at are, for each, those with the same name in another folder, else the first hundred.
    """
    lines = {config.key: _lines_of(config) for config in (*gone, *new)} if gone else {}
    found: list[tuple[float, Config, Config]] = []
    for old in gone:
        leaf = old.name.rpartition("/")[2]
        same_kind = [c for c in new if (c.kind, c.normal.tag) == (old.kind, old.normal.tag)]
        same_leaf = [c for c in same_kind if c.name.rpartition("/")[2] == leaf]
        for config in same_leaf or same_kind[:_LOOKED_AT]:
            one, other = lines[old.key], lines[config.key]
            likeness = 2 * len(one & other) / (len(one) + len(other))
            if likeness >= _ALIKE:
                found.append((likeness, old, config))
    taken: set[Key] = set()
    for _, old, config in sorted(found, key=lambda each: -each[0]):
        if taken.isdisjoint((old.key, config.key)):
            taken |= {old.key, config.key}
            yield old, config


def _lines_of(config: Config) -> set[tuple[str, str]]:
    """Return all that a config says, line by line, each with its field."""
    parts = [part for part in config.normal.walk() if part.text]
    lines = {(part.tag, line) for part in parts for line in part.text.split("\n")}
    return lines | {("description", line) for line in config.description.split("\n")}


def names_to_look_at(desired: Sequence[Config]) -> tuple[Key, ...]:
    """Return all that a plan must know of: each job under its name and its previous ones."""
    previous = previous_names(desired)
    return tuple(
        (rendered.kind, name)
        for rendered in desired
        for name in (rendered.name, *previous.get((rendered.kind, rendered.name), ()))
    )
