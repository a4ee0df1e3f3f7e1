"""The project + a list of plugins → what an upgrade to that changes, without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.configs.requirements import used_plugins
from cfl_jobs.errors import DefinitionError, Finding, some
from cfl_jobs.planning.plan import Plan
from cfl_jobs.reading.inventory import Inventory, PluginList
from cfl_jobs.reading.versions import CORE
from cfl_jobs.rendering.noeffect import NO_EFFECTS
from cfl_jobs.rendering.render import render
from cfl_jobs.review.comparing import plan_revision
from cfl_jobs.review.formats import tell_changes
from cfl_jobs.review.review import Review
from cfl_jobs.target import Kind

_SHOWN_NAMES = 6


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A plugin, or Jenkins itself (CORE), that gets another version; "" where it isn't there.

    `jobs` are those with elements of it.
    """

    name: str
    before: str
    after: str
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade changes.

    `findings` is what doesn't render any more; then there is no plan. `unmet` are needs of
    the new plugins. `silent` are options that nobody set, and whose default ends to have an effect,
    with the jobs.
    """

    versions: tuple[VersionChange, ...]
    findings: tuple[Finding, ...] = ()
    plan: Plan = field(default_factory=lambda: Plan(""))
    unmet: tuple[str, ...] = ()
    silent: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_possible(self) -> bool:
        return not self.findings and not self.unmet


def examine_upgrade(root: Path, old: Inventory, new: PluginList) -> Upgrade:
    """Render the jobs for both and compare. Raises DefinitionError where they don't render now."""
    before = render(root, inventory=old)
    findings: tuple[Finding, ...] = ()
    after = before
    try:
        after = render(root, inventory=new.inventory)
    except DefinitionError as error:
        findings = tuple(error.findings)
    return Upgrade(
        tuple(_compare_versions(old.versions, new.inventory.versions, before)),
        findings,
        plan_revision(before, after),
        tuple(new.unmet()),
        tuple(_find_silent(after, old.versions, new.inventory.versions)),
    )


def _compare_versions(
    old: Mapping[str, str], new: Mapping[str, str], jobs: tuple[Config, ...]
) -> Iterator[VersionChange]:
    """Yield what gets another version, Jenkins itself first, then by name."""
    users: dict[str | None, list[str]] = {}
    for job in jobs:
        for plugin in used_plugins(job.parse()):
            users.setdefault(plugin, []).append(job.name)
    for name in sorted({*old, *new}, key=lambda name: (name != CORE, name)):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after and (name != CORE or after):
            yield VersionChange(name, before, after, tuple(users.get(name, ())))


def _find_silent(
    jobs: tuple[Config, ...], old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for row in NO_EFFECTS:
        if row.successor is None or row.span.holds(old) or not row.span.holds(new):
            continue
        tag = f"/{row.successor.old}"
        names = tuple(
            job.name
            for job in jobs
            if job.kind is Kind.JOB
            and any(
                path.endswith(tag) and path in job.own and element.text in row.successor.values
                for path, element in element_paths(job.parse())
            )
        )
        if names:
            yield f"{row.key!r} of the {row.kind} {row.name!r}", names


def tell_upgrade(upgrade: Upgrade) -> Iterator[str]:
    """Yield the lines that tell what an upgrade changes."""
    told = [change for change in upgrade.versions if change.jobs or change.name == CORE]
    yield from map(_tell_version, told)
    if upgrade.versions:
        yield f"{len(upgrade.versions) - len(told)} more that no job uses."
    else:
        yield "Nothing gets another version."
    if upgrade.unmet:
        yield from ("", "What doesn't fit together:")
        yield from (f"  {need}." for need in upgrade.unmet)
    if upgrade.findings:
        yield from ("", "What doesn't render any more:")
        yield from (f"\n{finding}" for finding in upgrade.findings)
        return
    if upgrade.silent:
        yield from ("", "What nobody set, and whose default ends to have an effect:")
        yield from (f"  {option}: {some(names, _SHOWN_NAMES)}" for option, names in upgrade.silent)
    yield ""
    if upgrade.plan.changes:
        yield "What is rendered differently:"
        yield from tell_changes(Review(upgrade.plan))
    else:
        yield "Every job is rendered as before."


def _tell_version(change: VersionChange) -> str:
    name = {CORE: "Jenkins"}.get(change.name, change.name)
    jobs = f"  (look at {some(change.jobs, _SHOWN_NAMES)})" * bool(change.jobs)
    if change.before and change.after:
        return f"{name} {change.before} → {change.after}{jobs}"
    becomes = ("new", "gone")[bool(change.before)]
    return f"{name} {change.before or change.after} is {becomes}{jobs}"
