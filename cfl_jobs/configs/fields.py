"""Fields of an element of config XML → values, and a dataclass' fields that say what they are.

An absent field and an empty one are the same to XStream's strings; what an absent one means where
that is neither nothing nor false, cfl_jobs.configs.defaults says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.defaults import defaults_for

_ABSENT = defaults_for({})


def read_text(element: ET.Element, tag: str) -> str:
    """Return a field's text, or what it means to the newest versions that the field is absent."""
    found = element.find(tag)
    if found is None:
        return _ABSENT.get((element.get("class") or element.tag, tag), "")
    return found.text or ""


def read_flag(element: ET.Element, tag: str) -> bool:
    return read_text(element, tag).strip() == "true"


def read_number(element: ET.Element, tag: str) -> int | None:
    """Return a field's number, or None where it is absent or no number."""
    text = read_text(element, tag).strip()
    try:
        return int(text)
    except ValueError:
        return None


def read_names(text: str) -> tuple[str, ...]:
    """Split Jenkins' comma separated names."""
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def list_items(element: ET.Element, tag: str) -> Iterator[ET.Element]:
    """Yield the elements of the list in field `tag`."""
    found = element.find(tag)
    if found is not None:
        yield from found


def short_class(name: str) -> str:
    """Return a Java class's simple name."""
    return name.rpartition(".")[2]


def class_of(element: ET.Element, tag: str) -> str:
    """Return the simple class of the object in a field, "" where there is none."""
    found = element.find(tag)
    if found is None:
        return ""
    return short_class(found.get("class", ""))


def is_default(element: ET.Element) -> bool:
    """Tell whether a field says what XStream gives an absent one: false, empty, no elements."""
    if len(element) or (element.text or "").strip() not in ("", "false"):
        return False
    return all(key == "plugin" for key in element.attrib)


def _read_by(read: Callable[[ET.Element], Any], default: object) -> Any:
    return dataclasses.field(default=default, metadata={"read": read})


def text(tag: str, default: str = "") -> Any:
    """Return a dataclass' field that is read from the element's field `tag`."""
    return _read_by(lambda element: read_text(element, tag) or default, default)


def flag(tag: str, *, of: str = "", inverse: bool = False) -> Any:
    """Return a field that is true or false; by default what is absent means to the class `of`."""
    default = read_flag(ET.Element(of or "class"), tag) != inverse
    return _read_by(lambda element: read_flag(element, tag) != inverse, default)


def names(tag: str) -> Any:
    return _read_by(lambda element: read_names(read_text(element, tag)), ())


def number(tag: str, default: int | None = None) -> Any:
    def read(element: ET.Element) -> int | None:
        found = read_number(element, tag)
        return default if found is None else found

    return _read_by(read, default)


def value(read: Callable[[ET.Element], Any], default: object = None) -> Any:
    """Return a field that takes more to read."""
    return _read_by(read, default)


def read(kind: type, element: ET.Element) -> dict[str, Any]:
    """Return the fields of a dataclass whose defaults say how they are read."""
    return {name: read(element) for name, read in _readers_of(kind)}


@cache
def _readers_of(kind: type) -> tuple[tuple[str, Callable[[ET.Element], Any]], ...]:
    readers = ((each.name, each.metadata.get("read")) for each in dataclasses.fields(kind))
    return tuple((name, read) for name, read in readers if read)
