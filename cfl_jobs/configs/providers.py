"""A class's name → the plugin that brings it: which of Jenkins' plugins a config needs.

Gathered from what jenkins-job-builder 6.5.0 writes for its own test cases and the plugins its
documentation names, and from the `plugin="name@version"` attributes of real Jenkins. A line of
providers.txt is a plugin's short name ("-" is Jenkins itself) and the beginnings of its classes'
names; one without a dot is the whole of an element's tag.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from cfl_jobs.configs.configxml import class_of_tag

CORE = ""
_LINES = (files(__package__) / "providers.txt").read_text(encoding="utf-8").splitlines()
_PROVIDERS = {
    beginning: plugin.removeprefix("-")
    for plugin, *beginnings in map(str.split, _LINES)
    for beginning in beginnings
}


@lru_cache(maxsize=4096)
def find_provider(class_name: str) -> str | None:
    """Return the short name of the plugin that brings a class, CORE, or None if it isn't known.

    `class_name` is a tag or `class` attribute of a config: "hudson.plugins.ws__cleanup.WsCleanup".
    """
    name = class_of_tag(class_name)
    if "." not in name:
        return _PROVIDERS.get(name)
    fitting = [start for start in _PROVIDERS if "." in start and name.startswith(start)]
    return _PROVIDERS[max(fitting, key=len)] if fitting else None
