"""Options that name a target, for all verbs that have one, and the target they choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cfl_jobs.target import Target

_Command = TypeVar("_Command", bound=Callable[..., Any])


def target_options(command: _Command) -> _Command:
    """Add --home, --url and --conf to a command."""
    for option in (
        click.option(
            "--conf",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="A jenkins_jobs.ini that holds the credentials.",
        ),
        click.option("--url", metavar="URL", help="The server, instead of the settings' one."),
        click.option(
            "--home",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="A directory laid out as JENKINS_HOME, instead of a server.",
        ),
    ):
        command = option(command)
    return command


def open_target(root: Path, home: Path | None, url: str | None, conf: Path | None) -> Target:
    """Return the target that the options name, else the settings' server."""
    from cfl_jobs.errors import CflJobsError

    if home is not None and url is not None:
        raise CflJobsError("--home and --url don't go together", advice="Name one of them.")
    if home is not None:
        from cfl_jobs.targets.home import HomeTarget

        return HomeTarget(home)
    if url is None:
        from cfl_jobs.reading.definitions import load_definitions

        server = load_definitions(root).settings.get("server")
        if not isinstance(server, str):
            raise CflJobsError(
                "no target: jobs/settings.yaml names no `server`",
                advice="Name a server with --url or a directory with --home.",
            )
        url = str(server)
    from cfl_jobs.targets.server import open_server  # type: ignore[import-not-found,unused-ignore]

    server_target: Target = open_server(url, conf=conf)
    return server_target
