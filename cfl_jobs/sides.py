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

from cfl_jobs.differences import Raw, Side, find_renamed
from cfl_jobs.mark import Fingerprint, Mark
from cfl_jobs.normalform import Normal
from cfl_jobs.sections import code, codes

# What all elements of a class on a server hold in a field, by class and field.
Habits = Mapping[tuple[str, str], frozenset[Normal | None]]


def attribute(
    found: Iterable[Raw],
    *,
    wanted: Normal,
    mark: Mark | None,
    upgraded: bool,
    habits: Callable[[], Habits],
) -> tuple[tuple[Raw, Side], ...]:
    """Say whose each difference is.

    `upgraded`: the server's plugins aren't those of the last update. `habits`: what all elements
    of a class on the server hold in a field (see `learn_habits`).
    """
    raws = tuple(found)
    if not raws:
        return ()
    if mark is None or mark.applied is None or mark.kept is None:
        return tuple((raw, Side.UNKNOWN) for raw in raws)
    renamed = find_renamed(raws) if upgraded else frozenset()
    sides: list[tuple[Raw, Side]] = []
    for raw in raws:
        side = _attribute(raw, mark.applied, mark.kept)
        if side in (Side.THEIRS, Side.BOTH) and upgraded:
            own = raw.place.path in renamed or (
                raw.wanted is None
                and raw.live is not None
                and not raw.is_item
                and habits().get((raw.parent, raw.live.tag)) == frozenset((raw.live,))
            )
            side = Side.JENKINS if own else side
        sides.append((raw, side))
    changed = codes(wanted)[0] != mark.applied.whole
    if changed and not any(side in (Side.OURS, Side.BOTH) for _, side in sides):
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


def _attribute(raw: Raw, applied: Fingerprint, kept: Fingerprint) -> Side:
    wanted, live = raw.place.wanted_section, raw.place.live_section
    if not applied.parts or not kept.parts:
        return Side.UNKNOWN
    we_kept = wanted is not None and _has(wanted, applied)
    they_kept = live is not None and _has(live, kept)
    if wanted is None:
        if not they_kept:
            return Side.THEIRS
        return Side.OURS if live is not None and _has(live, applied) else Side.JENKINS
    if live is None:
        return Side.THEIRS if we_kept else Side.OURS
    if we_kept:
        return Side.JENKINS if they_kept else Side.THEIRS
    return Side.OURS if they_kept else Side.BOTH


def _has(section: Normal, print_: Fingerprint) -> bool:
    return code(section) in print_.parts
