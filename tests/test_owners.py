"""Whose a difference is: no edit on either owner is ever hidden, whatever it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import Mark, codes_of_versions, fingerprint
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.differences import Raw, compare
from cfl_jobs.planning.owners import Habits, attribute, record
from cfl_jobs.planning.plan import Owner
from tests.config_edits import EDITS, drop_meaningless
from tests.jenkins_server_configs import DIALECTS, NEW, OLD, recorded, recorded_names, recorded_save
from tests.rendered_jobs import job

RECORDED = [(name, version) for version in DIALECTS for name in recorded_names("stored", version)]


@cache
def read(name: str, version: str = "") -> str:
    """Return a config as posted, or what a Jenkins made of it, without what has no meaning."""
    text = recorded_save(name, version) if version else recorded(name, "posted")
    root = parse_config(text, name=name)
    drop_meaningless(root)
    return format_config(root)


@cache
def normal(name: str, version: str = "") -> Normal:
    return normalise(read(name, version), name=name)


def made(**values: Any) -> Normal:
    """Return a job of these values."""
    return normalise(job(**values).config, name="a")


def owners(wanted: Normal, live: Normal, mark: Mark) -> list[Owner]:
    found = attribute(wanted, live, mark, lambda: Habits((live,)))
    return [owner for _, owner, _ in found]


def mark_of(applied: Normal, kept: Normal, *, is_cut: bool = False) -> Mark:
    """Return a mark; `is_cut`: without what stands behind it, as older ones are."""
    mark = Mark("jobs/a.yaml", fingerprint(applied), fingerprint(kept))
    return mark if is_cut else record(mark, applied, kept)


@pytest.mark.parametrize("upgraded", [False, True])
@settings(max_examples=60)
@given(data=st.data())
def test_an_edit_on_the_server_is_never_taken_for_jenkins_own(
    upgraded: bool, data: st.DataObject
) -> None:
    """Not even after an upgrade of all plugins, where it isn't alike in several jobs."""
    name, version = data.draw(st.sampled_from(RECORDED))
    edit = data.draw(st.sampled_from(EDITS))
    wanted = normal(name)
    kept = normal(name, version)
    root = parse_config(read(name, version), name=name)
    assume(edit(root, lambda size: data.draw(st.integers(0, size - 1))))
    live = normalise(format_config(root), name=name)
    assume(live != kept)
    if not brings_differences(compare(wanted, live), compare(wanted, kept)):
        return  # they took Jenkins' own change back
    mark = mark_of(wanted, kept, is_cut=data.draw(st.booleans()))
    mark = replace(mark, versions=("abc",) if upgraded else ())
    assert any(owner is not Owner.JENKINS for owner in owners(wanted, live, mark))


@settings(max_examples=60)
@given(data=st.data())
def test_a_change_of_the_definition_is_ours(data: st.DataObject) -> None:
    """Where the server has what Jenkins made of the last one, and wherever we changed it.

    What Jenkins had dropped for want of a plugin is no difference, whatever we make of it.
    """
    lost = [("wide-missing-plugins", OLD)]
    lost += [(f"wide-{what}", NEW) for what in ("missing-plugins", "properties", "wrappers")]
    name, version = data.draw(st.sampled_from([one for one in RECORDED if one not in lost]))
    edit = data.draw(st.sampled_from(EDITS))
    applied = normal(name)
    live = normal(name, version)
    root = parse_config(read(name), name=name)
    assume(edit(root, lambda size: data.draw(st.integers(0, size - 1))))
    wanted = normalise(format_config(root), name=name)
    assume(wanted not in (applied, live))
    found = owners(wanted, live, mark_of(applied, live, is_cut=data.draw(st.booleans())))
    is_told = Owner.OURS in found
    assert is_told or not brings_differences(compare(wanted, live), compare(applied, live))
    assert set(found) <= {Owner.OURS, Owner.JENKINS}


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize(("name", "version"), RECORDED)
def test_what_jenkins_made_of_a_job_at_the_update_is_its_own(
    name: str, version: str, *, is_cut: bool
) -> None:
    wanted = normal(name)
    live = normal(name, version)
    assert set(owners(wanted, live, mark_of(wanted, live, is_cut=is_cut))) <= {Owner.JENKINS}


@pytest.mark.parametrize(
    ("wanted", "live"),
    [("abc", "cba"), ("ab", "ba"), ("abc", "bca"), ("abcd", "dbca"), ("ab", "aab"), ("aab", "ab")],
)
def test_a_new_order_of_steps_is_someones(wanted: str, live: str) -> None:
    here = made(scripts=tuple(wanted))
    there = made(scripts=tuple(live))
    assert set(owners(here, there, mark_of(here, here))) == {Owner.THEIRS}
    assert set(owners(here, there, mark_of(there, there))) == {Owner.OURS}


@pytest.mark.parametrize(
    ("base", "wanted", "live", "expected"),
    [
        ("ab", "a", "b", {"a": Owner.BOTH, "b": Owner.BOTH}),
        ("ab", "aB", "b", {"a": Owner.BOTH, "b": Owner.BOTH, "B": Owner.OURS}),
        ("ab", "A", "b", {"A": Owner.BOTH, "b": Owner.BOTH}),
        ("ab", "abc", "b", {"a": Owner.THEIRS, "c": Owner.OURS}),
        ("ab", "abc", "abd", {"c": Owner.BOTH, "d": Owner.BOTH}),
        ("ab", "a", "aB", {"B": Owner.BOTH}),
        ("ab", "Ab", "b", {"A": Owner.BOTH}),
        ("ab", "b", "aab", {"a": Owner.BOTH}),
        ("ab", "Ab", "ba", {"A": Owner.BOTH, "a": Owner.BOTH}),
        ("abc", "ab", "bac", {"a": Owner.THEIRS, "c": Owner.OURS}),
        ("abcd", "abc", "bcd", {"a": Owner.THEIRS, "d": Owner.OURS}),
        ("a", "Aa", "A", {"a": Owner.BOTH}),
        ("a", "A", "Aa", {"a": Owner.BOTH}),
        ("ab", "Aba", "Ab", {"a": Owner.BOTH}),
        ("ab", "Abab", "Ab", {"a": Owner.BOTH, "b": Owner.OURS}),
    ],
)
def test_steps_that_both_sides_added_removed_or_moved_are_all_told(
    base: str, wanted: str, live: str, expected: dict[str, Owner]
) -> None:
    """Each side's own where the marks tell it, "both" where one may be behind the other."""
    letters = (base, wanted, live)
    then, here, there = (made(scripts=tuple(s)) for s in letters)
    found = attribute(here, there, mark_of(then, then), Habits)
    told: dict[str, Owner] = {}
    for raw, owner, _ in found:
        for element in (raw.desired, raw.live):
            if element is not None:
                told[(element.find("command") or element).text] = owner
    assert told == expected


NOTIFY = "<command>a</command><notify>mail</notify>", "<command>b</command><notify>mail</notify>"


def with_steps(*steps: str) -> Normal:
    builders = "".join(f"<hudson.tasks.Shell>{step}</hudson.tasks.Shell>" for step in steps)
    return made(scripts=(), builders=builders)


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        # They removed the first step, or swapped both: the second isn't the first, edited.
        (("a", "b"), NOTIFY[1:], {Owner.THEIRS}),
        (("a", "b"), NOTIFY[::-1], {Owner.THEIRS}),
        # We did.
        (("b",), NOTIFY, {Owner.OURS}),
        (("b", "a"), NOTIFY, {Owner.OURS}),
        # We changed a script, they another, or the field that Jenkins added.
        (("A", "b"), NOTIFY, {Owner.OURS}),
        (("a", "b"), (NOTIFY[0].replace("a<", "A<"), NOTIFY[1]), {Owner.THEIRS}),
        (("a", "b"), (NOTIFY[0].replace("mail", "chat"), NOTIFY[1]), {Owner.THEIRS}),
    ],
)
def test_a_field_that_jenkins_added_to_each_step_hides_no_edit(
    wanted: tuple[str, ...], live: tuple[str, ...], expected: set[Owner]
) -> None:
    """A step is known by what was applied and by what Jenkins kept, as one."""
    then = with_steps("<command>a</command>", "<command>b</command>")
    here = with_steps(*(f"<command>{script}</command>" for script in wanted))
    found = set(owners(here, with_steps(*live), mark_of(then, with_steps(*NOTIFY))))
    assert found - {Owner.JENKINS} == expected


@pytest.mark.parametrize("parts", [("<a.A><x>{}</x>{}</a.A>", "<a.B><x>{}</x>{}</a.B>")])
@pytest.mark.parametrize("own", ["", "<own>1</own>"])
def test_a_new_order_is_someones_though_jenkins_changed_all_that_moved(
    parts: tuple[str, str], own: str
) -> None:
    """Each element is compared with the one of its class, which is in another place."""

    def steps(*steps: str, field: str = "") -> Normal:
        builders = "".join(step.format("text", field) for step in steps)
        return made(scripts=(), builders=builders)

    then, kept = steps(*parts), steps(*parts, field=own)
    swapped, kept_swapped = steps(*parts[::-1]), steps(*parts[::-1], field=own)
    for here, there, owner in ((then, kept_swapped, Owner.THEIRS), (swapped, kept, Owner.OURS)):
        found = owners(here, there, mark_of(then, kept))
        assert owner in found
        assert set(found) <= {owner, Owner.JENKINS}


@settings(max_examples=80)
@given(data=st.data())
def test_what_both_sides_edited_is_never_taken_for_jenkins_own(data: st.DataObject) -> None:
    name, version = data.draw(st.sampled_from(RECORDED))
    texts = {"posted": read(name), "saved": read(name, version)}
    then = {state: normalise(text, name=name) for state, text in texts.items()}
    now = {}
    for state, text in texts.items():
        root = parse_config(text, name=name)
        for edit in data.draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=2)):
            edit(root, lambda size: data.draw(st.integers(0, size - 1)))
        now[state] = normalise(format_config(root), name=name)
    own = {content(raw) for raw in compare(then["posted"], then["saved"])}
    mark = mark_of(then["posted"], then["saved"], is_cut=data.draw(st.booleans()))
    found = attribute(now["posted"], now["saved"], mark, Habits)
    by_jenkins = [raw for raw, owner, _ in found if owner is Owner.JENKINS]
    assert [raw for raw in by_jenkins if content(raw) not in own] == []


def brings_differences(now: Iterable[Raw], then: Iterable[Raw]) -> bool:
    """Tell whether there are differences now that weren't there then."""
    return bool(Counter(map(content, now)) - Counter(map(content, then)))


def content(raw: Raw) -> tuple[object, ...]:
    return (raw.parent, raw.is_moved, raw.desired, raw.live)


def test_of_a_job_with_very_many_parts_the_mark_knows_only_the_whole() -> None:
    """Whose a difference is is told all the same, though not for each part."""
    first = tuple(f"echo {number}" for number in range(200))
    applied = made(scripts=first)
    ours = made(scripts=(*first, "ours"))
    theirs = made(scripts=(*first, "theirs"))
    mark = mark_of(applied, applied)
    assert len(str(mark)) < 160
    assert set(owners(ours, applied, mark)) == {Owner.OURS}
    assert set(owners(applied, theirs, mark)) == {Owner.THEIRS}
    assert set(owners(ours, theirs, mark)) == {Owner.BOTH}
    assert set(owners(applied, theirs, mark_of(applied, theirs))) == {Owner.JENKINS}


def test_without_a_mark_nothing_is_known() -> None:
    here, there = (made(branch=name) for name in "ab")
    for mark, expected in ((None, Owner.ADOPT), (Mark("jobs/a.yaml"), Owner.UNKNOWN)):
        found = attribute(here, there, mark, Habits)
        assert [owner for _, owner, _ in found] == [expected]


@pytest.mark.parametrize("is_cut", [False, True])
def test_permissions_of_who_made_a_job_are_jenkins_own(*, is_cut: bool) -> None:
    """Also beside those that a definition begins to set."""

    def permit(*users: str) -> Normal:
        entries = "".join(f"<permission>USER:a.B.Read:{user}</permission>" for user in users)
        matrix = "hudson.security.AuthorizationMatrixProperty"
        config = job().config.replace("<properties>", f"<properties><{matrix}>{entries}</{matrix}>")
        return normalise(config, name="a")

    then, kept = made(), permit("creator", "creator too")
    mark = mark_of(then, kept, is_cut=is_cut)
    found = attribute(permit("alice"), kept, mark, Habits)
    told = [((raw.desired or raw.live or then).text, owner) for raw, owner, _ in found]
    assert told == [
        ("USER:a.B.Read:alice", Owner.OURS),
        ("USER:a.B.Read:creator", Owner.JENKINS),
        ("USER:a.B.Read:creator too", Owner.JENKINS),
    ]


# Sections that a plugin's upgrade changed: known all the same, if nothing else in them changed.
SAVED_BY_OLD, SAVED_BY_NEW = ' plugin="p@1"', ' plugin="p@2"'


def steps(*texts: str, plugin: str = "", added: str = "", own: str = "") -> Normal:
    """Return a job with a step of a plugin for each text."""
    builders = "".join(f"<a.S{plugin}><x>{text}</x>{own}{added}</a.S>" for text in texts)
    return made(scripts=(), builders=builders)


APPLIED = steps("1", "2", own="<ours>1</ours>")
KEPT = steps("1", "2", plugin=SAVED_BY_OLD, own="<ours>1</ours><own>1</own>")


def old_mark_of(applied: Normal, kept: Normal) -> Mark:
    mark = Mark("a.yaml", fingerprint(applied), fingerprint(kept))
    mark = replace(mark, versions=codes_of_versions(["p@1"]))
    return record(mark, applied, kept)


MARK = old_mark_of(APPLIED, KEPT)
ADDED = "<new>1</new><other>1</other>"


def upgraded(*texts: str, own: str = "<ours>1</ours><own>1</own>", added: str = ADDED) -> Normal:
    return steps(*texts, plugin=SAVED_BY_NEW, own=own, added=added)


def habits() -> Habits:
    return Habits((upgraded("1", "2"), upgraded("3")))


def owners_by_tag(
    wanted: Normal, live: Normal, mark: Mark = MARK, habits: Habits | None = None
) -> dict[str, Owner]:
    """Return whose the difference of each tag is."""
    learnt = habits or Habits((upgraded("1", "2"), upgraded("3")))
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
    wanted, live = ours("1", "2", "3"), upgraded("1", "2")
    found = attribute(wanted, live, MARK, habits)
    assert {raw.live.tag for raw, owner, _ in found if raw.live and owner is Owner.JENKINS} == {
        "new",
        "other",
        "own",
    }


def test_without_an_upgrade_nothing_is_put_aside() -> None:
    """The same fields, written by the version of then."""
    live = steps("1", "2", plugin=SAVED_BY_OLD, own="<ours>1</ours><own>1</own>", added=ADDED)
    assert owners_by_tag(APPLIED, live) == {
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
    wanted, then = steps("1", own=FLAGGED), steps("1", own=FLAGGED, plugin=SAVED_BY_OLD)
    there = steps("1", own=live, plugin=SAVED_BY_NEW)
    assert owners_by_tag(wanted, there, old_mark_of(wanted, then), Habits((there,))) == expected


def test_a_plain_text_that_jenkins_encrypted_since_is_its_own() -> None:
    """A directory has it as we wrote it, until a Jenkins starts with that."""
    wanted = steps("1", own="<token>plain</token>")
    there = steps("1", own="<token>{AQAAABAAAAAQxIyRO+G2ncy+IfR2qVKHJ9gE}</token>")
    assert owners_by_tag(wanted, there, old_mark_of(wanted, wanted), Habits()) == {
        "token": Owner.JENKINS
    }
