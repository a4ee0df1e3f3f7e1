"""The JSON Schema of jobs/*.yaml, written by hand: what editors are told is what templates take."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.rendering.template_reads import read_template
from cfl_jobs.rendering.templates import TemplateRenderer
from tests.projects import ROOT

SCHEMA = json.loads((ROOT / "templates/schema.json").read_text(encoding="utf-8"))
TEMPLATES = SCHEMA["properties"]["template"]["enum"]
MODELINE = "# yaml-language-server: $schema=../templates/schema.json\n"
FILES = sorted(path.name for path in (ROOT / "jobs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA)


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / "jobs" / name).read_text(encoding="utf-8"))


def messages(validator: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_schema_knows_what_a_template_reads_and_nothing_that_none_reads(template: str) -> None:
    """Some variables are for other templates, which find them in `chain`."""
    load = TemplateRenderer(load_definitions(ROOT)).load_template
    reads = {name: read_template(name, load) for name in TEMPLATES}
    known = SCHEMA["$defs"][f"{template.partition('.')[0]}-variables"]["properties"]
    assert {"name", "moved"} | reads[template].variables.keys() <= known.keys()
    words = frozenset[str]().union(*(read.words for read in reads.values()))
    assert known.keys() - {"moved"} <= words


def test_the_schema_knows_the_settings_and_the_templates_that_are_in_use() -> None:
    definitions = load_definitions(ROOT)
    load = TemplateRenderer(definitions).load_template
    read = frozenset[str]().union(*(read_template(name, load).settings for name in TEMPLATES))
    settings = SCHEMA["$defs"]["settings"]["properties"]["settings"]["properties"]
    assert read | {"project", "server"} == settings.keys()
    assert {entry.template for entry in definitions.entries} <= set(TEMPLATES)


@pytest.mark.parametrize("name", FILES)
def test_real_definitions_are_valid_and_name_the_schema(
    name: str, validator: Draft202012Validator
) -> None:
    assert messages(validator, load(name)) == []
    text = (ROOT / "jobs" / name).read_text(encoding="utf-8")
    assert text.startswith(MODELINE)
    assert (ROOT / "jobs" / "../templates/schema.json").is_file()


def test_misspelt_variable_is_rejected(validator: Draft202012Validator) -> None:
    document = load("deploy.yaml")
    document["jobs"][2]["restrictd_to"] = ["USER:alice"]
    (message,) = messages(validator, document)
    assert message.startswith("$.jobs[2]: ")
    assert "'restrictd_to' was unexpected" in message


def test_misspelt_key_of_a_file_is_rejected(validator: Draft202012Validator) -> None:
    document = load("deploy.yaml")
    document["defalts"] = document.pop("defaults")
    assert any("'defalts' was unexpected" in message for message in messages(validator, document))


def test_misspelt_key_inside_a_value_is_rejected(validator: Draft202012Validator) -> None:
    document = load("deploy.yaml")
    secret = document["jobs"][0]["secrets"][0]
    secret["credentail"] = secret.pop("credential")
    found = messages(validator, document)
    assert any("'credentail' was unexpected" in message for message in found)
    assert any("'credential' is a required property" in message for message in found)


def test_value_of_another_type_is_rejected(validator: Draft202012Validator) -> None:
    document = load("settings.yaml")
    document["settings"]["retention_days"] = "90 days"
    assert messages(validator, document) == [
        "$.settings.retention_days: '90 days' is not of type 'integer'"
    ]


def test_variable_that_only_another_template_reads_is_required(
    validator: Draft202012Validator,
) -> None:
    """The directory of a repository is read through `chain`, by the distribution's template."""
    document = load("publish.yaml")
    del document["jobs"][0]["directory"]
    (message,) = messages(validator, document)
    assert message == "$.jobs[0]: 'directory' is a required property"


def test_default_of_the_file_is_as_good_as_the_entrys_own(validator: Draft202012Validator) -> None:
    document = load("publish.yaml")
    for entry in document["jobs"]:
        del entry["directory"]
    document["defaults"] = {"directory": "."}
    assert messages(validator, document) == []


def test_optional_variable_that_no_definition_has_is_known(validator: Draft202012Validator) -> None:
    """restricted_to and node_label are read in the templates' base, with a default."""
    document = load("publish.yaml")
    document["jobs"][0] |= {"restricted_to": ["USER:alice"], "node_label": "linux"}
    assert messages(validator, document) == []
    document["jobs"][0]["restricted_to"] = "USER:alice"
    assert messages(validator, document) == [
        "$.jobs[0].restricted_to: 'USER:alice' is not of type 'array'"
    ]


def test_unknown_template_is_rejected(validator: Draft202012Validator) -> None:
    found = messages(validator, {"template": "deplot.yaml.j2", "jobs": [{"name": "A"}]})
    assert any("'deplot.yaml.j2' is not one of" in message for message in found)
