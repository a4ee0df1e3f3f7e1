"""The normal form makes the texts of one job equal, and keeps every real edit."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs import fields, rewrites
from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.configxml import element_paths, format_config, parse_config
from cfl_jobs.configs.fields import DEFAULTS, Default
from cfl_jobs.configs.mark import fingerprint
from cfl_jobs.configs.normalform import Normal, digest
from cfl_jobs.configs.normalising import absent_value
from cfl_jobs.configs.rewrites import Rewrite
from cfl_jobs.planning.differences import compare, find_losses
from cfl_jobs.reading.versions import Span
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


def test_there_are_recordings() -> None:
    """The tests below run over something."""
    assert len(ALL) > 150


@pytest.mark.parametrize(("name", "state", "version"), ALL)
def test_every_recorded_text_has_the_normal_form_of_the_posted_one(
    name: str, state: str, version: str
) -> None:
    """Each text of a job is equal to the posted one, but for what Jenkins lost."""
    posted = normalise(recorded(name, "posted"), name=name)
    there = normalise(recorded(name, state, version), name=name)
    found = compare(posted, there)
    expected = LOSSES[version].get(name, [])
    if (state, version) == ("stored", OLD):
        expected = []
    elif (name, state, version) == ("wide-matrix", "stored", NEW):
        expected = _DEFAULT_STRATEGY  # until it is posted again, or Jenkins restarts
    assert sorted(raw.label for raw in find_losses(found)) == sorted(expected)
    assert len(found) == len(expected)
    assert (posted == there) is not bool(expected)


@settings(max_examples=300)
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
    assert digest(before) != digest(after), f"{edit.__name__} was lost"
    assert fingerprint(before).whole != fingerprint(after).whole
    sides = (*before.walk(), *after.walk())
    is_password = any(element.secrets for element in sides) and before == after
    assert is_password or compare(before, after)


@pytest.mark.parametrize(("name", "state", "version"), ALL)
def test_a_config_has_the_normal_form_of_its_own_text_with_fields_in_another_order(
    name: str, state: str, version: str
) -> None:
    """The order in which a class's fields are written says nothing."""
    root = parse_config(recorded(name, state, version), name=name)
    shuffled = deepcopy(root)
    shuffled[:] = list(reversed(shuffled))
    assert normalise(format_config(shuffled), name=name) == normalise(
        format_config(root), name=name
    )


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


MATRIX = "<properties><{0}>{1}<permission>a</permission></{0}></properties>"
AUTHORIZATION = "hudson.security.AuthorizationMatrixProperty"
STRATEGY = '<inheritanceStrategy class="org.jenkinsci.plugins.matrixauth.inheritance.{}Strategy"/>'
TIMEOUT = "<buildWrappers><{0}>{1}</{0}></buildWrappers>"
WRAPPER = "hudson.plugins.build__timeout.BuildTimeoutWrapper"
OPERATION = "<hudson.plugins.build__timeout.operations.{}Operation/>"
RESULT = "<runPostStepsIfResult><name>{}</name></runPostStepsIfResult>"
ARRAY = '<choices class="java.util.Arrays$ArrayList"><a class="string-array">{}</a></choices>'
GIT = '<scm class="hudson.plugins.git.GitSCM">{}<extensions>{}</extensions></scm>'
EXTENSION = "<hudson.plugins.git.extensions.impl.{0}>{1}</hudson.plugins.git.extensions.impl.{0}>"
CLEANUP = "<publishers><{0}>{{}}</{0}></publishers>".format("hudson.plugins.ws__cleanup.WsCleanup")
RESULTS = ("Success", "Unstable", "Failure", "NotBuilt", "Aborted")
SCRIPT = "<publishers><{0}>{{}}</{0}></publishers>"
SCRIPT = SCRIPT.format("hudson.plugins.emailext.plugins.trigger.ScriptTrigger")
SECURE = "<secureTriggerScript><script>true</script><sandbox>false</sandbox></secureTriggerScript>"


def extensions(*names: str) -> str:
    return GIT.format("", "".join(EXTENSION.format(name, "") for name in names))


def cleaned(value: str, *names: str) -> str:
    return CLEANUP.format("".join(f"<cleanWhen{n}>{value}</cleanWhen{n}>" for n in names))


CLONE = "<{0}>{{}}</{0}>".format("hudson.plugins.git.extensions.impl.CloneOption")
MAIL = (
    "<publishers><{0}FirstFailureTrigger><email>{{}}</email></{0}FirstFailureTrigger></publishers>"
)
MAIL = MAIL.format("hudson.plugins.emailext.plugins.trigger.")
RECIPIENT = "<recipientProviders><{}{{}}RecipientProvider/></recipientProviders>"
RECIPIENT = RECIPIENT.format("hudson.plugins.emailext.plugins.recipients.")
COPY = "<builders><{0}><{{0}}>{{1}}</{{0}}></{0}></builders>"
COPY = COPY.format("hudson.plugins.copyartifact.CopyArtifact")
METADATA = """<properties><job-metadata><values><metadata-tree><name>{}</name>
<generated>{}</generated></metadata-tree></values></job-metadata></properties>"""
SUBMODULES = "<{0}>{{}}</{0}>".format("hudson.plugins.git.extensions.impl.SubmoduleOption")
# Two texts of a project that mean the same, and two that don't.
SAME = {
    "may not roam": ("<canRoam>false</canRoam>", "<assignedNode>built-in</assignedNode>"),
    "runs there": ("", "<assignedNode>built-in</assignedNode><canRoam>false</canRoam>"),
    "inherits": (
        MATRIX.format(AUTHORIZATION, STRATEGY.format("InheritParent")),
        MATRIX.format(AUTHORIZATION, ""),
    ),
    "aborts": (
        TIMEOUT.format(WRAPPER, "<operationList/>"),
        TIMEOUT.format(WRAPPER, f"<operationList>{OPERATION.format('Abort')}</operationList>"),
    ),
    "in any case": (RESULT.format("FAILURE"), ""),
    "git 1": (
        GIT.format("<wipeOutWorkspace>true</wipeOutWorkspace><clean>false</clean>", ""),
        GIT.format("", "<hudson.plugins.git.extensions.impl.WipeWorkspace/>"),
    ),
    "git 1, one of several": (
        "<scms><{0}><clean>true</clean></{0}></scms>".format("hudson.plugins.git.GitSCM"),
        "<scms><{0}><extensions><{1}/></extensions></{0}></scms>".format(
            "hudson.plugins.git.GitSCM", "hudson.plugins.git.extensions.impl.CleanCheckout"
        ),
    ),
    "git 1, shallow": (
        GIT.format("<useShallowClone>true</useShallowClone>", ""),
        GIT.format("", CLONE.format("<shallow>true</shallow>")),
    ),
    "git 1, tags": (
        GIT.format("<skipTag>false</skipTag>", ""),
        GIT.format("", "<hudson.plugins.git.extensions.impl.PerBuildTag/>"),
    ),
    "git 1, no tags": (GIT.format("<skipTag>true</skipTag>", ""), GIT.format("", "")),
    "mail, old flags": (
        MAIL.format(
            "<sendToRequester>true</sendToRequester><includeCulprits>false</includeCulprits>"
        ),
        MAIL.format(RECIPIENT.format("Requester")),
    ),
    "a class by its alias": (
        "<buildWrappers><org.jenkinsci.plugins.xvfb.XvfbBuildWrapper/></buildWrappers>",
        "<buildWrappers><org.jenkinsci.plugins.xvfb.Xvfb/></buildWrappers>",
    ),
    "artifacts of a job": (COPY.format("projectName", "a"), COPY.format("project", "a")),
    "Hudson's time": ("<creationTime>1430000000000</creationTime>", ""),
    "metadata of a save": (METADATA.format("job-info", "true"), ""),
    "submodules": (
        GIT.format("", SUBMODULES.format("<timeout>10</timeout><threads>1</threads>")),
        GIT.format("", SUBMODULES.format("")),
    ),
    "git, in any order": (
        extensions("CloneOption", "CleanCheckout", "PruneStaleBranch", "SubmoduleOption"),
        extensions("PruneStaleBranch", "CleanCheckout", "CloneOption", "SubmoduleOption"),
    ),
    "git 1, reference": (
        GIT.format("<reference>/a</reference>", ""),
        GIT.format("", EXTENSION.format("CloneOption", "<reference>/a</reference>")),
    ),
    "git 1, reference twice": (
        GIT.format("<reference>/b</reference>", CLONE.format("<reference>/a</reference>")),
        GIT.format("", EXTENSION.format("CloneOption", "<reference>/a</reference>")),
    ),
    "git 1, no submodules": (
        GIT.format("<disableSubmodules>true</disableSubmodules>", ""),
        GIT.format("", SUBMODULES.format("<disableSubmodules>true</disableSubmodules>")),
    ),
    "git 1, user": (
        GIT.format("<gitConfigName>a</gitConfigName><gitConfigEmail/>", ""),
        GIT.format("", EXTENSION.format("UserIdentity", "<name>a</name>")),
    ),
    "git 1, what nothing reads": (
        GIT.format("<remotePoll>true</remotePoll>", ""),
        GIT.format("", ""),
    ),
    "git 1, nothing said": (
        GIT.format("<reference/><disableSubmodules>false</disableSubmodules>", ""),
        GIT.format("", ""),
    ),
    "cleanup, nothing said": (CLEANUP.format(""), cleaned("true", *RESULTS)),
    "cleanup, all turned off": (cleaned("false", *RESULTS), cleaned("true", *RESULTS)),
    "cleanup, one": (
        cleaned("true", "Failure"),
        CLEANUP.format(
            "<cleanWhenFailure>true</cleanWhenFailure><cleanWhenAborted>false</cleanWhenAborted>"
        ),
    ),
    "cleanup, the older option": (
        CLEANUP.format("<skipWhenFailed>true</skipWhenFailed>"),
        cleaned("true", "Success", "Unstable"),
    ),
    "mail, a script": (SCRIPT.format("<triggerScript>true</triggerScript>"), SCRIPT.format(SECURE)),
    "line ends of a browser": (
        "<description>one\ntwo</description>",
        "<description>one&#xd;\ntwo</description>",
    ),
    "an array": (ARRAY.format("<string>a</string>"), "<choices><string>a</string></choices>"),
}
DIFFERENT = {
    "may roam": ("<canRoam>true</canRoam>", "<canRoam>false</canRoam>"),
    "a label": ("<assignedNode>master</assignedNode>", "<canRoam>false</canRoam>"),
    "inherits nothing": (
        MATRIX.format(AUTHORIZATION, STRATEGY.format("NonInheriting")),
        MATRIX.format(AUTHORIZATION, ""),
    ),
    "fails": (
        TIMEOUT.format(WRAPPER, "<operationList/>"),
        TIMEOUT.format(WRAPPER, f"<operationList>{OPERATION.format('Fail')}</operationList>"),
    ),
    "after success": (RESULT.format("SUCCESS"), ""),
    "git 1, a directory": (
        GIT.format("<relativeTargetDir>a</relativeTargetDir>", ""),
        GIT.format("", ""),
    ),
    "mail, other recipients": (
        MAIL.format("<includeCulprits>true</includeCulprits>"),
        MAIL.format(RECIPIENT.format("Requester")),
    ),
    "artifacts by parameters": (
        COPY.format("projectName", "a/B=c"),
        COPY.format("project", "a/B=c"),
    ),
    "metadata of a user": (METADATA.format("job-info", "false"), ""),
    "other metadata": (METADATA.format("owner", "true"), ""),
    "submodules, sooner": (
        GIT.format("", SUBMODULES.format("<timeout>9</timeout>")),
        GIT.format("", SUBMODULES.format("")),
    ),
    "git, cleaned after the submodules": (
        extensions("CleanCheckout", "SubmoduleOption"),
        extensions("SubmoduleOption", "CleanCheckout"),
    ),
    "cleanup, another": (cleaned("true", "Failure"), cleaned("true", "Aborted")),
    "mail, another script": (
        SCRIPT.format("<triggerScript>1</triggerScript>"),
        SCRIPT.format(SECURE),
    ),
    "a step that runs `false`": (
        "<builders><hudson.tasks.Shell><command>false</command></hudson.tasks.Shell></builders>",
        "<builders><hudson.tasks.Shell><command/></hudson.tasks.Shell></builders>",
    ),
    "a carriage return alone": (
        "<description>one\ntwo</description>",
        "<description>one&#xd;two</description>",
    ),
    "another array": (ARRAY.format("<string>a</string>"), "<choices><string>b</string></choices>"),
}


def are_same(*fields: str) -> bool:
    texts = (f"<project>{inside}</project>" for inside in fields)
    one, other = (normalise(text, name="a") for text in texts)
    return one == other


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_is_said_in_two_ways_is_the_same(one: str, other: str) -> None:
    """As Jenkins and its plugins read it."""
    assert are_same(one, other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_nothing_else_is_the_same(one: str, other: str) -> None:
    assert not are_same(one, other)


def test_text_can_not_look_like_structure_in_the_digest() -> None:
    """Two configs of the same characters in other elements have other digests."""
    one = "<project><x><a>1</a><b>2&lt;/</b></x></project>"
    other = "<project><x><a>1&lt;/</a><b>2</b></x></project>"
    assert digest(normalise(one, name="a")) != digest(normalise(other, name="a"))


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
    assert digest(saved) != digest(edited)


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
        Default("a.B", "x", "1", Span("p", until="2"), "the first version"),
        Default("a.B", "x", "2", Span("p", since="2"), "the second version"),
    )
    monkeypatch.setattr(fields, "DEFAULTS", rows)
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


VIEW = "<hudson.model.ListView>{}</hudson.model.ListView>"


@pytest.mark.parametrize(
    ("old", "inside"), [("true", "<statusFilter>true</statusFilter>"), ("false", "")]
)
def test_a_list_views_old_status_filter_is_the_job_filter_that_jenkins_makes_of_it(
    old: str, inside: str
) -> None:
    """ListView.readResolve; it is told from none."""
    made = f"<hudson.views.StatusFilter>{inside}</hudson.views.StatusFilter>"
    saved = normalise(VIEW.format(f"<jobFilters>{made}</jobFilters>"), name="a")
    assert normalise(VIEW.format(f"<statusFilter>{old}</statusFilter>"), name="a") == saved
    assert normalise(VIEW.format(""), name="a") != saved
