"""Differences + the mark → whose each difference is: ours, theirs, both, or Jenkins' own.

Wanted is what we render now, live is what the server has. A section (see sections.py) of either
that has the code it had right after our last update hasn't changed since:

    wanted changed   live changed
    no               no             Jenkins' own: what it made of the job at that update
    yes              no             ours
    no               yes            theirs
    yes              yes            both

After a plugin was upgraded, Jenkins' next save may add fields to its elements or rename them, which
looks like theirs. Each element says which version saved it, and the mark has a code of each version
of the last update. So in an element of a newer version a field that we don't set is Jenkins' own,
if all elements of its class that this version saved, in two jobs or more, have it alike; and so is
a field whose value stands under another name now. Our values that are gone or changed never are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.differences import Change, Raw, Side, find_renamed
from cfl_jobs.planning.mark import Fingerprint, Mark
from cfl_jobs.planning.sections import code, code_of_version, codes

# What all elements of a class hold in a field, by the plugin that saved them, class and field.
Habits = Mapping[tuple[str, str, str], Normal]


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
    ours, theirs = _History(wanted, mark.applied), _History(live, mark.kept)
    renamed = find_renamed(raws)
    sides: list[tuple[Raw, Side]] = []
    for raw in raws:
        side = _attribute(raw, ours, theirs)
        if side in (Side.THEIRS, Side.BOTH) and is_upgraded(raw, mark):
            own = raw.place.path in renamed or (is_new_field(raw) and _is_habit(raw, habits()))
            side = Side.JENKINS if own else side
        sides.append((raw, side))
    if ours.is_changed and not any(side in (Side.OURS, Side.BOTH) for _, side in sides):
        # A part that Jenkins had rewritten, and that we no longer want, has no trace in the mark.
        sides = [(raw, Side.OURS if side is Side.JENKINS else side) for raw, side in sides]
    return tuple(sides)


def is_upgraded(raw: Raw, mark: Mark | None) -> bool:
    """Tell whether the element was saved by a plugin's version that the last update didn't meet."""
    if mark is None or not mark.versions or not raw.plugin:
        return False
    return code_of_version(raw.plugin) not in mark.versions


def is_new_field(raw: Raw) -> bool:
    """Tell whether it is a field that only the server's element has."""
    return raw.wanted is None and raw.live is not None and not raw.is_item


def learn_habits(jobs: Iterable[Normal]) -> Habits:
    """Return the fields that all elements of a class have alike, in two jobs or more."""
    totals: Counter[tuple[str, str]] = Counter()
    values: dict[tuple[str, str, str], list[tuple[int, Normal]]] = {}
    for number, job in enumerate(jobs):
        for plugin, element in _with_plugins(job):
            totals[plugin, element.kind] += 1
            for child in element.children:
                values.setdefault((plugin, element.kind, child.tag), []).append((number, child))
    return {
        key: found[0][1]
        for key, found in values.items()
        if len(found) == totals[key[:2]]
        and len({child for _, child in found}) == 1
        and len({number for number, _ in found}) > 1
    }


def _with_plugins(element: Normal, around: str = "") -> Iterator[tuple[str, Normal]]:
    """Yield each element with the plugin that saved it: Jenkins names it on the outermost only."""
    plugin = element.plugin or around
    yield plugin, element
    for child in element.children:
        yield from _with_plugins(child, plugin)


def _is_habit(raw: Raw, habits: Habits) -> bool:
    return raw.live is not None and habits.get((raw.plugin, raw.parent, raw.live.tag)) == raw.live


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
