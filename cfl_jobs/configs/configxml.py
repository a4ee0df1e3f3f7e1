"""Config XML text ↔ element tree: Jenkins' XML dialect, read safely.

Input: what jenkins-job-builder made, or what Jenkins answers; output: `xml.etree` elements.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from xml.dom import minidom
from xml.etree import ElementTree as ET
from xml.parsers import expat

from cfl_jobs.errors import ConfigError

# Jenkins writes <?xml version='1.1'?> (core 2.105 and later); expat only takes 1.0, which has no
# control characters, so characters of private use stand for them meanwhile.
_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>\s*")
_CONTROLS = tuple(code for code in range(1, 32) if chr(code) not in "\t\n\r")
_PRIVATE = {code: chr(0xF0000 + code) for code in _CONTROLS}
_PRIVATE_BYTES = _PRIVATE[1].encode()[:3]
_PLAIN = str.maketrans({private: chr(code) for code, private in _PRIVATE.items()})
_REFERENCES = {chr(code): f"&#x{code:x};" for code in _CONTROLS}
_REFERENCES |= {private: _REFERENCES[chr(code)] for code, private in _PRIVATE.items()}
_WRITTEN = re.compile(f"[{''.join(_REFERENCES)}]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
_PLAIN_TAG = re.compile(r"[A-Za-z_][\w.-]*")
_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)


def parse_config(text: str, *, name: str) -> ET.Element:
    """Return the root element of a job's or view's config.xml.

    Raises ConfigError, naming `name`, on text that is not well-formed or has a document type
    (Jenkins writes none; entities could only be a trick).
    """
    body = _body_of(text, name)
    try:
        root = ET.fromstring(body)  # noqa: S314 - no document type, so no entities to expand
    except ET.ParseError as error:
        raise _explain(error, name, *error.position) from error
    if not body.isascii() and any(private in body for private in _PRIVATE.values()):
        for element in root.iter():
            element.text = element.text and element.text.translate(_PLAIN)
    return root


def check_config(text: str, *, name: str) -> None:
    """Raise ConfigError as `parse_config` does, for those who need no element: much faster."""
    try:
        expat.ParserCreate().Parse(_body_of(text, name), True)
    except expat.ExpatError as error:
        raise _explain(error, name, error.lineno, error.offset) from error


def _body_of(text: str, name: str) -> str:
    body = split_declaration(text)[1]
    if "<!" in body and _DOCTYPE.search(body):
        raise ConfigError(f"{name}: config.xml has a document type; Jenkins writes none")
    return body


def split_declaration(text: str) -> tuple[str, str]:
    """Return the declaration, "" for none, and the rest as XML 1.0, for `restore_controls`."""
    found = _DECLARATION.match(text)
    if found is None:
        return "", text.removeprefix("\ufeff")
    body = text[found.end() :]
    if "1.1" in found[0] and "&#" in body:
        body = _REFERENCE.sub(_hide_control, body)
    return found[0], body


def restore_controls(text: str) -> str:
    """Return a text with control characters as XML 1.1 has them."""
    data = text.encode(errors="surrogatepass")
    if len(data) == len(data.translate(None, bytes(_CONTROLS))) and _PRIVATE_BYTES not in data:
        return text  # told a hundred times faster than by the expression
    return _WRITTEN.sub(lambda found: _REFERENCES[found[0]], text)


def _hide_control(reference: re.Match[str]) -> str:
    code = int(reference[1] or reference[2], 16 if reference[1] else 10)
    return _PRIVATE.get(code, reference[0])


def _explain(error: Exception, name: str, line: int, column: int) -> ConfigError:
    reason = str(error).partition(": line ")[0]
    return ConfigError(f"{name}: config.xml line {line}, column {column + 1}: {reason}")


def element_paths(root: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    """Yield each element below the root with its path, parents first.

    A step of a path is the tag, with its number among siblings of that tag where it is not alone:
    "builders/hudson.tasks.Shell[2]/command".
    """
    waiting = list(steps_of(root))[::-1]
    while waiting:
        path, element = waiting.pop()
        yield path, element
        waiting += reversed([(f"{path}/{step}", inner) for step, inner in steps_of(element)])


def paths_of(root: ET.Element) -> dict[ET.Element, str]:
    """Return the path of each element, "" of the root."""
    return {root: "", **{element: path for path, element in element_paths(root)}}


def number_tags(tags: list[str]) -> list[str]:
    """Return a step of a path for each of siblings' tags, numbered where they are alike."""
    if len(set(tags)) == len(tags):
        return tags
    numbers = {tag: itertools.count(1) for tag, times in Counter(tags).items() if times > 1}
    return [f"{tag}[{next(numbers[tag])}]" if tag in numbers else tag for tag in tags]


def steps_of(parent: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    """Yield each child of an element with its step of a path."""
    yield from zip(number_tags([child.tag for child in parent]), parent, strict=True)


def child_of(parent: ET.Element, tag: str) -> ET.Element:
    """Return a child, which is made where there is none."""
    found = parent.find(tag)
    if found is None:
        found = ET.SubElement(parent, tag)
    return found


def class_of_tag(tag: str) -> str:
    """Return the name of the class that a tag stands for, as XStream escapes it."""
    return tag.replace("_-", "$").replace("__", "_")


def is_folder_tag(tag: str) -> bool:
    """Tell of a root's tag whether the job may hold jobs.

    Folders and multibranch projects have their class as tag (com.cloudbees.hudson.plugins.folder.
    Folder), jobs a short name (`project`, `flow-definition`).
    """
    return "." in tag


def format_config(root: ET.Element) -> str:
    """Return the text of a config.

    A carriage return in a script survives: as it is, XML would read it as a line feed.
    """
    text = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")
    written = restore_controls(text)
    version = "1.0" if written == text else "1.1"
    return f'<?xml version="{version}" encoding="UTF-8"?>\n{written}\n'


def write_config(root: ET.Element) -> str:
    """Return the text of a config as jenkins-job-builder 6.5 writes it on Python 3.11.

    jenkins-job-builder goes through minidom, whose output changed with Python 3.13 (quotes) and
    which loses carriage returns; here everyone gets the same text, and every character.
    """
    if not all(map(_is_plain, {part.tag for part in root.iter()})):
        # Comments and namespaces of raw XML, and odd tags: not worth a second writer.
        document = minidom.parseString(ET.tostring(root, encoding="UTF-8"))  # noqa: S318
        return document.toprettyxml(indent="  ", encoding="utf-8").decode("utf-8")
    pieces = ['<?xml version="1.0" encoding="utf-8"?>\n']
    _write(root, "", pieces)
    return "".join(pieces)


@cache
def _is_plain(tag: object) -> bool:
    return isinstance(tag, str) and _PLAIN_TAG.fullmatch(tag) is not None


def _write(element: ET.Element, indent: str, pieces: list[str]) -> None:
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in element.attrib.items())
    text = element.text or ""
    if len(element):
        inner = f"{indent}  "
        pieces.append(f"{indent}<{element.tag}{attributes}>\n")
        if text.strip():
            pieces.append(f"{inner}{escape(text)}\n")
        for child in element:
            _write(child, inner, pieces)
            if child.tail and child.tail.strip():
                pieces.append(f"{inner}{escape(child.tail)}\n")
        pieces.append(f"{indent}</{element.tag}>\n")
    elif text:
        pieces.append(f"{indent}<{element.tag}{attributes}>{escape(text)}</{element.tag}>\n")
    else:
        pieces.append(f"{indent}<{element.tag}{attributes}/>\n")


# By hand, as xml.sax would import urllib and ssl with it.
_ESCAPED = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\r", "&#13;"))


def escape(text: str) -> str:
    """Return a text as `write_config` writes it. str.translate takes ten times as long."""
    for character, entity in _ESCAPED:
        text = text.replace(character, entity)
    return text
