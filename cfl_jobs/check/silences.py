"""Comments that silence a rule at a place → which findings they cover, and which they don't.

`# cfl-jobs: ignore RULE reason`, in YAML, a template (also as a Jinja2 comment) or a script: behind
a line for that line, alone on a line for the next one that isn't a comment. At a job's entry in
`jobs/` it covers what is found in that job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cfl_jobs.errors import Position

_COMMENT = re.compile(
    r"(?P<before>.*?)(?:\{#-?|#)\s*cfl-jobs:\s*ignore\b\s*(?P<rule>[\w-]*)(?P<reason>[^#]*?)"
    r"\s*(?:-?#\})?\s*$"
)
_ONLY_COMMENT = re.compile(r"\s*(?:#.*|\{#.*#\}\s*)?$")


@dataclass(frozen=True, slots=True)
class Silence:
    """One comment. `line` is the line that it covers, in `position.file`."""

    rule: str
    reason: str
    position: Position
    line: int


def find_silences(files: Mapping[str, str]) -> tuple[Silence, ...]:
    """Return all such comments in the files."""
    return tuple(found for file, text in files.items() for found in _find(file, text))


def _find(file: str, text: str) -> Iterator[Silence]:
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        match = _COMMENT.match(line)
        if match is None:
            continue
        covered = number
        if not match["before"].strip():
            below = range(number, len(lines))
            covered = next((at + 1 for at in below if not _ONLY_COMMENT.match(lines[at])), number)
        column = len(match["before"]) + 1
        reason = match["reason"].strip(" \t:-")
        yield Silence(match["rule"], reason, Position(file, number, column), covered)
