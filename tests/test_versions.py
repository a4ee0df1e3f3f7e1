"""Which version is older, as far as Jenkins' and its plugins' versions tell."""

from __future__ import annotations

import pytest

from cfl_jobs.reading.versions import is_older


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.440", "2.440.3"),
        ("2.99", "2.440.3"),
        ("1.9.9", "1.37.3.1"),
        ("0.45", "0.46"),
        ("642.v737c34dea_6c2", "1311.vcf0a_900b_37c2"),
        ("4.5.14-208.v438351942757", "4.5.14-269.va_2c6b"),
        ("3.11", "722.v0662a_9b_e22a_c"),
    ],
)
def test_older_version_comes_first(one: str, other: str) -> None:
    assert is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("2.440", "2.440.0"), ("722.v0662a", "722.v9999"), ("", "")]
)
def test_equal_versions_are_not_older(one: str, other: str) -> None:
    assert not is_older(one, other)
    assert not is_older(other, one)
