"""Differences + the mark → whose each difference is: ours, theirs, both, or Jenkins' own.

Wanted is what we render now, live is what the server has. A section (see sections.py) of either
that has the code it had right after our last update hasn't changed since:

    wanted changed   live changed
    no               no             Jenkins' own: what it made of the job at that update
    yes              no             ours
    no               yes            theirs
    yes              yes            both; or each field by itself, see fields.py

That holds where the two are the same section of then. Where one side has it no more, a comparison
may have set it against another one: then it is the side's that lost one of the two.

A plugin's newer version adds fields to its elements, renames or leaves out some, which looks like
theirs: what is a habit of it (see habits.py), or a value that stands under another name now, is
Jenkins' own. Our values that are changed never are, unless they are encrypted now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cfl_jobs.configs.mark import Mark
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.sections import MATRIX, code
from cfl_jobs.planning.differences import Change, Raw, Side, find_renamed
from cfl_jobs.planning.fields import Changed, find_ours, find_theirs, section_path
from cfl_jobs.planning.habits import Habits, find_known, is_own, is_upgraded
from cfl_jobs.planning.history import History, Slot
from cfl_jobs.planning.upgrades import Before, find_codes_before


def attribute(
    found: Iterable[Raw],
    *,
    wanted: Normal,
    live: Normal,
    mark: Mark | None,
    habits: Callable[[], Habits],
) -> tuple[tuple[Raw, Side], ...]:
    """Say whose each difference of `wanted` and `live` is.

    `habits`: what the elements on the server have alike (see `learn_habits`).
    """
    raws = tuple(found)
    if not raws:
        return ()
    if mark is None:
        return tuple((raw, Side.ADOPT) for raw in raws)
    if mark.applied is None or mark.kept is None:
        return tuple((raw, Side.UNKNOWN) for raw in raws)
    upgraded = find_codes_before(wanted, live, raws, mark, habits)
    before = {now: section.code for now, section in upgraded.items()}
    sides = _attribute_all(raws, History(wanted, live, mark.applied, mark.kept, before))
    renamed = find_renamed(raws)
    known = cache(lambda: find_known(wanted))
    attributed: list[tuple[Raw, Side]] = []
    for raw in raws:
        side = sides[raw]
        if _is_undone(raw, upgraded):
            side = Side.JENKINS
        elif side in (Side.THEIRS, Side.BOTH) and is_upgraded(raw, mark):
            own = raw.place.path in renamed or is_own(raw, habits(), known())
            side = Side.JENKINS if own else side
        attributed.append((raw, side))
    return tuple(attributed)


def _is_undone(raw: Raw, upgraded: Mapping[str, Before]) -> bool:
    """Tell whether it is a field that Jenkins itself changed, and that alone in its section."""
    section, field = raw.place.live_section, raw.live or raw.wanted
    if section is None or field is None or raw.is_item:
        return False
    before = upgraded.get(code(section))
    return before is not None and (raw.parent, field.tag) in before.fields


def _attribute_all(raws: Sequence[Raw], history: History) -> dict[Raw, Side]:
    whole = _side(ours=history.ours.is_changed, theirs=history.theirs.is_changed)
    if whole is Side.JENKINS or not history.is_known:
        return dict.fromkeys(raws, whole)
    pairs: dict[str, list[Raw]] = {}
    alone: list[Raw] = []
    for raw in raws:
        if _is_of_pair(raw):
            pairs.setdefault(section_path(raw), []).append(raw)
        else:
            alone.append(raw)
    conflicts = sum(1 for pair in pairs.values() if _keepers(pair[0], history) == (False, False))
    judge = _Judge(
        history,
        is_unexplained=history.count_lost_by_both() > conflicts,
        moved=frozenset(_list_of(raw) for raw in alone if raw.change is Change.MOVED),
    )
    sides = {raw: judge.attribute_alone(raw) for raw in alone}
    for pair in pairs.values():
        sides |= judge.attribute_pair(pair)
    return {raw: _limit(side, whole) for raw, side in sides.items()}


def _is_of_pair(raw: Raw) -> bool:
    """Tell whether a difference is within a section that stands on both sides."""
    if raw.place.wanted_section is None or raw.place.live_section is None:
        return False
    return raw.change is not Change.MOVED or raw.place.path != section_path(raw)


def _list_of(raw: Raw) -> str:
    return raw.place.path.partition("/")[0]


def _side(*, ours: bool, theirs: bool) -> Side:
    """Return whose it is, of who changed something."""
    if ours:
        return Side.BOTH if theirs else Side.OURS
    return Side.THEIRS if theirs else Side.JENKINS


def _join(one: Side, other: Side) -> Side:
    """Return whose two changes are together, that are told as one."""
    if one is Side.JENKINS or one is other:
        return other
    return one if other is Side.JENKINS else Side.BOTH


def _limit(side: Side, whole: Side) -> Side:
    """A side on which nothing changed has no part in any difference."""
    return side if whole is Side.BOTH or side is Side.JENKINS else whole


def _is_in(raw: Raw, changed: Changed | None) -> bool:
    return changed is not None and raw in changed.raws


def _keepers(raw: Raw, history: History) -> tuple[bool, bool]:
    """Return whether we, and they, have the section of a difference as it was then."""
    wanted, live = raw.place.wanted_section, raw.place.live_section
    we_keep = wanted is not None and history.ours.keeps(wanted)
    return we_keep, live is not None and history.theirs.keeps(live)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Says whose a difference is, where anything changed since.

    `is_unexplained`: both lost a section of then, and no pair that both changed accounts for it, so
    that it may be behind any change. `moved` are the lists of which a new order is told already.
    """

    history: History
    is_unexplained: bool
    moved: frozenset[str]

    def attribute_alone(self, raw: Raw) -> Side:
        """Say whose it is that a section is on one side only, or in another place."""
        history = self.history
        wanted, live = raw.place.wanted_section, raw.place.live_section
        we_keep, they_keep = _keepers(raw, history)
        if wanted is not None and live is not None:
            moved = self._who_reordered(raw)
            new = _side(ours=not we_keep, theirs=not they_keep)
            if moved is not Side.JENKINS:
                return moved
            return self._by_order(raw) if new is Side.JENKINS else new
        we_lost, they_lost = history.has_lost_unpaired
        if wanted is not None:
            slots = history.slots_applied(wanted)
            lost = history.lost_by_them(slots)
            if not we_keep:
                side = _side(ours=True, theirs=lost or self.is_unexplained)
            elif not any(slot.kept for slot in slots):
                return _side(ours=False, theirs=they_lost)
            else:
                side = Side.THEIRS if lost else self._by_order(raw)
        elif live is not None:
            slots = history.slots_kept(live)
            lost = history.lost_by_us(slots)
            if not they_keep:
                side = _side(ours=lost or self.is_unexplained, theirs=True)
            elif not any(slot.applied for slot in slots):
                return _side(ours=we_lost, theirs=False)
            else:
                side = Side.OURS if lost else self._by_order(raw)
        else:
            raise ValueError("a section of neither side")
        # A section that one side changed and the other moved is told as one gone and one new.
        return _join(side, self._who_moved(raw))

    def attribute_pair(self, raws: Sequence[Raw]) -> Mapping[Raw, Side]:
        """Say whose each difference is within a section that stands on both sides."""
        history = self.history
        wanted, live = raws[0].place.wanted_section, raws[0].place.live_section
        if wanted is None or live is None:
            raise ValueError("not a section of both sides")
        we_keep, they_keep = _keepers(raws[0], history)
        applied, kept = history.slots_applied(wanted), history.slots_kept(live)
        if we_keep and they_keep:
            if applied & kept:
                return dict.fromkeys(raws, Side.JENKINS)
            # Two sections of then, set against each other by the comparison: others are gone.
            we_lost, they_lost = history.lost_by_us(kept), history.lost_by_them(applied)
            lost = _side(ours=we_lost, theirs=they_lost)
            return dict.fromkeys(raws, self._by_order(raws[0]) if lost is Side.JENKINS else lost)
        granted = {raw for raw in raws if raw.wanted is None and raw.parent.endswith(MATRIX)}
        if granted and they_keep and kept and not any(slot.applied for slot in kept):
            # Jenkins made that matrix by itself, for who made the job.
            added = _side(ours=True, theirs=self.is_unexplained)
            return {raw: Side.JENKINS if raw in granted else added for raw in raws}
        slots = applied if we_keep else kept if they_keep else history.slots
        our_codes, their_codes = history.lost_codes(slots)
        ours = None if we_keep else find_ours(raws, our_codes)
        theirs = None if they_keep else find_theirs(raws, their_codes)
        if ours and theirs and Slot(ours.code, theirs.code) not in slots:
            ours = theirs = None  # found in two sections of then, of which this can be but one
        is_whole = any(it and it.raws == frozenset(raws) for it in (ours, theirs))
        moved = self._who_moved(raws[0])
        if is_whole and (self.is_unexplained or moved is not Side.JENKINS):
            ours = theirs = None  # no more than that one section of then may stand for another
        if (ours or we_keep) and (theirs or they_keep):
            return {raw: _side(ours=_is_in(raw, ours), theirs=_is_in(raw, theirs)) for raw in raws}
        if ours:
            return {raw: Side.OURS if raw in ours.raws else Side.THEIRS for raw in raws}
        if theirs:
            return {raw: Side.THEIRS if raw in theirs.raws else Side.OURS for raw in raws}
        unsure = self.is_unexplained
        side = _side(ours=unsure or not we_keep, theirs=unsure or not they_keep)
        return dict.fromkeys(raws, _join(side, moved))

    def _by_order(self, raw: Raw) -> Side:
        """Say who changed the order, or anything, where each side has all that is in question."""
        side = self._who_reordered(raw)
        if side is Side.JENKINS:
            ours, theirs = self.history.ours, self.history.theirs
            return _side(ours=ours.is_changed, theirs=theirs.is_changed)
        return side

    def _who_moved(self, raw: Raw) -> Side:
        """Say who changed the order, where nothing else tells of it."""
        return Side.JENKINS if _list_of(raw) in self.moved else self._who_reordered(raw)

    def _who_reordered(self, raw: Raw) -> Side:
        tag, history = _list_of(raw), self.history
        return _side(ours=tag in history.ours.reordered, theirs=tag in history.theirs.reordered)
