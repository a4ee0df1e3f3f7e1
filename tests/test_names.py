"""Names that Jenkins would refuse are told before anything is sent."""

from __future__ import annotations

import pytest

from cfl_jobs.reading.names import find_name_problem


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
