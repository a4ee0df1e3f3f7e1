"""`cfl-jobs inventory`: take the versions of Jenkins and its plugins from the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from cfl_jobs.commands import INPUT, find_project
from cfl_jobs.commands.options import ChosenTarget, target_options
from cfl_jobs.errors import CflJobsError, DefinitionError, count
from cfl_jobs.files import read_text, write_named
from cfl_jobs.reading.inventory import (
    INVENTORY,
    Inventory,
    compare_inventories,
    dump_inventory,
    load_inventory,
    read_plugin_list,
)
from cfl_jobs.target import Target, name_command


@click.command()
@target_options("url")
@click.option(
    "--from",
    "source",
    type=INPUT,
    metavar="FILE",
    help="A list kept elsewhere, instead of a server: plugins.txt, a plugin manager's JSON.",
)
@click.option("--jenkins", metavar="VERSION", default="", help="With --from: Jenkins' version.")
@click.option("--check", is_flag=True, help="Only compare; exit with 1 where they differ.")
def command(target: ChosenTarget, source: Path | None, jenkins: str, check: bool) -> int:
    """Write jobs/plugins.yaml, which settles for which versions config XML is rendered."""
    root = find_project()
    if source is None:
        if jenkins:
            raise click.UsageError("--jenkins goes with --from; a server says what it is.")
        return take_inventory(root, target.open(root), check=check)
    if target.named or target.conf:
        raise click.UsageError("--from and a server don't go together; name one of them.")
    return renew_inventory(
        root, read_plugin_list(source, jenkins=jenkins).inventory, source=str(source), check=check
    )


def take_inventory(root: Path, target: Target, *, check: bool) -> int:
    """Compare the file with the server, write it unless `check`; returns the exit code."""
    plugins = target.plugins()
    if not plugins:
        raise CflJobsError(
            f"{target.label} tells no plugins",
            advice="Ask a server whose Overall/Administer permission you have.",
        )
    new = Inventory(plugins, target.version())
    return renew_inventory(root, new, source=target.label, check=check)


def renew_inventory(root: Path, new: Inventory, *, source: str, check: bool) -> int:
    """Compare the file with what a source has, write it unless `check`; returns the exit code."""
    try:
        old = read_committed(root)
    except DefinitionError:
        if check:
            raise
        click.echo(f"{INVENTORY} has mistakes; it is written anew.")
        old = Inventory()
    if not new.jenkins:
        new = replace(new, jenkins=old.jenkins)
    differences = tuple(compare_inventories(old, new))
    for difference in differences:
        click.echo(difference)
    if not differences:
        click.echo(f"{INVENTORY} is what {source} has: {count(len(new.plugins), 'plugin')}.")
        return 0
    if check:
        click.echo(f"{INVENTORY} is not what {source} has. Run this without --check.")
        return 1
    path = root / INVENTORY
    try:
        path.parent.mkdir(exist_ok=True)
        write_named(path, dump_inventory(new))
    except OSError as error:
        advice = "Make room or fix the permissions, and run it again."
        raise CflJobsError(
            f"{INVENTORY}: can't be written: {error.strerror}", advice=advice
        ) from error
    click.echo(f"Wrote {INVENTORY}: {count(len(new.plugins), 'plugin')} of {source}.")
    return 0


def read_committed(root: Path) -> Inventory:
    """Return what the project's file says, nothing where there is none."""
    path = root / INVENTORY
    if not path.exists():
        return Inventory()
    text = read_text(path, advice=f"Remove it, and `{name_command('inventory')}` writes it anew.")
    return load_inventory(text)
