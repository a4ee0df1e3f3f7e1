"""Differences + the mark → whose each difference is: ours, theirs, both, or Jenkins' own.

Wanted is what we render now, live is what the server has. A section (see sections.py) of either
that has the code it had right after our last update hasn't changed since:

    wanted changed   live changed
    no               no             Jenkins' own: what it made of the job at that update
    yes              no             ours
    no               yes            theirs
    yes              yes            both

After a plugin was upgraded, Jenkins' next save may add fields or rename them, which would look
like theirs. So if the server's plugins aren't those of the update, a field that we don't set and
that all elements of its class on the server have alike is Jenkins' own, and so is a field whose
value stands under another name now. Our values that are gone or changed never are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.differences import Change, Raw, Side, find_renamed
from cfl_jobs.planning.mark import Fingerprint, Mark
from cfl_jobs.planning.sections import code, codes

# What all elements of a class on a server hold in a field, by class and field.
Habits = Mapping[tuple[str, str], frozenset[Normal | None]]


def attribute(
    found: Iterable[Raw],
    *,
    wanted: Normal,
    live: Normal,
    mark: Mark | None,
    upgraded: bool,
    habits: Callable[[], Habits],
) -> tuple[tuple[Raw, Side], ...]:
    """Say whose each difference of `wanted` and `live` is.

    `upgraded`: the server's plugins aren't those of the last update. `habits`: what all elements
    of a class on the server hold in a field (see `learn_habits`).
    """
    raws = tuple(found)
    if not raws:
        return ()
    if mark is None or mark.applied is None or mark.kept is None:
        return tuple((raw, Side.UNKNOWN) for raw in raws)
    ours, theirs = _History(wanted, mark.applied), _History(live, mark.kept)
    renamed = find_renamed(raws) if upgraded else frozenset()
    sides: list[tuple[Raw, Side]] = []
    for raw in raws:
        side = _attribute(raw, ours, theirs)
        if side in (Side.THEIRS, Side.BOTH) and upgraded:
            own = raw.place.path in renamed or (
                raw.wanted is None
                and raw.live is not None
                and not raw.is_item
                and habits().get((raw.parent, raw.live.tag)) == frozenset((raw.live,))
            )
            side = Side.JENKINS if own else side
        sides.append((raw, side))
    if ours.is_changed and not any(side in (Side.OURS, Side.BOTH) for _, side in sides):
        # A part that Jenkins had rewritten, and that we no longer want, has no trace in the mark.
        sides = [(raw, Side.OURS if side is Side.JENKINS else side) for raw, side in sides]
    return tuple(sides)


def learn_habits(jobs: Iterable[Normal]) -> Habits:
    """Return, for each class and field, what its elements on the server hold in it.

    None stands for an element that doesn't have the field.
    """
    totals: Counter[str] = Counter()
    values: dict[tuple[str, str], list[Normal]] = {}
    for job in jobs:
        for element in job.walk():
            totals[element.kind] += 1
            for child in element.children:
                values.setdefault((element.kind, child.tag), []).append(child)
    return {
        key: frozenset(found) | ({None} if len(found) < totals[key[0]] else frozenset())
        for key, found in values.items()
    }


class _History:
    """One side of a job, and what of it is as it was right after the last update."""

    def __init__(self, now: Normal, then: Fingerprint) -> None:
        whole, parts = codes(now)
        self.is_changed = whole != then.whole
        self.is_known = bool(then.parts)
        self._now = Counter(parts)
        self._then = Counter(then.parts)
        common = self._now & self._then
        self.keeps_order = _pick(parts, common) == _pick(then.parts, common)

    def had(self, section: Normal) -> bool:
        """Tell whether a section was there then."""
        return code(section) in self._then

    def keeps(self, section: Normal) -> bool:
        """Tell whether a section was there then, and as often as now."""
        its_code = code(section)
        return 0 < self._now[its_code] <= self._then[its_code]


def _pick(parts: tuple[str, ...], common: Counter[str]) -> list[str]:
    """Return the parts that are common, in order."""
    left = common.copy()
    found = []
    for part in parts:
        if left[part]:
            left[part] -= 1
            found.append(part)
    return found


def _attribute(raw: Raw, ours: _History, theirs: _History) -> Side:
    we_keep = they_keep = False
    if ours.is_known and theirs.is_known:
        we_keep, they_keep = _compare_histories(raw, ours, theirs)
    # A side on which nothing changed has no part in any difference.
    we_keep = we_keep or not ours.is_changed
    they_keep = they_keep or not theirs.is_changed
    if we_keep:
        return Side.JENKINS if they_keep else Side.THEIRS
    return Side.OURS if they_keep else Side.BOTH


def _compare_histories(raw: Raw, ours: _History, theirs: _History) -> tuple[bool, bool]:
    """Return for each side whether it has the differing section as it was then."""
    wanted, live = raw.place.wanted_section, raw.place.live_section
    if wanted is None:
        if live is None or not theirs.keeps(live):
            return True, False
        return not ours.had(live), True
    if live is None:
        return (True, False) if ours.keeps(wanted) else (False, True)
    we_keep, they_keep = ours.keeps(wanted), theirs.keeps(live)
    if we_keep and they_keep and (raw.change is Change.MOVED or ours.had(live)):
        # Nothing but the order changed: each was there then, in another place.
        return ours.keeps_order, theirs.keeps_order
    return we_keep, they_keep
