"""Plugin lines → plugins.txt, in the form that Jenkins' plugin installation manager takes.

Format: https://github.com/jenkinsci/plugin-installation-manager-tool, "Plugin Input Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cfl_jobs.bootstrap.server_plugins import PluginLine

_HEADER = """\
# plugins.txt: the plugins of this Jenkins. Written by `cfl-jobs bootstrap`; to change it, change \
jobs/, jobs/plugins.yaml or overrides/plugins.txt and run that again.
#
# One `name:version` a line, and above it which jobs need it for what. The version is the one in
# jobs/plugins.yaml, for which the jobs are rendered. They must fit together: jenkins-plugin-cli
# refuses one that is older than another one asks for. What these plugins depend on is not listed:
# jenkins-plugin-cli adds it.
"""
_LOCK_HEADER = """\
# plugins.lock.txt: every plugin of {label} with its exact version, Jenkins {jenkins}. Written by \
`cfl-jobs bootstrap --lock`; run that again after an update of the server.
#
# The Dockerfile takes it instead of plugins.txt as long as it is here.
"""


def write_plugins(lines: Iterable[PluginLine]) -> str:
    """Return the text of plugins.txt."""
    return _HEADER + "".join(_entry(line) for line in lines)


def _entry(line: PluginLine) -> str:
    comments = "".join(f"# {reason}\n" for reason in line.reasons)
    if not line.version:
        comments += "# jobs/plugins.yaml has no version of it, so this is the newest\n"
    return f"\n{comments}{line.name}{':' if line.version else ''}{line.version}\n"


def write_lock(
    installed: Mapping[str, str], lines: Iterable[PluginLine], *, label: str, jenkins: str
) -> str:
    """Return the text of a lock: what a server has, and what it lacks of the plugins needed."""
    lacking = [line for line in lines if line.name not in installed]
    text = _LOCK_HEADER.format(label=label, jenkins=jenkins or "of an unknown version") + "\n"
    text += "".join(f"{name}:{version}\n" for name, version in sorted(installed.items()))
    if lacking:
        text += f"\n# Not on {label}, but needed:\n" + "".join(map(_entry, lacking))
    return text
