"""Names and globs choose jobs; a name that looks like a glob still means itself."""

from __future__ import annotations

import pytest

from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.names import select_names

NAMES = ("Deploy to Dev", "Deploy to Prod", "Create", "odd [1]")


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
