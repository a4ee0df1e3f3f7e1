"""Shell script → the variables it uses and sets. Reads quotes, comments and here-documents.

Not a full parser of bash: enough to tell `$NAME` that expands from one that doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_USE = re.compile(rf"\$(?:\{{[#!]?(?P<braced>{_NAME})(?P<rest>[^}}]*)\}}?|(?P<plain>{_NAME}))")
_HERE = re.compile(r"<<(?P<dash>-?)\s*(?P<quote>[\"'\\]?)(?P<word>[A-Za-z_][\w.-]*)[\"']?")
# Nothing that changes how what follows is read
_PLAIN = re.compile(r"[^\\\n()\"'#<$]+")
_SET = (
    re.compile(rf"(?:^|[\s;&|({{!])(?P<name>{_NAME})(?:\[[^\]]*\])?\+?=", re.MULTILINE),
    re.compile(rf"\bfor\s+(?P<name>{_NAME})\b"),
    re.compile(rf"\bprintf\s+-v\s+(?P<name>{_NAME})"),
)
_SETS_MANY = re.compile(
    r"(?:^|[\s;&|({!])"
    r"(?P<command>read|mapfile|readarray|local|declare|typeset|export|readonly|getopts)\s"
    r"(?P<words>[^;&|<\n]*)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Use:
    """`has_default`: the script says what to do without it. `is_required`: it fails without it."""

    name: str
    line: int
    has_default: bool = False
    is_required: bool = False


@lru_cache(maxsize=256)
def find_uses(script: str) -> tuple[Use, ...]:
    """Return the variables that the script expands, in order; arithmetic isn't looked into."""
    return tuple(_find_uses(expanding_text(script)))


def _find_uses(text: str) -> Iterator[Use]:
    for match in _USE.finditer(text):
        rest = match["rest"] or ""
        line = text.count("\n", 0, match.start()) + 1
        name = match["braced"] or match["plain"]
        operator = re.match(r"(?:\[[^\]]*\])?:?([-=+?])", rest)
        yield Use(
            name,
            line,
            has_default=operator is not None and operator[1] != "?",
            is_required=operator is not None and operator[1] == "?",
        )
        # ${NAME:-$OTHER}: the rest is looked into as well
        for inner in _USE.finditer(rest + "}"):
            yield Use(inner["braced"] or inner["plain"], line)


@lru_cache(maxsize=256)
def find_assigned(script: str) -> frozenset[str]:
    """Return the names that the script sets itself anywhere."""
    text = expanding_text(script, quoted=False)
    names = {match["name"] for pattern in _SET for match in pattern.finditer(text)}
    for match in _SETS_MANY.finditer(text):
        # `export NAME` hands on what is there; `export NAME=value` sets it, found above
        if match["command"] != "export":
            names |= set(re.findall(rf"(?:^|\s)({_NAME})(?=[\s=]|$)", match["words"]))
    return frozenset(names)


@lru_cache(maxsize=256)
def expanding_text(script: str, *, quoted: bool = True) -> str:
    """Blank out what no variable expands in: comments, single quotes, quoted here-documents.

    Without `quoted`, blank what stands in double quotes too, but not commands in them. Lines and
    columns stay as they are.
    """
    return "".join(_Blanker(script, quoted=quoted).run())


class _Blanker:
    def __init__(self, script: str, *, quoted: bool) -> None:
        self._text = script
        self._quoted = quoted
        self._at = 0
        self._waiting: list[tuple[str, bool, bool]] = []  # word, dash, expands

    def run(self) -> Iterator[str]:
        in_double = False
        outer: list[bool] = []  # whether quotes were open where each "(" stands
        while self._at < len(self._text):
            plain = _PLAIN.match(self._text, self._at)
            if plain:
                blank = in_double and not self._quoted
                yield " " * len(plain[0]) if blank else plain[0]
                self._at = plain.end()
                continue
            character = self._text[self._at]
            if character == "\\":
                yield from self._blank(min(2, len(self._text) - self._at))
            elif character == "\n" and self._waiting and not in_double:
                yield self._take(1)
                yield from self._here_documents()
            elif character == "(" and (not in_double or self._text[self._at - 1] == "$"):
                outer.append(in_double)
                in_double = False
                yield self._take(1)
            elif character == ")" and not in_double:
                in_double = outer.pop() if outer else False
                yield self._take(1)
            elif character == '"':
                in_double = not in_double
                yield self._take(1)
            elif (in_double and self._quoted) or (
                in_double and self._text.startswith("$(", self._at)
            ):
                yield self._take(1)
            elif in_double:
                yield from self._blank(1)
            elif character == "'":
                end = self._text.find("'", self._at + 1)
                yield from self._blank((len(self._text) if end < 0 else end + 1) - self._at)
            elif character == "#" and self._starts_word():
                end = self._text.find("\n", self._at)
                yield from self._blank((len(self._text) if end < 0 else end) - self._at)
            elif (here := _HERE.match(self._text, self._at)) and self._text[self._at + 2] != "<":
                self._waiting.append((here["word"], bool(here["dash"]), not here["quote"]))
                yield self._take(here.end() - self._at)
            elif self._text.startswith("<<<", self._at):
                yield self._take(3)
            else:
                yield self._take(1)

    def _starts_word(self) -> bool:
        return self._at == 0 or self._text[self._at - 1] in " \t\n;&|()"

    def _take(self, count: int) -> str:
        taken = self._text[self._at : self._at + count]
        self._at += count
        return taken

    def _blank(self, count: int) -> Iterator[str]:
        yield re.sub(r"[^\n]", " ", self._take(count))

    def _here_documents(self) -> Iterator[str]:
        for word, dash, expands in self._waiting:
            while self._at < len(self._text):
                end = self._text.find("\n", self._at)
                size = (len(self._text) if end < 0 else end + 1) - self._at
                line = self._text[self._at : self._at + size].rstrip("\n")
                is_end = (line.lstrip("\t") if dash else line) == word
                if expands and not is_end:
                    yield self._take(size)
                else:
                    yield from self._blank(size)
                if is_end:
                    break
        self._waiting.clear()
