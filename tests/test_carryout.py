"""Making one job what it should be: Jenkins' own rewriting told from an edit of that moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.journal import list_runs
from cfl_jobs.planning.plan import Owner, Status
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import DIALECTS
from tests.memory_target import MemoryTarget
from tests.planned import told
from tests.rendered_jobs import (
    apply,
    choose_dialect,
    folder,
    invent_zip,
    jenkins,
    job,
    plan,
    update,
    view,
)

pytestmark = pytest.mark.usefixtures("each_dialect")

WRITES = ("create", "update", "save")


def meddle(
    target: MemoryTarget, name: str, old: str, new: str, *, kind: Kind = Kind.JOB, at: int = 1
) -> Callable[[], bool]:
    """Let someone edit a job between our writing of it and our reading back, the `at`th time.

    Returns what tells whether that was done.
    """
    writes = 0
    is_done = False

    def edit(verb: str, its_name: str) -> None:
        nonlocal writes, is_done
        is_saved = kind is Kind.JOB and target.stores_posted
        if its_name == name and verb in (("save",) if is_saved else WRITES):
            writes += 1
        if its_name == name and verb == "read" and writes == at and not is_done:
            is_done = True
            target.edit(name, old, new, kind=kind)

    target.before_request = edit
    return lambda: is_done


def fail(target: MemoryTarget, place: Path, meddled: Callable[[], bool], *wanted: Config) -> str:
    """Update one job in vain since someone meddles; returns why it failed."""
    (outcome,) = update(target, place, *wanted).outcomes
    assert meddled()
    target.recover()
    assert outcome.status is Status.FAILED
    return outcome.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<defaultValue>new<", "<defaultValue>theirs<"),
        ("<trim>false<", "<trim>true<"),
        ("<hudson.plugins.timestamper.TimestamperBuildWrapper", "<x.Y/><a.B"),
        ("<artifacts>out/*</artifacts>", ""),
    ],
    ids=["a value of ours", "a field", "another wrapper", "a value that is gone"],
)
def test_an_edit_between_our_write_and_our_reading_back_stays_and_is_told(
    tmp_path: Path, old: str, new: str
) -> None:
    """It is neither Jenkins' own nor a loss: the next plan shows it as theirs."""
    target = jenkins()
    update(target, tmp_path, job())
    meddled = meddle(target, "Publish", old, new)
    wanted = job(branch="new")
    message = fail(target, tmp_path, meddled, wanted)
    assert "changed by someone else at the same time" in message
    kept = next(run for run in list_runs(tmp_path, "memory")).directory / "before"
    assert f"What was read meanwhile is kept in {kept}." in message
    assert any(old not in path.read_text(encoding="utf-8") for path in kept.iterdir())
    assert old not in target.configs[Kind.JOB, "Publish"]
    assert {found.owner for found in told(plan(target, wanted))} == {Owner.THEIRS}


def test_an_edit_while_only_the_mark_is_set_stays_too(tmp_path: Path) -> None:
    """A job that needs no new config is compared with what it was before."""
    target = jenkins()
    update(target, tmp_path, job())
    target.edit("Publish", "[cfl-jobs 1 ", "[cfl-jobs 1? ")
    meddled = meddle(target, "Publish", "<artifacts>out/*<", "<artifacts>all/*<")
    fail(target, tmp_path, meddled, job())
    assert "<artifacts>all/*<" in target.configs[Kind.JOB, "Publish"]
    assert [found.owner for found in told(plan(target, job()))] == [Owner.THEIRS]


def test_an_edit_after_it_was_posted_once_more_stays_too(tmp_path: Path) -> None:
    """The first reading showed only what Jenkins makes of it: that isn't put back."""
    target = jenkins()
    invent_zip(target)
    meddled = meddle(target, "Publish", "<artifacts>out/*<", "<artifacts>all/*<", at=2)
    fail(target, tmp_path, meddled, job())
    assert "<artifacts>all/*<" in target.configs[Kind.JOB, "Publish"]


def test_what_was_edited_at_that_moment_is_kept_even_if_the_run_is_killed(tmp_path: Path) -> None:
    """Before the config is posted once more, what was read is on the disk."""
    target = jenkins()
    update(target, tmp_path, job())
    meddle(target, "Publish", "<trim>false<", "<trim>true<")
    (outcome,) = update(target, tmp_path / "run", job(branch="new")).outcomes
    assert outcome.status is Status.FAILED
    kept = [path.read_text() for path in (tmp_path / "run").rglob("before/*.xml")]
    assert len(kept) == 3
    assert any("<trim>true<" in text for text in kept)


def test_what_jenkins_makes_of_one_job_is_found_out_once_for_all(tmp_path: Path) -> None:
    """The first job is posted twice to see that the field comes back; the next ones are not."""
    target = jenkins()
    invent_zip(target)
    assert update(target, tmp_path, job("A"), job("B")).is_complete
    verbs = [verb for verb, name in target.requests if name == "A"]
    saved = ["save"] if target.stores_posted else []
    assert verbs == ["create", *saved, "read", "update", *saved, "read", "save"]
    verbs = [verb for verb, name in target.requests if name == "B"]
    assert verbs == ["create", *saved, "read", "save"]
    assert plan(target, job("A"), job("B")).changes == ()


def test_what_jenkins_made_of_a_job_before_is_known_at_its_next_change(tmp_path: Path) -> None:
    """No second post for a field that was there, and that was no difference of the plan."""
    target = jenkins()
    invent_zip(target)
    update(target, tmp_path, job())
    target.requests.clear()
    assert update(target, tmp_path, job(branch="new")).is_complete
    verbs = [verb for verb, name in target.requests if name == "Publish"]
    saved = ["save"] if target.stores_posted else []
    assert verbs == ["read", "read", "update", *saved, "read", "save"]


def test_a_change_of_a_view_at_the_same_moment_stays_and_is_told(tmp_path: Path) -> None:
    target = jenkins()
    jobs, wanted = (job("A"), job("B")), view("Chain", ("A", "B"))
    update(target, tmp_path, *jobs, view("Chain", ("A",)))
    old, new = "<string>B</string>", "<string>B</string><string>Mine</string>"
    meddled = meddle(target, "Chain", old, new, kind=Kind.VIEW)
    fail(target, tmp_path, meddled, *jobs, wanted)
    assert "<string>Mine</string>" in target.configs[Kind.VIEW, "Chain"]
    found = told(plan(target, *jobs, wanted))
    assert [(each.owner, each.before) for each in found] == [(Owner.THEIRS, "Mine")]


def test_what_jenkins_dropped_of_a_view_is_posted_again_by_the_next_run(tmp_path: Path) -> None:
    """A view says that it isn't verified until it was read back whole."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    column = "<hudson.views.JobColumn />"

    def drop(verb: str, name: str) -> None:
        if verb == "read" and column in target.configs.get((Kind.VIEW, name), ""):
            target.edit(name, column, "", kind=Kind.VIEW)

    target.before_request = drop
    wanted = (job("A"), view("Chain", ("A",)))
    (outcome,) = update(target, tmp_path, *wanted).outcomes
    assert "dropped: " in outcome.message
    target.recover()
    again = plan(target, *wanted)
    assert [change.name for change in again.changes] == ["Chain"]
    assert apply(again, target, tmp_path).is_complete
    assert column in target.configs[Kind.VIEW, "Chain"]


TOKEN = "COLLEAGUE"
EDITS = (
    ("<artifacts>", f"<artifacts>{TOKEN},"),
    ("<description>Publishes.", f"<description>{TOKEN} Publishes."),
    (
        "</builders>",
        f"<hudson.tasks.Shell><command>{TOKEN}</command></hudson.tasks.Shell></builders>",
    ),
    ("<followSymlinks>false", f"<followSymlinks>{TOKEN}"),
    ("</jobNames>", f"<string>{TOKEN}</string></jobNames>"),
)


def wanted(number: int) -> tuple[Config, ...]:
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
        fitting = [pair for pair in EDITS if pair[0] in target.configs[key]]
        is_blind = name == key[1] and verb in ("update", "save")
        if fitting and not is_blind:
            target.edit(key[1], *chosen.choice(fitting), kind=key[0])
            done.append((verb, name))

    target.before_request = edit
    return done


def test_an_edit_at_any_moment_is_there_or_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There: it is in the job, and the next plan shows it as theirs. Kept: it was replaced.

    The edits come before and after our writes; some are overwritten and kept, some left there.
    """
    verbs: set[str] = set()
    left = 0
    for seed in range(40):
        place = tmp_path / f"{seed}"
        choose_dialect(DIALECTS[seed // 2 % 2], monkeypatch)
        chosen = random.Random(seed)
        target = jenkins()
        if seed % 2:
            invent_zip(target)
        update(target, place, *wanted(1))
        done = edit_at(target, chosen, chosen.randint(1, 60))
        result = update(target, place, *wanted(2))
        target.recover()
        verbs |= {verb for verb, _ in done}
        if any(TOKEN in config for config in target.configs.values()):
            left += 1
            found = told(plan(target, *wanted(2)))
            assert any(TOKEN in each.before for each in found), (seed, done)
        elif done:
            kept = [path for path in place.rglob("before/*") if TOKEN in path.read_text()]
            failed = [o.message for o in result.outcomes if o.status is not Status.DONE]
            assert kept, (seed, done, failed)
    assert {"list", "read", "update", "save", "rename"} <= verbs
    assert 6 < left < 34
