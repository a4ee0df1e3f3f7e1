"""Plans as text, Markdown and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import Position
from cfl_jobs.planning.plan import Change, Create, Delete, Difference, Note, Owner, Plan, Update
from cfl_jobs.target import Kind
from tests.planned import tell

PLACE = Position("jobs/a.yaml", 3, 5)
SHORT = Difference("x", "mail: recipients", Change.CHANGED, "a", "b", Owner.OURS, PLACE)
SCRIPT = Difference(
    "y", "shell step", Change.CHANGED, "one\ntwo\nthree", "one\n2\nthree", Owner.THEIRS, PLACE
)


def update(name: str, *differences: Difference, old_name: str = "") -> Update:
    return Update(desired(name), Config(Kind.JOB, old_name or name, "<b/>"), differences)


def desired(name: str) -> Config:
    return Config(Kind.JOB, name, "<a/>", PLACE)


def gone(name: str, builds: int = 0) -> Delete:
    return Delete(Config(Kind.JOB, name, "<b/>"), builds)


PLAN = Plan(
    target="http://server/",
    changes=(
        Create(desired("New *one*")),
        update("A", SHORT, SCRIPT),
        update("B", SHORT, SCRIPT),
        update("Moved", old_name="Old"),
        update("Marked"),
        gone("Gone", 7),
    ),
    unchanged=((Kind.VIEW, "All"),),
    undone=(Note(Kind.JOB, "Theirs", "isn't ours"),),
    notes=(Note(Kind.JOB, "Off", "is disabled"), Note(Kind.JOB, "A", "Jenkins' own", quiet=True)),
)


def test_text_says_all_that_people_must_know_and_on_request_what_jenkins_did() -> None:
    text = tell(PLAN, verbose=True)
    assert "  job A Jenkins' own\n" in text
    assert "= view All is as it should be\n" in text
    assert tell(PLAN) == (
        "+ create job New *one*  (jobs/a.yaml:3:5)\n"
        "> rename job Old to Moved\n"
        "? confirm job Marked: nothing but its mark is out of date\n"
        "~ change job A\n"
        "~ change job B\n"
        "    mail: recipients  (ours; jobs/a.yaml:3:5)\n"
        "      - a\n"
        "      + b\n"
        "    shell step  (theirs: changed on the server, will be put back; jobs/a.yaml:3:5)\n"
        "        one\n"
        "      - two\n"
        "      + 2\n"
        "        three\n"
        "- delete job Gone and its 7 builds\n"
        "! job Theirs isn't ours\n"
        "  job Off is disabled\n"
        "\n"
        "Plan for http://server/: 1 to create, 2 to change, 1 to rename, 1 to confirm, "
        "1 to delete, 1 left alone, 1 as they should be.\n"
    )


def test_what_several_jobs_share_is_shown_once_though_one_has_more() -> None:
    """In every layout; a rename is told apart from what changes in the job."""
    moved = update("New", SHORT, SCRIPT, old_name="Old")
    plan = Plan("x", (update("A", SHORT), moved))
    assert tell(plan).startswith(
        "> rename job Old to New\n"
        "~ change job A\n"
        "~ change job New\n"
        "    mail: recipients  (ours; jobs/a.yaml:3:5)\n"
        "      - a\n"
        "      + b\n"
        "~ change job New\n"
        "    shell step"
    )
    markdown = tell(plan, "markdown")
    assert markdown.count("mail: recipients") == 1
    assert "- &gt; rename" not in markdown
    assert "- rename job Old to New" in markdown


def test_the_same_lines_of_a_script_are_one_change_wherever_the_step_stands() -> None:
    """Though the scripts begin with other values, and the step has another number."""
    first = replace(
        SCRIPT, label="shell step 1: script", before="a\n1\n2\n3\nold", after="a\n1\n2\n3\nnew"
    )
    other = replace(
        SCRIPT, label="shell step 2: script", before="b\n1\n2\n3\nold", after="b\n1\n2\n3\nnew"
    )
    text = tell(Plan("x", (update("A", first), update("B", other))))
    assert text.count("+ new") == 1
    assert "\n    shell step: script  (theirs" in text


def test_a_change_made_in_several_places_says_how_many() -> None:
    there = replace(SHORT, position=Position("jobs/b.yaml", 9))
    text = tell(Plan("x", (update("A", SHORT), update("B", there))))
    assert "    mail: recipients  (ours; jobs/a.yaml:3:5 and 1 more)\n" in text


def test_the_same_change_in_many_jobs_names_them_in_one_line() -> None:
    text = tell(Plan("x", tuple(update(f"Job {number}", SHORT) for number in range(9))))
    assert text.count("mail: recipients") == 1
    assert "  and 3 more: Job 6, Job 7, Job 8\n" in text


def test_long_scripts_show_two_lines_around_a_change_and_mark_what_is_left_out() -> None:
    before = "\n".join(str(number) for number in range(100))
    after = before.replace("\n10\n", "\nten\n").replace("\n90\n", "\nninety\n")
    found = Difference("x", "shell step", Change.CHANGED, before, after)
    lines = tell(Plan("x", (update("A", found),))).splitlines()
    assert len(lines) < 20
    assert "        …" in lines


def test_a_value_that_is_empty_is_said_to_be() -> None:
    """An element without options is there, or not; a text that is empty says so."""
    added = Difference("x", "colours", Change.ADDED, "", "", Owner.OURS)
    emptied = Difference("x", "node label", Change.CHANGED, "linux", "", Owner.OURS)
    text = tell(Plan("x", (update("A", added, emptied),)))
    assert "      - not there\n      + there\n" in text
    assert "      - linux\n      + (empty)\n" in text


HOSTILE = "\x1b[2J\u202egnp\r\x9b31m"


def test_nothing_of_a_server_reaches_the_terminal_as_it_is() -> None:
    """Names, labels, values, lines of scripts and notes."""
    found = Difference("x", HOSTILE, Change.CHANGED, HOSTILE, f"a\n{HOSTILE}", Owner.THEIRS, PLACE)
    short = replace(found, after="b")
    changes = (
        Create(desired(HOSTILE)),
        update(HOSTILE, found, short),
        update(HOSTILE, old_name=f"Old {HOSTILE}"),
        update(HOSTILE),
        gone(f"A\n{HOSTILE}", 7),
    )
    note = Note(Kind.JOB, HOSTILE, f"can't be read: {HOSTILE}\n= job B is as it should be")
    unadopted = (update(HOSTILE, short), update("Other", found))
    plan = Plan(HOSTILE, changes, ((Kind.JOB, HOSTILE),), (note,), unadopted, (note,))
    assert json.loads(tell(plan, "json"))["target"] == HOSTILE
    written = (tell(plan, verbose=True), tell(plan, "markdown", verbose=True), tell(plan, "json"))
    for text in written:
        plain = text.replace("\u200b", "")  # keeps GitHub from making links
        assert not [c for c in plain if c != "\n" and not c.isprintable()]
        assert "\n= job B" not in text
        assert text.count("u202e") > 10


def test_a_very_long_script_is_cut_and_the_rest_is_shown_on_request() -> None:
    """So that the plan's other changes can be found."""
    after = "\n".join(f"line {number}" for number in range(5000))
    found = Difference("x", "shell step", Change.CHANGED, "one\ntwo", after)
    plan = Plan("x", (update("A", found),))
    text = tell(plan)
    assert text.count("\n") < 250
    assert "… and 4,802 more lines; -v shows them" in text
    assert tell(plan, verbose=True).count("\n") > 5000


def test_markdown_has_diffs_that_are_coloured_and_names_that_are_not_markup() -> None:
    """- and + stand in the first column."""
    text = tell(PLAN, "markdown")
    assert "- create job New \\*one\\*" in text
    assert "<summary><b>change 2 jobs: A, B</b></summary>" in text
    assert "\nmail: recipients \\(ours; jobs/a.yaml:3:5\\)\n\n```diff\n- a\n+ b\n```\n" in text
    assert "- delete job Gone and its 7 builds" in text


def test_a_script_cannot_end_a_block_of_markdown_and_a_name_cannot_become_html() -> None:
    """In the line that is folded, and in lists."""
    found = Difference("x", "shell step", Change.CHANGED, "````\na", "````\nb")
    text = tell(Plan("x", (update("A", found),)), "markdown")
    assert text.count("`````") == 2
    assert "\n  ````\n- a\n" in text
    name = "</summary><img src=x>|`@team`"
    text = tell(Plan("x", (update(name, SHORT), gone(name))), "markdown")
    assert "<img" not in text
    assert "@team" not in text
    assert "\\|\\`" in text


def test_markdown_is_not_longer_than_a_comment_may_be() -> None:
    """Less of each difference is shown where there are many."""
    lines = "\n".join(f"a line of some length, number {number} of many" for number in range(300))
    found = [replace(SCRIPT, before=str(n), after=f"{n} {lines}\n") for n in range(20)]
    plan = Plan("x", tuple(update(f"Job {n}", each) for n, each in enumerate(found)))
    assert len(tell(plan, "markdown")) < 65_536 < len(tell(plan, "markdown", verbose=True))


def test_json_holds_the_same() -> None:
    """For programs; configs are not in it."""
    document = json.loads(tell(PLAN, "json"))
    actions = [change["action"] for change in document["changes"]]
    assert actions == ["create", "change", "change", "rename", "confirm", "delete"]
    assert document["differences"][0] == {
        "path": "x",
        "label": "mail: recipients",
        "change": "changed",
        "side": "ours",
        "before": "a",
        "after": "b",
        "remark": "",
        "jobs": [
            {"name": "A", "position": "jobs/a.yaml:3:5"},
            {"name": "B", "position": "jobs/a.yaml:3:5"},
        ],
    }
    assert len(document["differences"]) == 2
    assert document["undone"] == [
        {"kind": "job", "name": "Theirs", "text": "isn't ours", "quiet": False}
    ]
    assert "<a/>" not in json.dumps(document)
