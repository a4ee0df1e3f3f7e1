"""A section that both sides may have changed + its codes of then → which of its fields changed.

The mark has one code for a section, not one for each field. But where the two sides differ in few
fields, the section as it was then is the one of today with some of these fields as the other side
has them: put in the right ones, and it has the code of then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.sections import code, number_children
from cfl_jobs.planning.differences import Change, Raw

# Each field doubles the tries, and with each try a wrong match by chance (18 bits) is more likely.
_MOST_FIELDS = 6

Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """The differences that one side made since, and the code that its section had before."""

    raws: frozenset[Raw]
    code: str


@dataclass(frozen=True, slots=True)
class _Edit:
    """What one difference puts in the place of an element: None for nothing."""

    steps: Steps
    old: Normal | None
    new: Normal | None


def find_ours(raws: Sequence[Raw], codes: Collection[str]) -> Changed | None:
    """Return what we changed since; None where that can't be told.

    `raws` are all differences of one section that both sides have, `codes` what it may have been.
    """
    return _solve(raws, codes, lambda raw: (raw.wanted, raw.live), _wanted_section, _live_section)


def find_theirs(raws: Sequence[Raw], codes: Collection[str]) -> Changed | None:
    """Return what was changed on the server since, in the same way."""
    return _solve(raws, codes, lambda raw: (raw.live, raw.wanted), _live_section, _wanted_section)


def section_path(raw: Raw) -> str:
    """Return the path of the section that a difference is in, "" for the plain fields."""
    steps, section = raw.place.path.split("/"), raw.place.wanted_section or raw.place.live_section
    if section is None:
        return raw.place.path
    if _tag(steps[0]) == section.tag:
        return steps[0]
    return "/".join(steps[:2]) if len(steps) > 1 and _tag(steps[1]) == section.tag else ""


def _wanted_section(raw: Raw) -> Normal | None:
    return raw.place.wanted_section


def _live_section(raw: Raw) -> Normal | None:
    return raw.place.live_section


def _solve(
    raws: Sequence[Raw],
    codes: Collection[str],
    elements: Callable[[Raw], tuple[Normal | None, Normal | None]],
    section_of: Callable[[Raw], Normal | None],
    other_of: Callable[[Raw], Normal | None],
) -> Changed | None:
    section = section_of(raws[0])
    if section is None or not codes or len(raws) > _MOST_FIELDS:
        return None
    if any(raw.change is Change.MOVED for raw in raws):
        return None
    path = section_path(raws[0])
    start = len(path.split("/")) if path else 0
    edits = [(raw, _Edit(tuple(raw.place.path.split("/")[start:]), *elements(raw))) for raw in raws]
    if _edited(section, [edit for _, edit in edits]) != other_of(raws[0]):
        return None
    for size in range(1, len(edits) + 1):
        for chosen in combinations(edits, size):
            candidate = _edited(section, [edit for _, edit in chosen])
            if candidate is not None and code(candidate) in codes:
                return Changed(frozenset(raw for raw, _ in chosen), code(candidate))
    return None


def _edited(section: Normal, edits: Sequence[_Edit]) -> Normal | None:
    """Return a section with some of its elements replaced, None where one can't be found."""
    found: Normal | None = section
    for edit in edits:
        found = _replace(found, edit.steps, edit) if found else None
    return found


def _replace(parent: Normal, steps: Steps, edit: _Edit) -> Normal | None:
    if not steps:
        return edit.new
    children = list(parent.children)
    if len(steps) == 1 and edit.old is None and edit.new is not None:
        return replace(parent, children=_insert(children, edit.new, parent))
    for number, (path, child) in enumerate(number_children(parent)):
        if path.partition("/")[2] == steps[0]:
            new = _replace(child, steps[1:], edit)
            if new is None and len(steps) > 1:
                return None
            children[number : number + 1] = [] if new is None else [new]
            return replace(parent, children=tuple(children))
    return None


def _insert(children: list[Normal], new: Normal, parent: Normal) -> tuple[Normal, ...]:
    """Put a field where the normal form has it: sorted by tag."""
    fields = [child for child in children if "." not in child.tag]
    place = next((n for n, child in enumerate(fields) if child.tag > new.tag), len(fields))
    return (*children[:place], new, *children[place:])


def _tag(step: str) -> str:
    return step.partition("[")[0]
