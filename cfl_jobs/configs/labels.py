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

_TOKEN = re.compile(
    r"""[ \t]*(<->|->|&&|\|\||[!()]|"(\\[btnfr"'\\]|[^\\"\r\n])*"|([^&|!<>() \t"'-]|-(?!>))+)"""
)
_OPERATORS = ("<->", "->", "||", "&&")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_MEANING: dict[str, Callable[[bool, bool], bool]] = {
    "<->": lambda left, right: left == right,
    "->": lambda left, right: not left or right,
    "||": lambda left, right: left or right,
    "&&": lambda left, right: left and right,
}


class LabelError(ValueError):
    """Text that is no label expression; str() says why."""


@dataclass(frozen=True, slots=True)
class Label:
    """One label."""

    name: str


@dataclass(frozen=True, slots=True)
class Compound:
    """`!` of one part, or a binary operator between two."""

    operator: str
    parts: tuple[Label | Compound, ...]


@lru_cache(maxsize=1024)
def parse_labels(expression: str) -> Label | Compound:
    """Return what an expression is made of. Raises LabelError."""
    parser = _Parser(expression)
    try:
        found = parser.read(0)
    except RecursionError:
        raise LabelError("it is nested too deeply for a label expression") from None
    parser.end()
    return found


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


def _holds(part: Label | Compound, labels: Collection[str]) -> bool:
    if isinstance(part, Label):
        return part.name in labels
    values = [_holds(inner, labels) for inner in part.parts]
    return not values[0] if part.operator == "!" else _MEANING[part.operator](*values)


def _names(part: Label | Compound) -> Iterator[str]:
    if isinstance(part, Label):
        yield part.name
    elif part.operator != "!":
        for inner in part.parts:
            yield from _names(inner)


class _Parser:
    """Reads from left to right, as deep as parentheses go."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._symbols = self._split()

    def _split(self) -> list[str]:
        """Return the symbols, the next one last."""
        symbols, place, end = [], 0, len(self._text.rstrip(" \t"))
        while place < end:
            found = _TOKEN.match(self._text, place)
            if found is None:
                rest = self._text[place:].strip()
                raise LabelError(f"{rest!r} is no part of a label expression")
            symbols.append(found[1])
            place = found.end()
        return symbols[::-1]

    def _next(self) -> str:
        return self._symbols[-1] if self._symbols else ""

    def read(self, level: int) -> Label | Compound:
        """Return what stands next and is joined by operators of a level or a stronger one."""
        if level == len(_OPERATORS):
            return self._read_negation()
        operator = _OPERATORS[level]
        found = self.read(level + 1)
        while self._next() == operator:
            self._symbols.pop()
            found = Compound(operator, (found, self.read(level + 1)))
            if operator == "->" == self._next():
                raise LabelError(f"'->' can't follow '->' without parentheses in {self._text!r}")
        return found

    def _read_negation(self) -> Label | Compound:
        if self._next() != "!":
            return self._read_label()
        self._symbols.pop()
        if self._next() == "!":
            raise LabelError(f"'!' can't follow '!' in {self._text!r}")
        return Compound("!", (self._read_label(),))

    def _read_label(self) -> Label | Compound:
        if not self._symbols:
            raise LabelError(f"{self._text!r} stops too early for a label expression")
        symbol = self._symbols.pop()
        if symbol == "(":
            found = self.read(0)
            if self._next() != ")":
                self._complain()
            self._symbols.pop()
            return found
        if symbol == ")":
            raise LabelError(f"')' stands where it can't in {self._text!r}")
        if symbol in _OPERATORS:
            raise LabelError(f"a label is missing before {symbol!r} in {self._text!r}")
        return Label(_unquote(symbol) if symbol.startswith('"') else symbol)

    def end(self) -> None:
        """Expect nothing more. Raises LabelError."""
        if self._symbols:
            self._complain()

    def _complain(self) -> None:
        """Say what is wrong with the next symbol, where an operator or the end should be."""
        symbol = self._next()
        if not symbol:
            raise LabelError(f"{self._text!r} stops too early for a label expression")
        if symbol == ")":
            raise LabelError(f"')' stands where it can't in {self._text!r}")
        raise LabelError(f"an operator is missing before {symbol!r} in {self._text!r}")


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), text[1:-1])
