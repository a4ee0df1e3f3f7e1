"""Plain job data and raw XML → the text of a template: YAML with comments, safe for Jinja2.

Reading it back (Jinja2, then YAML) gives exactly the data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cfl_jobs.reading.located_yaml import RESERVED

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+@ -]*(?<! )\Z")
# YAML 1.1 reads these as something else than text.
_WORDS = frozenset("true false yes no on off y n null none".split())  # noqa: SIM905
# What YAML or XML would read otherwise.
_ODD = re.compile(r"[^\n\t -~\u00a1-\u167f\u1681-\u1fff\u2030-\ud7ff]")
_JINJA = re.compile(r"\{[{%#]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class RawXml:
    """XML that is kept as it is; `what` names the element, for the comment above it.

    `is_field` tells a field of a job from an element of one of its lists.
    """

    xml: str
    what: str
    is_field: bool = False


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text of the template itself, such as `{{ name }}`."""

    text: str


def keep_raw(element: ET.Element) -> RawXml:
    """Return an element as raw XML: indented, and with plugins' names without their versions."""
    copied = deepcopy(element)
    copied.tail = None
    for inner in copied.iter():
        if "plugin" in inner.attrib:
            inner.set("plugin", inner.attrib["plugin"].partition("@")[0])
    ET.indent(copied)
    text = ET.tostring(copied, encoding="unicode")
    # A character that YAML or XML would read otherwise is written by its number.
    text = _ODD.sub(lambda found: f"&#{ord(found[0])};", text)
    return RawXml(text + "\n", describe(element))


def describe(element: ET.Element) -> str:
    """Return what an element is, in a few words."""
    declared = element.get("class")
    return f"{element.tag} of class {declared}" if declared else element.tag


def write_template(data: dict[str, object]) -> str:
    """Return the template's text for a job's data."""
    return "\n".join(_mapping(data, 0)) + "\n"


def write_text(text: str) -> str:
    """Return one line of YAML for a text, as it stands in a file without Jinja2."""
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    if "'" not in text and ("\\" in text or '"' in text) and all(map(_is_simple, text)):
        return f"'{text}'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _mapping(data: dict[str, object], depth: int) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry(f"{'  ' * depth}{_jinja(write_text(key))}:", value, depth)


def _entry(head: str, value: object, depth: int) -> Iterator[str]:
    """Yield the lines of a key (or "-") and its value; what is inside stands at `depth` + 1."""
    if isinstance(value, RawXml):
        value = {"xml": value.xml}
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, depth + 1)
    elif isinstance(value, list) and value:
        yield head
        yield from _list(value, depth + 1)
    elif isinstance(value, str) and _fits_a_block(value):
        yield from _block(head, value, depth)
    elif isinstance(value, Verbatim):
        yield f"{head} {value.text}"
    elif isinstance(value, str):
        yield f"{head} {_jinja(write_text(value))}"
    else:
        yield f"{head} {json.dumps(value)}"


def _list(entries: list[object], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for entry in entries:
        if isinstance(entry, RawXml):
            yield f"{pad}# Kept as raw XML: {_jinja(entry.what)}"
            entry = {"xml": entry.xml} if entry.is_field else {"raw": entry}
        if isinstance(entry, dict) and entry:
            lines = list(_mapping(entry, depth + 1))
            yield f"{pad}- {lines[0][len(pad) + 2 :]}"
            yield from lines[1:]
        else:
            yield from _entry(f"{pad}-", entry, depth)


def _fits_a_block(text: str) -> bool:
    """Tell whether a literal block scalar can hold the text, and reads better than quotes."""
    lines = text.split("\n")
    if len(lines) < 2 or not text.strip("\n"):
        return False
    return all(_is_simple(character) for line in lines for character in line)


def _block(head: str, text: str, depth: int) -> Iterator[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    chomping = {0: "-", 1: ""}.get(ends, "+")
    # Spaces in front of the first line would be taken for the block's indentation.
    indent = "2" * text.startswith((" ", "\n"))
    yield f"{head} |{indent}{chomping}"
    pad = "  " * (depth + 1)
    for line in body.split("\n"):
        yield f"{pad}{_jinja(line)}" if line else ""
    yield from [""] * (ends - 1)


def _is_simple(character: str) -> bool:
    """Tell whether a character can stand in YAML as it is and be read as itself."""
    return character == "\t" or (character.isprintable() and not RESERVED.match(character))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if _is_simple(character):
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\U{number:08x}"


def _jinja(text: str) -> str:
    """Escape what Jinja2 would take for its own."""
    return _JINJA.sub(lambda found: f'{{{{ "{found[0]}" }}}}', text)
