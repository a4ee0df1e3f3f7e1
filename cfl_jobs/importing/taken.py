"""A config's text → the files of its definition, proved to render to an equal config."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

from cfl_jobs.configs.buildwritten import take_build_written
from cfl_jobs.configs.configxml import element_paths, format_config, parse_config
from cfl_jobs.configs.mark import description_of, set_description, split_description
from cfl_jobs.configs.normalform import Normal, normalise
from cfl_jobs.errors import ConfigError, DefinitionError, suggest
from cfl_jobs.importing.kept_secrets import find_kept_secrets
from cfl_jobs.importing.takeover import PROJECT_TYPES, Solver, Takeover, take_over
from cfl_jobs.importing.writing import write_template, write_text
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.names import find_name_problem
from cfl_jobs.rendering.render import render

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


def import_config(config: str, *, name: str, solver: Solver, inventory: str | None) -> Imported:
    """Return a job's definition. `inventory` is the text of jobs/plugins.yaml.

    Raises ConfigError where there is something that can't be taken over, and says what.
    """
    root = parse_config(config, name=name)
    _refuse(root, name)
    left = take_build_written(root)
    wanted = _normal_without_mark(deepcopy(root), name=name)
    raw_fields: frozenset[str] = frozenset()
    while True:
        taken = take_over(root, solver, raw_fields=raw_fields)
        files = write_files(name, taken)
        different = _find_different_fields(wanted, _render(files, name, inventory))
        more = frozenset(different) - raw_fields - {""}
        if not different:
            names = tuple(dict.fromkeys(each.element.tag for each in left))
            return Imported(name, files, taken.modules, tuple(taken.kept), names)
        if not more:
            raise _nowhere(name, different)
        raw_fields |= more


def slug_of(name: str) -> str:
    """Return a job's name as part of a file's name; a code tells apart what ASCII can't."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "job"
    return slug if name.isascii() else f"{slug}-{sha256(name.encode()).hexdigest()[:6]}"


def write_files(name: str, taken: Takeover) -> tuple[tuple[str, str], ...]:
    """Return the definition and the template, by path."""
    slug = slug_of(name)
    template = f"imported/{slug}.yaml.j2"
    definition = (
        "# Taken over from a running Jenkins by `cfl-jobs import`.\n"
        f"template: {template}\njobs:\n  - name: {write_text(name)}\n"
    )
    return (
        (f"jobs/imported-{slug}.yaml", definition),
        (f"templates/{template}", _opening(taken) + write_template(taken.data)),
    )


def _opening(taken: Takeover) -> str:
    if not taken.kept:
        return "{# Taken over by `cfl-jobs import`. #}\n"
    count = len(taken.kept)
    what = "an element" if count == 1 else f"{count} elements"
    return (
        f"{{# Taken over by `cfl-jobs import`. {what[0].upper()}{what[1:]} stayed raw XML: no\n"
        "   options of jenkins-job-builder were found that make the same. #}\n"
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


def _render(files: tuple[tuple[str, str], ...], name: str, inventory: str | None) -> Normal:
    try:
        return normalise(_render_alone(dict(files), inventory), name=name)
    except DefinitionError as error:
        raise ConfigError(
            f"{name}: what was made of it isn't a valid definition:\n{error.message}",
            advice="If plugins are missing there, run `cfl-jobs inventory` first.",
        ) from error


def _nowhere(name: str, fields: tuple[str, ...]) -> ConfigError:
    shown = ", ".join(field or "the job itself" for field in fields)
    return ConfigError(
        f"{name}: jenkins-job-builder can't write this so that it stays as it is: {shown}",
        advice="Nothing was written. Change that in Jenkins, or keep this job outside.",
    )


def _render_alone(files: Mapping[str, str], inventory: str | None) -> str:
    """Return the config that the files of one definition render to. Raises DefinitionError."""
    with tempfile.TemporaryDirectory(prefix="cfl-jobs-import-") as folder:
        root = Path(folder)
        there = dict(files) if inventory is None else {**files, INVENTORY: inventory}
        for name, text in there.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        return render(root)[0].config


def _find_different_fields(wanted: Normal, made: Normal) -> tuple[str, ...]:
    """Return the tags of the root's fields that aren't equal, and "" for the root itself."""
    tags = dict.fromkeys(child.tag for child in (*wanted.children, *made.children))
    different = [tag for tag in tags if _named(wanted, tag) != _named(made, tag)]
    if (wanted.tag, wanted.attributes, wanted.text) != (made.tag, made.attributes, made.text):
        different.append("")
    return tuple(different)


def _normal_without_mark(root: ET.Element, *, name: str) -> Normal:
    """Return the normal form of a config whose description is without any mark."""
    description = split_description(description_of(root))[0]
    if description != description_of(root):
        set_description(root, description)
    return normalise(format_config(root), name=name)


def _named(parent: Normal, tag: str) -> list[Normal]:
    return [child for child in parent.children if child.tag == tag]
