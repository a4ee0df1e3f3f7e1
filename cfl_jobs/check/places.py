"""What a rule found → the place a person edits: definition, template or script."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cfl_jobs.check.rule import Found
from cfl_jobs.configs.configxml import element_paths, parse_config
from cfl_jobs.errors import Position
from cfl_jobs.rendering.rendered import Rendered

# What scripts.compose_step writes before a script's own text
_FROM_HERE = re.compile(r"^# From here on: (?P<file>.+), line (?P<line>\d+)\.$", re.MULTILINE)


def composed_from(script: str) -> str:
    """Return the script file that a step was composed from, "" for others."""
    mark = _FROM_HERE.search(script)
    return mark["file"] if mark else ""


class Places:
    """Finds the places of findings among what was rendered."""

    def __init__(self, rendered: Mapping[str, Rendered], files: Mapping[str, str]) -> None:
        self._rendered = rendered
        self._files = files
        self._scripts: dict[tuple[str, str], str] = {}

    def place(self, found: Found) -> Position | None:
        """Return where it stands; None where it belongs to no file."""
        if found.position is not None:
            return found.position
        rendered = self._rendered.get(found.name)
        if rendered is None:
            return None
        if not found.path:
            return rendered.definition
        if found.line:
            return self._place_in_script(found, rendered)
        return rendered.place_of(found.path)

    def _place_in_script(self, found: Found, rendered: Rendered) -> Position:
        script = self._script(found.name, found.path)
        step = rendered.place_of(found.path.rpartition("/")[0])
        mark = _FROM_HERE.search(script)
        if mark:
            before = script.count("\n", 0, mark.start()) + 1
            if found.line > before:
                line = int(mark["line"]) + found.line - before - 1
                return Position(mark["file"], line, found.column)
            return Position(mark["file"], 1) if found.line == 1 else step
        return self._place_inline(script, found, rendered.place_of(found.path))

    def _place_inline(self, script: str, found: Found, start: Position) -> Position:
        """Return the line of a script that stands in a template, looked for from its start on."""
        wanted = script.split("\n")[found.line - 1].strip()
        lines = self._files.get(start.file, "").split("\n")
        at = start.line - 1
        for line in script.split("\n")[: found.line]:
            for number in range(at, len(lines)):
                if line.strip() and line.strip() in lines[number]:
                    at = number
                    break
        if wanted and wanted in lines[at]:
            return Position(start.file, at + 1, lines[at].index(wanted) + 1)
        return start

    def _script(self, name: str, path: str) -> str:
        if (name, path) not in self._scripts:
            root = parse_config(self._rendered[name].config, name=name)
            for other, element in element_paths(root):
                if element.tag == "command":
                    self._scripts[name, other] = element.text or ""
        return self._scripts.get((name, path), "")
