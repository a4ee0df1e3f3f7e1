"""The normal form makes the texts of one job equal, and keeps every real edit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs import normalform, rewrites
from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.configxml import element_paths, format_config, parse_config
from cfl_jobs.configs.mark import fingerprint
from cfl_jobs.configs.normalform import DEFAULTS, Default, Normal, absent_value
from cfl_jobs.configs.rewrites import Rewrite
from cfl_jobs.planning.differences import compare, find_losses
from cfl_jobs.reading.versions import Span
from tests.case_files import CASES
from tests.config_edits import EDITS, drop_meaningless
from tests.jenkins_server_configs import DIALECTS, NEW, OLD, recorded, recorded_names

# What each version of Jenkins lost for good, by the words a person would know.
_DEFAULT_STRATEGY = [
    "execution strategy: run sequentially",
    "execution strategy: touch stone combination filter",
    "execution strategy: touch stone result condition",
]
_LONG_STDIO = ["JUnit results: keep long stdio"]
_ON_BOTH = {
    "wide-copyartifact": ["copy artifacts 1: exclude"],
    "wide-missing-plugins": [
        "throttle job property",
        "slack job property",
        "parameter V",
        "remote build trigger",
        "sonar runner builder",
        "ant",
        "slack notifier",
        "cobertura publisher",
        "ruby proxy object",
        "docker build wrapper",
    ],
}
LOSSES = {
    OLD: _ON_BOTH,
    NEW: {
        **_ON_BOTH,
        "Run Ocargo Tests": _LONG_STDIO,
        "Run Portal Tests": _LONG_STDIO,
        "chain Run Ocargo Tests": _LONG_STDIO,
        "chain Run Portal Tests": _LONG_STDIO,
        "wide-publishers": _LONG_STDIO,
        "wide-properties": ["lockable resources"],
        "wide-wrappers": ["colours"],
    },
}
STATES = ("stored", "saved", "restarted", "upgraded")
ALL = tuple(
    (name, state, version)
    for version in DIALECTS
    for state in STATES
    for name in recorded_names(state, version)
)
assert len(ALL) > 150


@pytest.mark.parametrize(("name", "state", "version"), ALL)
def test_every_recorded_text_has_the_normal_form_of_the_posted_one(
    name: str, state: str, version: str
) -> None:
    """But for what Jenkins lost, and in whichever order a class's fields are written."""
    posted = normalise(recorded(name, "posted"), name=name)
    there = normalise(recorded(name, state, version), name=name)
    root = parse_config(recorded(name, state, version), name=name)
    root[:] = list(reversed(root))
    assert normalise(format_config(root), name=name) == there
    found = compare(posted, there)
    expected = LOSSES[version].get(name, [])
    if (state, version) == ("stored", OLD):
        expected = []
    elif (name, state, version) == ("wide-matrix", "stored", NEW):
        expected = _DEFAULT_STRATEGY  # until it is posted again, or Jenkins restarts
    assert sorted(raw.label for raw in find_losses(found)) == sorted(expected)
    assert len(found) == len(expected)
    assert (posted == there) is not bool(expected)


@settings(max_examples=120)
@given(st.data())
def test_a_real_edit_always_changes_the_normal_form(data: st.DataObject) -> None:
    """Changed text, a toggled flag, a removed, added or moved element is never lost."""
    name, state, version = data.draw(st.sampled_from(ALL))
    edit = data.draw(st.sampled_from(EDITS))
    root = parse_config(recorded(name, state, version), name=name)
    drop_meaningless(root)
    before = normalise(format_config(root), name=name)
    if not edit(root, lambda size: data.draw(st.integers(0, size - 1))):
        return
    after = normalise(format_config(root), name=name)
    assert before.digest != after.digest, f"{edit.__name__} was lost"
    assert fingerprint(before).whole != fingerprint(after).whole
    sides = (*before.walk(), *after.walk())
    is_password = any(element.secrets for element in sides) and before == after
    assert is_password or compare(before, after)


IDLE = "<project><properties><{0}>{1}</{0}></properties></project>"
THROTTLE = "hudson.plugins.throttleconcurrents.ThrottleJobProperty"


@pytest.mark.parametrize(
    ("kind", "fields", "is_idle"),
    [
        ("com.sonyericsson.rebuild.RebuildSettings", "<autoRebuild>false</autoRebuild>", True),
        ("com.sonyericsson.rebuild.RebuildSettings", "<autoRebuild>true</autoRebuild>", False),
        (THROTTLE, "<maxConcurrentTotal>0</maxConcurrentTotal>", True),
        (THROTTLE, "<maxConcurrentTotal>1</maxConcurrentTotal>", False),
        (THROTTLE, '<categories class="java.util.concurrent.CopyOnWriteArrayList"/>', True),
        (THROTTLE, "<categories><string>0</string></categories>", False),
        ("org.jenkinsci.plugins.workflow.job.properties.DisableResumeJobProperty", "", False),
    ],
)
def test_a_property_that_does_nothing_is_as_good_as_none(
    kind: str, fields: str, is_idle: bool
) -> None:
    """Plugins add them to each job whose page someone saves."""
    config = IDLE.format(kind, fields)
    assert (normalise(config, name="a") == normalise("<project/>", name="a")) is is_idle


BLOCKS = (CASES / "normalform/texts.txt").read_text(encoding="utf-8").split("\n\n")[1:]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_two_texts_are_the_same_where_jenkins_and_its_plugins_read_them_so(block: str) -> None:
    """The case file has pairs that are, and pairs that are not; "-" is nothing."""
    title, *texts = block.strip().split("\n")
    inside = ["" if text == "-" else text.replace("\\n", "\n") for text in texts]
    one, other = (normalise(f"<project>{text}</project>", name="a") for text in inside)
    assert (one == other) is title.startswith("same: ")


def test_text_can_not_look_like_structure_in_the_digest() -> None:
    """Two configs of the same characters in other elements have other digests."""
    one = "<project><x><a>1</a><b>2&lt;/</b></x></project>"
    other = "<project><x><a>1&lt;/</a><b>2</b></x></project>"
    assert normalise(one, name="a").digest != normalise(other, name="a").digest


def test_a_password_that_jenkins_encrypted_is_equal_to_the_one_posted() -> None:
    """But an other encrypted value has another digest: someone entered a new one."""
    text = (
        "<project><properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        "<hudson.model.PasswordParameterDefinition><name>P</name><defaultValue>{}</defaultValue>"
        "</hudson.model.PasswordParameterDefinition></parameterDefinitions>"
        "</hudson.model.ParametersDefinitionProperty></properties></project>"
    )
    posted = normalise(text.format("plain"), name="a")
    saved = normalise(text.format("{AQAAABAAAAAQxIyRO+G2ncy+IfR2qVKHJ9gE}"), name="a")
    edited = normalise(text.format("{AQAAABAAAAAQaaaaO+G2ncy+IfR2qVKHJ9gE}"), name="a")
    assert posted == saved
    assert saved.digest != edited.digest


def test_paths_of_parts_are_those_of_the_config() -> None:
    """What a difference is blamed on is found by its path."""
    name = "Create Distribution"
    root = parse_config(recorded(name, "posted"), name=name)
    paths = {path for path, _ in element_paths(root)}
    empty = normalise("<project/>", name=name)
    found = compare(normalise(recorded(name, "posted"), name=name), empty)
    assert {raw.path for raw in found} <= paths


@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: f"{row.kind}/{row.tag}")
def test_a_field_whose_absence_means_something_is_equal_to_that_and_to_nothing_else(
    row: Default,
) -> None:
    """What the table says of each class, in a publisher of it."""
    config = "<project><publishers><{0}>{1}</{0}></publishers></project>"

    def normal(inside: str) -> Normal:
        return normalise(config.format(row.kind, inside), name="a")

    absent = normal("")
    assert normal(f"<{row.tag}>{row.value}</{row.tag}>") == absent
    assert normal(f"<{row.tag}>other</{row.tag}>") != absent
    assert normal(f"<{row.tag}>false</{row.tag}>") != absent
    assert absent_value(row.kind, row.tag) == row.value


def test_a_default_holds_for_the_versions_that_its_row_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A class that changes its mind is one more row."""
    rows = (
        Default("a.B", "x", "1", Span("p", until="2")),
        Default("a.B", "x", "2", Span("p", since="2")),
    )
    monkeypatch.setattr(normalform, "DEFAULTS", rows)
    config = "<project><publishers><a.B><x>1</x></a.B></publishers></project>"
    without = normalise(config.replace("<x>1</x>", ""), name="a")
    assert normalise(config, name="a", versions={"p": "1.5"}) == without
    assert normalise(config, name="a", versions={"p": "2.1"}) != without
    assert normalise(config, name="a") != without
    assert absent_value("a.B", "x", {"p": "1.5"}) == "1"
    assert absent_value("a.B", "x") == "2"


def test_a_rewrite_holds_for_the_versions_that_its_row_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plugin that reads a field otherwise is one more row."""
    old = Rewrite("a.B", lambda found: found.set("class", "old"), Span("p", until="2"), "recorded")
    new = Rewrite("a.B", lambda found: found.set("class", "new"), Span("p", since="2"), "recorded")
    monkeypatch.setattr(rewrites, "REWRITES", (old, new))
    config = "<project><publishers><a.B><x>1</x></a.B></publishers></project>"

    def kind(versions: dict[str, str]) -> str:
        (publishers,) = normalise(config, name="a", versions=versions).children
        return publishers.children[0].kind

    assert [kind({"p": "1.5"}), kind({"p": "2"}), kind({})] == ["old", "new", "new"]
