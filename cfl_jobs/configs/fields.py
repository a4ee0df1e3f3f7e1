"""Fields of an element of config XML → values: what an absent one means, how a dataclass says it.

An absent field and an empty one are the same to XStream's strings; it leaves an absent number or
flag 0 or false, whatever the class's initialisers say. What it means then is for the class's
`readResolve` to say: `ABSENT` has a row for each where that is neither nothing nor false.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from xml.etree import ElementTree as ET

T = TypeVar("T")
# Where each element of a config stands, as configxml.paths_of tells.
Paths: TypeAlias = Mapping[ET.Element, str]
BUILT_IN_NODE = "built-in"
# What Jenkins makes of a password or secret text (hudson.util.Secret), wherever it stands.
ENCRYPTED = r"\{AQAAA[A-Za-z0-9+/=]+\}"


def read_lines(path: Path) -> list[str]:
    """Return a table's lines without comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_words(path: Path) -> dict[str, list[str]]:
    """Return the words of a table's lists by their names, which end with a colon."""
    found: dict[str, list[str]] = {}
    for line in read_lines(path):
        if line.endswith(":"):
            words = found[line[:-1]] = []
        else:
            words += line.split()
    return found


_HERE = Path(__file__)
TAGS: Mapping[str, frozenset[str]] = {
    name: frozenset(words) for name, words in read_words(_HERE.with_name("tags.txt")).items()
}
# What an absent field means: a class, a field, its meaning, and of which plugin ("" for any).
# A line of the table is a class, its fields, what they mean, the plugin, and how that is known.
ABSENT = tuple(
    (kind, tag, value, plugin)
    for line in read_lines(_HERE.with_name("defaults.txt"))
    for kind, tags, value, plugin, _ in [line.split("|")]
    for tag in tags.split()
)
_NEWEST = {(kind, tag): value for kind, tag, value, _ in ABSENT}
_THRESHOLDS = {"UNSTABLE": "UNSTABLE_OR_BETTER", "FAILURE": "FAILED_OR_BETTER", "ABORTED": "ALWAYS"}


def read_text(element: ET.Element, tag: str) -> str:
    """Return a field's text, or what it means to the newest versions that the field is absent."""
    found = element.find(tag)
    if found is None:
        return _NEWEST.get((element.get("class") or element.tag, tag), "")
    return found.text or ""


def read_flag(element: ET.Element, tag: str) -> bool:
    return read_text(element, tag).strip() == "true"


def read_number(element: ET.Element, tag: str) -> int | None:
    """Return a field's number, or None where it is absent or no number."""
    try:
        return int(read_text(element, tag))
    except ValueError:
        return None


def read_names(text: str) -> tuple[str, ...]:
    """Split Jenkins' comma separated names."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def read_threshold(element: ET.Element) -> str:
    """Return the condition that core's `threshold` stands for: that result or a better one."""
    return _THRESHOLDS.get(read_text(element, "threshold/name"), "SUCCESS")


def short_class(name: str) -> str:
    """Return a Java class's simple name."""
    return name.rpartition(".")[2]


def class_of(element: ET.Element, tag: str) -> str:
    """Return the simple class of the object in a field, "" where there is none."""
    found = element.find(tag)
    return "" if found is None else short_class(found.get("class", ""))


def is_default(element: ET.Element) -> bool:
    """Tell whether a field says what XStream gives an absent one: false, empty, no elements."""
    is_empty = not len(element) and (element.text or "").strip() in ("", "false")
    return is_empty and element.keys() in ([], ["plugin"])


def is_encrypted(text: str) -> bool:
    """Tell whether a text is a password as Jenkins stores it."""
    return re.fullmatch(ENCRYPTED, text.strip()) is not None


def read_as(kind: type[T], element: ET.Element, paths: Paths | None = None, /, **others: Any) -> T:
    """Return a dataclass whose fields, made by the functions below, tell how they are read.

    With `paths` it gets its own; `others` are fields that the caller reads.
    """
    read = {name: read(element) for name, read in _readers_of(kind)}  # type: ignore[arg-type]
    if paths is not None:
        others["path"] = paths[element]
    return kind(**read, **others)


def read_part(kind: type[T], element: ET.Element, path: str) -> T | None:
    """Return a dataclass that is read from an element at a path, None without one."""
    found = element.find(path)
    return None if found is None else read_as(kind, found)


@cache
def _readers_of(kind: Any) -> tuple[tuple[str, Callable[[ET.Element], Any]], ...]:
    readers = ((each.name, each.metadata.get("read")) for each in dataclasses.fields(kind))
    return tuple((name, read) for name, read in readers if read)


def value(read: Callable[[ET.Element], Any], default: object = None) -> Any:
    """Return a dataclass' field that is read from an element."""
    return dataclasses.field(default=default, metadata={"read": read})


def text(tag: str, default: str = "") -> Any:
    """Return a field that is the text of the element's field `tag`."""
    return value(lambda element: read_text(element, tag) or default, default)


def flag(tag: str, *, of: str = "", inverse: bool = False) -> Any:
    """Return a field that is true or false; by default what is absent means to the class `of`."""
    default = read_flag(ET.Element(of or "class"), tag) != inverse
    return value(lambda element: read_flag(element, tag) != inverse, default)


def names(tag: str) -> Any:
    return value(lambda element: read_names(read_text(element, tag)), ())


def texts(path: str) -> Any:
    """Return a field of the texts of all elements at a path."""
    return value(lambda element: tuple(each.text or "" for each in element.iterfind(path)), ())


def number(tag: str, default: int | None = None) -> Any:
    def read(element: ET.Element) -> int | None:
        found = read_number(element, tag)
        return default if found is None else found

    return value(read, default)


def part(path: str, kind: type[T]) -> Any:
    """Return a field that is what another dataclass reads of an element, None without it."""

    return value(lambda element: read_part(kind, element, path))
