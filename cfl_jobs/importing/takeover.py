"""A job's config XML → the files of its definition, proved to render to an equal config.

The data is as jenkins-job-builder takes it: modules, else raw XML.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.check.secret_text import find_secrets, is_secret
from cfl_jobs.configs.config import normalise, take_build_written
from cfl_jobs.configs.configxml import element_paths, format_config, parse_config
from cfl_jobs.configs.fields import BUILT_IN_NODE, ENCRYPTED
from cfl_jobs.configs.mark import description_of, set_description, split_description
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.errors import CflJobsError, ConfigError, DefinitionError, count, suggest
from cfl_jobs.files import write_whole
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.trial import NAMES, is_idle
from cfl_jobs.importing.writing import (
    RawXml,
    Verbatim,
    describe,
    keep_raw,
    write_template,
    write_text,
)
from cfl_jobs.reading.definitions import Definitions
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.names import find_name_problem
from cfl_jobs.rendering.options import COMPONENT_LISTS
from cfl_jobs.rendering.render import render
from cfl_jobs.target import Kind, name_command

_PACKAGE = "org.jenkinsci.plugins.workflow"
_PIPELINE = "flow-definition"
_FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
_MULTIBRANCH = f"{_PACKAGE}.multibranch.WorkflowMultiBranchProject"
PROJECT_TYPES = NAMES["project-types"]
_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
_DISCARDER = "jenkins.model.BuildDiscarderProperty"
_NO_CONCURRENT = f"{_PACKAGE}.job.properties.DisableConcurrentBuildsJobProperty"
_PIPELINE_TRIGGERS = f"{_PACKAGE}.job.properties.PipelineTriggersJobProperty"
_SCRIPT = f"{_PACKAGE}.cps.CpsFlowDefinition"
_SCRIPT_FROM_SCM = f"{_PACKAGE}.cps.CpsScmFlowDefinition"


_RUNS_ON_NODES = frozenset(PROJECT_TYPES) - {_PIPELINE, _FOLDER, _MULTIBRANCH}
_SEVERAL_SCMS = "org.jenkinsci.plugins.multiplescms.MultiSCM"
_NAME = Verbatim("{{ name }}")
_ROTATION = ("daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep")


class Takeover:
    """What became of a job: its `data`, and how many of its elements are `modules`.

    `kept` names the elements that stay raw XML; fields of the root in `raw_fields` are to.
    """

    def __init__(
        self, root: ET.Element, solver: ComponentSolver, *, raw_fields: frozenset[str]
    ) -> None:
        self._solver, self._type = solver, PROJECT_TYPES[root.tag]
        self.data: dict[str, object] = {"name": _NAME, "project-type": self._type}
        self.modules = 0
        self.kept: list[str] = []
        if root.find(f"properties/{_DISCARDER}") is not None:
            # The option is refused beside the property that overrides it.
            raw_fields |= {"logRotator"}
        self._take_root(root)
        for child in root:
            if child.tag not in raw_fields:
                self._take_field(child)
        fields = [replace(self._keep(it), is_field=True) for it in root if it.tag in raw_fields]
        if fields:
            self.data["raw"] = fields if len(fields) > 1 else fields[0]

    def _take_root(self, root: ET.Element) -> None:
        data = self.data
        if description := split_description(root.findtext("description") or "")[0]:
            data["description"] = _lines(description)
        if self._type == "maven":
            data["maven"] = self._solver.solve_root("maven", root)
        if self._type == "multibranch":
            data |= {"scm": [], **self._solver.solve_root("multibranch", root)}
        if self._type == "pipeline":
            data["dsl"] = ""  # unless there is a definition
            data["concurrent"] = root.find(f"properties/{_NO_CONCURRENT}") is None
        if root.tag in _RUNS_ON_NODES and root.findtext("canRoam") != "true":
            data["node"] = BUILT_IN_NODE  # unless a label says otherwise

    def _take_field(self, child: ET.Element) -> None:
        """Add what makes a field; whether it does is found by comparing, afterwards."""
        tag, text = child.tag, _lines(child.text or "")
        data = self.data
        if tag == "scm" and (scms := list(_list_scms(child))):
            data["scm"] = self._components("scm", scms)
        elif not len(child) and not text:
            return
        elif tag in NAMES["texts"]:
            data[NAMES["texts"][tag]] = text
        elif tag in NAMES["numbers"] and text.isdecimal():
            data[NAMES["numbers"][tag]] = int(text)
        elif tag in NAMES["flags"] and text == "true":
            data[NAMES["flags"][tag]] = True
        elif tag == "logRotator":
            told: dict[str, object] = {key: child.findtext(key, "-1") for key in _ROTATION}
            for key, said in told.items():
                with suppress(ValueError):
                    told[key] = int(str(said))
            data["logrotate"] = told
        elif tag == "properties":
            self._take_properties(child)
        elif (key := {"buildWrappers": "wrappers"}.get(tag, tag)) in COMPONENT_LISTS:
            data[key] = self._components(COMPONENT_LISTS[key], child)
        elif tag == "definition" and self._type == "pipeline":
            self._take_definition(child)
        elif self._type == "matrix":
            _take_matrix_field(child, data)

    def _take_properties(self, properties: ET.Element) -> None:
        parameters = [[it.tag for it in each] for each in properties.findall(_PARAMETERS)]
        listed = parameters == [["parameterDefinitions"]]
        entries: list[object] = []
        for element in properties:
            is_pipeline = self._type == "pipeline"
            if element.tag == _PARAMETERS and listed and len(element[0]):
                self.data["parameters"] = self._components("parameter", element[0])
            elif is_pipeline and element.tag == _NO_CONCURRENT:
                if element.findtext("abortPrevious") == "true":
                    self.data["concurrent"] = True  # so that it isn't written twice
                    entries.append(self._keep(element))
            elif is_pipeline and element.tag == _PIPELINE_TRIGGERS:
                if triggers := element.findall("triggers/*"):
                    self.data["triggers"] = self._components("trigger", triggers)
            elif not is_idle(element):
                entries.append(self._component("property", element))
        if entries:
            self.data["properties"] = entries

    def _take_definition(self, definition: ET.Element) -> None:
        data = self.data
        kind = definition.get("class")
        if kind == _SCRIPT:
            data["dsl"] = _lines(definition.findtext("script") or "")
            if definition.findtext("sandbox") == "true":
                data["sandbox"] = True
            return
        scm = definition.find("scm")
        if kind != _SCRIPT_FROM_SCM or scm is None:
            return  # the comparison will name it
        del data["dsl"]
        options: dict[str, object] = {"scm": [self._component("scm", scm)]}
        options["script-path"] = definition.findtext("scriptPath") or ""
        if definition.find("lightweight") is not None:
            options["lightweight-checkout"] = definition.findtext("lightweight") == "true"
        data["pipeline-scm"] = options

    def _components(self, kind: str, parent: Iterable[ET.Element]) -> list[object]:
        return [self._component(kind, element) for element in parent]

    def _component(self, kind: str, element: ET.Element) -> object:
        made = self._solver.solve(kind, element)
        if made is None:
            return self._keep(element)
        self.modules += 1
        return made

    def _keep(self, element: ET.Element) -> RawXml:
        self.kept.append(describe(element))
        return keep_raw(element)


def _list_scms(scm: ET.Element) -> Iterator[ET.Element]:
    """Yield a checkout, or the parts of one of several as they would be alone."""
    if scm.get("class") == _SEVERAL_SCMS:
        for part in scm.findall("scms/*"):
            alone = ET.Element("scm", {**part.attrib, "class": part.tag})
            alone.extend(part)
            yield alone
    elif scm.get("class") != "hudson.scm.NullSCM":
        yield scm


_STRATEGY = "hudson.matrix.DefaultMatrixExecutionStrategyImpl"


def _take_matrix_field(child: ET.Element, data: dict[str, Any]) -> None:
    strategy: dict[str, object] = {}
    if child.tag == "axes" and all(axis.tag in NAMES["axes"] for axis in child):
        data["axes"] = [
            {
                "axis": {
                    "type": NAMES["axes"][axis.tag],
                    "name": axis.findtext("name") or "",
                    "values": [value.text or "" for value in axis.findall("values/string")],
                }
            }
            for axis in child
        ]
    elif child.tag == "combinationFilter":
        strategy["combination-filter"] = child.text or ""
    elif child.tag == "executionStrategy" and child.get("class") == _STRATEGY:
        strategy["sequential"] = child.findtext("runSequentially") == "true"
        if expression := child.findtext("touchStoneCombinationFilter"):
            result = child.findtext("touchStoneResultCondition/name", "SUCCESS")
            names = {"SUCCESS": "stable", "UNSTABLE": "unstable"}
            strategy["touchstone"] = {"expr": expression, "result": names.get(result, result)}
    if child.tag in ("combinationFilter", "executionStrategy"):
        data.setdefault("execution-strategy", {}).update(strategy)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


_ENCRYPTED = re.compile(ENCRYPTED)
_PASSWORD = re.compile(
    r".*/hudson\.model\.PasswordParameterDefinition(\[\d+\])?/defaultValue(\[\d+\])?"
)
_SHOWN = 3
_CONTROL = re.compile(r"[^\t\n\r -\u2027\u2029-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Imported:
    """A job as definition: its files by path, how many elements are modules, which are raw XML.

    `left` are tags of elements that its builds wrote, and that are left to them.
    """

    name: str
    files: tuple[tuple[str, str], ...]
    modules: int
    kept: tuple[str, ...]
    left: tuple[str, ...] = ()


def import_config(
    config: str, *, name: str, solver: ComponentSolver, inventory: str | None
) -> Imported:
    """Return a job's definition. `inventory` is the text of jobs/plugins.yaml.

    Raises ConfigError where there is something that can't be taken over, and says what.
    """
    root = parse_config(config, name=name)
    _refuse(root, name)
    left = take_build_written(root)
    unmarked = deepcopy(root)
    if (description := split_description(description_of(root))[0]) != description_of(root):
        set_description(unmarked, description)
    wanted = normalise(format_config(unmarked), name=name)
    raw_fields: frozenset[str] = frozenset()
    while True:
        taken = Takeover(root, solver, raw_fields=raw_fields)
        files = write_files(name, taken)
        different = _find_different_fields(wanted, _render(files, name, inventory))
        if not different:
            names = tuple(dict.fromkeys(each.element.tag for each in left))
            return Imported(name, files, taken.modules, tuple(taken.kept), names)
        if not set(different) - raw_fields - {""}:
            shown = ", ".join(field or "the job itself" for field in different)
            raise ConfigError(
                f"{name}: jenkins-job-builder can't write this so that it stays as it is: {shown}",
                advice="Nothing was written. Change that in Jenkins, or keep this job outside.",
            )
        raw_fields |= {*different} - {""}


def write_files(name: str, taken: Takeover) -> tuple[tuple[str, str], ...]:
    """Return the definition and the template, by path."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "job"
    if not name.isascii():  # a code tells apart what ASCII can't
        slug = f"{slug}-{sha256(name.encode()).hexdigest()[:6]}"
    template = f"imported/{slug}.yaml.j2"
    definition = (
        "# Taken over from a running Jenkins by `cfl-jobs import`.\n"
        f"template: {template}\njobs:\n  - name: {write_text(name)}\n"
    )
    raw = ""
    if taken.kept:
        raw = f" {count(len(taken.kept), 'element')} stayed raw XML: no\n   options of"
        raw += " jenkins-job-builder were found that make the same."
    opening = f"{{# Taken over by `cfl-jobs import`.{raw} #}}\n"
    return (
        (f"jobs/imported-{slug}.yaml", definition),
        (f"templates/{template}", opening + write_template(taken.data)),
    )


def _refuse(root: ET.Element, name: str) -> None:
    """Raise ConfigError for a job that must not or can't be taken over."""
    if problem := find_name_problem(name):
        raise ConfigError(
            f"{problem} in the name {name!r}", advice="Give the job's full name as Jenkins has it."
        )
    if root.tag not in PROJECT_TYPES:
        near = suggest(root.tag, PROJECT_TYPES)
        raise ConfigError(
            f"{name}: a job of the type {root.tag} can't be taken over",
            advice=near or f"These can: {', '.join(PROJECT_TYPES.values())}.",
        )
    for path, element in element_paths(root):
        if control := _CONTROL.search(element.text or ""):
            raise ConfigError(
                f"{name}: {path} holds the character U+{ord(control[0]):04X}, which no definition "
                "can: only XML 1.1 has it, or takes it for a line's end",
                advice="Take it out in Jenkins; a script can make it, as with `printf '\\033'`.",
            )
    secrets = tuple(find_kept_secrets(root))
    if secrets:
        shown = "; ".join(f"{path} ({what})" for path, what in secrets[:_SHOWN])
        more = f" and {len(secrets) - _SHOWN} more" if len(secrets) > _SHOWN else ""
        raise ConfigError(
            f"{name}: it holds secrets, which don't belong into a repository: {shown}{more}",
            advice="Keep them as credentials on the server and name those in the job, then import "
            "it again; or import a copy of its config.xml without them, with --file.",
        )


def _render(files: Iterable[tuple[str, str]], name: str, inventory: str | None) -> Normal:
    """Return what the files of one definition render to. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="cfl-jobs-import-") as folder:
        there = dict(files)
        if inventory is not None:
            there[INVENTORY] = inventory
        for path, text in ((Path(folder, file), text) for file, text in there.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        try:
            return normalise(render(Path(folder))[0].config, name=name)
        except DefinitionError as error:
            raise ConfigError(
                f"{name}: what was made of it isn't a valid definition:\n{error.message}",
                advice=f"If plugins are missing there, run `{name_command('inventory')}` first.",
            ) from error


def _find_different_fields(wanted: Normal, made: Normal) -> tuple[str, ...]:
    """Return the tags of the root's fields that aren't equal, and "" for the root itself."""
    fields: dict[str, tuple[list[Normal], list[Normal]]] = {}
    for number, normal in enumerate((wanted, made)):
        for child in normal.children:
            fields.setdefault(child.tag, ([], []))[number].append(child)
    different = [tag for tag, (ours, theirs) in fields.items() if ours != theirs]
    if replace(wanted, children=()) != replace(made, children=()):
        different.append("")
    return tuple(different)


def find_kept_secrets(config: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield (path, what it is) of each secret; at most one of each line of a script."""
    for path, element in element_paths(config):
        text = element.text or ""
        if any(map(_ENCRYPTED.search, (text, *element.attrib.values()))):
            yield path, "a secret that Jenkins encrypted"
        elif text and _PASSWORD.fullmatch(f"/{path}"):
            yield path, "the default of a password parameter"
        elif not len(element) and is_secret(element.tag, text):
            yield path, "a password or token, by its name"
        elif not len(element):
            for number, line in enumerate(text.split("\n"), 1):
                # Digests look random too; such text is left for `check` to tell.
                kinds = (it.kind for it in find_secrets(line) if "random" not in it.kind)
                yield from ((path, f"line {number}: {kind}") for kind in islice(kinds, 1))


def check_new(definitions: Definitions, name: str) -> None:
    """Raise CflJobsError if a definition makes a job of this name; Jenkins ignores case."""
    for entry in definitions.entries:
        if entry.kind is Kind.JOB and entry.name.lower() == name.lower():
            raise CflJobsError(
                f"{name}: {entry.position} already defines it",
                advice="Change it there, or rename or remove that definition first.",
            )


def write_new(root: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write files that must not be there yet, all or none. Raises CflJobsError."""
    wanted = dict(files)
    for name in wanted:
        if (root / name).exists():
            raise CflJobsError(
                f"{name} is already there, and is not overwritten",
                advice="Rename or remove it first.",
            )
    for name, text in wanted.items():
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(root / name, text)
        except OSError as error:
            for written in wanted:
                with suppress(OSError):
                    (root / written).unlink()
            raise CflJobsError(
                f"{name}: can't be written: {error.strerror}",
                advice="Nothing was kept; make room or fix the permissions and try again.",
            ) from error
