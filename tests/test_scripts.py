"""Composing a shell step from a script and values."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.errors import CflJobsError
from cfl_jobs.rendering.templates import Input, compose_step, find_inputs

SCRIPT = """#!/usr/bin/env bash
set -euo pipefail
: "${component:?}"
: "${note?}"
: "${directories[@]:?}"
printf '<%s>' "$component" "$note" "${directories[@]}"
"""


def run(step: str) -> str:
    return subprocess.run(
        ["bash", "-c", step], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout


def test_inputs_are_found_in_declared_order_with_their_lines() -> None:
    assert find_inputs(SCRIPT) == (
        Input("component", is_array=False, line=3),
        Input("note", is_array=False, line=4, may_be_empty=True),
        Input("directories", is_array=True, line=5),
    )


def test_a_list_that_may_be_empty_is_an_empty_list() -> None:
    script = '#!/usr/bin/env bash\nset -u\n: "${steps[@]-}"\nprintf "<%s>" "${#steps[@]}"\n'
    assert find_inputs(script) == (Input("steps", is_array=True, line=3, may_be_empty=True),)
    assert run(compose_step("x.sh", script, {"steps": []})) == "<0>"
    assert run(compose_step("x.sh", script, {"steps": ["", "a b"]})) == "<2>"


def test_an_input_guarded_twice_is_one_input() -> None:
    assert find_inputs(': "${a:?}"\n: "${a:?}"\n') == (Input("a", is_array=False, line=1),)


def test_jenkins_variables_and_uses_in_the_middle_of_a_line_are_no_inputs() -> None:
    assert find_inputs(': "${BRANCH:?}"\necho "${a:?}"\n# : "${b:?}"\n') == ()


def test_a_step_is_the_interpreter_then_assignments_then_the_script_from_line_two() -> None:
    values = {"directories": ["a b", "c"], "component": "o'cargo", "note": ""}
    assert compose_step("templates/scripts/x.sh", SCRIPT, values) == (
        "#!/usr/bin/env bash\n"
        "component='o'\"'\"'cargo'\n"
        "note=''\n"
        "directories=('a b' c)\n"
        "# From here on: templates/scripts/x.sh, line 2.\n" + SCRIPT.split("\n", 1)[1]
    )


def test_numbers_and_booleans_become_plain_words() -> None:
    step = compose_step("x.sh", SCRIPT, {"component": 7, "note": True, "directories": [False, 1]})
    assert run(step) == "<7><true><false><1>"


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=40)
@given(TEXT, st.lists(TEXT, min_size=1, max_size=3))
def test_no_text_can_be_anything_but_a_value(text: str, items: list[str]) -> None:
    step = compose_step("x.sh", SCRIPT, {"component": text, "note": text, "directories": items})
    answer = subprocess.run(["bash", "-c", step], check=True, capture_output=True).stdout
    assert answer.decode() == "".join(f"<{each}>" for each in (text, text, *items))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"note": "", "directories": ["a"]}, "x.sh:3: the input 'component' is not given"),
        ({"component": ""}, "x.sh:3: the input 'component' must not be empty"),
        ({"component": ["a"]}, "'component' must be text, a number or true/false, not a list"),
        ({"component": {"a": 1}}, "not a mapping"),
        ({"component": 1.5}, "not 1.5"),
        ({"component": "a\0b"}, "NUL"),
        ({"directories": "a"}, "x.sh:5: the input 'directories' must be a list, not 'a'"),
        ({"directories": []}, "'directories' must have at least one item"),
        ({"directories": ["a", None]}, "an item of the input 'directories' must be text"),
        ({"componnt": "a"}, "there is no input 'componnt'. Did you mean 'component'?"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, object], said: str) -> None:
    with pytest.raises(CflJobsError) as caught:
        compose_step("x.sh", SCRIPT, values)
    assert said in str(caught.value)
    assert "x.sh takes: component, note, directories (a list)." in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(CflJobsError) as caught:
        compose_step("x.sh", SCRIPT, {"other": 1})
    assert len(caught.value.message.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo\n", "x.sh:1: the script doesn't start with #!"),
        ("\ufeff#!/bin/bash\n", "doesn't start with #!"),
        ("", "doesn't start with #!"),
        ("#!/bin/bash\necho\r\n", "x.sh:2: a carriage return, which XML would lose"),
        ("#!/bin/bash\necho \0\n", "NUL"),
    ],
)
def test_a_script_that_jenkins_would_run_otherwise_is_refused(text: str, said: str) -> None:
    with pytest.raises(CflJobsError, match=r"x\.sh") as caught:
        compose_step("x.sh", text, {})
    assert said in str(caught.value)


def test_a_script_without_inputs_takes_none() -> None:
    assert compose_step("x.sh", "#!/bin/bash\ntrue\n", {}).endswith("line 2.\ntrue\n")
    with pytest.raises(CflJobsError, match="takes no inputs"):
        compose_step("x.sh", "#!/bin/bash\ntrue\n", {"a": 1})
