"""Shell script → the variables it uses and sets. Reads quotes, comments and here-documents.

Not a full parser of bash: enough to tell `$NAME` that expands from one that doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_REST = r"(?P<rest>(?:\[[^\]}]*\])?:?(?P<does>[-=+?]?)[^}]*)"
_USE = re.compile(rf"\$(?:\{{[#!]?(?P<braced>{_NAME}){_REST}\}}?|(?P<plain>{_NAME}))")
# Pieces of a script where commands stand, in double quotes, and in ${...}.
_HERE = r"""<<(?!<)(?P<dash>-?)[ \t]*(?P<word>(?P<mark>['"]?)\\?[A-Za-z_][\w.-]*(?P=mark))
      (?=[ \t\n;&|()<>]|$)(?P<here>)"""
_ARITHMETIC = (
    r"""(?P<arithmetic>\$?\(\((?:[^()'"`\\\n#]|\$\{[^{}'"`\n]*\}|\([^()'"`\n#]*\))*\)\))"""
)
_OPERATOR = r"(?P<operator>&>>|&>|<<<|>>|>\||[<>]&|<>|[<>]|;;&|;&|;;|;|&&|\|\||\|&|\||&)"
_STRANGE = r"(?P<strange>`|\$\[|\$?\(\("
_IN_CODE = re.compile(
    rf"""(?P<escape>\\.?) | (?P<newline>\n) | (?P<blank>[ \t]+)
      | (?P<comment>(?<![^ \t\n;])\#[^\n\r]*)
      | {_ARITHMETIC} | {_STRANGE} | [?*+@!]\( | (?<=[&|()<>])\#) | (?P<open>\$?\() | (?P<close>\))
      | (?P<brace>\$\{{) | (?P<quote>\$?") | (?P<single>\$'(?:\\.|[^'\\])*'? | '[^']*'?)
      | {_HERE} | (?P<odd><<(?!<)) | {_OPERATOR} | (?P<other>[^\\\n \t()"'\#<`$?*+@!&|;>]+ | .)""",
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

# What is read of scripts is kept, since many rules ask for it: several times what a chain's scripts
# and their parts are. A review's base and head have most of theirs in common.
_kept = lru_cache(maxsize=4096)


@dataclass(frozen=True, slots=True)
class VariableUse:
    """`has_default`: the script says what to do without it. `is_required`: it fails without it."""

    name: str
    line: int
    has_default: bool = False
    is_required: bool = False


@_kept
def find_uses(script: str) -> tuple[VariableUse, ...]:
    """Return the variables that the script expands, in order; arithmetic isn't looked into."""
    uses: list[VariableUse] = []
    line = 1
    for part in _cut(script):
        uses += _find_uses(part, line)
        line += part.count("\n")
    return tuple(uses)


@_kept
def _find_uses(part: str, line: int) -> tuple[VariableUse, ...]:
    text, at = _expand(part, quoted=True), 0
    uses: list[VariableUse] = []
    for match in _USE.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        does = match["does"] or ""
        name = match["braced"] or match["plain"]
        uses.append(
            VariableUse(name, line, has_default=does in tuple("-=+"), is_required=does == "?")
        )
        # ${NAME:-$OTHER}: the rest is looked into as well
        rest = _USE.finditer(f"{match['rest'] or ''}}}")
        uses += [VariableUse(inner["braced"] or inner["plain"], line) for inner in rest]
    return tuple(uses)


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
    """Return a script cut after each of its first lines, to an empty one, where nothing is open.

    Scripts of one template begin with values of their own and have all else in common: what is
    read of that is read once.
    """
    at = script.find("\n\n") + 1
    parts = [""]
    for line in _LINE.findall(script[:at]):
        parts[-1] += line
        if _is_whole(parts[-1]):
            parts.append("")
    parts[-1] += script[at:]
    return tuple(parts)


@_kept
def _is_whole(part: str) -> bool:
    *_, end = lex(part)
    return end.is_sure and not part.endswith("\\\n")


_NOT_EXPANDING = ("comment", "single", "escape", "quoted here-document", "end of here-document")


@_kept
def _expand(part: str, *, quoted: bool) -> str:
    pieces: list[str] = []
    for token in lex(part):
        is_blank = token.kind in _NOT_EXPANDING or (token.kind == "here-document" and not quoted)
        if token.in_double and not quoted:
            is_blank = token.kind not in ("quote", "open", "close")
        pieces.append(re.sub(r"[^\n]", " ", token.text) if is_blank else token.text)
    return _NO_BLANK.sub("\ufffd", "".join(pieces))


class Token(NamedTuple):
    """A piece of a script. `is_sure`: the pieces so far are what bash takes them for.

    `depth` is 1 where nothing is open: brackets, `$(`, `${` or double quotes.
    """

    kind: str
    text: str
    in_double: bool = False
    is_sure: bool = True
    depth: int = 1


def lex(script: str) -> Iterator[Token]:
    """Yield all of a script, piece by piece, and a last empty one.

    What can't be told is read as most scripts mean it, and isn't sure.
    """
    at, is_sure = 0, "\r" not in script
    around = [_IN_CODE]  # what the next piece stands in, innermost last
    waiting: list[tuple[re.Match[str], int]] = []  # here-documents of the next line
    while found := around[-1].match(script, at):
        kind, text, inside = found.lastgroup or "other", found[0], around[-1]
        nearest = next(each for each in reversed(around) if each is not _IN_BRACES)
        in_double = nearest is _IN_DOUBLE
        is_sure = is_sure and not _is_rare(found, kind, len(around), in_double=in_double)
        is_sure = is_sure and not (waiting and "\n" in text and kind != "newline")
        at += len(text)
        yield Token(kind, text, in_double, is_sure, len(around))
        if kind == "here":
            waiting.append((found, len(around)))
        elif kind == "newline":
            for here, depth in waiting:
                is_quoted = bool(here["mark"]) or "\\" in here["word"]
                end, after = _find_end(script, at, here, is_quoted=is_quoted)
                is_sure = is_sure and depth == len(around)
                yield Token("quoted " * is_quoted + "here-document", script[at:end], False, is_sure)
                yield Token("end of here-document", script[end:after])
                is_sure, at = is_sure and end < len(script), after
            waiting.clear()
        elif kind in _OPENED and not (kind == "quote" and inside is _IN_DOUBLE):
            around.append(_OPENED[kind])
        elif kind in ("quote", "end") or (kind == "close" and len(around) > 1):
            around.pop()
    yield Token("end", "", is_sure=is_sure and len(around) == 1 and not waiting)


def _is_rare(found: re.Match[str], kind: str, depth: int, *, in_double: bool) -> bool:
    """Tell whether a piece is a way of writing that changes what the rest means."""
    text, script = found[0], found.string
    if kind == "escape":
        return script.startswith("#", found.end())
    if kind == "single":
        if in_double and not _NEUTRAL.fullmatch(text):
            # Whether it quotes depends on what is expanded: ${NAME#'...'} or ${NAME:-'...'}.
            opened = script.rfind("${", 0, found.start())
            if text.startswith("$") or not _QUOTING.match(script, opened):
                return True
        return len(text) < 2 or not text.endswith("'")
    if kind == "other" and depth > 1:
        return re.search(r"\bcase\b", text) is not None  # whose ) closes nothing
    return kind in ("strange", "odd")


def _find_end(script: str, at: int, here: re.Match[str], *, is_quoted: bool) -> tuple[int, int]:
    """Return where the line begins and ends that ends a here-document: if none does, its end."""
    word = here["word"].strip("'\"").removeprefix("\\")
    lines = (_JOINED_LINE, _LINE)[is_quoted]
    for line in lines.finditer(script, at):
        text = line[0].removesuffix("\n")
        if not is_quoted:
            text = text.replace("\\\n", "")
        if text.lstrip("\t" * len(here["dash"])) == word:
            return line.span()
    return len(script), len(script)


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
    head = f"{first}\n" * is_headed
    codes = [_code_of(part) for part in _cut(rest if is_headed else script)]
    if None in codes:
        return script
    return "".join((head, *filter(None, codes)))


@_kept
def _code_of(part: str) -> str | None:
    """Return a part of a script without comments and blank lines; None where that isn't sure."""
    lines, blank = [""], ""
    for token in lex(part):
        if not token.is_sure:
            return None
        if token.kind == "blank":
            blank = token.text
        elif token.kind == "newline":
            lines.append("")
            blank = ""
        elif token.kind != "comment":
            lines[-1] += blank + token.text
            blank = ""
    return "".join(f"{line}\n" for line in filter(None, lines))


_DEPLOYS = re.compile(
    r"""(?:^|[;&|({]|\b(?:then|do|else|exec|sudo|time|env)\s)[^\S\n]*  # a line each: ^ is there too
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
