"""What a rule found → where a person edits it, and the comments there that silence the rule.

`# cfl-jobs: ignore RULE reason`, in YAML, a template (also as a Jinja2 comment) or a script: behind
a line for that line, alone on a line for the next one that isn't a comment. At a job's entry in
`jobs/` it covers what is found in that job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cfl_jobs.check.rule import Found
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.model import Job
from cfl_jobs.errors import Position

# What scripts.compose_step writes before a script's own text
_FROM_HERE = re.compile(r"^# From here on: (?P<file>.+), line (?P<line>\d+)\.$", re.MULTILINE)


def composed_from(script: str) -> str:
    """Return the script file that a step was composed from, "" for others."""
    mark = _FROM_HERE.search(script)
    return mark["file"] if mark else ""


class Positions:
    """Finds the positions of findings among what was rendered."""

    def __init__(
        self, rendered: Mapping[str, Config], files: Mapping[str, str], jobs: Iterable[Job]
    ) -> None:
        self._rendered = rendered
        self._files = files
        self._scripts = {
            (job.name, f"{step.path}/command"): step.script for job in jobs for step in job.shells
        }

    def find(self, found: Found) -> Position | None:
        """Return where it stands; None where it belongs to no file."""
        if found.position is not None:
            return found.position
        rendered = self._rendered.get(found.name)
        if rendered is None:
            return None
        if not found.path:
            return rendered.definition
        if found.line:
            return self._find_in_script(found, rendered)
        return rendered.place_of(found.path)

    def _find_in_script(self, found: Found, rendered: Config) -> Position:
        script = self._scripts.get((found.name, found.path), "")
        step = rendered.place_of(found.path.rpartition("/")[0])
        mark = _FROM_HERE.search(script)
        if mark:
            before = script.count("\n", 0, mark.start()) + 1
            if found.line > before:
                line = int(mark["line"]) + found.line - before - 1
                return Position(mark["file"], line, found.column)
            return Position(mark["file"], 1) if found.line == 1 else step
        return self._find_inline(script, found, rendered.place_of(found.path))

    def _find_inline(self, script: str, found: Found, start: Position) -> Position:
        """Return the line of a script that stands in a template, looked for from its start on."""
        text = script.split("\n")[found.line - 1].strip()
        lines = self._files.get(start.file, "").split("\n")
        at = start.line - 1
        for line in script.split("\n")[: found.line]:
            for number in range(at, len(lines)):
                if line.strip() and line.strip() in lines[number]:
                    at = number
                    break
        if text and text in lines[at]:
            return Position(start.file, at + 1, lines[at].index(text) + 1)
        return start


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
