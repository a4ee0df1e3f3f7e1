"""jenkins-job-builder makes the same bytes of tracked data as of plain data."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from cfl_jobs.errors import Position
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import TrackedDict, unread_places
from cfl_jobs.rendering.entrypoints import light_imports
from cfl_jobs.rendering.generator import Generator, _NoConfig

with light_imports():
    from jenkins_jobs.registry import ModuleRegistry
    from jenkins_jobs.xml_config import XmlJobGenerator

CASES = sorted((Path(__file__).parent / "cases/generator").glob("*.yaml"))


def load(text: str) -> TrackedDict:
    loaded = load_yaml(text, "a.yaml")
    assert not loaded.findings
    assert isinstance(loaded.value, TrackedDict)
    return loaded.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_tracking_changes_no_byte_and_every_key_is_read(case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    registry = ModuleRegistry(_NoConfig(), None)
    plain: Any = copy.deepcopy(yaml.safe_load(text))
    expected = XmlJobGenerator(registry)._getXMLForData(plain).output().decode("utf-8")
    data = load(text)
    made = Generator().generate(data, is_view=False)
    assert made.problems == ()
    assert made.text == expected
    assert list(unread_places(data)) == []


def test_there_are_cases() -> None:
    assert len(CASES) >= 3


def test_a_view_is_made_too() -> None:
    data = load("name: V\nview-type: list\ndescription: d\njob-name: [b, a]\n")
    made = Generator().generate(data, is_view=True)
    assert [name.text for name in made.root.iter("string")] == ["a", "b"]
    assert made.root.tag == "hudson.model.ListView"


def test_every_broken_component_is_told_and_the_others_are_made() -> None:
    text = (
        "name: x\nbuilders:\n  - shell: ok\n  - copyartifact: {filter: a}\n  - shel: x\n"
        "publishers:\n  - junit:\n  - archive: [not, a, mapping]\n  - {}\n"
    )
    made = Generator().generate(load(text), is_view=False)
    assert [(str(found.position), found.message) for found in made.problems] == [
        ("a.yaml:4:5", "missing project from an instance of 'builder.copyartifact'"),
        ("a.yaml:5:5", "there is no builder 'shel'"),
        ("a.yaml:7:5", "jenkins-job-builder can't take this (AttributeError: 'NoneType' object "
         "has no attribute 'get')"),
        ("a.yaml:8:5", "jenkins-job-builder can't take this (AttributeError: 'LocList' object "
         "has no attribute 'get')"),
        ("a.yaml:9:5", "a publisher has one name, not nothing: indent its options below its name"),
    ]  # fmt: skip
    assert made.problems[1].advice == "Did you mean 'shell'?"


def test_an_unknown_kind_of_job_is_told_with_the_known_ones() -> None:
    made = Generator().generate(load("name: x\nproject-type: freestle\n"), is_view=False)
    assert made.problems[0].position == Position("a.yaml", 2, 1)
    assert "Did you mean 'freestyle'?" in made.problems[0].message


def test_one_generator_makes_the_same_of_the_same_every_time() -> None:
    text = CASES[-1].read_text(encoding="utf-8")
    generator = Generator()
    first = generator.generate(load(text), is_view=False).text
    generator.generate(load("name: x\nbuilders:\n  - shel: y\n"), is_view=False)
    assert generator.generate(load(text), is_view=False).text == first


@pytest.mark.parametrize(("version", "has_strategy"), [("1.9", False), ("1.32", True)])
def test_the_inventory_decides_how_plugins_are_written(version: str, has_strategy: bool) -> None:
    """build-timeout has strategies since 1.11; 1.9 is older though "9" is the greater letter."""
    plugin = {"shortName": "build-timeout", "longName": "Build Timeout", "version": version}
    data = load("name: x\nwrappers:\n  - timeout: {timeout: 3}\n")
    text = Generator([plugin]).generate(data, is_view=False).text
    assert ("<strategy" in text) == has_strategy
