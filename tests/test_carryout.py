"""Making one job what it should be: Jenkins' own rewriting told from an edit of that moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.plan import Owner, Status
from cfl_jobs.target import Kind
from tests.planned import told
from tests.rendered_jobs import Server, invent_zip, job, view

pytestmark = pytest.mark.usefixtures("each_dialect")

WRITES = ("create", "update", "save")


def meddle(
    server: Server, name: str, old: str, new: str, *, kind: Kind = Kind.JOB, at: int = 1
) -> Callable[[], bool]:
    """Let someone edit a job between our writing of it and our reading back, the `at`th time.

    Returns what tells whether that was done.
    """
    writes = 0
    is_done = False

    def edit(verb: str, its_name: str) -> None:
        nonlocal writes, is_done
        is_saved = kind is Kind.JOB and server.stores_posted
        if its_name == name and verb in (("save",) if is_saved else WRITES):
            writes += 1
        if its_name == name and verb == "read" and writes == at and not is_done:
            is_done = True
            server.edit(name, old, new, kind=kind)

    server.before_request = edit
    return lambda: is_done


def fail(server: Server, meddled: Callable[[], bool], *wanted: Config) -> str:
    """Update one job in vain since someone meddles; returns why it failed."""
    (outcome,) = server.attempt(*wanted).outcomes
    assert meddled()
    server.recover()
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
    server: Server, old: str, new: str
) -> None:
    """It is neither Jenkins' own nor a loss: the next plan shows it as theirs."""
    server.bring(job())
    meddled = meddle(server, "Publish", old, new)
    wanted = job(branch="new")
    message = fail(server, meddled, wanted)
    assert "changed by someone else at the same time" in message
    kept = server.last_run.directory / "before"
    assert f"What was read meanwhile is kept in {kept}." in message
    assert any(old not in path.read_text(encoding="utf-8") for path in kept.iterdir())
    assert old not in server.configs[Kind.JOB, "Publish"]
    assert {found.owner for found in told(server.plan(wanted))} == {Owner.THEIRS}


def test_an_edit_while_only_the_mark_is_set_stays_too(server: Server) -> None:
    """A job that needs no new config is compared with what it was before."""
    server.bring(job())
    server.edit("Publish", "[cfl-jobs 1 ", "[cfl-jobs 1? ")
    meddled = meddle(server, "Publish", "<artifacts>out/*<", "<artifacts>all/*<")
    fail(server, meddled, job())
    assert "<artifacts>all/*<" in server.configs[Kind.JOB, "Publish"]
    assert [found.owner for found in told(server.plan(job()))] == [Owner.THEIRS]


def test_an_edit_after_it_was_posted_once_more_stays_too(server: Server) -> None:
    """The first reading showed only what Jenkins makes of it: that isn't put back."""
    invent_zip(server)
    meddled = meddle(server, "Publish", "<artifacts>out/*<", "<artifacts>all/*<", at=2)
    fail(server, meddled, job())
    assert "<artifacts>all/*<" in server.configs[Kind.JOB, "Publish"]


def test_what_was_edited_at_that_moment_is_kept_even_if_the_run_is_killed(server: Server) -> None:
    server.bring(job())
    meddle(server, "Publish", "<trim>false<", "<trim>true<")
    (outcome,) = server.attempt(job(branch="new")).outcomes
    assert outcome.status is Status.FAILED
    kept = [path.read_text() for path in server.last_run.directory.rglob("before/*.xml")]
    assert len(kept) == 3
    assert any("<trim>true<" in text for text in kept)


def test_what_jenkins_makes_of_one_job_is_found_out_once_for_all(server: Server) -> None:
    """The first job is posted twice to see that the field comes back; the next ones are not."""
    invent_zip(server)
    server.bring(job("A"), job("B"))
    verbs = [verb for verb, name in server.requests if name == "A"]
    saved = ["save"] if server.stores_posted else []
    assert verbs == ["create", *saved, "read", "update", *saved, "read", "save"]
    verbs = [verb for verb, name in server.requests if name == "B"]
    assert verbs == ["create", *saved, "read", "save"]
    assert server.plan(job("A"), job("B")).changes == ()


def test_what_jenkins_made_of_a_job_before_is_known_at_its_next_change(server: Server) -> None:
    """No second post for a field that was there, and that was no difference of the plan."""
    invent_zip(server)
    server.bring(job())
    server.requests.clear()
    server.bring(job(branch="new"))
    verbs = [verb for verb, name in server.requests if name == "Publish"]
    saved = ["save"] if server.stores_posted else []
    assert verbs == ["read", "read", "update", *saved, "read", "save"]


def test_a_change_of_a_view_at_the_same_moment_stays_and_is_told(server: Server) -> None:
    jobs, wanted = (job("A"), job("B")), view("Chain", ("A", "B"))
    server.bring(*jobs, view("Chain", ("A",)))
    old, new = "<string>B</string>", "<string>B</string><string>Mine</string>"
    meddled = meddle(server, "Chain", old, new, kind=Kind.VIEW)
    fail(server, meddled, *jobs, wanted)
    assert "<string>Mine</string>" in server.configs[Kind.VIEW, "Chain"]
    found = told(server.plan(*jobs, wanted))
    assert [(each.owner, each.before) for each in found] == [(Owner.THEIRS, "Mine")]


def test_what_jenkins_dropped_of_a_view_is_posted_again_by_the_next_run(server: Server) -> None:
    """A view says that it isn't verified until it was read back whole."""
    server.bring(job("A"))
    column = "<hudson.views.JobColumn />"

    def drop(verb: str, name: str) -> None:
        if verb == "read" and column in server.configs.get((Kind.VIEW, name), ""):
            server.edit(name, column, "", kind=Kind.VIEW)

    server.before_request = drop
    wanted = (job("A"), view("Chain", ("A",)))
    (outcome,) = server.attempt(*wanted).outcomes
    assert "dropped: " in outcome.message
    server.recover()
    again = server.plan(*wanted)
    assert [change.name for change in again.changes] == ["Chain"]
    assert server.apply(again).is_complete
    assert column in server.configs[Kind.VIEW, "Chain"]
