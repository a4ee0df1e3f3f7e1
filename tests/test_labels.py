"""Label expressions mean what they mean to Jenkins."""

from __future__ import annotations

import pytest

from cfl_jobs.configs.labels import named_labels, satisfies

LABELS = ("linux", "python", "built-in", "two words")


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
        "!!linux",
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
        "linux python",
        "",
    ],
)
def test_node_does_not_satisfy(expression: str) -> None:
    assert not satisfies(expression, LABELS)


def test_named_labels_are_those_that_a_node_may_have() -> None:
    assert named_labels('linux && !slow || "two words" && linux') == ("linux", "two words")
