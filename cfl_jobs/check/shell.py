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
_OUTSIDE = re.compile(
    r"""(?P<escape>\\.?) | (?P<newline>\n) | (?P<open>\() | (?P<close>\)) | (?P<quote>")
      | (?P<single>'[^']*'?) | (?P<comment>(?<![^ \t\n;&|()])\#[^\n]*)
      | <<(?!<)(?P<dash>-?)\s*(?P<escaped>["'\\]?)(?P<word>[A-Za-z_][\w.-]*)["']?(?P<here>)
      | (?P<other><<< | [^\\\n()"'\#<]+ | .)""",
    re.VERBOSE | re.DOTALL,
)
_IN_DOUBLE = re.compile(
    r"""(?P<escape>\\.?) | (?P<open>\$\() | (?P<quote>") | (?P<other>[^\\"$]+ | .)""",
    re.VERBOSE | re.DOTALL,
)
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
    return "".join(_expanding_parts(script, quoted=quoted))


def _expanding_parts(script: str, *, quoted: bool) -> Iterator[str]:
    at = 0
    in_double = False
    outer: list[bool] = []  # whether quotes were open where each "(" stands
    waiting: list[re.Match[str]] = []  # here-documents that begin on the next line
    while token := (_IN_DOUBLE if in_double else _OUTSIDE).match(script, at):
        at = token.end()
        kind = token.lastgroup
        is_kept = kind in ("quote", "open", "close", "here", "newline") or (
            kind == "other" and (quoted or not in_double)
        )
        yield token[0] if is_kept else _blank(token[0])
        if kind == "quote":
            in_double = not in_double
        elif kind == "open":
            outer.append(in_double)
            in_double = False
        elif kind == "close":
            in_double = outer.pop() if outer else False
        elif kind == "here":
            waiting.append(token)
        elif kind == "newline":
            for here in waiting:
                body = _find_body(script, at, here)
                yield body if not here["escaped"] else _blank(body)
                at += len(body)
                end = re.compile(r"[^\n]*\n?").match(script, at)
                yield _blank(end[0]) if end else ""
                at = end.end() if end else at
            waiting.clear()


def _find_body(script: str, at: int, here: re.Match[str]) -> str:
    """Return the lines of a here-document, without the one that ends it."""
    tabs = r"\t*" if here["dash"] else ""
    end = re.compile(rf"^{tabs}{re.escape(here['word'])}$", re.MULTILINE).search(script, at)
    return script[at : end.start() if end else len(script)]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


_DEPLOYS = re.compile(
    r"""(?:^|[;&|({]|\b(?:then|do|else|exec|sudo|time|env)\s)\s*
        (?:(?:\w+=|["']?\$)\S*\s+)*  # variables, also of env
        (?: (?: (?:(?:ba|da|z|k)?sh|source|\.|python\d?)\s+(?:-\w+\s+)*["']?(?:[\w.${}-]*/)*
              | ["']?(?:[\w.${}-]*/)+ | (?:make|fab|npm\s+run|yarn|rake)\s+ )
            deploy(?:[_-][\w-]*)?(?:\.\w+)?(?![\w/-])
          | (?:[\w./-]*/)?(?:ba|da|z|k)?sh(?:[ \t]+[\w-]+)*[ \t]+-\w*c[ \t]+["']?\$\{?deploy )""",
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
    """Tell whether a script runs a program, or the command of a variable, that is called deploy."""
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


@dataclass(frozen=True, slots=True)
class Stop:
    """A statement at which a script ends early, in its own words, and the condition for that."""

    words: str
    condition: str = ""


def find_stops(script: str) -> tuple[Stop, ...]:
    return ()


def without_comments(script: str) -> str:
    return script
