"""A definition and its template, proved: rendered as any other, they give an equal config."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import format_config
from cfl_jobs.configs.normalform import Normal, normalise
from cfl_jobs.planning.mark import description_of, set_description, split_description
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.rendering.render import render


def render_alone(files: Mapping[str, str], inventory: str | None) -> str:
    """Return the config that the files of one definition render to. Raises DefinitionError."""
    with tempfile.TemporaryDirectory(prefix="cfl-jobs-import-") as folder:
        root = Path(folder)
        there = dict(files) if inventory is None else {**files, INVENTORY: inventory}
        for name, text in there.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        return render(root)[0].config


def find_different_fields(wanted: Normal, made: Normal) -> tuple[str, ...]:
    """Return the tags of the root's fields that aren't equal, and "" for the root itself."""
    tags = dict.fromkeys(child.tag for child in (*wanted.children, *made.children))
    different = [tag for tag in tags if _named(wanted, tag) != _named(made, tag)]
    if (wanted.tag, wanted.attributes, wanted.text) != (made.tag, made.attributes, made.text):
        different.append("")
    return tuple(different)


def normal_without_mark(root: ET.Element, *, name: str) -> Normal:
    """Return the normal form of a config whose description is without any mark."""
    description = split_description(description_of(root))[0]
    if description != description_of(root):
        set_description(root, description)
    return normalise(format_config(root), name=name)


def _named(parent: Normal, tag: str) -> list[Normal]:
    return [child for child in parent.children if child.tag == tag]
