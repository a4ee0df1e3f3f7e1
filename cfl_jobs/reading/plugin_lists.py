"""A list of plugins kept elsewhere → an inventory, and what its plugins need.

It may be an inventory, a `plugins.txt` or `plugins.yaml` of jenkins-plugin-cli, or the JSON of a
plugin manager (`pluginManager/api/json?depth=2`), from which alone the needs are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, Position
from cfl_jobs.reading.inventory import Inventory, load_inventory
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.versions import CORE, is_older, is_version, order

_LINE = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?::(?P<version>[^:\s]*)(?::\S*)?)?")
_NAME_VERSIONS = "Write each plugin's version, as in `git:5.10.1`."


@dataclass(frozen=True, slots=True)
class PluginList:
    """Plugins, and by plugin the least version of each other one, and of CORE, that it needs."""

    inventory: Inventory
    needs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def with_jenkins(self, version: str) -> PluginList:
        """Return the list with a version of Jenkins itself, where it has none."""
        known = self.inventory.jenkins or version
        return replace(self, inventory=replace(self.inventory, jenkins=known))

    def unmet(self) -> Iterator[str]:
        """Yield what doesn't fit together, as far as versions and needs are known."""
        versions, jenkins = self.inventory.versions, self.inventory.jenkins
        newer: list[tuple[str, str]] = []
        for plugin, needs in self.needs.items():
            for other, least in needs.items():
                known = versions.get(other, "")
                if other == CORE:
                    newer += [(least, plugin)] if jenkins and is_older(jenkins, least) else []
                elif not known:
                    yield f"{plugin} {versions[plugin]} needs {other} {least}, which isn't there"
                elif is_older(known, least):
                    yield f"{plugin} {versions[plugin]} needs {other} {least}, and not {known}"
        if newer:
            least, plugin = max(newer, key=lambda need: order(need[0]))
            count = f", and {len(newer) - 1} more need a newer one too" if newer[1:] else ""
            yield f"{plugin} {versions[plugin]} needs Jenkins {least}, and not {jenkins}{count}"


def read_plugin_list(path: Path, *, jenkins: str = "") -> PluginList:
    """Read a list. `jenkins` is the version of Jenkins itself, where it doesn't say that.

    Raises CflJobsError where it can't be read, DefinitionError with every finding.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CflJobsError(f"{path}: can't be read: {error}") from error
    if jenkins and not is_version(jenkins):
        raise CflJobsError(f"{jenkins!r} is no version of Jenkins", advice="Write one as 2.568.2.")
    if text.lstrip().startswith(("{", "[")):
        found = _read_json(text, str(path))
    elif path.suffix in (".yaml", ".yml"):
        found = PluginList(_read_yaml(text, str(path)))
    else:
        found = PluginList(Inventory(_read_lines(text, str(path))))
    if not found.inventory.plugins:
        raise CflJobsError(f"{path}: there is no plugin in it", advice=_NAME_VERSIONS)
    if jenkins:
        found = replace(found, inventory=replace(found.inventory, jenkins=jenkins))
    return found


def _read_lines(text: str, file: str) -> Mapping[str, str]:
    """Read a plugins.txt: a name and a version a line, `#` begins a comment."""
    plugins: dict[str, str] = {}
    findings = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        found = _LINE.fullmatch(entry)
        version = (found["version"] or "") if found else ""
        if found and is_version(version):
            plugins[found["name"]] = version
        else:
            wrong = f"{version!r} is no version" if version else f"{entry!r} names no version"
            findings.append(Finding(wrong, Position(file, number), line, advice=_NAME_VERSIONS))
    if findings:
        raise DefinitionError(findings)
    return MappingProxyType(plugins)


def _read_yaml(text: str, file: str) -> Inventory:
    """Read an inventory, or a list of artifactId and source.version."""
    loaded = load_yaml(text, file)
    listed = dict.get(loaded.value, "plugins") if isinstance(loaded.value, dict) else None
    if loaded.findings or not isinstance(listed, list):
        return load_inventory(text, file)
    plugins: dict[str, str] = {}
    findings = []
    for entry in listed:
        name, source = (
            (dict.get(entry, "artifactId"), dict.get(entry, "source"))
            if isinstance(entry, dict)
            else (None, None)
        )
        version = dict.get(source, "version") if isinstance(source, dict) else None
        if name and is_version(str(version)):
            plugins[str(name)] = str(version)
        else:
            wrong = f"{str(name or entry)!r} names no version"
            place = getattr(entry, "pos", Position(file, 1))
            findings.append(Finding(wrong, place, advice=_NAME_VERSIONS))
    if findings:
        raise DefinitionError(findings)
    return Inventory(MappingProxyType(plugins))


def _read_json(text: str, file: str) -> PluginList:
    """Read a plugin manager's answer; plugins that aren't active are left out."""
    try:
        data = json.loads(text)
        listed = data.get("plugins", data)
        if isinstance(listed, dict):
            listed = [{"shortName": name, **entry} for name, entry in listed.items()]
        active = [entry for entry in listed if entry.get("active", True)]
        plugins = {str(entry["shortName"]): str(entry["version"]) for entry in active}
        needs = {str(entry["shortName"]): dict(_read_needs(entry)) for entry in active}
    except json.JSONDecodeError as error:
        place = Position(file, error.lineno, error.colno)
        raise DefinitionError([Finding(f"is no JSON: {error.msg}", place)]) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CflJobsError(
            f"{file}: is no list of plugins: each has a shortName and a version",
            advice="Take the answer to `pluginManager/api/json?depth=2` of a server.",
        ) from error
    odd = [name for name, version in plugins.items() if not is_version(version.split(" ")[0])]
    if odd:
        raise CflJobsError(f"{file}: no version of {', '.join(odd)}", advice=_NAME_VERSIONS)
    # A plugin that someone built by hand says so behind its version.
    cut = {name: version.split(" ")[0] for name, version in plugins.items()}
    return PluginList(Inventory(MappingProxyType(cut)), MappingProxyType(needs))


def _read_needs(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a plugin needs: `requiredCoreVersion` and `dependencies`, or shorter words."""
    core = entry.get("requiredCoreVersion") or entry.get("requiredCore") or entry.get("jenkins")
    if core:
        yield CORE, str(core)
    yield from ((str(name), str(least)) for name, least in dict(entry.get("needs") or {}).items())
    for other in entry.get("dependencies") or ():
        if not other.get("optional"):
            yield str(other.get("shortName") or other["name"]), str(other["version"])
