"""A rendered job + what the target has of it → what is to be done to it, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cfl_jobs.configs.mark import Mark, code_of_name, fingerprint
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.planning.differences import (
    Change,
    Difference,
    Raw,
    Side,
    compare,
    describe,
    find_losses,
)
from cfl_jobs.planning.habits import Habits, is_new_field, is_upgraded
from cfl_jobs.planning.losses import advise_on_taken
from cfl_jobs.planning.observe import Live, normal_of_root, says_disabled
from cfl_jobs.planning.places import place_of
from cfl_jobs.planning.plan import Note, Update
from cfl_jobs.planning.secrets import compare_secrets
from cfl_jobs.planning.sides import attribute
from cfl_jobs.planning.words import split_words
from cfl_jobs.rendering.rendered import Rendered
from cfl_jobs.target import Kind


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What makes a job that is there what is wanted. `is_needed` is False for nothing at all.

    `taken` is what someone asked for and an upgrade took away: its words, the plugin, what to do.
    """

    update: Update
    is_needed: bool
    notes: tuple[Note, ...] = ()
    taken: tuple[tuple[str, str, str], ...] = ()


def plan_job(
    rendered: Rendered,
    root: ET.Element,
    live: Live,
    *,
    habits: Callable[[], Habits],
    old_name: str = "",
    adopted: bool = False,
) -> JobPlan:
    """Compare one job, whose config parsed is `root`, which is used up.

    `old_name` is what it is called there, `adopted` says that it isn't ours.
    """
    kind, name = rendered.kind, rendered.name
    says = says_disabled(root)
    live = live.beside(root)
    wanted = normal_of_root(root, live.versions)
    raws = compare(wanted, live.normal)
    sided = attribute(
        raws,
        wanted=wanted,
        live=live.normal,
        mark=live.mark,
        habits=habits,
    )
    # What Jenkins dropped at the last update is tried again: its plugin may be there by now.
    dropped = frozenset() if _is_verified(live) else frozenset(find_losses(raws, rendered.own))
    visible = {raw for raw, side in sided if side is not Side.JENKINS or raw in dropped}
    differences = [
        describe(
            raw,
            side,
            place_of(rendered, raw),
            remark=_doubt(raw, side, live.mark),
            versions=live.versions,
        )
        for raw, side in sided
        if raw in visible
    ]
    own = [describe(raw, side, versions=live.versions) for raw, side in sided if raw not in visible]
    lost = set(find_losses(raws, rendered.own)) - visible
    taken = [
        (raw.label, raw.plugin, advise_on_taken(raw))
        for raw in raws
        if raw in lost and is_upgraded(raw, live.mark)
    ]
    stays_disabled = _stays_disabled(says, live)
    differences += _compare_disabled(rendered, live, says, stays_disabled=stays_disabled)
    differences += _compare_secrets(rendered, wanted, live, raws)
    update = Update(
        kind,
        name,
        rendered.config,
        rendered.definition,
        live.config,
        tuple(differences),
        keep_disabled=stays_disabled,
        adopted=adopted,
        old_name=old_name,
        project=rendered.project,
        own=rendered.own,
    )
    notes = [Note(kind, name, "is disabled on the server, and stays so")] if stays_disabled else []
    notes += _note_build_written(kind, name, live)
    for found in own:
        text = f"Jenkins' own: {found.label}: {found.before or 'not there'}"
        notes.append(Note(kind, name, text, quiet=True))
    is_needed = bool(differences or old_name) or not _is_confirmed(rendered, wanted, live, says)
    return JobPlan(update, is_needed, tuple(notes), tuple(taken))


def _note_build_written(kind: Kind, name: str, live: Live) -> Iterator[Note]:
    """Tell what stays that the definition doesn't set, and more loudly where that is a guess."""
    for listed, text in (
        (True, "Jenkins' own, written by its builds"),
        (False, "has triggers that its definition doesn't set; as a build may have, they stay"),
    ):
        parts = [part for part in live.build_written if part.is_listed is listed]
        words = dict.fromkeys(split_words(part.element.tag) for part in parts)
        if parts:
            yield Note(kind, name, f"{text}: {', '.join(words)}", quiet=listed)


def _stays_disabled(says: bool | None, live: Live) -> bool:
    """Tell whether someone disabled it on the server, and the definition says nothing of that.

    One that says no more that the job is disabled, as it did at the last update, says something.
    """
    said = live.mark.said_disabled if live.mark else None
    return live.disabled and says is None and said is not True


def _compare_disabled(
    rendered: Rendered, live: Live, says: bool | None, *, stays_disabled: bool
) -> Iterator[Difference]:
    wanted = live.disabled if says is None and (stays_disabled or not live.disabled) else bool(says)
    if wanted == live.disabled:
        return
    side = Side.ADOPT
    if live.mark:
        side = Side.THEIRS if live.mark.said_disabled == says else Side.OURS
    words = {True: "true", False: "false"}
    shown = (Change.CHANGED, words[live.disabled], words[wanted], side)
    yield Difference("disabled", "disabled", *shown, rendered.place_of("disabled"))


def _doubt(raw: Raw, side: Side, mark: Mark | None) -> str:
    """Say what isn't sure: the mark was damaged, or a plugin's newer version may have set it."""
    if side is Side.UNKNOWN:
        return "ours or theirs: the mark was damaged"
    if side is Side.THEIRS and is_new_field(raw) and is_upgraded(raw, mark):
        return f"or set by {raw.plugin}, which is newer than at the last update"
    return ""


def _is_verified(live: Live) -> bool:
    return live.mark is None or live.mark.is_verified


def _compare_secrets(
    rendered: Rendered, wanted: Normal, live: Live, raws: Sequence[Raw]
) -> Iterator[Difference]:
    for found in compare_secrets(wanted, live.normal, live.mark, raws):
        shown = (Change.CHANGED, SECRET, f"{SECRET} (another)", found.side)
        position = rendered.place_of(found.path)
        yield Difference(found.path, found.label, *shown, position, found.remark)


def _is_confirmed(rendered: Rendered, wanted: Normal, live: Live, says: bool | None) -> bool:
    """Tell whether the mark says just what it would say after an update now."""
    mark = live.mark
    return (
        mark is not None
        and mark.is_verified
        and mark.applied == fingerprint(wanted)
        and (mark.file, mark.project) == (rendered.definition.file, rendered.project)
        and mark.name == code_of_name(rendered.name)
        and mark.said_disabled == says
    )
