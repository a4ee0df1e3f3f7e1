"""Shell script → the variables it uses and sets. Reads quotes, comments and here-documents.

Not a full parser of bash: enough to tell `$NAME` that expands from one that doesn't.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from types import MappingProxyType
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
    *_, end = _Lexer(part).read()
    return end.is_sure and not part.endswith("\\\n")


@_kept
def _expand(script: str, *, quoted: bool) -> str:
    return _NO_BLANK.sub("\ufffd", "".join(_expanding_parts(script, quoted=quoted)))


def _expanding_parts(script: str, *, quoted: bool) -> Iterator[str]:
    for token in _Lexer(script).read():
        is_blank = token.kind in _NOT_EXPANDING
        if token.in_double and not quoted:
            is_blank = token.kind not in ("quote", "open", "close")
        is_blank = is_blank or (token.kind == "here-document" and not quoted)
        yield _blank(token.text) if is_blank else token.text


_NOT_EXPANDING = ("comment", "single", "escape", "quoted here-document", "end of here-document")


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a script. `is_sure`: the pieces so far are what bash takes them for."""

    kind: str
    text: str
    in_double: bool = False
    is_sure: bool = True


class _Lexer:
    """Takes a script apart. What it can't tell it reads as most scripts mean it, and isn't sure."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._at = 0
        self._is_sure = "\r" not in script
        self._around = [_IN_CODE]  # what the next piece stands in, innermost last
        self._waiting: list[tuple[re.Match[str], int]] = []  # here-documents of the next line

    def read(self) -> Iterator[_Token]:
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
        yield _Token("end", "", is_sure=self._is_sure)

    def _doubt(self, is_doubtful: bool) -> None:
        self._is_sure = self._is_sure and not is_doubtful

    def _take(self, found: re.Match[str]) -> _Token:
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
        return _Token(kind, text, in_double, self._is_sure)

    def _turn(self, kind: str) -> None:
        """Go into what a piece opens, or out of what it closes."""
        if kind in _OPENED and not (kind == "quote" and self._around[-1] is _IN_DOUBLE):
            self._around.append(_OPENED[kind])
        elif kind in ("quote", "end") or (kind == "close" and len(self._around) > 1):
            self._around.pop()

    def _take_here_documents(self) -> Iterator[_Token]:
        for here, depth in self._waiting:
            self._doubt(depth != len(self._around))
            is_quoted = bool(here["mark"]) or "\\" in here["word"]
            kind = "quoted here-document" if is_quoted else "here-document"
            end, after = _find_end(self._script, self._at, here, is_quoted=is_quoted)
            yield _Token(kind, self._script[self._at : end], is_sure=self._is_sure)
            self._doubt(end == len(self._script))
            yield _Token("end of here-document", self._script[end:after])
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
    for token in _Lexer(part).read():
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


class End(Enum):
    """What becomes of a script at a statement."""

    FAILS = "fails"
    PASSES = "ends green"
    NONE = "goes on"


@dataclass(frozen=True, slots=True)
class Stop:
    """A statement at which a script ends early, in its own words, and the condition for that.

    `by` is the function that it calls, if that is what ends it.
    """

    words: str
    condition: str = ""
    by: str = ""
    end: End = End.FAILS


_BLOCK = re.compile(r"(?:if|while|until|for|case)\b|.*[{(]$", re.DOTALL)
_BRANCH = re.compile(r"(?:elif|else)\b")
# An operator and the lines that it joins, those with a comment only too.
_JOINT = re.compile(r"(?:&&|\|\|)\s*\n|\n[ \t]*(?=&&|\|\|)")
# What brackets hold together in one line, brackets in brackets too.
_GROUP = re.compile(r"[{(](?:[^{}()\n]|[{(](?:[^{}()\n]|[{(][^{}()\n]*[})])*[})])*[})]")
_LEADS = r"(?:(?:then|do|else|\{|\(|!)(?:\s+|$))*"
_DEFINES = re.compile(r"(?:function\s+)?(\w+)\s*\(\)")
# Without a number they end as the last command did, which failed right behind `||`.
_ENDS = r"""(?:(?:exit|return)\s+["$1-9]
    |(?:exit|(?:(?<=\|\|)|(?<=\|\|\s))return)(?=\s*(?:[\0&|)}\n]|$)))"""
_ENDS_GREEN = r"exit\s+0(?!\w)"
# A call, up to its first argument: what it says is enough to know it by.
_CALL = re.compile(r'\S+\s+"[^"$]*(?:\$(?:\w+|\{\w+(?:\[[@*\w]+\])?\})[^"$]*)*"')
_SHOWN_WORDS = 90


@lru_cache(maxsize=256)
def find_stops(script: str, known: frozenset[str] = frozenset()) -> tuple[Stop, ...]:
    """Return the statements at which a script ends, each with the conditions around it.

    They call `exit` or a function that does, or are tests at which `set -e` ends it. So are calls
    of functions that are `known` to have ended it, even where they don't any more.
    """
    return tuple(_find_stops(_join_lines(script), known))


def _join_lines(script: str) -> str:
    """Return a script, as long as it is, with what a backslash joins in one line."""
    return "".join(map(_join_lines_of, _cut(script)))


@_kept
def _join_lines_of(part: str) -> str:
    tokens = _Lexer(part).read()
    return "".join("  " if token.text == "\\\n" else token.text for token in tokens)


def _find_stops(script: str, known: frozenset[str]) -> Iterator[Stop]:
    # As long as the script, so that each statement can be shown as it is written.
    text = _in_one_line(expanding_text(script, quoted=False))
    functions = {found["name"]: _end_of(found["body"]) for found in _FUNCTION.finditer(text)}
    ending = {name: end for name, end in functions.items() if end is not End.NONE or name in known}
    calls = "|".join(
        (rf"(?P<ends>{_ENDS})", rf"(?P<green>{_ENDS_GREEN})", *(rf"{n}(?=\s|$)" for n in ending))
    )
    leads = r"(?:^|[\0&|(){!]\s*|\b(?:then|do|else)\s+)"
    stops = re.compile(rf"{leads}(?P<own>{calls})", re.VERBOSE)
    for words, shape, around in _walk(script, text):
        opened = [_DEFINES.match(each) for each in (shape, *(block[0] for block in around))]
        if not any(defined and defined[1] in ending for defined in opened):
            conditions = [" or ".join(block) for block in around]
            yield from _read_stop(words, shape, stops, conditions, ending)


def _walk(script: str, text: str) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Yield a script's statements as they are written and as they read in `text`, as long as it.

    And what is around each: a block's conditions, from `if` to `else`.
    """
    blocks: list[list[str]] = []
    for found in re.finditer(r"[^\n;]+", text):
        shape = found[0].strip()
        begin = found.start() + found[0].index(shape)
        words = script[begin : begin + len(shape)]
        _follow_blocks(blocks, shape, words)
        yield words, shape, blocks


def _end_of(body: str) -> End:
    """Return what becomes of a script in a function."""
    if re.search(rf"\b{_ENDS}", body, re.VERBOSE):
        return End.FAILS
    return End.PASSES if re.search(rf"\b{_ENDS_GREEN}", body) else End.NONE


def _in_one_line(text: str) -> str:
    """Return a text with what `&&`, `||` or brackets join in one statement each."""
    joined = _JOINT.sub(lambda joint: joint[0].replace("\n", " "), text)
    return _GROUP.sub(lambda group: group[0].replace(";", "\0"), joined)


def _follow_blocks(blocks: list[list[str]], shape: str, words: str) -> None:
    if _CLOSES.match(shape):
        del blocks[-1:]
    elif blocks and _BRANCH.match(shape):
        blocks[-1].append(words)
    elif _BLOCK.match(shape):
        blocks.append([words.rstrip(" {(")])


def _read_stop(
    words: str,
    shape: str,
    stops: re.Pattern[str],
    around: Sequence[str],
    functions: Mapping[str, End],
) -> Iterator[Stop]:
    lead = re.match(_LEADS, shape)
    start = lead.end() if lead else 0
    stop = stops.search(shape)
    if stop:
        at = stop.start("own")
        before = words[start:at].strip() if at > start else ""
        unclosed, _ = _find_unmatched(shape[start:at])
        condition = before[: next(iter(unclosed), None)].strip()
        by = "" if stop["ends"] or stop["green"] else stop["own"]
        end = End.PASSES if stop["green"] else functions.get(by, End.FAILS)
        if not by:
            _, unopened = _find_unmatched(shape[start:])
            ends = (start + bracket for bracket in unopened if start + bracket > at)
            own = words[start : next(ends, None)].rstrip(" ;")
            own = own if condition else _lead(around[-1:], own)
        else:
            own = words[at:].rstrip(" ;}")
            first = _CALL.match(own)
            own = first[0] if first else own
        yield Stop(_shorten(own), " > ".join(filter(None, (*around, condition))), by, end)
    elif _TESTS_ALONE.match(shape, start):
        yield Stop(_shorten(words[start:]), " > ".join(around))


def _find_unmatched(shape: str) -> tuple[list[int], list[int]]:
    """Return where brackets stand that aren't closed, and where those that weren't opened."""
    unclosed: list[int] = []
    unopened: list[int] = []
    for at, sign in enumerate(shape):
        if sign in "{(":
            unclosed.append(at)
        elif sign in "})":
            if unclosed:
                unclosed.pop()
            else:
                unopened.append(at)
    return unclosed, unopened


def _lead(around: Sequence[str], own: str) -> str:
    joint = " " if "".join(around).endswith(("&&", "||")) else ": "
    return joint.join((*around, own))


def _shorten(words: str) -> str:
    words = re.sub(r"[ \t\n]+", " ", words)
    return words if len(words) <= _SHOWN_WORDS else f"{words[:_SHOWN_WORDS]}…"


# What `set -e` and the like let a script stop at, by the option's letter or name.
STOPS_AT = MappingProxyType(
    {
        "e": "a command that fails",
        "u": "a variable that isn't set",
        "pipefail": "a failure before a pipe",
    }
)
_NAMES = {"errexit": "e", "nounset": "u"}
_OPTIONS = re.compile(
    r"(?:^|[\0\s;&|({!])(?P<program>set|(?:\S*/)?(?:ba|da|z|k)?sh)"
    r"(?P<words>(?:[ \t]+(?:[-+]\w+|errexit|nounset|pipefail))+)"
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of STOPS_AT: those that hold in a script, that it takes back (`set +e`), and how many
    shells that it calls have each; "" counts these shells.

    At the `end` those hold that weren't taken back, each with where alone it does, "" without that.
    """

    on: frozenset[str]
    off: frozenset[str]
    end: Mapping[str, str]
    inner: Counter[str]


def find_options(script: str) -> Options:
    """Return at what a script is to stop by itself; one without a first line `#!` has `-e`."""
    first = script.partition("\n")[0]
    on, off, inner = {"e"}, set[str](), Counter[str]()  # hudson.tasks.Shell calls sh with -xe
    if first.startswith("#!"):
        given = _OPTIONS.search(first[2:])
        words = given["words"] if given else ""
        on = {option for sign, option in _read_options(words) if sign == "-"}
    end = dict.fromkeys(on, "")
    script = _join_lines(script)
    for words, shape, around in _walk(script, _in_one_line(expanding_text(script))):
        for found in _OPTIONS.finditer(shape):
            options = list(_read_options(found["words"]))
            set_here = [option for sign, option in options if sign == "-"]
            if found["program"] != "set":
                inner.update(["", *set_here])
                continue
            where = _where_of(words[: found.start("program")], around)
            on.update(set_here)
            for sign, option in options:
                if sign == "-":
                    end[option] = end.get(option, where) and where
                else:
                    off.add(option)
                    if not where:
                        end.pop(option, None)
    return Options(frozenset(on), frozenset(off), end, inner)


_DECIDES = re.compile(r"(?:if|while|until|for|case)\b")


def _where_of(lead: str, around: Sequence[Sequence[str]]) -> str:
    """Return where alone a command is run that has this before it in its statement; "" for always.

    A function is taken to be called.
    """
    if lead.count("(") > lead.count(")"):
        return "in a shell of its own"
    conditions = [" or ".join(block) for block in around if _DECIDES.match(block[0])]
    if re.search(r"&&|\|\|", lead):
        conditions.append(lead.rstrip(" &|"))
    return f"behind `{_shorten(' > '.join(conditions))}`" if conditions else ""


def _read_options(words: str) -> Iterator[tuple[str, str]]:
    """Yield "-" or "+" and the option for each that `-euo pipefail` has."""
    sign = "-"
    for word in words.split():
        sign = word[0] if word[0] in "-+" else sign
        letters = word[1:] if word[0] in "-+" else [_NAMES.get(word, word)]
        yield from ((sign, option) for option in letters if option in STOPS_AT)


_EXCUSES = re.compile(r"\|\|\s*(?:true|:|echo|printf|exit\s+0)(?![\w-])")
_ASKS = re.compile(r"(?:if|elif|while|until)\b")
_PIPE = re.compile(r"(?<!\|)\|(?!\|)")
_BACKGROUND = re.compile(r"(?<!&)&$")
_TAKES_CODE = re.compile(r"\$\?|\b(?:exit|return)\s+\"?\$|\bwait\b")
_SUCCEEDS = re.compile(r"(?:true|:|echo|printf|exit\s+0)(?![\w-])")


def find_excused(script: str, options: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield statements whose failure a script passes over, `options` being those that it begins
    with; and whether nothing but `set -e` keeps it from that: all it does after them succeeds.
    """
    text = _in_one_line(expanding_text(_join_lines(script)))
    asked = [stop.condition for stop in find_stops(script) if stop.end is End.FAILS]
    walked = [(words, shape) for words, shape, _ in _walk(script, text) if shape]
    holds = set(options)
    following = _find_following([shape for _, shape in walked])
    for (words, shape), (has_more, is_taken, only_succeeds) in zip(walked, following, strict=True):
        if found := _OPTIONS.match(f" {shape}"):
            for sign, option in _read_options(found["words"]) if found["program"] == "set" else ():
                (holds.add if sign == "-" else holds.discard)(option)
        core = re.sub(_LEADS, "", shape) if not shape.startswith("!") else shape
        if _ASKS.match(core):
            # One with a branch that fails, or that keeps what came of it, has teeth.
            is_excused = not is_taken and not any(words in condition for condition in asked)
        else:
            is_excused = (
                core.startswith("!")
                or _EXCUSES.search(shape) is not None
                or (_BACKGROUND.search(shape) is not None and not is_taken)
                or (_PIPE.search(shape) is not None and "pipefail" not in holds)
                or ("e" not in holds and has_more and not is_taken)
            )
        if is_excused or (has_more and only_succeeds):
            yield words, not is_excused


def _find_following(shapes: Sequence[str]) -> list[tuple[bool, bool, bool]]:
    """Return of what comes after each: is there any, does it take a code, does it only succeed."""
    found: list[tuple[bool, bool, bool]] = []
    has_more, is_taken, only_succeeds = False, False, True
    for shape in reversed(shapes):
        found.append((has_more, is_taken, only_succeeds))
        if not _CLOSES.match(shape):
            has_more = True
            is_taken = is_taken or _TAKES_CODE.search(shape) is not None
            only_succeeds = only_succeeds and _SUCCEEDS.match(shape) is not None
    return found[::-1]


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
_TESTS_ALONE = re.compile(
    r"(?:test[ \t]|\[\[?[ \t]|cmp[ \t]|diff[ \t]|grep[ \t]|sha\d+sum[ \t]+-)"
    r"(?!.*(?:&&|\|\|))"
)
_TESTS = re.compile(r"(?:(?:then|do|else)\s+)*(?:test|\[+|grep|cmp|diff|sha\d+sum|\S*/\S+)\s")


class Guard(Enum):
    """What a script does, whichever comes first."""

    STOPS = "stops where the file isn't right"
    DEPLOYS = "deploys"
    NEITHER = "neither"


@_kept
def deploys(script: str) -> bool:
    """Tell whether a script runs a program, or the command of a variable, that is called deploy."""
    # The word itself is found much faster than what stands around it.
    return "deploy" in script and _DEPLOYS.search(expanding_text(script)) is not None


def find_guard(script: str, files: Collection[str]) -> Guard:
    """Return what a step does first: look at one of the files and stop, or deploy."""
    first, _, rest = script.partition("\n")
    if first.startswith("#!") and not re.search(r"sh\b", first):
        return Guard.STOPS if any(file in script for file in files) else Guard.NEITHER
    text = expanding_text(_join_lines(script))
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
    for part in re.split(r"[\n;]", _in_one_line(text)):
        if part.strip():
            yield part.strip()
