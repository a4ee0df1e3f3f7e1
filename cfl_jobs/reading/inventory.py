"""jobs/plugins.yaml ↔ inventory: which version of Jenkins and of each plugin the server has.

jenkins-job-builder writes some elements differently by plugin version, and takes the newest for
what it isn't told. With the inventory in the repository everyone renders the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cfl_jobs.errors import DefinitionError, Finding, Position, suggest
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.reading.versions import CORE, is_version

INVENTORY = "jobs/plugins.yaml"
_KEYS = ("jenkins", "plugins")
_SHORT_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_HEADER = """\
# yaml-language-server: $schema=../templates/schema.json
# What the server runs, so that everyone renders the same config XML.
# Written by `cfl-jobs inventory`, which takes it from the server: run it again after an update of
# Jenkins or its plugins, and look at `cfl-jobs plan`.
"""

# jenkins-job-builder 6.5.0 asks for some plugins by their long names (ModuleRegistry's
# get_plugin_version). A server may show another long name, so it is given the one it asks for.
LONG_NAMES = MappingProxyType(
    {
        "build-timeout": "Build Timeout",
        "cmakebuilder": "CMake plugin",
        "flexible-publish": "Flexible Publish Plugin",
        "gerrit-trigger": "Gerrit Trigger",
        "gitlab-merge-request-jenkins": "Gitlab Merge Request Builder",
        "gitlab-plugin": "GitLab Plugin",
        "groovy": "Groovy",
        "hipchat": "Jenkins HipChat Plugin",
        "maven-plugin": "Maven Integration plugin",
        "rvm": "RVM Plugin",
        "slack": "Slack Notification Plugin",
        "ssh-agent": "SSH Agent Plugin",
    }
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Versions of plugins by short name, and of Jenkins, "" where it isn't known."""

    plugins: Mapping[str, str] = field(default_factory=dict)
    jenkins: str = ""

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions by plugin, and Jenkins' own as versions.CORE, as far as they are known."""
        return {**self.plugins, CORE: self.jenkins} if self.jenkins else self.plugins

    def as_plugins_list(self) -> list[dict[str, str]]:
        """Return what jenkins_jobs.registry.ModuleRegistry takes, sorted by short name."""
        return [
            {"shortName": name, "longName": LONG_NAMES.get(name, name), "version": version}
            for name, version in sorted(self.plugins.items())
        ]


def load_inventory(text: str, file: str = INVENTORY) -> Inventory:
    """Read the text of an inventory. Raises DefinitionError with every finding."""
    loaded = load_yaml(text, file)
    findings = list(loaded.findings)
    lines = text.split("\n")
    inventory = Inventory()
    if isinstance(loaded.value, TrackedDict):
        inventory, problems = read_inventory(loaded.value)
        for message, position, advice in problems:
            findings.append(Finding(message, position, lines[position.line - 1], advice=advice))
    elif not findings:
        message = "an inventory is a mapping"
        findings.append(Finding(message, Position(file, 1), lines[0], advice=_RENEW))
    if findings:
        raise DefinitionError(findings)
    return inventory


_RENEW = "`cfl-jobs inventory` writes the file anew from the server."
Problem = tuple[str, Position, str]


def read_inventory(document: TrackedDict) -> tuple[Inventory, tuple[Problem, ...]]:
    """Return the inventory in a parsed file, and (message, position, advice) of what is wrong."""
    problems: list[Problem] = []
    for key, _ in document.raw_items():
        if key not in _KEYS:
            advice = suggest(key, _KEYS) or f"There may be {' and '.join(_KEYS)}."
            problems.append((f"unknown key {key!r}", document.position_of(key), advice))
    plugins = dict.get(document, "plugins")
    if not isinstance(plugins, TrackedDict):
        problems.append(
            ("`plugins:` needs a mapping of versions", document.position_of("plugins"), _RENEW)
        )
        plugins = TrackedDict(pos=document.pos)
    versions = dict[str, str]()
    for name, _ in plugins.raw_items():
        if not _SHORT_NAME.fullmatch(str(name)):
            advice = "Use its short name, the id on plugins.jenkins.io."
            problems.append((f"{name!r} is no plugin's name", plugins.position_of(name), advice))
        versions[str(name)] = _read_version(plugins, name, problems)
    jenkins = ""
    if dict.get(document, "jenkins") is not None:
        jenkins = _read_version(document, "jenkins", problems)
    return Inventory(MappingProxyType(versions), jenkins), tuple(problems)


def _read_version(mapping: TrackedDict, key: str, problems: list[Problem]) -> str:
    version = dict.get(mapping, key)
    if isinstance(version, str) and is_version(version):
        return str(version)
    place = mapping.value_positions.get(key, mapping.position_of(key))
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        message, advice = f"{version} is a number, and versions are text", "Put it in quotes."
    elif isinstance(version, str) and version.strip():
        message, advice = f"{version!r} is no version", "Write the one that the server has."
    else:
        message, advice = f"{key!r} has no version", _RENEW
    problems.append((message, place, advice))
    return ""


def dump_inventory(inventory: Inventory) -> str:
    """Return the text of jobs/plugins.yaml: the same for the same inventory."""
    lines = [f'jenkins: "{inventory.jenkins}"'] if inventory.jenkins else []
    if inventory.plugins:
        lines.append("plugins:")
        lines += [f'  {name}: "{version}"' for name, version in sorted(inventory.plugins.items())]
    else:
        lines.append("plugins: {}")
    return _HEADER + "\n".join(lines) + "\n"


def compare_inventories(old: Inventory, new: Inventory) -> Iterator[str]:
    """Yield one line for each difference, sorted by plugin, Jenkins itself first."""
    if new.jenkins and old.jenkins != new.jenkins:
        yield f"Jenkins {old.jenkins or 'unknown'} → {new.jenkins}"
    for name in sorted({*old.plugins, *new.plugins}):
        before, after = old.plugins.get(name), new.plugins.get(name)
        if before is None:
            yield f"{name} {after} is new"
        elif after is None:
            yield f"{name} {before} is gone"
        elif before != after:
            yield f"{name} {before} → {after}"
