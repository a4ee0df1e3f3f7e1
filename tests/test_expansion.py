"""$VARIABLES and properties files, as Jenkins and java.util.Properties read them."""

from __future__ import annotations

import pytest

from cfl_jobs.configs.references import expand, read_properties

VARIABLES = {"BRANCH": "master", "EMPTY": "", "A.B": "dotted"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$BRANCH", "master"),
        ("${BRANCH}", "master"),
        ("x${BRANCH}y", "xmastery"),
        ("$branch", "master"),
        ("$UNKNOWN/${UNKNOWN}", "$UNKNOWN/${UNKNOWN}"),
        ("[$EMPTY]", "[]"),
        ("${A.B}", "dotted"),
        ("$$BRANCH", "$BRANCH"),
        ("50 % of $", "50 % of $"),
        ("$(BRANCH) `BRANCH`", "$(BRANCH) `BRANCH`"),
    ],
)
def test_variables_are_replaced_as_jenkins_does(text: str, value: str) -> None:
    assert expand(text, VARIABLES) == value


def test_a_replaced_value_is_not_read_again() -> None:
    assert expand("$A", {"A": "$B", "B": "no"}) == "$B"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nB = 2 \n", {"A": "1", "B": "2 "}),
        ("A:1\nB 2", {"A": "1", "B": "2"}),
        ("# no\n! no\n\n  A=1", {"A": "1"}),
        ("A=one\\\n    two", {"A": "onetwo"}),
        ("A=x\\\\\nB=2", {"A": "x\\", "B": "2"}),
        ("A=\\u2713 \\t\\q", {"A": "✓ \tq"}),
        ("A\\ b=c", {"A b": "c"}),
        ("A", {"A": ""}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=x=y:z", {"A": "x=y:z"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        (
            "D=<SpecificBuildSelector><buildNumber>3</buildNumber></SpecificBuildSelector>",
            {"D": "<SpecificBuildSelector><buildNumber>3</buildNumber></SpecificBuildSelector>"},
        ),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, values: dict[str, str]) -> None:
    assert read_properties(text) == values
