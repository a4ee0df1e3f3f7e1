"""Three sides: what is looked at, whose each difference is, and how it is told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cfl_jobs.configs.mark import split_description
from cfl_jobs.errors import LoginRefused, Missing, PermissionDenied, TargetError, Unreachable
from cfl_jobs.planning.describing import group_differences
from cfl_jobs.planning.plan import Change, Owner, Plan, Update
from cfl_jobs.target import Kind
from tests.jenkins_server_configs import save
from tests.planned import owners, tell, told
from tests.rendered_jobs import PLUGINS, Server, folder, job, view

pytestmark = pytest.mark.usefixtures("a_dialect")


@pytest.mark.parametrize(
    ("then", "wanted", "edited", "expected"),
    [
        ({}, {"branch": "main"}, None, {"parameter BRANCH: default": Owner.OURS}),
        ({}, {}, ("echo two", "echo 2"), {"shell step: script": Owner.THEIRS}),
        ({}, {}, ("</description>", " Ask Ann!</description>"), {"description": Owner.THEIRS}),
        ({"scripts": ("one", "two")}, {"scripts": ("one", "TWO")},
         ("<command>one<", "<command>ONE<"),
         {"shell step 1: script": Owner.THEIRS, "shell step 2: script": Owner.OURS}),
        ({"scripts": ("one", "two")}, {"scripts": ("eins", "two")},
         ("<command>one<", "<command>ONE<"), {"shell step 1: script": Owner.BOTH}),
        ({"scripts": ("one",)}, {"scripts": ("one",)}, ("</builders>", "<a.Step/></builders>"),
         {"step": Owner.THEIRS}),
        ({"scripts": ("one", "two", "three")}, {"scripts": ("one", "three")}, None,
         {"shell step 2": Owner.OURS}),
        ({"scripts": ("one", "two", "three")}, {"scripts": ("one", "two", "three")},
         ("<hudson.tasks.Shell>.*?</hudson.tasks.Shell>", ""), {"shell step 1": Owner.THEIRS}),
    ],
)  # fmt: skip
def test_whose_a_difference_is_tells_who_changed_it_since_the_last_update(
    server: Server,
    then: dict[str, Any],
    wanted: dict[str, Any],
    edited: tuple[str, str] | None,
    expected: dict[str, Owner],
) -> None:
    """We did, they did in the browser (below the mark too), or both, each in its own step."""
    server.bring(job(**then))
    if edited:
        config = server.configs[Kind.JOB, "Publish"]
        server.configs[Kind.JOB, "Publish"] = re.sub(*edited, config, count=1, flags=re.DOTALL)
    assert owners(server.plan(job(**wanted))) == expected


def test_a_job_that_is_no_longer_said_to_be_disabled_is_enabled(server: Server) -> None:
    """Who disabled it is known: the definition did."""
    off = job(extra="<disabled>true</disabled>")
    server.bring(off)
    made = server.plan(job())
    assert owners(made) == {"disabled": Owner.OURS}
    server.bring(job())
    assert "<disabled>true" not in server.configs[Kind.JOB, "Publish"]
    assert server.plan(job()).changes == ()
    assert owners(server.plan(off)) == {"disabled": Owner.OURS}
    server.bring(off)
    server.edit("Publish", "<disabled>true", "<disabled>false")
    assert owners(server.plan(off)) == {"disabled": Owner.THEIRS}


def test_the_mark_of_jenkins_job_builder_is_no_difference(server: Server) -> None:
    text = "Publishes.&lt;!-- Managed by Jenkins Job Builder --&gt;"
    server.configs[Kind.JOB, "Publish"] = save(job(description=text).config, PLUGINS)
    made = server.plan(job(), adopt=True)
    assert [change.differences for change in made.changes if isinstance(change, Update)] == [()]
    server.bring(job(), adopt=True)
    root = server.configs[Kind.JOB, "Publish"]
    assert "Job Builder" not in root


def test_the_same_change_in_many_jobs_is_one_group(server: Server) -> None:
    """Also where one of the jobs has a change of its own beside it."""
    server.bring(*(job(f"Job {number}") for number in range(3)), job("Other"))
    changed = [job(f"Job {number}", branch="new", line=number + 1) for number in range(2)]
    both = job("Job 2", branch="new", scripts=("make",), line=3)
    made = server.plan(*changed, both, job("Other", branch="newer"))
    updates = [change for change in made.changes if isinstance(change, Update)]
    groups = [
        ([updates[number].name for number in alike.jobs], [c[0].label for c in alike.changes])
        for alike in group_differences([update.differences for update in updates])
    ]
    assert groups == [
        (["Job 0", "Job 1", "Job 2"], ["parameter BRANCH: default"]),
        (["Job 2"], ["shell step: script"]),
        (["Other"], ["parameter BRANCH: default"]),
    ]


def test_a_flag_that_is_not_there_is_shown_as_what_that_means(server: Server) -> None:
    """Jenkins leaves out what is false by itself, and so do we."""
    server.bring(job())
    found = told(server.plan(job(concurrent="true")))
    shown = [(d.label, d.change, d.before, d.after) for d in found]
    assert shown == [("concurrent builds", Change.CHANGED, "false", "true")]
    server.edit(
        "Publish", "<fingerprint>true", "<caseSensitive>false</caseSensitive><fingerprint>true"
    )
    server.edit("Publish", "<caseSensitive>true</caseSensitive>", "")
    found = told(server.plan(job()))
    shown = [(d.label, d.change, d.before, d.after) for d in found]
    assert shown == [("archive artifacts: case sensitive", Change.CHANGED, "false", "true")]


def test_a_difference_is_blamed_on_its_template(server: Server) -> None:
    server.bring(job())
    made = server.plan(job(scripts=("new",), branch="new"))
    places = {found.label: str(found.position) for found in told(made)}
    assert places == {
        "shell step: script": "templates/publish.yaml.j2:9:5",
        "parameter BRANCH: default": "jobs/publish.yaml:3:5",
    }


def test_a_view_has_a_mark_and_is_compared_like_a_job(server: Server) -> None:
    """Its jobs are a set, which Jenkins sorts."""
    server.bring(view("Chain", ("b", "A")))
    config = server.configs[Kind.VIEW, "Chain"]
    assert split_description(config)[1] is not None
    assert server.plan(view("Chain", ("A", "b"))).changes == ()
    assert owners(server.plan(view("Chain", ("A", "b", "c")))) == {"jobs": Owner.OURS}


def test_secrets_are_not_shown(server: Server) -> None:
    secret = "{AQAAABAAAAAQxIyRO+G2ncy+IfR2qVKHJ9gE}"
    server.bring(job(extra="<authToken>hunter2</authToken>", scripts=(secret,)))
    made = server.plan(job(extra="<authToken>hunter3</authToken>", scripts=("plain",)))
    assert "hunter" not in repr(told(made))
    assert "AQAA" not in repr(told(made))
    assert {found.label for found in told(made)} == {"auth token", "shell step: script"}


def test_a_control_character_that_someone_entered_is_told_and_put_back(server: Server) -> None:
    """Jenkins writes it as a reference of XML 1.1, which has more characters than 1.0."""
    server.bring(job())
    key = (Kind.JOB, "Publish")
    head = '<?xml version="1.1" encoding="UTF-8"?>'
    body = server.configs[key].partition("?>")[2].replace("echo one", "echo &#x1b;[1m")
    server.configs[key] = head + body
    made = server.plan(job())
    assert owners(made) == {"shell step: script": Owner.THEIRS}
    assert "\x1b" not in tell(made)
    server.bring(job())
    assert server.plan(job()).changes == ()


def test_a_jobs_token_that_jenkins_encrypted_is_no_edit_and_is_not_shown(server: Server) -> None:
    """2.568.2 does so when it starts, also after the update of a directory."""
    wanted = job(extra="<authToken>sesame</authToken>")
    server.bring(wanted)
    assert server.plan(wanted).changes == ()
    cipher = "{AQAAABAAAAAQrDpoydN1WIIf4RUo5qUoBxAkHSCLvssC/9QKe5evK2Q=}"
    config = server.configs[Kind.JOB, "Publish"]
    server.configs[Kind.JOB, "Publish"] = config.replace(">sesame<", f">{cipher}<")
    assert server.plan(wanted).changes == ()
    server.bring(job(extra="<authToken>sesame</authToken>", branch="new"))
    made = server.plan(job(extra="<authToken>token 2</authToken>", branch="new"))
    assert owners(made) == {"auth token": Owner.OURS}
    assert "token 2" not in repr(made.changes[0].differences)  # type: ignore[union-attr]


MAVEN = "<hudson.tasks.Maven><targets>clean</targets>{}</hudson.tasks.Maven>"
INJECT = "<injectBuildVariables>{}</injectBuildVariables>"


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize(
    ("live", "shown"),
    [("", ()), (INJECT.format("true"), ()), (INJECT.format("false"), (("false", "true"),))],
    ids=["absent", "true", "false"],
)
def test_a_flag_that_is_true_where_it_is_absent_is_read_so(
    server: Server, live: str, shown: tuple[tuple[str, str], ...], adopt: bool
) -> None:
    """jenkins-job-builder doesn't write it; someone's `false` is told, with and without --adopt."""
    wanted = job(builders=MAVEN.format(""))
    if adopt:
        config = job(builders=MAVEN.format(live)).config
        server.configs[Kind.JOB, "Publish"] = config
    else:
        server.bring(wanted)
        server.edit("Publish", "<targets>clean</targets>", f"<targets>clean</targets>{live}")
    made = server.plan(wanted, adopt=adopt)
    found = [one for each in made.changes if isinstance(each, Update) for one in each.differences]
    assert tuple((one.before, one.after) for one in found) == shown


# What is looked at: one job that can't be read is told, and doesn't hide the others.
WANTED = (job("a"), job("b"), job("c"))
CHANGED = (job("a", branch="main"), job("b", branch="main"), job("c", branch="main"))


@pytest.fixture
def updated(server: Server) -> Server:
    """Jobs as an update left them."""
    server.bring(*WANTED)
    return server


def changed(made: Plan) -> list[str]:
    return [change.name for change in made.changes]


@pytest.mark.parametrize("kind", [TargetError, PermissionDenied, Unreachable])
def test_a_job_that_cannot_be_read_is_told_and_the_others_go_on(
    updated: Server, kind: type[TargetError]
) -> None:
    """It is neither changed nor taken for absent; what was left undone makes an exit code of 1."""
    error = kind("the server stumbled", advice="Look into its log.")
    updated.fail(error, "read", "b")
    made = updated.plan(*CHANGED)
    assert changed(made) == ["a", "c"]
    assert [(note.name, note.text) for note in made.undone] == [
        ("b", "can't be read: the server stumbled. Look into its log.")
    ]


@pytest.mark.parametrize("verb", ["read", "count_builds"])
def test_a_job_that_cannot_be_looked_at_is_never_pruned(updated: Server, verb: str) -> None:
    updated.fail(TargetError("no"), verb, "b")
    made = updated.plan(job("a"), prune=True)
    assert changed(made) == ["c"]
    assert [(note.name, note.text) for note in made.undone] == [
        ("b", "is no longer defined, but can't be read: no.")
    ]


def test_a_folder_that_holds_a_job_that_cannot_be_read_is_not_pruned(updated: Server) -> None:
    updated.bring(folder("team"), job("team/x"))
    updated.fail(TargetError("no"), "read", "team/x")
    made = updated.plan(*WANTED, prune=True)
    assert changed(made) == []
    assert set(updated.configs) >= {(Kind.JOB, "team"), (Kind.JOB, "team/x")}


def test_a_job_that_went_since_it_was_listed_is_absent(updated: Server) -> None:
    updated.fail(Missing("none"), "read", "b")
    made = updated.plan(*WANTED)
    assert [change.name for change in made.changes] == ["b"]
    assert made.undone == ()


@pytest.mark.parametrize("kind", [Unreachable, LoginRefused])
def test_a_target_that_goes_away_in_the_middle_is_an_error(
    updated: Server, kind: type[TargetError]
) -> None:
    is_gone = []

    def go_away(verb: str, name: str) -> None:
        if (verb, name) == ("read", "b"):
            is_gone.append(True)
        if is_gone:
            raise kind("gone")

    updated.before_request = go_away
    with pytest.raises(kind):
        updated.plan(*WANTED)


def test_who_may_read_no_job_at_all_gets_one_error(updated: Server) -> None:
    updated.fail(PermissionDenied("no"), "read")
    with pytest.raises(PermissionDenied):
        updated.plan(*WANTED)
