"""Fields of an element of config XML → values: what an absent one means, how a dataclass says it.

An absent field and an empty one are the same to XStream's strings; it leaves an absent number or
flag 0 or false, whatever the class's initialisers say. What it means then is for the class's
`readResolve` to say: `DEFAULTS` has a row for each where that is neither nothing nor false. A class
that changes its mind gets a second row, each with the versions that read it so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.reading.versions import NEWEST, Span, rows_for

BUILT_IN_NODE = "built-in"


@dataclass(frozen=True, slots=True, eq=False)
class Default:
    """What an absent field of a class means in the versions of `span`."""

    kind: str
    tag: str
    value: str
    span: Span


# A line is a class, its fields, what they mean, the plugin ("" for any), and how that is known.
_LINES = Path(__file__).with_name("defaults.txt").read_text(encoding="utf-8").splitlines()
DEFAULTS = tuple(
    Default(kind, tag, value, Span(plugin))
    for kind, tags, value, plugin, _ in (line.split("|") for line in _LINES)
    for tag in tags.split()
)


def defaults_for(versions: Mapping[str, str]) -> Mapping[tuple[str, str], str]:
    """Return what absent fields mean, by class and field, for a server's versions.

    `versions` are by plugin or CORE; what isn't listed there counts as the newest.
    """
    return table_of(DEFAULTS, frozenset(versions.items()))


@lru_cache(maxsize=8)
def table_of(
    rows: tuple[Default, ...], versions: frozenset[tuple[str, str]]
) -> Mapping[tuple[str, str], str]:
    """Return what absent fields mean to a server with these versions, by these rows."""
    held = rows_for(rows, versions)
    return MappingProxyType({(row.kind, row.tag): row.value for row in held})


_ABSENT = defaults_for(NEWEST)
_THRESHOLDS = {"UNSTABLE": "UNSTABLE_OR_BETTER", "FAILURE": "FAILED_OR_BETTER", "ABORTED": "ALWAYS"}


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


def read_threshold(element: ET.Element) -> str:
    """Return the condition that core's `threshold` stands for: that result or a better one."""
    return _THRESHOLDS.get(read_text(element, "threshold/name"), "SUCCESS")


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


def texts(path: str) -> Any:
    """Return a field of the texts of all elements at a path."""
    return _read_by(lambda element: tuple(each.text or "" for each in element.iterfind(path)), ())


def number(tag: str, default: int | None = None) -> Any:
    def read(element: ET.Element) -> int | None:
        found = read_number(element, tag)
        return default if found is None else found

    return _read_by(read, default)


def value(read: Callable[[ET.Element], Any], default: object = None) -> Any:
    """Return a field that takes more to read."""
    return _read_by(read, default)
