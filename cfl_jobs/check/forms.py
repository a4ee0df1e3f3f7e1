"""A command of a script, and its words → one form for all spellings, and what is known of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from cfl_jobs.check.script import ASSIGNS, Node, parse
from cfl_jobs.check.shell import lex

FAIL, PASS, NOT_KNOWN = "1", "0", "?"  # what a command's status may be
VARIABLE = re.compile(r"\$\{?(#?\w+|\?)(?:\[[@*]\])?\}?")
_SAFE = re.compile(r"[\w./:,@%+=-]*")
_QUOTED = re.compile(
    r"""'([^']*)'|"((?:[^"\\`$]|\\.)*)"|("(?:[^"\\`]|\\.)*")|(\\.)|([^'"\\]+|.)""", re.DOTALL
)
_BRACED = re.compile(r"\$\{(\w+)\}(?!\w)")
_LONE = re.compile(r"\A\$(?:\{[^{}\"'`$]*\}|\w+|[?#!@*])\Z")
_OUTPUT = re.compile(r"[$<>]\(|`")
_OUTPUT_ALONE = re.compile(r"""([A-Za-z_]\w*=)(?:"(\$\(.*\))"|(\$\(.*\)))""", re.DOTALL)
_NO_OUTPUT = re.compile(r"(?:\d*|&)>+(?:/dev/null|&?[12])")
_REDIRECTS = re.compile(r"(?:\d*|&|\{\w+\})[<>]+&?(?!\()")
_OPPOSITE = {"!=": "=", "-ne": "-eq", "-lt": "-ge", "-gt": "-le", "-n": "-z"}
_COMPARES = ("=", "==", "-eq", "-ge", "-le", "-nt", "-ot", "-ef", "=~", "<", ">", "-z", *_OPPOSITE)
_NOT_ZERO = "not zero"  # what a status is in numbers where a command failed
_NUMBER = re.compile(r"-?[0-9]{1,18}")  # bash takes no longer one, nor other digits
_LISTS = {"()": "0", "(...)": "1"}  # lists that are known, and how long they are at least
_LONG_NAMES = {"errexit": "e", "nounset": "u"}
_SHOWN_WORDS = 90


@lru_cache(maxsize=2048)
def plain(word: str) -> str:
    """Return a word without the quotes and braces that change nothing."""
    if not word.startswith("$'") and ("'" in word or '"' in word):
        word = "".join(
            inner if (inner := found[1] or found[2] or "") and _SAFE.fullmatch(inner) else found[0]
            for found in _QUOTED.finditer(word)
        )
    return _BRACED.sub(r"$\1", word)


def _form(node: Node) -> tuple[list[str], bool]:
    """Return the words of one command, `test` for all spellings of that, and whether it asks that
    very thing or the opposite."""
    words = [plain(word) for word in node.words if not _NO_OUTPUT.fullmatch(plain(word))]
    words = [word for word in words if word != "--"]
    if not words or words[0] not in ("[", "[[", "test"):
        return words, True
    is_double = words[0] == "[["
    words = words[1 : len(words) - (words[-1] in ("]", "]]"))]
    holds = True
    while words[:1] == ["!"]:
        words, holds = words[1:], not holds
    if len(words) == 1:
        words = ["-n", *words]
    at = len(words) - 2  # of the operator
    is_known = len(words) in (2, 3) and words[at] in _COMPARES
    if is_double and (is_known or len(words) == 2):  # where words aren't split
        place = len(words) == 2
        words[place] = _LONE.sub(r'"\g<0>"', words[place])
    if is_known and words[at] in _OPPOSITE:
        words[at], holds = _OPPOSITE[words[at]], not holds
    if is_known and words[at] == "==":
        words[at] = "="
    if words and words[0].startswith('"${#') and words[1:] == ["-le", "0"]:
        words[1] = "-eq"
    return ["test", *words], holds


def negate(condition: str) -> str:
    return condition[2:] if condition.startswith("! ") else f"! {condition}"


def say(text: str, holds: bool) -> str:
    return text if holds else negate(text)


def text_of(node: Node) -> str:
    """Return a command in one form for all spellings."""
    if node.kind in ("run", "each", "when"):
        words, holds = _form(node)
        return say(" ".join(words), holds)
    signs = {"pipe": " | ", "and": " && ", "or": " || ", "!": "! ", "back": " & "}
    return signs.get(node.kind, "; ").join(map(text_of, node.parts))


def call_of(node: Node) -> tuple[str, ...]:
    """Return a command's words without what is set for it alone, and without redirections."""
    words = [plain(word) for word in node.words if not _REDIRECTS.match(word)]
    while words and (ASSIGNS.fullmatch(words[0]) or words[0] in ("command", "builtin")):
        if words[0] == "command" and words[1:2] == ["-v"]:
            break
        words = words[1:]
    if not node.words[1:] and node.words[:1] and node.words[0].startswith("<"):
        return ("<",)  # of $(<file)
    return tuple(words)


def form_of(node: Node) -> str:
    """Return a command in one form for all spellings, with what it is made of in brackets."""
    if not node.parts or (node.kind == "do" and len(node.parts) == 1):
        text = "".join(map(form_of, node.parts)) or text_of(node)
        return {":": "true"}.get(text, text)
    return f"{node.kind}({', '.join(map(form_of, node.parts))})"


def assigned_form(word: str) -> str:
    """Return what is assigned in one form for all spellings, of the output of commands too."""
    if found := _OUTPUT_ALONE.fullmatch(word):
        inner = found[2] or found[3]
        if list(outputs_of([inner])) == [inner[2:-1]]:
            return f"{found[1]}{form_of(parse(inner[2:-1]))}"
    return plain(word)


def outputs_of(words: Iterable[str]) -> Iterator[str]:
    """Yield the scripts whose output stands in words: `$(...)`, `<(...)`."""
    for word in filter(_OUTPUT.search, words):
        yield from re.findall(r"`([^`]*)`", word)
        begin, depth, at = -1, 0, 0
        for token in lex(word):
            at += len(token.text)
            if token.kind == "open" and begin < 0 and word[at - 2 : at - 1] in ("$", "<", ">"):
                begin, depth = at, token.depth + 1
            elif token.kind == "close" and begin >= 0 and token.depth == depth:
                yield word[begin : at - 1]
                begin = -1


def shorten(words: str) -> str:
    words = re.sub(r"\\\n|(?<=[{(;&|])[ \t]*\n|\b(then|do|else)[ \t]*\n", r"\1 ", words)
    words = re.sub(r"[ \t]+", " ", re.sub(r"[ \t]*\n\s*", "; ", words.strip()))
    return words if len(words) <= _SHOWN_WORDS else f"{words[:_SHOWN_WORDS]}…"


def option_changes(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the options of `set`, `shopt -o` or a call of a shell, and whether each is set."""
    if words[:1] == ("shopt",):
        letters = "".join(word[1:] for word in words[1:] if word.startswith("-"))
        if "o" in letters and ("s" in letters or "u" in letters):
            names = (word for word in words[1:] if not word.startswith("-"))
            yield from ((_LONG_NAMES.get(name, name), "s" in letters) for name in names)
        return
    is_named, sets = False, True
    for word in words[1:]:
        if is_named:
            yield _LONG_NAMES.get(word, word), sets
            is_named = False
        elif re.fullmatch(r"[-+]\w+", word):
            sets = word[0] == "-"
            is_named = word.endswith("o")
            yield from ((letter, sets) for letter in word[1:] if letter != "o")
        else:
            return


def listed(text: str, before: str | None, *, adds: bool) -> str | None:
    """Return a list that is known to be empty or not, as "()" and "(...)"."""
    if not text.startswith("(") or re.search(r"\[[@*]\]", text):
        return None
    if not re.fullmatch(r"\(\s*\)", text):
        return "(...)"
    return before if adds else "()"


def value_of(word: str, known: Mapping[str, str], status: str) -> str | None:
    """Return what a word is, where that is known; `known` is what variables hold."""
    text, special = word, r"[$`\\\"'*?\[\]~]"
    if quoted := re.fullmatch(r"""'([^']*)'|"([^"]*)\"""", word):
        text, special = quoted[1] or quoted[2] or "", r"[$`\\]"
    if word[:1] == "'" and quoted:
        return text
    if found := re.fullmatch(r"\$\(\(\s*\$?(\w+)\s*\)\)", text):
        text = found[1] if found[1].isdigit() else f"${found[1]}"
    found = VARIABLE.fullmatch(text)
    if found is None:
        return None if re.search(special, text) else text
    if found[1] == "?":
        return {PASS: "0", FAIL: _NOT_ZERO}.get(status)
    value = known.get(found[1].removeprefix("#"))
    if found[1].startswith("#") or value in _LISTS:
        value = _LISTS.get(value or "")
    return value


def code_of(word: str, known: Mapping[str, str], status: str) -> str:
    value = value_of(word, known, status)
    if value == _NOT_ZERO:
        return FAIL
    if value is None or not _NUMBER.fullmatch(value):
        return NOT_KNOWN
    return (FAIL, PASS)[int(value) % 256 == 0]


def answer_of(test: Node, known: Mapping[str, str], status: str) -> bool | None:
    """Return what a test finds, where that is known."""
    (_, *words), holds = _form(test)
    if len(words) == 2 and words[0] == "-z":
        text = value_of(words[1], known, status)
        return None if text is None else (text == "") is holds
    if len(words) != 3:
        return None
    one, other = (value_of(word, known, status) for word in words[::2])
    if one is None or other is None:
        return None
    sign = words[1]
    if _NOT_ZERO in (one, other):
        is_told = (one, other) == (_NOT_ZERO, "0") and sign in ("=", "-eq", "-le")
        return not holds if is_told else None
    if sign == "=":
        return (one == other) is holds
    if sign in ("-eq", "-ge", "-le") and _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
        order = (int(one) > int(other)) - (int(one) < int(other))
        return (order in {"-eq": (0,), "-ge": (0, 1), "-le": (0, -1)}[sign]) is holds
    return None
