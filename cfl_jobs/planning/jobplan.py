"""A rendered job + what the target has of it → what is to be done to it, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import Mark
from cfl_jobs.planning.describing import describe, place_of
from cfl_jobs.planning.differences import find_losses
from cfl_jobs.planning.fields import secret_paths
from cfl_jobs.planning.losses import advise_on_taken
from cfl_jobs.planning.owners import attribute
from cfl_jobs.planning.permissions import hide_granted
from cfl_jobs.planning.plan import Change, Difference, Note, Owner, Update
from cfl_jobs.planning.upgrades import Habits, is_upgraded
from cfl_jobs.planning.words import split_words


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What makes a job that is there what is desired. `is_needed` is False for nothing at all.

    `taken` is what someone asked for and an upgrade took away: its words, the plugin, what to do.
    """

    update: Update
    is_needed: bool
    notes: tuple[Note, ...] = ()
    taken: tuple[tuple[str, str, str], ...] = ()


def plan_job(
    desired: Config, live: Config, *, habits: Callable[[], Habits], adopted: bool = False
) -> JobPlan:
    """Compare one job, which `live` may have another name of. `adopted` says that it isn't ours."""
    kind, name = desired.key
    live = live.beside(desired)
    mark = None if adopted else live.mark
    owned = attribute(desired.normal, live.normal, mark, habits)
    raws = [one.raw for one in owned]
    # What Jenkins dropped at the last update is tried again: its plugin may be there by now.
    is_verified = mark is None or mark.is_verified
    lost = frozenset(find_losses(raws, desired.own))
    dropped = frozenset() if is_verified else lost
    visible = {raw for raw, owner, _ in owned if owner is not Owner.JENKINS or raw in dropped}
    hidden = secret_paths(desired.normal) | secret_paths(live.normal)
    differences = [
        describe(
            hide_granted(raw, mark),
            owner,
            place_of(desired, raw, live),
            remark=remark,
            hidden=hidden,
            versions=live.versions,
        )
        for raw, owner, remark in owned
        if raw in visible
    ]
    own = [
        describe(raw, owner, hidden=hidden, versions=live.versions)
        for raw, owner, _ in owned
        if raw not in visible
    ]
    taken = [
        (raw.label, raw.plugin, advise_on_taken(raw))
        for raw in raws
        if raw in lost and raw not in visible and is_upgraded(raw, mark)
    ]
    stays_disabled = _stays_disabled(desired, live, mark)
    differences += _compare_disabled(desired, live, mark, stays_disabled=stays_disabled)
    notes = [Note(kind, name, "is disabled on the server, and stays so")] if stays_disabled else []
    notes += _note_build_written(desired, live)
    for found in own:
        text = f"Jenkins' own: {found.label}: {found.before or 'not there'}"
        notes.append(Note(kind, name, text, quiet=True))
    update = Update(
        desired, live, tuple(differences), keep_disabled=stays_disabled, adopted=adopted
    )
    is_needed = bool(differences or update.old_name) or not desired.is_confirmed_by(mark)
    return JobPlan(update, is_needed, tuple(notes), tuple(taken))


def _note_build_written(desired: Config, live: Config) -> Iterator[Note]:
    """Tell what stays that the definition doesn't set, and more loudly where that is a guess."""
    for listed, text in (
        (True, "Jenkins' own, written by its builds"),
        (False, "has triggers that its definition doesn't set; as a build may have, they stay"),
    ):
        parts = [part for part in live.build_written if part.is_listed is listed]
        words = dict.fromkeys(split_words(part.element.tag) for part in parts)
        if parts:
            yield Note(*desired.key, f"{text}: {', '.join(words)}", quiet=listed)


def _stays_disabled(desired: Config, live: Config, mark: Mark | None) -> bool:
    """Tell whether someone disabled it on the server, and the definition says nothing of that.

    One that says no more that the job is disabled, as it did at the last update, says something.
    """
    said = mark.said_disabled if mark else None
    return live.disabled and desired.says_disabled is None and said is not True


def _compare_disabled(
    desired: Config, live: Config, mark: Mark | None, *, stays_disabled: bool
) -> Iterator[Difference]:
    if stays_disabled or desired.disabled == live.disabled:
        return
    owner = Owner.ADOPT
    if mark:
        owner = Owner.THEIRS if mark.said_disabled == desired.says_disabled else Owner.OURS
    words = {True: "true", False: "false"}
    shown = (Change.CHANGED, words[live.disabled], words[desired.disabled], owner)
    yield Difference("disabled", "disabled", *shown, desired.place_of("disabled"))
