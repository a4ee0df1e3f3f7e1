"""Import: any text of a job comes back as it was, and none that holds a secret is written."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.configxml import format_config
from cfl_jobs.errors import ConfigError
from cfl_jobs.importing.taken import Imported
from cfl_jobs.rendering.render import render
from tests.test_importing import import_, put

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def shell_job(*scripts: str) -> str:
    root = ET.Element("project")
    ET.SubElement(root, "canRoam").text = "true"
    builders = ET.SubElement(root, "builders")
    for script in scripts:
        ET.SubElement(ET.SubElement(builders, "hudson.tasks.Shell"), "command").text = script
    return format_config(root)


def assert_comes_back(root_of: pytest.TempPathFactory, config: str) -> Imported:
    made = import_(config)
    place = root_of.mktemp("texts")
    put(place, made)
    (rendered,) = render(place)
    assert normalise(rendered.config, name="made") == normalise(config, name="config")
    return made


TEXTS = st.text(
    st.one_of(
        st.sampled_from(list("{}%#- :'\"\\|>&*!?[],\n\t abcyn019.~$=")),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_any_text_of_a_script_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Whatever YAML or Jinja2 would take it for."""
    try:
        assert_comes_back(tmp_path_factory, shell_job(*texts))
    except ConfigError as error:
        # Noncharacters are refused by name, and so is what looks like a secret.
        refused = re.search("[\ufdd0-\ufdef\u2028]", "".join(texts)) or "secrets" in error.message
        assert refused, error.message  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    [
        "yes", "1.10", "010", "null", "~", "- x", "a: b", "# c", "*a", "{{ x }}", "{% raw %}",
        "a\n{% endraw %}\n{{ b }}", "{%- endraw -%}", "{# c #}", "${#array[@]}\n", " lead\nx",
        "\n\nx\n\n", "x\n ", "end \nx  ", "\tx\n", "'", '"', "\\", "x\x85y", "😀\n😀",
        "%}", "<<", "=", "a\r\nb", "\ufeffx",
    ],
)  # fmt: skip
def test_text_that_something_else_could_be_made_of(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is written so that nothing is."""
    assert_comes_back(tmp_path_factory, shell_job(text))


@pytest.mark.parametrize(
    "line", [f"curl -H 'Authorization: token {TOKEN}' x", "mysql --password hunter2zz"]
)
def test_a_secret_in_a_script_stops_the_import_and_is_not_shown(line: str) -> None:
    """It is told by path and line."""
    with pytest.raises(ConfigError) as caught:
        import_(shell_job("echo one", f"#!/bin/sh\n{line}"))
    message = str(caught.value)
    assert "builders/hudson.tasks.Shell[2]/command (line 2: " in message
    assert TOKEN not in message
    assert "hunter2zz" not in message


def test_a_commit_in_a_script_is_no_secret() -> None:
    """A digest looks random, and scripts pin things by it."""
    commit = "9fceb02d0ae598e95dc970b74767f19372d61af8"
    assert import_(shell_job(f"git checkout {commit}")).modules == 1
