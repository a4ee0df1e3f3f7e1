"""overrides/ of a bootstrapped directory → what people added: it is kept, and taken in each time.

Configuration as Code reads jenkins.yaml and then overrides/jenkins/*.yaml with its merge strategy
`override`: mappings are merged, lists appended, of two values the later one counts
(configuration-as-code 1810, OverrideMergeStrategy).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfl_jobs.errors import DefinitionError, Finding, Position
from cfl_jobs.files import read_text
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import peek

OVERRIDES = "overrides"
SETUP = f"{OVERRIDES}/jenkins"
PLUGINS = f"{OVERRIDES}/plugins.txt"
_PLUGIN = re.compile(r"([A-Za-z0-9_.-]+)(?::([^\s:#]+))?\s*(?:#.*)?")
_REFERENCE = re.compile(r"(?<!\^)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What people added; text is "" for none.

    `setup` are the snippets of Configuration as Code, by file; `secrets` are named in them: names
    and files. `plugins` are names and versions, "" for any.
    """

    setup: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    controller: str = ""
    agent: str = ""
    compose: str = ""

    def replaces(self, key: str, kind: str, *, is_mapping: bool) -> bool:
        """Tell whether a snippet sets `jenkins.key` to something that can't be merged with ours.

        `key` takes one of several kinds of things; ours is a mapping under its kind's name, or the
        name alone.
        """
        for snippet in self.setup.values():
            theirs = peek(snippet.get("jenkins"), key)
            if isinstance(theirs, Mapping):
                if not is_mapping or kind not in theirs:
                    return True
            elif theirs is not None and is_mapping:
                return True
        return False


def read_overrides(home: Path) -> Overrides:
    """Read overrides/ below `home`. Raises DefinitionError with every mistake, CflJobsError."""
    setup: dict[str, Mapping[str, Any]] = {}
    findings: list[Finding] = []
    secrets: dict[str, str] = {}
    for path in sorted((home / SETUP).glob("*.y*ml")):
        name, text = f"{SETUP}/{path.name}", _read(path)
        loaded = load_yaml(text, str(path))
        findings += loaded.findings
        if isinstance(loaded.value, Mapping):
            setup[name] = dict(loaded.value.items())
        elif not loaded.findings:
            findings.append(Finding("a snippet is a mapping", Position(str(path), 1)))
        for found in _REFERENCE.finditer(text):
            secrets.setdefault(found[1], name)
    plugins = _read_plugins(home / PLUGINS, findings)
    if findings:
        raise DefinitionError(findings)
    texts = ("controller.Dockerfile", "agent.Dockerfile", "compose.yaml")
    return Overrides(setup, plugins, secrets, *(_read(home / OVERRIDES / name) for name in texts))


def _read_plugins(path: Path, findings: list[Finding]) -> dict[str, str]:
    plugins: dict[str, str] = {}
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found := _PLUGIN.fullmatch(line.strip()):
            plugins[found[1]] = found[2] or plugins.get(found[1], "")
        else:
            place, advice = (
                Position(str(path), number),
                "One `name:version` a line; # begins a comment.",
            )
            findings.append(Finding("this names no plugin", place, line, advice=advice))
    return plugins


def _read(path: Path) -> str:
    return read_text(path, advice="Fix it or move it away.") if path.exists() else ""
