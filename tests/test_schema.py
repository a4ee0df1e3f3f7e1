"""The JSON Schema of jobs/*.yaml, written by hand: what editors are told is what templates take."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.rendering.sandbox import Loader
from cfl_jobs.rendering.template_reads import read_template
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
    load = Loader(load_definitions(ROOT).sources).read
    reads = {name: read_template(name, load) for name in TEMPLATES}
    known = SCHEMA["$defs"][f"{template.partition('.')[0]}-variables"]["properties"]
    assert {"name", "moved"} | reads[template].variables <= known.keys()
    words = frozenset[str]().union(*(read.words for read in reads.values()))
    assert known.keys() - {"moved"} <= words


def test_the_schema_knows_the_settings_and_the_templates_that_are_in_use() -> None:
    definitions = load_definitions(ROOT)
    load = Loader(definitions.sources).read
    read = frozenset[str]().union(
        *(read_template(name, load).keys_of("settings") for name in TEMPLATES)
    )
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


def change(document: Any, path: str, **changes: Any) -> None:
    """Change the mapping at a path: None takes a key out."""
    for key in path.split("/") if path else ():
        document = document[int(key) if key.isdigit() else key]
    for key, value in changes.items():
        document.pop(key, None)
        document |= {} if value is None else {key: value}


ALICE = ["USER:alice"]


@pytest.mark.parametrize(
    ("file", "path", "changes", "told"),
    [
        ("deploy", "jobs/2", {"restrictd_to": ALICE}, ["$.jobs[2]: ", "'restrictd_to' was unexp"]),
        ("deploy", "", {"defaults": None, "defalts": {}}, ["'defalts' was unexpected"]),
        ("deploy", "jobs/0/secrets/0", {"credential": None, "credentail": "x"},
         ["'credentail' was unexpected", "'credential' is a required property"]),
        ("deploy", "", {"template": "deplot.yaml.j2"}, ["'deplot.yaml.j2' is not one of"]),
        ("settings", "settings", {"retention_days": "90 days"},
         ["$.settings.retention_days: '90 days' is not of type 'integer'"]),
        ("publish", "jobs/0", {"restricted_to": "USER:alice"},
         ["$.jobs[0].restricted_to: 'USER:alice' is not of type 'array'"]),
        # The directory of a repository is read through `chain`, by the distribution's template.
        ("publish", "jobs/0", {"directory": None}, ["$.jobs[0]: 'directory' is a required pro"]),
        # Read in the templates' base, with a default, and by no definition so far.
        ("publish", "jobs/0", {"restricted_to": ALICE, "node_label": "linux"}, []),
        ("publish", "", {"defaults": {"directory": "."}}, []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_rejected_and_nothing_else(
    file: str, path: str, changes: dict[str, Any], told: list[str], validator: Draft202012Validator
) -> None:
    """Misspelt names, other types, what is required; a default is as good as an entry's own."""
    document = load(f"{file}.yaml")
    change(document, path, **changes)
    if "directory" in document.get("defaults", ()):
        for entry in document["jobs"]:
            del entry["directory"]
    found = messages(validator, document)
    assert bool(found) is bool(told)
    assert all(any(words in message for message in found) for words in told)
