"""`cfl-jobs graph`: the chain drawn as text, Mermaid, DOT, JSON or SVG."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cfl_jobs.commands import THERE, find_project
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.drawing.formats import WRITERS, draw_text, warn_of_size
from cfl_jobs.errors import CflJobsError
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.target import Kind
from cfl_jobs.targets.home import HomeTarget


@click.command()
@click.option(
    "--format", "form", type=click.Choice(list(WRITERS)), default="text", show_default=True
)
@click.option(
    "--home",
    type=THERE,
    help="Draw the jobs of a directory laid out as JENKINS_HOME, not those of jobs/.",
    metavar="DIR",
)
def command(form: str, home: Path | None) -> int:
    """Draw the chain of jobs: what starts each, its parameters, what it copies and makes."""
    problems: list[str] = []
    configs = _read_home(home, problems) if home else render_cached(find_project())
    chain = build_chain(c.read(read_job) for c in configs if c.kind is Kind.JOB)
    if form == "text":
        width = max(min(shutil.get_terminal_size((100, 24)).columns, 120), 60)
        text = draw_text(chain, width=width, color=sys.stdout.isatty())
    else:
        text = WRITERS[form](chain)
    click.echo(text, nl=False)
    if form == "mermaid" and (warning := warn_of_size(text)):
        click.echo(warning, err=True)
    for problem in problems:
        click.echo(make_visible(f"Not drawn, since it can't be read: {problem}"), err=True)
    return int(bool(problems))


def _read_home(home: Path, problems: list[str]) -> Iterator[Config]:
    """Yield the jobs that can be read; what can't is added to `problems`."""
    target = HomeTarget(home)
    for job in target.list(Kind.JOB):
        try:
            config = Config(Kind.JOB, job.name, target.read(Kind.JOB, job.name))
            config.parse()
        except CflJobsError as error:
            problems.append(error.message)
        else:
            yield config
