"""One plain job → config XML, by jenkins-job-builder's generator: its only importer here.

jenkins-job-builder's YAML loader, brace formatting, macros, cache and lock are not used. It gets
tracked data, so that every option it never reads is known afterwards; what it would write
differently by plugin version is settled by the inventory.
"""

from __future__ import annotations

import configparser
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.errors import Position, suggest
from cfl_jobs.tracking import LocatedText, TrackedDict, TrackedList

with warnings.catch_warnings():
    # jenkins-job-builder 6.5 imports pkg_resources, which setuptools has deprecated.
    warnings.filterwarnings("ignore", category=UserWarning, module="jenkins_jobs")
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    import pkg_resources
    from jenkins_jobs.errors import JenkinsJobsException
    from jenkins_jobs.loc_loader import LocList
    from jenkins_jobs.registry import ModuleRegistry
    from jenkins_jobs.xml_config import XmlJob, XmlJobGenerator, XmlViewGenerator

logging.getLogger("jenkins_jobs").setLevel(logging.ERROR)


class GeneratorProblem(Exception):
    """jenkins-job-builder can't make XML of a job. `position` is the nearest component's."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Component:
    """One builder, publisher, property … that was dispatched, and the elements it became.

    `kind` is jenkins-job-builder's component type ("builder"), `name` its name there
    ("copyartifact"), `data` its options.
    """

    kind: str
    name: str
    position: Position
    data: Any
    elements: tuple[ET.Element, ...]


@dataclass(frozen=True, slots=True)
class Generated:
    """The XML of a job, its text as jenkins-job-builder writes it, and its components."""

    root: ET.Element
    text: str
    components: tuple[Component, ...]


class Generator:
    """Makes config XML; one serves many jobs. `plugins` is what ModuleRegistry takes."""

    def __init__(self, plugins: Sequence[Mapping[str, str]] | None = None) -> None:
        listed = None if plugins is None else [dict(plugin) for plugin in plugins]
        self._registry = _Registry(_NoConfig(), listed)
        self._roots: dict[tuple[str, str], Any] = {}

    def generate(self, data: TrackedDict, *, is_view: bool) -> Generated:
        """Return the XML of a job or view. Raises GeneratorProblem.

        Texts in `data` are made plain str: some modules ask whether a type *is* str.
        """
        _hand_over(data)
        self._registry.components = []
        self._registry.current = None
        try:
            root = self._make_root(data, XmlViewGenerator if is_view else XmlJobGenerator)
            text = XmlJob(root, data["name"]).output().decode("utf-8")
        except JenkinsJobsException as error:
            raise GeneratorProblem(_worded(error), self._place(error, data)) from error
        except RecursionError as error:
            raise GeneratorProblem("it is nested too deeply", data.pos) from error
        except Exception as error:
            # Modules don't check types: text where they want a mapping is an AttributeError.
            place = self._registry.current or data.pos
            message = f"jenkins-job-builder can't take this ({type(error).__name__}: {error})"
            raise GeneratorProblem(message, place) from error
        return Generated(root, text, tuple(self._registry.components))

    def _make_root(self, data: TrackedDict, generator: Any) -> ET.Element:
        """Do what XmlGenerator._getXMLForData does, but load each kind of root only once.

        pkg_resources resolves every requirement anew at each load: half of the time, measured.
        """
        attribute = generator.kind_attribute
        kind = str(data.get(attribute, generator.kind_default))
        key = (attribute, kind)
        if key not in self._roots:
            found = {
                point.name: point
                for point in pkg_resources.iter_entry_points(group=generator.entry_point_group)
            }
            if kind not in found:
                close = suggest(kind, found) or f"There are: {', '.join(sorted(found))}."
                message = f"unknown {attribute} {kind!r}. {close}"
                raise JenkinsJobsException(message, pos=data.position_of(attribute))
            self._roots[key] = found[kind].resolve()(self._registry)
        root: ET.Element = self._roots[key].root_xml(data)
        if "view-type" not in data:
            for module in self._registry.modules:
                module.gen_xml(root, data)
        return root

    def names_of(self, component_type: str) -> tuple[str, ...]:
        """Return the names of all components of a type that has been used: what it may be."""
        return self._registry.names_of(component_type)

    def _place(self, error: JenkinsJobsException, data: TrackedDict) -> Position:
        places = [context.pos for context in error.ctx if isinstance(context.pos, Position)]
        if isinstance(error.pos, Position):
            places.append(error.pos)
        return places[-1] if places else self._registry.current or data.pos


def _worded(error: JenkinsJobsException) -> str:
    message = str(error.message)
    return message[0].lower() + message[1:] if message[:2].istitle() else message


def _hand_over(value: Any) -> Any:
    """Return a value as jenkins-job-builder's own loader would make it; mappings stay themselves.

    Where a text came from is kept beside it, in its mapping's or list's positions.
    """
    if isinstance(value, TrackedDict):
        for key, item in value.raw_items():
            if isinstance(item, LocatedText):
                value.value_positions[key] = item.pos
            dict.__setitem__(value, key, _hand_over(item))
        return value
    if isinstance(value, TrackedList):
        places = list(value.entry_positions) or [value.pos] * len(value)
        for index, item in enumerate(value):
            if isinstance(item, LocatedText):
                places[index] = item.pos
        return LocList([_hand_over(item) for item in value], value.pos, places)
    return str(value) if isinstance(value, LocatedText) else value


class _NoConfig:
    """Stands for jenkins_jobs.ini: rendering must not depend on whose machine it runs on."""

    def __init__(self) -> None:
        self.config_parser = configparser.ConfigParser()
        self.yamlparser: dict[str, Any] = {"keep_descriptions": True}
        self.jenkins: dict[str, Any] = {}
        self.builder: dict[str, Any] = {}

    def get_plugin_config(self, plugin: str, key: str, default: Any = None) -> Any:
        return default


class _Registry(ModuleRegistry):  # type: ignore[misc]
    """A registry that notes which elements each component became."""

    def __init__(self, config: _NoConfig, plugins: list[dict[str, str]] | None) -> None:
        super().__init__(config, plugins)
        self.components: list[Component] = []
        self.current: Position | None = None

    def names_of(self, component_type: str) -> tuple[str, ...]:
        entry_point = self.modules_by_component_type.get(component_type)
        if entry_point is None:
            return ()
        listed = self.get_component_list_type(entry_point)
        return tuple(sorted(self._entry_points_cache.get(listed, {})))

    def dispatch(
        self,
        component_type: str,
        xml_parent: ET.Element,
        component: Any,
        template_data: Any = {},  # noqa: B006 - as the method it overrides
        job_data: Any = None,
        component_pos: Any = None,
    ) -> None:
        place = component_pos if isinstance(component_pos, Position) else self.current
        name, position = _name_component(component_type, component, place)
        before, outer = len(xml_parent), self.current
        self.current = position
        if isinstance(component, str):
            component = LocatedText(name, position)  # errors read its `pos`
        super().dispatch(component_type, xml_parent, component, template_data, job_data)
        self.current = outer
        made = tuple(xml_parent)[before:]
        self.components.append(Component(component_type, name, position, component, made))


def _name_component(kind: str, component: Any, around: Position | None) -> tuple[str, Position]:
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
    place = around or Position("", 0)
    if isinstance(component, dict) and len(component) == 1:
        return str(next(iter(component))), place
    if isinstance(component, str):
        return component, place
    raise JenkinsJobsException(f"a {kind} is a name with its options, not {component!r}", pos=place)
