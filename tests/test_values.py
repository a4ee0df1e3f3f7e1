"""Values without sense are reported, and values that Jenkins understands are not."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.rendering.documentation import Documented
from cfl_jobs.rendering.options import COLUMNS
from cfl_jobs.rendering.values import check_job, check_value, check_written

PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "triggers",
                    "builders",
                    "parameters",
                    "timed",
                    "shell",
                    "choice",
                    "choices",
                    "node",
                    "cron",
                    "disabled",
                    "pollscm",
                    "publishers",
                    "columns",
                    "view-type",
                ]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


def modules() -> list[ast.Module]:
    """Parse jenkins-job-builder's modules, which need not be imported for that."""
    spec = find_spec("jenkins_jobs")
    assert spec
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations))) / "modules"
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))]


@pytest.mark.parametrize(
    ("key", "value", "default", "message"),
    [
        ("fingerprint", "maybe", False, "'maybe' is not true or false"),
        ("fingerprint", 1, True, "1 is not true or false"),
        ("fingerprint", "${YES}", False, "'${YES}' is not true or false"),
        ("fingerprint", None, False, "nothing is not true or false"),
        ("fingerprint", ["x"], False, "a list is not true or false"),
        ("sandbox", "perhaps", "false", "'perhaps' is not true or false"),
        ("num-to-keep", "many", -1, "'many' is not a whole number"),
        ("num-to-keep", True, -1, "true is not a whole number"),
        ("num-to-keep", 1.5, -1, "1.5 is not a whole number"),
        ("num-to-keep", "010", -1, "Jenkins takes '010' for an octal number"),
        ("num-to-keep", "0x10", -1, "'0x10' is not a whole number"),
        ("num-to-keep", " 5", -1, "' 5' is not a whole number"),
        ("num-to-keep", 4294967295, -1, "4294967295 is out of Jenkins' range"),
        ("xysize", [600, "lots"], [500, 200], "'lots' is not a whole number"),
        ("port", "06379", "6379", "'06379' is not a number"),
        ("num-to-keep", None, -1, "nothing is not a whole number"),
        ("port", "high", "6379", "'high' is not a number"),
        ("health-scale-factor", "huge", "1.0", "'huge' is not a number"),
        ("branches", "master", ["**"], "'master' is not a list"),
        ("url", "htps://host/path", None, "'htps://host/path' is no URL: there is no htps://"),
        ("url", "https:///path", "", "'https:///path' is no URL"),
        ("web-url", "https://host/a path", "", "'https://host/a path' is no URL"),
        ("publishers", {"archive": {}}, [], "a mapping is not a list"),
    ],
)
def test_a_value_of_another_type_than_the_default_is_wrong(
    key: str, value: object, default: object, message: str
) -> None:
    (reason,) = check_value(key, value, default, None)
    assert reason.message == message
    assert reason.advice


@pytest.mark.parametrize(
    ("key", "value", "default"),
    [
        ("fingerprint", True, False),
        ("fingerprint", "True", False),
        ("git-revision", {"combine-queued-commits": True}, False),
        ("property-file", "build.properties", False),
        ("num-to-keep", 30, -1),
        ("num-to-keep", "+30", -1),
        ("timeout", "$MINUTES", 3),
        ("timeout", "${MINUTES}", 3),
        ("amount", 5.0, "0"),
        ("branches", ["master"], ["**"]),
        ("url", "https://host:8080/path", None),
        ("url", "file:///srv/git", None),
        ("url", "lp:project", ""),
        ("url", "htps://$HOST", ""),
        ("class-path", "a.jar", []),
        ("description", 7, ""),
        ("anything", "at all", None),
    ],
)
def test_a_value_that_jenkins_understands_is_right(
    key: str, value: object, default: object
) -> None:
    assert check_value(key, value, default, None) == ()


@pytest.mark.parametrize(
    ("value", "default", "kind", "message"),
    [
        ("lots", "", "int", "'lots' is not a whole number"),
        ("lots", None, "int", "'lots' is not a whole number"),
        ("maybe", None, "bool", "'maybe' is not true or false"),
        ("", None, "int", "'' is not a whole number"),
    ],
)
def test_documentation_tells_the_type_where_the_default_does_not(
    value: object, default: object, kind: str, message: str
) -> None:
    (reason,) = check_value("key", value, default, Documented(kind))
    assert reason.message == message


@pytest.mark.parametrize(
    ("value", "default", "kind"),
    [
        ("", "", "int"),
        ("${LIMIT}", "", "int"),
        (None, None, "int"),
        ({"enabled": True}, None, "bool"),
        ("update", "wipe", "bool"),
        (50.0, "0", "int"),
    ],
)
def test_a_default_knows_better_than_the_documentation(
    value: object, default: object, kind: str
) -> None:
    assert check_value("key", value, default, Documented(kind)) == ()


def trigger(name: str, options: object) -> dict[str, Any]:
    return {"triggers": [{name: options}]}


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({"disabled": "maybe"}, ("disabled",), "'maybe' is not true or false"),
        ({"concurrent": "no thanks"}, ("concurrent",), "'no thanks' is not true or false"),
        ({"block-upstream": 1}, ("block-upstream",), "1 is not true or false"),
        ({"quiet-period": "soon"}, ("quiet-period",), "'soon' is not a whole number"),
        ({"quiet-period": "$SOON"}, ("quiet-period",), "'$SOON' is not a whole number"),
        ({"quiet-period": -5}, ("quiet-period",), "-5 is below 0"),
        ({"retry-count": None}, ("retry-count",), "nothing is not a whole number"),
        ({"description": 5}, ("description",), "5 is not text"),
        ({"auth-token": " "}, ("auth-token",), "the text is empty"),
        ({"node": "linux docker"}, ("node",), "missing before 'docker'"),
        ({"node": "linux && (docker"}, ("node",), "stops too early"),
        ({"node": "&& linux"}, ("node",), "a label is missing before '&&'"),
        ({"node": "linux)"}, ("node",), "')' stands where it can't"),
        ({"node": "linux & docker"}, ("node",), "'& docker' is no part"),
        ({"node": "a !b"}, ("node",), "missing before '!'"),
        (trigger("timed", "every day"), ("triggers", 0, "timed"), "fields, not five"),
        (trigger("timed", ""), ("triggers", 0, "timed"), "never runs"),
        (trigger("timed", 5), ("triggers", 0, "timed"), "5 is not a schedule"),
        (trigger("timed", "@daily\nH 25 * * *"), ("triggers", 0, "timed"), "line 2: 25 is out"),
        (trigger("pollscm", "61 * * * *"), ("triggers", 0, "pollscm"), "61 is out of range"),
        (trigger("pollscm", {"cron": "x"}), ("triggers", 0, "pollscm", "cron"), "1 fields"),
        (trigger("ghprb", {"cron": "x"}), ("triggers", 0, "ghprb", "cron"), "1 fields"),
        (
            {"wrappers": [{"timeout": {"type": "absolut"}}]},
            ("wrappers", 0, "timeout", "type"),
            "'absolut' is not among the choices",
        ),
        (
            {"properties": [{"build-discarder": {"num-to-keep": -3}}]},
            ("properties", 0, "build-discarder", "num-to-keep"),
            "-3 makes no sense here",
        ),
        (
            {"parameters": [{"choice": {"name": "A", "choices": "one"}}]},
            ("parameters", 0, "choice", "choices"),
            "'one' is not a list",
        ),
        (
            {"parameters": [{"choice": {"name": "A", "choices": ["a", 2]}}]},
            ("parameters", 0, "choice", "choices", 1),
            "2 is not text",
        ),
        (
            {"parameters": [{"string": {"name": " "}}]},
            ("parameters", 0, "string", "name"),
            "the text is empty",
        ),
        (
            {"parameters": [{"string": {"name": "A", "default": ["x"]}}]},
            ("parameters", 0, "string", "default"),
            "a list is not",
        ),
        (
            {"publishers": [{"trigger-parameterized-builds": [{"condition": "FAILURE"}]}]},
            ("publishers", 0, "trigger-parameterized-builds", 0, "condition"),
            "'FAILURE' is not among the choices",
        ),
        (
            {"builders": [{"trigger-builds": [{"boolean-parameters": {"A": True, "B": "no"}}]}]},
            ("builders", 0, "trigger-builds", 0, "boolean-parameters", "B"),
            "'no' is not true or false",
        ),
        (
            {"builders": [{"trigger-builds": [{"predefined-parameters": "A=1\nB"}]}]},
            ("builders", 0, "trigger-builds", 0, "predefined-parameters"),
            "the line 'B' sets nothing",
        ),
        (
            {"builders": [{"conditional-step": {"steps": [{"copyartifact": {"project": ""}}]}}]},
            ("builders", 0, "conditional-step", "steps", 0, "copyartifact", "project"),
            "the text is empty",
        ),
        (
            {"wrappers": [{"credentials-binding": [{"text": {"variable": "$TOKEN"}}]}]},
            ("wrappers", 0, "credentials-binding", 0, "text", "variable"),
            "'$TOKEN' is no variable's name",
        ),
        (
            {"properties": [{"build-discarder": {"days-to-keep": 0}}]},
            ("properties", 0, "build-discarder", "days-to-keep"),
            "0 makes no sense here",
        ),
        (
            {"properties": [{"build-discarder": {"days-to-keep": 365000}}]},
            ("properties", 0, "build-discarder", "days-to-keep"),
            "365000 makes no sense here",
        ),
        (
            {"parameters": [{"string": {"name": "A"}}, {"bool": {"name": "A"}}]},
            ("parameters", 1, "bool", "name"),
            "two parameters are called A",
        ),
        (
            {"publishers": [{"email": {"recipients": "a@example.com builds(at)example.com"}}]},
            ("publishers", 0, "email", "recipients"),
            "'builds(at)example.com' is no mail address",
        ),
        (
            {"scm": [{"git": {"url": "github.com/owner/repository"}}]},
            ("scm", 0, "git", "url"),
            "is no URL of a repository",
        ),
        (
            {"scm": [{"git": {"url": "https://github.com/owner/https://github.com/a/b"}}]},
            ("scm", 0, "git", "url"),
            "is no URL of a repository",
        ),
        (
            {"view-type": "list", "columns": ["status", "wether"]},
            ("columns", 1),
            "there is no column 'wether'",
        ),
        ({"view-type": "list", "job-name": "A"}, ("job-name",), "'A' is not a list"),
    ],
)
def test_each_senseless_value_is_reported_with_its_path(
    data: dict[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    (mistake,) = check_job(data)
    assert mistake.path == path
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


@given(st.dictionaries(st.text(max_size=5) | st.sampled_from(["node", "triggers"]), PLAIN))
def test_no_data_makes_it_crash(data: dict[str, Any]) -> None:
    check_job(data)
    check_written(data, frozenset({"None", "[]"}))
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
    assert check_written(data, frozenset({"A"})) == ()


def test_known_columns_are_those_of_jenkins_job_builder() -> None:
    tables = [
        node.value
        for module in modules()
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COLUMN_DICT"
    ]
    assert {key for table in tables for key in ast.literal_eval(table)} == set(COLUMNS)
