"""A component with trial options → the element it makes, and every option it asked for.

Options are plain dicts, lists and scalars; a path leads to one of them: ("projects", 0, "name").
At the end stand the few components whose options trials alone don't find: what to try, and where to
begin.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.config import normalise_element
from cfl_jobs.configs.fields import TAGS, class_of, read_words
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering.generator import Generator

Path = tuple[str | int, ...]
Leaf = tuple[str, str]

# Where a type's elements stand; the normal form of some depends on it.
PARENTS = {
    "builder": "builders",
    "parameter": "parameterDefinitions",
    "property": "properties",
    "publisher": "publishers",
    "reporter": "reporters",
    "scm": "",
    "trigger": "triggers",
    "wrapper": "buildWrappers",
}
# jenkins-job-builder's names for Jenkins' ones.
NAMES: Mapping[str, Mapping[str, str]] = {
    name: dict(word.split("=") for word in words)
    for name, words in read_words(FilePath(__file__).with_name("names.txt")).items()
}
# A kind of job with its own options, as if it were a component; those of some stand below its name.
ROOT = "root"
NESTED = frozenset({"maven"})
_ONE_OF = re.compile(r"must be one of: ([^']*)")
_VALID = re.compile(r"[Vv]alid (?:values|options)[^:]*:(.*)|only (.*) (?:are|is) supported", re.S)


@dataclass(frozen=True)
class Trial:
    """What came of a trial. `normal` is None where there was a problem, or not one element.

    `asked` are the options that were asked for in order, with the defaults that were named;
    `valid` are values that the problem's message offers, `documentation` is the component's.
    """

    normal: Normal | None
    asked: dict[Path, object]
    tag: str = ""
    valid: tuple[str, ...] = ()
    documentation: str = ""

    @cached_property
    def leaves(self) -> Counter[Leaf]:
        return Counter(list_leaves(self.normal) if self.normal else ())

    def distance(self, wanted: Counter[Leaf]) -> float:
        """Count what is there and not wanted, or wanted and not there."""
        if self.normal is None:
            return float("inf")
        return sum((self.leaves - wanted).values()) + sum((wanted - self.leaves).values())


class _Asked(TrackedDict):
    """Options that note which keys were asked for, with the default, also of absent ones."""

    __slots__ = ("log", "path")
    log: dict[Path, object]
    path: Path

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key, default)
        return dict.get(self, key, default)

    def __getitem__(self, key: str) -> Any:
        self._note(key, None)
        return dict.__getitem__(self, key)

    def __contains__(self, key: object) -> bool:
        self._note(str(key), None)
        return dict.__contains__(self, key)

    def copy_with(self, entries: Iterable[tuple[str, Any]]) -> TrackedDict:
        made = _Asked(entries)
        made.log, made.path = self.log, self.path
        return made

    def _note(self, key: str, default: object) -> None:
        path = (*self.path, key)
        if self.log.get(path) is None:
            self.log.pop(path, None)
            self.log[path] = default


@dataclass(slots=True)
class Trials:
    """Makes trials of components; `count` says how many."""

    generator: Generator
    count: int = field(default=0)
    _common: set[str] = field(default_factory=set)

    def make(self, kind: str, name: str, options: object) -> Trial:
        """Render one component. `options` None stands for its bare name."""
        self.count += 1
        log: dict[Path, object] = {}
        if kind == ROOT:
            return self._make_root(name, options, log)
        if options is None:
            options = {}
        given = _noting(options, (), log)
        component = TrackedDict([(name, given)])
        parent = PARENTS[kind]
        made = self.generator.make_component(kind, component, parent=parent or "project")
        if made.problems or len(made.root) != 1:
            told = "".join(problem.message + problem.advice for problem in made.problems[:1])
            return Trial(None, log, valid=_valid_values(told))
        try:
            normal = normal_of_element(kind, made.root[0])
        except (TypeError, AttributeError, ValueError):  # a text that is none
            return Trial(None, log)
        documentation = made.components[-1].documentation
        return Trial(normal, log, tag_of(kind, made.root[0]), documentation=documentation)

    def _make_root(self, name: str, options: Any, log: dict[Path, object]) -> Trial:
        """Render what a kind of job makes of its own options, nested below its name or not."""
        given = _noting(options, (), log)
        data = given
        if name in NESTED:
            data = TrackedDict([(name, given)])
        else:
            dict.update(data, scm=[])
        dict.update(data, {"name": "job", "project-type": name})
        made = self.generator.generate(data, is_view=False)
        if made.problems:
            return Trial(None, log)
        normal = self.own_fields(normalise_element(made.root))
        return Trial(normal, log, documentation=made.documentation)

    def own_fields(self, job: Normal) -> Normal:
        """Return a job without the fields that jobs of all kinds have."""
        if not self._common:
            data = TrackedDict([("name", "job")])
            made = self.generator.generate(data, is_view=False)
            self._common |= {child.tag for child in made.root} | TAGS["common"]
        own = tuple(child for child in job.children if child.tag not in self._common)
        return replace(job, children=own)


def tag_of(kind: str, element: ET.Element) -> str:
    """Return what tells elements of a type apart."""
    return element.get("class", "") if kind == "scm" else element.tag


def normal_of_element(kind: str, element: ET.Element) -> Normal:
    """Return the normal form of an element as it stands in a job; the element stays as it is."""
    root = ET.Element("project")
    parent = root
    if PARENTS[kind]:
        parent = ET.SubElement(root, PARENTS[kind])
    copied = deepcopy(element)
    copied.tail = None
    parent.append(copied)
    return normalise_element(root)


def is_idle(element: ET.Element) -> bool:
    """Tell whether a property does nothing, so that it isn't in the normal form."""
    return not normal_of_element("property", element).children


def list_leaves(normal: Normal, path: str = "") -> list[Leaf]:
    """Return each text of an element and each attribute, with the path that leads there."""
    here = f"{path}/{normal.tag}"
    found = [(f"{here}@{key}", value) for key, value in normal.attributes]
    if normal.text or not normal.children:
        found.append((here, normal.text))
    for child in normal.children:
        found += list_leaves(child, here)
    return found


def _noting(value: object, path: Path, log: dict[Path, object]) -> Any:
    if isinstance(value, dict):
        made = _Asked((key, _noting(item, (*path, key), log)) for key, item in value.items())
        made.log, made.path = log, path
        return made
    if isinstance(value, list):
        return [_noting(item, (*path, index), log) for index, item in enumerate(value)]
    return value


def _valid_values(message: str) -> tuple[str, ...]:
    if found := _ONE_OF.search(message):
        return tuple(word for word in re.findall(r"[\w-]+", found[1]) if word != "or")
    if found := _VALID.search(message):
        return tuple(re.findall(r"'([^']*)'", found[1] or found[2] or ""))
    return ()


# Other spellings of the same options, which would only be tried in vain.
SKIPPED: Mapping[tuple[str, str], frozenset[str]] = {
    ("scm", "git"): frozenset({"remotes", "disable-submodules", "recursive-submodules"}),
}

# What options are: a mapping, or a list of mappings.
SHAPES: tuple[Any, ...] = ({}, [{}])
# Values that no error message of the component lists.
VALUES: Mapping[tuple[str, str, str], tuple[str, ...]] = {
    ("wrapper", "timeout", "type"): ("no-activity", "likely-stuck", "elastic", "deadline"),
    ("scm", "svn", "workspaceupdater"): ("revertupdate", "emulateclean", "update"),
}
_RESULTS = ("Success", "Unstable", "Failure", "NotBuilt", "Aborted")


def hidden_keys(kind: str, name: str, element: ET.Element) -> tuple[str, ...]:
    """Return keys that a component doesn't ask for while they are absent, in the right order."""
    if (kind, name) != ("publisher", "trigger-parameterized-builds"):
        return ()
    keys = [NAMES["parameters-of-triggers"].get(inner.tag) for inner in element.iter()]
    return tuple(dict.fromkeys(key for key in keys if key))


def begin(kind: str, name: str, element: ET.Element) -> tuple[Any, ...]:
    """Return what options a search begins with: a mapping or a list of mappings without any."""
    search = _BEGINNINGS.get((kind, name))
    if search is None:
        return SHAPES
    return (search(element),)


def _begin_bindings(element: ET.Element) -> list[Any]:
    kinds = [NAMES["bindings"].get(binding.tag.rpartition(".")[2]) for binding in element.iter()]
    return [{kind: {}} for kind in kinds if kind]


def _begin_authorization(element: ET.Element) -> dict[str, Any]:
    options: dict[str, Any] = {}
    kind = class_of(element, "inheritanceStrategy")
    if kind in NAMES["inheritances"]:
        options["inheritance-strategy"] = NAMES["inheritances"][kind]
    for permission in element.findall("permission"):
        parts = (permission.text or "").split(":")
        *_, what, who = ("", *parts)
        owner, _, right = what.rpartition(".")
        words = _words(right.removeprefix("View") or right)
        options.setdefault(":".join((*parts[:-2], who)), []).append(
            f"{NAMES['permissions'].get(owner, owner)}-{words}"
        )
    return options


def _begin_cleanup(element: ET.Element) -> dict[str, Any]:
    kinds = [kind for kind in _RESULTS if element.findtext(f"cleanWhen{kind}") == "false"]
    conditions = [{_words(kind): False} for kind in kinds]
    options: dict[str, Any] = {"clean-if": conditions} if conditions else {}
    for pattern in element.findall("patterns/*"):
        key = pattern.findtext("type", "INCLUDE").lower()
        options.setdefault(key, []).append(pattern.findtext("pattern") or "")
    return options


def _begin_triggers(element: ET.Element) -> list[Any]:
    entries: list[Any] = []
    for config in element.findall("configs/*"):
        entry: dict[str, Any] = {"project": config.findtext("projects") or ""}
        block = config.find("block")
        if block is not None:
            entry["block"] = True
            entry["block-thresholds"] = {
                key: block.findtext(f"{tag}/name", "never")
                for tag, key in NAMES["thresholds"].items()
            }
        entries.append(entry)
    return entries


def _begin_gerrit(element: ET.Element) -> dict[str, Any]:
    projects: list[Any] = []
    for project in element.findall("gerritProjects/*"):
        branches = [_pattern(branch, "branch-") for branch in project.findall("branches/*")]
        projects.append({**_pattern(project, "project-"), "branches": branches})
        for tag, key in NAMES["gerrit-files"].items():
            if project.find(tag) is not None:
                files = [_pattern(file, "") for file in project.findall(f"{tag}/*")]
                projects[-1][key] = files
    events = [_event(event) for event in element.findall("triggerOnEvents/*")]
    return {"projects": projects, "trigger-on": events}


def _pattern(element: ET.Element, prefix: str) -> dict[str, Any]:
    kind = element.findtext("compareType", "PLAIN")
    return {f"{prefix}compare-type": kind, f"{prefix}pattern": element.findtext("pattern") or ""}


def _event(event: ET.Element) -> object:
    name = _words(event.tag.rpartition(".Plugin")[2])
    said = {key: event.findtext(tag) or "" for tag, key in NAMES.get(name, {}).items()}
    return {name: said} if len(event) else name


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _begin_git(element: ET.Element) -> dict[str, Any]:
    remotes = [_remote(remote) for remote in element.findall("userRemoteConfigs/*")]
    options: dict[str, Any] = {"remotes": remotes}
    if len(remotes) == 1:
        ((remote, told),) = remotes[0].items()
        options = {"url": told["url"], "name": remote, **told}
    wipes = element.find("extensions/hudson.plugins.git.extensions.impl.WipeWorkspace")
    return options | {
        "branches": [branch.text or "" for branch in element.findall("branches/*/name")],
        "wipe-workspace": wipes is not None,
        "git-tool": element.findtext("gitTool") or "",
    }


def _remote(remote: ET.Element) -> dict[str, dict[str, str]]:
    options = {"url": remote.findtext("url") or "", "refspec": remote.findtext("refspec") or ""}
    if credentials := remote.findtext("credentialsId"):
        options["credentials-id"] = credentials
    return {remote.findtext("name") or "": options}


_BEGINNINGS: Mapping[tuple[str, str], Callable[[ET.Element], Any]] = {
    ("builder", "trigger-builds"): _begin_triggers,
    ("property", "authorization"): _begin_authorization,
    ("publisher", "workspace-cleanup"): _begin_cleanup,
    ("scm", "git"): _begin_git,
    ("trigger", "gerrit"): _begin_gerrit,
    ("wrapper", "credentials-binding"): _begin_bindings,
}
