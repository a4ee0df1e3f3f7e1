"""YAML is read to plain values with their places, which know what was asked of them; names."""

from __future__ import annotations

import copy
import json
import operator
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.errors import CflJobsError, Position
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.names import find_name_problem, select_names
from cfl_jobs.reading.tracking import TrackedDict, TrackedList, unread_places


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: true\nb: False", {"a": True, "b": False}),
        ("a: 0.5", {"a": 0.5}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("- a\n- 'yes'\n- \"1.10\"", ["a", "yes", "1.10"]),
        ("when: 2024-01-01", {"when": "2024-01-01"}),
        ("a: |\n  b: c\n  # d\n", {"a": "b: c\n# d\n"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("text", "text"),
        ("", None),
        ("# only a comment", None),
        ("\ufeffa: 1", {"a": 1}),
        ("a: b\r\nc: |\r\n  d\r\n  e\r\n", {"a": "b", "c": "d\ne\n"}),
    ],
)
def test_plain_yaml_is_read_as_it_stands(text: str, value: object) -> None:
    loaded = load_yaml(text, "a.yaml")
    assert (loaded.value, loaded.findings) == (value, ())


def test_keys_values_and_entries_know_their_places() -> None:
    value = load_yaml("a:\n  bc: [d, e]\n", "a.yaml").value["a"]
    assert value.position_of("bc") == Position("a.yaml", 2, 3)
    assert value.value_positions["bc"] == Position("a.yaml", 2, 7)
    assert value["bc"].entry_positions[1] == Position("a.yaml", 2, 11)
    assert value["bc"][1].pos == Position("a.yaml", 2, 11)


@pytest.mark.parametrize("text", ["echo {}one", "|\n    {}one", '"{}one"', "one # {}two"])
def test_a_line_separator_is_refused_where_it_stands(text: str) -> None:
    """Whatever it would have been read as, and however little else is wrong."""
    before, _, after = text.partition("{}")
    (finding,) = load_yaml(f"b: 1\na: {before}\u2028{after}\n", "a.yaml").findings
    assert finding.message.endswith("make a line's end of U+2028")
    lines = f"a: {before}".split("\n")
    assert finding.position == Position("a.yaml", 1 + len(lines), len(lines[-1]) + 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [*x]", "aliases expand"),
        ("a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n"
            for old, new in zip("abcdef", "bcdefg", strict=True)), "aliases expand"),
        ("[" * 3000 + "]" * 3000, ""),
        ("a: \x01", "U+0001"),
        ("a: 'b\n", "not YAML"),
        ("a: b: c", "mapping values"),
        ("a: 1\n---\nb: 2", "document"),
        ("? [a]\n: b", "a key must be text"),
        ("a: !include x", "!include is not allowed"),
        ("a: 0x10", "as a number"),
        ("a: 1_000", "as a number"),
        ("a: +1", "as a number"),
        ("a: .inf", "as a number"),
        ("a: 1e3", None),
    ],
)  # fmt: skip
def test_what_yaml_would_read_otherwise_is_a_finding(text: str, message: str | None) -> None:
    findings = load_yaml(text, "a.yaml").findings
    if message is None:
        assert not findings
    else:
        assert message in findings[0].message
        assert findings[0].position is not None


scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=20
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdef-", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=50)
@given(documents)
def test_what_pyyaml_writes_is_read_back_the_same(document: Any) -> None:
    text = yaml.safe_dump(document, allow_unicode=True)
    loaded = load_yaml(text, "a.yaml")
    assert (loaded.value, loaded.findings) == (document, ())


@given(st.text(max_size=60))
def test_any_text_gives_a_value_or_findings_and_never_an_exception(text: str) -> None:
    loaded = load_yaml(text, "a.yaml")
    for finding in loaded.findings:
        assert finding.position is not None
        assert finding.position.line >= 1


def tracked(**entries: Any) -> TrackedDict:
    return TrackedDict(entries.items())


def unread(value: object) -> list[str]:
    return sorted(key for _, key in unread_places(value))


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: data["a"],
        lambda data: data.get("a"),
        lambda data: "a" in data,
        lambda data: data.pop("a"),
        lambda data: data.setdefault("a", 2),
        lambda data: data.copy()["a"],
        lambda data: copy.copy(data)["a"],
    ],
)
def test_asking_for_a_key_reads_that_key_only(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    ask(data)
    assert unread(data) == ["b"]


@pytest.mark.parametrize(
    "ask",
    [
        list,
        dict,
        lambda data: {**data},
        lambda data: list(data.keys()),
        lambda data: list(data.values()),
        lambda data: list(data.items()),
        lambda data: list(reversed(data)),
        lambda data: {}.update(data),
        lambda data: json.dumps(data),
        str,
        repr,
        lambda data: data == {"a": 1},
        lambda data: data != {"a": 1},
        lambda data: data.popitem(),
    ],
)
def test_going_through_all_keys_may_have_read_any_of_them(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    ask(data.copy())
    assert (unread(data), data.suspect_keys()) == ([], ("a", "b"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: [key for key in data if key == "a"],
        lambda data: [key for key in data if key != "a"],
        lambda data: [value for key, value in data.items() if key in ("a", "c")],
        lambda data: [{"a": 1}.get(key) for key in data],
        lambda data: {"a", "c"} & set(data),
        lambda data: dict(data)["a"],
        lambda data: {**data}.get("a"),
        lambda data: list(data) and operator.contains(data.keys(), "a"),
    ],
)
def test_a_key_that_was_handed_out_is_read_where_a_text_equals_it(
    ask: Callable[[Any], Any],
) -> None:
    data = tracked(a=1, b=2)
    ask(data)
    assert data.suspect_keys() == ("b",)


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: [data[key] for key in data],
        lambda data: [data.get(key) for key in data if key in data],
        lambda data: [data.pop(key) for key in list(data)],
        lambda data: [key.startswith("a") for key in data],
        lambda data: sorted(data.items()) == sorted(data.items()),
        lambda data: dict(data.items()),
        lambda data: {key: 1 for other in (data, tracked(a=1, b=2)) for key in other},
    ],
)
def test_to_look_up_what_was_handed_out_reads_nothing(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    copied = data.copy()
    ask(copied)
    assert data.suspect_keys() == ("a", "b")


def test_suspects_are_unread_or_not_once_that_is_settled() -> None:
    data = tracked(a=1, b=2, c=TrackedList([tracked(d=1)]))
    str(data)
    data.settle(unread=["b"])
    assert unread(data) == ["b"]
    assert data.suspect_keys() == ()


def test_asked_keys_tell_what_the_reader_knows() -> None:
    """Also the names that it compared keys with."""
    data = tracked(a=1)
    assert len([key for key in data if key == "b" or key != "c"]) == 1
    assert data.asked_keys() == {"b", "c"}
    data.get("d")
    assert ("a" in data, "e" in data) == (True, False)
    assert data.asked_keys() == {"a", "b", "c", "d", "e"}


def test_a_key_that_was_handed_out_is_plain_text_elsewhere() -> None:
    (key,) = tracked(a=1)
    for same in (str(key), f"{key}", key.lower()):
        assert type(same) is str
        assert same == "a"


@pytest.mark.parametrize(
    "ask", [len, bool, lambda data: data is None, id, type, lambda data: data == "a", dict.keys]
)
def test_looking_at_the_whole_reads_nothing(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    ask(data)
    assert unread(data) == ["a", "b"]


def test_what_stands_inside_is_told_apart_where_its_key_was_read() -> None:
    """Printing reads it too; a mapping that stands in two places is told once."""
    data = tracked(a=TrackedList([tracked(b=1)]))
    str(data)
    assert unread(data) == []
    data = tracked(a=tracked(c=1), b=TrackedList([tracked(d=1), tracked(e=1)]))
    data["b"][0]["d"]
    assert unread(data) == ["a", "e"]
    shared = tracked(c=1)
    assert unread(TrackedList([shared, shared])) == ["c"]


def test_reading_an_inherited_key_reads_it_where_it_was_written() -> None:
    defaults = tracked(a=1, b=2)
    entry = TrackedDict(defaults.raw_items(), forward={"a": defaults, "b": defaults})
    assert entry["a"] == 1
    assert unread(defaults) == ["b"]


def test_the_defaults_that_a_reader_names_are_kept() -> None:
    data = tracked(a="x", b="y", c="z")
    data.get("a", False)
    data.get("b")
    data.get("missing", 5)
    data.copy().get("c", 3)
    assert data.defaults == {"a": False, "missing": 5, "c": 3}


NAMES = ("Deploy to Dev", "Deploy to Prod", "Create", "odd [1]")


@pytest.mark.parametrize(
    "name",
    ["Deploy to Dev", "team/inner", "ümlaut 🎉", "it's", 'a "quoted" one', "a.b", "-", "(x)"],
)
def test_what_jenkins_takes_is_no_problem(name: str) -> None:
    assert find_name_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "nothing"),
        (" ", "nothing"),
        ("a//b", "an empty part"),
        ("/a", "an empty part"),
        ("a ", "a space at an end"),
        (".", "the part '.'"),
        ("..", "the part '..'"),
        ("a/..", "the part '..'"),
        ("a.", "a dot at the end"),
        ("a\\b", "the character '\\\\'"),
        ("a\nb", "the character '\\n'"),
        *[(f"a{bad}b", f"the character {bad!r}") for bad in "?*%!@#$^&|<>[]:;"],
    ],
)
def test_what_jenkins_refuses_is_named(name: str, problem: str) -> None:
    """As the recorded server did: "?  is an unsafe character", "..  is not an allowed name"."""
    assert find_name_problem(name) == problem


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([], NAMES),
        (["Deploy*"], NAMES[:2]),
        (["Create", "Deploy to Dev"], ("Deploy to Dev", "Create")),
        (["odd [1]"], ("odd [1]",)),
        (["*"], NAMES),
    ],
)
def test_patterns_choose_in_the_order_of_names(
    patterns: list[str], chosen: tuple[str, ...]
) -> None:
    assert select_names(NAMES, patterns) == chosen


def test_a_pattern_that_matches_nothing_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(CflJobsError, match="Did you mean 'Deploy to Prod'"):
        select_names(NAMES, ["Deploy to Pord"])
