"""Only the project's own files are read: a pull request can't show others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfl_jobs.errors import DefinitionError
from cfl_jobs.rendering.render import render
from tests.case_files import write_project

SECRET = "hunter2: not yours"


@pytest.fixture
def project(tmp_path: Path) -> Path:
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
def test_a_link_out_of_the_project_is_not_followed(project: Path, file: str) -> None:
    path = project / file
    path.unlink()
    path.symlink_to(project.parent / "secret")
    told = findings(project)
    assert f"{file}" in told
    assert "it leads out of the project" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("file", ["templates/a.yaml.j2", "templates/scripts/a.sh"])
def test_a_link_to_git_s_own_files_is_not_followed(project: Path, file: str) -> None:
    """A checkout may keep its token in .git/config."""
    (project / ".git").mkdir()
    (project / ".git/config").write_text(f"#!/bin/sh\n{SECRET}\n")
    path = project / file
    path.unlink()
    path.symlink_to(project / ".git/config")
    told = findings(project)
    assert "it leads out of the project's templates/" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("file", ["jobs/a.yaml", "templates/a.yaml.j2", "templates/scripts/a.sh"])
def test_a_link_to_itself_is_told_without_the_machine_s_paths(project: Path, file: str) -> None:
    path = project / file
    path.unlink()
    path.symlink_to(path.name)
    told = findings(project)
    assert "link to itself" in told or "no template" in told or "no script" in told
    assert str(project.resolve()) not in told


@pytest.mark.parametrize("file", ["jobs/a.yaml", "templates/a.yaml.j2", "templates/scripts/a.sh"])
def test_a_pipe_is_not_waited_for(project: Path, file: str) -> None:
    path = project / file
    path.unlink()
    os.mkfifo(path)
    assert "it is no plain file" in findings(project)


def test_a_link_to_nothing_is_told(project: Path) -> None:
    (project / "jobs/b.yaml").symlink_to("nothing")
    assert "jobs/b.yaml:1:1: can't be read" in findings(project)


def test_a_link_inside_the_project_is_followed(project: Path) -> None:
    (project / "templates/scripts/a.sh").rename(project / "templates/scripts/b.sh")
    (project / "templates/scripts/a.sh").symlink_to("b.sh")
    assert "true" in render(project)[0].config


@pytest.mark.parametrize("name", ["../../../secret", "{outside}", "../../jobs/a.yaml"])
def test_a_script_is_only_taken_from_its_directory(project: Path, name: str) -> None:
    name = name.format(outside=project.parent / "secret")
    template = f'name: {{{{ name }}}}\nbuilders:\n  - shell: {{{{ script("{name}") }}}}\n'
    (project / "templates/a.yaml.j2").write_text(template)
    told = findings(project)
    assert "templates/a.yaml.j2:3" in told
    assert "hunter2" not in told


def test_settings_alone_are_no_chain(tmp_path: Path) -> None:
    write_project(tmp_path, settings="settings: {}\n")
    assert "no job and no view is defined" in findings(tmp_path)


def test_text_in_another_encoding_is_told_with_its_line(project: Path) -> None:
    (project / "templates/a.yaml.j2").write_bytes(b"name: {{ name }}\ndescription: \xfcmlaut\n")
    assert "line 2 is not UTF-8" in findings(project)
