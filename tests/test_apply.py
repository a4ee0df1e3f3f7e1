"""Applying a plan: verified job by job, kept first, and no more done than was shown."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from cfl_jobs.errors import CflJobsError, Refused, Unreachable
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, Step, list_runs
from cfl_jobs.planning.plan import Owner, Status, Update
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import restart
from tests.memory_target import Killed, MemoryTarget
from tests.planned import told
from tests.rendered_jobs import (
    apply,
    folder,
    invent_zip,
    jenkins,
    job,
    normal_of,
    plan,
    update,
    view,
)

pytestmark = pytest.mark.usefixtures("each_dialect")

CHAIN = (
    folder("team"),
    job("Publish"),
    job("team/Inner", scripts=("make",)),
    view("Code for Life", ("Publish",)),
)
ANT = """
    <hudson.tasks.Ant>
      <targets>test</targets>
    </hudson.tasks.Ant>"""


def test_an_update_makes_what_is_defined_and_the_next_plan_is_empty(tmp_path: Path) -> None:
    target = jenkins()
    result = update(target, tmp_path, *CHAIN, workers=8)
    assert result.is_complete
    made = [name for verb, name in target.requests if verb == "create"]
    assert made.index("team") < made.index("team/Inner")
    assert made[-1] == "Code for Life"
    assert plan(target, *CHAIN).changes == ()


def test_a_step_that_jenkins_dropped_is_an_error_that_names_the_plugin(tmp_path: Path) -> None:
    """The next runs look again, instead of taking the loss for an edit, until it is there."""
    target = jenkins()
    wanted = job(builders=ANT)
    result = update(target, tmp_path, wanted)
    assert [outcome.status for outcome in result.outcomes] == [Status.FAILED]
    assert "dropped: ant" in result.outcomes[0].message
    assert "Install the plugin ant" in result.outcomes[0].message
    found = told(plan(target, wanted))
    assert [(each.label, each.owner) for each in found] == [("ant", Owner.JENKINS)]
    assert update(target, tmp_path, wanted).outcomes[0].status is Status.FAILED
    target.installed["ant"] = "497.v94e7d9fffa_b_9"
    assert update(target, tmp_path, wanted).is_complete
    assert "hudson.tasks.Ant" in target.configs[Kind.JOB, "Publish"]
    assert plan(target, wanted).changes == ()


def test_what_jenkins_makes_of_a_job_is_kept_in_the_mark(tmp_path: Path) -> None:
    """A field that no rule knows is Jenkins' own from then on, for any admin."""
    target = jenkins()
    invent_zip(target)
    assert update(target, tmp_path, job()).is_complete
    assert "<zip>" in target.configs[Kind.JOB, "Publish"]
    after = plan(target, job())
    assert after.changes == ()
    assert [note.text for note in after.notes] == ["Jenkins' own: archive artifacts: zip: fast"]
    target.edit("Publish", "<zip>fast</zip>", "<zip>slow</zip>")
    assert [type(change) for change in plan(target, job()).changes] == [Update]


def test_a_job_that_fails_does_not_stop_the_others_but_its_folders_jobs(tmp_path: Path) -> None:
    target = jenkins()
    target.fail(Refused("no"), "create", "team")
    result = update(target, tmp_path, *CHAIN)
    by_name = {outcome.change.name: outcome.status for outcome in result.outcomes}
    assert by_name == {
        "team": Status.FAILED,
        "team/Inner": Status.NOT_DONE,
        "Publish": Status.DONE,
        "Code for Life": Status.DONE,
    }


def test_ctrl_c_finishes_the_job_in_hand_and_tells_what_was_not_done(tmp_path: Path) -> None:
    target = jenkins()

    def interrupt(verb: str, name: str) -> None:
        if (verb, name) == ("create", "Publish 1"):
            os.kill(os.getpid(), signal.SIGINT)
            stopped.wait(10)

    target.before_request = interrupt
    stopped = threading.Event()

    def interrupted(number: int, frame: object) -> None:
        stopped.set()
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGINT, interrupted)
    jobs = tuple(job(f"Publish {number}") for number in range(5))
    try:
        result = update(target, tmp_path, *jobs)
    finally:
        signal.signal(signal.SIGINT, usual)
    states = [outcome.status for outcome in result.outcomes]
    assert result.is_interrupted
    assert states[:2] == [Status.DONE, Status.DONE]
    assert states[-1] is Status.NOT_DONE
    target.recover()
    for outcome in result.outcomes:
        there = (Kind.JOB, outcome.change.name) in target.configs
        assert there is (outcome.status is Status.DONE)
    assert len(plan(target, *jobs).changes) == states.count(Status.NOT_DONE)


def test_a_replaced_config_is_kept_where_only_its_owner_can_read_it(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job(branch="old"))
    before = target.configs[Kind.JOB, "Publish"]
    update(target, tmp_path, job(branch="new"))
    run = list_runs(tmp_path, "memory")[0]
    assert run.is_complete
    step = run.steps[0]
    assert run.read_before(step) == before
    for path in [run.directory, *run.directory.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0


def test_the_second_of_two_admins_stops_for_the_job_that_changed(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("B"))
    mine = plan(target, job("A", branch="mine"), job("B", branch="mine"))
    update(target, tmp_path, job("A", branch="theirs"), job("B"))
    theirs = target.configs[Kind.JOB, "A"]
    result = apply(mine, target, tmp_path)
    by_name = {outcome.change.name: outcome for outcome in result.outcomes}
    assert by_name["A"].status is Status.FAILED
    assert "was changed on the server since the plan was made" in by_name["A"].message
    assert by_name["B"].status is Status.DONE
    assert target.configs[Kind.JOB, "A"] == theirs


def test_a_job_that_jenkins_rewrote_since_is_no_changed_job(tmp_path: Path) -> None:
    """A restart between the plan and its application is nobody's edit."""
    target = jenkins()
    update(target, tmp_path, job("A"))
    made = plan(target, job("A", branch="new"))
    config = target.configs[Kind.JOB, "A"]
    target.configs[Kind.JOB, "A"] = restart(config, target.installed)
    assert target.configs[Kind.JOB, "A"] != config
    assert apply(made, target, tmp_path).is_complete


def test_a_backup_that_cannot_be_written_leaves_the_job_alone(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"))
    before = target.configs[Kind.JOB, "A"]
    journal = Journal(tmp_path, target="memory", verb="update")
    (journal.directory / "before").rmdir()
    made = plan(target, job("A", branch="new"))
    (outcome,) = apply_plan(made, target, journal).outcomes
    assert outcome.status is Status.FAILED
    assert "can't be kept" in outcome.message
    assert target.configs[Kind.JOB, "A"] == before


def test_a_change_at_the_very_same_moment_is_noticed(tmp_path: Path) -> None:
    target = jenkins()

    def edit(verb: str, name: str) -> None:
        if verb == "read" and "cfl-jobs 1" in target.configs[Kind.JOB, name]:
            target.edit(name, "Managed by cfl-jobs", "Managed by me")

    target.before_request = edit
    result = update(target, tmp_path, job())
    assert "changed by someone else at the same time" in result.outcomes[0].message


def test_an_unreachable_server_fails_each_job_with_its_reason(tmp_path: Path) -> None:
    target = jenkins()
    target.fail(Unreachable("no answer", advice="Try later."), "create")
    result = update(target, tmp_path, job("A"), job("B"))
    assert [outcome.status for outcome in result.outcomes] == [Status.FAILED] * 2
    steps = list_runs(tmp_path, "memory")[0].steps
    assert {(step.state, step.message) for step in steps} == {("failed", "no answer")}


def test_a_job_that_was_disabled_by_hand_stays_disabled(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job())
    target.edit("Publish", "<disabled>false</disabled>", "<disabled>true</disabled>")
    assert plan(target, job()).changes == ()
    update(target, tmp_path, job(branch="new"))
    assert "<disabled>true</disabled>" in target.configs[Kind.JOB, "Publish"]
    notes = [note.text for note in plan(target, job(branch="new")).notes]
    assert notes == ["is disabled on the server, and stays so"]


def test_a_definition_that_says_enabled_enables_the_job(tmp_path: Path) -> None:
    target = jenkins()
    wanted = job(extra="<disabled>false</disabled>")
    update(target, tmp_path, wanted)
    target.edit("Publish", "<disabled>false</disabled>", "<disabled>true</disabled>")
    assert [type(change) for change in plan(target, wanted).changes] == [Update]
    update(target, tmp_path, wanted)
    assert "<disabled>true</disabled>" not in target.configs[Kind.JOB, "Publish"]


def test_nothing_is_deleted_while_what_may_take_its_place_is_missing(tmp_path: Path) -> None:
    """A job whose name was changed without `moved:` is one to make and one to delete."""
    target = jenkins()
    update(target, tmp_path, job("Old"))
    target.fail(Refused("no"), "create")
    result = update(target, tmp_path, job("New"), prune=True)
    assert [outcome.status for outcome in result.outcomes] == [Status.FAILED, Status.NOT_DONE]
    assert (Kind.JOB, "Old") in target.configs


def test_a_deletion_takes_no_more_builds_than_were_shown(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), job("Gone"), job("Gone too"))
    target.builds = {"Gone": 3, "Gone too": 3}
    made = plan(target, job("A"), prune=True)
    target.builds["Gone"] = 4
    result = apply(made, target, tmp_path)
    messages = {outcome.change.name: outcome.message for outcome in result.outcomes}
    assert "has 4 builds by now, not 3" in messages["Gone"]
    assert messages["Gone too"] == ""
    assert (Kind.JOB, "Gone") in target.configs
    assert (Kind.JOB, "Gone too") not in target.configs


def test_a_folder_is_not_deleted_with_what_came_into_it_since(tmp_path: Path) -> None:
    target = jenkins()
    update(target, tmp_path, job("A"), folder("F"), job("F/a"))
    made = plan(target, job("A"), prune=True)
    target.configs[Kind.JOB, "F/theirs"] = job("F/theirs").config
    result = apply(made, target, tmp_path)
    messages = {outcome.change.name: outcome.message for outcome in result.outcomes}
    assert "still holds job F/theirs" in messages["F"]
    assert (Kind.JOB, "F/theirs") in target.configs
    assert (Kind.JOB, "F/a") not in target.configs


class FullJournal(Journal):
    """A journal on a disk that is full after some steps."""

    def __init__(self, place: Path, *, steps: int) -> None:
        super().__init__(place, target="memory", verb="update")
        self._left = steps

    def note(self, step: Step) -> None:
        self._left -= 1
        if self._left < 0:
            raise CflJobsError("journal.jsonl: no space left on device")
        super().note(step)

    def finish(self) -> None:
        raise CflJobsError("journal.jsonl: no space left on device")


@pytest.mark.parametrize(("steps", "done"), [(3, 2), (2, 1), (4, 2)])
def test_a_run_that_can_no_longer_be_written_down_ends(
    tmp_path: Path, steps: int, done: int
) -> None:
    target = jenkins()
    made = plan(target, *(job(name) for name in "ABC"))
    result = apply_plan(made, target, FullJournal(tmp_path, steps=steps), workers=1)
    assert "no space left" in result.problem
    assert not result.is_complete
    assert len(target.configs) == done
    assert len([o for o in result.outcomes if o.status is Status.DONE]) == done
    assert len(result.outcomes) == 3


BEFORE = (
    folder("team"),
    job("Publish", branch="old"),
    job("Old name", scripts=("make old",)),
    view("Code for Life", ()),
)
AFTER = (
    folder("team"),
    job("Publish", branch="new", scripts=("echo new", "echo more")),
    job("New name", scripts=("make old",), moved_from=("Old name",)),
    job("team/Inner"),
    view("Code for Life", ("Publish", "New name")),
)


@pytest.mark.parametrize("point", ["before", "after"])
def test_killed_at_any_request_a_job_is_as_it_was_or_as_it_should_be(
    tmp_path: Path, point: str
) -> None:
    """And the next run goes on from there, without posting again what was posted."""
    number = 0
    while True:
        target = jenkins()
        update(target, tmp_path / f"{number}-first", *BEFORE)
        target.requests.clear()
        if not kill_at(target, number, point, tmp_path / f"{number}-killed"):
            break
        for key in target.configs:
            assert_whole(target, key)
        posted = [name for verb, name in done_writes(target)]
        target.requests.clear()
        result = update(target, tmp_path / f"{number}-next", *AFTER, prune=True)
        assert result.is_complete, (number, [o.message for o in result.outcomes])
        again = [name for verb, name in done_writes(target)]
        assert not set(posted) & set(again), number
        assert plan(target, *AFTER, prune=True).changes == ()
        assert (Kind.JOB, "Old name") not in target.configs
        number += 1
    assert number > 10


def done_writes(target: MemoryTarget) -> list[tuple[str, str]]:
    return [
        (verb, name)
        for verb, name in target.requests
        if verb in ("create", "update") and name != "Code for Life"
    ]


def kill_at(target: MemoryTarget, number: int, point: str, place: Path) -> bool:
    """Update, and be killed before (or right after) one request; False: there was none so late."""
    seen = 0
    write = ("create", "update", "save", "rename", "delete")
    pending: list[bool] = []

    def die(verb: str, name: str) -> None:
        nonlocal seen
        if pending:
            # The request before this one was carried out; its answer never came.
            target.requests.pop()
            raise Killed
        if verb in (*write, "read"):
            if seen == number and point == "before":
                target.requests.pop()
                raise Killed
            if seen == number:
                pending.append(True)
            seen += 1

    target.before_request = die
    try:
        update(target, place, *AFTER, prune=True)
    except Killed:
        return True
    finally:
        target.recover()
    return bool(pending)


def assert_whole(target: MemoryTarget, key: tuple[Kind, str]) -> None:
    """Every job is the old or the new one."""
    kind, name = key
    now = normal_of(target.configs[key], name=name)
    fits = [
        normal_of(rendered.config, name=name)
        for rendered in (*BEFORE, *AFTER)
        if rendered.kind is kind and name in (rendered.name, *rendered.moved_from)
    ]
    assert now in fits, name
