"""Whose a difference is: no edit on either side is ever hidden, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.normalform import Normal, normalise
from cfl_jobs.planning.differences import Side, compare
from cfl_jobs.planning.mark import Mark, fingerprint
from cfl_jobs.planning.sides import attribute, learn_habits
from tests.config_edits import EDITS, drop_meaningless
from tests.rendered_jobs import job

CONFIGS = Path(__file__).parent / "data" / "jenkins" / "config"
NAMES = sorted(path.name.removesuffix(".posted.xml") for path in CONFIGS.glob("*.posted.xml"))


def read(name: str, state: str) -> str:
    """Return a recorded config without what has no meaning of its own."""
    root = parse_config((CONFIGS / f"{name}.{state}.xml").read_text(encoding="utf-8"), name=name)
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
    return Mark("jobs/a.yaml", fingerprint(applied), fingerprint(kept))


@pytest.mark.parametrize("upgraded", [False, True])
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_edit_on_the_server_is_never_taken_for_jenkins_own(
    upgraded: bool, data: st.DataObject
) -> None:
    """Not even after an upgrade of all plugins, where it isn't alike in several jobs."""
    name = data.draw(st.sampled_from(NAMES))
    edit = data.draw(st.sampled_from(EDITS))
    wanted = normalise(read(name, "posted"), name=name)
    kept = normalise(read(name, "saved"), name=name)
    root = parse_config(read(name, "saved"), name=name)
    assume(edit(root, lambda size: data.draw(st.integers(0, size - 1))))
    live = normalise(format_config(root), name=name)
    assume(live != kept)
    if live == wanted:  # they took Jenkins' own change back
        return
    mark = replace(mark_of(wanted, kept), versions=("abc",) if upgraded else ())
    assert any(side is not Side.JENKINS for side in sides(wanted, live, mark))


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_change_of_the_definition_is_ours(data: st.DataObject) -> None:
    """Where the server has what Jenkins made of the last one, and wherever we changed it."""
    name = data.draw(st.sampled_from(NAMES))
    edit = data.draw(st.sampled_from(EDITS))
    applied = normalise(read(name, "posted"), name=name)
    live = normalise(read(name, "saved"), name=name)
    root = parse_config(read(name, "posted"), name=name)
    assume(edit(root, lambda size: data.draw(st.integers(0, size - 1))))
    wanted = normalise(format_config(root), name=name)
    assume(wanted not in (applied, live))
    found = sides(wanted, live, mark_of(applied, live))
    assert Side.OURS in found
    assert set(found) <= {Side.OURS, Side.JENKINS}


@pytest.mark.parametrize("name", NAMES)
def test_what_jenkins_made_of_a_job_at_the_update_is_its_own(name: str) -> None:
    """Whatever it was, the mark knows it."""
    wanted = normalise(read(name, "posted"), name=name)
    live = normalise(read(name, "saved"), name=name)
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
        found = attribute(raws, wanted=here, live=there, mark=mark, habits=dict)
        assert [side for _, side in found] == [expected]
