"""Sections that a plugin's upgrade changed: known all the same, if nothing else changed in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.mark import Mark, codes_of_versions, fingerprint
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.owners import attribute, record
from cfl_jobs.planning.plan import Owner
from cfl_jobs.planning.upgrades import NO_HABITS, Habits, learn_habits
from tests.rendered_jobs import job

OLD, NEW = ' plugin="p@1"', ' plugin="p@2"'


def steps(*texts: str, plugin: str = "", added: str = "", own: str = "") -> Normal:
    """Return a job with a step of a plugin for each text."""
    builders = "".join(f"<a.S{plugin}><x>{text}</x>{own}{added}</a.S>" for text in texts)
    return normalise(job(scripts=(), builders=builders).config, name="a")


APPLIED = steps("1", "2", own="<ours>1</ours>")
KEPT = steps("1", "2", plugin=OLD, own="<ours>1</ours><own>1</own>")


def mark_of(applied: Normal, kept: Normal) -> Mark:
    mark = Mark("a.yaml", fingerprint(applied), fingerprint(kept))
    mark = replace(mark, versions=codes_of_versions(["p@1"]))
    return record(mark, applied, kept)


MARK = mark_of(APPLIED, KEPT)
ADDED = "<new>1</new><other>1</other>"


def upgraded(*texts: str, own: str = "<ours>1</ours><own>1</own>", added: str = ADDED) -> Normal:
    return steps(*texts, plugin=NEW, own=own, added=added)


def habits() -> Habits:
    return learn_habits((upgraded("1", "2"), upgraded("3")))


def owners(
    wanted: Normal, live: Normal, mark: Mark = MARK, habits: Habits | None = None
) -> dict[str, Owner]:
    """Return whose the difference of each tag is."""
    learnt = habits or learn_habits((upgraded("1", "2"), upgraded("3")))
    found = attribute(wanted, live, mark, lambda: learnt)
    return {(raw.live or raw.desired).tag: owner for raw, owner, _ in found}  # type: ignore[union-attr]


def ours(*texts: str, own: str = "<ours>1</ours>") -> Normal:
    return steps(*texts, own=own)


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        (APPLIED, upgraded("1", "2"), set()),
        # Ours alone: a step removed, added, repeated, moved, and one with a field taken out.
        (ours("2"), upgraded("1", "2"), {Owner.OURS}),
        (ours("1", "2", "3"), upgraded("1", "2"), {Owner.OURS}),
        (ours("1", "2", "2"), upgraded("1", "2"), {Owner.OURS}),
        (ours("2", "1"), upgraded("1", "2"), {Owner.OURS}),
        (ours("1", "2", own=""), upgraded("1", "2"), {Owner.OURS}),
        # Theirs alone.
        (APPLIED, upgraded("2"), {Owner.THEIRS}),
        (APPLIED, upgraded("1", "2", "3"), {Owner.THEIRS}),
        (APPLIED, upgraded("1", "2", own="<ours>2</ours><own>1</own>"), {Owner.THEIRS}),
    ],
)
def test_an_upgrade_makes_nobodys_change_anothers(
    wanted: Normal, live: Normal, expected: set[Owner]
) -> None:
    """What it added is put aside, then the sections are those of then."""
    found = attribute(wanted, live, MARK, habits)
    assert {owner for _, owner, _ in found} - {Owner.JENKINS} == expected
    by_jenkins = {raw.live.tag for raw, owner, _ in found if raw.live and owner is Owner.JENKINS}
    by_someone = {
        raw.live.tag for raw, owner, _ in found if raw.live and owner is not Owner.JENKINS
    }
    assert by_jenkins <= {"new", "other", "own"}
    assert not by_someone & {"new", "other"}


def test_what_jenkins_made_of_a_step_at_the_update_is_its_own_after_an_upgrade_too() -> None:
    """Beside a step that we added."""
    wanted, live = ours("1", "2", "3"), upgraded("1", "2")
    found = attribute(wanted, live, MARK, habits)
    assert {raw.live.tag for raw, owner, _ in found if raw.live and owner is Owner.JENKINS} == {
        "new",
        "other",
        "own",
    }


def test_without_an_upgrade_nothing_is_put_aside() -> None:
    """The same fields, written by the version of then."""
    live = steps("1", "2", plugin=OLD, own="<ours>1</ours><own>1</own>", added=ADDED)
    assert owners(APPLIED, live) == {
        "own": Owner.JENKINS,
        "new": Owner.THEIRS,
        "other": Owner.THEIRS,
    }


FLAGGED = "<flag>true</flag><x.y>1</x.y>"


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ("<x.y>1</x.y>", {"flag": Owner.JENKINS}),
        ("<x.y>1</x.y><flag>false</flag>", {"flag": Owner.THEIRS}),
        ("<x.y>2</x.y>", {"flag": Owner.JENKINS, "x.y": Owner.THEIRS}),
        ("<x.y>1</x.y><name>b</name>", {"flag": Owner.JENKINS, "name": Owner.THEIRS}),
    ],
    ids=["gone", "turned off", "gone, and an edit", "gone, and a new field"],
)
def test_a_flag_that_an_upgrade_took_is_told_from_one_that_a_person_turned_off(
    live: str, expected: dict[str, Owner]
) -> None:
    """A class that has a flag always says what it is, and one that hasn't never does."""
    wanted, then = steps("1", own=FLAGGED), steps("1", own=FLAGGED, plugin=OLD)
    there = steps("1", own=live, plugin=NEW)
    assert owners(wanted, there, mark_of(wanted, then), learn_habits((there,))) == expected


def test_a_plain_text_that_jenkins_encrypted_since_is_its_own() -> None:
    """A directory has it as we wrote it, until a Jenkins starts with that."""
    wanted = steps("1", own="<token>plain</token>")
    there = steps("1", own="<token>{AQAAABAAAAAQxIyRO+G2ncy+IfR2qVKHJ9gE}</token>")
    assert owners(wanted, there, mark_of(wanted, wanted), NO_HABITS) == {"token": Owner.JENKINS}
