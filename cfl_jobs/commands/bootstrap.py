"""x"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands.target_options import ChosenTarget, target_options

if TYPE_CHECKING:
    from cfl_jobs.bootstrap.secrets import Secret


@click.command(short_help="Make a fresh Jenkins this server: its files, or the steps on it.")
@target_options("home", "url")
@click.option(
    "--secrets",
    "secrets_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --home: NAME=value lines, else DIR/secrets.env, else the environment.",
)
@click.option("-y", "--yes", is_flag=True, help="With --url: don't ask.")
@click.option("--lock", is_flag=True, help="With --home: the server's exact plugin versions too.")
@click.option("--require-secrets", is_flag=True, help="With --home: a missing one is an error.")
def command(
    target: ChosenTarget,
    secrets_file: Path | None,
    yes: bool,
    lock: bool,
    require_secrets: bool,
) -> int:
    """Write what a fresh Jenkins needs into a directory, or make a running server ours.

    With --home DIR: jobs and view, plugins.txt, jenkins.yaml, Dockerfile, compose.yaml with agents,
    and the list of secrets that must be given. What stands in DIR/overrides/ is kept and taken in.

    With --url URL: doctor, install the missing plugins, restart, update, verify with an empty plan,
    and start the first distribution. Each step tells what it does; what is done isn't done again.
    """
    from cfl_jobs.errors import CflJobsError

    root, home = Path(), target.home
    server = ChosenTarget({k: v for k, v in target.named.items() if k != "home"}, target.conf)
    if home is None:
        return _set_up(root, server, yes=yes)
    if server.named and not lock:
        raise CflJobsError(
            "--home and --url go together only with --lock",
            advice="Name one of them, or add --lock to take the server's plugin versions.",
        )
    locked = _read_lock(root, home, server) if lock else None
    return write_home(root, home, secrets_file, locked, require_secrets=require_secrets)


def _set_up(root: Path, chosen: ChosenTarget, *, yes: bool) -> int:
    from cfl_jobs.commands.bootstrap_server import set_up_server
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.targets.server import JenkinsTarget

    if not chosen.named:
        raise CflJobsError(
            "it is not said where", advice="Name a directory with --home or a server with --url."
        )
    target = chosen.open(root)
    if not isinstance(target, JenkinsTarget):
        raise TypeError(f"{target.label} is no server")
    return set_up_server(root, target, yes=yes)


def write_home(
    root: Path, home: Path, secrets_file: Path | None, lock: str | None, *, require_secrets: bool
) -> int:
    """Write the jobs and every file; returns the exit code."""
    from cfl_jobs.bootstrap.agents import find_exposed
    from cfl_jobs.bootstrap.directory import (
        LOCK,
        Written,
        check_ours,
        find_unlocked,
        make_files,
        write_files,
    )
    from cfl_jobs.bootstrap.overrides import OVERRIDES, read_overrides
    from cfl_jobs.bootstrap.texts import SECRETS_FILE, list_all_secrets
    from cfl_jobs.doctor.needs import find_needs
    from cfl_jobs.planning.basis import Asked
    from cfl_jobs.reading.secrets import read_secrets
    from cfl_jobs.targets.home import HomeTarget
    from cfl_jobs.terminal.pushing import Consent, update_jobs

    needs = find_needs(root)
    if secrets_file is None and (home / SECRETS_FILE).is_file():
        secrets_file = home / SECRETS_FILE
    values = dict(os.environ) if secrets_file is None else read_secrets(secrets_file)
    overrides = read_overrides(home)
    files = make_files(needs, overrides, lock=lock, has_lock=(home / LOCK).is_file())
    check_ours(home, files)
    code = update_jobs(root, HomeTarget(home), Asked(), Consent(yes=True))
    if code:
        return code
    for name, became, kept in write_files(home, files):
        if became is Written.EDITED:
            click.echo(f"{home / name}: {became.value} {kept}", err=True)
            click.echo(f"  What it adds is kept each time if it stands in {OVERRIDES}/.", err=True)
        else:
            click.echo(f"{home / name}: {became.value}")
    if unlocked := find_unlocked(home, needs, overrides):
        click.echo(
            f"{home / LOCK} lacks {', '.join(unlocked)}, so they aren't installed.", err=True
        )
        click.echo("  Take the versions again with --lock, or remove that file.", err=True)
    for job in find_exposed(needs):
        click.echo(
            f"{job} binds credentials and may run where every branch's builds run: they can read "
            "them there. Give its entry a node_label of its own.",
            err=True,
        )
    return _tell_secrets(
        list_all_secrets(needs, overrides), home, values, secrets_file, is_error=require_secrets
    )


def _tell_secrets(
    secrets: tuple[Secret, ...],
    home: Path,
    values: dict[str, str],
    secrets_file: Path | None,
    *,
    is_error: bool,
) -> int:
    """Say which secrets are missing and how to start; returns the exit code."""
    from cfl_jobs.bootstrap.secrets import find_missing, find_unneeded
    from cfl_jobs.bootstrap.texts import SECRETS_FILE

    where = "the environment" if secrets_file is None else str(secrets_file)
    if secrets_file is not None:
        for line in find_unneeded(secrets, values):
            click.echo(f"{secrets_file}: {line}", err=True)
    missing = find_missing(secrets, values, home)
    file = secrets_file or home / SECRETS_FILE
    start = f"cd {shlex.quote(str(home))} && docker compose"
    if missing or secrets_file is not None:
        start += f" --env-file {shlex.quote(os.path.relpath(file, home))}"
    if missing:
        click.echo(f"{len(missing)} of {len(secrets)} secrets are missing in {where}:", err=True)
        for secret, why in missing:
            click.echo(f"  {secret.name}: {why} ({secret.meaning})", err=True)
        click.echo(
            f"  Everything is written; it starts when they are in {file}, as "
            f"{home / SECRETS_FILE}.example tells.",
            err=True,
        )
    else:
        click.echo(f"All {len(secrets)} secrets are in {where}.")
    click.echo(f"Start it: {start} up --build --detach --wait")
    return 1 if missing and is_error else 0


def _read_lock(root: Path, home: Path, server: ChosenTarget) -> str:
    """Return the text of a lock from the server."""
    from cfl_jobs.bootstrap.directory import plugins_of
    from cfl_jobs.bootstrap.overrides import read_overrides
    from cfl_jobs.bootstrap.plugins import write_lock
    from cfl_jobs.doctor.needs import find_needs

    target = server.open(root)
    installed = target.plugins()
    lines = plugins_of(find_needs(root), read_overrides(home))
    return write_lock(installed, lines, label=target.label, jenkins=target.version())
