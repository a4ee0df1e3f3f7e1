"""A dataclass' fields that say which fields of an element of config XML they are read from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import read_flag, read_names, read_number, read_text


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
    readers = {each.name: each.metadata.get("read") for each in dataclasses.fields(kind)}
    return {name: read(element) for name, read in readers.items() if read}
