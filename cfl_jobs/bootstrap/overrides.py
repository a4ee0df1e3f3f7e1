"""overrides/ of a bootstrapped directory → what people added: it is kept, and taken in each time.

Configuration as Code reads jenkins.yaml and then overrides/jenkins/*.yaml with its merge strategy
`override`: mappings are merged, lists appended, of two values the later one counts
(configuration-as-code 1810, OverrideMergeStrategy).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfl_jobs.bootstrap.plugins import PluginLine
from cfl_jobs.bootstrap.secrets import Secret
from cfl_jobs.errors import DefinitionError, Finding, Position, TargetError
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import peek

OVERRIDES = "overrides"
SETUP = f"{OVERRIDES}/jenkins"
_PLUGIN = re.compile(r"([A-Za-z0-9_.-]+)(?::([^\s:#]+))?\s*(?:#.*)?")
_REFERENCE = re.compile(r"(?<!\^)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Overrides:
    """`setup` are the snippets of Configuration as Code, by file; the rest is text, "" for none."""

    setup: Mapping[str, Mapping[str, Any]]
    plugins: tuple[PluginLine, ...] = ()
    secrets: tuple[Secret, ...] = ()
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
    """Read overrides/ below `home`. Raises DefinitionError with every mistake, TargetError."""
    setup: dict[str, Mapping[str, Any]] = {}
    findings: list[Finding] = []
    secrets: dict[str, Secret] = {}
    for path in sorted((home / SETUP).glob("*.y*ml")):
        name, text = f"{SETUP}/{path.name}", _read(path)
        loaded = load_yaml(text, str(path))
        findings += loaded.findings
        if isinstance(loaded.value, Mapping):
            setup[name] = dict(loaded.value.items())
        elif not loaded.findings:
            findings.append(Finding("a snippet is a mapping", Position(str(path), 1)))
        for found in _REFERENCE.finditer(text):
            secrets.setdefault(found[1], Secret(found[1], f"named in {name}"))
    plugins = tuple(_read_plugins(home / OVERRIDES / "plugins.txt", findings))
    if findings:
        raise DefinitionError(findings)
    controller, agent, compose = (
        _read(home / OVERRIDES / name)
        for name in ("controller.Dockerfile", "agent.Dockerfile", "compose.yaml")
    )
    return Overrides(setup, plugins, tuple(secrets.values()), controller, agent, compose)


def _read_plugins(path: Path, findings: list[Finding]) -> Iterator[PluginLine]:
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _PLUGIN.fullmatch(line.strip())
        if found is None:
            advice = "One `name:version` a line; # begins a comment."
            findings.append(
                Finding("this names no plugin", Position(str(path), number), line, advice=advice)
            )
        else:
            yield PluginLine(found[1], found[2] or "", (f"{OVERRIDES}/plugins.txt",))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TargetError(
            f"{path} can't be read: {reason}", advice="Fix it or move it away."
        ) from None
