"""Both sides' sections now + the mark's codes of then → which was which then, and which is gone.

The mark has a code of each section that we applied, and of each that Jenkins made of them. Neither
list says which belongs to which, since Jenkins may add sections of its own, so they are aligned:
equal codes belong together, and codes of sections that still stand, and are of the same kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cfl_jobs.configs.mark import Fingerprint
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.sections import code, codes, sections


class Past:
    """One side of a job now, and what of it is as it was right after the last update."""

    def __init__(self, now: Normal, then: Fingerprint, before: Mapping[str, str]) -> None:
        whole, codes_ = codes(now)
        self._before = before
        parts = tuple(before.get(its_code, its_code) for its_code in codes_)
        self.is_changed = whole != then.whole and (not before or parts != then.parts)
        self.now = Counter(parts)
        self.then = Counter(then.parts)
        self.reordered = _find_reordered(now, parts, then.parts)

    def code_of(self, section: Normal) -> str:
        """Return a section's code, or the one it had before an upgrade."""
        its_code = code(section)
        return self._before.get(its_code, its_code)

    def keeps(self, section: Normal) -> bool:
        """Tell whether a section was there then, and as often as now."""
        its_code = self.code_of(section)
        return 0 < self.now[its_code] <= self.then[its_code]

    def lacks(self, its_code: str) -> bool:
        """Tell whether a section of then is gone or changed: there are fewer of that code."""
        return self.now[its_code] < self.then[its_code]


@dataclass(frozen=True, slots=True)
class Slot:
    """A section of then: its codes, as applied and as kept; "" where a side didn't have it."""

    applied: str
    kept: str


class History:
    """Both sides of a job now and then.

    `before`: for codes of sections that only a plugin's upgrade changed, those they had before.
    """

    def __init__(
        self,
        wanted: Normal,
        live: Normal,
        applied: Fingerprint,
        kept: Fingerprint,
        before: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.ours = Past(wanted, applied, {})
        self.theirs = Past(live, kept, before)
        self.is_known = bool(applied.parts) and bool(kept.parts)
        paths = {code(s): _kind(path) for path, s in (*sections(wanted), *sections(live))}
        paths |= {old: paths[new] for new, old in before.items()}
        self.slots = _align(applied.parts, kept.parts, paths)
        self._in_both = self.ours.now & self.theirs.now

    def slots_applied(self, section: Normal) -> frozenset[Slot]:
        """Return the sections of then that we applied just as this one."""
        return frozenset(s for s in self.slots if s.applied == code(section))

    def slots_kept(self, section: Normal) -> frozenset[Slot]:
        """Return the sections of then that Jenkins kept just as this one."""
        return frozenset(s for s in self.slots if s.kept == self.theirs.code_of(section))

    def lost_by_us(self, slots: Iterable[Slot]) -> bool:
        """Tell whether we no longer want one of these as it was."""
        return any(slot.applied and self.ours.lacks(slot.applied) for slot in slots)

    def lost_by_them(self, slots: Iterable[Slot]) -> bool:
        """Tell whether the server no longer has one of these as it was."""
        return any(slot.kept and self.theirs.lacks(slot.kept) for slot in slots)

    def lost_codes(self, slots: Iterable[Slot]) -> tuple[frozenset[str], frozenset[str]]:
        """Return the codes of these that we, and they, no longer have."""
        ours = frozenset(s.applied for s in slots if s.applied and self.ours.lacks(s.applied))
        theirs = frozenset(s.kept for s in slots if s.kept and self.theirs.lacks(s.kept))
        return ours, theirs

    @property
    def has_lost_unpaired(self) -> tuple[bool, bool]:
        """Whether we, and they, lost a section that the other side didn't have as its own."""
        alone = [slot for slot in self.slots if not (slot.applied and slot.kept)]
        return self.lost_by_us(alone), self.lost_by_them(alone)

    def count_lost_by_both(self) -> int:
        """Count the sections of then that neither side has any more, as far as can be told.

        Not counted are as many as stand, changed alike, on both sides.
        """
        both = [s for s in self.slots if s.applied and s.kept]
        lost = sum(
            1 for slot in both if self.ours.lacks(slot.applied) and self.theirs.lacks(slot.kept)
        )
        alike = self._in_both - self.ours.then - self.theirs.then
        return lost - alike.total()


def _find_reordered(now: Normal, parts: Sequence[str], then: Sequence[str]) -> frozenset[str]:
    """Return the lists whose sections, those that are as they were, have another order."""
    common = Counter(parts) & Counter(then)
    numbered = zip(parts, sections(now), strict=True)
    lists = {its_code: path.partition("/")[0] for its_code, (path, _) in numbered}
    before, after = (_pick(codes_, common) for codes_ in (then, parts))
    return frozenset(
        tag
        for tag in set(lists.values())
        if [c for c in before if lists[c] == tag] != [c for c in after if lists[c] == tag]
    )


def _pick(parts: Sequence[str], common: Counter[str]) -> list[str]:
    """Return the parts that are common, in order."""
    left = common.copy()
    found = []
    for part in parts:
        if left[part]:
            left[part] -= 1
            found.append(part)
    return found


def _kind(path: str) -> str:
    return path.partition("[")[0]


def _align(
    applied: Sequence[str], kept: Sequence[str], kinds: Mapping[str, str]
) -> tuple[Slot, ...]:
    """Pair two lists of codes in order: what is surely the same, and what is left between that.

    Where more is left on one side, nothing tells which is whose, so none of that is paired.
    """
    slots: list[Slot] = []
    i = j = 0
    for here, there in (*_find_sure(applied, kept, kinds), (len(applied), len(kept))):
        left, right = applied[i:here], kept[j:there]
        if len(left) == len(right) and all(map(_may_match(kinds), left, right)):
            slots += map(Slot, left, right)
        else:
            slots += [Slot(its_code, "") for its_code in left]
            slots += [Slot("", its_code) for its_code in right]
        if here < len(applied):
            slots.append(Slot(applied[here], kept[there]))
        i, j = here + 1, there + 1
    return tuple(slots)


def _may_match(kinds: Mapping[str, str]) -> Callable[[str, str], bool]:
    def may_match(one: str, other: str) -> bool:
        return one not in kinds or other not in kinds or kinds[one] == kinds[other]

    return may_match


def _find_sure(
    applied: Sequence[str], kept: Sequence[str], kinds: Mapping[str, str]
) -> list[tuple[int, int]]:
    """Return the pairs, in order, with equal codes or else of the same kind.

    Of several ways to pair them it is the one that leaves the fewest alone.
    """

    def score(one: str, other: str) -> int:
        if one == other:
            return 4
        if one in kinds and other in kinds:
            return 2 if kinds[one] == kinds[other] else 0
        return 1

    # best[i][j]: the best score of what comes after the first i and the first j.
    best = [[0] * (len(kept) + 1) for _ in range(len(applied) + 1)]
    for i in reversed(range(len(applied))):
        for j in reversed(range(len(kept))):
            pair = score(applied[i], kept[j])
            best[i][j] = max(best[i + 1][j + 1] + pair, best[i + 1][j], best[i][j + 1])
    found = []
    i = j = 0
    while i < len(applied) and j < len(kept):
        pair = score(applied[i], kept[j])
        if pair and best[i][j] == best[i + 1][j + 1] + pair:
            found += [(i, j)] if pair > 1 else []
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found
