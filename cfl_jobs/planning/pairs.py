"""Elements of two texts of a job → which of one side was which of the other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.words import is_secret

Numbered = tuple[str, Normal]

_FLAG_OR_NUMBER = re.compile(r"true|false|-?\d+(\.\d+)?")
_TELLING = 8  # characters: such a text is hardly two fields' by chance
_COLLECTION = re.compile(r"java\.(util|lang)\.")


def choose_pair(child: Normal, candidates: Sequence[Numbered]) -> Numbered | None:
    """Return the element that `child` most likely was: same tag, and same name if it has one."""
    same = [pair for pair in candidates if pair[1].tag == child.tag]
    name = child.find("name")
    if name is not None and child.tag.endswith(("ParameterDefinition", "Parameter")):
        return next((pair for pair in same if pair[1].find("name") == name), None)
    if not child.children:  # a value, or an element whose fields are all as they are by default
        return None if child.text else next((p for p in same if p[1].children), None)
    return same[0] if same else None


def find_moved(places: Sequence[int]) -> tuple[int, ...]:
    """Return which of these, given by their places on the other side, have another order there.

    As few as can be: all but the longest run that goes up, [2, 0, 1] → (0,).
    """
    runs: list[tuple[int, ...]] = []  # the longest run that ends with each
    for number, place in enumerate(places):
        before = [run for run in runs if places[run[-1]] < place]
        runs.append((*max(before, key=len, default=()), number))
    kept = max(runs, key=len, default=())
    return tuple(number for number in range(len(places)) if number not in kept)


def is_renamed(gone: Normal, new: Normal) -> bool:
    """Tell whether a field that is new in an element is one that is gone, under another name.

    It has the same value, and that or the two names tell it: a flag, a number or a short text is
    equal by chance.
    """
    if is_secret(gone.tag, gone.text) != is_secret(new.tag, new.text):
        return False
    if (gone.text, gone.children) != (new.text, new.children) or not (gone.text or gone.children):
        return False
    return _tells(gone) or _is_like(gone.tag.lower(), new.tag.lower())


def is_other_class(wanted: Normal, live: Normal) -> bool:
    """Tell whether an object that we want is one of another class, not just moved or renamed."""
    ours, theirs = (dict(side.attributes).get("class", "") for side in (wanted, live))
    if "." not in ours or _COLLECTION.match(ours) or ours == theirs:
        return False
    has_moved = _simple(ours) == _simple(theirs)
    return not has_moved or (wanted.text, wanted.children) != (live.text, live.children)


def _tells(normal: Normal) -> bool:
    if normal.children:
        return True
    return len(normal.text) >= _TELLING and not _FLAG_OR_NUMBER.fullmatch(normal.text)


def _is_like(one: str, other: str) -> bool:
    """Tell whether a name is the other's with something added: `project`, `projectName`."""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) > 2 and shorter in longer


def _simple(class_name: str) -> str:
    return re.split(r"[.$]", class_name)[-1]
