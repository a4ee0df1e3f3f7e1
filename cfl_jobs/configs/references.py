"""Text in configs → what it refers to: $VARIABLES, Java properties, jobs by name, nodes by label.

A job's name in a config is relative to the folder of the job that holds it; a leading "/" makes it
absolute (jenkins.model.Jenkins.getItem(String, ItemGroup), core 2.440).

Label expressions have the grammar of hudson.model.labels' LabelExpressionLexer and
LabelExpressionParser, core 2.440. From the strongest to the weakest: `!` (once), `&&`, `||`, `->`
(once), `<->`; parentheses; a label in double quotes may hold anything. What isn't of this grammar
Jenkins takes for the name of one label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from posixpath import join, normpath
from typing import TypeAlias

# hudson.Util.VARIABLE
_VARIABLE = re.compile(r"\$([A-Za-z0-9_]+|\{[A-Za-z0-9_.]+\}|\$)")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPED = _ESCAPES | {"b": "\b"}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace $NAME and ${NAME}; a name that isn't set stays as it is, `$$` is one dollar.

    As hudson.EnvVars.expand does, names that differ only in case are the same name.
    """

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip("{}")
        if name == "$":
            return "$"
        if name in variables:
            return variables[name]
        folded = name.casefold()
        found = (value for key, value in variables.items() if key.casefold() == folded)
        return next(found, match[0])

    return _VARIABLE.sub(replace, text)


def read_properties(text: str) -> dict[str, str]:
    """Parse java.util.Properties text: `=`, `:` or blanks separate, `\\` escapes and continues."""
    values: dict[str, str] = {}
    for line in _logical_lines(text):
        match = re.match(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", line, re.DOTALL)
        if match:
            values[_unescape(match[1])] = _unescape(match[2])
    return values


def _logical_lines(text: str) -> list[str]:
    lines: list[str] = []
    continued = False
    for natural in re.split(r"\r\n|\n|\r", text):
        line = natural.lstrip(" \t\f")
        if not continued and (not line or line[0] in "#!"):
            continue
        if continued:
            line = lines.pop() + line
        lines.append(line)
        continued = (len(natural) - len(natural.rstrip("\\"))) % 2 == 1
        if continued:
            lines[-1] = lines[-1][:-1]
    return lines


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", replace, text, flags=re.DOTALL)


def resolve_job(name: str, holder: str, jobs: Container[str]) -> str:
    """Return the full name of the job that `name` in the config of job `holder` means.

    A name found in no folder on the way is taken as absolute, as Jenkins does last of all.
    """
    if name.startswith("/"):
        return name.strip("/")
    folder = holder.rpartition("/")[0]
    near = normpath(join(folder, name))
    return near if near in jobs else name


_TOKEN = re.compile(
    r"""[ \t]*(<->|->|&&|\|\||[!()]|"(\\[btnfr"'\\]|[^\\"\r\n])*"|([^&|!<>() \t"'-]|-(?!>))+)"""
)
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
    # The next symbol is the last one, "" stands for the end.
    symbols = [""]
    offset, end = 0, len(expression.rstrip(" \t"))
    while offset < end:
        found = _TOKEN.match(expression, offset)
        if found is None:
            rest = expression[offset:].strip()
            raise LabelError(f"{rest!r} is no part of a label expression")
        symbols.insert(1, found[1])
        offset = found.end()
    try:
        made = _read(symbols, 0, expression)
    except RecursionError:
        raise LabelError("it is nested too deeply for a label expression") from None
    if symbols[-1]:
        raise _misplaced(symbols[-1], expression)
    return made


def _read(symbols: list[str], level: int, text: str) -> Expression:
    """Return what stands next and is joined by operators of a level or a stronger one."""
    if level < len(_OPERATORS):
        operator = _OPERATORS[level]
        found = _read(symbols, level + 1, text)
        while symbols[-1] == operator:
            symbols.pop()
            found = Compound(operator, (found, _read(symbols, level + 1, text)))
            if operator == "->" == symbols[-1]:
                raise LabelError(f"'->' can't follow '->' without parentheses in {text!r}")
        return found
    if symbols[-1] in ("", ")"):
        raise _misplaced(symbols[-1], text)
    symbol = symbols.pop()
    if symbol == "!":
        if symbols[-1] == "!":
            raise LabelError(f"'!' can't follow '!' in {text!r}")
        return Compound("!", (_read(symbols, level, text),))
    if symbol == "(":
        found = _read(symbols, 0, text)
        if symbols[-1] != ")":
            raise _misplaced(symbols[-1], text)
        symbols.pop()
        return found
    if symbol in _OPERATORS:
        raise LabelError(f"a label is missing before {symbol!r} in {text!r}")
    if symbol.startswith('"'):
        return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), symbol[1:-1])
    return symbol


def _misplaced(symbol: str, text: str) -> LabelError:
    if not symbol:
        return LabelError(f"{text!r} stops too early for a label expression")
    if symbol == ")":
        return LabelError(f"')' stands where it can't in {text!r}")
    return LabelError(f"an operator is missing before {symbol!r} in {text!r}")


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
