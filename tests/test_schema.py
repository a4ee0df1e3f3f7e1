"""The JSON Schema of jobs/*.yaml: what editors are told is what templates take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cfl_jobs.commands.schema import show_schema
from cfl_jobs.errors import CflJobsError, DefinitionError
from cfl_jobs.rendering.schema import SCHEMA_FILE, build_schema, write_schema
from tests.case_files import write_project
from tests.projects import ROOT, copy_project

MODELINE = "# yaml-language-server: $schema=../templates/schema.json\n"
DEFINITIONS = "template: a.yaml.j2\njobs:\n  - name: One\n"
FILES = sorted(path.name for path in (ROOT / "jobs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads((ROOT / SCHEMA_FILE).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """What the real definitions and templates make."""
    return build_schema(ROOT)


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / "jobs" / name).read_text(encoding="utf-8"))


def messages(validator: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_committed_schema_is_what_the_templates_take_now() -> None:
    there = (ROOT / SCHEMA_FILE).read_text(encoding="utf-8")
    assert there == write_schema(ROOT), f"run `cfl-jobs schema --output {SCHEMA_FILE}`"


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


def test_variables_tell_what_their_comments_say(schema: dict[str, Any]) -> None:
    variables = schema["$defs"]["publish"]["properties"]["jobs"]["items"]["properties"]
    assert variables["directory"]["description"].startswith("where its files go")
    settings = schema["$defs"]["settings"]["properties"]["settings"]["properties"]
    assert "kept this many days" in settings["retention_days"]["description"]
    assert variables["retention_days"]["description"] == settings["retention_days"]["description"]


def test_one_more_entry_like_the_others_changes_nothing(
    tmp_path: Path, schema: dict[str, Any]
) -> None:
    root = copy_project(tmp_path)
    with (root / "jobs/publish.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "\n  - name: Publish Rapid Router Files\n    repository: rapid-router\n"
            "    component: rapid-router\n    directory: submodules/rapid-router\n"
        )
    assert build_schema(root) == schema


def test_variable_that_a_template_begins_to_read_is_in_the_schema(
    tmp_path: Path, schema: dict[str, Any]
) -> None:
    root = copy_project(tmp_path)
    base = root / "templates/base.yaml.j2"
    text = base.read_text(encoding="utf-8")
    base.write_text(text + "{% if quiet is defined %}\nquiet-period: {{ quiet }}\n{% endif %}\n")
    new, old = (
        made["$defs"]["promote"]["properties"]["jobs"]["items"]["properties"]
        for made in (build_schema(root), schema)
    )
    assert new.keys() - old.keys() == {"quiet"}


def test_definitions_that_do_not_render_have_no_schema(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    (root / "templates/promote.yaml.j2").write_text("name: {{ nme }}\n")
    with pytest.raises(DefinitionError, match="'nme'"):
        build_schema(root)


def test_check_tells_a_schema_that_is_out_of_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_project(tmp_path, definitions=DEFINITIONS, template="name: {{ name }}\n")
    (root / SCHEMA_FILE).write_text("{}")
    with pytest.raises(CflJobsError, match="cfl-jobs schema --output"):
        show_schema(root, None, check=True)
    assert show_schema(root, root / SCHEMA_FILE) == 0
    assert show_schema(root, None, check=True) == 0
    assert "up to date" in capsys.readouterr().out
