"""Shell script → the variables it uses and sets. Reads quotes, comments and here-documents.

Not a full parser of bash: enough to tell `$NAME` that expands from one that doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_USE = re.compile(rf"\$(?:\{{[#!]?(?P<braced>{_NAME})(?P<rest>[^}}]*)\}}?|(?P<plain>{_NAME}))")
# Pieces of a script where commands stand, in double quotes, and in ${...}.
_HERE = r"""<<(?!<)(?P<dash>-?)[ \t]*(?P<word>(?P<mark>['"]?)\\?[A-Za-z_][\w.-]*(?P=mark))
      (?=[ \t\n;&|()<>]|$)(?P<here>)"""
_ARITHMETIC = (
    r"""(?P<arithmetic>\$?\(\((?:[^()'"`\\\n#]|\$\{[^{}'"`\n]*\}|\([^()'"`\n#]*\))*\)\))"""
)
_STRANGE = r"(?P<strange>`|\$\[|\$?\(\("
_IN_CODE = re.compile(
    rf"""(?P<escape>\\.?) | (?P<newline>\n) | (?P<blank>[ \t]+)
      | (?P<comment>(?<![^ \t\n;])\#[^\n\r]*)
      | {_ARITHMETIC} | {_STRANGE} | [?*+@!]\( | (?<=[&|()<>])\#) | (?P<open>\$?\() | (?P<close>\))
      | (?P<brace>\$\{{) | (?P<quote>\$?") | (?P<single>\$'(?:\\.|[^'\\])*'? | '[^']*'?)
      | {_HERE} | (?P<odd><<(?!<)) | (?P<other><<< | [^\\\n \t()"'\#<`$?*+@!]+ | .)""",
    re.VERBOSE | re.DOTALL,
)
_IN_DOUBLE = re.compile(
    rf"""(?P<escape>\\.?) | {_ARITHMETIC} | {_STRANGE}) | (?P<open>\$\() | (?P<brace>\$\{{)
      | (?P<quote>") | (?P<other>[^\\"$`]+ | .)""",
    re.VERBOSE | re.DOTALL,
)
_IN_BRACES = re.compile(
    rf"""(?P<escape>\\.?) | {_ARITHMETIC} | {_STRANGE}) | (?P<open>\$\() | (?P<brace>\$\{{)
      | (?P<end>\}}) | (?P<quote>") | (?P<single>\$?'[^']*'?) | (?P<other>[^\\"$`'}}]+ | .)""",
    re.VERBOSE | re.DOTALL,
)
_OPENED = {"open": _IN_CODE, "brace": _IN_BRACES, "quote": _IN_DOUBLE}
# White space that separates no words in bash, though it does elsewhere. After a carriage return
# nothing is sure: Jenkins may make a new line of it.
_NO_BLANK = re.compile(r"[^\S \t\n]")
# Single quotes that say the same whether they quote or not.
_NEUTRAL = re.compile(r"""\$?'(?:[^'"`$}\\]|\\[a-z])*'""")
# Lines of a here-document: where it isn't quoted, one that ends in a backslash goes on.
_LINE = re.compile(r"[^\n]*\n|[^\n]+$")
_JOINED_LINE = re.compile(r"(?:[^\\\n]|\\.)*\n|(?:[^\\\n]|\\.?)+$", re.DOTALL)
# An expansion in which single quotes quote, even in double quotes: ${NAME#...}, ${NAME//.../...}
_QUOTING = re.compile(rf"\$\{{(?:{_NAME}|[\d@*])(?:\[[^\]]*\])?[#%/^,]")
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

_Read = TypeVar("_Read")
_FORGET: list[Callable[[], None]] = []
_MANY = 1000  # several times what a chain's scripts and their parts are


def _kept(read: Callable[..., _Read]) -> Callable[..., _Read]:
    """Keep what a function reads of scripts, which many rules ask for, until forget_scripts."""
    kept = cache(read)

    def forget() -> None:
        if kept.cache_info().currsize > _MANY:
            kept.cache_clear()

    _FORGET.append(forget)
    return kept


def forget_scripts() -> None:
    """Let go of what is kept of many scripts: to be called after the rules.

    A few are kept for the next check: a review's base and head have most of theirs in common.
    """
    for forget in _FORGET:
        forget()


@dataclass(frozen=True, slots=True)
class Use:
    """`has_default`: the script says what to do without it. `is_required`: it fails without it."""

    name: str
    line: int
    has_default: bool = False
    is_required: bool = False


@_kept
def find_uses(script: str) -> tuple[Use, ...]:
    """Return the variables that the script expands, in order; arithmetic isn't looked into."""
    uses: tuple[Use, ...] = ()
    line = 1
    for part in _cut(script):
        uses += _find_uses_in(part, line)
        line += part.count("\n")
    return uses


@_kept
def _find_uses_in(part: str, first_line: int) -> tuple[Use, ...]:
    return tuple(_find_uses(_expand(part, quoted=True), first_line))


def _find_uses(text: str, line: int) -> Iterator[Use]:
    at = 0
    for match in _USE.finditer(text):
        rest = match["rest"] or ""
        line += text.count("\n", at, match.start())
        at = match.start()
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


@_kept
def find_assigned(script: str) -> frozenset[str]:
    """Return the names that the script sets itself anywhere."""
    return frozenset[str]().union(*map(_find_assigned, _cut(script)))


@_kept
def _find_assigned(part: str) -> frozenset[str]:
    text = _expand(part, quoted=False)
    names = {match["name"] for pattern in _SET for match in pattern.finditer(text)}
    for match in _SETS_MANY.finditer(text):
        # `export NAME` hands on what is there; `export NAME=value` sets it, found above
        if match["command"] != "export":
            names |= set(re.findall(rf"(?:^|\s)({_NAME})(?=[\s=]|$)", match["words"]))
    return frozenset(names)


@_kept
def expanding_text(script: str, *, quoted: bool = True) -> str:
    """Blank out what no variable expands in: comments, single quotes, quoted here-documents.

    Without `quoted`, blank what stands in double quotes and in all here-documents too, but not
    commands in quotes. Lines and columns stay as they are. White space that separates no words
    becomes U+FFFD.
    """
    return "".join(_expand(part, quoted=quoted) for part in _cut(script))


@_kept
def _cut(script: str) -> tuple[str, ...]:
    """Return a script in parts, cut where nothing is open: its first lines, and what follows them.

    Scripts of one template begin with values of their own, up to the first empty line, and have all
    else in common: what is found in a part is found once.
    """
    at = script.find("\n\n") + 1
    head, rest = script[:at], script[at:]
    parts: list[str] = []
    while (line := head[: head.find("\n") + 1]) and _is_whole(line):
        parts.append(line)
        head = head[len(line) :]
    return (*parts, head, rest) if _is_whole(head) else (*parts, head + rest)


@_kept
def _is_whole(part: str) -> bool:
    """Tell whether nothing is open at the end of a part, so that what follows means the same."""
    *_, end = Lexer(part).read()
    return end.is_sure and not part.endswith("\\\n")


@_kept
def _expand(script: str, *, quoted: bool) -> str:
    return _NO_BLANK.sub("\ufffd", "".join(_expanding_parts(script, quoted=quoted)))


def _expanding_parts(script: str, *, quoted: bool) -> Iterator[str]:
    for token in Lexer(script).read():
        is_blank = token.kind in _NOT_EXPANDING
        if token.in_double and not quoted:
            is_blank = token.kind not in ("quote", "open", "close")
        is_blank = is_blank or (token.kind == "here-document" and not quoted)
        yield _blank(token.text) if is_blank else token.text


_NOT_EXPANDING = ("comment", "single", "escape", "quoted here-document", "end of here-document")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a script. `is_sure`: the pieces so far are what bash takes them for.

    `depth` is 1 where nothing is open: brackets, `$(`, `${` or double quotes.
    """

    kind: str
    text: str
    in_double: bool = False
    is_sure: bool = True
    depth: int = 1


class Lexer:
    """Takes a script apart. What it can't tell it reads as most scripts mean it, and isn't sure."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._at = 0
        self._is_sure = "\r" not in script
        self._around = [_IN_CODE]  # what the next piece stands in, innermost last
        self._waiting: list[tuple[re.Match[str], int]] = []  # here-documents of the next line

    def read(self) -> Iterator[Token]:
        """Yield all of the script, piece by piece, and a last empty one."""
        while found := self._around[-1].match(self._script, self._at):
            token = self._take(found)
            yield token
            if token.kind == "here":
                self._waiting.append((found, len(self._around)))
            elif token.kind == "newline":
                yield from self._take_here_documents()
            else:
                self._turn(token.kind)
        self._doubt(len(self._around) > 1 or bool(self._waiting))
        yield Token("end", "", is_sure=self._is_sure)

    def _doubt(self, is_doubtful: bool) -> None:
        self._is_sure = self._is_sure and not is_doubtful

    def _take(self, found: re.Match[str]) -> Token:
        kind, text = found.lastgroup or "other", found[0]
        nearest = next(inside for inside in reversed(self._around) if inside is not _IN_BRACES)
        in_double = nearest is _IN_DOUBLE
        if kind == "single" and in_double and not _NEUTRAL.fullmatch(text):
            # Whether it quotes depends on what is expanded: ${NAME#'...'} or ${NAME:-'...'}.
            opened = self._script.rfind("${", 0, self._at)
            self._doubt(text.startswith("$") or not _QUOTING.match(self._script, opened))
        self._at += len(text)
        following = self._script[self._at : self._at + 1]
        self._doubt(_is_rare(kind, text, following, depth=len(self._around)))
        self._doubt(bool(self._waiting) and "\n" in text and kind != "newline")
        return Token(kind, text, in_double, self._is_sure, len(self._around))

    def _turn(self, kind: str) -> None:
        """Go into what a piece opens, or out of what it closes."""
        if kind in _OPENED and not (kind == "quote" and self._around[-1] is _IN_DOUBLE):
            self._around.append(_OPENED[kind])
        elif kind in ("quote", "end") or (kind == "close" and len(self._around) > 1):
            self._around.pop()

    def _take_here_documents(self) -> Iterator[Token]:
        for here, depth in self._waiting:
            self._doubt(depth != len(self._around))
            is_quoted = bool(here["mark"]) or "\\" in here["word"]
            kind = "quoted here-document" if is_quoted else "here-document"
            end, after = _find_end(self._script, self._at, here, is_quoted=is_quoted)
            yield Token(kind, self._script[self._at : end], is_sure=self._is_sure)
            self._doubt(end == len(self._script))
            yield Token("end of here-document", self._script[end:after])
            self._at = after
        self._waiting.clear()


def _is_rare(kind: str, text: str, following: str, *, depth: int) -> bool:
    """Tell whether a piece is a way of writing that changes what the rest means."""
    if kind == "escape":
        return following == "#"
    if kind == "single":
        return len(text) < 2 or not text.endswith("'")
    if kind == "other" and depth > 1:
        return re.search(r"\bcase\b", text) is not None  # whose ) closes nothing
    return kind in ("strange", "odd")


def _find_end(script: str, at: int, here: re.Match[str], *, is_quoted: bool) -> tuple[int, int]:
    """Return where the line begins and ends that ends a here-document: if none does, its end."""
    word = here["word"].strip("'\"").removeprefix("\\")
    lines = _LINE if is_quoted else _JOINED_LINE
    for line in lines.finditer(script, at):
        text = line[0].removesuffix("\n")
        text = text if is_quoted else text.replace("\\\n", "")
        if (text.lstrip("\t") if here["dash"] else text) == word:
            return line.span()
    return len(script), len(script)


def _blank(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))


# What tells a script about itself, its comments included.
_OF_ITSELF = re.compile(r"\$\{?(?:0(?!\d)|LINENO|BASH_SOURCE|BASH_LINENO)|\bcaller\b")
_SHELL = re.compile(r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-S[ \t]*)?)?(?:\S*/)?(?:ba|da)?sh(?:[ \t]|$)")


@_kept
def without_comments(script: str) -> str:
    """Return a script without its comments and blank lines, so that what is left runs the same.

    As it is where that isn't sure: it is of another language, looks at itself, or is written in a
    way that isn't read here.
    """
    first, _, rest = script.partition("\n")
    is_headed = first.startswith("#!")
    if (is_headed and not _SHELL.match(first)) or _OF_ITSELF.search(expanding_text(script)):
        return script
    head = f"{first}\n" if is_headed else ""
    codes = [_code_of(part) for part in _cut(rest if is_headed else script)]
    return script if None in codes else "".join((head, *filter(None, codes)))


@_kept
def _code_of(part: str) -> str | None:
    """Return a part of a script without comments and blank lines; None where that isn't sure."""
    lines = line = blank = ""
    for token in Lexer(part).read():
        if not token.is_sure:
            return None
        if token.kind == "blank":
            blank = token.text
        elif token.kind == "newline":
            lines += f"{line}\n" if line else ""
            line = blank = ""
        elif token.kind != "comment":
            line += blank + token.text
            blank = ""
    return lines + (f"{line}\n" if line else "")


_DEPLOYS = re.compile(
    r"""(?:^|[;&|({]|\b(?:then|do|else|exec|sudo|time|env)\s)\s*
        (?:(?:\w+=|["']?\$)\S*\s+)*  # variables, also of env
        (?: (?: (?:(?:ba|da|z|k)?sh|source|\.|python\d?)\s+(?:-\w+\s+)*["']?(?:[\w.${}-]*/)*
              | ["']?(?:[\w.${}-]*/)+ | (?:make|fab|npm\s+run|yarn|rake)\s+ )
            deploy(?:[_-][\w-]*)?(?:\.\w+)?(?![\w/-])
          | (?:[\w./-]*/)?(?:ba|da|z|k)?sh(?:[ \t]+[\w-]+)*[ \t]+-\w*c[ \t]+["']?\$\{?deploy )""",
    re.VERBOSE | re.MULTILINE,
)


@_kept
def deploys(script: str) -> bool:
    """Tell whether a script runs a program, or the command of a variable, that is called deploy."""
    # The word itself is found much faster than what stands around it.
    return "deploy" in script and _DEPLOYS.search(expanding_text(script)) is not None
