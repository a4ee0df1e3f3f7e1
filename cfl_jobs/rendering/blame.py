"""A generated job → which line of which file made each part of its config, and what no line did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, chain
from types import MappingProxyType
from xml.etree import ElementTree as ET

from cfl_jobs.configs.config import Blame
from cfl_jobs.configs.configxml import element_paths, steps_of
from cfl_jobs.configs.fields import is_default
from cfl_jobs.configs.normalform import TEXTS
from cfl_jobs.errors import Position
from cfl_jobs.reading.tracking import LocatedText, Pieces, TrackedDict, peek, walk_mappings
from cfl_jobs.rendering.documentation import plain_name
from cfl_jobs.rendering.generator import Generated
from cfl_jobs.rendering.noeffect import NO_EFFECTS, Successor
from cfl_jobs.rendering.provenance import text_of

# What jenkins-job-builder makes of a job's or view's own options, where the names don't tell it.
_MADE_OF = MappingProxyType(
    {
        "buildWrappers": "wrappers",
        "logRotator": "logrotate",
        "assignedNode": "node",
        "canRoam": "node",
        "customWorkspace": "workspace",
        "jobNames": "job-name",
        "includeRegex": "regex",
        "properties/hudson.model.ParametersDefinitionProperty": "parameters",
    }
)
_AS_NAMED: Mapping[str, str] = MappingProxyType({})
_FLAG_OR_NUMBER = re.compile(r"true|false|-?\d+(\.\d+)?")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def blame_parts(made: Generated, data: TrackedDict) -> tuple[tuple[Blame, ...], frozenset[str]]:
    """Return the places of components' elements, and of leaves and lists that one option made.

    And the paths of what jenkins-job-builder wrote by itself: it looked for the option of that
    name, which nobody gave. Where that isn't sure, somebody is taken to have asked for it.
    """
    components: dict[int, tuple[Position, _Options]] = {}
    for it in made.components:
        options = _Options(walk_mappings(it.data), made.texts, is_raw=it.name == "raw")
        components |= dict.fromkeys(map(id, it.elements), (it.position, options))
    found: list[Blame] = []
    own: set[str] = set()

    def look_inside(parent: ET.Element, path: str, around: _Options) -> set[bool]:
        """Tell of an element's leaves that say something whether they were asked for.

        `around` are the options of the innermost component.
        """
        asked: set[bool] = set()
        for step, element in steps_of(parent):
            at = f"{path}/{step}".lstrip("/")
            if id(element) in components:
                position, options = components[id(element)]
                found.append(Blame(at, position))
                look_inside(element, at, options)
                asked.add(True)
                continue
            if around.is_given and (made_by := around.find_text(element, at)):
                found.append(Blame(at, *made_by))
            inside: set[bool] = set()
            if len(element):
                inside = look_inside(element, at, around)
            elif not is_default(element) or "." in element.tag:
                inside = {not around.leaves_out(element)}
            if inside == {False}:
                own.add(at)
            asked |= inside
        return asked

    mappings = walk_mappings(data, into_lists=False)
    look_inside(made.root, "", _Options(mappings, made.texts, special=_MADE_OF))
    return tuple(found), frozenset(own)


class _Options:
    """Where the options of a job or component stand, by their names and values.

    A job's lists hold components, which have options of their own. `texts` are those of which it
    is known where their pieces stand; `special` are names of what options make, by path.
    """

    def __init__(
        self,
        mappings: Iterable[TrackedDict],
        texts: Mapping[str, LocatedText],
        *,
        special: Mapping[str, str] = _AS_NAMED,
        is_raw: bool = False,
    ) -> None:
        self._mappings = tuple(mappings)
        self._texts = texts
        self._is_raw = is_raw
        self._special = special
        self._by_text: dict[str, list[tuple[str, Position]]] = {}
        self._items: dict[str, set[Position]] = {}
        self._joined: dict[str, tuple[Position, Pieces]] = {}
        self.is_given = bool(self._mappings)
        self._by_name: dict[str, list[tuple[TrackedDict, str]]] = {}
        for mapping in self._mappings:
            for key, value in dict.items(mapping):
                if key not in mapping.key_positions:
                    continue  # jenkins-job-builder adds some defaults to its data
                self._by_name.setdefault(plain_name(key), []).append((mapping, key))
                if isinstance(value, (str, int, float)):
                    text = text_of(value)
                    found = (key, mapping.value_positions.get(key, mapping.pos))
                    self._by_text.setdefault(text, []).append(found)
                    if "," in text and "\n" not in text:
                        self._add_items(_split(text, texts.get(text), _place_of(mapping, key)))
                elif items := getattr(value, "value_pos", getattr(value, "entry_positions", ())):
                    self._joined.update(_join(value, items, mapping.position_of(key)))
                    self._add_items(zip(value, items, strict=False))

    def _add_items(self, items: Iterable[tuple[object, Position]]) -> None:
        for item, place in items:
            if isinstance(item, str):
                self._items.setdefault(item, set()).add(place)

    def find_text(self, element: ET.Element, path: str) -> tuple[Position, Pieces] | None:
        """Return the place of what made an element, an option or a part of one, and its pieces."""
        text = "" if len(element) else element.text or ""
        if text in self._joined and text not in self._by_text:
            return self._joined[text]
        place = self._find_option(element.tag, text, path)
        if place is None and text.strip():
            place = self._find_item(text)
        if place is None:
            return None
        found = self._texts.get(element.text or "")
        return place, found.pieces if found and found.pos == place else ()

    def _find_option(self, tag: str, text: str, path: str) -> Position | None:
        """Return the place of the one option that made the element at a path."""
        if text and text in self._by_text:
            found = self._by_text[text]
            places = {place for _, place in found}
            if len(places) == 1 and not _FLAG_OR_NUMBER.fullmatch(text):
                return places.pop()
            for fits in (_is_same, _is_part):
                if places := {place for key, place in found if fits(key, tag)}:
                    return _only(places)
        named = self._by_name.get(plain_name(self._special.get(path, tag)), ())
        return _place_of(*named[0]) if len(named) == 1 else None

    def _find_item(self, text: str) -> Position | None:
        """Return the one place of what made an item of a list: a part of an option, or its name."""
        places = set(self._items.get(text, ()))
        if ":" in text:
            words = set(text.split(":"))
            for mapping, key in chain.from_iterable(self._by_name.values()):
                if words.issuperset(key.split(":")):
                    # Where a value of a definition is the option's name, that is to blame.
                    places.add(getattr(self._texts.get(key), "pos", _place_of(mapping, key)))
        return _only(places)

    def leaves_out(self, element: ET.Element) -> bool:
        """Tell whether what made a field that says something is an option that nobody gave."""
        if self._is_raw or element.attrib or "." in element.tag:
            return False
        if not self.is_given:
            return True
        # A list's texts, or texts put together, stand in fields of such names.
        if element.tag in TEXTS:
            return False
        given, missing = self._names
        return _is_any(missing, element.tag) and not _is_any(given, element.tag)

    @cached_property
    def _names(self) -> tuple[frozenset[str], frozenset[str]]:
        """The options that are given, and those that were asked for and aren't."""
        given = frozenset(key for named in self._by_name.values() for _, key in named)
        asked = frozenset[str]().union(*(at.asked_keys() for at in self._mappings))
        return given, asked - given


def _only(places: set[Position]) -> Position | None:
    """Return the one place, None where there are others."""
    return next(iter(places)) if len(places) == 1 else None


def _place_of(mapping: TrackedDict, key: str) -> Position:
    """Return where an option stands, or its value where that came from another file."""
    place = mapping.position_of(key)
    inside = getattr(dict.get(mapping, key), "pos", mapping.position_of_value(key))
    return inside if inside.file != place.file else place


def _join(
    items: Sequence[object], places: Sequence[Position], place: Position
) -> Iterator[tuple[str, tuple[Position, Pieces]]]:
    """Yield what jenkins-job-builder makes of a list that is to be one text, with its pieces.

    What stands between two items comes with the second one.
    """
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        return
    for comma in (",", ", "):
        ends = accumulate(len(comma) + len(text) for text in texts)
        starts = (0, *(end - len(comma) for end in ends))
        yield comma.join(texts), (place, tuple(zip(starts, places, strict=False)))


def _split(
    option: str, located: LocatedText | None, place: Position
) -> Iterator[tuple[str, Position]]:
    """Yield the items of a text that is a list of several, each with its place."""
    pieces = getattr(located, "pieces", ())
    end = 0
    for item in re.split(r"\s*,\s*", option):
        start = option.index(item, end)
        end = start + len(item)
        yield item, next((of for at, of in reversed(pieces) if at <= start), place)


def _is_same(key: str, tag: str) -> bool:
    """Tell whether an option and an element are called the same: days-to-keep, daysToKeep."""
    return plain_name(key) == plain_name(tag)


def _is_part(key: str, tag: str) -> bool:
    """Tell whether an option's name is an element's in short: block-downstream, timeout."""
    return len(plain_name(key)) > 2 and _words(key) <= _words(tag)


@lru_cache(maxsize=4096)
def _is_any(keys: frozenset[str], tag: str) -> bool:
    return any(_is_same(key, tag) or _is_part(key, tag) for key in keys)


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(name))


def put_successors(made: Generated, versions: Mapping[str, str]) -> Mapping[str, str]:
    """Write what is said differently in these versions, where someone asked for it.

    Returns the paths of the fields it changed, as they were, with those they have now.
    """
    rows = {
        (row.kind, row.name): row
        for row in NO_EFFECTS
        if row.successor and row.span.holds(versions)
    }
    fields: list[tuple[ET.Element, Successor]] = []
    for component in made.components:
        row = rows.get((component.kind, component.name))
        options = peek(component.data, component.name)
        if row and row.successor and peek(options, row.key) is not None:
            found = [element.find(row.successor.old) for element in component.elements]
            fields += [(element, row.successor) for element in found if element is not None]
    if not fields:
        return {}
    before = {element: path for path, element in element_paths(made.root)}
    for element, successor in fields:
        element.tag, element.text = successor.new, successor.values.get(element.text or "", "")
    after = {element: path for path, element in element_paths(made.root)}
    return {before[element]: after[element] for element, _ in fields}
