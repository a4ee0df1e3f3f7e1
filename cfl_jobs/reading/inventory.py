"""jobs/plugins.yaml ↔ inventory: which version of Jenkins and of each plugin the server has.

And lists of plugins kept elsewhere → an inventory, and what its plugins need: a `plugins.txt` or
`plugins.yaml` of jenkins-plugin-cli, or the JSON of a plugin manager
(`pluginManager/api/json?depth=2`), from which alone the needs are known.

jenkins-job-builder writes some elements differently by plugin version, and takes the newest for
what it isn't told. With the inventory in the repository everyone renders the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, Position, suggest
from cfl_jobs.files import read_text
from cfl_jobs.reading.located_yaml import line_at, load_yaml
from cfl_jobs.reading.tracking import TrackedDict, peek
from cfl_jobs.reading.versions import CORE, is_older, is_version, order
from cfl_jobs.target import name_command

INVENTORY = "jobs/plugins.yaml"
_KEYS = ("jenkins", "plugins")
_SHORT_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_LINE = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?::(?P<version>[^:\s]*)(?::\S*)?)?")
_NAME_VERSIONS = "Write each plugin's version, as in `git:5.10.1`."
_SHOWN = 3
_HEADER = """\
# yaml-language-server: $schema=../templates/schema.json
# What the server runs, so that everyone renders the same config XML.
# Written by `cfl-jobs inventory`, which takes it from the server: run it again after an update of
# Jenkins or its plugins, and look at `cfl-jobs plan`.
"""

# jenkins-job-builder 6.5.0 asks for some plugins by their long names (ModuleRegistry's
# get_plugin_version). A server may show another long name, so it is given the one it asks for.
LONG_NAMES = {
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


@dataclass(frozen=True, slots=True)
class Inventory:
    """Versions of plugins by short name, and of Jenkins, "" where it isn't known.

    `needs` are, by plugin, the least versions of other ones and of CORE, where a list tells them.
    """

    plugins: Mapping[str, str] = field(default_factory=dict)
    jenkins: str = ""
    needs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions by plugin, and Jenkins' own as versions.CORE, as far as they are known."""
        versions = {**self.plugins, CORE: self.jenkins}
        return {name: version for name, version in versions.items() if version}

    def as_plugins_list(self) -> list[dict[str, str]]:
        """Return what jenkins_jobs.registry.ModuleRegistry takes, sorted by short name."""
        return [
            {"shortName": name, "longName": LONG_NAMES.get(name, name), "version": version}
            for name, version in sorted(self.plugins.items())
        ]

    def unmet(self) -> Iterator[str]:
        """Yield what doesn't fit together, as far as versions and needs are known."""
        versions = self.versions
        newer: list[tuple[str, str]] = []
        for plugin, needs in self.needs.items():
            for other, least in needs.items():
                known = versions.get(other, "")
                if other == CORE:
                    if self.jenkins and is_older(self.jenkins, least):
                        newer.append((least, plugin))
                elif not known:
                    yield f"{plugin} {versions[plugin]} needs {other} {least}, which isn't there"
                elif is_older(known, least):
                    yield f"{plugin} {versions[plugin]} needs {other} {least}, and not {known}"
        if newer:
            least, plugin = max(newer, key=lambda need: order(need[0]))
            told = f"{plugin} {versions[plugin]} needs Jenkins {least}, and not {self.jenkins}"
            if newer[1:]:
                told += f", and {len(newer) - 1} more need a newer one too"
            yield told


def load_inventory(text: str, file: str = INVENTORY) -> Inventory:
    """Read the text of an inventory. Raises DefinitionError with every finding."""
    loaded = load_yaml(text, file)
    inventory, findings = Inventory(), loaded.findings
    if isinstance(loaded.value, TrackedDict):
        inventory, more = read_inventory(loaded.value)
        findings += more
    elif not findings:
        advice = _advise_renewal()
        findings = (Finding("an inventory is a mapping", Position(file, 1), advice=advice),)
    if findings:
        lines = text.split("\n")
        raise DefinitionError(
            replace(found, source=line_at(lines, found.position.line - 1))
            if found.position
            else found
            for found in findings
        )
    return inventory


def read_inventory(document: TrackedDict) -> tuple[Inventory, tuple[Finding, ...]]:
    """Return the inventory in a parsed file, and what is wrong."""
    findings: list[Finding] = []
    for key, _ in document.raw_items():
        if key not in _KEYS:
            advice = suggest(key, _KEYS) or f"There may be {' and '.join(_KEYS)}."
            place = document.position_of(key)
            findings.append(Finding(f"unknown key {key!r}", place, advice=advice))
    plugins = dict.get(document, "plugins")
    if not isinstance(plugins, TrackedDict):
        message = "`plugins:` needs a mapping of versions"
        findings.append(Finding(message, document.position_of("plugins"), advice=_advise_renewal()))
        plugins = TrackedDict()
    versions = dict[str, str]()
    for name, _ in plugins.raw_items():
        if not _SHORT_NAME.fullmatch(str(name)):
            advice = "Use its short name, the id on plugins.jenkins.io."
            place = plugins.position_of(name)
            findings.append(Finding(f"{name!r} is no plugin's name", place, advice=advice))
        versions[str(name)] = _read_version(plugins, name, findings)
    jenkins = ""
    if dict.get(document, "jenkins") is not None:
        jenkins = _read_version(document, "jenkins", findings)
    return Inventory(versions, jenkins), tuple(findings)


def _read_version(mapping: TrackedDict, key: str, findings: list[Finding]) -> str:
    version = dict.get(mapping, key)
    if isinstance(version, str) and is_version(version):
        return str(version)
    message, advice = f"{key!r} has no version", _advise_renewal()
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        message, advice = f"{version} is a number, and versions are text", "Put it in quotes."
    elif isinstance(version, str) and version.strip():
        message, advice = f"{version!r} is no version", "Write the one that the server has."
    findings.append(Finding(message, mapping.position_of_value(key), advice=advice))
    return ""


def _advise_renewal() -> str:
    return f"`{name_command('inventory')}` writes the file anew from the server."


def dump_inventory(inventory: Inventory) -> str:
    """Return the text of jobs/plugins.yaml: the same for the same inventory."""
    lines = [f'jenkins: "{inventory.jenkins}"'] if inventory.jenkins else []
    lines.append("plugins:" if inventory.plugins else "plugins: {}")
    lines += [f'  {name}: "{version}"' for name, version in sorted(inventory.plugins.items())]
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


def read_plugin_list(path: Path, *, jenkins: str = "") -> Inventory:
    """Read a list. `jenkins` is the version of Jenkins itself, where it doesn't say that.

    Raises CflJobsError where it can't be read, DefinitionError with every finding.
    """
    text, file = read_text(path, advice=_NAME_VERSIONS), str(path)
    if jenkins and not is_version(jenkins):
        raise CflJobsError(f"{jenkins!r} is no version of Jenkins", advice="Write one as 2.568.2.")
    if text.lstrip().startswith(("{", "[")):
        found = _read_json(text, file)
    elif path.suffix not in (".yaml", ".yml"):
        found = _collect(_read_lines(text, file))
    else:
        loaded = load_yaml(text, file)
        listed = peek(loaded.value, "plugins")
        if loaded.findings or not isinstance(listed, list):
            found = load_inventory(text, file)
        else:
            found = _collect(_read_entries(listed, file))
    if not found.plugins:
        raise CflJobsError(f"{path}: there is no plugin in it", advice=_NAME_VERSIONS)
    return replace(found, jenkins=jenkins or found.jenkins)


def _collect(rows: Iterable[tuple[str, str, Finding]]) -> Inventory:
    """Return the plugins of rows: name, version, and what is wrong where it has none.

    Raises DefinitionError with the first ones, and how many more there are: every line of a file of
    another kind is wrong.
    """
    plugins: dict[str, str] = {}
    findings = []
    for name, version, finding in rows:
        if name and is_version(version):
            plugins[name] = version
        else:
            findings.append(finding)
    if len(findings) > _SHOWN:
        more = f"{_NAME_VERSIONS} And {len(findings) - _SHOWN:,} more like this."
        findings = [*findings[: _SHOWN - 1], replace(findings[_SHOWN - 1], advice=more)]
    if findings:
        raise DefinitionError(findings)
    return Inventory(plugins)


def _read_lines(text: str, file: str) -> Iterator[tuple[str, str, Finding]]:
    """Read a plugins.txt: a name and a version a line, `#` begins a comment."""
    for number, line in enumerate(text.splitlines(), start=1):
        if entry := line.partition("#")[0].strip():
            name = version = ""
            wrong = f"{entry!r} names no version"
            if found := _LINE.fullmatch(entry):
                name, version = found.groups(default="")
            if version:
                wrong = f"{version!r} is no version"
            yield name, version, Finding(wrong, Position(file, number), line, advice=_NAME_VERSIONS)


def _read_entries(listed: Iterable[object], file: str) -> Iterator[tuple[str, str, Finding]]:
    """Read a list of artifactId and source.version."""
    for entry in listed:
        name, version = peek(entry, "artifactId"), peek(peek(entry, "source"), "version")
        wrong, place = f"{str(name or entry)!r} names no version", Position(file, 1)
        place = getattr(entry, "pos", place)
        yield str(name or ""), str(version), Finding(wrong, place, advice=_NAME_VERSIONS)


def _read_json(text: str, file: str) -> Inventory:
    """Read a plugin manager's answer; plugins that aren't active are left out."""
    try:
        data = json.loads(text)
        listed = data.get("plugins", data)
        if isinstance(listed, dict):
            listed = [{"shortName": name, **entry} for name, entry in listed.items()]
        active = [entry for entry in listed if entry.get("active", True)]
        # A plugin that someone built by hand says so behind its version.
        plugins = {str(it["shortName"]): str(it["version"]).split(" ")[0] for it in active}
        needs = {str(entry["shortName"]): dict(_read_needs(entry)) for entry in active}
    except json.JSONDecodeError as error:
        place = Position(file, error.lineno, error.colno)
        raise DefinitionError([Finding(f"is no JSON: {error.msg}", place)]) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CflJobsError(
            f"{file}: is no list of plugins: each has a shortName and a version",
            advice="Take the answer to `pluginManager/api/json?depth=2` of a server.",
        ) from error
    if odd := [name for name, version in plugins.items() if not is_version(version)]:
        raise CflJobsError(f"{file}: no version of {', '.join(odd)}", advice=_NAME_VERSIONS)
    return Inventory(plugins, needs=needs)


def _read_needs(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a plugin needs: `requiredCoreVersion` and `dependencies`, or shorter words."""
    core = entry.get("requiredCoreVersion") or entry.get("requiredCore") or entry.get("jenkins")
    if core:
        yield CORE, str(core)
    yield from ((str(name), str(least)) for name, least in dict(entry.get("needs") or {}).items())
    for other in entry.get("dependencies") or ():
        if not other.get("optional"):
            yield str(other.get("shortName") or other["name"]), str(other["version"])
