"""A difference of a rendered job → the line of a definition, template or script that made it."""

from __future__ import annotations

import re

from cfl_jobs.errors import Position
from cfl_jobs.planning.differences import Raw
from cfl_jobs.rendering.render import Rendered

# What compose_step writes above the text of a script's file.
_FROM_FILE = re.compile(r"# From here on: (?P<file>.+), line (?P<line>\d+)\.")


def place_of(rendered: Rendered, raw: Raw) -> Position:
    if raw.wanted is None:
        return rendered.definition
    line = _find_script_line(raw.wanted.text, raw.live.text if raw.live else "")
    return line or rendered.place_of(raw.place.path)


def _find_script_line(wanted: str, live: str) -> Position | None:
    """Return the place, in its script's file, of the first line of a step that differs."""
    ours, theirs = wanted.splitlines(), live.splitlines()
    pairs = zip(ours, [*theirs, *[""] * len(ours)], strict=False)
    first = next((n for n, (mine, other) in enumerate(pairs) if mine != other), len(ours) - 1)
    for number, text in enumerate(ours[:first]):
        if found := _FROM_FILE.fullmatch(text):
            return Position(found["file"], int(found["line"]) + first - number - 1)
    return None
