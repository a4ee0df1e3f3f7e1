"""A component with trial options → the element it makes, and every option it asked for.

Options are plain dicts, lists and scalars; a path leads to one of them: ("projects", 0, "name").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.config import normalise_element
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
# A kind of job with its own options, as if it were a component; those of some stand below its name.
ROOT = "root"
NESTED = frozenset({"maven"})
# Fields that options of any kind of job make, beside those that every job has.
_COMMON = frozenset(
    """
    assignedNode authToken builders customWorkspace description disabled displayName jdk logRotator
    postbuilders prebuilders quietPeriod reporters scmCheckoutRetryCount triggers
    """.split()  # noqa: SIM905 - longer as a list
)
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
        given = _noting({} if options is None else options, (), log)
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
            self._common |= {child.tag for child in made.root} | _COMMON
        own = tuple(child for child in job.children if child.tag not in self._common)
        return replace(job, children=own)


def tag_of(kind: str, element: ET.Element) -> str:
    """Return what tells elements of a type apart."""
    return element.get("class", "") if kind == "scm" else element.tag


def normal_of_element(kind: str, element: ET.Element) -> Normal:
    """Return the normal form of an element as it stands in a job; the element stays as it is."""
    root = ET.Element("project")
    parent = ET.SubElement(root, PARENTS[kind]) if PARENTS[kind] else root
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
