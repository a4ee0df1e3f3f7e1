"""Two normal forms → what differs, and which element of one was which of the other.

Desired is what we render now, live is what the server has (see owners.py for whose each is).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum

from cfl_jobs.configs.normalform import LISTS, SETS, Normal
from cfl_jobs.configs.sections import is_plain_list, number_children, sections
from cfl_jobs.planning.words import is_secret, is_silent, word_for

Numbered = tuple[str, Normal]

_FLAG_OR_NUMBER = re.compile(r"true|false|-?\d+(\.\d+)?")
_TELLING = 8  # characters: such a text is hardly two fields' by chance
_COLLECTION = re.compile(r"java\.(util|lang)\.")


class Owner(Enum):
    """Whose a difference is."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"
    JENKINS = "Jenkins' own"
    ADOPT = "adopt"
    UNKNOWN = "not known"


class Change(Enum):
    """What becomes of a part of the job when the plan is carried out."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a comparison is: its path, its words, and the section of each side it is in.

    `label` leaves out what people don't speak of, `word` is the last step's all the same. `plugin`
    is the one that saved the server's element, as Jenkins writes it: "git@5.2.1".
    """

    path: str
    label: str
    word: str = ""
    desired_section: Normal | None = None
    live_section: Normal | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """A difference with the elements themselves; `desired` or `live` is None where it has none.

    `parent` is the class of the element around it, `plugin` the one that saved that on the server.
    """

    place: _Place
    parent: str
    change: Change
    desired: Normal | None
    live: Normal | None
    plugin: str = ""

    @property
    def label(self) -> str:
        return self.place.label or self.place.word

    @property
    def is_item(self) -> bool:
        """Whether it is a whole element of a list: a step, a publisher, a parameter."""
        element = self.desired or self.live
        if element is None:
            return False
        return self.parent in LISTS or "." in element.tag or self.place.path.endswith("]")

    @property
    def is_new_field(self) -> bool:
        """Whether it is a field that only the server's element has."""
        return self.desired is None and not self.is_item


def compare(desired: Normal, live: Normal) -> tuple[Raw, ...]:
    """Return every difference, in the order of the job's parts."""
    if desired == live:
        return ()
    return tuple(_compare_jobs(desired, live))


def find_losses(found: Iterable[Raw], own: Collection[str] = ()) -> tuple[Raw, ...]:
    """Return what Jenkins dropped: elements and values of ours that are not there any more.

    `own` are the paths of what nobody asked for (see Config.own), which is no loss.
    """
    raws = tuple(found)
    kept = find_renamed(raws).union(own)
    return tuple(raw for raw in raws if raw.place.path not in kept and _is_lost(raw))


def _compare_jobs(desired: Normal, live: Normal) -> Iterator[Raw]:
    root = _Place("", "", plugin=live.plugin)
    plain = replace(
        root, word="job", desired_section=sections(desired)[0][1], live_section=sections(live)[0][1]
    )
    if (desired.tag, desired.attributes) != (live.tag, live.attributes):
        yield Raw(replace(plain, label="kind of job"), "", Change.CHANGED, desired, live)
        return
    for tag in dict.fromkeys(child.tag for child in (*desired.children, *live.children)):
        ours, theirs = desired.find(tag), live.find(tag)
        empty = Normal(tag)
        lists = (ours or empty, theirs or empty)
        if tag in LISTS and all(is_plain_list(side) or side == empty for side in lists):
            place = replace(root, path=tag, label="" if is_silent(tag) else word_for(empty))
            yield from _compare_children(ours or empty, theirs or empty, place)
            continue
        is_section = tag == "description" or any(side and side.children for side in (ours, theirs))
        place = replace(root, desired_section=ours, live_section=theirs) if is_section else plain
        path = f"{desired.tag}/{tag}"
        if ours is None:
            yield _one_sided(desired, path, None, theirs, place)
        else:
            yield from _compare_pair(desired, (path, ours), theirs, place)


def _compare(desired: Normal, live: Normal, place: _Place) -> Iterator[Raw]:
    if desired == live:
        return
    if desired.attributes != live.attributes or (
        bool(desired.children) != bool(live.children) and (desired.text or live.text)
    ):
        yield Raw(place, "", Change.CHANGED, desired, live)
        return
    if desired.text != live.text:
        yield Raw(place, "", Change.CHANGED, desired, live)
    yield from _compare_children(desired, live, place)


def _compare_children(desired: Normal, live: Normal, place: _Place) -> Iterator[Raw]:
    ours = list(number_children(desired))
    theirs = list(number_children(live))
    tags = Counter(child.tag for _, child in ours)
    their_tags = Counter(child.tag for _, child in theirs)
    is_list = desired.tag in LISTS and desired.tag not in SETS

    def is_field(tag: str) -> bool:
        return not is_list and tags[tag] <= 1 and their_tags[tag] <= 1

    fields = {child.tag: child for _, child in theirs if is_field(child.tag)}
    for path, child in ours:
        if is_field(child.tag):
            yield from _compare_pair(desired, (path, child), fields.pop(child.tag, None), place)
    for tag, child in fields.items():
        yield _one_sided(live, f"{live.tag}/{tag}", None, child, place)
    yield from _compare_items(
        desired,
        [pair for pair in ours if not is_field(pair[1].tag)],
        [pair for pair in theirs if not is_field(pair[1].tag)],
        place,
    )


def _compare_pair(
    parent: Normal, ours: tuple[str, Normal], live: Normal | None, place: _Place
) -> Iterator[Raw]:
    path, child = ours
    if live is None:
        yield _one_sided(parent, path, child, None, place)
        return
    inner = _descend(place, path, child, child, live)
    for raw in _compare(child, live, inner):
        yield replace(raw, parent=parent.kind) if raw.place is inner else raw


def _compare_items(
    parent: Normal,
    ours: list[tuple[str, Normal]],
    theirs: list[tuple[str, Normal]],
    place: _Place,
) -> Iterator[Raw]:
    matcher = SequenceMatcher(
        None, [child for _, child in theirs], [child for _, child in ours], autojunk=False
    )
    gone: list[tuple[str, Normal]] = []
    new: list[tuple[str, Normal]] = []
    pairs: list[tuple[Numbered, Numbered]] = []
    for operation, their_from, their_to, our_from, our_to in matcher.get_opcodes():
        if operation == "equal":
            continue
        left = theirs[their_from:their_to]
        for path, child in ours[our_from:our_to]:
            pair = _choose_pair(child, left)
            if pair is None:
                new.append((path, child))
            else:
                left.remove(pair)
                pairs.append(((path, child), pair))
                yield from _compare_pair(parent, (path, child), pair[1], place)
        gone += left
    places = {path: number for number, (path, _) in enumerate(theirs)}
    for number in find_moved([places[pair[0]] for _, pair in pairs]):
        (path, child), (_, other) = pairs[number]
        inner = _descend(place, path, child, child, other)
        yield Raw(inner, parent.kind, Change.MOVED, child, other)
    for path, child in list(new):
        same = next((pair for pair in gone if pair[1] == child), None)
        if same is not None:
            gone.remove(same)
            inner = _descend(place, path, child, child, same[1])
            yield Raw(inner, parent.kind, Change.MOVED, child, same[1])
        else:
            yield _one_sided(parent, path, child, None, place)
    for path, child in gone:
        yield _one_sided(parent, path, None, child, place)


def _one_sided(
    parent: Normal, path: str, desired: Normal | None, live: Normal | None, place: _Place
) -> Raw:
    child = desired if desired is not None else live
    if child is None:
        raise ValueError("a difference of nothing")
    inner = _descend(place, path, child, desired, live)
    change = Change.REMOVED if desired is None else Change.ADDED
    return Raw(inner, parent.kind, change, desired, live, place.plugin)


def _descend(
    place: _Place, path: str, child: Normal, desired: Normal | None, live: Normal | None
) -> _Place:
    """Return the place of a child; `path` is the parent's tag and the child's step."""
    step = path.partition("/")[2]
    here = f"{place.path}/{step}" if place.path else step
    number = step.rpartition("[")[2].rstrip("]") if step.endswith("]") else ""
    word = word_for(child)
    is_list = is_silent(child.tag)
    label = place.label
    if not is_list:
        shown = f"{word} {number}" if number and not word.startswith("parameter ") else word
        label = f"{label}: {shown}" if label else shown
    desired_section, live_section = place.desired_section, place.live_section
    if desired_section is None and live_section is None:
        desired_section, live_section = desired, live
    plugin = (live.plugin if live else "") or place.plugin
    return _Place(here, label, word, desired_section, live_section, plugin)


def _is_lost(raw: Raw) -> bool:
    if raw.desired is None or raw.change is Change.MOVED:
        return False
    if raw.live is None or is_other_class(raw.desired, raw.live):
        return True
    had, has = (bool(side.text or side.children) for side in (raw.desired, raw.live))
    return (had and not has) or (bool(raw.desired.children) and not raw.live.children)


def find_renamed(raws: tuple[Raw, ...]) -> frozenset[str]:
    """Return the paths of fields whose value stands in the same element under another name."""
    gone = [raw for raw in raws if raw.live is None and not raw.is_item]
    new = [raw for raw in raws if raw.desired is None and not raw.is_item]
    found: set[str] = set()
    for old in gone:
        for other in new:
            around = old.place.path.rpartition("/")[0]
            beside = around and around == other.place.path.rpartition("/")[0]
            if beside and old.desired and other.live and is_renamed(old.desired, other.live):
                found |= {old.place.path, other.place.path}
                new.remove(other)
                break
    return frozenset(found)


def _choose_pair(child: Normal, candidates: Sequence[Numbered]) -> Numbered | None:
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


def is_other_class(desired: Normal, live: Normal) -> bool:
    """Tell whether an object that we want is one of another class, not just moved or renamed."""
    ours, theirs = (dict(side.attributes).get("class", "") for side in (desired, live))
    if "." not in ours or _COLLECTION.match(ours) or ours == theirs:
        return False
    has_moved = _simple(ours) == _simple(theirs)
    return not has_moved or (desired.text, desired.children) != (live.text, live.children)


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
