"""`cfl-jobs upgrade`: what other versions of Jenkins and its plugins change, before they are in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cfl_jobs.review.upgrade import Upgrade, VersionChange


@click.command(short_help="Tell what an upgrade of Jenkins and its plugins changes.")
@click.argument("plugins", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--jenkins", metavar="VERSION", default="", help="The Jenkins that is to run.")
def command(plugins: Path, jenkins: str) -> int:
    """Render the jobs for the inventory and for the list PLUGINS, and tell the differences.

    PLUGINS is an inventory, a plugins.txt, or the JSON of a plugin manager, which also says what
    each plugin needs. Works offline and writes nothing.

    Exits with 1 where the jobs don't render for it, or where its plugins don't fit together.
    """
    return show_upgrade(Path(), plugins, jenkins=jenkins)


def show_upgrade(root: Path, plugins: Path, *, jenkins: str = "") -> int:
    """Examine an upgrade, tell it, and return the exit code."""
    from cfl_jobs.commands.inventory import read_committed
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.reading.inventory import INVENTORY
    from cfl_jobs.reading.plugin_lists import read_plugin_list
    from cfl_jobs.review.upgrade import examine_upgrade

    old = read_committed(root)
    if not old.plugins:
        raise CflJobsError(
            f"{INVENTORY} names no plugins, so there is nothing to upgrade from",
            advice="`cfl-jobs inventory` takes them from the server.",
        )
    listed = read_plugin_list(plugins, jenkins=jenkins)
    upgrade = examine_upgrade(root, old, listed.with_jenkins(old.jenkins))
    for line in _tell(upgrade):
        click.echo(line)
    return 0 if upgrade.is_possible else 1


def _tell(upgrade: Upgrade) -> Iterator[str]:
    from cfl_jobs.reading.versions import CORE
    from cfl_jobs.review.words import name_all, tell_changes

    told = [change for change in upgrade.versions if change.jobs or change.name == CORE]
    yield from map(_tell_version, told)
    if upgrade.versions:
        yield f"{len(upgrade.versions) - len(told)} more that no job uses."
    else:
        yield "Nothing gets another version."
    if upgrade.unmet:
        yield ""
        yield "What doesn't fit together:"
        yield from (f"  {need}." for need in upgrade.unmet)
    if upgrade.findings:
        yield ""
        yield "What doesn't render any more:"
        yield from (f"\n{finding}" for finding in upgrade.findings)
        return
    if upgrade.silent:
        yield ""
        yield "What nobody set, and whose default ends to have an effect:"
        yield from (f"  {option}: {name_all(names)}" for option, names in upgrade.silent)
    yield ""
    if upgrade.comparison.changes:
        yield "What is rendered differently:"
        yield from tell_changes(upgrade.comparison)
    else:
        yield "Every job is rendered as before."


def _tell_version(change: VersionChange) -> str:
    from cfl_jobs.reading.versions import CORE
    from cfl_jobs.review.words import name_all

    name = "Jenkins" if change.name == CORE else change.name
    jobs = f"  (look at {name_all(change.jobs)})" if change.jobs else ""
    if change.before and change.after:
        return f"{name} {change.before} → {change.after}{jobs}"
    return f"{name} {change.before or change.after} is {'gone' if change.before else 'new'}{jobs}"
