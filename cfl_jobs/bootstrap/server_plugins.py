"""Needs → the whole list of plugins: those of the jobs, and those of the server's own setup."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from cfl_jobs.doctor.needs import Needs

# What jenkins.yaml configures needs these plugins; without one Configuration as Code stops the
# start of Jenkins at a key that it doesn't know. The least versions are for an inventory that
# doesn't have the plugin: configuration-as-code 1810 asks for Jenkins 2.426.3 or later (its
# pom.xml), matrix-auth has `entries:` from 3.2 on, the others are recorded with Jenkins 2.440.3.
OF_THE_SERVER = MappingProxyType(
    {
        "configuration-as-code": ("1810.v9b_c30a_249a_4c", "reads jenkins.yaml at the start"),
        "copyartifact": ("722.v0662a_9b_e22a_c", "production mode in jenkins.yaml"),
        "credentials": ("1311.vcf0a_900b_37c2", "keeps the credentials of jenkins.yaml"),
        "github": ("1.37.3.1", "GitHub's server and hook in jenkins.yaml"),
        "mailer": ("463.vedf8358e006b_", "the mail host in jenkins.yaml"),
        "matrix-auth": ("3.2.1", "who may do what, in jenkins.yaml"),
        "plain-credentials": ("143.v1b_df8b_d3b_e48", "secret texts and files of jenkins.yaml"),
        "script-security": ("1313.v7a_6067dc7087", "approved scripts (none) in jenkins.yaml"),
    }
)
_SSH = ("308.ve4497b_ccd8f4", "SSH keys of jenkins.yaml")


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
        users, elements = _some(need.users, 3), _some(need.elements, 4)
        reasons.setdefault(need.name, []).append(f"{users}: {elements}")
    setup = dict(OF_THE_SERVER) | ({"ssh-credentials": _SSH} if with_ssh else {})
    for name, (_, reason) in setup.items():
        reasons.setdefault(name, []).append(reason)
    return tuple(
        PluginLine(
            name,
            needs.inventory.plugins.get(name) or setup.get(name, ("", ""))[0],
            tuple(reasons[name]),
        )
        for name in sorted(reasons)
    )


def _some(names: tuple[str, ...], count: int) -> str:
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more} more" if more > 0 else "")
