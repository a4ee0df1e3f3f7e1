"""Random edits here and on the server, of recorded jobs: each is told, and an update ends them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.jenkins_server_configs as configs
from cfl_jobs.configs.config import Config, normalise
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.configs.mark import description_of, set_description
from cfl_jobs.planning.differences import Raw, compare, find_losses
from cfl_jobs.planning.plan import Owner, Plan, Status, Update
from cfl_jobs.target import Kind
from tests.config_edits import EDITS, change_space, drop_meaningless, repeat_element
from tests.jenkins_server_configs import (
    DIALECTS,
    NEW,
    OLD,
    recorded,
    recorded_names,
    recorded_plugins,
    recorded_save,
    restart,
    save,
)
from tests.memory_target import MemoryTarget
from tests.planned import told
from tests.rendered_jobs import (
    choose_dialect,
    folder,
    invent_zip,
    jenkins,
    job,
    normal_of,
    plan,
    update,
    view,
)

KEY = (Kind.JOB, "Job")


@cache
def read(name: str, state: str = "posted", version: str = OLD) -> str:
    """Return a recorded config; the state "" is what Jenkins made of it."""
    text = recorded(name, state) if state else recorded_save(name, version)
    root = parse_config(text, name=name)
    drop_meaningless(root)
    return format_config(root)


@cache
def names(version: str) -> list[str]:
    """Return the recorded jobs, folders apart, of which Jenkins keeps all that was set."""
    found = []
    for name in recorded_names("stored", version):
        posted, saved = (
            normalise(read(name, state, version), name=name) for state in ("posted", "")
        )
        if not posted.tag.endswith("Folder") and not find_losses(compare(posted, saved)):
            found.append(name)
    return found


def edit(config: str, data: st.DataObject) -> str:
    """Make one or two random edits; the description is left alone, which has the mark."""
    root = parse_config(config, name="Job")
    description = description_of(root)
    for make in data.draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=2)):
        make(root, lambda size: data.draw(st.integers(0, size - 1)))
    set_description(root, description)
    return format_config(root)


def upgrade(target: MemoryTarget, data: st.DataObject, patch: pytest.MonkeyPatch) -> None:
    """Upgrade all plugins, or Jenkins to the newest recorded version; it saves the job."""
    if configs.chosen == OLD and data.draw(st.booleans()):
        choose_dialect(NEW, patch)
        target.installed |= recorded_plugins(NEW)
    else:
        target.installed |= {name: f"{old}.1" for name, old in target.installed.items()}
    target.configs[KEY] = save(target.configs[KEY], target.installed)


def owners(made: Plan) -> set[Owner]:
    changes = [change for change in made.changes if isinstance(change, Update)]
    return {found.owner for change in changes for found in change.differences}


def makes_a_difference(now: Iterable[Raw], without: Iterable[Raw]) -> bool:
    """Tell whether a side's edits brought differences; some only take one away."""
    there, here = (
        {(raw.parent, raw.is_moved, raw.desired, raw.live) for raw in raws}
        for raws in (now, without)
    )
    return not there <= here


@settings(max_examples=30)
@given(data=st.data())
def test_edits_of_both_sides_are_told_and_then_ended(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Nobody's is told as another's, or not at all; after the update the plan stays empty."""
    version = data.draw(st.sampled_from(DIALECTS))
    name = data.draw(st.sampled_from([name for name in names(version) if name in names(NEW)]))
    place = tmp_path_factory.mktemp("journal")
    with pytest.MonkeyPatch.context() as patch:
        choose_dialect(version, patch)
        check_edits(place, data, name, patch)


def check_edits(place: Path, data: st.DataObject, name: str, patch: pytest.MonkeyPatch) -> None:
    target = jenkins(recorded_plugins(configs.chosen))
    first = replace(job("Job"), config=read(name))
    update(target, place, first)
    kept = normal_of(target.configs[KEY], name=name)
    wanted: Config = first
    if data.draw(st.booleans()):
        wanted = replace(first, config=edit(first.config, data))
    is_untouched = data.draw(st.booleans())
    if not is_untouched:
        target.configs[KEY] = save(edit(target.configs[KEY], data), target.installed)
    if data.draw(st.booleans()):
        upgrade(target, data, patch)
    applied, here = (normal_of(rendered.config, name=name) for rendered in (first, wanted))
    there = normal_of(target.configs[KEY], name=name)
    found = owners(plan(target, wanted))
    raws = compare(here, there)
    if makes_a_difference(raws, compare(applied, there)):
        assert found & {Owner.OURS, Owner.BOTH}
    if makes_a_difference(raws, compare(here, kept)):
        assert found & {Owner.THEIRS, Owner.BOTH}
    if wanted is first:
        assert not found & {Owner.OURS, Owner.BOTH}
    if is_untouched:
        assert not found & {Owner.THEIRS, Owner.BOTH}
    if update(target, place, wanted).is_complete:
        for state in ("as it is", "saved", "restarted", "upgraded"):
            if state == "upgraded":
                upgrade(target, data, patch)
            elif state != "as it is":
                function = save if state == "saved" else restart
                target.configs[KEY] = function(target.configs[KEY], target.installed)
            assert plan(target, wanted).changes == (), state


def test_a_step_that_we_repeated_before_both_sides_changed_it_alike_is_told_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_dialect(OLD, monkeypatch)
    target = jenkins(recorded_plugins(configs.chosen))
    first = replace(job("Job"), config=read("Deploy to Dev"))
    update(target, tmp_path, first)
    root = parse_config(first.config, name="Job")
    repeat_element(root, lambda _: 5)
    change_space(root, lambda _: 0)
    there = parse_config(target.configs[KEY], name="Job")
    change_space(there, lambda _: 0)
    target.configs[KEY] = save(format_config(there), target.installed)
    found = owners(plan(target, replace(first, config=format_config(root))))
    assert found & {Owner.OURS, Owner.BOTH}


TOKEN = "COLLEAGUE"
COLLEAGUES = (
    ("<artifacts>", f"<artifacts>{TOKEN},"),
    ("<description>Publishes.", f"<description>{TOKEN} Publishes."),
    (
        "</builders>",
        f"<hudson.tasks.Shell><command>{TOKEN}</command></hudson.tasks.Shell></builders>",
    ),
    ("<followSymlinks>false", f"<followSymlinks>{TOKEN}"),
    ("</jobNames>", f"<string>{TOKEN}</string></jobNames>"),
)


def chain(number: int) -> tuple[Config, ...]:
    new = number > 1
    return (
        job("A", branch=f"branch-{number}"),
        job("B", scripts=(f"echo {number}",)),
        folder("F"),
        job("F/C", artifacts=f"out-{number}/*"),
        job("New" if new else "Old", moved_from=("Old",) if new else ()),
        view("V", ("A", "B") if new else ("A",)),
    )


# Someone edits a job at any request of an update: what they did is there, or kept; never lost.
# Jenkins has no conditional write, so an edit right before our own write to that job can't be seen:
# those are left out.
def edit_at(target: MemoryTarget, chosen: random.Random, number: int) -> list[tuple[str, str]]:
    """Let someone edit something before the numbered request; returns what was asked then."""
    seen = 0
    done: list[tuple[str, str]] = []

    def edit(verb: str, name: str) -> None:
        nonlocal seen
        seen += 1
        if seen != number:
            return
        key = chosen.choice(sorted(target.configs, key=str))
        fitting = [pair for pair in COLLEAGUES if pair[0] in target.configs[key]]
        is_blind = name == key[1] and verb in ("update", "save")
        if fitting and not is_blind:
            target.edit(key[1], *chosen.choice(fitting), kind=key[0])
            done.append((verb, name))

    target.before_request = edit
    return done


# Those by which it comes to an edit.
SEEDS = (1, 3, 7, 9, 11, 14, 15, 18, 21, 25, 28, 31, 32, 36)


def test_an_edit_at_any_moment_is_there_or_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There: it is in the job, and the next plan shows it as theirs. Kept: it was replaced.

    The edits come before and after our writes; some are overwritten and kept, some left there.
    """
    verbs: set[str] = set()
    left = 0
    for seed in SEEDS:
        place = tmp_path / f"{seed}"
        choose_dialect(DIALECTS[seed // 2 % 2], monkeypatch)
        chosen = random.Random(seed)
        target = jenkins()
        if seed % 2:
            invent_zip(target)
        update(target, place, *chain(1))
        done = edit_at(target, chosen, chosen.randint(1, 60))
        result = update(target, place, *chain(2))
        target.recover()
        verbs |= {verb for verb, _ in done}
        if any(TOKEN in config for config in target.configs.values()):
            left += 1
            found = told(plan(target, *chain(2)))
            assert any(TOKEN in each.before for each in found), (seed, done)
        elif done:
            kept = [path for path in place.rglob("before/*") if TOKEN in path.read_text()]
            failed = [o.message for o in result.outcomes if o.status is not Status.DONE]
            assert kept, (seed, done, failed)
    assert {"list", "read", "update", "save", "rename"} <= verbs
    assert 3 < left < 12
