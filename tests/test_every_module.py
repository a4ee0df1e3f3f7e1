"""Whatever a module of jenkins-job-builder makes of its options, the other jobs are rendered.

Its examples aren't installed with it (benchmarks/losses.py fetches and renders them), so jobs are
made of what each module documents: every option at once, none, and a list of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from cfl_jobs.configs.config import Config
from cfl_jobs.errors import DefinitionError, Finding
from cfl_jobs.rendering.entrypoints import iter_entry_points
from cfl_jobs.rendering.generator import Generator
from cfl_jobs.rendering.render import render

LISTS = {
    "builder": "builders",
    "metadata": "metadata",
    "notification": "notifications",
    "parameter": "parameters",
    "property": "properties",
    "publisher": "publishers",
    "reporter": "reporters",
    "scm": "scm",
    "trigger": "triggers",
    "wrapper": "wrappers",
}
_ARGUMENT = re.compile(r":arg (\w+) ([\w-]+):")
_VALUES: dict[str, Any] = {"bool": True, "int": 1, "list": ["a"], "dict": {"a": "b"}}
TEMPLATE = "name: {{ name }}\n{% for key in data %}\n{{ key }}: {{ data[key] }}\n{% endfor %}\n"


def documented_options(text: str) -> dict[str, Any]:
    return {name: _VALUES.get(kind, "a") for kind, name in _ARGUMENT.findall(text)}


def components() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, data) of jobs that each hold one component of jenkins-job-builder's."""
    generator = Generator()
    for kind, listed in LISTS.items():
        for name in generator.component_names(kind):
            made = generator.make_component(kind, {name: None}, parent="project")
            options = documented_options(made.components[-1].documentation)
            forms = {"alone": name, "whole": {name: options}, "listed": {name: [options]}}
            for form, component in forms.items():
                data: dict[str, Any] = {listed: [component]}
                if kind == "reporter":
                    data["project-type"] = "maven"
                yield f"{kind} {name} {form}", data


def kinds_of_jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for point in iter_entry_points("jenkins_jobs.projects"):
        options = documented_options("\n".join(map(str, vars(point.load()).values())))
        yield f"project {point.name} alone", {"project-type": point.name}
        yield f"project {point.name} whole", {"project-type": point.name, **options}


def write(project: Path, jobs: dict[str, dict[str, Any]]) -> None:
    (project / "jobs").mkdir(exist_ok=True)
    (project / "templates").mkdir(exist_ok=True)
    entries = [{"name": name, "data": data} for name, data in jobs.items()]
    text = yaml.safe_dump({"template": "a.yaml.j2", "jobs": entries}, sort_keys=False)
    (project / "jobs/a.yaml").write_text(text)
    (project / "templates/a.yaml.j2").write_text(TEMPLATE)


def attempt(project: Path) -> tuple[tuple[Config, ...], tuple[Finding, ...]]:
    try:
        return render(project), ()
    except DefinitionError as error:
        return (), error.findings


def test_no_module_ends_the_run_for_the_others(tmp_path: Path) -> None:
    """What jenkins-job-builder can't take is a finding of that job, with its place."""
    jobs = dict([*components(), *kinds_of_jobs()])
    findings: Sequence[Finding] = ()
    rendered: Sequence[Config] = ()
    while not rendered:
        write(tmp_path, jobs)
        rendered, findings = attempt(tmp_path)
        assert [found for found in findings if not (found.position and found.origins)] == []
        # Of findings that many jobs share, only the first of them are named.
        roles = {origin.role for found in findings for origin in found.origins}
        jobs = {
            name: data for name, data in jobs.items() if f"for the job {name!r} at" not in roles
        }
    assert [job.name for job in rendered] == list(jobs)
    whole = [name for name in jobs if name.endswith(" whole")]
    assert len(whole) > 150  # of 395: documentation doesn't tell what each option's value can be
