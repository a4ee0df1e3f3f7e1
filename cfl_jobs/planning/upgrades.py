"""A job + what upgraded plugins write by themselves → the codes its sections had before that.

A plugin's upgrade changes each section that it has to do with. Where a section without the fields
that are a habit of the new version (see habits.py) has a code of then, nothing else changed in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.habits import Habits, has_upgraded
from cfl_jobs.planning.mark import Mark
from cfl_jobs.planning.sections import code, code_of_version, sections

# Each field doubles the tries, and with each try a wrong match by chance (18 bits) is more likely.
_MOST_FIELDS = 6

# The places of an element, and of those that it is in, among their parents' children.
_Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """The code of then of a section, and the fields that upgrades added: class and tag."""

    code: str
    added: frozenset[tuple[str, str]]


def find_codes_before(
    wanted: Normal, live: Normal, mark: Mark, habits: Callable[[], Habits]
) -> dict[str, Before]:
    """Return, by their codes of now, the sections that upgrades changed, and nothing else."""
    if mark.kept is None or not has_upgraded(live, mark):
        return {}
    then = set(mark.kept.parts)
    ours = {(element.kind, child.tag) for element in wanted.walk() for child in element.children}
    found: dict[str, Before] = {}
    for _, section in sections(live):
        now = code(section)
        if now in then:
            continue
        fields = {
            place: (parent.kind, child.tag)
            for place, parent, child in _find_habits(section, live.plugin, mark, habits())
            if (parent.kind, child.tag) not in ours
        }
        before = _try_without(section, fields, then)
        if before:
            found[now] = before
    return found


def _find_habits(
    element: Normal, around: str, mark: Mark, habits: Habits, place: _Place = ()
) -> Iterator[tuple[_Place, Normal, Normal]]:
    """Yield the place, the parent and the element of each field that is a habit."""
    plugin = element.plugin or around
    is_upgraded = bool(plugin) and code_of_version(plugin) not in mark.versions
    for number, child in enumerate(element.children):
        here = (*place, number)
        if is_upgraded and habits.get((plugin, element.kind, child.tag)) == child:
            yield here, element, child
        else:
            yield from _find_habits(child, plugin, mark, habits, here)


def _try_without(
    section: Normal, fields: Mapping[_Place, tuple[str, str]], then: Collection[str]
) -> Before | None:
    """Return what a section was then, if it is that without some of its fields."""
    if len(fields) > _MOST_FIELDS:
        return None
    for size in range(1, len(fields) + 1):
        for chosen in combinations(fields, size):
            before = code(_without(section, chosen))
            if before in then:
                return Before(before, frozenset(fields[place] for place in chosen))
    return None


def _without(element: Normal, places: Collection[_Place]) -> Normal:
    children = []
    for number, child in enumerate(element.children):
        inside = [place[1:] for place in places if place[0] == number]
        if () not in inside:
            children.append(_without(child, inside) if inside else child)
    return replace(element, children=tuple(children))
