"""Label expressions, as a job asks for nodes → mistakes in them, and which labels satisfy them.

Grammar: hudson.model.labels' LabelExpressionLexer and LabelExpressionParser, core 2.440. From the
strongest to the weakest: `!` (once), `&&`, `||`, `->` (once), `<->`; parentheses; a label in double
quotes may hold anything. What isn't of this grammar Jenkins takes for the name of one label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

_TOKEN = re.compile(
    r"""[ \t]*(<->|->|&&|\|\||[!()]|"(\\[btnfr"'\\]|[^\\"\r\n])*"|([^&|!<>() \t"'-]|-(?!>))+)"""
)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
# From the weakest to the strongest.
_MEANING: dict[str, Callable[[bool, bool], bool]] = {
    "<->": lambda left, right: left == right,
    "->": lambda left, right: not left or right,
    "||": lambda left, right: left or right,
    "&&": lambda left, right: left and right,
}
_OPERATORS = tuple(_MEANING)


class LabelError(ValueError):
    """Text that is no label expression; str() says why."""


@dataclass(frozen=True, slots=True)
class Compound:
    """`!` of one part, or a binary operator between two; a part that is text is a label."""

    operator: str
    parts: tuple[Expression, ...]


Expression: TypeAlias = str | Compound


@lru_cache(maxsize=1024)
def parse_labels(expression: str) -> Expression:
    """Return what an expression is made of. Raises LabelError."""
    try:
        return _Parser(expression).read_all()
    except RecursionError:
        raise LabelError("it is nested too deeply for a label expression") from None


def satisfies(expression: str, labels: Collection[str]) -> bool:
    """Tell whether a node of these labels may run a job."""
    try:
        return _holds(parse_labels(expression), labels)
    except LabelError:
        return expression in labels


def named_labels(expression: str) -> tuple[str, ...]:
    """Return the labels that stand in an expression without `!` before them, () if it is none."""
    try:
        return tuple(dict.fromkeys(_names(parse_labels(expression))))
    except LabelError:
        return ()


def _holds(part: Expression, labels: Collection[str]) -> bool:
    if isinstance(part, str):
        return part in labels
    values = [_holds(inner, labels) for inner in part.parts]
    return not values[0] if part.operator == "!" else _MEANING[part.operator](*values)


def _names(part: Expression) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif part.operator != "!":
        for inner in part.parts:
            yield from _names(inner)


class _Parser:
    """Reads from left to right, as deep as parentheses go. The next symbol is the last one.

    "" stands for the end.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._symbols = [""]
        offset, end = 0, len(text.rstrip(" \t"))
        while offset < end:
            found = _TOKEN.match(text, offset)
            if found is None:
                rest = text[offset:].strip()
                raise LabelError(f"{rest!r} is no part of a label expression")
            self._symbols.insert(1, found[1])
            offset = found.end()

    def read_all(self) -> Expression:
        found = self._read(0)
        if self._next():
            self._expect("")
        return found

    def _next(self) -> str:
        return self._symbols[-1]

    def _read(self, level: int) -> Expression:
        """Return what stands next and is joined by operators of a level or a stronger one."""
        if level == len(_OPERATORS):
            return self._read_negation()
        operator = _OPERATORS[level]
        found = self._read(level + 1)
        while self._next() == operator:
            self._symbols.pop()
            found = Compound(operator, (found, self._read(level + 1)))
            if operator == "->" == self._next():
                raise LabelError(f"'->' can't follow '->' without parentheses in {self._text!r}")
        return found

    def _read_negation(self) -> Expression:
        if self._next() != "!":
            return self._read_label()
        self._symbols.pop()
        if self._next() == "!":
            raise LabelError(f"'!' can't follow '!' in {self._text!r}")
        return Compound("!", (self._read_label(),))

    def _read_label(self) -> Expression:
        symbol = self._next()
        if symbol in ("", ")"):
            return self._expect("")
        self._symbols.pop()
        if symbol == "(":
            found = self._read(0)
            self._expect(")")
            return found
        if symbol in _OPERATORS:
            raise LabelError(f"a label is missing before {symbol!r} in {self._text!r}")
        if symbol.startswith('"'):
            return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), symbol[1:-1])
        return symbol

    def _expect(self, symbol: str) -> str:
        """Take the next symbol. Raises LabelError that says what is wrong where it is another."""
        found = self._next()
        if found and found == symbol:
            return self._symbols.pop()
        if not found:
            raise LabelError(f"{self._text!r} stops too early for a label expression")
        if found == ")":
            raise LabelError(f"')' stands where it can't in {self._text!r}")
        raise LabelError(f"an operator is missing before {found!r} in {self._text!r}")
