"""Values without sense are reported, and values that Jenkins understands are not."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.rendering.documentation import Documented, plain_name, read_documentation
from cfl_jobs.rendering.noeffect import NO_EFFECTS
from cfl_jobs.rendering.options import COLUMNS
from cfl_jobs.rendering.render import render
from cfl_jobs.rendering.values import check_job, check_value, check_written
from tests.case_files import CASES, write_project

NAMES = (
    *("triggers", "builders", "parameters", "timed", "shell", "choice", "choices", "node", "cron"),
    *("disabled", "pollscm", "publishers", "columns", "view-type"),
)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("key", "value", "default", "kind", "message"),
    [
        ("fingerprint", "maybe", False, "", "'maybe' is not true or false"),
        ("fingerprint", 1, True, "", "1 is not true or false"),
        ("fingerprint", "${YES}", False, "", "'${YES}' is not true or false"),
        ("fingerprint", None, False, "", "nothing is not true or false"),
        ("fingerprint", ["x"], False, "", "a list is not true or false"),
        ("sandbox", "perhaps", "false", "", "'perhaps' is not true or false"),
        ("num-to-keep", "many", -1, "", "'many' is not a whole number"),
        ("num-to-keep", True, -1, "", "true is not a whole number"),
        ("num-to-keep", 1.5, -1, "", "1.5 is not a whole number"),
        ("num-to-keep", "010", -1, "", "Jenkins takes '010' for an octal number"),
        ("num-to-keep", "0x10", -1, "", "'0x10' is not a whole number"),
        ("num-to-keep", " 5", -1, "", "' 5' is not a whole number"),
        ("num-to-keep", 4294967295, -1, "", "4294967295 is out of Jenkins' range"),
        ("xysize", [600, "lots"], [500, 200], "", "'lots' is not a whole number"),
        ("port", "06379", "6379", "", "'06379' is not a number"),
        ("num-to-keep", None, -1, "", "nothing is not a whole number"),
        ("port", "high", "6379", "", "'high' is not a number"),
        ("health-scale-factor", "huge", "1.0", "", "'huge' is not a number"),
        ("branches", "master", ["**"], "", "'master' is not a list"),
        ("url", "htps://host/path", None, "", "'htps://host/path' is no URL: there is no htps://"),
        ("url", "https:///path", "", "", "'https:///path' is no URL"),
        ("web-url", "https://host/a path", "", "", "'https://host/a path' is no URL"),
        ("publishers", {"archive": {}}, [], "", "a mapping is not a list"),
        ("key", "lots", "", "int", "'lots' is not a whole number"),
        ("key", "lots", None, "int", "'lots' is not a whole number"),
        ("key", "maybe", None, "bool", "'maybe' is not true or false"),
        ("key", "", None, "int", "'' is not a whole number"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_than_the_default_is_wrong(
    key: str, value: object, default: object, kind: str, message: str
) -> None:
    """Documentation tells the type where the default does not."""
    (reason,) = check_value(key, value, default, Documented(kind))
    assert reason.message == message
    assert reason.advice


@pytest.mark.parametrize(
    ("key", "value", "default", "kind"),
    [
        ("fingerprint", True, False, ""),
        ("fingerprint", "True", False, ""),
        ("git-revision", {"combine-queued-commits": True}, False, ""),
        ("property-file", "build.properties", False, ""),
        ("num-to-keep", 30, -1, ""),
        ("num-to-keep", "+30", -1, ""),
        ("timeout", "$MINUTES", 3, ""),
        ("timeout", "${MINUTES}", 3, ""),
        ("amount", 5.0, "0", ""),
        ("branches", ["master"], ["**"], ""),
        ("url", "https://host:8080/path", None, ""),
        ("url", "file:///srv/git", None, ""),
        ("url", "lp:project", "", ""),
        ("url", "htps://$HOST", "", ""),
        ("class-path", "a.jar", [], ""),
        ("description", 7, "", ""),
        ("anything", "at all", None, ""),
        ("key", "", "", "int"),
        ("key", "${LIMIT}", "", "int"),
        ("key", None, None, "int"),
        ("key", {"enabled": True}, None, "bool"),
        ("key", "update", "wipe", "bool"),
        ("key", 50.0, "0", "int"),
    ],
)
def test_a_value_that_jenkins_understands_is_right(
    key: str, value: object, default: object, kind: str
) -> None:
    """A default knows better than the documentation."""
    assert check_value(key, value, default, Documented(kind)) == ()


def put(path: str, value: Any) -> Any:
    """Return data that holds a value at a path: "triggers/0/timed"."""
    for key in reversed(path.split("/") if path else []):
        value = [value] if key == "0" else {key: value}
    return value


NEVER = [{name: False} for name in ("success", "unstable", "failure", "not-built", "aborted")]
LEFT, TWICE = "it has no effect: ", [{"string": {"name": "A"}}, {"bool": {"name": "A"}}]
IN_A_STEP = "builders/0/conditional-step/steps/0/copyartifact/"


# A path, and behind its colon the path in the value to the part that is wrong.
@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("disabled", "maybe", "'maybe' is not true or false"),
        ("concurrent", "no thanks", "'no thanks' is not true or false"),
        ("block-upstream", 1, "1 is not true or false"),
        ("quiet-period", "soon", "'soon' is not a whole number"),
        ("quiet-period", "$SOON", "'$SOON' is not a whole number"),
        ("quiet-period", -5, "-5 is below 0"),
        ("retry-count", None, "nothing is not a whole number"),
        ("description", 5, "5 is not text"),
        ("auth-token", " ", "the text is empty"),
        ("node", "linux docker", "missing before 'docker'"),
        ("node", "linux && (docker", "stops too early"),
        ("node", "&& linux", "a label is missing before '&&'"),
        ("node", "linux)", "')' stands where it can't"),
        ("node", "linux & docker", "'& docker' is no part"),
        ("node", "a !b", "missing before '!'"),
        ("triggers/0/timed", "every day", "fields, not five"),
        ("triggers/0/timed", "", "never runs"),
        ("triggers/0/timed", 5, "5 is not a schedule"),
        ("triggers/0/timed", "@daily\nH 25 * * *", "line 2: 25 is out"),
        ("triggers/0/pollscm", "61 * * * *", "61 is out of range"),
        ("triggers/0/pollscm/cron", "x", "1 field,"),
        ("triggers/0/ghprb/cron", "x", "1 field,"),
        ("wrappers/0/timeout/type", "absolut", "'absolut' is not among the choices"),
        ("properties/0/build-discarder/num-to-keep", -3, "-3 makes no sense here"),
        ("properties/0/build-discarder/days-to-keep", 0, "0 makes no sense here"),
        ("properties/0/build-discarder/days-to-keep", 365000, "365000 makes no sense here"),
        ("parameters/0/choice/choices", "one", "'one' is not a list"),
        ("parameters/0/choice/choices:1", ["a", 2], "2 is not text"),
        ("parameters/0/string/name", " ", "the text is empty"),
        ("parameters/0/string/default", ["x"], "a list is not"),
        ("parameters:1/bool/name", TWICE, "two parameters are called A"),
        ("publishers/0/trigger-parameterized-builds/0/condition", "FAILURE",
         "'FAILURE' is not among the choices"),
        ("builders/0/trigger-builds/0/boolean-parameters:B", {"A": True, "B": "no"},
         "'no' is not true or false"),
        ("builders/0/trigger-builds/0/predefined-parameters", "A=1\nB",
         "the line 'B' sets nothing"),
        (f"{IN_A_STEP}project", "", "the text is empty"),
        ("wrappers/0/credentials-binding/0/text/variable", "$T", "'$T' is no variable's name"),
        ("publishers/0/email/recipients", "a@b.c b(at)c.d", "'b(at)c.d' is no mail address"),
        ("scm/0/git/url", "github.com/owner/repository", "is no URL of a repository"),
        ("scm/0/git/url", "https://a.b/c/https://a.b/d", "is no URL of a repository"),
        (":columns/1", {"view-type": "list", "columns": ["status", "x"]}, "is no column 'x'"),
        (":job-name", {"view-type": "list", "job-name": "A"}, "'A' is not a list"),
        ("builders/0/copyartifact:exclude", {"project": "A", "exclude": "*.tmp"}, LEFT),
        (f"{IN_A_STEP}exclude", "x", LEFT),
        ("publishers/0/archive/latest-only", True, LEFT),
        ("properties/0/lockable-resources/groovy-sandbox", True, LEFT),
        ("wrappers/0/timeout/timeout", 2, LEFT),
        ("wrappers/0/timeout/abort", False, LEFT),
        ("wrappers/0/timeout:timeout", {"timeout": 9, "type": "likely-stuck"}, LEFT),
        ("scm/0/git:fastpoll", {"url": "https://a", "fastpoll": True}, LEFT),
        ("publishers/0/workspace-cleanup/clean-if", NEVER, LEFT),
        (":sandbox", {"project-type": "pipeline", "pipeline-scm": {}, "sandbox": True}, LEFT),
        (":node", {"project-type": "pipeline", "dsl": "", "node": "linux"}, LEFT),
        (":triggers", {"project-type": "folder", "triggers": []}, LEFT),
        (":logrotate", {"logrotate": {}, "properties": [{"build-discarder": {}}]}, LEFT),
    ],
)  # fmt: skip
def test_each_senseless_value_is_reported_with_its_path(
    path: str, value: object, message: str
) -> None:
    (mistake,) = check_job(put(path.partition(":")[0], value))
    assert "/".join(map(str, mistake.path)) == path.replace(":", "/").lstrip("/")
    assert message in mistake.message
    assert mistake.advice


def test_a_job_that_makes_sense_has_no_mistakes() -> None:
    data = {
        "name": "A",
        "disabled": None,
        "concurrent": False,
        "quiet-period": "5",
        "node": 'linux && !("big machine" || windows-10) -> x',
        "triggers": [
            {"timed": "TZ=Europe/London\nH H * * 1-5"},
            {"pollscm": {"cron": ""}},
            {"parameterized-timer": {"cron": "@midnight % NAME=value"}},
            "github",
        ],
        "parameters": [{"string": {"name": "A", "default": 5}}, {"choice": {"choices": ["a"]}}],
        "builders": [
            {"shell": "true"},
            {"trigger-builds": [{"predefined-parameters": "# x\nA=1 \\\n2\n\nB:2", "block": True}]},
        ],
        "publishers": [
            {"trigger-parameterized-builds": [{"condition": "FAILED"}]},
            {"email": {"recipients": "a@example.com, b@x $MORE"}},
            {"email-ext": {"recipients": "A. B. <a@example.com>, cc:c@example.com"}},
        ],
        "properties": [{"build-discarder": {"days-to-keep": "-1", "num-to-keep": 100}}],
        "scm": [{"git": {"url": "git@host:owner/repository.git"}}],
    }
    assert check_job(data) == ()
    assert check_job({"node": None, "description": None, "auth-token": None}) == ()
    assert check_job({"view-type": "list", "job-name": [], "columns": ["status"]}) == ()


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=5) | st.sampled_from(["node", "triggers"]), PLAIN))
def test_no_data_makes_it_crash(data: dict[str, Any]) -> None:
    check_job(data)
    list(check_written(data, frozenset({"None", "[]"})))
    for value in data.values():
        defaults: tuple[object, ...] = (True, 0, "0", "1.0", "false", [], "")
        for default in defaults:
            check_value("key", value, default, Documented("int"))


def test_python_words_in_the_config_are_traced_to_their_value() -> None:
    """An artifact pattern that is a list, and a default that is nothing."""
    data = {
        "publishers": [{"archive": {"artifacts": ["a", "b"]}}],
        "parameters": [{"string": {"name": "A", "default": None}}],
        "node": None,
    }
    found = check_written(data, frozenset({"['a', 'b']", "A"}))
    assert [mistake.path for mistake in found] == [("publishers", 0, "archive", "artifacts")]
    found = check_written(data, frozenset({"None"}))
    assert ("parameters", 0, "string", "default") in [mistake.path for mistake in found]
    assert not list(check_written(data, frozenset({"A"})))


def test_known_columns_are_those_of_jenkins_job_builder() -> None:
    spec = find_spec("jenkins_jobs")
    assert spec
    (folder,) = spec.submodule_search_locations or [""]
    texts = [path.read_text(encoding="utf-8") for path in Path(folder).glob("modules/*.py")]
    tables = [
        node.value
        for text in texts
        if "COLUMN_DICT = " in text
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COLUMN_DICT"
    ]
    assert {key for table in tables for key in ast.literal_eval(table)} == set(COLUMNS)


DOCSTRING = (CASES / "documentation.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "kind", "choices"),
    [
        ("timeout", "int", set()),
        ("quiet", "str", set()),
        ("count", "int", set()),
        ("mode", "str", {"fast", "slow", "never"}),
        ("path", "str", set()),
        ("role", "str", {"MASTER", "SLAVE", "BOTH"}),
        ("send-to", "list", {"developers", "culprits"}),
        ("clean-if", "dict", set()),
        ("success", "bool", set()),
        ("type", "str", {"tag", "branch"}),
        ("unstable", "dict", set()),
        ("totalAll", "int", set()),
        ("size", "int", set()),
        ("twice", "", set()),
    ],
)
def test_an_option_is_read_from_the_docstring(option: str, kind: str, choices: set[str]) -> None:
    found = read_documentation(DOCSTRING)[plain_name(option)]
    assert found.kind == kind
    assert found.choices == frozenset(choices)


def test_words_in_quotes_are_known_of_their_option() -> None:
    found = read_documentation(DOCSTRING)
    assert found["mode"].words == {"fast", "slow", "never"}
    assert found["path"].words == set()


def test_a_docstring_without_options_says_nothing() -> None:
    assert read_documentation("") == {}


CONFIGS = Path(__file__).parent / "data" / "jenkins" / "2.440.3" / "config"


def test_the_same_options_are_fine_where_they_work() -> None:
    data = {
        "node": "linux",
        "logrotate": {},
        "builders": [{"copyartifact": {"exclude": ""}}, {"shell": "true"}, "timestamps"],
        "publishers": [{"archive": {"latest-only": False}}],
        "properties": [{"lockable-resources": {"groovy-sandbox": True, "match-script": "x"}}],
        "wrappers": [
            {"timeout": {"timeout": 2, "type": "elastic", "abort": False, "fail": True}},
            {"timeout": {"timeout": "$LIMIT"}},
        ],
    }
    assert check_job(data) == ()
    assert check_job({"project-type": "pipeline", "dsl": "", "sandbox": True}) == ()
    assert check_job({"view-type": "list", "node": "x"}) == ()


def test_every_entry_says_how_it_is_known() -> None:
    assert all(entry.why and entry.instead and entry.evidence for entry in NO_EFFECTS)


@pytest.mark.parametrize(
    ("job", "tag", "after"),
    [
        ("wide-copyartifact", "exclude", "saved"),
        ("wide-pipeline-scm", "sandbox", "saved"),
        ("wide-properties", "resourceMatchScript", "saved"),
        ("wide-folder", "concurrentBuild", "saved"),
        ("wide-folder", "scm", "saved"),
        ("wide-publishers", "latestOnly", "restarted"),
    ],
)
def test_a_recorded_server_dropped_the_element(job: str, tag: str, after: str) -> None:
    """What was posted is gone, or was renamed, in the server's own text."""
    posted = (CONFIGS / f"{job}.posted.xml").read_text(encoding="utf-8")
    later = (CONFIGS / f"{job}.{after}.xml").read_text(encoding="utf-8")
    assert re.search(rf"<{tag}\b", posted)
    assert not re.search(rf"<{tag}\b", later)


@pytest.mark.parametrize(
    ("option", "junit", "written"),
    [
        ("keep-long-stdio: true", "1424.vc64a_edde7777", {"stdioRetention": "ALL"}),
        ("keep-long-stdio: true", "1252.vfc2e5efa_294f", {"keepLongStdio": "true"}),
        ("keep-long-stdio: false", "1424.vc64a_edde7777", {}),
        # jenkins-job-builder's own default stays: nobody asked for it.
        ("results: a.xml", "1424.vc64a_edde7777", {"keepLongStdio": "true"}),
    ],
)
def test_what_has_a_successor_is_rendered_as_that_for_newer_plugins(
    tmp_path: Path, option: str, junit: str, written: dict[str, str]
) -> None:
    definitions = "template: a.yaml.j2\njobs:\n  - name: A\n"
    template = f"name: {{{{ name }}}}\npublishers:\n  - junit: {{results: a.xml, {option}}}\n"
    template = template.replace("{results: a.xml, results: a.xml}", "{results: a.xml}")
    plugins = f"plugins: {{junit: '{junit}'}}\n"
    write_project(tmp_path, definitions=definitions, template=template, plugins=plugins)
    (rendered,) = render(tmp_path)
    path = "publishers/hudson.tasks.junit.JUnitResultArchiver"
    element = parse_config(rendered.config, name="A").find(path)
    assert element is not None
    tags = ("keepLongStdio", "stdioRetention")
    found = {tag: element.findtext(tag) for tag in tags if element.findtext(tag)}
    assert found == {key: value for key, value in written.items() if value != "false"}
    places = {blame.path for blame in rendered.blame}
    asked = {f"{path}/{tag}" for tag in written} if "stdio" in option else set()
    assert asked <= places
    assert not asked & rendered.own
