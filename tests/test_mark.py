"""The mark at the end of a description: written, found again, and told from other text."""

from __future__ import annotations

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
    """Written and read it is the same, and the description is as it was."""
    joined = join_description(text, mark)
    rest, found = split_description(joined)
    assert found == mark
    assert rest == text.rstrip() or not text.strip()


def test_a_mark_is_a_sentence_for_people() -> None:
    """It says where the job comes from and what to do."""
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
    """A job that only speaks of cfl-jobs isn't ours."""
    assert split_description(text) == (text, None)


def test_a_mark_whose_code_was_damaged_is_still_ours_but_tells_nothing() -> None:
    """Someone edited the description and broke it."""
    text = "Publishes.\n\nManaged by cfl-jobs from jobs/a.yaml. Change it there. [cfl-jo"
    rest, mark = split_description(text)
    assert mark is not None
    assert (mark.file, mark.applied, mark.is_verified) == ("jobs/a.yaml", None, False)
    assert rest == "Publishes.\n[cfl-jo"


def test_a_mark_of_another_version_is_ours_and_leaves_nothing_behind() -> None:
    """What it says isn't understood, and all of it is the mark."""
    text = "Publishes.\n\nManaged by cfl-jobs from jobs/a.yaml. Change it there. [cfl-jobs 2 a/b c]"
    rest, mark = split_description(text)
    assert (rest, mark) == ("Publishes.", Mark("jobs/a.yaml", is_verified=False))


def test_line_ends_of_windows_do_no_harm() -> None:
    """Jenkins' form sends them."""
    print_ = Fingerprint("abcdefgh", ("abc",))
    mark = Mark("jobs/a.yaml", print_, print_)
    text = join_description("One\n\ntwo", mark).replace("\n", "\r\n")
    assert split_description(text) == ("One\r\n\r\ntwo", mark)
