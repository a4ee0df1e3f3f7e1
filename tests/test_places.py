"""Each difference is blamed on the line that made it, or on where it would stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.errors import Position
from cfl_jobs.planning.basis import Basis, load_plan, save_plan
from cfl_jobs.planning.describing import place_of
from cfl_jobs.planning.differences import compare
from cfl_jobs.planning.observe import observe
from cfl_jobs.rendering.render import render
from tests.case_files import CASES, read_case, write_files, write_project
from tests.rendered_jobs import jenkins, normal_of

FILES, STEERED = (read_case(CASES / f"places/{name}.txt") for name in ("one-job", "steered"))
STEP = "shell step {}: script"
Edit = Callable[[str, str, str], dict[str, str]]


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Return a function that edits a file and returns, by label, the lines that are blamed."""
    write_files(tmp_path, FILES)

    def blame(file: str, old: str, new: str) -> dict[str, str]:
        (before,) = render(tmp_path)
        text = (tmp_path / file).read_text()
        assert text.count(old) == 1
        (tmp_path / file).write_text(text.replace(old, new))
        (after,) = render(tmp_path)
        return places(after, before)

    return blame


def places(wanted: Config, live: Config) -> dict[str, str]:
    found = compare(normal_of(wanted.config, name="A"), normal_of(live.config, name="A"))
    blamed = {raw.label: place_of(wanted, raw, live) for raw in found}
    return {label: f"{place.file}:{place.line}" for label, place in blamed.items()}


@pytest.mark.parametrize(
    ("file", "old", "new", "labels"),
    [
        ("jobs/settings.yaml", "a@example", "b@example", ["mail: recipients"]),
        ("jobs/settings.yaml", "a@example.org", "''", ["mail: recipients"]),
        ("jobs/settings.yaml", "limit: 5", "limit: 6", ["time limit: timeout minutes"]),
        ("jobs/settings.yaml", "kept: 30", "kept: 31", ["builds to keep: builds"]),
        ("jobs/a.yaml", "out.txt", "all.txt", ["archive artifacts: artifacts"]),
        ("jobs/a.yaml", "empty: true", "empty: false", ["archive artifacts: allow empty archive"]),
        ("jobs/a.yaml", "quiet: 3", "quiet: 4", ["quiet period"]),
        ("jobs/a.yaml", "parallel: true", "parallel: false", ["concurrent builds"]),
        ("jobs/a.yaml", "trim: true", "trim: false", ["parameter BRANCH: trim"]),
        ("jobs/a.yaml", "master", "main", ["parameter BRANCH: default", "description"]),
        ("jobs/a.yaml", "who: bob", "who: bobby", [STEP.format(1), STEP.format(2), "description"]),
        ("jobs/a.yaml", "who: bob", "who: bo", [STEP.format(1), STEP.format(2), "description"]),
        ("jobs/a.yaml", "[one, two]", "[one, 'the two']", [STEP.format(1), STEP.format(2)]),
        ("jobs/a.yaml", "another note", "other note", [STEP.format(4)]),
        ("templates/a.yaml.j2", "days-to-keep: 30", "days-to-keep: 40", ["builds to keep: days"]),
        ("templates/a.yaml.j2", "second line", "2nd line", ["description"]),
        ("templates/a.yaml.j2", "echo one", "echo 1", [STEP.format(1)]),
        ("templates/a.yaml.j2", "echo three", "echo 3", [STEP.format(1)]),
        ("templates/a.yaml.j2", "echo {{ part }}", "print {{ part }}", [STEP.format(1)]),
        ("templates/scripts/s.sh", "echo second", "echo last", [STEP.format(2)]),
        ("templates/scripts/s.sh", "#!/usr/bin/env bash", "#!/bin/bash", [STEP.format(2)]),
    ],
)  # fmt: skip
def test_a_change_is_blamed_on_the_line_that_was_changed(
    edit: Edit, file: str, old: str, new: str, labels: list[str]
) -> None:
    """Numbers, flags, settings, defaults, inputs of scripts, lines of texts and of includes."""
    line = FILES[file][: FILES[file].index(old)].count("\n") + 1
    found = edit(file, old, new)
    assert found == dict.fromkeys(labels, f"{file}:{line}")


@pytest.mark.parametrize(
    ("file", "old", "line", "label"),
    [
        ("templates/a.yaml.j2", "  - timestamps\n", "wrappers:", "timestamps"),
        ("templates/a.yaml.j2", "  - shell: exit 0\n", "builders:", "shell step 3"),
        ("templates/a.yaml.j2", "      days-to-keep: 30\n", "- build-", "builds to keep: days"),
        ("templates/scripts/s.sh", "echo first\n", "echo second", STEP.format(2)),
    ],
)  # fmt: skip
def test_what_was_removed_is_blamed_on_where_it_stood(
    edit: Edit, file: str, old: str, line: str, label: str
) -> None:
    """A step on its list, an option on its component, a line on the next one."""
    text = FILES[file].replace(old, "")
    number = text[: text.index(line)].count("\n") + 1
    assert edit(file, old, "")[label] == f"{file}:{number}"


def test_an_input_that_a_template_made_is_blamed_on_its_call(edit: Edit) -> None:
    """No definition holds it."""
    line = FILES["templates/a.yaml.j2"].split("\n").index(
        '  - shell: {{ script("s.sh", who=who, parts=parts, tries=tries) }}') + 1  # fmt: skip
    found = edit("templates/a.yaml.j2", "tries=tries", "tries=tries + 1")
    assert found == {STEP.format(2): f"templates/a.yaml.j2:{line}"}


def test_a_flag_is_not_blamed_on_another_that_is_alike(edit: Edit, tmp_path: Path) -> None:
    """Its component made it."""
    edit("jobs/a.yaml", "quiet: 3", "quiet: 4")
    (job,) = render(tmp_path)
    archiver = "publishers/hudson.tasks.ArtifactArchiver"
    assert job.place_of(f"{archiver}/onlyIfSuccessful") == job.place_of(archiver)
    assert job.place_of(f"{archiver}/latestOnly").line == job.place_of(archiver).line + 3
    parameters = "properties/hudson.model.ParametersDefinitionProperty/parameterDefinitions"
    flag = f"{parameters}/hudson.model.BooleanParameterDefinition"
    assert job.place_of(f"{flag}/defaultValue") == job.place_of(flag)  # no one wrote `default`


def test_an_option_inside_another_is_blamed_on_its_line(tmp_path: Path) -> None:
    """A job's own options may be mappings."""
    template = (
        "name: {{ name }}\nproject-type: pipeline\npipeline-scm:\n  scm:\n"
        "    - git:\n        url: https://example.org/a.git\n  script-path: ci/Jenkinsfile\n"
    )
    write_project(
        tmp_path, definitions="template: a.yaml.j2\njobs:\n  - name: A\n", template=template
    )
    (job,) = render(tmp_path)
    assert job.place_of("definition/scriptPath") == Position("templates/a.yaml.j2", 7, 16)


def test_an_item_of_a_text_is_not_blamed_on_another_that_begins_alike(tmp_path: Path) -> None:
    """The text is one option, which jenkins-job-builder splits at commas."""
    template = (
        "name: {{ name }}\nproperties:\n  - copyartifact:\n"
        "      projects: \"{{ copiers | join(',') }}\"\n"
    )
    definitions = "template: a.yaml.j2\njobs:\n  - name: A\n    copiers:\n"
    definitions += "      - deploy-all\n      - deploy\n"
    write_project(tmp_path, definitions=definitions, template=template)
    (job,) = render(tmp_path)
    made = {element.text: path for path, element in element_paths(job.parse())}
    lines = {name: job.place_of(made[name]).line for name in ("deploy-all", "deploy")}
    assert lines == {"deploy-all": 5, "deploy": 6}


def test_text_of_a_block_is_blamed_on_where_the_block_stands(tmp_path: Path) -> None:
    """Not on the template that it is put into, and not on a value in it."""
    base = "name: {{ name }}\ndescription: |\n{% block about %}{% endblock %}\n"
    text = '{% extends "base.yaml.j2" %}\n{% block about %}\n  Started by {{ who }} at once\n'
    text += "{% endblock %}\n"
    definitions = "template: a.yaml.j2\njobs:\n  - name: A\n    who: Bob\n"
    write_project(tmp_path, definitions=definitions, template=text)
    (tmp_path / "templates/base.yaml.j2").write_text(base)
    (after,) = render(tmp_path)
    live = replace(after, config=after.config.replace("Bob at once", "Zoe or so"))
    assert places(after, live) == {"description": "templates/a.yaml.j2:3"}
    live = replace(after, config=after.config.replace("Bob", "Zoe"))
    assert places(after, live) == {"description": "jobs/a.yaml:4"}


def test_text_around_a_value_is_not_blamed_on_the_value(edit: Edit) -> None:
    """Though the first letter that differs is the value's."""
    found = edit("templates/a.yaml.j2", "About {{ who }} and", "About {{ name }} or")
    assert found == {"description": "templates/a.yaml.j2:3"}


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("jobs/a.yaml", "  chosen: false", "  chosen: true", {"description": "chosen: true"}),
        ("jobs/a.yaml", "    kept: 3\n", "    kept: 3\n    strict: true\n",
         {"description": "strict: true"}),
        ("jobs/a.yaml", "first: true", "first: false", {"description": "first: false"}),
        ("jobs/settings.yaml", "false", "true", {"timestamps": "verbose: true"}),
        ("jobs/a.yaml", "USER:eve, USER:bob", "USER:eve", {"permissions: permission 2": "people"}),
        ("templates/a.yaml.j2", "that anybody looks", "that all look",
         {"description": "that all look"}),
        ("templates/a.yaml.j2", "num-to-keep: 9", "num-to-keep: 8",
         {"builds to keep: builds": "num-to-keep"}),
    ],
)  # fmt: skip
def test_what_a_value_decided_is_blamed_on_the_value(
    tmp_path: Path, file: str, old: str, new: str, told: dict[str, str]
) -> None:
    """An `if` that it lets take another way, a list that it picks for; not what is reworded."""
    write_files(tmp_path, STEERED)
    before = render(tmp_path)[0]
    text = STEERED[file].replace(old, new, 1)
    (tmp_path / file).write_text(text)
    lines = text.split("\n")
    live = replace(before, blame=(), steering=())  # as a server has it
    expected = {
        label: f"{file}:{next(n for n, line in enumerate(lines, 1) if part in line)}"
        for label, part in told.items()
    }
    assert places(render(tmp_path)[0], live) == expected


@pytest.mark.parametrize(
    ("condition", "before", "after"),
    [
        ("level > least", "9", "1"),
        ("level and 'prod' == least", "dev", "prod"),
        ("level and 'a' in least", "bob", "eva"),
    ],
)
def test_what_two_values_decided_is_blamed_on_neither(
    tmp_path: Path, condition: str, before: str, after: str
) -> None:
    """Wherever in the condition they stand: the template's line says which they are."""
    template = (
        "name: {{ name }}\ndescription: |\n  All of it.\n"
        f"  {{% if {condition} %}}\n  It is level enough.\n  {{% endif %}}\n  The end.\n"
    )
    definitions = "template: a.yaml.j2\njobs:\n  - name: A\n    level: 5\n    least: "
    found: list[Config] = []
    for least in (before, after):
        write_project(tmp_path, definitions=f"{definitions}{least}\n", template=template)
        found += render(tmp_path)
    live = replace(found[0], blame=(), steering=())
    assert places(found[1], live) == {"description": "templates/a.yaml.j2:5"}


def test_a_kept_plan_knows_the_same_places(edit: Edit, tmp_path: Path) -> None:
    """Those of parts of texts too."""
    edit("jobs/a.yaml", "who: bob", "who: eve")
    wanted = render(tmp_path)
    basis = Basis(wanted, observe(jenkins(), [], with_orphans=False))
    save_plan(basis, tmp_path / "plan")
    assert load_plan(tmp_path / "plan").desired == wanted
    assert any(blame.pieces for blame in wanted[0].blame)
