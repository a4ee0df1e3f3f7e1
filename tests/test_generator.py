"""jenkins-job-builder makes the same bytes of tracked data as of plain data, module by module."""

from __future__ import annotations

import copy
import importlib
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cfl_jobs.errors import Position
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import TrackedDict, unread_places
from cfl_jobs.rendering.generator import _NO_CONFIG, Generator, iter_entry_points, light_imports
from cfl_jobs.rendering.losses import find_losses

with light_imports():
    from jenkins_jobs.registry import ModuleRegistry
    from jenkins_jobs.xml_config import XmlJobGenerator
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    # Its types are other ones in each version of setuptools, and in some there are none.
    pkg_resources: Any = importlib.import_module("pkg_resources")

CASES = sorted((Path(__file__).parent / "cases/generator").glob("*.yaml"))
assert len(CASES) >= 3


def load(text: str) -> TrackedDict:
    loaded = load_yaml(text, "a.yaml")
    assert not loaded.findings
    assert isinstance(loaded.value, TrackedDict)
    return loaded.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_tracking_changes_no_byte_and_every_key_is_read(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = case.read_text(encoding="utf-8")
    plain: Any = copy.deepcopy(yaml.safe_load(text))
    with monkeypatch.context() as patched:
        patched.setattr("jenkins_jobs.registry.pkg_resources", pkg_resources)
        patched.setattr("jenkins_jobs.xml_config.pkg_resources", pkg_resources)
        maker = XmlJobGenerator(ModuleRegistry(_NO_CONFIG, None))
        expected = maker._getXMLForData(plain).output().decode("utf-8")
    data = load(text)
    made = Generator().generate(data, is_view=False)
    assert made.problems == ()
    assert made.text == expected
    assert list(unread_places(data)) == []


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


@pytest.mark.parametrize(
    ("text", "message", "place", "advice"),
    [
        ("builders:\n  - copyartifact: {projct: A}",
         "missing project from an instance of 'builder.copyartifact'", "a.yaml:3:20",
         "Did you mean 'project'?"),
        ("scm:\n  - git: {ulr: x}", 'must specify a url for git remote "origin"', "a.yaml:3:11",
         "Did you mean 'url'?"),
        ("project-type: workflow\ndsll: x", "missing dsl in the job", "a.yaml:3:1",
         "Did you mean 'dsl'?"),
        ("builders: {shell: x}", "'builders': a mapping is not a list", "a.yaml:2:11",
         "Write a list, each entry after '- '."),
        (
            "parameters:\n  - active-choices: [{a: b}]",
            "jenkins-job-builder can't take this (TypeError: list indices must be integers or "
            "slices, not str)",
            "a.yaml:3:3",
            "Compare its options, and which are lists and which mappings, with the module's page.",
        ),
        ("quiet-period: 7\npublishers:\n  - email-ext: {recipients: 7}",
         "7 can't be the text of <recipientList>", "a.yaml:4:29", "Put it in quotes."),
        ("display-name: [a]\nworkspace: [a]", "a list can't be the text of <displayName>",
         "a.yaml:2:15", "Write one text."),
    ],
)  # fmt: skip
def test_what_a_module_cannot_take_is_told_at_its_line(
    text: str, message: str, place: str, advice: str
) -> None:
    made = Generator().generate(load(f"name: x\n{text}\n"), is_view=False)
    problem = made.problems[0]
    assert (problem.message, str(problem.position), problem.advice) == (message, place, advice)


def test_a_job_is_made_again_with_changes_and_stays_as_it_was() -> None:
    data = load("name: x\nbuilders:\n  - shell: a\n  - copyartifact: {project: b}\n")
    made = Generator().generate(data, is_view=False)
    steps: Any = dict.get(data, "builders")
    options: Any = dict.get(steps[1], "copyartifact")
    asked = options.asked_keys()
    changed = made.again({(id(options), "project"): ("project", "c")})
    assert changed == made.text.replace("<project>b</project>", "<project>c</project>")
    assert "<command>d</command>" in made.again({(id(steps), 0): (0, {"shell": "d"})})
    assert made.again({(id(options), "project"): ("projct", "b")}) != made.text
    assert made.again({}) == made.text
    assert (dict(options.raw_items()), options.asked_keys()) == ({"project": "b"}, asked)


def test_elements_are_what_their_text_says() -> None:
    """Some modules put attributes into a tag; multibranch makes an element without one."""
    text = (
        "name: x\nproject-type: multibranch\nscm:\n  - git:\n      url: y\n"
        "      build-strategies:\n        - raw: {xml: <strategy/>}\n"
    )
    made = Generator().generate(load(text), is_view=False)
    assert made.root.find(".//buildStrategies/strategy") is not None
    view = "name: x\nview-type: list\ncolumns: [extra-workspace-link]\n"
    column = Generator().generate(load(view), is_view=True).root.find("columns")
    assert column is not None
    assert [(part.tag, part.attrib) for part in column] == [
        ("jenkins.plugins.extracolumns.WorkspaceColumn", {"plugin": "extra-columns"})
    ]


def test_an_unknown_kind_of_job_is_told_with_the_known_ones() -> None:
    made = Generator().generate(load("name: x\nproject-type: freestle\n"), is_view=False)
    assert made.problems[0].position == Position("a.yaml", 2, 15)
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
    data = load("name: x\nwrappers:\n  - timeout: {timeout: 3}\n")
    text = (
        Generator(Inventory({"build-timeout": version}).as_plugins_list())
        .generate(data, is_view=False)
        .text
    )
    assert ("<strategy" in text) == has_strategy


def test_a_raw_field_stands_in_place_of_what_jenkins_job_builder_writes() -> None:
    """There may be several; Jenkins refuses a field that is there twice."""
    fields = "  - xml: <canRoam>false</canRoam>\n  - xml: <odd><a>1</a></odd>\n"
    made = Generator().generate(load(f"name: a\nraw:\n{fields}"), is_view=False)
    assert [e.text for e in made.root.iter("canRoam")] == ["false"]
    assert made.root.findtext("odd/a") == "1"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("{xml: '<a></b>'}", "a job's raw field: mismatched tag"),
        ("[{html: '<a/>'}]", "a job's raw field is a mapping with xml"),
        ("<a/>", "a job's raw field is a mapping with xml"),
    ],
)
def test_a_wrong_raw_field_is_told_at_its_place(raw: str, message: str) -> None:
    (problem,) = Generator().generate(load(f"name: a\nraw: {raw}\n"), is_view=False).problems
    assert problem.message.startswith(message)
    assert str(problem.position).startswith("a.yaml:2:")


ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("kind", ["modules", "projects", "views", "builders", "publishers"])
def test_the_entry_points_are_those_that_pkg_resources_finds(kind: str) -> None:
    group = f"jenkins_jobs.{kind}"
    theirs = [
        (point.name, point.module_name, ".".join(point.attrs), point.dist.key)
        for point in pkg_resources.iter_entry_points(group)
    ]
    ours = [
        (point.name, point.module, point.attr, point.dist and point.dist.name)
        for point in iter_entry_points(group)
    ]
    assert ours == theirs
    assert theirs


@pytest.mark.parametrize("kind", ["builder", "parameter", "property", "publisher", "trigger"])
def test_components_are_those_that_jenkins_job_builder_finds(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks pkg_resources for them; both take the functions of its modules."""
    ours = Generator().functions_of(kind)
    monkeypatch.setattr("jenkins_jobs.registry.pkg_resources", pkg_resources)
    theirs = ModuleRegistry(_NO_CONFIG)
    point = theirs.modules_by_component_type[kind]
    found = theirs._load_eps(theirs.get_component_list_type(point), kind, point, "")
    assert (ours, len(ours) > 5) == (found, True)


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


def documented_options(text: str) -> dict[str, Any]:
    return {name: _VALUES.get(kind, "a") for kind, name in _ARGUMENT.findall(text)}


def components() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, data) of jobs that each hold one component of jenkins-job-builder's."""
    generator = Generator()
    for kind, listed in LISTS.items():
        for name in sorted(generator.functions_of(kind)):
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


def test_no_module_ends_the_run_for_the_others() -> None:
    """What jenkins-job-builder can't take is a finding of that job, with its place."""
    generator = Generator()
    sound = []
    for name, plain in (*components(), *kinds_of_jobs()):
        data = load(yaml.safe_dump({"name": "x", **plain}, sort_keys=False))
        made = generator.generate(data, is_view=False)
        findings = (*made.problems, *find_losses(data, made, word="job"))
        assert [found for found in findings if not found.position] == [], name
        if not findings and name.endswith(" whole"):
            sound.append(name)
    assert len(sound) > 150  # of 395: documentation doesn't tell what each option's value can be
