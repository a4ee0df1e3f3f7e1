"""`cfl-jobs bootstrap`: all that a fresh Jenkins needs to be this server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands.target_options import target_options

if TYPE_CHECKING:
    from cfl_jobs.doctor.needs import Needs


@click.command(short_help="Make a fresh Jenkins this server: its files, or the steps on it.")
@target_options
@click.option(
    "--secrets",
    "secrets_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --home: NAME=value lines, instead of the environment.",
)
@click.option("-y", "--yes", is_flag=True, help="With --url: don't ask.")
@click.option("--lock", is_flag=True, help="With --home: the server's exact plugin versions too.")
def command(
    home: Path | None,
    url: str | None,
    conf: Path | None,
    secrets_file: Path | None,
    yes: bool,
    lock: bool,
) -> int:
    """Write what a fresh Jenkins needs into a directory, or make a running server ours.

    With --home DIR: jobs and view, plugins.txt, jenkins.yaml, Dockerfile, compose.yaml, and the
    list of secrets that must be given; exit code 1 as long as one of them is missing.

    With --url URL: doctor, install the missing plugins, restart, update, verify with an empty plan,
    and start the first distribution. Each step tells what it does; what is done isn't done again.
    """
    from cfl_jobs.errors import CflJobsError

    root = Path()
    if home is None:
        return _set_up(root, url, conf, yes=yes)
    if url is not None and not lock:
        raise CflJobsError(
            "--home and --url go together only with --lock",
            advice="Name one of them, or add --lock to take the server's plugin versions.",
        )
    locked = _read_lock(root, url, conf) if lock else None
    return write_home(root, home, secrets_file=secrets_file, lock=locked)


def _set_up(root: Path, url: str | None, conf: Path | None, *, yes: bool) -> int:
    from cfl_jobs.commands.bootstrap_server import set_up_server
    from cfl_jobs.commands.target_options import open_target
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.targets.server import JenkinsTarget

    if url is None:
        raise CflJobsError(
            "it is not said where", advice="Name a directory with --home or a server with --url."
        )
    target = open_target(root, None, url, conf)
    if not isinstance(target, JenkinsTarget):
        raise TypeError(f"{target.label} is no server")
    return set_up_server(root, target, yes=yes)


def write_home(root: Path, home: Path, *, secrets_file: Path | None, lock: str | None) -> int:
    """Write the jobs and every file; returns the exit code."""
    from cfl_jobs.bootstrap.directory import LOCK, check_ours, make_files, write_files
    from cfl_jobs.commands.plan import Asked
    from cfl_jobs.commands.update import update_jobs
    from cfl_jobs.doctor.needs import find_needs
    from cfl_jobs.reading.secrets import read_secrets
    from cfl_jobs.targets.home import HomeTarget

    needs = find_needs(root)
    values = dict(os.environ) if secrets_file is None else read_secrets(secrets_file)
    files = make_files(needs, lock=lock, has_lock=(home / LOCK).is_file())
    check_ours(home, files)
    code = update_jobs(root, HomeTarget(home), Asked(), yes=True)
    if code:
        return code
    for name, state in write_files(home, files):
        click.echo(f"{home / name}: {state}")
    return _tell_secrets(needs, home, values, secrets_file)


def _tell_secrets(
    needs: Needs, home: Path, values: dict[str, str], secrets_file: Path | None
) -> int:
    from cfl_jobs.bootstrap.secrets import find_missing, find_unneeded, list_secrets

    secrets = list_secrets(needs)
    where = "the environment" if secrets_file is None else str(secrets_file)
    if secrets_file is not None:
        for line in find_unneeded(secrets, values):
            click.echo(f"{secrets_file}: {line}", err=True)
    missing = find_missing(secrets, values, home)
    if not missing:
        click.echo(f"All {len(secrets)} secrets are in {where}.")
        click.echo(f"Start it: cd {home} && docker compose up --build --detach --wait")
        return 0
    click.echo(f"{len(missing)} of {len(secrets)} secrets are missing in {where}:", err=True)
    for secret, why in missing:
        click.echo(f"  {secret.name}: {why} ({secret.meaning})", err=True)
    click.echo(
        f"  Everything is written, but it can't start without them: {home}/secrets.env.example "
        "tells how to give them.",
        err=True,
    )
    return 1


def _read_lock(root: Path, url: str | None, conf: Path | None) -> str:
    """Return the text of a lock from the server."""
    from cfl_jobs.bootstrap.directory import plugins_of
    from cfl_jobs.bootstrap.plugins_txt import write_lock
    from cfl_jobs.commands.target_options import open_target
    from cfl_jobs.doctor.needs import find_needs
    from cfl_jobs.targets.server import JenkinsTarget

    target = open_target(root, None, url, conf)
    version = target.state().version if isinstance(target, JenkinsTarget) else ""
    lines = plugins_of(find_needs(root))
    return write_lock(target.plugins(), lines, label=target.label, jenkins=version)
