"""Format name → the writer that draws the chain in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cfl_jobs.configs.graph import Chain
from cfl_jobs.drawing.as_json import draw_json
from cfl_jobs.drawing.dot import draw_dot
from cfl_jobs.drawing.mermaid import draw_mermaid
from cfl_jobs.drawing.svg import draw_svg
from cfl_jobs.drawing.text import draw_text

FORMATS: Mapping[str, Callable[[Chain], str]] = MappingProxyType(
    {
        "text": draw_text,
        "mermaid": draw_mermaid,
        "dot": draw_dot,
        "json": draw_json,
        "svg": draw_svg,
    }
)
