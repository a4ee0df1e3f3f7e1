"""Differences in people's words: what changed is always seen, and secrets never are."""

from __future__ import annotations

import pytest

from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.describing import describe
from cfl_jobs.planning.differences import compare, find_losses, find_moved
from cfl_jobs.planning.plan import Difference, Owner
from tests.rendered_jobs import normal_of

SHELL = "<project><builders><hudson.tasks.Shell><command>{}</command></hudson.tasks.Shell>"
SHELL += "</builders></project>"
TOKEN = "ghp_" + "0123456789abcdefghij" * 2


def difference(wanted: str, live: str) -> Difference:
    (raw,) = compare(normal_of(wanted, name="A"), normal_of(live, name="A"))
    return describe(raw, Owner.OURS)


def test_a_secret_in_a_script_is_not_shown() -> None:
    """Though the line that it stands in is another."""
    found = difference(SHELL.format(f"one\nuse {TOKEN} now"), SHELL.format("one"))
    assert (found.before, found.after) == ("one", "one\nuse {secret} now")


def test_a_difference_that_is_hidden_is_said_to_be_there() -> None:
    """Where nothing but a secret in a text changed, or the whole value is one."""
    found = difference(SHELL.format(f"one\nrun {TOKEN}"), SHELL.format(f"one\nrun {TOKEN}a"))
    assert (found.before, found.after) == (
        "text with {secret}",
        "text with {secret} (another)",
    )
    field = "<project><apiToken>{}</apiToken></project>"
    found = difference(field.format("hunter2"), field.format("hunter3"))
    assert (found.before, found.after) == ("{secret}", "{secret} (another)")


def test_an_object_of_another_class_is_told_by_its_class() -> None:
    """What is in it may be the same."""
    strategy = '<matrix-project><strategy class="{}"><minutes>3</minutes></strategy>'
    strategy += "</matrix-project>"
    found = difference(strategy.format("a.Absolute"), strategy.format("a.Elastic"))
    assert (found.before, found.after) == (
        "class: a.Elastic; minutes: 3",
        "class: a.Absolute; minutes: 3",
    )


def test_elements_that_changed_and_moved_are_said_to_have_moved() -> None:
    """Each is compared with the one of its class or name; properties have no order."""

    def job(tag: str, *steps: str) -> Normal:
        inside = "".join(f"<a.{step[0]}><x>{step[1]}</x></a.{step[0]}>" for step in steps)
        return normal_of(f"<project><{tag}>{inside}</{tag}></project>", name="A")

    for tag, count in (("builders", 1), ("properties", 0)):
        raws = compare(job(tag, "A1", "B1", "C1"), job(tag, "C2", "A2", "B2"))
        assert [raw.label for raw in raws if not raw.is_moved] == ["A: x", "B: x", "C: x"]
        assert [raw.label for raw in raws if raw.is_moved] == ["C"] * count
        assert find_losses(raws) == ()


def test_a_secret_that_changed_beside_other_lines_is_said_to_have() -> None:
    """The lines that are shown are not all."""
    found = difference(SHELL.format(f"one\nrun {TOKEN}"), SHELL.format(f"two\nrun {TOKEN}a"))
    assert found.remark == "a secret in it changed too"
    found = difference(SHELL.format(f"one\nrun {TOKEN}"), SHELL.format(f"two\nrun {TOKEN}"))
    assert found.remark == ""


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
