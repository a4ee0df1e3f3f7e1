"""Whole findings, word for word: each case is a small project with one kind of mistakes."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from cfl_jobs.errors import DefinitionError, Finding, Origin, Position, count, merge_findings
from cfl_jobs.rendering.render import render
from tests.case_files import find_cases, lay_out
from tests.test_architecture import PACKAGE


@pytest.mark.parametrize("case", find_cases("findings"), ids=lambda case: case.stem)
def test_every_mistake_is_told_with_its_place_and_a_way_out(case: Path, tmp_path: Path) -> None:
    expected = lay_out(case, tmp_path)
    with pytest.raises(DefinitionError) as caught:
        render(tmp_path)
    assert str(caught.value) == expected.rstrip("\n")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1000, "1,000 jobs")]
)
def test_one_of_a_kind_is_told_without_the_plural(number: int, text: str) -> None:
    assert count(number, "job") == text


def test_what_is_counted_is_told_by_the_one_function_that_knows_plurals() -> None:
    """No f-string writes len(…) before a word in the plural by itself."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values = node.values if isinstance(node, ast.JoinedStr) else []
            for number, text in pairwise(values):
                if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant):
                    told = ast.unparse(number.value) + str(text.value)
                    assert not re.match(r"len\(.*\) (more )?(?!as |is )\w+s\b", told), (path, told)


@pytest.mark.parametrize("own", [("for the job",), ("set here", "for the job")])
def test_findings_beyond_three_are_counted_however_many_places_each_has(
    own: tuple[str, ...],
) -> None:
    places = [
        tuple(Origin(role, Position(f"{role}.yaml", line)) for role in own) for line in range(1, 8)
    ]
    merged = merge_findings([Finding("bad", origins=origins) for origins in places])
    assert len(merged.origins) == 3 * len(own)
    assert str(merged).endswith(f"  for the job and 4 more, at {own[-1]}.yaml:3:1")
