"""Which version is older, and for which versions something holds."""

from __future__ import annotations

import pytest

from cfl_jobs.reading.versions import ALWAYS, CORE, Span, is_older, is_version


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
        ("9.9-185.va_6c6b_3348b_c3", "9.9.1-189.vb_5ef2964da_91"),
        ("9.9", "9.9-185.va_6c6b_3348b_c3"),
        ("2.0.1-3", "2.0.1-10"),
    ],
)
def test_older_version_comes_first(one: str, other: str) -> None:
    assert is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("2.440", "2.440.0"), ("9.0-0", "9"), ("722.v0662a", "722.v9999"), ("", "")]
)
def test_equal_versions_are_not_older(one: str, other: str) -> None:
    assert not is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize(
    ("span", "versions", "holds"),
    [
        (ALWAYS, {}, True),
        (ALWAYS, {"junit": "1252.vfc2e5efa_294f"}, True),
        (Span("junit", since="1256"), {"junit": "1252.vfc2e5efa_294f"}, False),
        (Span("junit", since="1256"), {"junit": "1256.v1"}, True),
        (Span("junit", since="1256"), {"junit": "1424.v0"}, True),
        (Span("junit", until="1256"), {"junit": "1252.vfc2e5efa_294f"}, True),
        (Span("junit", until="1256"), {"junit": "1256.v1"}, False),
        (Span("git", since="5.2", until="5.10"), {"git": "5.9.9"}, True),
        (Span("git", since="5.2", until="5.10"), {"git": "5.10.1"}, False),
        (Span(CORE, since="2.555.3"), {CORE: "2.440.3", "junit": "1424"}, False),
        (Span(CORE, since="2.555.3"), {CORE: "2.568.2"}, True),
    ],
)
def test_a_span_holds_from_its_first_version_and_before_the_one_after(
    span: Span, versions: dict[str, str], holds: bool
) -> None:
    assert span.holds(versions) is holds


@pytest.mark.parametrize("versions", [{}, {"junit": ""}, {"git": "5.2.1"}])
def test_a_version_that_is_not_known_counts_as_the_newest(versions: dict[str, str]) -> None:
    assert Span("junit", since="1256").holds(versions)
    assert not Span("junit", until="1256").holds(versions)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2.568.2", True),
        ("642.v737c34dea_6c2", True),
        ("2.0.1-3", True),
        ("1.0-SNAPSHOT", True),
        ("5", True),
        ("latest", False),
        ("experimental", False),
        ("v5", False),
        ("", False),
        ("5 6", False),
    ],
)
def test_a_version_begins_with_a_number(text: str, is_one: bool) -> None:
    assert is_version(text) is is_one
