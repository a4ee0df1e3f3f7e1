"""Definitions and templates → config XML, strictly: every finding, or the rendered jobs.

The first half of the data's one way: load, run templates, generate, and look for what was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from cfl_jobs.configxml import element_paths
from cfl_jobs.definitions import Definition, Definitions, load_definitions
from cfl_jobs.errors import DefinitionError, Finding, Origin, Position, nearest
from cfl_jobs.generator import Component, Generated, Generator
from cfl_jobs.selection import select_names
from cfl_jobs.target import Kind
from cfl_jobs.templates import TemplateRenderer
from cfl_jobs.tracking import TrackedDict, unread_places, walk_mappings

_SHOWN_JOBS = 3


@dataclass(frozen=True, slots=True)
class Blame:
    """Which place made a part of a config. `path` is as configxml.element_paths gives it."""

    path: str
    position: Position


@dataclass(frozen=True, slots=True)
class Rendered:
    """A job or view as Jenkins would get it. `config` is XML text, `definition` its entry."""

    kind: Kind
    name: str
    config: str
    definition: Position
    blame: tuple[Blame, ...] = ()
    moved_from: tuple[str, ...] = ()

    def place_of(self, path: str) -> Position:
        """Return the place that made the element at `path`, or the nearest one around it."""
        places = {blame.path: blame.position for blame in self.blame}
        while path:
            if path in places:
                return places[path]
            path = path.rpartition("/")[0]
        return self.definition


def render(root: Path, *, only: Sequence[str] = ()) -> tuple[Rendered, ...]:
    """Render the jobs and views of a project, in the order of their definitions.

    `only` are names or globs of those to make XML of; every template is run all the same, so that
    what nobody reads is found. Raises DefinitionError with all findings.
    """
    definitions = load_definitions(root)
    names = [entry.name for entry in definitions.entries]
    chosen = set(select_names(names, only)) if not definitions.findings else set(names)
    renderer = TemplateRenderer(definitions)
    findings = list(definitions.findings)
    jobs: list[tuple[Definition, TrackedDict]] = []
    complete = True
    for definition in definitions.entries:
        data, problems = renderer.render(definition)
        findings += problems
        complete = complete and data is not None
        if data is not None and definition.name in chosen:
            jobs.append((definition, data))
    if complete and not definitions.findings:
        findings += _unread_variables(definitions)
    generator = Generator(_plugins_of(definitions))
    rendered: list[Rendered] = []
    for definition, data in jobs:
        made, problems = _JobRenderer(definitions, generator, definition, data).render()
        findings += problems
        if made is not None:
            rendered.append(made)
    if findings:
        raise DefinitionError(_merge_repeats(findings))
    return tuple(rendered)


def _plugins_of(definitions: Definitions) -> list[dict[str, str]] | None:
    plugins = definitions.inventory.get("plugins") if definitions.inventory is not None else None
    if not isinstance(plugins, TrackedDict):
        return None
    return [{"shortName": key, "version": str(version)} for key, version in plugins.raw_items()]


def _unread_variables(definitions: Definitions) -> Iterator[Finding]:
    """Find variables and settings that no template read."""
    for mapping, key in unread_places([entry.variables for entry in definitions.entries]):
        if key not in mapping.forward:
            yield _unread_variable(definitions, mapping, key, "no template reads the variable")
    for group, shared in definitions.defaults.items():
        uses = [entry for entry in definitions.entries if entry.group == group]
        for mapping, key in unread_places(shared):
            if uses:
                yield _unread_variable(definitions, mapping, key, "no template reads the default")
    for mapping, key in unread_places(definitions.settings):
        yield _unread_variable(definitions, mapping, key, "no template reads the setting")


def _unread_variable(
    definitions: Definitions, mapping: TrackedDict, key: str, message: str
) -> Finding:
    advice = _advise(key, mapping) or "Remove it, or use it in the template."
    place = mapping.position_of(key)
    return definitions.sources.find(f"{message} {key!r}", place, advice=advice)


def _advise(key: str, mapping: TrackedDict) -> str:
    """Say what a key that no one asked for may have meant: the nearest one that was asked for."""
    near = nearest(key, mapping.asked_keys())
    if near is not None and dict.__contains__(mapping, near):
        return f"{near!r} is already there; remove this one."
    return f"Did you mean {near!r}?" if near else ""


class _JobRenderer:
    """Makes XML of one job's data and looks for what was lost on the way."""

    def __init__(
        self,
        definitions: Definitions,
        generator: Generator,
        definition: Definition,
        data: TrackedDict,
    ) -> None:
        self._sources = definitions.sources
        self._generator = generator
        self._definition = definition
        self._data = data
        role = f"for the {definition.kind.value} {definition.name!r} at"
        self._origin = Origin(role, definition.position)

    def render(self) -> tuple[Rendered | None, tuple[Finding, ...]]:
        """Return the rendered job, and what is wrong with it."""
        definition, data = self._definition, self._data
        name = dict.get(data, "name")
        if name != definition.name:
            advice = "Write `name: {{ name }}` in the template."
            message = f"the template names it {name!r}"
            return None, (self._find(message, data.position_of("name"), advice=advice),)
        is_view = definition.kind is Kind.VIEW
        if is_view:
            data.setdefault("view-type", "list")
        made = self._generator.generate(data, is_view=is_view)
        findings = [
            self._find(problem.message, problem.position, advice=problem.advice)
            for problem in made.problems
        ]
        findings += self._unread_options(made)
        if made.problems:
            return None, tuple(findings)
        rendered = Rendered(
            definition.kind,
            definition.name,
            made.text,
            definition.position,
            tuple(_blame(made, data)),
            definition.moved_from,
        )
        return rendered, tuple(findings)

    def _find(
        self, message: str, place: Position, *, advice: str = "", within: tuple[Origin, ...] = ()
    ) -> Finding:
        origins = (*within, self._origin)
        return self._sources.find(message, place, origins=origins, advice=advice)

    def _unread_options(self, made: Generated) -> Iterator[Finding]:
        """Find options that jenkins-job-builder never asked for."""
        owners: dict[int, Component] = {}
        for component in reversed(made.components):  # inner components are noted first
            owners.update((id(mapping), component) for mapping in walk_mappings(component.data))
        for mapping, key in unread_places(self._data):
            owner = owners.get(id(mapping))
            of = f"the {owner.kind} {owner.name!r}" if owner else f"a {self._definition.kind.value}"
            within = (Origin(f"in {of} at", owner.position),) if owner else ()
            advice = _advise(key, mapping) or "Remove it: it would have no effect."
            message = f"jenkins-job-builder never reads {key!r} of {of}"
            yield self._find(message, mapping.position_of(key), advice=advice, within=within)


def _blame(made: Generated, data: TrackedDict) -> Iterator[Blame]:
    """Yield the places of components' elements, and of leaves whose text is one value's."""
    paths = {id(element): path for path, element in element_paths(made.root)}
    owned = {
        id(element): component
        for component in made.components
        for element in component.elements
        if id(element) in paths
    }
    texts: dict[int, Mapping[str, Position]] = {}
    root_texts = _texts_of(data, deep=False)

    def descend(element: ET.Element, around: Mapping[str, Position]) -> Iterator[Blame]:
        component = owned.get(id(element))
        if component is not None:
            yield Blame(paths[id(element)], component.position)
            around = texts.setdefault(id(component), _texts_of(component.data))
        elif not len(element) and element.text and element.text in around:
            yield Blame(paths[id(element)], around[element.text])
        for child in element:
            yield from descend(child, around)

    for child in made.root:
        yield from descend(child, root_texts)


def _texts_of(value: Any, *, deep: bool = True) -> dict[str, Position]:
    """Return where each text in a value stands; texts that stand in two places are left out."""
    found: dict[str, Position] = {}
    twice: set[str] = set()
    for mapping in walk_mappings(value, descend=lambda *_: deep):
        for key, text in mapping.raw_items():
            if isinstance(text, str):
                place = mapping.value_positions.get(key, mapping.pos)
                if found.setdefault(text, place) != place:
                    twice.add(text)
    return {text: place for text, place in found.items() if text not in twice}


def _merge_repeats(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield each finding once: the same line of a template is wrong for all of its jobs alike."""
    alike: dict[tuple[str, Position | None], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.message, finding.position), []).append(finding)
    for group in alike.values():
        first = group[0]
        origins = list(dict.fromkeys(origin for finding in group for origin in finding.origins))
        more = len(origins) - len(first.origins) - _SHOWN_JOBS + 1
        if more > 0:
            origins = origins[: len(first.origins) + _SHOWN_JOBS - 1]
            last = origins[-1]
            origins[-1] = Origin(f"and {more} more, as", last.position)
        yield replace(first, origins=tuple(origins))
