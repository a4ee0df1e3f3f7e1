"""The mark at the end of a description, and what stands behind it in blanks: found again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.mark import (
    Fingerprint,
    Mark,
    fingerprint,
    join_description,
    split_description,
)
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.fields import Fields, read_fields
from cfl_jobs.planning.owners import record
from tests.rendered_jobs import job

CODES = st.text("abcXYZ019_-", min_size=8, max_size=8)
PARTS = st.lists(st.text("abcXYZ019_-", min_size=3, max_size=3), max_size=20).map(tuple)
PRINTS = st.builds(Fingerprint, CODES, PARTS)
MARKS = st.builds(
    Mark,
    st.from_regex(r"jobs/[a-z. -]{1,20}\.yaml", fullmatch=True),
    PRINTS,
    PRINTS,
    st.booleans(),
    st.sampled_from([(), ("abc",), ("_-_", "ABC")]),
    st.sampled_from(["", "code-for-life", "a.b_c"]),
    st.sampled_from(["", "abc"]),
    st.sampled_from([None, True, False]),
)


@given(MARKS, st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_a_mark_is_found_again_below_any_description(mark: Mark, text: str) -> None:
    joined = join_description(text, mark)
    rest, found = split_description(joined)
    assert found == mark
    assert rest == text.rstrip() or not text.strip()


def test_a_mark_is_a_sentence_for_people() -> None:
    print_ = fingerprint(normalise(job().config, name="a"))
    text = join_description("Publishes.", Mark("jobs/deploy.yaml", print_, print_))
    first, second = text.split("\n\n")
    assert first == "Publishes."
    assert second.startswith(
        "Managed by cfl-jobs from jobs/deploy.yaml. Change it there. [cfl-jobs"
    )
    assert len(second) < 160
    assert second.isascii()


@pytest.mark.parametrize(
    "text", ["", "Publishes.", "Managed by Jenkins", "Managed by cfl-jobs", "[cfl-jobs 1 abc =]"]
)
def test_other_text_has_no_mark(text: str) -> None:
    assert split_description(text) == (text, None)


def test_a_mark_whose_code_was_damaged_is_still_ours_but_tells_nothing() -> None:
    text = "Publishes.\n\nManaged by cfl-jobs from jobs/a.yaml. Change it there. [cfl-jo"
    rest, mark = split_description(text)
    assert mark is not None
    assert (mark.file, mark.applied, mark.is_verified) == ("jobs/a.yaml", None, False)
    assert rest == "Publishes.\n[cfl-jo"


def test_a_mark_of_another_version_is_ours_and_leaves_nothing_behind() -> None:
    text = "Publishes.\n\nManaged by cfl-jobs from jobs/a.yaml. Change it there. [cfl-jobs 2 a/b c]"
    rest, mark = split_description(text)
    assert (rest, mark) == ("Publishes.", Mark("jobs/a.yaml", is_verified=False))


def test_line_ends_of_windows_do_no_harm() -> None:
    """Jenkins' form sends them."""
    print_ = Fingerprint("abcdefgh", ("abc",))
    mark = Mark("jobs/a.yaml", print_, print_)
    text = join_description("One\n\ntwo", mark).replace("\n", "\r\n")
    assert split_description(text) == ("One\r\n\r\ntwo", mark)


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
    mark = make(step("x=1 y=1"), step("x=2 y=1 z=1"))
    _, found = split_description(join_description("Publishes.", mark))
    assert found is not None
    assert read(found) == read(mark)
    for cut in (mark.blank[:-6], mark.blank[6:], mark.blank.replace("\t", " "), ""):
        assert read_fields(replace(mark, blank=cut)) == Fields()
    other = make(step("x=3"), step("x=3"))
    assert read_fields(replace(mark, blank=other.blank)) == Fields()


def test_what_was_applied_is_told_from_what_was_saved() -> None:
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
