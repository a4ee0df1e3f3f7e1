"""Rendered jobs + what the target has → plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence, Set
from functools import cache, cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import Mark, code_of_text, split_description
from cfl_jobs.errors import UnsafePlan
from cfl_jobs.planning.observe import Observed, is_inside
from cfl_jobs.planning.plan import (
    Create,
    Delete,
    Difference,
    Note,
    Owner,
    Plan,
    PlannedChange,
    Update,
    in_order,
)
from cfl_jobs.planning.renames import mark_followers, pair_alike, previous_names
from cfl_jobs.reading.names import folders_of
from cfl_jobs.target import Key, Kind

if TYPE_CHECKING:
    from cfl_jobs.planning.owners import Habits

# What someone asked for and an upgrade took away: its words, the plugin, what to do.
_Taken = tuple[str, str, str]
_UNMARKED = (
    "is there without our mark: it isn't ours, or its description was replaced; "
    "with --adopt it becomes ours"
)
_OF_ANOTHER_PROJECT = (
    "is managed by cfl-jobs from {0.file} in {0.project}; with --adopt it becomes ours"
)
# hudson.model.AbstractItem.checkRename finds the job itself in the way (2.440.3, 2.568.2).
_TWO_STEPS = "give it another name first, update, then this one, each with `moved:`"
_ONLY_CASE = (
    "can't be renamed to {!r}: Jenkins refuses a name that differs in upper and lower case only; "
    + _TWO_STEPS
)
_OF_ANOTHER_JOB = (
    "carries another job's mark: it is a copy of that, or that one renamed by hand; "
    "with --adopt it becomes ours"
)


def plan_changes(
    desired: Sequence[Config],
    observed: Observed,
    *,
    adopt: bool = False,
    prune: bool = False,
    defined: Collection[Key] | None = None,
) -> Plan:
    """Compare what is desired with what is there.

    `defined`, where `desired` is only a part: all names, and previous ones, that are defined; none
    where that isn't known. Nothing goes then, but one that a new job probably was is told.
    Raises UnsafePlan where both are asked: to prune, and only a part.
    """
    check_filter(prune=prune, filtered=defined is not None)
    return _Planner(desired, observed, adopt=adopt).plan(prune=prune, defined=defined)


def check_filter(*, prune: bool, filtered: bool) -> None:
    """Raise UnsafePlan where both are asked: to prune, and only a part."""
    if prune and filtered:
        raise UnsafePlan(
            "--prune and job names don't go together: a filter never deletes",
            advice="Leave the names out, or leave --prune out.",
        )


class _Planner:
    def __init__(self, desired: Sequence[Config], observed: Observed, *, adopt: bool) -> None:
        self._desired = {config.key: config.on(observed.versions) for config in desired}
        self._observed, self._adopt = observed, adopt
        self._previous = previous_names(desired)
        self._by_lower_name = {(kind, name.lower()): name for kind, name in observed.listed}
        self._habits = cache(self._learn_habits)
        self._folder_problem = cache(self._check_folder)
        self._changes: list[PlannedChange] = []
        self._unchanged: list[Key] = []
        self._undone: list[Note] = []
        self._unadopted: list[Update] = []
        self._notes: list[Note] = []
        self._taken: dict[_Taken, list[str]] = {}  # with the jobs that had it
        self._probable_renames: dict[Key, Update] = {}
        # What no definition asks for by this name, and that is not to be deleted all the same.
        self._spared: set[Key] = set()

    def _learn_habits(self) -> Habits:
        from cfl_jobs.planning.owners import Habits

        return Habits(config.normal for config in self._observed.live.values())

    def plan(self, *, prune: bool, defined: Collection[Key] | None) -> Plan:
        for desired in self._desired.values():
            self._plan_one(desired)
        observed, live = self._observed, self._observed.live
        if defined is None:
            self._plan_orphans(prune=prune)
        elif defined:
            others = live.keys() - self._desired.keys() - self._spared - {*defined}
            self._find_probable_renames(set(filter(observed.is_ours, others)))
        for (label, plugin, advice), (first, *more) in self._taken.items():
            also = f" (so have {', '.join(more)})" * bool(more)
            text = f"has lost {label!r}{also}: {plugin.replace('@', ' ')} doesn't know it; {advice}"
            self._notes.append(Note(Kind.JOB, first, text))
        managed = sum(
            observed.is_ours(key) or (key in live and not self._foreign(key, live[key]))
            for key in observed.listed
        )
        adopted = sum(isinstance(c, Update) and c.adopted for c in self._changes)
        plan = Plan(
            target=observed.label,
            changes=in_order(self._changes),
            unchanged=tuple(self._unchanged),
            undone=tuple(self._undone),
            unadopted=tuple(self._unadopted),
            notes=tuple(self._notes),
            probable_renames=tuple(self._probable_renames.values()),
            managed=managed + adopted,
        )
        return mark_followers(plan)

    def _foreign(self, key: Key, live: Config) -> str:
        """Return why a job isn't ours, though a definition may want its name; "" if it is."""
        mark = live.mark
        if mark is None:
            return _UNMARKED
        if mark.project not in ("", self._observed.project):
            return _OF_ANOTHER_PROJECT.format(mark)
        if not mark.is_for((key[1], *self._previous.get(key, ()))):
            return _OF_ANOTHER_JOB
        return ""

    @cached_property
    def _names_by_code(self) -> dict[tuple[Kind, str], str]:
        """The names that are there, or desired, by the codes that marks have of them."""
        keys = (*self._desired, *reversed(tuple(self._observed.listed)))
        return {(kind, code_of_text(name)): name for kind, name in keys}

    @cached_property
    def _names_by_mark(self) -> dict[str, str]:
        """The names that are there by the codes in their marks; of several, the first."""
        keys = reversed(tuple(self._observed.listed))
        return {mark.name: key[1] for key in keys if (mark := self._marks(key))}

    def _plan_one(self, desired: Config) -> None:
        key = desired.key
        observed = self._observed
        previous = [(key[0], name) for name in self._previous.get(key, ())]
        there = next((name for name in (key, *previous) if name in observed.listed), None)
        # Never delete what a definition says it once was, in place of renaming it.
        self._spared.update(previous)
        for name in previous:
            if there == key and name in observed.listed and observed.is_ours(name):
                text = f"was to become {key[1]!r}, which is there too: it is left alone"
                self._notes.append(Note(*name, text))
        if there is None:
            self._plan_new(desired)
        elif there != key and there[1].lower() == key[1].lower():
            self._undone.append(Note(*there, _ONLY_CASE.format(desired.name)))
        elif there in observed.unreadable:
            self._undone.append(Note(*there, f"can't be read: {observed.unreadable[there]}"))
        elif there in observed.live:
            self._plan_update(desired, observed.live[there])

    def _check_folder(self, folder: str) -> str:
        """Return why nothing can be made in a folder, "" if it can."""
        key = (Kind.JOB, folder)
        live, desired = self._observed.live.get(key), self._desired.get(key)
        if live is not None and not live.is_folder:
            return f"{folder!r} is a job there, not a folder"
        if desired is not None and not desired.is_folder:
            return f"{folder!r} is defined as a job, not as a folder"
        if desired is None and key not in self._observed.listed:
            return f"there is no folder {folder!r}; define it, or make it in Jenkins first"
        return ""

    def _plan_new(self, desired: Config) -> None:
        key = kind, name = desired.key
        problem = next(filter(None, map(self._folder_problem, folders_of(name))), "")
        other = self._by_lower_name.get((kind, name.lower()))
        if not problem and other is not None:
            self._spared.add((kind, other))
            problem = f"Jenkins takes it for {other!r}, which is there"
            if kind is Kind.JOB:
                problem += f"; to rename that, {_TWO_STEPS}"
        if problem:
            self._undone.append(Note(*key, f"can't be made: {problem}"))
            return
        gone = ""
        if key in self._observed.left:
            gone = "deleted on the server"
            if called := self._names_by_mark.get(code_of_text(name)):
                gone += f", or called {called!r} there"
        self._changes.append(Create(desired, gone))

    def _plan_update(self, desired: Config, live: Config) -> None:
        key = desired.key
        if desired.normal.tag != live.normal.tag:
            kinds = f"is a {live.normal.tag} there, and a {desired.normal.tag} here"
            text = f"{kinds}: Jenkins can't make one of the other; rename or delete that one first"
            self._undone.append(Note(*live.key, text))
            return
        foreign = self._foreign(key, live)
        if not foreign and _is_as_desired(desired, live):
            self._unchanged.append(key)
            return
        update, notes, taken = _plan_job(desired, live, self._habits, adopted=bool(foreign))
        if foreign and not self._adopt:
            self._undone.append(Note(*live.key, foreign))
            self._unadopted.append(update)
            return
        self._notes += notes
        for loss in taken:
            self._taken.setdefault(loss, []).append(desired.name)
        is_right = not foreign and desired.is_confirmed_by(live.mark)
        if update.differences or update.old_name or not is_right:
            self._changes.append(update)
        else:
            self._unchanged.append(key)

    def _plan_orphans(self, *, prune: bool) -> None:
        """Plan what becomes of jobs of ours that no definition asks for: nothing, or they go."""
        defined = self._desired.keys() | self._spared
        observed = self._observed
        others = [key for key in observed.listed if key not in defined]
        marked = {key: mark for key in others if (mark := self._marks(key))}
        orphans = {key for key in marked if observed.is_ours(key)}
        going = orphans - set(observed.unreadable)
        self._find_probable_renames(going)
        held: dict[str, str] = {}  # the first name of what stays in each folder
        for key in observed.listed:
            if key not in going:
                _hold(key, held)
        unreadable = set(observed.unreadable) - defined - marked.keys()
        for key in sorted(unreadable, key=itemgetter(1)):
            text = f"can't be read, so it is left alone: {observed.unreadable[key]}"
            self._notes.append(Note(*key, text))
        for key in sorted(marked, key=lambda key: (key[0].value, -key[1].count("/"), key[1])):
            if key not in orphans:
                self._note_copy(key, marked[key].name)
            elif key in observed.unreadable:
                text = f"is no longer defined, but can't be read: {observed.unreadable[key]}"
                (self._undone if prune else self._notes).append(Note(*key, text))
            elif key[0] is Kind.JOB and key[1] in held:
                _hold(key, held)
                text = f"is no longer defined, but holds {held[key[1]]!r}, so it stays"
                self._notes.append(Note(*key, text))
            elif not prune:
                text = "is no longer defined; --prune deletes it"
                if renamed := self._probable_renames.get(key):
                    called = f"if it isn't called {renamed.name!r} by now"
                    text = f"is no longer defined; {called}, --prune deletes it"
                self._notes.append(Note(*key, text))
            elif key in observed.live:
                builds = observed.builds[key[1]] if key[0] is Kind.JOB else 0
                self._changes.append(Delete(observed.live[key], builds))

    def _find_probable_renames(self, going: Set[Key]) -> None:
        """Find new jobs that are much the same as one that goes: did someone forget `moved:`?"""
        new = [change.desired for change in self._changes if isinstance(change, Create)]
        live = self._observed.live
        gone = [live[key] for key in sorted(going, key=itemgetter(1)) if key in live]
        for old, desired in pair_alike(gone, [one for one in new if one.kind is Kind.JOB]):
            self._probable_renames[old.key], *_ = _plan_job(desired, old, self._habits)

    def _marks(self, key: Key) -> Mark | None:
        """Return the mark of a listed job that this project, or one without a name, set."""
        mark = split_description(self._observed.listed[key].description)[1]
        return mark if mark and mark.project == self._observed.project else None

    def _note_copy(self, key: Key, code: str) -> None:
        from cfl_jobs.check.shell import deploys
        from cfl_jobs.configs.read_model import read_job

        text, is_quiet = "has a mark of ours that is damaged or another job's", False
        if code and (of := self._names_by_code.get((key[0], code))):
            text, original = f"is a copy of {of!r}, or that one renamed by hand", (key[0], of)
            desired = self._desired.get(original)
            # If it deploys, a copy may be built by mistake.
            is_harmless = desired is None or not any(
                deploys(step.script) for step in desired.read(read_job).shells
            )
            is_quiet = original in self._observed.listed and is_harmless
        self._notes.append(Note(*key, f"{text}, so it is left alone", quiet=is_quiet))


def _is_as_desired(desired: Config, live: Config) -> bool:
    """Tell whether a job is just as the last update left it, so that nothing is to be compared.

    Passwords are left to a comparison, since Jenkins encrypts them.
    """
    return (
        desired.name == live.name
        and desired.normal == live.normal
        and desired.disabled == live.disabled
        and desired.is_confirmed_by(live.mark)
        and live.beside(desired) is live
        and not any(part.secrets for config in (desired, live) for part in config.normal.walk())
    )


def _hold(key: Key, held: dict[str, str]) -> None:
    """Enter something that stays for each folder it is in, if its name is the first there."""
    for folder in folders_of(key[1]):
        if is_inside(key, folder):
            held[folder] = min(key[1], held.get(folder, key[1]))


def _plan_job(
    desired: Config, live: Config, habits: Callable[[], Habits], *, adopted: bool = False
) -> tuple[Update, list[Note], list[_Taken]]:
    """Compare one job, which `live` may have another name of. `adopted` says that it isn't ours."""
    # What compares and words differences: a plan without any does without.
    from cfl_jobs.planning.describing import describe, describe_disabled, place_of
    from cfl_jobs.planning.differences import advise_on_taken, find_losses
    from cfl_jobs.planning.fields import hide_granted, secret_paths
    from cfl_jobs.planning.owners import attribute

    live, mark = live.beside(desired), live.mark
    if adopted:
        mark = None
    owned = attribute(desired.normal, live.normal, mark, habits)
    lost = frozenset(find_losses((one.raw for one in owned), desired.own))
    hidden = secret_paths(desired.normal) | secret_paths(live.normal)
    differences: list[Difference] = []
    taken: list[_Taken] = []
    # Someone disabled it on the server. A definition that no more says that the job is disabled, as
    # it did at the last update, says something.
    has_said = desired.says_disabled is not None or (mark is not None and bool(mark.said_disabled))
    stays_disabled = live.disabled and not has_said
    notes = [Note(*desired.key, "is disabled on the server, and stays so")] * stays_disabled
    notes += _note_build_written(desired, live)
    for raw, owner, remark in owned:
        # What Jenkins dropped at the last update is tried again: its plugin may be there by now.
        is_tried = raw in lost and mark is not None and not mark.is_verified
        if owner is not Owner.JENKINS or is_tried:
            shown, place = hide_granted(raw, mark), place_of(desired, raw, live)
            said = describe(shown, owner, place, remark, hidden=hidden, versions=live.versions)
            differences.append(said)
            continue
        own = describe(raw, owner, hidden=hidden, versions=live.versions)
        text = f"Jenkins' own: {own.label}: {own.before or 'not there'}"
        notes.append(Note(*desired.key, text, quiet=True))
        if raw in lost and raw.is_upgraded(mark):
            taken.append((raw.label, raw.plugin, advise_on_taken(raw)))
    if not stays_disabled:
        owner = Owner.ADOPT
        if mark:
            is_theirs = mark.said_disabled == desired.says_disabled
            owner = (Owner.OURS, Owner.THEIRS)[is_theirs]
        differences += describe_disabled(desired, live, owner, desired.place_of("disabled"))
    update = Update(
        desired, live, tuple(differences), keep_disabled=stays_disabled, adopted=adopted
    )
    return update, notes, taken


def _note_build_written(desired: Config, live: Config) -> Iterator[Note]:
    from cfl_jobs.planning.differences import split_words

    for listed, text in (
        (True, "Jenkins' own, written by its builds"),
        (False, "has triggers that its definition doesn't set; as a build may have, they stay"),
    ):
        parts = [part for part in live.build_written if part.is_listed is listed]
        words = dict.fromkeys(split_words(part.element.tag) for part in parts)
        if parts:
            yield Note(*desired.key, f"{text}: {', '.join(words)}", quiet=listed)
