"""A word of a script, and what variables hold → what the word is, where that is known."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence

FAIL, PASS, NOT_KNOWN = "1", "0", "?"  # what a command's status may be
_NOT_ZERO = "not zero"  # what a status is in numbers where a command failed
VARIABLE = re.compile(r"\$\{?(#?\w+|\?)(?:\[[@*]\])?\}?")
_NUMBER = re.compile(r"-?[0-9]{1,18}")  # bash takes no longer one, nor other digits
_LISTS = {"()": "0", "(...)": "1"}  # lists that are known, and how long they are at least


def listed(text: str, before: str | None, *, adds: bool) -> str | None:
    """Return a list that is known to be empty or not, as "()" and "(...)"."""
    if not text.startswith("("):
        return None
    if not re.fullmatch(r"\(\s*\)", text):
        return None if re.search(r"\[[@*]\]", text) else "(...)"
    return before if adds else "()"


def value_of(word: str, known: Mapping[str, str], status: str) -> str | None:
    """Return what a word is, where that is known."""
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
    return FAIL if int(value) % 256 else PASS


def answer_of(test: Sequence[str], known: Mapping[str, str], status: str) -> bool | None:
    """Return what a test finds, where that is known."""
    words = list(test[1:])
    while words[:1] == ["!"]:
        words = words[1:]
    words = words[: len(words) - (words[-1:] in (["]"], ["]]"]))]
    values = [value_of(word, known, status) for word in words]
    if len(words) == 1 and not words[0].startswith("-"):
        sign = "-n"
    elif len(words) == 2 and words[0] in ("-n", "-z"):
        values, sign = values[1:], words[0]
    elif len(words) == 3:
        values, sign = [values[0], values[2]], words[1]
    else:
        return None
    if None in values:
        return None
    is_negated = test[1:2] == ("!",)
    found = _compare(sign, [value or "" for value in values])
    return None if found is None else found is not is_negated


_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}


_OF_FAILURE = {"=": False, "==": False, "!=": True, "-eq": False, "-ne": True, "-gt": True}


def _compare(sign: str, values: Sequence[str]) -> bool | None:
    """Return what a test of known values finds; None where it is of something else."""
    if sign in ("-n", "-z"):
        return bool(values[0]) is (sign == "-n")
    if _NOT_ZERO in values:
        return _OF_FAILURE.get(sign) if values == [_NOT_ZERO, "0"] else None
    if sign in ("=", "==", "!="):
        return (values[0] == values[1]) is (sign != "!=")
    if sign in _COMPARISONS and all(map(_NUMBER.fullmatch, values)):
        return _COMPARISONS[sign](int(values[0]), int(values[1]))
    return None
