"""A generated job → which line of which file made each part of its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.errors import Position
from cfl_jobs.reading.tracking import TrackedDict, walk_mappings
from cfl_jobs.rendering.generator import Generated


@dataclass(frozen=True, slots=True)
class Blame:
    """Which place made a part of a config. `path` is as configxml.element_paths gives it."""

    path: str
    position: Position


def blame_parts(made: Generated, data: TrackedDict) -> Iterator[Blame]:
    """Yield the places of components' elements, and of leaves whose text is one value's."""
    paths = {id(element): path for path, element in element_paths(made.root)}
    owned = {
        id(element): component
        for component in made.components
        for element in component.elements
        if id(element) in paths
    }
    texts: dict[int, Mapping[str, Position]] = {}
    root_texts = _texts_of(data, deep=False)

    def descend(element: ET.Element, around: Mapping[str, Position]) -> Iterator[Blame]:
        component = owned.get(id(element))
        if component is not None:
            yield Blame(paths[id(element)], component.position)
            around = texts.setdefault(id(component), _texts_of(component.data))
        elif not len(element) and element.text and element.text in around:
            yield Blame(paths[id(element)], around[element.text])
        for child in element:
            yield from descend(child, around)

    for child in made.root:
        yield from descend(child, root_texts)


def _texts_of(value: Any, *, deep: bool = True) -> dict[str, Position]:
    """Return where each text in a value stands; texts that stand in two places are left out."""
    found: dict[str, Position] = {}
    twice: set[str] = set()
    for mapping in walk_mappings(value, descend=lambda *_: deep):
        for key, text in mapping.raw_items():
            if isinstance(text, str):
                place = mapping.value_positions.get(key, mapping.pos)
                if found.setdefault(text, place) != place:
                    twice.add(text)
    return {text: place for text, place in found.items() if text not in twice}
