"""Entry points are those that pkg_resources finds, without importing it."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from cfl_jobs.rendering.entrypoints import EntryPoint, iter_entry_points

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    # Its types are other ones in each version of setuptools, and in some there are none.
    pkg_resources: Any = importlib.import_module("pkg_resources")

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("kind", ["modules", "projects", "views", "builders", "publishers"])
def test_the_entry_points_are_those_that_pkg_resources_finds(kind: str) -> None:
    group = f"jenkins_jobs.{kind}"
    theirs = [
        (point.name, point.module_name, point.attrs, point.dist.key)
        for point in pkg_resources.iter_entry_points(group)
    ]
    ours = [
        (point.name, point.module_name, point.attrs, point.dist.name)
        for point in iter_entry_points(group)
    ]
    assert ours == theirs
    assert theirs


def test_a_name_chooses_one() -> None:
    (found,) = iter_entry_points("jenkins_jobs.projects", name="pipeline")
    assert found.load().__name__ == "Pipeline"


def test_without_attributes_the_module_itself_is_meant() -> None:
    assert EntryPoint("all", "json.decoder").load().__name__ == "json.decoder"


def test_what_is_not_there_is_an_import_error() -> None:
    with pytest.raises(ImportError):
        EntryPoint("none", "json.no_such_module").load()


def run_python(program: str) -> str:
    command = [sys.executable, "-c", f"import sys; from pathlib import Path; {program}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_rendering_imports_neither_pkg_resources_nor_requests() -> None:
    """They are more than a third of what rendering the chain took."""
    rendering = "from cfl_jobs.rendering.render import render; assert render(Path());"
    heavy = "print({'pkg_resources', 'requests', 'jenkins'} & set(sys.modules))"
    assert run_python(rendering + heavy) == "set()\n"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_python_jenkins_is_whole_before_and_after(order: tuple[int, int]) -> None:
    both = ("import cfl_jobs.rendering.generator", "import cfl_jobs.targets.client")
    look = "import jenkins, jenkins_jobs.registry as registry"
    same = (
        "print(jenkins.Jenkins.__name__, jenkins.plugins.PluginVersion is registry.PluginVersion)"
    )
    program = "; ".join([*(both[number] for number in order), look, same])
    assert run_python(program) == "Jenkins True\n"
