"""The stand-in's XML: text <-> nodes, read and written as Jenkins does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>\s*")


class MalformedConfig(Exception):
    """Text that is not well-formed XML."""


@dataclass(eq=False, slots=True)
class Node:
    """One element. `text` is None for `<x/>` and "" for `<x></x>`, which XStream tells apart."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str | None = None

    def find(self, path: str) -> Node | None:
        """Return the first element at a path such as "builders/hudson.tasks.Shell"."""
        first, _, rest = path.partition("/")
        found = next((child for child in self.children if child.tag == first), None)
        return found.find(rest) if found and rest else found

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def copy(self) -> Node:
        children = [child.copy() for child in self.children]
        return Node(self.tag, dict(self.attributes), children, self.text)


def is_xml_1_1(text: str) -> bool:
    return bool(re.match(r"""\s*<\?xml version=["']1\.1""", text))


# XML 1.1 may name control characters; while expat looks on, they are of the private use area.
_CONTROL = re.compile(r"&#(?:x([01]?[0-9a-fA-F])|([12]?[0-9]|3[01]));")
_SHIFTED = {0xE000 + code: code for code in range(1, 32)}


def parse(text: str) -> Node:
    """Parse XML 1.0 or 1.1. Raises MalformedConfig."""
    plain = text
    if is_xml_1_1(text):
        text = _CONTROL.sub(
            lambda found: chr(0xE000 + (int(found[1], 16) if found[1] else int(found[2]))), text
        )
    top = Node("")
    stack = [top]
    texts: list[list[str]] = [[]]
    data = _DECLARATION.sub("", text, count=1).encode()
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, attributes)
        stack[-1].children.append(node)
        stack.append(node)
        texts.append([])

    def end(_tag: str) -> None:
        node = stack.pop()
        text = "".join(texts.pop())
        if not node.children:  # expat is behind the tag then where it was <x/>, else before </x>
            at = parser.CurrentByteIndex
            node.text = None if not text and data[at - 2 : at] == b"/>" else text

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: texts[-1].append(data)
    if text is not plain:
        parser.CharacterDataHandler = lambda data: texts[-1].append(data.translate(_SHIFTED))
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MalformedConfig(str(error)) from error
    return top.children[0]


_PIECE = re.compile(r"<!--.*?-->|<[^>]*>(?:</[^>]*>)?|[^<]+", re.DOTALL)
_EMPTY_PAIR = re.compile(r"^<([^\s/>]+)((?:\s[^>]*)?)></\1>$")


def store(text: str) -> str:
    """Return the form in which a posted config is kept: as it is, but for declaration and quoting.

    Jenkins copies the text through Java's identity transform.
    """
    body = _DECLARATION.sub("", text, count=1).rstrip()
    body = body.replace("\r\n", "\n")

    def requote(match: re.Match[str]) -> str:
        if match[0].startswith("<"):
            is_pair = "></" in match[0]
            return _EMPTY_PAIR.sub(r"<\1\2/>", match[0]) if is_pair else match[0]
        return match[0].replace("&quot;", '"').replace("&apos;", "'")

    body = _PIECE.sub(requote, body)
    return f'<?xml version="1.0" encoding="UTF-8"?>{body}'


_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"} | {
    chr(code): f"&#x{code:x};" for code in range(1, 32) if code not in (9, 10)
}
_SPECIAL = re.compile("[\x01-\x08\x0b-\x1f&<>\"']")


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], text)


def write(root: Node, *, quote: str = "'") -> str:
    """Write as XStream and Jenkins' XmlFile do: XML 1.1, two spaces, no line end at the end."""
    lines: list[str] = []

    def add(node: Node, depth: int) -> None:
        pad = "  " * depth
        opening = node.tag + "".join(
            f' {name}="{_escape(value)}"' for name, value in node.attributes.items()
        )
        if node.children:
            lines.append(f"{pad}<{opening}>")
            for child in node.children:
                add(child, depth + 1)
            lines.append(f"{pad}</{node.tag}>")
        elif node.text is None:
            lines.append(f"{pad}<{opening}/>")
        else:
            lines.append(f"{pad}<{opening}>{_escape(node.text)}</{node.tag}>")

    add(root, 0)
    declaration = f"<?xml version={quote}1.1{quote} encoding={quote}UTF-8{quote}?>"
    return "\n".join([declaration, *lines])


def set_text(root: Node, tag: str, text: str) -> None:
    found = root.find(tag)
    if found is None:
        found = Node(tag)
        root.children.append(found)
    found.text = text
    found.children = []


def read_text(node: Node, tag: str) -> str | None:
    found = node.find(tag)
    return found.text if found else None
