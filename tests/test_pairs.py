"""Which element was which: those that have another order on the other side."""

from __future__ import annotations

import pytest

from cfl_jobs.planning.differences import find_moved


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([], ()),
        ([3], ()),
        ([0, 2, 5], ()),
        ([1, 0], (1,)),
        ([2, 0, 1], (0,)),
        ([1, 2, 0, 3], (2,)),
        ([3, 2, 1, 0], (1, 2, 3)),
    ],
)
def test_as_few_as_can_be_are_said_to_have_moved(places: list[int], moved: tuple[int, ...]) -> None:
    """All others go up."""
    assert find_moved(places) == moved
