"""Config XML element → its fields' values: the small readings that every part of the reader shares.

An absent field and an empty one are the same to XStream's strings; where Jenkins gives an absent
field another meaning, the caller says so with the default.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.configs.model import Unknown


@dataclass(frozen=True, slots=True)
class Paths:
    """Where each element of one config stands, and the element itself, so that its id stays."""

    root: ET.Element
    by_id: dict[int, str]

    @classmethod
    def of(cls, root: ET.Element) -> Paths:
        return cls(root, {id(element): path for path, element in element_paths(root)})

    def __getitem__(self, element: ET.Element) -> str:
        return self.by_id.get(id(element), "")

    def unknown(self, section: str, element: ET.Element) -> Unknown:
        return Unknown(section, element.tag, element, path=self[element])


def read_text(element: ET.Element, tag: str, default: str = "") -> str:
    """Return a field's text, or `default` where the field is absent."""
    found = element.find(tag)
    return default if found is None else found.text or ""


def read_flag(element: ET.Element, tag: str, *, default: bool = False) -> bool:
    text = read_text(element, tag).strip()
    return text == "true" if text else default


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


def is_default(element: ET.Element) -> bool:
    """Tell whether a field says what XStream gives an absent one: false, empty, no elements."""
    attributes = {key for key in element.attrib if key != "plugin"}
    return not attributes and not len(element) and (element.text or "").strip() in ("", "false")
