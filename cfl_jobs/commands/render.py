"""`cfl-jobs render`: config XML to standard output or into a directory."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import DIRECTORY, find_project, options
from cfl_jobs.errors import Missing, TargetError
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.targets.home import HomeTarget


@click.command()
@options.JOBS
@click.option(
    "-o",
    "--output",
    type=DIRECTORY,
    help="Write DIR/jobs/<name>/config.xml instead.",
    metavar="DIR",
)
def command(jobs: tuple[str, ...], output: Path | None) -> int:
    """Render jobs and views to config XML; names or globs limit which."""
    rendered = render_cached(find_project(), only=jobs)
    if output is None:
        for job in rendered:
            if len(rendered) > 1:
                click.echo(f"<!-- {job.kind.value} {job.name} -->")
            click.echo(job.config)
        return 0
    target = HomeTarget(output, durable=False)
    for job in sorted(rendered, key=lambda job: job.name.count("/")):  # folders come first
        try:
            there = target.read(job.kind, job.name)
        except Missing:
            target.create(job.kind, job.name, job.config)
        except TargetError:  # something that can't be read
            target.update(job.kind, job.name, job.config)
        else:
            if there != job.config:
                target.update(job.kind, job.name, job.config)
        click.echo(f"{job.kind.value} {job.name}")
    return 0
