"""Whose a difference is: no edit on either side is ever hidden, whatever it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import Mark, fingerprint
from cfl_jobs.configs.normalform import Normal, normalise
from cfl_jobs.planning.differences import Raw, Side, compare
from cfl_jobs.planning.fields import record_fields
from cfl_jobs.planning.owners import attribute
from cfl_jobs.planning.upgrades import NO_HABITS, learn_habits
from tests.config_edits import EDITS, drop_meaningless
from tests.jenkins_server_configs import DIALECTS, NEW, OLD, recorded, recorded_names, recorded_save
from tests.rendered_jobs import job

RECORDED = [(name, version) for version in DIALECTS for name in recorded_names("stored", version)]


def read(name: str, version: str = "") -> str:
    """Return a config as posted, or what a Jenkins made of it, without what has no meaning."""
    text = recorded_save(name, version) if version else recorded(name, "posted")
    root = parse_config(text, name=name)
    drop_meaningless(root)
    return format_config(root)


def sides(wanted: Normal, live: Normal, mark: Mark) -> list[Side]:
    found = attribute(
        compare(wanted, live),
        wanted=wanted,
        live=live,
        mark=mark,
        habits=lambda: learn_habits((live,)),
    )
    return [side for _, side in found]


def mark_of(applied: Normal, kept: Normal) -> Mark:
    mark = Mark("jobs/a.yaml", fingerprint(applied), fingerprint(kept))
    return record_fields(mark, applied, kept)


@pytest.mark.parametrize("upgraded", [False, True])
@settings(max_examples=120)
@given(data=st.data())
def test_an_edit_on_the_server_is_never_taken_for_jenkins_own(
    upgraded: bool, data: st.DataObject
) -> None:
    """Not even after an upgrade of all plugins, where it isn't alike in several jobs."""
    name, version = data.draw(st.sampled_from(RECORDED))
    edit = data.draw(st.sampled_from(EDITS))
    wanted = normalise(read(name), name=name)
    kept = normalise(read(name, version), name=name)
    root = parse_config(read(name, version), name=name)
    assume(edit(root, lambda size: data.draw(st.integers(0, size - 1))))
    live = normalise(format_config(root), name=name)
    assume(live != kept)
    if not brings_differences(compare(wanted, live), compare(wanted, kept)):
        return  # they took Jenkins' own change back
    mark = replace(mark_of(wanted, kept), versions=("abc",) if upgraded else ())
    assert any(side is not Side.JENKINS for side in sides(wanted, live, mark))


@settings(max_examples=120)
@given(data=st.data())
def test_a_change_of_the_definition_is_ours(data: st.DataObject) -> None:
    """Where the server has what Jenkins made of the last one, and wherever we changed it.

    What Jenkins had dropped for want of a plugin is no difference, whatever we make of it.
    """
    lost = [("wide-missing-plugins", OLD)]
    lost += [(f"wide-{what}", NEW) for what in ("missing-plugins", "properties", "wrappers")]
    name, version = data.draw(st.sampled_from([one for one in RECORDED if one not in lost]))
    edit = data.draw(st.sampled_from(EDITS))
    applied = normalise(read(name), name=name)
    live = normalise(read(name, version), name=name)
    root = parse_config(read(name), name=name)
    assume(edit(root, lambda size: data.draw(st.integers(0, size - 1))))
    wanted = normalise(format_config(root), name=name)
    assume(wanted not in (applied, live))
    found = sides(wanted, live, mark_of(applied, live))
    is_told = Side.OURS in found
    assert is_told or not brings_differences(compare(wanted, live), compare(applied, live))
    assert set(found) <= {Side.OURS, Side.JENKINS}


@pytest.mark.parametrize(("name", "version"), RECORDED)
def test_what_jenkins_made_of_a_job_at_the_update_is_its_own(name: str, version: str) -> None:
    """Whatever it was, the mark knows it."""
    wanted = normalise(read(name), name=name)
    live = normalise(read(name, version), name=name)
    assert set(sides(wanted, live, mark_of(wanted, live))) <= {Side.JENKINS}


@pytest.mark.parametrize(
    ("wanted", "live"),
    [("abc", "cba"), ("ab", "ba"), ("abc", "bca"), ("abcd", "dbca"), ("ab", "aab"), ("aab", "ab")],
)
def test_a_new_order_of_steps_is_someones(wanted: str, live: str) -> None:
    """Theirs where the server has it, ours where the definition has it."""
    here = normalise(job(scripts=tuple(wanted)).config, name="a")
    there = normalise(job(scripts=tuple(live)).config, name="a")
    assert set(sides(here, there, mark_of(here, here))) == {Side.THEIRS}
    assert set(sides(here, there, mark_of(there, there))) == {Side.OURS}


@pytest.mark.parametrize(
    ("base", "wanted", "live", "expected"),
    [
        ("ab", "a", "b", {"a": Side.BOTH, "b": Side.BOTH}),
        ("ab", "aB", "b", {"a": Side.BOTH, "b": Side.BOTH, "B": Side.OURS}),
        ("ab", "A", "b", {"A": Side.BOTH, "b": Side.BOTH}),
        ("ab", "abc", "b", {"a": Side.THEIRS, "c": Side.OURS}),
        ("ab", "abc", "abd", {"c": Side.BOTH, "d": Side.BOTH}),
        ("ab", "a", "aB", {"B": Side.BOTH}),
        ("ab", "Ab", "b", {"A": Side.BOTH}),
        ("ab", "b", "aab", {"a": Side.BOTH}),
        ("ab", "Ab", "ba", {"A": Side.BOTH, "a": Side.BOTH}),
        ("abc", "ab", "bac", {"a": Side.THEIRS, "c": Side.OURS}),
        ("abcd", "abc", "bcd", {"a": Side.THEIRS, "d": Side.OURS}),
    ],
)
def test_steps_that_both_sides_added_removed_or_moved_are_all_told(
    base: str, wanted: str, live: str, expected: dict[str, Side]
) -> None:
    """Each side's own where the marks tell it, "both" where one may be behind the other."""
    letters = (base, wanted, live)
    then, here, there = (normalise(job(scripts=tuple(s)).config, name="a") for s in letters)
    found = attribute(
        compare(here, there),
        wanted=here,
        live=there,
        mark=mark_of(then, then),
        habits=lambda: NO_HABITS,
    )
    told: dict[str, Side] = {}
    for raw, side in found:
        for element in (raw.wanted, raw.live):
            if element is not None:
                told[(element.find("command") or element).text] = side
    assert told == expected


NOTIFY = "<command>a</command><notify>mail</notify>", "<command>b</command><notify>mail</notify>"


def with_steps(*steps: str) -> Normal:
    builders = "".join(f"<hudson.tasks.Shell>{step}</hudson.tasks.Shell>" for step in steps)
    return normalise(job(scripts=(), builders=builders).config, name="a")


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        # They removed the first step, or swapped both: the second isn't the first, edited.
        (("a", "b"), NOTIFY[1:], {Side.THEIRS}),
        (("a", "b"), NOTIFY[::-1], {Side.THEIRS}),
        # We did.
        (("b",), NOTIFY, {Side.OURS}),
        (("b", "a"), NOTIFY, {Side.OURS}),
        # We changed a script, they another, or the field that Jenkins added.
        (("A", "b"), NOTIFY, {Side.OURS}),
        (("a", "b"), (NOTIFY[0].replace("a<", "A<"), NOTIFY[1]), {Side.THEIRS}),
        (("a", "b"), (NOTIFY[0].replace("mail", "chat"), NOTIFY[1]), {Side.THEIRS}),
    ],
)
def test_a_field_that_jenkins_added_to_each_step_hides_no_edit(
    wanted: tuple[str, ...], live: tuple[str, ...], expected: set[Side]
) -> None:
    """A step is known by what was applied and by what Jenkins kept, as one."""
    then = with_steps("<command>a</command>", "<command>b</command>")
    here = with_steps(*(f"<command>{script}</command>" for script in wanted))
    found = set(sides(here, with_steps(*live), mark_of(then, with_steps(*NOTIFY))))
    assert found - {Side.JENKINS} == expected


@pytest.mark.parametrize("parts", [("<a.A><x>{}</x>{}</a.A>", "<a.B><x>{}</x>{}</a.B>")])
@pytest.mark.parametrize("own", ["", "<own>1</own>"])
def test_a_new_order_is_someones_though_jenkins_changed_all_that_moved(
    parts: tuple[str, str], own: str
) -> None:
    """Each element is compared with the one of its class, which is in another place."""

    def steps(*steps: str, field: str = "") -> Normal:
        builders = "".join(step.format("text", field) for step in steps)
        return normalise(job(scripts=(), builders=builders).config, name="a")

    then, kept = steps(*parts), steps(*parts, field=own)
    swapped, kept_swapped = steps(*parts[::-1]), steps(*parts[::-1], field=own)
    for here, there, side in ((then, kept_swapped, Side.THEIRS), (swapped, kept, Side.OURS)):
        found = sides(here, there, mark_of(then, kept))
        assert side in found
        assert set(found) <= {side, Side.JENKINS}


@settings(max_examples=150)
@given(data=st.data())
def test_what_both_sides_edited_is_never_taken_for_jenkins_own(data: st.DataObject) -> None:
    """Whatever wasn't different right after the update is someone's."""
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
    found = attribute(
        compare(now["posted"], now["saved"]),
        wanted=now["posted"],
        live=now["saved"],
        mark=mark_of(then["posted"], then["saved"]),
        habits=lambda: NO_HABITS,
    )
    assert [raw for raw, side in found if side is Side.JENKINS and content(raw) not in own] == []


def brings_differences(now: Iterable[Raw], then: Iterable[Raw]) -> bool:
    """Tell whether there are differences now that weren't there then."""
    return bool(Counter(map(content, now)) - Counter(map(content, then)))


def content(raw: Raw) -> tuple[object, ...]:
    return (raw.parent, raw.change, raw.wanted, raw.live)


def test_of_a_job_with_very_many_parts_the_mark_knows_only_the_whole() -> None:
    """Whose a difference is is told all the same, though not for each part."""
    first = tuple(f"echo {number}" for number in range(200))
    applied = normalise(job(scripts=first).config, name="a")
    ours = normalise(job(scripts=(*first, "ours")).config, name="a")
    theirs = normalise(job(scripts=(*first, "theirs")).config, name="a")
    mark = mark_of(applied, applied)
    assert len(str(mark)) < 160
    assert set(sides(ours, applied, mark)) == {Side.OURS}
    assert set(sides(applied, theirs, mark)) == {Side.THEIRS}
    assert set(sides(ours, theirs, mark)) == {Side.BOTH}
    assert set(sides(applied, theirs, mark_of(applied, theirs))) == {Side.JENKINS}


def test_without_a_mark_nothing_is_known() -> None:
    """A job that isn't ours, or whose mark was damaged."""
    here, there = (normalise(job(branch=name).config, name="a") for name in "ab")
    raws = compare(here, there)
    for mark, expected in ((None, Side.ADOPT), (Mark("jobs/a.yaml"), Side.UNKNOWN)):
        found = attribute(raws, wanted=here, live=there, mark=mark, habits=lambda: NO_HABITS)
        assert [side for _, side in found] == [expected]
