"""A config's elements → the plugins they need, for "install this" when Jenkins dropped one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfl_jobs.configxml import element_paths, parse_config
from cfl_jobs.differences import Raw
from cfl_jobs.providers import CORE
from cfl_jobs.requirements import plugin_of


def advise_on_loss(config: str, losses: Sequence[Raw], plugins: Mapping[str, str]) -> str:
    """Say what to do about what Jenkins dropped: which plugins to install."""
    elements = dict(element_paths(parse_config(config, name="config")))
    missing: dict[str, None] = {}
    without: list[str] = []
    for loss in losses:
        element = elements.get(loss.place.path)
        plugin = CORE
        if element is not None and loss.is_item:
            plugin = plugin_of(element, element.get("class") or element.tag) or CORE
        if plugin and plugin not in plugins:
            missing[plugin] = None
        elif plugin:
            without.append(f"the installed {plugin} doesn't know {loss.label!r}")
        else:
            without.append(f"{loss.label!r} has no effect on this server")
    advice = []
    if missing:
        names = ", ".join(missing)
        many = "plugins" if len(missing) > 1 else "plugin"
        advice.append(f"Install the {many} {names}, then run `cfl-jobs update` again.")
    if without:
        many = "; ".join(dict.fromkeys(without))
        advice.append(f"Take it out of the definition: {many}.")
    return " ".join(advice)
