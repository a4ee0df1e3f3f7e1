"""YAML is read to plain values, each with its place."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.errors import Position
from cfl_jobs.reading.located_yaml import load_yaml


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
