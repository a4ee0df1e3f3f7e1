"""The normal form makes the texts of one job equal, and keeps every real edit."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

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
    assert before.digest != after.digest, f"{edit.__name__} was lost"
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


GIT = "hudson.plugins.git."
EMAIL = "hudson.plugins.emailext.plugins."
TIMEOUT = "hudson.plugins.build__timeout."
RESULTS = ("Success", "Unstable", "Failure", "NotBuilt", "Aborted")
SECURE = "<secureTriggerScript><script>true</script><sandbox>false</sandbox></secureTriggerScript>"


def fields_of(said: str) -> str:
    """Return XML, which may be given as "a=1 b="."""
    if said.startswith("<"):
        return said
    pairs = (field.split("=", 1) for field in said.split())
    return "".join(f"<{tag}>{text}</{tag}>" for tag, text in pairs)


def element(path: str, said: str = "") -> str:
    """Return the elements of a path, one in the other, with what the last one says."""
    tags = path.split("/")
    around = "".join(f"<{tag}>" for tag in tags), "".join(f"</{tag}>" for tag in reversed(tags))
    return fields_of(said).join(around)


cleanup = partial(element, "publishers/hudson.plugins.ws__cleanup.WsCleanup")
mail = partial(element, f"publishers/{EMAIL}trigger.FirstFailureTrigger/email")
script = partial(element, f"publishers/{EMAIL}trigger.ScriptTrigger")
copy = partial(element, "builders/hudson.plugins.copyartifact.CopyArtifact")
after = partial(element, "runPostStepsIfResult")
metadata = partial(element, "properties/job-metadata/values/metadata-tree")


def git(old: str = "", **extensions: str) -> str:
    of = (element(f"{GIT}extensions.impl.{name}", said) for name, said in extensions.items())
    inside = fields_of(old) + element("extensions", "".join(of))
    return f'<scm class="{GIT}GitSCM">{inside}</scm>'


def extensions(*names: str) -> str:
    return git(**dict.fromkeys(names, ""))


def cleaned(value: str, *names: str) -> str:
    return cleanup(" ".join(f"cleanWhen{name}={value}" for name in names))


def matrix(strategy: str = "") -> str:
    kind = f"org.jenkinsci.plugins.matrixauth.inheritance.{strategy}Strategy"
    inside = f'<inheritanceStrategy class="{kind}"/>' if strategy else ""
    inside += "<permission>a</permission>"
    return element("properties/hudson.security.AuthorizationMatrixProperty", inside)


def timeout(*operations: str) -> str:
    of = "".join(f"<{TIMEOUT}operations.{name}Operation/>" for name in operations)
    return element(f"buildWrappers/{TIMEOUT}BuildTimeoutWrapper/operationList", of)


def array(text: str) -> str:
    inside = f'<a class="string-array"><string>{text}</string></a>'
    return f'<choices class="java.util.Arrays$ArrayList">{inside}</choices>'


REQUESTER = element(f"recipientProviders/{EMAIL}recipients.RequesterRecipientProvider")
# Two texts of a project that mean the same, and two that don't.
SAME = {
    "may not roam": ("<canRoam>false</canRoam>", "<assignedNode>built-in</assignedNode>"),
    "runs there": ("", "<assignedNode>built-in</assignedNode><canRoam>false</canRoam>"),
    "inherits": (matrix("InheritParent"), matrix()),
    "aborts": (timeout(), timeout("Abort")),
    "in any case": (after("name=FAILURE"), ""),
    "git 1": (git("wipeOutWorkspace=true clean=false"), git(WipeWorkspace="")),
    "git 1, one of several": (
        element(f"scms/{GIT}GitSCM", "clean=true"),
        element(f"scms/{GIT}GitSCM/extensions/{GIT}extensions.impl.CleanCheckout"),
    ),
    "git 1, shallow": (git("useShallowClone=true"), git(CloneOption="shallow=true")),
    "git 1, tags": (git("skipTag=false"), git(PerBuildTag="")),
    "git 1, no tags": (git("skipTag=true"), git()),
    "mail, old flags": (mail("sendToRequester=true includeCulprits=false"), mail(REQUESTER)),
    "a class by its alias": (
        "<buildWrappers><org.jenkinsci.plugins.xvfb.XvfbBuildWrapper/></buildWrappers>",
        "<buildWrappers><org.jenkinsci.plugins.xvfb.Xvfb/></buildWrappers>",
    ),
    "artifacts of a job": (copy("projectName=a"), copy("project=a")),
    "Hudson's time": ("<creationTime>1430000000000</creationTime>", ""),
    "metadata of a save": (metadata("name=job-info generated=true"), ""),
    "submodules": (git(SubmoduleOption="timeout=10 threads=1"), git(SubmoduleOption="")),
    "git, in any order": (
        extensions("CloneOption", "CleanCheckout", "PruneStaleBranch", "SubmoduleOption"),
        extensions("PruneStaleBranch", "CleanCheckout", "CloneOption", "SubmoduleOption"),
    ),
    "git 1, reference": (git("reference=/a"), git(CloneOption="reference=/a")),
    "git 1, reference twice": (
        git("reference=/b", CloneOption="reference=/a"),
        git(CloneOption="reference=/a"),
    ),
    "git 1, no submodules": (
        git("disableSubmodules=true"),
        git(SubmoduleOption="disableSubmodules=true"),
    ),
    "git 1, user": (git("gitConfigName=a gitConfigEmail="), git(UserIdentity="name=a")),
    "git 1, what nothing reads": (git("remotePoll=true"), git()),
    "git 1, nothing said": (git("reference= disableSubmodules=false"), git()),
    "cleanup, nothing said": (cleanup(), cleaned("true", *RESULTS)),
    "cleanup, all turned off": (cleaned("false", *RESULTS), cleaned("true", *RESULTS)),
    "cleanup, one": (
        cleaned("true", "Failure"),
        cleanup("cleanWhenFailure=true cleanWhenAborted=false"),
    ),
    "cleanup, the older option": (
        cleanup("skipWhenFailed=true"),
        cleaned("true", "Success", "Unstable"),
    ),
    "mail, a script": (script("triggerScript=true"), script(SECURE)),
    "line ends of a browser": (
        "<description>one\ntwo</description>",
        "<description>one&#xd;\ntwo</description>",
    ),
    "an array": (array("a"), "<choices><string>a</string></choices>"),
    "a view's old filter": (
        "<statusFilter>true</statusFilter>",
        element("jobFilters/hudson.views.StatusFilter", "statusFilter=true"),
    ),
    "a view's old filter, false": (
        "<statusFilter>false</statusFilter>",
        element("jobFilters/hudson.views.StatusFilter"),
    ),
}
DIFFERENT = {
    "may roam": ("<canRoam>true</canRoam>", "<canRoam>false</canRoam>"),
    "a label": ("<assignedNode>master</assignedNode>", "<canRoam>false</canRoam>"),
    "inherits nothing": (matrix("NonInheriting"), matrix()),
    "fails": (timeout(), timeout("Fail")),
    "after success": (after("name=SUCCESS"), ""),
    "git 1, a directory": (git("relativeTargetDir=a"), git()),
    "mail, other recipients": (mail("includeCulprits=true"), mail(REQUESTER)),
    "artifacts by parameters": (copy("projectName=a/B=c"), copy("project=a/B=c")),
    "metadata of a user": (metadata("name=job-info generated=false"), ""),
    "other metadata": (metadata("name=owner generated=true"), ""),
    "submodules, sooner": (git(SubmoduleOption="timeout=9"), git(SubmoduleOption="")),
    "git, cleaned after the submodules": (
        extensions("CleanCheckout", "SubmoduleOption"),
        extensions("SubmoduleOption", "CleanCheckout"),
    ),
    "cleanup, another": (cleaned("true", "Failure"), cleaned("true", "Aborted")),
    "mail, another script": (script("triggerScript=1"), script(SECURE)),
    "a step that runs `false`": (
        element("builders/hudson.tasks.Shell", "command=false"),
        element("builders/hudson.tasks.Shell", "command="),
    ),
    "a carriage return alone": (
        "<description>one\ntwo</description>",
        "<description>one&#xd;two</description>",
    ),
    "no filter of a view": (element("jobFilters/hudson.views.StatusFilter"), ""),
    "another array": (array("a"), "<choices><string>b</string></choices>"),
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
