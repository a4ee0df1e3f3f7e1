"""`cfl-jobs bootstrap`: all that a fresh Jenkins needs to be this server."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cfl_jobs.commands import INPUT, find_project, options
from cfl_jobs.commands.options import ChosenTarget, target_options


@click.command()
@target_options("home", "url")
@click.option(
    "--secrets",
    "secrets_file",
    type=INPUT,
    metavar="FILE",
    help="With --home: NAME=value lines, else DIR/secrets.env, else the environment.",
)
@click.option("-y", "--yes", is_flag=True, help="With --url: don't ask.")
@options.DESPITE
@click.option("--lock", is_flag=True, help="With --home: the server's exact plugin versions too.")
@click.option("--require-secrets", is_flag=True, help="With --home: a missing one is an error.")
def command(
    target: ChosenTarget,
    secrets_file: Path | None,
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
    from cfl_jobs.planning.basis import Asked
    from cfl_jobs.rendering.cache import render_cached
    from cfl_jobs.terminal.pushing import Consent, update_jobs, verify_jobs

    root, home = find_project(), target.home
    if home is None and not target.named:
        raise click.UsageError("Name a directory with --home or a server with --url.")
    if home is None and (secrets_file or lock or require_secrets):
        raise click.UsageError("--secrets, --lock and --require-secrets go with --home.")
    if home is not None and (yes or despite):
        raise click.UsageError("--yes and --despite go with --url; with --home nothing is asked.")
    server = target.without("home")
    if home is not None and server.named and not lock:
        message = "--home and --url go together only with --lock, for the server's plugin versions."
        raise click.UsageError(message)
    needs = find_needs(root, render_cached(root))
    if home is None:
        named = target.open(root)
        update = partial(update_jobs, root, named, Asked(), Consent(yes, despite=despite))
        verify = partial(verify_jobs, root, named)
        return set_up_server(named, needs, update=update, verify=verify, yes=yes)
    there = target.without("url").open(root)
    return write_home(
        needs,
        home,
        secrets_file,
        source=server.open(root) if lock else None,
        require_secrets=require_secrets,
        update=partial(update_jobs, root, there, Asked(), Consent(yes=True)),
    )
