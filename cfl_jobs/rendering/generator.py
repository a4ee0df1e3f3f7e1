"""One plain job → config XML, by jenkins-job-builder's generator: its only importer here.

jenkins-job-builder's YAML loader, brace formatting, macros, cache and lock are not used. It gets
tracked data, so that every option it never reads is known afterwards; what it would write
differently by plugin version is settled by the inventory.

What is imported of it finds this module for pkg_resources, whose one word it needs: jenkins-job-
builder 6.5 imports that, which setuptools deprecated, then dropped (82). It is slow, too: half of
it parses requirements of versions, and it checks them anew for each of 400 entry points.
importlib.metadata tells the same of what is installed.
"""

from __future__ import annotations

import configparser
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec
from types import FunctionType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import write_config
from cfl_jobs.errors import Finding, Position, nearest, suggest
from cfl_jobs.reading.tracking import (
    LocatedText,
    TrackedDict,
    TrackedList,
    entries_of,
    note_deeply,
    walk_mappings,
)
from cfl_jobs.rendering.documentation import plain_name, read_function, read_module
from cfl_jobs.rendering.options import show

_installed = cache(entry_points)  # reads the lists of everything that is installed


@cache
def iter_entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the installed entry points of a group, those of one distribution as it lists them."""
    return tuple(_installed().select(group=group))


@contextmanager
def light_imports() -> Iterator[None]:
    """Let what is imported meanwhile get this module for pkg_resources, and keep it.

    python-jenkins' package is found but not run: the registry takes one class of jenkins.plugins,
    and the package around it would import requests, a fifth of what rendering the chain took.
    Raises ImportError where there is none.
    """
    jenkins = sys.modules.get("jenkins")
    if jenkins is None:
        if (spec := find_spec("jenkins")) is None:
            raise ImportError("jenkins is not installed", name="jenkins")
        jenkins = module_from_spec(spec)
    stand_ins = {"pkg_resources": sys.modules[__name__], "jenkins": jenkins}
    earlier = {name: sys.modules[name] for name in stand_ins if name in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]
        sys.modules.update(earlier)


with light_imports():
    from jenkins_jobs.errors import JenkinsJobsException
    from jenkins_jobs.loc_loader import LocList
    from jenkins_jobs.modules.general import General
    from jenkins_jobs.registry import ModuleRegistry, PluginVersion
    from jenkins_jobs.xml_config import (
        XmlJobGenerator,
        XmlViewGenerator,
        remove_ignorable_whitespace,
    )

logging.getLogger("jenkins_jobs").setLevel(logging.ERROR)
# It warns about `logrotate` through the root logger.
General.logrotate_warn_issued = True


# (id of a mapping or list, key or index in it) → the key and value that stand there instead.
Changes = Mapping[tuple[int, str | int], tuple[str | int, Any]]

_NAME = re.compile(r"[\w-]+")
_LONGEST = 80  # characters of a word that may be misspelt
# How it words that a value isn't one of a few.
_INVALID = re.compile(
    r"(?i)(\bKeyError: |(\binvalid|\bunknown|\bunsupported)\b.*?)'(?P<word>.*?)'"
    r"|'(?P<first>.*)' is an invalid value for "
)
_CHOICES = re.compile(
    r"(\b[Oo]ne of:? |Only |Valid values include: )(?P<words>'?[\w-]+'?( ?, '?[\w-]+'?)+)"
)
_KEYS = re.compile(r"(dict_keys\()?\[(?P<words>'[^][]*')\]\)?")
# How it words what is missing in a job: a job's first key is taken for the module's name.
_OF_THE_JOB = " from an instance of 'name'"
_COMPARE = "Compare its options, and which are lists and which mappings, with the module's page."


@dataclass(frozen=True, slots=True)
class Component:
    """One builder, publisher, property … that was dispatched, and the elements it became.

    `kind` is jenkins-job-builder's component type ("builder"), `name` its name there
    ("copyartifact"), `data` its options. `documentation` is the docstring of what reads them,
    `words` are all texts that stand in its code.
    """

    kind: str
    name: str
    position: Position
    data: Any
    elements: tuple[ET.Element, ...]
    documentation: str = ""
    words: frozenset[str] = frozenset()

    def holds(self, element: ET.Element) -> bool:
        return any(inner is element for made in self.elements for inner in made.iter())


@dataclass(frozen=True, slots=True)
class Generated:
    """The XML of a job, its text as jenkins-job-builder writes it, and its components.

    `problems` are why jenkins-job-builder can't make some of it; the XML lacks that. `texts` are
    the job's texts that know more than one place, by themselves; `documentation` and `words` are of
    what reads the job's own options. `again` tells the text of the job with changes.
    """

    root: ET.Element
    text: str
    components: tuple[Component, ...]
    problems: tuple[Finding, ...]
    texts: Mapping[str, LocatedText] = field(default_factory=dict)
    documentation: str = ""
    words: frozenset[str] = frozenset()
    again: Callable[[Changes], str] = lambda changes: ""


class Generator(ModuleRegistry):  # type: ignore[misc]
    """Makes config XML; one serves many jobs. `plugins` is what ModuleRegistry takes.

    It is the registry itself, which notes which elements each component became.
    """

    def __init__(self, plugins: Iterable[Mapping[str, str]] = ()) -> None:
        # Modules compare versions with text; plain text would compare letter by letter.
        listed = [{**plugin, "version": PluginVersion(plugin["version"])} for plugin in plugins]
        super().__init__(_NO_CONFIG, listed)
        self._begin()

    def _begin(self) -> None:
        self._components: list[Component] = []
        self._problems: list[Finding] = []
        self._current = Position("", 0)

    def generate(
        self, data: TrackedDict, *, is_view: bool, changes: Changes | None = None
    ) -> Generated:
        """Return the XML of a job or view, and what was wrong with any part of it.

        `data` stays as it is, but for its notes of what was read; with `changes` these, too.
        """
        self._begin()
        root, text, about = ET.Element("project"), "", ("", frozenset[str]())
        texts: dict[str, LocatedText] = {}
        job = None
        try:
            job = _hand_over(data, texts, changes)
            maker = self._find_root(job, XmlViewGenerator if is_view else XmlJobGenerator)
            about = read_module(type(maker).__module__)
            root = self._make_root(job, maker)
            job.note("name")  # the caller's, jenkins-job-builder only files the XML by it
            self._problems += _mend(root, job, self._components)
            text = write_config(root)
        except Exception as error:
            self._problems.append(_explain(error, data.pos, job))
            note_deeply(job)
        again = lambda changes: self.generate(data, is_view=is_view, changes=changes).text  # noqa: E731
        made, problems = tuple(self._components), tuple(self._problems)
        return Generated(root, text, made, problems, texts, *about, again)

    def make_component(self, kind: str, component: Any, *, parent: str) -> Generated:
        """Return the elements of one component alone, in a root called `parent`, and no text."""
        self._begin()
        root = ET.Element(parent)
        self.dispatch(kind, root, component, job_data={})
        return Generated(root, "", tuple(self._components), tuple(self._problems))

    def functions_of(self, kind: str) -> Mapping[str, Callable[..., object]]:
        """Return what makes the components of a type ("builder"), by their names."""
        point = self.modules_by_component_type.get(kind)
        if point is None:
            return {}
        return _find_functions(point.module, point.load().component_list_type)

    def _find_root(self, data: TrackedDict, generator: Any) -> Any:
        attribute = generator.kind_attribute
        kind = str(data.get(attribute, generator.kind_default))
        found = {point.name: point for point in iter_entry_points(generator.entry_point_group)}
        if kind not in found:
            close = suggest(kind, found) or f"There are: {', '.join(sorted(found))}."
            message = f"unknown {attribute} {kind!r}. {close}"
            raise JenkinsJobsException(message, pos=data.position_of(attribute))
        return found[kind].load()(self)

    def _make_root(self, data: TrackedDict, maker: Any) -> ET.Element:
        """Do what XmlGenerator._getXMLForData does, but for raw fields: there may be several."""
        root: ET.Element = maker.root_xml(data)
        if "view-type" not in data:
            raw = data.get("raw") or []
            others = data.copy()
            dict.pop(others, "raw", None)
            for module in self.modules:
                self._run(module, root, others)
            for field_ in entries_of(raw):
                _set_raw_field(root, field_, data.position_of("raw"))
        return root

    def _run(self, module: Any, root: ET.Element, data: TrackedDict) -> None:
        """Let a module add its part of a job. What goes wrong is noted, so that others are run."""
        key = module.component_list_type or ""
        place = data.position_of_value(key)
        try:
            value = dict.get(data, key)
            if value and not isinstance(value, list) and key != "pipeline-scm":
                advice = "Write a list, each entry after '- '."
                raise JenkinsJobsException(f"{key!r}: {show(value)} is not a list\n{advice}")
            module.gen_xml(root, data)
        except Exception as error:
            self._problems.append(_explain(error, place, data))
            data.note(key)
            note_deeply(value if key else data)

    def dispatch(
        self,
        component_type: str,
        xml_parent: ET.Element,
        component: Any,
        template_data: Any = None,
        job_data: Any = None,
        component_pos: Any = None,
    ) -> None:
        """Make a component's elements: in place of the registry's method, for what modules call.

        What goes wrong is noted, so that the next one is tried. Errors look for `component_type`
        and `name` in what calls a component's function.
        """
        before, outer = len(xml_parent), self._current
        functions, name = self.functions_of(component_type), ""
        try:
            name, self._current = _name_component(component_type, component, component_pos or outer)
            make, options = functions[name], {}
            if isinstance(component, dict):
                options = component[name]
            make(self, xml_parent, options, **({"job_data": job_data} if _takes_job(make) else {}))
        except Exception as error:
            self._problems.append(self._explain(error, component_type, name, component))
            note_deeply(component)
        made = tuple(xml_parent)[before:]
        told = read_function(functions.get(name))
        self._components.append(
            Component(component_type, name, self._current, component, made, *told)
        )
        self._current = outer

    def _explain(self, error: Exception, kind: str, name: str, component: Any) -> Finding:
        functions = self.functions_of(kind)
        if name and functions and name not in functions:
            near = suggest(name, sorted(functions))
            advice = near or f"jenkins-job-builder has no such {kind}."
            return Finding(f"there is no {kind} {name!r}", self._current, advice=advice)
        problem = _explain(error, self._current, component)
        if problem.advice:
            return problem
        _, words = read_function(functions.get(name))
        for word, where in _words_in(component):
            if word not in words and _NAME.fullmatch(word) and (near := suggest(word, words)):
                # What it misses depends on this.
                return Finding(problem.message, where, advice=near)
        return problem


@cache
def _find_functions(module: str, listed: str) -> Mapping[str, Callable[..., object]]:
    """Find what makes components: the functions of a module that say so, and entry points."""
    found: dict[str, Callable[..., object]] = {}
    for function in vars(import_module(module)).values():
        first, _, _ = (getattr(function, "__doc__", "") or "").partition("\n")
        if isinstance(function, FunctionType) and first.startswith("yaml: "):
            found[first.split()[1]] = function
    return found | {it.name: it.load() for it in iter_entry_points(f"jenkins_jobs.{listed}")}


@cache
def _takes_job(function: Callable[..., object]) -> bool:
    return "job_data" in inspect.getfullargspec(function).args


def _mend(root: ET.Element, job: TrackedDict, components: Sequence[Component]) -> Iterator[Finding]:
    """Make elements what their text says; yield the values that are none though they should be.

    Some modules put attributes into a tag; jenkins_jobs.modules.project_multibranch (6.5.0) makes
    an element without a tag, of which only the inside is written.
    """
    parts = list(root.iter())
    for part in parts:
        if part.tag is None:
            (parent,) = (other for other in parts if any(inner is part for inner in other))
            at = list(parent).index(part)
            parent[at : at + 1] = list(part)
        elif " " in str(part.tag):
            said = ET.fromstring(f"<{part.tag}/>")  # noqa: S314 - a module's own constant
            part.tag = said.tag
            part.attrib.update(said.attrib)
        if part.text and not isinstance(part.text, str):
            yield _find_odd_text(part, job, components)
            note_deeply(part.text)
            part.text = ""


def _find_odd_text(
    element: ET.Element, job: TrackedDict, components: Sequence[Component]
) -> Finding:
    value: Any = element.text
    owners = ((it.data, it.position) for it in components if it.holds(element))
    data, place = next(owners, (job, job.pos))
    places = {
        plain_name(key): mapping.position_of_value(key)
        for mapping in walk_mappings(data)
        for key, item in mapping.raw_items()
        if item is value
    }
    named = plain_name(element.tag) if len(places) > 1 else next(iter(places), "")
    advice = "Write one text." if isinstance(value, (dict, list)) else "Put it in quotes."
    message = f"{show(value)} can't be the text of <{element.tag}>"
    return Finding(message, places.get(named, place), advice=advice)


def _set_raw_field(root: ET.Element, raw: Any, place: Position) -> None:
    """Set a field of a job to raw XML, in place of what jenkins-job-builder made of it.

    It would add a second one, and Jenkins refuses a field that is there twice.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("xml"), str):
        raise JenkinsJobsException("a job's raw field is a mapping with xml: and its text", place)
    try:
        element = ET.fromstring(raw["xml"])  # noqa: S314 - as jenkins-job-builder does
    except ET.ParseError as error:
        raise JenkinsJobsException(f"a job's raw field: {error}", place) from error
    remove_ignorable_whitespace(element)
    for same in root.findall(element.tag):
        root.remove(same)
    root.append(element)


def _explain(error: Exception, place: Position, data: Any) -> Finding:
    """Word what jenkins-job-builder raised. Modules don't check types: anything may come."""
    if isinstance(error, JenkinsJobsException):
        if isinstance(error.pos, Position):
            place = error.pos
        message, _, advice = str(error.message).partition("\n")
        message = message[:1].lower() + message[1:].replace(_OF_THE_JOB, " in the job")
        message = message.replace(" for attribute name.", " for ")
    elif isinstance(error, RecursionError):
        message, advice = "it is nested too deeply", "Write it flatter."
    elif isinstance(error, ET.ParseError):
        message = f"this is no XML: {error}"
        advice = "In its text, write &amp; for & and &lt; for <."
        places = (mapping.value_positions.get("xml") for mapping in walk_mappings(data))
        place = next(filter(None, places), place)
    else:
        message = f"jenkins-job-builder can't take this ({type(error).__name__}: {error})"
        advice = _COMPARE
    message = _KEYS.sub(lambda keys: keys["words"].replace("'", ""), message)
    if wrong := _find_wrong_word(message, advice, data):
        return wrong
    for mapping in walk_mappings(data):
        for key in mapping.unasked_keys():
            near = nearest(key, sorted(mapping.asked_keys()))
            if not near or dict.__contains__(mapping, near):
                continue
            if near in _NAME.findall(message) or "NoneType" in message:
                # What it misses stands there, misspelt.
                return Finding(message, mapping.position_of(key), advice=f"Did you mean {near!r}?")
    return Finding(message, place, advice=advice)


def _find_wrong_word(message: str, advice: str, data: Any) -> Finding | None:
    """Find the word that a message is about, if it says which it can be."""
    wrong = {(it["word"] or it["first"] or "").lower() for it in _INVALID.finditer(message)}
    choices = _CHOICES.finditer(f"{message} {advice}")
    known = [name for found in choices for name in _NAME.findall(found["words"])]
    for word, where in _words_in(data):
        near = suggest(word.lower(), known) or suggest(word.upper(), known)
        if word.lower() in wrong or (near and not wrong and word not in known):
            return Finding(message, where, advice=near or advice)
    return None


def _words_in(data: Any) -> Iterator[tuple[str, Position]]:
    """Yield the values of options, each entry of a list, and the names of inner options as well."""
    for mapping in walk_mappings(data):
        for option, value in mapping.raw_items():
            places = getattr(value, "value_pos", None) or [mapping.value_positions.get(option)]
            for entry, place in zip(entries_of(value), places, strict=False):
                is_word = isinstance(entry, (str, int, float)) and len(str(entry)) <= _LONGEST
                if is_word and isinstance(place, Position):
                    yield str(entry), place
            if mapping is not data:
                yield option, mapping.position_of(option)


def _hand_over(value: Any, texts: dict[str, LocatedText], changes: Changes | None) -> Any:
    """Return a value as jenkins-job-builder's own loader would make it, for it to keep.

    Texts are plain str: some modules ask whether a type *is* str. Where a text came from is kept
    beside it, in its mapping's or list's positions; those of which more is known are added to
    `texts`. Reads are noted in `value`, unless it is handed over with changes.
    """
    if isinstance(value, LocatedText):
        text = str(value)
        if value.pieces and texts.setdefault(text, value).pieces != value.pieces:
            texts[text] = LocatedText(text, value.pos)  # which of the two it was is not to be told
        return text
    changed = changes or {}
    if isinstance(value, TrackedDict):
        items: list[tuple[str, Any]] = []
        for key, item in value.raw_items():
            if isinstance(item, LocatedText):
                value.value_positions[key] = item.pos
            if isinstance(key, LocatedText) and key.pos != value.position_of(key):
                texts.setdefault(str(key), key)  # a value of a definition is the key
            name, item = changed.get((id(value), key), (key, item))
            items.append((str(name), _hand_over(item, texts, changes)))
        return value.copy_with(items) if changes is None else TrackedDict(items, pos=value.pos)
    if isinstance(value, TrackedList):
        places = list(value.entry_positions) or [value.pos] * len(value)
        entries: list[Any] = []
        for index, item in enumerate(value):
            if isinstance(item, LocatedText):
                places[index] = item.pos
            _, item = changed.get((id(value), index), (index, item))
            entries.append(_hand_over(item, texts, changes))
        value.entry_positions = tuple(places)
        return LocList(entries, value.pos, places)
    return value


# Stands for jenkins_jobs.ini: rendering must not depend on whose machine it runs on.
_NO_CONFIG = SimpleNamespace(
    config_parser=configparser.ConfigParser(),
    yamlparser={"keep_descriptions": True},
    jenkins={},
    builder={},
    get_plugin_config=lambda plugin, key, default=None: default,
)


def _name_component(kind: str, component: Any, place: Position) -> tuple[str, Position]:
    """Return a component's name and place. Raises JenkinsJobsException where it has not just one.

    jenkins-job-builder takes the first key and drops the others without a word.
    """
    if isinstance(component, TrackedDict):
        items = component.raw_items()
        if len(items) == 1:
            return items[0][0], component.position_of(items[0][0])
        names = ", ".join(repr(key) for key, _ in items) or "nothing"
        raise JenkinsJobsException(
            f"a {kind} has one name, not {names}: indent its options below its name",
            pos=component.position_of(items[1][0]) if items else component.pos,
        )
    if isinstance(component, dict) and len(component) == 1:
        return str(next(iter(component))), place
    if isinstance(component, str):
        return component, place
    raise JenkinsJobsException(f"a {kind} is a name with its options, not {component!r}", pos=place)
