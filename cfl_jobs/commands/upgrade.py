"""`cfl-jobs upgrade`: what other versions of Jenkins and its plugins change, before they are in."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import INPUT, find_project
from cfl_jobs.commands.inventory import read_committed
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import INVENTORY, read_plugin_list
from cfl_jobs.review.upgrade import examine_upgrade, tell_upgrade
from cfl_jobs.target import name_command


@click.command()
@click.argument("plugins", type=INPUT)
@click.option("--jenkins", metavar="VERSION", default="", help="The Jenkins that is to run.")
def command(plugins: Path, jenkins: str) -> int:
    """Render the jobs for the inventory and for the list PLUGINS, and tell the differences.

    PLUGINS is an inventory, a plugins.txt, or the JSON of a plugin manager, which also says what
    each plugin needs. Works offline and writes nothing.

    Exits with 1 where the jobs don't render for it, or where its plugins don't fit together.
    """
    root = find_project()
    old = read_committed(root)
    if not old.plugins:
        raise CflJobsError(
            f"{INVENTORY} names no plugins, so there is nothing to upgrade from",
            advice=f"`{name_command('inventory')}` takes them from the server.",
        )
    listed = read_plugin_list(plugins, jenkins=jenkins)
    upgrade = examine_upgrade(root, old, listed.with_jenkins(old.jenkins))
    for line in tell_upgrade(upgrade):
        click.echo(line)
    return int(not upgrade.is_possible)
