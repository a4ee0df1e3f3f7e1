"""`cfl-jobs doctor`: is a server able to run the chain, and what to do where it isn't."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands import find_project
from cfl_jobs.commands.target_options import ChosenTarget, target_options

if TYPE_CHECKING:
    from cfl_jobs.targets.server import JenkinsTarget


@click.command()
@target_options("url")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)
def command(target: ChosenTarget, form: str) -> int:
    """Look at a server; nothing on it is changed.

    Who we are to it, what its plugins, credentials, nodes and setup are, against what the jobs
    need, each with what fixes it. Exit code 1 where an error keeps the chain from running.
    """
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.targets.server import JenkinsTarget

    root = find_project()
    server = target.open(root)
    if not isinstance(server, JenkinsTarget):
        raise CflJobsError("doctor is for a server", advice="Name one with --url.")
    return show_doctor(root, server, form)


def show_doctor(root: Path, target: JenkinsTarget, form: str) -> int:
    """Examine the server and write what was found; returns the exit code."""
    from cfl_jobs.doctor.facts import State
    from cfl_jobs.doctor.needs import find_needs
    from cfl_jobs.doctor.report import COLOURS, count_state, diagnose, write_json, write_text
    from cfl_jobs.rendering.cache import render_cached
    from cfl_jobs.terminal.text import show

    rows = diagnose(target, find_needs(root, render_cached(root)))
    if form == "json":
        click.echo(write_json(rows, target.label))
    else:
        show(write_text(rows, target.label), COLOURS)
    return 1 if count_state(rows, State.ERROR) else 0
