"""Whole findings, word for word: each case is a small project with one kind of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.errors import DefinitionError
from cfl_jobs.rendering.render import render
from tests.case_files import find_cases, lay_out


@pytest.mark.parametrize("case", find_cases("findings"), ids=lambda case: case.stem)
def test_every_mistake_is_told_with_its_place_and_a_way_out(case: Path, tmp_path: Path) -> None:
    expected = lay_out(case, tmp_path)
    with pytest.raises(DefinitionError) as caught:
        render(tmp_path)
    assert str(caught.value) == expected.rstrip("\n")
