"""Applying a plan: verified job by job, kept first, and no more done than was shown."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from cfl_jobs.errors import CflJobsError, Refused, Unreachable
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, RunStep
from cfl_jobs.planning.plan import Owner, Status, Update
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import restart
from tests.memory_target import Killed
from tests.planned import told
from tests.rendered_jobs import (
    Server,
    folder,
    invent_zip,
    job,
    normal_of,
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


def test_an_update_makes_what_is_defined_and_the_next_plan_is_empty(server: Server) -> None:
    server.bring(*CHAIN, workers=8)
    made = [name for verb, name in server.requests if verb == "create"]
    assert made.index("team") < made.index("team/Inner")
    assert made[-1] == "Code for Life"
    assert server.plan(*CHAIN).changes == ()


def test_a_step_that_jenkins_dropped_is_an_error_that_names_the_plugin(server: Server) -> None:
    """The next runs look again, instead of taking the loss for an edit, until it is there."""
    wanted = job(builders=ANT)
    result = server.attempt(wanted)
    assert [outcome.status for outcome in result.outcomes] == [Status.FAILED]
    assert "dropped: ant" in result.outcomes[0].message
    assert "Install the plugin ant" in result.outcomes[0].message
    found = told(server.plan(wanted))
    assert [(each.label, each.owner) for each in found] == [("ant", Owner.JENKINS)]
    assert server.attempt(wanted).outcomes[0].status is Status.FAILED
    server.installed["ant"] = "497.v94e7d9fffa_b_9"
    server.bring(wanted)
    assert "hudson.tasks.Ant" in server.configs[Kind.JOB, "Publish"]
    assert server.plan(wanted).changes == ()


def test_what_jenkins_makes_of_a_job_is_kept_in_the_mark(server: Server) -> None:
    """A field that no rule knows is Jenkins' own from then on, for any admin."""
    invent_zip(server)
    server.bring(job())
    assert "<zip>" in server.configs[Kind.JOB, "Publish"]
    after = server.plan(job())
    assert after.changes == ()
    assert [note.text for note in after.notes] == ["Jenkins' own: archive artifacts: zip: fast"]
    server.edit("Publish", "<zip>fast</zip>", "<zip>slow</zip>")
    assert [type(change) for change in server.plan(job()).changes] == [Update]


def test_a_job_that_fails_does_not_stop_the_others_but_its_folders_jobs(server: Server) -> None:
    server.fail(Refused("no"), "create", "team")
    result = server.attempt(*CHAIN)
    by_name = {outcome.change.name: outcome.status for outcome in result.outcomes}
    assert by_name == {
        "team": Status.FAILED,
        "team/Inner": Status.NOT_DONE,
        "Publish": Status.DONE,
        "Code for Life": Status.DONE,
    }


def test_ctrl_c_finishes_the_job_in_hand_and_tells_what_was_not_done(server: Server) -> None:

    def interrupt(verb: str, name: str) -> None:
        if (verb, name) == ("create", "Publish 1"):
            os.kill(os.getpid(), signal.SIGINT)
            stopped.wait(10)

    server.before_request = interrupt
    stopped = threading.Event()

    def interrupted(number: int, frame: object) -> None:
        stopped.set()
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGINT, interrupted)
    jobs = tuple(job(f"Publish {number}") for number in range(5))
    try:
        result = server.attempt(*jobs)
    finally:
        signal.signal(signal.SIGINT, usual)
    states = [outcome.status for outcome in result.outcomes]
    assert result.is_interrupted
    assert states[:2] == [Status.DONE, Status.DONE]
    assert states[-1] is Status.NOT_DONE
    server.recover()
    for outcome in result.outcomes:
        there = (Kind.JOB, outcome.change.name) in server.configs
        assert there is (outcome.status is Status.DONE)
    assert len(server.plan(*jobs).changes) == states.count(Status.NOT_DONE)


def test_a_replaced_config_is_kept_where_only_its_owner_can_read_it(server: Server) -> None:
    server.bring(job(branch="old"))
    before = server.configs[Kind.JOB, "Publish"]
    server.bring(job(branch="new"))
    run = server.last_run
    assert run.is_complete
    step = run.steps[0]
    assert run.read_before(step) == before
    for path in [run.directory, *run.directory.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0


def test_the_second_of_two_admins_stops_for_the_job_that_changed(server: Server) -> None:
    server.bring(job("A"), job("B"))
    mine = server.plan(job("A", branch="mine"), job("B", branch="mine"))
    server.bring(job("A", branch="theirs"), job("B"))
    theirs = server.configs[Kind.JOB, "A"]
    result = server.apply(mine)
    by_name = {outcome.change.name: outcome for outcome in result.outcomes}
    assert by_name["A"].status is Status.FAILED
    assert "was changed on the server since the plan was made" in by_name["A"].message
    assert by_name["B"].status is Status.DONE
    assert server.configs[Kind.JOB, "A"] == theirs


def test_a_job_that_jenkins_rewrote_since_is_no_changed_job(server: Server) -> None:
    """A restart between the plan and its application is nobody's edit."""
    server.bring(job("A"))
    made = server.plan(job("A", branch="new"))
    config = server.configs[Kind.JOB, "A"]
    server.configs[Kind.JOB, "A"] = restart(config, server.installed)
    assert server.configs[Kind.JOB, "A"] != config
    assert server.apply(made).is_complete


def test_a_backup_that_cannot_be_written_leaves_the_job_alone(server: Server) -> None:
    server.bring(job("A"))
    before = server.configs[Kind.JOB, "A"]
    journal = Journal(server.place, target="memory", verb="update")
    (journal.directory / "before").rmdir()
    made = server.plan(job("A", branch="new"))
    (outcome,) = apply_plan(made, server, journal).outcomes
    assert outcome.status is Status.FAILED
    assert "can't be kept" in outcome.message
    assert server.configs[Kind.JOB, "A"] == before


def test_a_change_at_the_very_same_moment_is_noticed(server: Server) -> None:

    def edit(verb: str, name: str) -> None:
        if verb == "read" and "cfl-jobs 1" in server.configs[Kind.JOB, name]:
            server.edit(name, "Managed by cfl-jobs", "Managed by me")

    server.before_request = edit
    result = server.attempt(job())
    assert "changed by someone else at the same time" in result.outcomes[0].message


def test_an_unreachable_server_fails_each_job_with_its_reason(server: Server) -> None:
    server.fail(Unreachable("no answer", advice="Try later."), "create")
    result = server.attempt(job("A"), job("B"))
    assert [outcome.status for outcome in result.outcomes] == [Status.FAILED] * 2
    steps = server.last_run.steps
    assert {(step.state, step.message) for step in steps} == {("failed", "no answer")}


def test_a_job_that_was_disabled_by_hand_stays_disabled(server: Server) -> None:
    server.bring(job())
    server.edit("Publish", "<disabled>false</disabled>", "<disabled>true</disabled>")
    assert server.plan(job()).changes == ()
    server.bring(job(branch="new"))
    assert "<disabled>true</disabled>" in server.configs[Kind.JOB, "Publish"]
    notes = [note.text for note in server.plan(job(branch="new")).notes]
    assert notes == ["is disabled on the server, and stays so"]


def test_a_definition_that_says_enabled_enables_the_job(server: Server) -> None:
    wanted = job(extra="<disabled>false</disabled>")
    server.bring(wanted)
    server.edit("Publish", "<disabled>false</disabled>", "<disabled>true</disabled>")
    assert [type(change) for change in server.plan(wanted).changes] == [Update]
    server.bring(wanted)
    assert "<disabled>true</disabled>" not in server.configs[Kind.JOB, "Publish"]


def test_nothing_is_deleted_while_what_may_take_its_place_is_missing(server: Server) -> None:
    """A job whose name was changed without `moved:` is one to make and one to delete."""
    server.bring(job("Old"))
    server.fail(Refused("no"), "create")
    result = server.attempt(job("New"), prune=True)
    assert [outcome.status for outcome in result.outcomes] == [Status.FAILED, Status.NOT_DONE]
    assert (Kind.JOB, "Old") in server.configs


def test_a_deletion_takes_no_more_builds_than_were_shown(server: Server) -> None:
    server.bring(job("A"), job("Gone"), job("Gone too"))
    server.builds = {"Gone": 3, "Gone too": 3}
    made = server.plan(job("A"), prune=True)
    server.builds["Gone"] = 4
    result = server.apply(made)
    messages = {outcome.change.name: outcome.message for outcome in result.outcomes}
    assert "has 4 builds by now, not 3" in messages["Gone"]
    assert messages["Gone too"] == ""
    assert (Kind.JOB, "Gone") in server.configs
    assert (Kind.JOB, "Gone too") not in server.configs


def test_a_folder_is_not_deleted_with_what_came_into_it_since(server: Server) -> None:
    server.bring(job("A"), folder("F"), job("F/a"))
    made = server.plan(job("A"), prune=True)
    server.configs[Kind.JOB, "F/theirs"] = job("F/theirs").config
    result = server.apply(made)
    messages = {outcome.change.name: outcome.message for outcome in result.outcomes}
    assert "still holds job F/theirs" in messages["F"]
    assert (Kind.JOB, "F/theirs") in server.configs
    assert (Kind.JOB, "F/a") not in server.configs


class FullJournal(Journal):
    """A journal on a disk that is full after some steps."""

    def __init__(self, place: Path, *, steps: int) -> None:
        super().__init__(place, target="memory", verb="update")
        self._left = steps

    def note(self, step: RunStep) -> None:
        self._left -= 1
        if self._left < 0:
            raise CflJobsError("journal.jsonl: no space left on device")
        super().note(step)

    def finish(self) -> None:
        raise CflJobsError("journal.jsonl: no space left on device")


@pytest.mark.parametrize(("steps", "done"), [(3, 2), (2, 1), (4, 2)])
def test_a_run_that_can_no_longer_be_written_down_ends(
    server: Server, steps: int, done: int
) -> None:
    made = server.plan(*(job(name) for name in "ABC"))
    result = apply_plan(made, server, FullJournal(server.place, steps=steps), workers=1)
    assert "no space left" in result.problem
    assert not result.is_complete
    assert len(server.configs) == done
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
        server = Server(tmp_path / str(number))
        server.bring(*BEFORE)
        server.requests.clear()
        if not kill_at(server, number, point):
            break
        for key in server.configs:
            assert_whole(server, key)
        posted = [name for verb, name in done_writes(server)]
        server.requests.clear()
        server.bring(*AFTER, prune=True)
        again = [name for verb, name in done_writes(server)]
        assert not set(posted) & set(again), number
        assert server.plan(*AFTER, prune=True).changes == ()
        assert (Kind.JOB, "Old name") not in server.configs
        number += 1
    assert number > 10


def done_writes(server: Server) -> list[tuple[str, str]]:
    return [
        (verb, name)
        for verb, name in server.requests
        if verb in ("create", "update") and name != "Code for Life"
    ]


def kill_at(server: Server, number: int, point: str) -> bool:
    """Update, and be killed before (or right after) one request; False: there was none so late."""
    seen = 0
    write = ("create", "update", "save", "rename", "delete")
    pending: list[bool] = []

    def die(verb: str, name: str) -> None:
        nonlocal seen
        if pending:
            # The request before this one was carried out; its answer never came.
            server.requests.pop()
            raise Killed
        if verb in (*write, "read"):
            if seen == number and point == "before":
                server.requests.pop()
                raise Killed
            if seen == number:
                pending.append(True)
            seen += 1

    server.before_request = die
    try:
        server.attempt(*AFTER, prune=True)
    except Killed:
        return True
    finally:
        server.recover()
    return bool(pending)


def assert_whole(server: Server, key: tuple[Kind, str]) -> None:
    """Every job is the old or the new one."""
    kind, name = key
    now = normal_of(server.configs[key], name=name)
    fits = [
        normal_of(rendered.config, name=name)
        for rendered in (*BEFORE, *AFTER)
        if rendered.kind is kind and name in (rendered.name, *rendered.moved_from)
    ]
    assert now in fits, name
