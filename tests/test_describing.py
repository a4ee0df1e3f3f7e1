"""How two texts differ, line by line, for people's eyes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.planning.describing import describe, diff_lines, show_diff
from cfl_jobs.planning.differences import compare
from cfl_jobs.planning.plan import Owner
from tests.rendered_jobs import normal_of


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\nb", "a\nb\n", ["  a", "  b", "- \\ no newline at the end"]),
        ("a\nb\n", "a\nb", ["  a", "  b", "+ \\ no newline at the end"]),
        ("a", "a\n\n", ["  a", "- \\ no newline at the end", "+ "]),
        ("a\nb", "a\nc", ["  a", "- b", "+ c"]),
        ("a\nb\n", "a\rb\n", ["- a", "- b", "+ a\\rb"]),
        ("a\r\r\nb", "a\nb", ["- a\\r\\r", "+ a", "  b"]),
        ("", "a\nb\n", ["+ a", "+ b"]),
        ("a\x0bb\x85c", "a\x0bb", ["- a\\x0bb\\x85c", "+ a\\x0bb"]),
    ],
)
def test_every_difference_is_seen(before: str, after: str, shown: list[str]) -> None:
    """Also one in the last newline, or in a character that a terminal doesn't show."""
    assert list(show_diff(before, after)) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a b", "a b  ", ["- a b", "+ a b\\x20\\x20"]),
        ("a\tb", "a b", ["- a\\tb", "+ a b"]),
        ("a\u00a0b", "a b", ["- a\\xa0b", "+ a b"]),
        ("a\tb ", "a\tc ", ["- a\tb ", "+ a\tc "]),
    ],
)
def test_blanks_are_spelled_out_where_nothing_else_changed(
    before: str, after: str, shown: list[str]
) -> None:
    """A tab for spaces, or spaces at the end of a line."""
    assert list(show_diff(before, after)) == shown


@given(st.text("ab \t\n\r\u00a0\x1b"), st.text("ab \t\n\r\u00a0\x1b"))
def test_texts_that_differ_have_lines_that_differ(before: str, after: str) -> None:
    """And what stands for the old one is never what stands for the new one."""
    lines = list(show_diff(before, after))
    old = [line[2:] for line in lines if line[0] == "-"]
    new = [line[2:] for line in lines if line[0] == "+"]
    assert (old != new) is (before != after)
    assert all(line.replace("\t", " ").isprintable() for line in lines)


def test_of_a_very_long_line_what_changed_is_shown() -> None:
    """With some of what is around it."""
    old, new = show_diff("x" * 5000 + "OLD" + "y" * 5000, "x" * 5000 + "NEW!" + "y" * 5000)
    assert "xOLDy" in old
    assert "xNEW!y" in new
    assert max(len(old), len(new)) < 320
    (alone,) = show_diff("", "z" * 5000)
    assert alone.endswith("z… (4,702 more characters)")


def test_lines_for_comparing_are_whole() -> None:
    """Two long lines that differ at their ends are not alike."""
    long = "x" * 5000
    assert list(diff_lines(f"{long}1", f"{long}2")) == [f"- {long}1", f"+ {long}2"]


ROAMS, STAYS = "<canRoam>true</canRoam>", "<canRoam>false</canRoam>"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (ROAMS, "any node"),
        (STAYS, "built-in"),
        (f"<assignedNode>built-in</assignedNode>{STAYS}", "built-in"),
        (f"<assignedNode>big || small</assignedNode>{STAYS}", "big || small"),
    ],
)
def test_a_node_that_no_label_names_is_told(fields: str, shown: str) -> None:
    """Jenkins leaves the label out for any node and for the built-in one."""
    one = normal_of(f"<project>{fields}</project>", name="A")
    label = "<assignedNode>linux</assignedNode>"
    other = normal_of(f"<project>{label}{STAYS}</project>", name="A")
    for desired, live in ((one, other), (other, one)):
        found = {raw.label: describe(raw, Owner.OURS) for raw in compare(desired, live)}
        told = (found["node label"].before, found["node label"].after)
        assert told == (("linux", shown) if desired is one else (shown, "linux"))
