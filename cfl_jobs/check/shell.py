"""Shell script → the variables it uses and sets. Reads quotes, comments and here-documents.

Not a full parser of bash: enough to tell `$NAME` that expands from one that doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
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


_DEPLOYS = re.compile(
    r"""(?:^|[;&|({]|\b(?:then|do|else|exec|sudo|time|env)\s)\s*(?:\w+=\S*\s+)*
        (?: (?:(?:ba|da|z|k)?sh|source|\.|python\d?)\s+(?:-\w+\s+)*["']?(?:[\w.${}-]*/)*
          | ["']?(?:[\w.${}-]*/)+ | (?:make|fab|npm\s+run|yarn|rake)\s+ )
        deploy(?:[_-][\w-]*)?(?:\.\w+)?(?![\w/-])""",
    re.VERBOSE | re.MULTILINE,
)
_FUNCTION = re.compile(
    r"^[ \t]*(?:function[ \t]+)?(?P<name>\w+)[ \t]*\(\)[ \t]*\{"
    r"(?P<body>[^\n]*\}[ \t]*$|.*?^[ \t]*\}[ \t]*$)",
    re.MULTILINE | re.DOTALL,
)
_ERREXIT = re.compile(r"\bset\s+(?:-\w+\s+)*-(?:\w*e|o\s+errexit)")
_OPENS = re.compile(r"^(?:(?:then|do|else|[{(!])\s*)*(?:if|elif|while|until|case|for)\b|[{(]$")
_GOES_ON = re.compile(r"elif\b")
_CLOSES = re.compile(r"(?:fi|done|esac)\b|[})]")
_DECIDES_NOTHING = re.compile(
    r"(?:(?:then|do|else|\{|\()\s+)*"
    r"(?:!|echo|printf|rm|:|true|mkdir|touch|export|local|declare|readonly|unset|set|trap|tee)(?:\s|$)"
)
_TESTS = re.compile(r"(?:(?:then|do|else)\s+)*(?:test|\[+|grep|cmp|diff|sha\d+sum|\S*/\S+)\s")


class Guard(Enum):
    """What a script does, whichever comes first."""

    STOPS = "stops where the file isn't right"
    DEPLOYS = "deploys"
    NEITHER = "neither"


def deploys(script: str) -> bool:
    """Tell whether a script runs a program that is called deploy."""
    return _DEPLOYS.search(expanding_text(script)) is not None


def find_guard(script: str, files: Collection[str]) -> Guard:
    """Return what a step does first: look at one of the files and stop, or deploy."""
    first, _, rest = script.partition("\n")
    if first.startswith("#!") and not re.search(r"sh\b", first):
        return Guard.STOPS if any(file in script for file in files) else Guard.NEITHER
    text = expanding_text(script.replace("\\\n", "  "))
    stops_by_itself = not first.startswith("#!") or re.search(r"\s-\w*e", first) is not None
    return _Reader(text, files, errexit=stops_by_itself or _ERREXIT.search(rest) is not None).read()


class _Reader:
    def __init__(self, text: str, files: Iterable[str], *, errexit: bool) -> None:
        self._words = [re.escape(file) for file in files]
        self._errexit = errexit
        self._stops = [r"\bexit\b", r"\breturn\s+[1-9]"]
        self._deploying: list[str] = []
        self._guards: list[str] = []
        functions = {found["name"]: found["body"] for found in _FUNCTION.finditer(text)}
        self._text = _FUNCTION.sub("", text)
        for name, body in functions.items():
            kind = _Reader(body, files, errexit=errexit).read()
            if kind is Guard.STOPS:
                self._guards.append(rf"\b{name}\b")
            elif kind is Guard.DEPLOYS:
                self._deploying.append(rf"^\W*{name}\b")
            elif re.search(r"\bexit\b", body):
                self._stops.append(rf"\b{name}\b")

    def read(self) -> Guard:
        blocks: list[tuple[bool, list[str]]] = []  # whether the file decides, and what is inside
        for statement in _statements(self._text):
            if _CLOSES.match(statement) and blocks:
                decides, inside = blocks.pop()
                if decides and any(map(self._ends_or_deploys, inside)):
                    return Guard.STOPS
                if not blocks and any(map(self._deploys, inside)):
                    return Guard.DEPLOYS
                continue
            opens = _OPENS.search(statement) is not None
            if not opens and self._decides(statement, is_inner=bool(blocks)):
                return Guard.STOPS
            if not opens and not blocks and self._deploys(statement):
                return Guard.DEPLOYS
            if _GOES_ON.match(statement) and blocks:
                decides, inside = blocks.pop()
                blocks.append((decides or self._names(statement), inside))
            elif opens:
                blocks.append((self._names(statement), []))
            for _, inside in blocks:
                inside.append(statement)
            self._follow(statement)
        return Guard.NEITHER

    def _names(self, statement: str) -> bool:
        return any(re.search(word, statement) for word in self._words)

    def _deploys(self, statement: str) -> bool:
        own = any(re.search(name, statement) for name in self._deploying)
        return own or _DEPLOYS.search(statement) is not None

    def _ends_or_deploys(self, statement: str) -> bool:
        return self._deploys(statement) or any(re.search(s, statement) for s in self._stops)

    def _decides(self, statement: str, *, is_inner: bool) -> bool:
        """Tell whether a lone statement stops the script where the file isn't right.

        Inside of a block, a command that only shows the file isn't meant to.
        """
        if any(re.search(name, statement) for name in self._guards):
            return True
        if not self._names(statement):
            return False
        if re.search(r"&&|\|\|", statement):
            return self._ends_or_deploys(statement)
        decides = _TESTS.match(statement) if is_inner else not _DECIDES_NOTHING.match(statement)
        return self._errexit and "|" not in statement and bool(decides)

    def _follow(self, statement: str) -> None:
        """Take what is made of the file for the file."""
        if self._names(statement):
            made = re.match(r"\W*(?:\w+\s+)*?(\w+)=", statement)
            read = re.search(r"\b(?:read|mapfile|readarray)\s+(?:-\w+\s+)*(\w+)", statement)
            self._words += [rf"\$\{{?{found[1]}\b" for found in (made, read) if found]


def _statements(text: str) -> Iterator[str]:
    """Yield the statements of a script; those that `&&` or `||` join, or brackets, are one."""
    joined = re.sub(r"(&&|\|\|)[ \t]*\n|\n[ \t]*(?=&&|\|\|)", r"\1 ", text)
    joined = re.sub(r"[{(][^{}()\n]*[})]", lambda group: group[0].replace(";", "\0"), joined)
    for part in re.split(r"[\n;]", joined):
        if part.strip():
            yield part.strip()
