"""Rendered jobs + what the target has → plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.errors import Position, UnsafePlan
from cfl_jobs.planning.differences import (
    Change,
    Difference,
    Raw,
    Side,
    compare,
    describe,
    find_losses,
)
from cfl_jobs.planning.mark import Mark, fingerprint
from cfl_jobs.planning.observe import Key, Live, Observed, normal_of, says_disabled
from cfl_jobs.planning.plan import Create, Delete, Note, Plan, PlannedChange, Update
from cfl_jobs.planning.sides import Habits, attribute, is_new_field, is_upgraded, learn_habits
from cfl_jobs.rendering.render import Rendered
from cfl_jobs.target import Kind

# What compose_step writes above the text of a script's file.
_FROM_FILE = re.compile(r"# From here on: (?P<file>.+), line (?P<line>\d+)\.")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is made of, and asked for: the same basis always makes the same plan."""

    wanted: tuple[Rendered, ...]
    observed: Observed
    adopt: bool = False
    prune: bool = False
    filtered: bool = False

    def plan(self) -> Plan:
        """Make the plan. Raises UnsafePlan as `plan_changes` does."""
        return plan_changes(
            self.wanted,
            self.observed,
            adopt=self.adopt,
            prune=self.prune,
            filtered=self.filtered,
        )


_UNMARKED = (
    "is there without our mark: it isn't ours, or its description was replaced; "
    "with --adopt it becomes ours"
)
_MARKED_BY_OTHERS = (
    "is managed by cfl-jobs from {0.file} in {0.project}; with --adopt it becomes ours"
)


def plan_changes(
    wanted: Sequence[Rendered],
    observed: Observed,
    *,
    adopt: bool = False,
    prune: bool = False,
    filtered: bool = False,
) -> Plan:
    """Compare what is wanted with what is there.

    `filtered`: `wanted` is only a part, so what isn't in it says nothing about what may go.
    Raises UnsafePlan where both are asked: to prune, and only a part.
    """
    check_filter(prune=prune, filtered=filtered)
    return _Planner(wanted, observed, adopt=adopt).plan(prune=prune, filtered=filtered)


def check_filter(*, prune: bool, filtered: bool) -> None:
    """Raise UnsafePlan where both are asked: to prune, and only a part."""
    if prune and filtered:
        raise UnsafePlan(
            "--prune and job names don't go together: a filter never deletes",
            advice="Leave the names out, or leave --prune out.",
        )


class _Planner:
    def __init__(self, wanted: Sequence[Rendered], observed: Observed, *, adopt: bool) -> None:
        self._wanted = wanted
        self._observed = observed
        self._adopt = adopt
        self._habits = cache(self._learn_habits)
        self._changes: list[PlannedChange] = []
        self._unchanged: list[Key] = []
        self._undone: list[Note] = []
        self._unadopted: list[Update] = []
        self._notes: list[Note] = []
        self._renamed: set[Key] = set()

    def plan(self, *, prune: bool, filtered: bool) -> Plan:
        for rendered in self._wanted:
            self._plan_one(rendered)
        if not filtered:
            self._plan_orphans(prune=prune)
        observed = self._observed
        return Plan(
            target=observed.label,
            changes=tuple(sorted(self._changes, key=_order)),
            unchanged=tuple(self._unchanged),
            undone=tuple(self._undone),
            unadopted=tuple(self._unadopted),
            notes=tuple(self._notes),
            managed=sum(1 for key in observed.listed if self._is_managed(key)),
        )

    def _is_managed(self, key: Key) -> bool:
        live = self._observed.live.get(key)
        return self._observed.is_ours(key) or (live is not None and self._is_ours(live))

    def _is_ours(self, live: Live) -> bool:
        """Tell whether a wanted job has our mark, or one from before the project had a name."""
        return live.mark is not None and live.mark.project in ("", self._observed.project)

    def _learn_habits(self) -> Habits:
        return learn_habits(live.normal for live in self._observed.live.values())

    def _plan_one(self, rendered: Rendered) -> None:
        key = (rendered.kind, rendered.name)
        live = self._observed.live.get(key)
        old_name = ""
        if key in self._observed.unreadable:
            self._undone.append(Note(*key, f"can't be read: {self._observed.unreadable[key]}"))
            return
        if live is None:
            old_name = self._find_old_name(rendered)
            live = self._observed.live.get((rendered.kind, old_name)) if old_name else None
        if live is None:
            self._changes.append(
                Create(*key, rendered.config, rendered.definition, rendered.project)
            )
            return
        if old_name:
            self._renamed.add((rendered.kind, old_name))
        if self._is_ours(live):
            self._compare(rendered, live, old_name)
        else:
            reason = _UNMARKED if live.mark is None else _MARKED_BY_OTHERS.format(live.mark)
            self._compare(rendered, replace(live, mark=None), old_name, reason)

    def _find_old_name(self, rendered: Rendered) -> str:
        there = [n for n in rendered.moved_from if (rendered.kind, n) in self._observed.live]
        return there[0] if there else ""

    def _compare(self, rendered: Rendered, live: Live, old_name: str, foreign: str = "") -> None:
        """Plan what makes `live` what is wanted; `foreign` says why it isn't ours."""
        kind, name = rendered.kind, rendered.name
        wanted = normal_of(rendered.config, name=name)
        if wanted.tag != live.normal.tag:
            kinds = f"is a {live.normal.tag} there, and a {wanted.tag} here"
            text = f"{kinds}: Jenkins can't make one of the other; rename or delete that one first"
            self._undone.append(Note(kind, old_name or name, text))
            return
        sided = attribute(
            compare(wanted, live.normal),
            wanted=wanted,
            live=live.normal,
            mark=live.mark,
            habits=self._habits,
        )
        # What Jenkins dropped at the last update is tried again: its plugin may be there by now.
        dropped = frozenset() if _is_verified(live) else frozenset(find_losses(r for r, _ in sided))
        visible = {raw for raw, side in sided if side is not Side.JENKINS or raw in dropped}
        differences = [
            describe(raw, side, _position(rendered, raw), remark=_doubt(raw, side, live.mark))
            for raw, side in sided
            if raw in visible
        ]
        own = [describe(raw, side) for raw, side in sided if raw not in visible]
        differences += self._compare_disabled(rendered, live)
        if not differences and _has_new_secret(wanted, live):
            shown = ("a password", Change.CHANGED, SECRET, f"{SECRET} (another)", Side.OURS)
            differences.append(Difference("", *shown, rendered.definition))
        disabled = live.disabled and says_disabled(rendered.config, name=name) is None
        update = Update(
            kind,
            name,
            rendered.config,
            rendered.definition,
            live.config,
            tuple(differences),
            keep_disabled=disabled,
            adopted=bool(foreign),
            old_name=old_name,
            project=rendered.project,
        )
        if foreign and not self._adopt:
            self._undone.append(Note(kind, update.name_there, foreign))
            self._unadopted.append(update)
            return
        if disabled:
            self._notes.append(Note(kind, name, "is disabled on the server, and stays so"))
        for difference in own:
            text = f"Jenkins' own: {difference.label}: {difference.before or 'not there'}"
            self._notes.append(Note(kind, name, text, quiet=True))
        if not differences and not old_name and _is_confirmed(rendered, wanted, live):
            self._unchanged.append((kind, name))
            return
        self._changes.append(update)

    def _compare_disabled(self, rendered: Rendered, live: Live) -> Iterator[Difference]:
        says = says_disabled(rendered.config, name=rendered.name)
        if says is not None and says != live.disabled:
            words = {True: "true", False: "false"}
            yield Difference(
                "disabled",
                "disabled",
                Change.CHANGED,
                words[live.disabled],
                words[says],
                Side.UNKNOWN if live.mark else Side.ADOPT,
                rendered.place_of("disabled"),
                remark="ours or theirs: the definition says so" if live.mark else "",
            )

    def _plan_orphans(self, *, prune: bool) -> None:
        wanted = {(rendered.kind, rendered.name) for rendered in self._wanted} | self._renamed
        observed = self._observed
        orphans = {key for key in observed.listed if key not in wanted and observed.is_ours(key)}
        for kind, name in sorted(orphans, key=lambda key: (key[0].value, key[1])):
            inside = [
                other
                for other in observed.listed
                if other[0] is kind and other[1].startswith(f"{name}/") and other not in orphans
            ]
            if inside and kind is Kind.JOB:
                text = f"is no longer defined, but holds {inside[0][1]!r}, so it stays"
                self._notes.append(Note(kind, name, text))
            elif not prune:
                text = "is no longer defined; --prune deletes it"
                self._notes.append(Note(kind, name, text))
            elif (kind, name) in observed.live:
                config = observed.live[kind, name].config
                self._changes.append(Delete(kind, name, config, observed.builds.get(name, 0)))


def _doubt(raw: Raw, side: Side, mark: Mark | None) -> str:
    """Say what isn't sure: the mark was damaged, or a plugin's newer version may have set it."""
    if side is Side.UNKNOWN:
        return "ours or theirs: the mark was damaged"
    if side is Side.THEIRS and is_new_field(raw) and is_upgraded(raw, mark):
        return f"or set by {raw.plugin}, which is newer than at the last update"
    return ""


def _is_verified(live: Live) -> bool:
    return live.mark is None or live.mark.is_verified


def _has_new_secret(wanted: Normal, live: Live) -> bool:
    """Tell whether the definition's password changed: Jenkins' own text of it says nothing."""
    mark = live.mark
    has_secret = any(element.secrets for element in wanted.walk())
    return has_secret and mark is not None and mark.applied != fingerprint(wanted)


def _is_confirmed(rendered: Rendered, wanted: Normal, live: Live) -> bool:
    """Tell whether the mark says just what it would say after an update now."""
    mark = live.mark
    return (
        mark is not None
        and mark.is_verified
        and (mark.file, mark.project) == (rendered.definition.file, rendered.project)
        and mark.applied == fingerprint(wanted)
    )


def _position(rendered: Rendered, raw: Raw) -> Position:
    if raw.wanted is None:
        return rendered.definition
    line = _find_script_line(raw.wanted.text, raw.live.text if raw.live else "")
    return line or rendered.place_of(raw.place.path)


def _find_script_line(wanted: str, live: str) -> Position | None:
    """Return the place, in its script's file, of the first line of a step that differs."""
    ours, theirs = wanted.splitlines(), live.splitlines()
    pairs = zip(ours, [*theirs, *[""] * len(ours)], strict=False)
    first = next((n for n, (mine, other) in enumerate(pairs) if mine != other), len(ours) - 1)
    for number, text in enumerate(ours[:first]):
        if found := _FROM_FILE.fullmatch(text):
            return Position(found["file"], int(found["line"]) + first - number - 1)
    return None


def _order(change: PlannedChange) -> tuple[int, int, str]:
    """Folders before what is in them, jobs before views; deletions last, inside out."""
    depth = change.name.count("/")
    if isinstance(change, Delete):
        return (2 if change.kind is Kind.VIEW else 3, -depth, change.name)
    return (0 if change.kind is Kind.JOB else 1, depth, change.name)
