"""Text of a server or revision → text that can't deceive its reader at a terminal or in Markdown.

A terminal obeys control characters, and a reader doesn't see what has no width.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence

# Control characters (but tab and line feed), those that turn the writing direction, those without
# width or ink, and spaces that are none to a shell.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=[@#])(?=\w)|(?<=www)(?=\.)|(?<=[Gg][Hh])(?=-)", re.ASCII)


def make_visible(text: str) -> str:
    """Return the text with each hidden character as its code, for example "\\u202e"."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def make_line_visible(text: str) -> str:
    """Return the same of a text that stands in one line: a name, a label, a message."""
    return make_visible(text).replace("\n", "\\n").replace("\t", "\\t")


def make_json_visible(text: str) -> str:
    """Return a JSON document that means the same, with each hidden character escaped in it."""
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def escape(text: str) -> str:
    """Return plain text as Markdown that shows just that."""
    return guard(_SPECIAL.sub(r"\\\1", text).replace("\n", " "))


def guard(text: str) -> str:
    """Return plain text as HTML that shows just that, and that GitHub makes no links of."""
    return html.escape(_LINKS.sub("\u200b", text), quote=False)


def fence(lines: Sequence[str], language: str = "") -> Iterator[str]:
    """Yield the lines in a code fence that none of them can end."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    yield f"{ticks}{language}"
    yield from lines
    yield ticks
