"""Our own Jinja2 templates of pages and drawings + values → HTML or SVG; each value is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def fill_template(path: Path, **values: object) -> str:
    """Return a template's text with the values in it; only a `Markup` among them isn't escaped."""
    return _environment(path.parent).get_template(path.name).render(values)


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
