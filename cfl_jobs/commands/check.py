"""`cfl-jobs check`: rendering's strictness, and rules over the whole chain."""

from __future__ import annotations

import re

import click

from cfl_jobs.check.project import check_project, find_sizes
from cfl_jobs.check.report import COLOURS, WRITERS
from cfl_jobs.check.rule import Severity
from cfl_jobs.commands import find_project
from cfl_jobs.terminal.text import show


@click.command()
@click.option(
    "--format", "form", type=click.Choice(list(WRITERS)), default="text", show_default=True
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option(
    "--executors",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many builds the server runs at once.",
)
@click.option(
    "--size",
    "sizes",
    metavar="JOB=MB",
    multiple=True,
    help="What a build of a job archives; else as seen in build/rehearsal.",
)
@click.option(
    "--builds-a-day",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    show_default=True,
    help="How often each job builds, for the estimate of the disk that artifacts take.",
)
def command(
    form: str, strict: bool, executors: int, sizes: tuple[str, ...], builds_a_day: float
) -> int:
    """Check definitions, templates, scripts and the chain that they make.

    Exit code 1 on errors, with --strict on warnings too. `cfl-jobs explain` tells about the rules
    and how to silence one at a place.
    """
    root = find_project()
    given = find_sizes(root / "build/rehearsal") | dict(map(_read_size, sizes))
    report = check_project(root, executors=executors, sizes=given, builds_a_day=builds_a_day)
    text = WRITERS[form](report)
    if form == "text":
        show(text, COLOURS)
    else:
        click.echo(text, nl=False)
    failing = report.count(Severity.ERROR) + (report.count(Severity.WARNING) if strict else 0)
    return 1 if failing else 0


def _read_size(text: str) -> tuple[str, float]:
    job, _, megabytes = text.rpartition("=")
    if not job or not re.fullmatch(r"\d+(\.\d+)?", megabytes):
        message = f"{text!r} is not JOB=MB, as in 'Create Distribution=60'"
        raise click.BadParameter(message, param_hint="--size")
    return job, float(megabytes)
