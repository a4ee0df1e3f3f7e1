"""Two normal forms → differences, in people's terms.

Wanted is what we render now, live is what the server has (see sides.py for whose each is).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum

from cfl_jobs.configs.normalform import LISTS, SECRET, SETS, Normal, absent_value
from cfl_jobs.configs.sections import is_plain_list, number_children, sections
from cfl_jobs.errors import Position
from cfl_jobs.planning.pairs import (
    Numbered,
    choose_pair,
    find_moved,
    is_other_class,
    is_renamed,
)
from cfl_jobs.planning.words import is_silent, secrets_of, show_value, word_for
from cfl_jobs.reading.versions import NEWEST


class Side(Enum):
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
class Difference:
    """One difference between what the server has (`before`) and what we want (`after`).

    `path` is as configxml.element_paths gives it, in the config of the side that has the part.
    `label` are people's words for it. `position` is what made the part.
    """

    path: str
    label: str
    change: Change
    before: str
    after: str
    side: Side = Side.UNKNOWN
    position: Position | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a comparison is: its path, its words, and the section of each side it is in.

    `label` leaves out what people don't speak of, `word` is the last step's all the same. `plugin`
    is the one that saved the server's element, as Jenkins writes it: "git@5.2.1".
    """

    path: str
    label: str
    word: str = ""
    wanted_section: Normal | None = None
    live_section: Normal | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """A difference with the elements themselves; `wanted` or `live` is None where it has none.

    `parent` is the class of the element around it, `plugin` the one that saved that on the server.
    """

    place: _Place
    parent: str
    change: Change
    wanted: Normal | None
    live: Normal | None
    plugin: str = ""

    @property
    def label(self) -> str:
        return self.place.label or self.place.word

    @property
    def is_item(self) -> bool:
        """Whether it is a whole element of a list: a step, a publisher, a parameter."""
        element = self.wanted or self.live
        if element is None:
            return False
        return self.parent in LISTS or "." in element.tag or self.place.path.endswith("]")

    @property
    def is_new_field(self) -> bool:
        """Whether it is a field that only the server's element has."""
        return self.wanted is None and not self.is_item


def compare(wanted: Normal, live: Normal) -> tuple[Raw, ...]:
    """Return every difference, in the order of the job's parts."""
    if wanted == live:
        return ()
    return tuple(_compare_jobs(wanted, live))


def find_losses(found: Iterable[Raw], own: Collection[str] = ()) -> tuple[Raw, ...]:
    """Return what Jenkins dropped: elements and values of ours that are not there any more.

    `own` are the paths of what nobody asked for (see Config.own), which is no loss.
    """
    raws = tuple(found)
    kept = find_renamed(raws).union(own)
    return tuple(raw for raw in raws if raw.place.path not in kept and _is_lost(raw))


def describe(
    raw: Raw,
    side: Side,
    position: Position | None = None,
    *,
    remark: str = "",
    versions: Mapping[str, str] = NEWEST,
) -> Difference:
    """Put a difference into words; secrets are left out. `remark`: what else is to be said.

    `versions` are the server's, by plugin or versions.CORE.
    """
    before = show_value(raw.live) if raw.live else ""
    after = show_value(raw.wanted) if raw.wanted else ""
    change = raw.change
    if raw.wanted and raw.live and raw.wanted.kind != raw.live.kind:
        before = "; ".join(filter(None, (f"class: {raw.live.kind}", before)))
        after = "; ".join(filter(None, (f"class: {raw.wanted.kind}", after)))
    elif change is Change.CHANGED and before == after and _text(raw.live) != _text(raw.wanted):
        # All that differs is hidden.
        before, after = (SECRET, after) if before == SECRET else (f"text with {SECRET}", "")
        after = f"{after or before} (another)"
    elif raw.wanted and raw.live and _has_other_secrets(raw.wanted, raw.live):
        remark = "; ".join(filter(None, (remark, "a secret in it changed too")))
    absent = _meaning_of_absence(raw, versions)
    if absent:
        before, after, change = before or absent, after or absent, Change.CHANGED
    return Difference(raw.place.path, raw.label, change, before, after, side, position, remark)


def _text(normal: Normal | None) -> tuple[str, ...]:
    return () if normal is None else tuple(part.text for part in normal.walk())


def _has_other_secrets(one: Normal, other: Normal) -> bool:
    """Tell whether texts have as many secrets, and not the same: that can't be seen otherwise."""
    secrets, others = secrets_of(one.text), secrets_of(other.text)
    return len(secrets) == len(others) and secrets != others


def _meaning_of_absence(raw: Raw, versions: Mapping[str, str]) -> str:
    """Return what a flag that one side doesn't have means there, "" where it is no flag."""
    element = raw.wanted or raw.live
    if element is None or raw.is_item or (raw.wanted and raw.live):
        return ""
    opposite = {"true": "false", "false": "true"}.get(element.text, "")
    meant = absent_value(raw.parent, element.tag, versions)
    return opposite if meant == opposite else ""


def _compare_jobs(wanted: Normal, live: Normal) -> Iterator[Raw]:
    root = _Place("", "", plugin=live.plugin)
    plain = replace(
        root, word="job", wanted_section=sections(wanted)[0][1], live_section=sections(live)[0][1]
    )
    if (wanted.tag, wanted.attributes) != (live.tag, live.attributes):
        yield Raw(replace(plain, label="kind of job"), "", Change.CHANGED, wanted, live)
        return
    for tag in dict.fromkeys(child.tag for child in (*wanted.children, *live.children)):
        ours, theirs = wanted.find(tag), live.find(tag)
        empty = Normal(tag)
        lists = (ours or empty, theirs or empty)
        if tag in LISTS and all(is_plain_list(side) or side == empty for side in lists):
            place = replace(root, path=tag, label="" if is_silent(tag) else word_for(empty))
            yield from _compare_children(ours or empty, theirs or empty, place)
            continue
        is_section = tag == "description" or any(side and side.children for side in (ours, theirs))
        place = replace(root, wanted_section=ours, live_section=theirs) if is_section else plain
        path = f"{wanted.tag}/{tag}"
        if ours is None:
            yield _one_sided(wanted, path, None, theirs, place)
        else:
            yield from _compare_pair(wanted, (path, ours), theirs, place)


def _compare(wanted: Normal, live: Normal, place: _Place) -> Iterator[Raw]:
    if wanted == live:
        return
    if wanted.attributes != live.attributes or (
        bool(wanted.children) != bool(live.children) and (wanted.text or live.text)
    ):
        yield Raw(place, "", Change.CHANGED, wanted, live)
        return
    if wanted.text != live.text:
        yield Raw(place, "", Change.CHANGED, wanted, live)
    yield from _compare_children(wanted, live, place)


def _compare_children(wanted: Normal, live: Normal, place: _Place) -> Iterator[Raw]:
    ours = list(number_children(wanted))
    theirs = list(number_children(live))
    tags = Counter(child.tag for _, child in ours)
    their_tags = Counter(child.tag for _, child in theirs)
    is_list = wanted.tag in LISTS and wanted.tag not in SETS

    def is_field(tag: str) -> bool:
        return not is_list and tags[tag] <= 1 and their_tags[tag] <= 1

    fields = {child.tag: child for _, child in theirs if is_field(child.tag)}
    for path, child in ours:
        if is_field(child.tag):
            yield from _compare_pair(wanted, (path, child), fields.pop(child.tag, None), place)
    for tag, child in fields.items():
        yield _one_sided(live, f"{live.tag}/{tag}", None, child, place)
    yield from _compare_items(
        wanted,
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
            pair = choose_pair(child, left)
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
    parent: Normal, path: str, wanted: Normal | None, live: Normal | None, place: _Place
) -> Raw:
    child = wanted if wanted is not None else live
    if child is None:
        raise ValueError("a difference of nothing")
    inner = _descend(place, path, child, wanted, live)
    change = Change.REMOVED if wanted is None else Change.ADDED
    return Raw(inner, parent.kind, change, wanted, live, place.plugin)


def _descend(
    place: _Place, path: str, child: Normal, wanted: Normal | None, live: Normal | None
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
    wanted_section, live_section = place.wanted_section, place.live_section
    if wanted_section is None and live_section is None:
        wanted_section, live_section = wanted, live
    plugin = (live.plugin if live else "") or place.plugin
    return _Place(here, label, word, wanted_section, live_section, plugin)


def _is_lost(raw: Raw) -> bool:
    if raw.wanted is None or raw.change is Change.MOVED:
        return False
    if raw.live is None or is_other_class(raw.wanted, raw.live):
        return True
    had, has = (bool(side.text or side.children) for side in (raw.wanted, raw.live))
    return (had and not has) or (bool(raw.wanted.children) and not raw.live.children)


def find_renamed(raws: tuple[Raw, ...]) -> frozenset[str]:
    """Return the paths of fields whose value stands in the same element under another name."""
    gone = [raw for raw in raws if raw.live is None and not raw.is_item]
    new = [raw for raw in raws if raw.wanted is None and not raw.is_item]
    found: set[str] = set()
    for old in gone:
        for other in new:
            around = old.place.path.rpartition("/")[0]
            beside = around and around == other.place.path.rpartition("/")[0]
            if beside and old.wanted and other.live and is_renamed(old.wanted, other.live):
                found |= {old.place.path, other.place.path}
                new.remove(other)
                break
    return frozenset(found)
