"""What stands behind a mark in blanks: written, found again, and nothing of a secret in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.mark import Mark, fingerprint, join_description, split_description
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.fields import Fields, read_fields
from cfl_jobs.planning.owners import record
from tests.rendered_jobs import job

CIPHER = "{AQAAABAAAAAQxIyRO+G2ncy+IfR2qVKHJ9gE}"


def step(fields: str) -> Normal:
    """Return a job with one step, of fields given as "name=text"."""
    inside = "".join("<{0}>{1}</{0}>".format(*field.split("=", 1)) for field in fields.split())
    return normalise(job(scripts=(), builders=f"<a.Step>{inside}</a.Step>").config, name="a")


def make(applied: Normal, kept: Normal) -> Mark:
    return record(Mark("a.yaml", fingerprint(applied), fingerprint(kept)), applied, kept)


def read(mark: Mark) -> Fields:
    fields = read_fields(mark)
    assert fields.applied
    return fields


def test_what_stands_behind_a_mark_is_seen_by_nobody() -> None:
    """Browsers collapse it; Jenkins makes `&nbsp;` of all but the last of spaces in a row."""
    mark = make(step("x=1"), step("x=2"))
    text = join_description("Publishes.", mark)
    visible = text.rstrip()
    assert visible.endswith(str(mark))
    assert len(text) > len(visible) + 100
    assert set(text[len(visible) :]) == {" ", "\t"}
    assert "  " not in text


def test_it_is_found_again_unless_someone_cut_some_of_it_off() -> None:
    """Then the visible codes tell what they can."""
    mark = make(step("x=1 y=1"), step("x=2 y=1 z=1"))
    _, found = split_description(join_description("Publishes.", mark))
    assert found is not None
    assert read(found) == read(mark)
    for cut in (mark.blank[:-6], mark.blank[6:], mark.blank.replace("\t", " "), ""):
        assert read_fields(replace(mark, blank=cut)) == Fields()
    other = make(step("x=3"), step("x=3"))
    assert read_fields(replace(mark, blank=other.blank)) == Fields()


def test_what_was_applied_is_told_from_what_was_saved() -> None:
    """Each field by itself."""
    same, other = read(make(step("x=1"), step("x=1"))), read(make(step("x=1"), step("x=2")))
    assert same.applied == other.applied
    assert sorted(same.saved) == sorted(same.applied)
    assert len(set(other.saved) - set(other.applied)) == 1
    assert (same.own, other.own) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("applied", "kept"),
    [
        ("apiToken=TEXT", f"apiToken={CIPHER}"),
        ("apiToken=TEXT", "apiToken=TEXT"),
        ("x=TEXT", f"x={CIPHER}"),
        ("authToken=TEXT", f"authToken={CIPHER}"),
    ],
)
def test_no_code_of_a_field_tells_of_a_secret(applied: str, kept: str) -> None:
    """Whichever it is, the codes are the same; only who knows the encrypted text can compare."""
    fields = [
        read(make(step(applied.replace("TEXT", text)), step(kept.replace("TEXT", text))))
        for text in ("hunter2", "letmein")
    ]
    assert fields[0].applied == fields[1].applied
    assert fields[0].saved == fields[1].saved
    assert fields[0].own == fields[1].own
    assert (fields[0].secrets != fields[1].secrets) is (CIPHER in kept)
