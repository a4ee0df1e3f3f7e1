"""Which fields of a section changed: told by its code of then, with fields put back."""

from __future__ import annotations

import pytest

from cfl_jobs.configs.normalform import Normal, normalise
from cfl_jobs.configs.sections import code
from cfl_jobs.planning.differences import compare
from cfl_jobs.planning.fields import find_ours, find_theirs, section_path
from tests.rendered_jobs import job


def step(fields: str) -> Normal:
    """Return a job with one step, of fields given as "name=text"."""
    texts = dict(field.split("=") for field in fields.split())
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in texts.items())
    builders = f"<a.Step>{inside}<inner>{inside}</inner></a.Step>"
    return normalise(job(scripts=(), builders=builders).config, name="a")


def code_of(whole: Normal) -> str:
    builders = whole.find("builders")
    assert builders is not None
    return code(builders.children[0])


@pytest.mark.parametrize(
    ("then", "wanted", "live", "ours", "theirs"),
    [
        ("x=1 y=1", "x=2 y=1", "x=1 y=2", {"x", "inner/x"}, {"y", "inner/y"}),
        ("x=1", "x=1 y=1", "x=1 z=1", {"y", "inner/y"}, {"z", "inner/z"}),
        ("x=1 y=1 z=1", "y=1 z=1", "x=1 y=1", {"x", "inner/x"}, {"z", "inner/z"}),
    ],
)
def test_each_sides_fields_are_found(
    then: str, wanted: str, live: str, ours: set[str], theirs: set[str]
) -> None:
    """Changed, added and removed ones, also deeper in."""
    raws = compare(step(wanted), step(live))
    codes = {code_of(step(then))}
    found = find_ours(raws, codes), find_theirs(raws, codes)
    changed = [side for side in found if side is not None]
    assert {side.code for side in changed} == codes
    paths = [{raw.place.path for raw in side.raws} for side in changed]
    assert paths == [{f"builders/a.Step/{name}" for name in names} for names in (ours, theirs)]


def test_a_field_that_both_changed_leaves_it_open() -> None:
    """What it was then is on neither side."""
    raws = compare(step("x=2"), step("x=3"))
    assert find_ours(raws, {code_of(step("x=1"))}) is None
    assert find_theirs(raws, {code_of(step("x=1"))}) is None


def test_too_many_fields_are_not_tried() -> None:
    """Each doubles the number of tries, and a match by chance gets likelier."""
    then, now = (" ".join(f"f{n}={text}" for n in range(9)) for text in (1, 2))
    assert find_ours(compare(step(now), step(then)), {code_of(step(then))}) is None


def test_a_difference_knows_its_section() -> None:
    """By the path: a step of a list, a field with fields of its own, or all plain fields."""
    here = job(builders="<a.B><x>1</x></a.B>", extra="<deep><x>1</x></deep><plain>1</plain>").config
    there = here.replace(">1<", ">2<")
    raws = compare(normalise(here, name="a"), normalise(there, name="a"))
    assert {section_path(raw) for raw in raws} == {"builders/a.B", "deep", ""}
