"""`cfl-jobs inventory`: take the versions of Jenkins and its plugins from the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cfl_jobs.reading.inventory import Inventory
    from cfl_jobs.target import Target


@click.command(short_help="Take the versions of the server's plugins into jobs/plugins.yaml.")
@click.option("--url", metavar="URL", help="The server, instead of the settings' one.")
@click.option(
    "--conf",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A jenkins_jobs.ini that holds the credentials.",
)
@click.option("--check", is_flag=True, help="Only compare; exit with 1 where they differ.")
def command(url: str | None, conf: Path | None, check: bool) -> int:
    """Write jobs/plugins.yaml, which settles for which versions config XML is rendered."""
    from cfl_jobs.commands.target_options import open_target

    root = Path()
    return take_inventory(root, open_target(root, None, url, conf), check=check)


def take_inventory(root: Path, target: Target, *, check: bool) -> int:
    """Compare the file with the server, write it unless `check`; returns the exit code."""
    from cfl_jobs.errors import CflJobsError, DefinitionError
    from cfl_jobs.reading.inventory import INVENTORY, Inventory, compare_inventories, dump_inventory
    from cfl_jobs.targets.server import JenkinsTarget

    try:
        old = _read(root)
    except DefinitionError:
        if check:
            raise
        click.echo(f"{INVENTORY} has mistakes; it is written anew.")
        old = Inventory()
    plugins = target.plugins()
    if not plugins:
        raise CflJobsError(
            f"{target.label} tells no plugins",
            advice="Ask a server whose Overall/Administer permission you have.",
        )
    # Only a server says which Jenkins it is.
    jenkins = target.state().version if isinstance(target, JenkinsTarget) else old.jenkins
    new = Inventory(plugins, jenkins)
    differences = tuple(compare_inventories(old, new))
    for difference in differences:
        click.echo(difference)
    if not differences:
        click.echo(f"{INVENTORY} is what {target.label} has: {len(plugins)} plugins.")
        return 0
    if check:
        click.echo(f"{INVENTORY} is not what {target.label} has. Run `cfl-jobs inventory`.")
        return 1
    path = root / INVENTORY
    path.parent.mkdir(exist_ok=True)
    path.write_text(dump_inventory(new), encoding="utf-8", newline="\n")
    click.echo(f"Wrote {INVENTORY}: {len(plugins)} plugins of {target.label}.")
    return 0


def _read(root: Path) -> Inventory:
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.reading.inventory import INVENTORY, Inventory, load_inventory

    try:
        text = (root / INVENTORY).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Inventory()
    except (OSError, UnicodeDecodeError) as error:
        raise CflJobsError(
            f"{INVENTORY}: can't be read: {error}",
            advice="Remove it, and `cfl-jobs inventory` writes it anew.",
        ) from error
    return load_inventory(text)
