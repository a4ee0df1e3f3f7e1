"""Rendering a project's own files: what comes out, in which order, and who is blamed for what."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import CflJobsError, DefinitionError, Position
from cfl_jobs.rendering.render import render
from cfl_jobs.target import Kind
from tests.case_files import write_project

TEMPLATE = """\
name: {{ name }}
description: {{ text }}
builders:
  - shell: {{ text }}
  - shell: |
      echo {{ text }}
  - shell: {{ script("a.sh", who=text) }}
publishers:
  - archive:
      artifacts: "{{ text }}.txt"
"""
SCRIPT = '#!/usr/bin/env bash\n: "${who:?}"\necho "$who"\n'
DEFINITIONS = """\
template: a.yaml.j2
jobs:
  - name: Zulu
    text: "quotes ' \\" & <tags> — ümlaut 🎉"
  - name: Alpha
    text: a
    moved: Old Alpha
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path, definitions=DEFINITIONS, template=TEMPLATE, script=SCRIPT)
    return tmp_path


def test_jobs_come_in_the_order_of_their_definitions(project: Path) -> None:
    assert [job.name for job in render(project)] == ["Zulu", "Alpha"]


def test_the_same_input_gives_the_same_bytes(project: Path) -> None:
    assert render(project) == render(project)


def test_any_text_reaches_the_config_whole(project: Path) -> None:
    root = parse_config(render(project)[0].config, name="Zulu")
    text = "quotes ' \" & <tags> — ümlaut 🎉"
    assert root.findtext("description") == text
    assert [step.text for step in root.iter("command")][:2] == [text, f"echo {text}\n"]


def test_each_part_of_a_config_is_blamed_on_its_line(project: Path) -> None:
    zulu, alpha = render(project)
    steps = "builders/hudson.tasks.Shell"
    assert zulu.place_of("description") == Position("jobs/a.yaml", 4, 11)
    assert zulu.place_of(f"{steps}[1]/command") == Position("jobs/a.yaml", 4, 11)
    assert zulu.place_of(f"{steps}[2]/command") == Position("templates/a.yaml.j2", 5, 12)
    assert zulu.place_of(f"{steps}[3]/command") == Position("templates/scripts/a.sh", 1, 1)
    assert zulu.place_of("publishers/hudson.tasks.ArtifactArchiver/fingerprint") == Position(
        "templates/a.yaml.j2", 9, 5
    )
    assert alpha.place_of("keepDependencies") == alpha.definition == Position("jobs/a.yaml", 5, 5)
    assert alpha.moved_from == ("Old Alpha",)


def test_a_filter_renders_only_what_it_names(project: Path) -> None:
    assert [job.name for job in render(project, only=["Al*"])] == ["Alpha"]
    assert [job.name for job in render(project, only=["Zulu"])] == ["Zulu"]
    with pytest.raises(
        CflJobsError, match=re.compile("no job or view is called 'Zuly'.*Zulu", re.S)
    ):
        render(project, only=["Zuly"])


def test_a_filter_hides_no_misspelt_variable_of_another_job(project: Path) -> None:
    path = project / "jobs/a.yaml"
    path.write_text(path.read_text() + "    txet: b\n")
    with pytest.raises(DefinitionError, match="no template reads the variable 'txet'"):
        render(project, only=["Zulu"])


def test_views_and_folders_are_rendered(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        definitions="template: a.yaml.j2\nviews:\n  - name: All of it\n",
        template="name: {{ name }}\nview-type: list\njob-name: [a]\n",
    )
    (tmp_path / "jobs/f.yaml").write_text("template: f.yaml.j2\njobs:\n  - name: team\n")
    (tmp_path / "templates/f.yaml.j2").write_text("name: {{ name }}\nproject-type: folder\n")
    view, folder = render(tmp_path)
    assert (view.kind, parse_config(view.config, name="v").tag) == (
        Kind.VIEW,
        "hudson.model.ListView",
    )
    assert folder.kind is Kind.JOB
    assert parse_config(folder.config, name="f").tag.endswith("Folder")


def test_a_directory_without_jobs_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(CflJobsError, match=r"no directory jobs/ in .*\n.*Run cfl-jobs where"):
        render(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "place"),
    [
        ("script", "echo", "templates/scripts/a.sh:3"),
        ("definitions", "Bob", "jobs/a.yaml:4:"),
        ("template", "Says", "templates/a.yaml.j2:2:"),
    ],
)
def test_a_line_separator_is_refused_where_it_stands(
    tmp_path: Path, file: str, old: str, place: str
) -> None:
    """Jenkins would make a line's end of it when it starts again; of U+0085 it doesn't."""
    files = {
        "definitions": 'template: a.yaml.j2\njobs:\n  - name: A\n    who: "Bob"\n',
        "template": (
            "name: {{ name }}\ndescription: Says hello to {{ who }}\n"
            "builders:\n  - shell: {{ script('a.sh') }}\n"
        ),
        "script": "#!/bin/sh\n\necho hello\n",
    }
    kept, refused = ("\\x85", "\\u2028") if file == "definitions" else ("\x85", "\u2028")
    render(write_project(tmp_path, **files | {file: files[file].replace(old, f"{old}{kept}")}))
    write_project(tmp_path, **files | {file: files[file].replace(old, f"{old}{refused}")})
    with pytest.raises(DefinitionError) as raised:
        render(tmp_path)
    (finding,) = raised.value.findings
    assert "a line's end of U+2028" in finding.message
    assert str(finding.position).startswith(place)


# Only the project's own files are read: a pull request can't show others.
SECRET = "hunter2: not yours"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(f"#!/bin/sh\n{SECRET}\n")
    return write_project(
        tmp_path / "project",
        definitions="template: a.yaml.j2\njobs:\n  - name: One\n",
        template='name: {{ name }}\nbuilders:\n  - shell: {{ script("a.sh") }}\n',
        script="#!/bin/sh\ntrue\n",
    )


def findings(root: Path) -> str:
    with pytest.raises(DefinitionError) as caught:
        render(root)
    return str(caught.value)


@pytest.mark.parametrize("file", ["jobs/a.yaml", "templates/a.yaml.j2", "templates/scripts/a.sh"])
@pytest.mark.parametrize(
    ("leads_to", "told"),
    [
        ("secret", "it leads out of the project"),
        # A checkout may keep its token in .git/config.
        ("project/.git/config", "it leads out of the project's {}/"),
        ("project/{}", "link to itself|no template|no script"),
        ("", "it is no plain file"),  # a pipe, which is not waited for
    ],
)
def test_what_is_no_file_of_the_project_is_not_followed(
    small: Path, file: str, leads_to: str, told: str
) -> None:
    (small / ".git").mkdir()
    (small / ".git/config").write_text(f"#!/bin/sh\n{SECRET}\n")
    path = small / file
    path.unlink()
    if leads_to:
        path.symlink_to(small.parent / leads_to.format(file))
    else:
        os.mkfifo(path)
    found = findings(small)
    assert file in found
    assert re.search(told.format(file.partition("/")[0]), found)
    assert "hunter2" not in found
    assert str(small.resolve()) not in found


def test_a_link_to_nothing_is_told(small: Path) -> None:
    (small / "jobs/b.yaml").symlink_to("nothing")
    assert "jobs/b.yaml:1:1: can't be read" in findings(small)


def test_a_link_inside_the_project_is_followed(small: Path) -> None:
    (small / "templates/scripts/a.sh").rename(small / "templates/scripts/b.sh")
    (small / "templates/scripts/a.sh").symlink_to("b.sh")
    assert "true" in render(small)[0].config


@pytest.mark.parametrize("name", ["../../../secret", "{outside}", "../../jobs/a.yaml"])
def test_a_script_is_only_taken_from_its_directory(small: Path, name: str) -> None:
    name = name.format(outside=small.parent / "secret")
    template = f'name: {{{{ name }}}}\nbuilders:\n  - shell: {{{{ script("{name}") }}}}\n'
    (small / "templates/a.yaml.j2").write_text(template)
    told = findings(small)
    assert "templates/a.yaml.j2:3" in told
    assert "hunter2" not in told


def test_settings_alone_are_no_chain(tmp_path: Path) -> None:
    write_project(tmp_path, settings="settings: {}\n")
    assert "no job and no view is defined" in findings(tmp_path)


def test_text_in_another_encoding_is_told_with_its_line(small: Path) -> None:
    (small / "templates/a.yaml.j2").write_bytes(b"name: {{ name }}\ndescription: \xfcmlaut\n")
    assert "line 2 is not UTF-8" in findings(small)
