"""A generated job → which line of which file made each part of its config, and what no line did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.config import Blame
from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.configs.normalform import TEXTS
from cfl_jobs.errors import Position
from cfl_jobs.reading.tracking import TrackedDict, walk_mappings
from cfl_jobs.rendering.generator import Generated

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
_FLAG_OR_NUMBER = re.compile(r"true|false|-?\d+(\.\d+)?")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def blame_parts(made: Generated, data: TrackedDict) -> tuple[tuple[Blame, ...], frozenset[str]]:
    """Return the places of components' elements, and of leaves and lists that one option made.

    And the paths of what jenkins-job-builder wrote by itself: it looked for the option of that
    name, which nobody gave. Where that isn't sure, somebody is taken to have asked for it.
    """
    owned = {
        id(element): component for component in made.components for element in component.elements
    }
    options: dict[int, _Options] = {}
    own_options = _Options(data, deep=False)
    # Innermost known component of each path, as paths come parents first.
    around: dict[str, _Options] = {}
    found: list[Blame] = []
    own: set[str] = set()
    asked: set[str] = set()
    for path, element in element_paths(made.root):
        here = around.get(path.rpartition("/")[0], own_options)
        component = owned.get(id(element))
        if component is not None:
            found.append(Blame(path, component.position))
            if id(component) not in options:
                options[id(component)] = _Options(component.data, is_raw=component.name == "raw")
            here = options[id(component)]
        elif here.is_given:
            place = here.find(element, path if here is own_options else "")
            if place is not None:
                text = made.texts.get(element.text or "")
                pieces = text.pieces if text and text.pos == place else ()
                found.append(Blame(path, place, pieces))
        if here is not own_options and len(element):
            around[path] = here
        if len(element) and component is None:
            continue
        is_own = component is None and here.leaves_out(element)
        known = own if is_own else asked
        if is_own or component is not None or not _is_trivial(element):
            while path and path not in known:
                known.add(path)
                path = path.rpartition("/")[0]
    return tuple(found), frozenset(own - asked)


class _Options:
    """Where the options of a job or component stand, by their names and values."""

    def __init__(self, data: Any, *, deep: bool = True, is_raw: bool = False) -> None:
        self._is_raw = is_raw
        self._by_text: dict[str, list[tuple[str, Position]]] = {}
        # A job's lists hold components, which have options of their own.
        self._mappings = tuple(
            walk_mappings(data, descend=lambda at, key: deep or isinstance(dict.get(at, key), dict))
        )
        self._by_name: dict[str, list[Position]] | None = None
        self._missing: frozenset[str] | None = None
        self._given: frozenset[str] = frozenset()
        self.is_given = bool(self._mappings)
        for mapping in self._mappings:
            places = mapping.value_positions
            for key, value in _given(mapping):
                if isinstance(value, (str, int, float)):
                    text = str(value).lower() if isinstance(value, bool) else str(value)
                    found = (key, places.get(key, mapping.pos))
                    self._by_text.setdefault(text, []).append(found)

    def find(self, element: ET.Element, path: str = "") -> Position | None:
        """Return the place of the one option that made an element; `path`: of a job's own."""
        text = element.text
        if text and text in self._by_text and not len(element):
            found = self._by_text[text]
            places = {place for _, place in found}
            if len(places) == 1 and not _FLAG_OR_NUMBER.fullmatch(text):
                return places.pop()
            for fits in (_is_same, _is_part):
                places = {place for key, place in found if fits(key, element.tag)}
                if places:
                    return places.pop() if len(places) == 1 else None
        if self._by_name is None:
            self._by_name = self._places_by_name()
        named = self._by_name.get(_plain(_MADE_OF.get(path, element.tag)), ())
        return named[0] if len(named) == 1 else None

    def leaves_out(self, element: ET.Element) -> bool:
        """Tell whether what made a field is an option that was looked for and not given."""
        if self._is_raw or _is_trivial(element) or element.attrib or "." in element.tag:
            return False
        if not self.is_given:
            return True
        if self._missing is None:
            asked = {key for mapping in self._mappings for key in mapping.asked_keys()}
            self._given = frozenset(key for at in self._mappings for key, _ in _given(at))
            self._missing = frozenset(asked) - self._given
        # A list's texts, or texts put together, stand in fields of such names.
        if element.tag in TEXTS:
            return False
        return _is_any(self._missing, element.tag) and not _is_any(self._given, element.tag)

    def _places_by_name(self) -> dict[str, list[Position]]:
        places: dict[str, list[Position]] = {}
        for mapping in self._mappings:
            for key, value in _given(mapping):
                places.setdefault(_plain(key), []).append(_place_of_option(mapping, key, value))
        return places


def _given(mapping: TrackedDict) -> Iterator[tuple[str, Any]]:
    """Yield the options that someone wrote: jenkins-job-builder adds some defaults to its data."""
    return ((key, value) for key, value in mapping.raw_items() if key in mapping.key_positions)


def _place_of_option(mapping: TrackedDict, key: str, value: Any) -> Position:
    """Return where an option's name stands, or a list that came from another file as its value."""
    place, inside = mapping.position_of(key), getattr(value, "pos", None)
    return inside if isinstance(inside, Position) and inside.file != place.file else place


def _is_same(key: str, tag: str) -> bool:
    """Tell whether an option and an element are called the same: days-to-keep, daysToKeep."""
    return _plain(key) == _plain(tag)


def _is_part(key: str, tag: str) -> bool:
    """Tell whether an option's name is an element's in short: block-downstream, timeout."""
    return len(_plain(key)) > 2 and _words(key) <= _words(tag)


def _is_trivial(element: ET.Element) -> bool:
    """Tell whether an element says nothing, so that it can't be lost."""
    return (element.text or "") in ("", "false") and not element.attrib and "." not in element.tag


@lru_cache(maxsize=4096)
def _is_any(keys: frozenset[str], tag: str) -> bool:
    return any(_is_same(key, tag) or _is_part(key, tag) for key in keys)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=4096)
def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(name))
