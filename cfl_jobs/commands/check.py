"""`cfl-jobs check`: rendering's strictness, and rules over the whole chain."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.check.report import WRITERS
from cfl_jobs.check.rule import Severity
from cfl_jobs.check.run import check_project


@click.command(short_help="Look for mistakes that only a server or a deploy would show.")
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
def command(form: str, strict: bool, executors: int) -> int:
    """Check definitions, templates, scripts and the chain that they make.

    Exit code 1 on errors, with --strict on warnings too. `cfl-jobs explain` tells about the rules
    and how to silence one at a place.
    """
    return check(Path(), form, strict=strict, executors=executors)


def check(root: Path, form: str, *, strict: bool, executors: int) -> int:
    """Check and write to standard output; returns the exit code."""
    report = check_project(root, executors=executors)
    click.echo(WRITERS[form](report), nl=False)
    failing = report.count(Severity.ERROR) + (report.count(Severity.WARNING) if strict else 0)
    return 1 if failing else 0
