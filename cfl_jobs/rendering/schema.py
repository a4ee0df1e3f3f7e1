"""Definitions and templates → a JSON Schema of jobs/*.yaml, for editors.

Everything in it comes from the templates and definitions themselves: which variables a template
reads, which it can't do without (found by leaving each out), the types that the values have, and
the comments beside them. Adding an entry like the others doesn't change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfl_jobs.errors import DefinitionError
from cfl_jobs.reading.comments import read_above, read_opening
from cfl_jobs.reading.definition import Definition
from cfl_jobs.reading.definitions import (
    JOBS,
    PLUGINS,
    SETTINGS,
    Definitions,
    load_definitions,
)
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering.template_reads import Read, TemplateReads, read_template
from cfl_jobs.rendering.templates import TEMPLATES, TemplateRenderer

SCHEMA_FILE = f"{TEMPLATES}/schema.json"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_MOVED = "A name that it had before, or a list of them: it is renamed on the server, not made anew."
_NAME = "What people see in Jenkins; “/” stands between folders."
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
Schema = dict[str, Any]


def write_schema(root: Path) -> str:
    """Return the schema's text. Raises DefinitionError where the definitions don't render."""
    return json.dumps(build_schema(root), indent=2, ensure_ascii=False) + "\n"


def build_schema(root: Path) -> Schema:
    """Return the schema as JSON has it. Raises DefinitionError."""
    definitions = load_definitions(root)
    renderer = TemplateRenderer(definitions)
    findings = [*definitions.findings, *_render_all(definitions, renderer)]
    if findings:
        raise DefinitionError(findings)
    return _Builder(definitions, renderer).build()


def _render_all(definitions: Definitions, renderer: TemplateRenderer) -> list[Any]:
    return [found for entry in definitions.entries for found in renderer.render(entry)[1]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One template, with the files and entries that name it."""

    template: str
    groups: tuple[str, ...]
    entries: tuple[Definition, ...]
    reads: TemplateReads


class _Builder:
    def __init__(self, definitions: Definitions, renderer: TemplateRenderer) -> None:
        self._definitions = definitions
        self._renderer = renderer
        sources = definitions.sources
        groups = dict.fromkeys(entry.group for entry in definitions.entries)
        self._openings = {
            group: read_opening(sources.read(f"{JOBS}/{group}.yaml")) for group in groups
        }
        self._settings_comments: Mapping[str, str] = {}
        if definitions.settings:
            self._settings_comments = read_above(sources.read(f"{JOBS}/{SETTINGS}.yaml"))

    def build(self) -> Schema:
        kinds = [self._kind(template) for template in self._templates()]
        parts = {_part_of(kind.template): self._file(kind) for kind in kinds}
        parts |= {SETTINGS: self._settings(), PLUGINS: _plugins()}
        choices = [
            _when({"template": {"const": kind.template}}, _part_of(kind.template)) for kind in kinds
        ]
        choices += [_when({key: True}, key) for key in (SETTINGS, PLUGINS)]
        return {
            "$schema": _DRAFT,
            "title": "Definitions of cfl-jobs: jobs/*.yaml",
            "$comment": f"Made by `cfl-jobs schema`. `cfl-jobs schema --output {SCHEMA_FILE}` "
            "renews it.",
            "type": "object",
            "properties": {
                "template": {
                    "description": f"A file of {TEMPLATES}/: what kind of job the entries are.",
                    "enum": [kind.template for kind in kinds],
                }
            },
            "anyOf": [{"required": [key]} for key in ("template", SETTINGS, PLUGINS)],
            "allOf": choices,
            "$defs": parts,
        }

    def _templates(self) -> Sequence[str]:
        """Return the templates that are in use, and those that are only waiting to be."""
        folder = self._definitions.sources.root / TEMPLATES
        there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.j2"))
        included = {other for name in there for other in self._read(name).includes}
        used = {entry.template for entry in self._definitions.entries}
        return [name for name in there if name in used or name not in included]

    def _read(self, template: str) -> TemplateReads:
        return read_template(template, self._renderer.load_template)

    def _kind(self, template: str) -> _Kind:
        entries = tuple(e for e in self._definitions.entries if e.template == template)
        groups = tuple(dict.fromkeys(entry.group for entry in entries))
        return _Kind(template, groups, entries, self._read(template))

    def _file(self, kind: _Kind) -> Schema:
        """Return the schema of a file that names this template."""
        names = dict.fromkeys(["name", "moved"])
        names |= dict.fromkeys(key for entry in kind.entries for key in _keys(entry.variables))
        names |= dict.fromkeys(
            key
            for entry in kind.entries
            for key in entry.variables.asked_keys()
            if key not in kind.reads.hidden
        )
        names |= dict.fromkeys(kind.reads.variables)
        variables = {name: self._variable(kind, name) for name in sorted(names)}
        variables = {"name": variables.pop("name"), **variables}
        here = f"#/$defs/{_part_of(kind.template)}/properties/jobs"
        shared = [name for name in variables if name not in ("name", "moved")]
        defaults = {name: {"$ref": f"{here}/items/properties/{name}"} for name in shared}
        entry: Schema = {
            "type": "array",
            "items": {
                "type": "object",
                "properties": variables,
                "required": ["name"],
                "additionalProperties": False,
            },
        }
        about = [self._openings[group].about for group in kind.groups] or [kind.reads.comment]
        needed = [name for name in shared if self._is_needed(kind.entries, name)]
        schema: Schema = {
            "description": about[0],
            "type": "object",
            "properties": {
                "template": {"const": kind.template},
                "defaults": {
                    "description": "Variables that all entries of this file have.",
                    "type": "object",
                    "properties": defaults,
                    "additionalProperties": False,
                },
                "jobs": entry,
                "views": {"$ref": here},
            },
            "anyOf": [{"required": ["jobs"]}, {"required": ["views"]}],
            "additionalProperties": False,
        }
        if needed:
            schema["allOf"] = [_needs(name) for name in needed]
        return schema

    def _variable(self, kind: _Kind, name: str) -> Schema:
        if name == "name":
            return {"description": _NAME, "type": "string", "minLength": 1}
        if name == "moved":
            text = {"type": "string"}
            return {"description": _MOVED, "anyOf": [text, {"type": "array", "items": text}]}
        read = kind.reads.variables.get(name, Read())
        values = [
            dict.get(entry.variables, name)
            for entry in kind.entries
            if dict.__contains__(entry.variables, name)
        ]
        setting = dict.get(self._definitions.settings, read.falls_back_to)
        if read.falls_back_to and setting is not None:
            values.append(setting)
        about = self._about(kind, name, read)
        return {"description": about, **_shape(values, read)} if about else _shape(values, read)

    def _about(self, kind: _Kind, name: str, read: Read) -> str:
        own = [self._openings[group].variables.get(name, "") for group in kind.groups]
        others = [opening.variables.get(name, "") for opening in self._openings.values()]
        shared = name in {
            key for other in kind.reads.includes for key in self._read(other).variables
        }
        words = [*own, *(others if shared else [])]
        words.append(self._settings_comments.get(read.falls_back_to, ""))
        return next((word for word in words if word), "")

    def _is_needed(self, entries: Sequence[Definition], name: str) -> bool:
        """Tell whether every entry has the variable, and rendering fails without."""
        mappings = [entry.variables for entry in entries]
        return (
            bool(mappings)
            and all(name in _keys(mapping) for mapping in mappings)
            and (self._fails_without(mappings, name))
        )

    def _fails_without(self, mappings: Iterable[TrackedDict], name: str) -> bool:
        taken = [(mapping, dict.pop(mapping, name)) for mapping in mappings]
        try:
            return bool(_render_all(self._definitions, self._renderer))
        finally:
            for mapping, value in taken:
                dict.__setitem__(mapping, name, value)

    def _settings(self) -> Schema:
        settings = self._definitions.settings
        variables: Schema = {}
        for name in sorted({*_keys(settings), *settings.asked_keys()}):
            values = [dict.get(settings, name)] if name in _keys(settings) else []
            about = self._settings_comments.get(name, "")
            variables[name] = {"description": about} if about else {}
            variables[name] |= _shape(values, Read())
        needed = [name for name in _keys(settings) if self._fails_without([settings], name)]
        return {
            "description": "What all jobs share; templates see it as `settings`.",
            "type": "object",
            "properties": {
                SETTINGS: {
                    "type": "object",
                    "properties": variables,
                    "required": sorted(needed),
                    "additionalProperties": False,
                }
            },
            "required": [SETTINGS],
            "additionalProperties": False,
        }


def _part_of(template: str) -> str:
    """Return what the schema calls a template's part: "/" would be a step of a JSON pointer."""
    return template.partition(".")[0].replace("/", "-")


def _when(properties: Schema, name: str) -> Schema:
    return {
        "if": {"required": list(properties), "properties": properties},
        "then": {"$ref": f"#/$defs/{name}"},
    }


def _needs(name: str) -> Schema:
    """Every entry has the variable, unless the file's defaults have it."""
    entries = {"items": {"required": [name]}}
    has_default = {"required": ["defaults"], "properties": {"defaults": {"required": [name]}}}
    return {"if": {"not": has_default}, "then": {"properties": {"jobs": entries, "views": entries}}}


def _plugins() -> Schema:
    version = {"type": "string", "pattern": r"^\S+$"}
    return {
        "description": "The server's plugins and their versions; `cfl-jobs inventory` writes it.",
        "type": "object",
        "properties": {
            "jenkins": version,
            PLUGINS: {
                "type": "object",
                "propertyNames": {"pattern": r"^[A-Za-z0-9_.-]+$"},
                "additionalProperties": version,
            },
        },
        "required": [PLUGINS],
        "additionalProperties": False,
    }


def _shape(values: Sequence[Any], read: Read) -> Schema:
    """Return a schema that takes values like these, used like this."""
    types = sorted({_type_of(value) for value in values})
    if not types:
        types = ["array"] if read.is_list else ["object"] if read.fields else []
    schema: Schema = {}
    if types:
        schema["type"] = types[0] if len(types) == 1 else types
    if "array" in types:
        items = [item for value in values if isinstance(value, list) for item in value]
        inner = _shape(items, Read(fields=read.fields))
        schema |= {"items": inner} if inner else {}
    if "object" in types:
        schema |= _shape_of_mappings([value for value in values if isinstance(value, dict)], read)
    return schema


def _shape_of_mappings(mappings: Sequence[dict[str, Any]], read: Read) -> Schema:
    keys = [set(_keys(mapping)) for mapping in mappings]
    properties: Schema = {}
    for name in sorted(read.fields.union(*keys)):
        values = [dict.get(found, name) for found in mappings if name in _keys(found)]
        properties[name] = _shape(values, Read())
    return {
        "properties": properties,
        "required": sorted(set.intersection(*keys)) if keys else [],
        "additionalProperties": False,
    }


def _keys(mapping: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys without noting a read."""
    return tuple(dict.keys(mapping))


def _type_of(value: Any) -> str:
    return next((word for kind, word in _TYPES if isinstance(value, kind)), "null")
