"""What an upgraded plugin, or Jenkins, does to jobs is its own; edits are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from cfl_jobs.configs import normalform
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.normalform import Default
from cfl_jobs.errors import PermissionDenied
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.plan import Owner, Plan, Update
from cfl_jobs.planning.rollback import plan_rollback
from cfl_jobs.reading.versions import Span
from cfl_jobs.review.outline import say_note
from tests.planned import told, upgrade
from tests.rendered_jobs import PLUGINS, Server, job, plan

pytestmark = pytest.mark.usefixtures("a_dialect")


WRAPPER = "hudson.plugins.timestamper.TimestamperBuildWrapper"


def set_field(server: Server, name: str, text: str) -> None:
    """Add a field to the plugin's element in a job."""
    saved_by = server.installed["timestamper"]
    element = f'<{WRAPPER} plugin="timestamper@{saved_by}"'
    server.edit(name, f"{element}/>", f"{element}>{text}</{WRAPPER}>")


def apply_jobs(server: Server, *, versions: dict[str, str] | None = None) -> tuple[Config, ...]:
    """Update four jobs; `versions` are what the server says of its own, by default its plugins'."""
    wanted = tuple(job(f"Job {number}", description="") for number in range(4))
    made = plan(server, *wanted)
    journal = Journal(server.place, target="memory", verb="update")
    known = server.installed if versions is None else versions
    assert apply_plan(made, server, journal, versions=known).is_complete
    return wanted


def owners_of(made: Plan) -> list[Owner]:
    return [found.owner for found in told(made)]


def add_everywhere(server: Server, wanted: Iterable[Config]) -> None:
    for rendered in wanted:
        set_field(server, rendered.name, "<pack>zip</pack>")


@pytest.mark.parametrize("versions", [None, {}], ids=["listed", "may not be listed"])
def test_what_an_upgraded_plugin_adds_alike_everywhere_is_jenkins_own(
    server: Server, versions: dict[str, str] | None
) -> None:
    """Jenkins writes the version into what it saves."""
    wanted = apply_jobs(server, versions=versions)
    upgrade(server)
    add_everywhere(server, wanted)
    made = server.plan(*wanted)
    assert made.changes == ()
    assert len([note for note in made.notes if note.quiet]) == 4
    server.edit("Job 2", "<pack>zip</pack>", "<pack>tar</pack>")
    changed = [change.name for change in server.plan(*wanted).changes]
    assert "Job 2" in changed


def test_a_plan_for_one_job_learns_what_an_upgraded_plugin_adds_from_all(server: Server) -> None:
    """They are read, though the plan isn't about them; one that can't be read is no matter."""
    wanted = apply_jobs(server)
    server.requests.clear()
    assert server.plan(wanted[0], defined=()).changes == ()
    assert [name for verb, name in server.requests if verb == "read"] == ["Job 0"]
    upgrade(server)
    add_everywhere(server, wanted)
    server.fail(PermissionDenied("may not read it"), "read", "Job 2")
    made = server.plan(wanted[0], defined=())
    assert (made.changes, made.managed) == ((), 4)
    server.edit("Job 0", "<pack>zip</pack>", "<pack>tar</pack>")
    assert [change.name for change in server.plan(wanted[0], defined=()).changes] == ["Job 0"]


def test_what_only_one_job_has_is_theirs_even_after_an_upgrade(server: Server) -> None:
    """One job proves nothing; people are told that the plugin may have set it."""
    server.bring(job())
    upgrade(server)
    set_field(server, "Publish", "<pack>zip</pack>")
    assert [(found.owner, found.remark) for found in told(server.plan(job()))] == [
        (Owner.THEIRS, "or set by timestamper@9.27, which is newer than at the last update")
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</artifacts>", "</artifacts><excludes>*.o</excludes>"),
        ("<builders>", "<customWorkspace>/tmp/x</customWorkspace><builders>"),
    ],
)
def test_the_upgrade_of_another_plugin_excuses_nothing(server: Server, old: str, new: str) -> None:
    wanted = apply_jobs(server)
    upgrade(server)
    for rendered in wanted:
        server.edit(rendered.name, old, new)
    made = server.plan(*wanted)
    assert [change.name for change in made.changes] == [rendered.name for rendered in wanted]


@pytest.mark.parametrize("core", ["2.440.3", "2.462.1"])
def test_what_an_upgraded_jenkins_adds_to_its_own_elements_alike_is_its_own(
    server: Server, core: str
) -> None:
    """No plugin's name stands there; the mark has a code of Jenkins' own version."""
    server.core = "2.440.3"
    wanted = apply_jobs(server, versions={**PLUGINS, "jenkins": server.core})
    assert server.plan(*wanted).changes == ()
    server.core = core
    for rendered in wanted:
        server.edit(rendered.name, "</artifacts>", "</artifacts><zip>fast</zip>")
    changes = server.plan(*wanted).changes
    assert (changes == ()) is (core == "2.462.1")
    server.edit("Job 0", "<zip>fast<", "<zip>slow<")
    (change, *_) = server.plan(*wanted).changes
    assert change.name == "Job 0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<builders>", "<customWorkspace>/tmp/x</customWorkspace><builders>"),
        ("<builders>", "<quietPeriod>9</quietPeriod><builders>"),
        ("<description>", "<description>Do not touch. "),
        ("<concurrentBuild>false<", "<concurrentBuild>true<"),
        ("<allowEmptyArchive>false<", "<allowEmptyArchive>true<"),
    ],
    ids=lambda text: text.partition(">")[0][1:],
)
def test_an_edit_alike_in_all_jobs_is_theirs_after_an_upgrade_of_jenkins_too(
    server: Server, old: str, new: str
) -> None:
    """No upgrade brings a field that was known before, or that only people fill."""
    server.core = "2.440.3"
    wanted = apply_jobs(server, versions={**PLUGINS, "jenkins": server.core})
    server.core = "2.600.1"
    for rendered in wanted:
        server.edit(rendered.name, old, new)
    assert owners_of(server.plan(*wanted)) == [Owner.THEIRS] * 4


@pytest.mark.parametrize(
    ("version", "told"), [("1.20", []), ("1.30", ["timestamps: pack", "was changed since"])]
)
def test_what_an_absent_field_means_is_for_the_servers_versions_to_say(
    server: Server, monkeypatch: pytest.MonkeyPatch, version: str, told: list[str]
) -> None:
    """What one version takes for nothing is an edit in another, for a plan and for a rollback."""
    row = Default(WRAPPER, "pack", "zip", Span("timestamper", until="1.26"))
    monkeypatch.setattr(normalform, "DEFAULTS", (*normalform.DEFAULTS, row))
    server.installed["timestamper"] = version
    server.bring(job())
    set_field(server, "Publish", "<pack>zip</pack>")
    changes = [change for change in server.plan(job()).changes if isinstance(change, Update)]
    found = [difference.label for change in changes for difference in change.differences]
    undone = plan_rollback(server.last_run, server).undone
    found += [note.text.partition(";")[0] for note in undone]
    assert found == told


def test_a_new_field_is_theirs_where_no_plugin_was_upgraded(server: Server) -> None:
    wanted = apply_jobs(server)
    add_everywhere(server, wanted)
    assert owners_of(server.plan(*wanted)) == [Owner.THEIRS] * 4


@pytest.mark.parametrize(
    ("after", "expected"),
    [("<packing>zip</packing>", []), ("<pack>tar</pack>", [Owner.THEIRS])],
    ids=["renamed", "changed"],
)
def test_a_field_that_an_upgrade_renamed_is_told_from_one_with_another_value(
    server: Server, after: str, expected: list[Owner]
) -> None:
    element = f"<{WRAPPER}><pack>zip</pack></{WRAPPER}>"
    named = replace(job(), config=job().config.replace(f"<{WRAPPER}/>", element))
    server.bring(named)
    upgrade(server)
    assert server.plan(named).changes == ()
    server.edit("Publish", "<pack>zip</pack>", after)
    assert owners_of(server.plan(named)) == expected


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (frozenset({f"buildWrappers/{WRAPPER}/fast"}), []),
        (
            frozenset[str](),
            [
                "job A has lost 'timestamps: fast' (so have B): timestamper 9.27 doesn't know it; "
                "take it out of the definition"
            ],
        ),
    ],
    ids=["nobody asked for it", "asked for"],
)
def test_what_an_upgrade_takes_is_told_once_where_someone_asked_for_it(
    server: Server, own: frozenset[str], told: list[str]
) -> None:
    element = f"<{WRAPPER}><fast>true</fast><pack>1</pack></{WRAPPER}>"
    wanted = tuple(
        replace(made, config=made.config.replace(f"<{WRAPPER}/>", element), own=own)
        for made in (job("A"), job("B"))
    )
    server.bring(*wanted)
    upgrade(server)
    for rendered in wanted:
        server.edit(rendered.name, "<fast>true</fast>", "")
    made = server.plan(*wanted)
    assert made.changes == ()
    assert [say_note(note) for note in made.notes if not note.quiet] == told
    server.edit("A", "<trim>false<", "<trim>true<")
    assert owners_of(server.plan(*wanted)) == [Owner.THEIRS]
