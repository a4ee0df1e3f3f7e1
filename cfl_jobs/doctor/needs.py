"""Rendered jobs, settings and inventory → what a server must have to run them.

Bootstrap writes it down for a new server, doctor looks for it on a running one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import class_of_tag, parse_config
from cfl_jobs.configs.fields import short_class
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.model import Job, StartKind
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.configs.requirements import find_uses
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.reading.inventory import INVENTORY, Inventory
from cfl_jobs.target import Kind, name_command


@dataclass(frozen=True, slots=True)
class PluginNeed:
    """A plugin with the jobs and views that need it and the elements that it brings, by name.

    `version` is the one they are rendered for, "" where the inventory doesn't have the plugin.
    """

    name: str
    version: str
    users: tuple[str, ...]
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CredentialNeed:
    """A credentials id that jobs use. `kind` is the binding's short class, or "Git".

    `git_url` is the repository that it opens.
    """

    id: str
    kind: str
    jobs: tuple[str, ...]
    git_url: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the definitions ask of a server. `labels` are (label expression, jobs).

    `blocking` are jobs that hold an executor while they wait for others, `awaited` those others;
    `hooked` those that a push to GitHub starts, `watched` are (URL of a repository, those of its
    pushes); `adhoc` is the first of jobs/adhoc.yaml. `server`,
    `project`, `mail`, `branch` and `python` are settings, "" where there is none. `unknown` are
    (element, job) that no known plugin brings.
    """

    names: tuple[str, ...]
    plugins: tuple[PluginNeed, ...]
    credentials: tuple[CredentialNeed, ...]
    labels: tuple[tuple[str, tuple[str, ...]], ...]
    blocking: tuple[str, ...]
    awaited: tuple[str, ...]
    hooked: tuple[str, ...]
    watched: tuple[tuple[str, tuple[str, ...]], ...]
    inventory: Inventory
    server: str = ""
    project: str = ""
    mail: str = ""
    branch: str = ""
    python: str = ""
    adhoc: str = ""
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def keepers(self) -> frozenset[str]:
        """The jobs that bind credentials; one that opens a repository is no deploy's."""
        return frozenset(
            job for need in self.credentials if need.kind != "Git" for job in need.jobs
        )


def find_needs(root: Path, rendered: Iterable[Config]) -> Needs:
    """Say what the jobs of the project in `root` need, `rendered` being all of them.

    Raises CflJobsError without an inventory.
    """
    definitions = load_definitions(root)
    if definitions.inventory is None:
        raise CflJobsError(
            f"{INVENTORY} is missing, so nobody knows which versions a server needs",
            advice=f"`{name_command('inventory --url URL')}` writes it from a server.",
        )
    words = {
        key: str(value)
        for key, value in definitions.settings.raw_items()
        if key in ("server", "project", "mail", "branch", "python") and isinstance(value, str)
    }
    adhoc = next((entry.name for entry in definitions.entries if entry.group == "adhoc"), "")
    return needs_of(rendered, definitions.inventory, adhoc=adhoc, **words)


def needs_of(rendered: Iterable[Config], inventory: Inventory, **words: str) -> Needs:
    """Say what rendered jobs and views need; `words` are what Needs says of settings."""
    rendered = tuple(rendered)
    jobs = tuple(job.read(read_job) for job in rendered if job.kind is Kind.JOB)
    chain = build_chain(jobs)
    waits = [edge for edge in chain.triggers if edge.blocking]
    plugins, unknown = _find_plugins(rendered, inventory)
    hooked = [
        job for job in jobs if any(getattr(t, "kind", None) is StartKind.PUSH for t in job.triggers)
    ]
    return Needs(
        names=tuple(job.name for job in jobs),
        plugins=plugins,
        credentials=_find_credentials(jobs),
        labels=tuple(sorted(_group((j.node_label, j.name) for j in jobs if j.node_label).items())),
        blocking=tuple(dict.fromkeys(edge.source for edge in waits)),
        awaited=tuple(dict.fromkeys(edge.target for edge in waits)),
        hooked=tuple(job.name for job in hooked),
        watched=tuple(_group((url, job.name) for job in hooked for url in job.urls).items()),
        inventory=inventory,
        unknown=unknown,
        **words,
    )


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return what stands second in the pairs, once each, by what stands first."""
    found: dict[str, dict[str, None]] = {}
    for first, second in pairs:
        found.setdefault(first, {})[second] = None
    return {first: tuple(seconds) for first, seconds in found.items()}


def _find_plugins(
    rendered: Iterable[Config], inventory: Inventory
) -> tuple[tuple[PluginNeed, ...], tuple[tuple[str, str], ...]]:
    uses = [
        (use.plugin, short_class(class_of_tag(use.class_name)).rpartition("$")[2], job.name)
        for job in rendered
        for use in find_uses(parse_config(job.config, name=job.name))
    ]
    users = _group((plugin, job) for plugin, _, job in uses if plugin is not None)
    elements = _group((plugin, name) for plugin, name, _ in uses if plugin is not None)
    needs = (
        PluginNeed(
            plugin,
            inventory.plugins.get(plugin, ""),
            users[plugin],
            tuple(sorted(elements[plugin])),
        )
        for plugin in sorted(users)
    )
    unknown = dict.fromkeys((name, job) for plugin, name, job in uses if plugin is None)
    return tuple(needs), tuple(unknown)


def _find_credentials(jobs: Iterable[Job]) -> tuple[CredentialNeed, ...]:
    found: dict[str, CredentialNeed] = {}
    for job in jobs:
        uses = [(binding.credentials_id, binding.kind, "") for binding in job.bindings]
        if job.scm is not None:
            uses.append((job.scm.credentials_id, "Git", next(iter(job.scm.urls), "")))
        for id_, kind, url in uses:
            there = found.get(id_, CredentialNeed(id_, kind, (), url))
            found[id_] = replace(there, jobs=tuple(dict.fromkeys((*there.jobs, job.name))))
    return tuple(found[id_] for id_ in sorted(found) if id_)
