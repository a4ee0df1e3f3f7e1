"""`cfl-jobs doctor`, `bootstrap`, `inventory` and `upgrade`: the server itself, not its jobs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from cfl_jobs.commands import INPUT, find_project, options
from cfl_jobs.commands.options import ChosenTarget, layout_option, target_options
from cfl_jobs.errors import CflJobsError, DefinitionError, count
from cfl_jobs.reading.inventory import (
    INVENTORY,
    Inventory,
    compare_inventories,
    dump_inventory,
    load_inventory,
    read_plugin_list,
)
from cfl_jobs.target import name_command


@click.command()
@target_options("url")
@layout_option(["text", "json"])
def doctor(target: ChosenTarget, layout: str) -> int:
    """Look at a server; nothing on it is changed.

    Who we are to it, what its plugins, credentials, nodes and setup are, against what the jobs
    need, each with what fixes it. Exit code 1 where an error keeps the chain from running.
    """
    from cfl_jobs.doctor.checks import COLOURS, State, diagnose, of_state, write_json, write_text
    from cfl_jobs.doctor.needs import find_needs
    from cfl_jobs.rendering.cache import render_cached
    from cfl_jobs.targets.server import JenkinsTarget
    from cfl_jobs.terminal.text import show

    root = find_project()
    server = target.open(root)
    if not isinstance(server, JenkinsTarget):
        raise CflJobsError("doctor is for a server", advice="Name one with --url.")
    rows = diagnose(server, find_needs(root, render_cached(root)))
    if layout == "json":
        click.echo(write_json(rows, server.label))
    else:
        show(write_text(rows, server.label), COLOURS)
    return int(bool(of_state(rows, State.ERROR)))


@click.command()
@target_options("home", "url")
@click.option(
    "--secrets",
    type=INPUT,
    metavar="FILE",
    help="With --home: NAME=value lines, else DIR/secrets.env, else the environment.",
)
@click.option("-y", "--yes", is_flag=True, help="With --url: don't ask.")
@options.DESPITE
@click.option("--lock", is_flag=True, help="With --home: the server's exact plugin versions too.")
@click.option("--require-secrets", is_flag=True, help="With --home: a missing one is an error.")
def bootstrap(
    target: ChosenTarget,
    secrets: Path | None,
    yes: bool,
    lock: bool,
    require_secrets: bool,
    despite: tuple[str, ...],
) -> int:
    """Write what a fresh Jenkins needs into a directory, or make a running server ours.

    With --home DIR: jobs and view, plugins.txt, jenkins.yaml, Dockerfile, compose.yaml with agents,
    and the list of secrets that must be given. What stands in DIR/overrides/ is kept and taken in.

    With --url URL: doctor, install the missing plugins, restart, update, verify with an empty plan,
    and start the first distribution. Each step tells what it does; what is done isn't done again.
    """
    from cfl_jobs.bootstrap.directory import write_home
    from cfl_jobs.bootstrap.running_server import set_up_server
    from cfl_jobs.doctor.needs import find_needs
    from cfl_jobs.planning.basis import PlanRequest
    from cfl_jobs.rendering.cache import render_cached
    from cfl_jobs.terminal.pushing import Consent, update_jobs, verify_jobs

    root, home = find_project(), target.home
    if home is None and not target.named:
        raise click.UsageError("Name a directory with --home or a server with --url.")
    if home is None and (secrets or lock or require_secrets):
        raise click.UsageError("--secrets, --lock and --require-secrets go with --home.")
    if home is not None and (yes or despite):
        raise click.UsageError("--yes and --despite go with --url; with --home nothing is asked.")
    server = target.without("home")
    if home is not None and server.named and not lock:
        message = "--home and --url go together only with --lock, for the server's plugin versions."
        raise click.UsageError(message)
    needs = find_needs(root, render_cached(root))
    there = target.without("url").open(root) if home else target.open(root)
    consent = Consent(yes or home is not None, despite=despite)
    update = partial(update_jobs, root, there, PlanRequest(), consent)
    if home is None:
        verify = partial(verify_jobs, root, there)
        return set_up_server(there, needs, update=update, verify=verify, yes=yes)
    source = server.open(root) if lock else None
    return write_home(
        needs, home, secrets, source=source, require_secrets=require_secrets, update=update
    )


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
def inventory(target: ChosenTarget, source: Path | None, jenkins: str, check: bool) -> int:
    """Write jobs/plugins.yaml, which settles for which versions config XML is rendered."""
    root = find_project()
    if source is not None:
        if target.named or target.conf:
            raise click.UsageError("--from and a server don't go together; name one of them.")
        new = read_plugin_list(source, jenkins=jenkins)
        return renew_inventory(root, new, source=str(source), check=check)
    if jenkins:
        raise click.UsageError("--jenkins goes with --from; a server says what it is.")
    server = target.open(root)
    plugins = server.plugins()
    if not plugins:
        raise CflJobsError(
            f"{server.label} tells no plugins",
            advice="Ask a server whose Overall/Administer permission you have.",
        )
    new = Inventory(plugins, server.version())
    return renew_inventory(root, new, source=server.label, check=check)


def renew_inventory(root: Path, new: Inventory, *, source: str, check: bool) -> int:
    """Compare the file with what a source has, write it unless `check`; returns the exit code."""
    from cfl_jobs.files import write_named

    try:
        old = _read_committed(root)
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
    plugins = count(len(new.plugins), "plugin")
    if not differences:
        click.echo(f"{INVENTORY} is what {source} has: {plugins}.")
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
    click.echo(f"Wrote {INVENTORY}: {plugins} of {source}.")
    return 0


def _read_committed(root: Path) -> Inventory:
    """Return what the project's file says, nothing where there is none."""
    from cfl_jobs.files import read_text

    path = root / INVENTORY
    if not path.exists():
        return Inventory()
    text = read_text(path, advice=f"Remove it, and `{name_command('inventory')}` writes it anew.")
    return load_inventory(text)


@click.command()
@click.argument("plugins", type=INPUT)
@click.option("--jenkins", metavar="VERSION", default="", help="The Jenkins that is to run.")
def upgrade(plugins: Path, jenkins: str) -> int:
    """Render the jobs for the inventory and for the list PLUGINS, and tell the differences.

    PLUGINS is an inventory, a plugins.txt, or the JSON of a plugin manager, which also says what
    each plugin needs. Works offline and writes nothing.

    Exits with 1 where the jobs don't render for it, or where its plugins don't fit together.
    """
    from cfl_jobs.review.rerendering import examine_upgrade

    root = find_project()
    old = _read_committed(root)
    if not old.plugins:
        raise CflJobsError(
            f"{INVENTORY} names no plugins, so there is nothing to upgrade from",
            advice=f"`{name_command('inventory')}` takes them from the server.",
        )
    listed = read_plugin_list(plugins, jenkins=jenkins)
    lines, is_possible = examine_upgrade(
        root, old, replace(listed, jenkins=listed.jenkins or old.jenkins)
    )
    click.echo("\n".join(lines))
    return int(not is_possible)
