"""Needs → the whole list of plugins, as plugins.txt or with a server's exact versions.

Those of the jobs, and those of the server's own setup. Format: "Plugin Input Format" of
https://github.com/jenkinsci/plugin-installation-manager-tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import some
from cfl_jobs.reading.versions import is_older

# What jenkins.yaml configures needs these plugins; without one Configuration as Code stops the
# start of Jenkins at a key that it doesn't know. With what versions, where the inventory has none:
# by the first Jenkins of which they are recorded together, so that none is older than another
# needs (jenkins-plugin-cli refuses such a list). configuration-as-code 1810 asks for Jenkins
# 2.426.3 (its pom.xml).
OF_THE_SERVER = MappingProxyType(
    {
        "configuration-as-code": "reads jenkins.yaml at the start",
        "copyartifact": "production mode in jenkins.yaml",
        "credentials": "keeps the credentials of jenkins.yaml",
        "github": "GitHub's server and hook in jenkins.yaml",
        "mailer": "the mail host in jenkins.yaml",
        "matrix-auth": "who may do what, in jenkins.yaml",
        "plain-credentials": "secret texts and files of jenkins.yaml",
        "script-security": "approved scripts (none) in jenkins.yaml",
    }
)
_SSH = {"ssh-credentials": "SSH keys of jenkins.yaml"}
_VERSIONS = {
    "2.426.3": {
        "configuration-as-code": "1810.v9b_c30a_249a_4c",
        "copyartifact": "722.v0662a_9b_e22a_c",
        "credentials": "1311.vcf0a_900b_37c2",
        "github": "1.37.3.1",
        "mailer": "463.vedf8358e006b_",
        "matrix-auth": "3.2.1",
        "plain-credentials": "143.v1b_df8b_d3b_e48",
        "script-security": "1313.v7a_6067dc7087",
        "ssh-credentials": "308.ve4497b_ccd8f4",
    },
    "2.568.2": {
        "configuration-as-code": "2117.vc05a_0b_e6b_f4e",
        "copyartifact": "795.ve8e151429b_27",
        "credentials": "1502.v5c95e620ddfe",
        "github": "1.47.0",
        "mailer": "534.v1b_36f5864073",
        "matrix-auth": "3.2.8",
        "plain-credentials": "199.v9f8e1f741799",
        "script-security": "1402.1405.vc96e74964250",
        "ssh-credentials": "361.vb_f6760818e8c",
    },
}


@dataclass(frozen=True, slots=True)
class PluginLine:
    """One plugin to install: the least version, "" for the newest, and why it is needed."""

    name: str
    version: str
    reasons: tuple[str, ...]


def list_plugins(needs: Needs, *, with_ssh: bool = False) -> tuple[PluginLine, ...]:
    """Return what must be installed, by name; Jenkins adds what these depend on."""
    reasons: dict[str, list[str]] = {}
    for need in needs.plugins:
        users, elements = some(need.users), some(need.elements, 4)
        reasons.setdefault(need.name, []).append(f"{users}: {elements}")
    for name, reason in (dict(OF_THE_SERVER) | (_SSH if with_ssh else {})).items():
        reasons.setdefault(name, []).append(reason)
    versions = dict(_find_versions(needs.inventory.jenkins)) | dict(needs.inventory.plugins)
    return tuple(
        PluginLine(name, versions.get(name, ""), tuple(reasons[name])) for name in sorted(reasons)
    )


def _find_versions(jenkins: str) -> Mapping[str, str]:
    """Return those of the newest recorded Jenkins that isn't newer than this one."""
    fitting = [since for since in _VERSIONS if not jenkins or not is_older(jenkins, since)]
    return _VERSIONS[fitting[-1]] if fitting else {}


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
