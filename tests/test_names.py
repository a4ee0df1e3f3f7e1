"""Names that Jenkins would refuse are told; names and globs choose jobs."""

from __future__ import annotations

import pytest

from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.names import find_name_problem, select_names

NAMES = ("Deploy to Dev", "Deploy to Prod", "Create", "odd [1]")


@pytest.mark.parametrize(
    "name",
    ["Deploy to Dev", "team/inner", "ümlaut 🎉", "it's", 'a "quoted" one', "a.b", "-", "(x)"],
)
def test_what_jenkins_takes_is_no_problem(name: str) -> None:
    assert find_name_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "nothing"),
        (" ", "nothing"),
        ("a//b", "an empty part"),
        ("/a", "an empty part"),
        ("a ", "a space at an end"),
        (".", "the part '.'"),
        ("..", "the part '..'"),
        ("a/..", "the part '..'"),
        ("a.", "a dot at the end"),
        ("a\\b", "the character '\\\\'"),
        ("a\nb", "the character '\\n'"),
        *[(f"a{bad}b", f"the character {bad!r}") for bad in "?*%!@#$^&|<>[]:;"],
    ],
)
def test_what_jenkins_refuses_is_named(name: str, problem: str) -> None:
    """As the recorded server did: "?  is an unsafe character", "..  is not an allowed name"."""
    assert find_name_problem(name) == problem


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([], NAMES),
        (["Deploy*"], NAMES[:2]),
        (["Create", "Deploy to Dev"], ("Deploy to Dev", "Create")),
        (["odd [1]"], ("odd [1]",)),
        (["*"], NAMES),
    ],
)
def test_patterns_choose_in_the_order_of_names(
    patterns: list[str], chosen: tuple[str, ...]
) -> None:
    assert select_names(NAMES, patterns) == chosen


def test_a_pattern_that_matches_nothing_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(CflJobsError, match="Did you mean 'Deploy to Prod'"):
        select_names(NAMES, ["Deploy to Pord"])
