"""Label expressions, as a job asks for nodes → which labels satisfy them.

Grammar: hudson.model.labels.LabelExpressionParser, core 2.440. From the strongest to the weakest:
`!`, `&&`, `||`, `->`, `<->`; parentheses; a label in quotes may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_TOKEN = re.compile(r'\s*(<->|->|&&|\|\||[!()]|"[^"]*"|(?:(?!->)[^\s!()&|<>"])+)')
_LEVELS = ("<->", "->", "||", "&&")


def satisfies(expression: str, labels: Collection[str]) -> bool:
    """Tell whether a node of these labels may run a job; a malformed expression means no node."""
    tokens = _split(expression)
    if tokens is None:
        return False
    try:
        value = _binary(tokens, labels, 0)
    except IndexError:
        return False
    return value and not tokens


def named_labels(expression: str) -> tuple[str, ...]:
    """Return the labels that stand in an expression without `!` before them."""
    found: dict[str, None] = {}
    before = ""
    for token in _split(expression) or ():
        if token not in (*_LEVELS, "!", "(", ")") and before != "!":
            found[token.strip('"')] = None
        before = token
    return tuple(found)


def _split(expression: str) -> list[str] | None:
    tokens: list[str] = []
    text = expression.strip()
    while text:
        found = _TOKEN.match(text)
        if found is None:
            return None
        tokens.append(found[1])
        text = text[found.end() :].lstrip()
    return tokens


def _binary(tokens: list[str], labels: Collection[str], level: int) -> bool:
    if level == len(_LEVELS):
        return _unary(tokens, labels)
    operator = _LEVELS[level]
    value = _binary(tokens, labels, level + 1)
    while tokens and tokens[0] == operator:
        tokens.pop(0)
        right = _binary(tokens, labels, level + 1)
        value = {
            "<->": value == right,
            "->": not value or right,
            "||": value or right,
            "&&": value and right,
        }[operator]
    return value


def _unary(tokens: list[str], labels: Collection[str]) -> bool:
    word = tokens.pop(0)
    if word == "!":
        return not _unary(tokens, labels)
    if word == "(":
        value = _binary(tokens, labels, 0)
        if tokens.pop(0) != ")":
            raise IndexError
        return value
    return word.strip('"') in labels
