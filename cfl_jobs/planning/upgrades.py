"""A job + what Jenkins does to jobs by itself → the codes its sections had before that.

A plugin's upgrade changes each section that it has to do with, and a Jenkins that encrypts a field
changes its section. Where a section without the fields that are a habit of the new version (see
habits.py), with those that it took, or with our plain text for an encrypted one, has a code of
then, nothing else changed in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cfl_jobs.configs.mark import Mark
from cfl_jobs.configs.normalform import SECRET, Normal
from cfl_jobs.configs.sections import code, code_of_version, sections
from cfl_jobs.planning.differences import Raw
from cfl_jobs.planning.habits import Habits, find_known, has_upgraded, is_gone_field
from cfl_jobs.rendering.noeffect import SUCCESSORS

# Each field doubles the tries, and with each try a wrong match by chance (18 bits) is more likely.
_MOST_FIELDS = 6

# The places of an element, and of those that it is in, among their parents' children.
_Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """The code of then of a section, and the fields that Jenkins itself changed: class and tag."""

    code: str
    fields: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Step:
    """A field that may be Jenkins' own change, and how it was: `before` is put at its place.

    `inserted`: nothing stands there now; otherwise `before`, if any, replaces what does.
    """

    place: _Place
    field: tuple[str, str]
    before: Normal | None = None
    inserted: bool = False

    def within(self) -> _Step:
        return replace(self, place=self.place[1:])


def find_codes_before(
    wanted: Normal, live: Normal, raws: Sequence[Raw], mark: Mark, habits: Callable[[], Habits]
) -> dict[str, Before]:
    """Return, by their codes of now, the sections that Jenkins itself changed, and nobody else.

    `raws` are the differences of the two.
    """
    encrypted = [raw for raw in raws if _is_encrypted(raw)]
    is_newer = has_upgraded(live, mark)
    if mark.kept is None or not (is_newer or encrypted):
        return {}
    then = set(mark.kept.parts)
    ours = find_known(wanted)
    found: dict[str, Before] = {}
    for _, section in sections(live):
        now = code(section)
        if now in then:
            continue
        inside = [raw for raw in raws if raw.place.live_section == section]
        steps = list(_find_encrypted(section, inside))
        if is_newer:
            for step in _find_habits(section, live.plugin, inside, mark, habits()):
                if step.inserted or step.field not in ours:
                    steps.append(step)
        before = _try_without(section, steps, then)
        if before:
            found[now] = before
    return found


def _is_encrypted(raw: Raw) -> bool:
    """Tell whether the server has a field encrypted that we give in plain text."""
    return (
        raw.wanted is not None
        and raw.live is not None
        and raw.live.text == SECRET
        and raw.wanted.text not in ("", SECRET)
    )


def _find_encrypted(element: Normal, raws: Sequence[Raw], place: _Place = ()) -> Iterator[_Step]:
    for number, child in enumerate(element.children):
        here = (*place, number)
        for raw in raws:
            if _is_encrypted(raw) and (raw.parent, raw.live) == (element.kind, child):
                yield _Step(here, (element.kind, child.tag), raw.wanted)
        yield from _find_encrypted(child, raws, here)


def _find_habits(
    element: Normal,
    around: str,
    raws: Sequence[Raw],
    mark: Mark,
    habits: Habits,
    place: _Place = (),
) -> Iterator[_Step]:
    """Yield the fields that a newer version added to an element, and those that it took."""
    plugin = element.plugin or around
    is_upgraded = bool(plugin) and code_of_version(plugin) not in mark.versions
    for number, child in enumerate(element.children):
        here = (*place, number)
        if is_upgraded and habits.adds(plugin, element.kind, child):
            yield _Step(here, (element.kind, child.tag))
        else:
            yield from _find_habits(child, plugin, raws, mark, habits, here)
    if not is_upgraded:
        return
    for gone in dict.fromkeys(_find_gone(element.kind, raws)):
        if habits.takes(plugin, element.kind, gone):
            # Fields stand in the order of their names, before a list's elements.
            number = sum(1 for other in element.children if _is_before(other, gone))
            yield _Step((*place, number), (element.kind, gone.tag), gone, inserted=True)


def _find_gone(kind: str, raws: Sequence[Raw]) -> Iterator[Normal]:
    """Yield fields of a class that may have been there: ours, and what we write otherwise now."""
    for raw in raws:
        if raw.wanted is not None and is_gone_field(raw) and raw.parent == kind:
            yield raw.wanted
    for successor in SUCCESSORS:
        if successor.kind == kind:
            yield from (Normal(successor.old, text=value) for value in successor.values)


def _is_before(one: Normal, other: Normal) -> bool:
    return "." not in one.tag and one.tag < other.tag


def _try_without(section: Normal, steps: Sequence[_Step], then: Collection[str]) -> Before | None:
    """Return what a section was then, if it is that without some of Jenkins' own changes."""
    if len(steps) > _MOST_FIELDS:
        return None
    for size in range(1, len(steps) + 1):
        for chosen in combinations(steps, size):
            before = code(_undo(section, chosen))
            if before in then:
                return Before(before, frozenset(step.field for step in chosen))
    return None


def _undo(element: Normal, steps: Collection[_Step]) -> Normal:
    children: list[Normal] = []
    for number, child in enumerate((*element.children, None)):
        here = [step for step in steps if step.place[0] == number]
        exact = [step for step in here if len(step.place) == 1]
        put = sorted((s.before for s in exact if s.before), key=lambda normal: normal.tag)
        children += put
        if child is None or any(not step.inserted for step in exact):
            continue
        inside = [step.within() for step in here if len(step.place) > 1]
        children.append(_undo(child, inside) if inside else child)
    return replace(element, children=tuple(children))
