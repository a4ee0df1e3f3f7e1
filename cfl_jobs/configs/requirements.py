"""Config XML → the plugins it needs, and those of them that an inventory lacks.

Jenkins drops an element whose plugin isn't installed at its next save, without an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import class_of_tag, paths_of
from cfl_jobs.reading import JOBS
from cfl_jobs.reading.versions import CORE
from cfl_jobs.target import name_command

# A line is a plugin's short name, or CORE, and the beginnings of its classes' names; one without a
# dot is the whole of an element's tag. Gathered from what jenkins-job-builder 6.5.0 writes for its
# own test cases, the plugins its documentation names, and the `plugin="name@version"` attributes of
# real Jenkins.
_LINES = Path(__file__).with_name("providers.txt").read_text(encoding="utf-8").splitlines()
_PROVIDERS = {
    beginning: plugin for plugin, *beginnings in map(str.split, _LINES) for beginning in beginnings
}
# Lists of a root whose entries' tags are class names, dots or not.
_CLASS_LISTS = frozenset({"builders", "buildWrappers", "properties", "publishers", "triggers"})


@dataclass(frozen=True, slots=True)
class Use:
    """An element that a plugin brings. `plugin` is None where that isn't known.

    `path` is as element_paths gives it, "" for the root.
    """

    path: str
    class_name: str
    plugin: str | None


def find_missing_plugins(config: ET.Element, there: Set[str]) -> tuple[Use, ...]:
    """Return the elements whose plugin isn't `there` or isn't known, outermost ones only."""
    if used_plugins(config) <= there:
        return ()
    missing: list[Use] = []
    for use in find_uses(config):
        around = tuple(f"{outer.path}/" for outer in missing)
        if use.plugin not in there and not use.path.startswith(around):
            missing.append(use)
    return tuple(missing)


def word_missing(use: Use) -> tuple[str, str]:
    """Return what is wrong with a missing element, and what to do about it."""
    name = class_of_tag(use.class_name)
    if use.plugin is None:
        return (
            f"no one knows which plugin brings {name}",
            "Check its spelling; Jenkins drops what it doesn't know without an error.",
        )
    return (
        f"{name} needs the plugin {use.plugin!r}, which the server doesn't have",
        f"Install it and run `{name_command('inventory')}`, or add it to {JOBS}/plugins.yaml.",
    )


def find_uses(config: ET.Element) -> Iterator[Use]:
    """Yield every element of a config that is a plugin's, in the config's order."""
    paths = paths_of(config)
    for element, class_name, plugin in _find_classes(config):
        yield Use(paths[element], class_name, plugin)


def used_plugins(config: ET.Element) -> frozenset[str | None]:
    """Return the plugins whose elements a config has, None for elements nobody knows."""
    return frozenset(plugin for _, _, plugin in _find_classes(config))


def _find_classes(config: ET.Element) -> Iterator[tuple[ET.Element, str, str | None]]:
    """Yield elements that are a plugin's with class and plugin."""
    tops = frozenset(config)
    # An element, whether its tag is a class, whose it is in, and the plugin named around it.
    waiting: list[tuple[ET.Element, bool, str | None, str]] = [(config, True, CORE, "")]
    while waiting:
        element, is_class, around, named = waiting.pop()
        named = element.get("plugin", "").partition("@")[0] or named
        owner = around
        names = []  # class="list", "vector", "string-array" are XStream's own words
        if is_class or "." in element.tag or "plugin" in element.attrib:
            names.append(element.tag)
        if "." in (named_class := element.get("class", "")):
            names.append(named_class)
        for class_name in names:
            # Jenkins names a plugin on the outermost of its elements only.
            owner = plugin_of(element, class_name)
            owner = (named or None) if owner is None else owner
            if owner != CORE:
                yield element, class_name, owner
        in_list = element in tops and element.tag in _CLASS_LISTS
        inner = "" if in_list else named
        waiting += [(child, in_list, owner, inner) for child in reversed(element)]


def plugin_of(element: ET.Element, class_name: str) -> str | None:
    """Return the plugin that brings an element of a class, CORE, or None if it isn't known."""
    named = element.get("plugin", "").partition("@")[0]
    if named:
        return named
    for ruby in element.findall("ruby-object"):  # its plugin's name stands inside
        return ruby.get("pluginid") or ruby.findtext("pluginid") or None
    return find_provider(class_name)


@lru_cache(maxsize=4096)
def find_provider(class_name: str) -> str | None:
    """Return the short name of the plugin that brings a class, CORE, or None if it isn't known.

    `class_name` is a tag or `class` attribute of a config: "hudson.plugins.ws__cleanup.WsCleanup".
    """
    name = class_of_tag(class_name)
    if "." not in name:
        return _PROVIDERS.get(name)
    fitting = [start for start in _PROVIDERS if "." in start and name.startswith(start)]
    return _PROVIDERS.get(max(fitting, key=len, default=""))
