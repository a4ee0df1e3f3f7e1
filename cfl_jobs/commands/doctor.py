"""`cfl-jobs doctor`: is a server able to run the chain, and what to do where it isn't."""

from __future__ import annotations

import click

from cfl_jobs.commands import find_project
from cfl_jobs.commands.options import ChosenTarget, layout_option, target_options
from cfl_jobs.doctor.checks import State
from cfl_jobs.doctor.needs import find_needs
from cfl_jobs.doctor.report import COLOURS, diagnose, of_state, write_json, write_text
from cfl_jobs.errors import CflJobsError
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.targets.server import JenkinsTarget
from cfl_jobs.terminal.text import show


@click.command()
@target_options("url")
@layout_option(["text", "json"])
def command(target: ChosenTarget, layout: str) -> int:
    """Look at a server; nothing on it is changed.

    Who we are to it, what its plugins, credentials, nodes and setup are, against what the jobs
    need, each with what fixes it. Exit code 1 where an error keeps the chain from running.
    """
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
