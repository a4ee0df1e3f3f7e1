"""Label expressions mean what they mean to Jenkins."""

from __future__ import annotations

import re

import pytest

from cfl_jobs.configs.labels import (
    Compound,
    Expression,
    LabelError,
    named_labels,
    parse_labels,
    satisfies,
)

LABELS = ("linux", "python", "built-in", "two words", "-dashed", "a<b", "linux python")


@pytest.mark.parametrize(
    "expression",
    [
        "linux",
        "built-in",
        "linux && python",
        "linux&&python",
        "windows || linux",
        "!windows",
        "!(windows && linux)",
        '"two words" && linux',
        "windows -> mac",
        "windows <-> mac",
        "windows && mac || linux",
        "linux || windows && mac",
        "!(!linux)",
        "windows->linux",
        "-dashed",
        "a<b",
        "linux python",
    ],
)
def test_node_satisfies(expression: str) -> None:
    assert satisfies(expression, LABELS)


@pytest.mark.parametrize(
    "expression",
    [
        "windows",
        "Linux",
        "linux && windows",
        "!linux",
        "linux -> windows",
        "linux->windows",
        "linux <-> windows",
        "(linux || windows) && mac",
        "linux &&",
        "(linux",
        "linux)",
        "linux & python",
        "!!linux",
        "windows -> mac -> linux",
        "it's",
        "",
    ],
)
def test_node_does_not_satisfy(expression: str) -> None:
    assert not satisfies(expression, LABELS)


def test_named_labels_are_those_that_a_node_may_have() -> None:
    assert named_labels('linux && !slow || "two words" && linux') == ("linux", "two words")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a<b", "'<b' is no part of a label expression"),
        ("a>b", "'>b' is no part of a label expression"),
        ("it's", '"\'s" is no part of a label expression'),
        ('"open', "'\"open' is no part of a label expression"),
        (r'"a\q"', "is no part of a label expression"),
        ("!!a", "'!' can't follow '!'"),
        ("a -> b -> c", "'->' can't follow '->' without parentheses"),
        ("a b", "an operator is missing before 'b'"),
        ("(a", "stops too early"),
        ("a)", "')' stands where it can't"),
        ("()", "')' stands where it can't"),
        ("(" * 9999, "nested too deeply"),
        ("a && || b", "a label is missing before '||'"),
    ],
)
def test_what_jenkins_can_not_parse_is_told(expression: str, message: str) -> None:
    with pytest.raises(LabelError, match=re.escape(message)):
        parse_labels(expression)
    assert named_labels(expression) == ()


@pytest.mark.parametrize(
    ("expression", "parsed"),
    [
        ("a-b->-c", Compound("->", ("a-b", "-c"))),
        ("a<->b", Compound("<->", ("a", "b"))),
        ("!a&&b", Compound("&&", (Compound("!", ("a",)), "b"))),
        (r'"a \"b\""', 'a "b"'),
    ],
)
def test_an_expression_is_read_as_jenkins_reads_it(expression: str, parsed: Expression) -> None:
    assert parse_labels(expression) == parsed


def test_labels_behind_a_negation_are_not_asked_for() -> None:
    assert named_labels("!(slow || old) && linux") == ("linux",)
