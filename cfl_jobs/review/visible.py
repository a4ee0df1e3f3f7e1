"""Text of a revision → text that can't deceive its reader: what it hides is spelled out."""

from __future__ import annotations

import re

# Control characters (but tab and line feed), those that turn the writing direction, those without
# width: a reviewer would not see that they are there, and a terminal would obey some of them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def make_visible(text: str) -> str:
    """Return the text with each hidden character as its code, for example "\\u202e"."""
    return _HIDDEN.sub(lambda found: _spell(found[0]), text)


def _spell(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
