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

from cfl_jobs.errors import Position
from cfl_jobs.tracking import LocatedText, TrackedDict

with warnings.catch_warnings():
    # jenkins-job-builder 6.5 imports pkg_resources, which setuptools has deprecated.
    warnings.filterwarnings("ignore", category=UserWarning, module="jenkins_jobs")
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    from jenkins_jobs.errors import JenkinsJobsException
    from jenkins_jobs.registry import ModuleRegistry
    from jenkins_jobs.xml_config import XmlJobGenerator, XmlViewGenerator

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
        self._jobs = XmlJobGenerator(self._registry)
        self._views = XmlViewGenerator(self._registry)

    def generate(self, data: TrackedDict, *, is_view: bool) -> Generated:
        """Return the XML of a job or view. Raises GeneratorProblem."""
        self._registry.components = []
        self._registry.current = None
        generator = self._views if is_view else self._jobs
        try:
            made = generator._getXMLForData(data)
            text = made.output().decode("utf-8")
        except JenkinsJobsException as error:
            raise GeneratorProblem(_worded(error), self._place(error, data)) from error
        except RecursionError as error:
            raise GeneratorProblem("it is nested too deeply", data.pos) from error
        except Exception as error:
            # Modules don't check types: text where they want a mapping is an AttributeError.
            place = self._registry.current or data.pos
            message = f"jenkins-job-builder can't take this ({type(error).__name__}: {error})"
            raise GeneratorProblem(message, place) from error
        return Generated(made.xml, text, tuple(self._registry.components))

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
        name, position = _name_component(component_type, component, self.current)
        before, outer = len(xml_parent), self.current
        self.current = position
        if not isinstance(component, (dict, LocatedText)):
            component = LocatedText(name, position)
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
    if isinstance(component, LocatedText):
        return str(component), component.pos
    place = around or Position("", 0)
    if isinstance(component, dict) and len(component) == 1:
        return str(next(iter(component))), place
    if isinstance(component, str):
        return component, place
    raise JenkinsJobsException(f"a {kind} is a name with its options, not {component!r}", pos=place)
