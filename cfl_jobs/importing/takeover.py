"""A job's config XML → job data as jenkins-job-builder takes it: modules, else raw XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import BUILT_IN_NODE
from cfl_jobs.configs.mark import split_description
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.trial import is_idle
from cfl_jobs.importing.writing import Raw, Verbatim, describe, keep_raw
from cfl_jobs.rendering.options import COMPONENT_LISTS

_PACKAGE = "org.jenkinsci.plugins.workflow"
_PIPELINE = "flow-definition"
_FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
_MULTIBRANCH = f"{_PACKAGE}.multibranch.WorkflowMultiBranchProject"
PROJECT_TYPES = {
    "project": "freestyle",
    "matrix-project": "matrix",
    _PIPELINE: "pipeline",
    _FOLDER: "folder",
    "com.tikal.jenkins.plugins.multijob.MultiJobProject": "multijob",
    "maven2-moduleset": "maven",
    _MULTIBRANCH: "multibranch",
}
PARAMETERS = "hudson.model.ParametersDefinitionProperty"
_DISCARDER = "jenkins.model.BuildDiscarderProperty"
_NO_CONCURRENT = f"{_PACKAGE}.job.properties.DisableConcurrentBuildsJobProperty"
_PIPELINE_TRIGGERS = f"{_PACKAGE}.job.properties.PipelineTriggersJobProperty"
_SCRIPT = f"{_PACKAGE}.cps.CpsFlowDefinition"
_SCRIPT_FROM_SCM = f"{_PACKAGE}.cps.CpsScmFlowDefinition"


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _flag(text: str) -> bool | None:
    return text == "true" or None  # false is what is there without


# Fields of a job's root that hold one value: jenkins-job-builder's name of each, and what its text
# stands for, None for nothing.
_FIELDS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "displayName": ("display-name", str),
    "jdk": ("jdk", str),
    "customWorkspace": ("workspace", str),
    "childCustomWorkspace": ("child-workspace", str),
    "assignedNode": ("node", str),
    "quietPeriod": ("quiet-period", _whole),
    "scmCheckoutRetryCount": ("retry-count", _whole),
    "disabled": ("disabled", _flag),
    "concurrentBuild": ("concurrent", _flag),
    "blockBuildWhenDownstreamBuilding": ("block-downstream", _flag),
    "blockBuildWhenUpstreamBuilding": ("block-upstream", _flag),
}
# Fields that are lists of components, and their keys.
_LISTS = {"buildWrappers": "wrappers"} | {
    key: key
    for key in ("triggers", "prebuilders", "builders", "postbuilders", "publishers", "reporters")
}
_RUNS_ON_NODES = frozenset(PROJECT_TYPES) - {_PIPELINE, _FOLDER, _MULTIBRANCH}
_SEVERAL_SCMS = "org.jenkinsci.plugins.multiplescms.MultiSCM"
_ROTATION = ("daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep")


class Takeover:
    """What became of a job: its `data`, and how many of its elements are `modules`.

    `kept` names the elements that stay raw XML; fields of the root in `raw_fields` are to.
    """

    def __init__(
        self, root: ET.Element, solver: ComponentSolver, *, raw_fields: frozenset[str]
    ) -> None:
        self._root = root
        self._solver = solver
        self._type = PROJECT_TYPES[root.tag]
        self.data: dict[str, object] = {
            "name": Verbatim("{{ name }}"),
            "project-type": self._type,
        }
        self.modules = 0
        self.kept: list[str] = []
        if root.find(f"properties/{_DISCARDER}") is not None:
            # The option is refused beside the property that overrides it.
            raw_fields |= {"logRotator"}
        self._take_root()
        for child in root:
            if child.tag not in raw_fields:
                self._take_field(child)
        raw = [child for child in root if child.tag in raw_fields]
        fields = [replace(self._keep(child), is_field=True) for child in raw]
        if fields:
            self.data["raw"] = fields if len(fields) > 1 else fields[0]

    def _take_root(self) -> None:
        data, root = self.data, self._root
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
        elif tag in _FIELDS:
            key, read = _FIELDS[tag]
            if (value := read(text)) is not None:
                data[key] = value
        elif tag == "logRotator":
            data["logrotate"] = {key: _number(child.findtext(key, "-1")) for key in _ROTATION}
        elif tag == "properties":
            self._take_properties(child)
        elif tag in _LISTS:
            key = _LISTS[tag]
            data[key] = self._components(COMPONENT_LISTS[key], child)
        elif tag == "definition" and self._type == "pipeline":
            self._take_definition(child)
        elif self._type == "matrix":
            _take_matrix_field(child, data)

    def _take_properties(self, properties: ET.Element) -> None:
        parameters = [[it.tag for it in each] for each in properties.findall(PARAMETERS)]
        listed = parameters == [["parameterDefinitions"]]
        entries: list[object] = []
        for element in properties:
            is_pipeline = self._type == "pipeline"
            if element.tag == PARAMETERS and listed and len(element[0]):
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

    def _keep(self, element: ET.Element) -> Raw:
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


_AXES = {
    "hudson.matrix.LabelExpAxis": "label-expression",
    "hudson.matrix.TextAxis": "user-defined",
    "hudson.matrix.LabelAxis": "slave",
    "hudson.matrix.JDKAxis": "jdk",
}
_STRATEGY = "hudson.matrix.DefaultMatrixExecutionStrategyImpl"


def _take_matrix_field(child: ET.Element, data: dict[str, object]) -> None:
    if child.tag == "axes" and all(axis.tag in _AXES for axis in child):
        data["axes"] = [
            {
                "axis": {
                    "type": _AXES[axis.tag],
                    "name": axis.findtext("name") or "",
                    "values": [value.text or "" for value in axis.findall("values/string")],
                }
            }
            for axis in child
        ]
    elif child.tag in ("combinationFilter", "executionStrategy"):
        strategy = data.setdefault("execution-strategy", {})
        assert isinstance(strategy, dict)
        if child.tag == "combinationFilter":
            strategy["combination-filter"] = child.text or ""
        elif child.get("class") == _STRATEGY:
            strategy["sequential"] = child.findtext("runSequentially") == "true"
            if expression := child.findtext("touchStoneCombinationFilter"):
                result = child.findtext("touchStoneResultCondition/name", "SUCCESS")
                names = {"SUCCESS": "stable", "UNSTABLE": "unstable"}
                strategy["touchstone"] = {"expr": expression, "result": names.get(result, result)}


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _number(text: str) -> object:
    return int(text) if text.lstrip("-").isdecimal() else text
