"""`cfl-jobs graph`: the chain drawn as text, Mermaid, DOT, JSON or SVG."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.read_model import read_job
from cfl_jobs.drawing.formats import WRITERS, warn_of_size
from cfl_jobs.drawing.text import draw_text
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.target import Kind


@click.command(short_help="Draw the chain: which job starts which, and what goes along.")
@click.option(
    "--format", "form", type=click.Choice(list(WRITERS)), default="text", show_default=True
)
@click.option(
    "--home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Draw the jobs of a directory laid out as JENKINS_HOME, not those of jobs/.",
    metavar="DIR",
)
def command(form: str, home: Path | None) -> int:
    """Draw the chain of jobs: what starts each, its parameters, what it copies and makes."""
    return draw_graph(Path(), form, home)


def draw_graph(root: Path, form: str, home: Path | None) -> int:
    """Draw and write to standard output; returns the exit code."""
    problems: list[str] = []
    configs = _configs_of_home(home, problems) if home else _configs_of_definitions(root)
    chain = build_chain(read_job(name, config) for name, config in configs)
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
    return 1 if problems else 0


def _configs_of_definitions(root: Path) -> list[tuple[str, str]]:
    from cfl_jobs.rendering.cache import render_cached

    return [(job.name, job.config) for job in render_cached(root) if job.kind is Kind.JOB]


def _configs_of_home(home: Path, problems: list[str]) -> list[tuple[str, str]]:
    """Return what can be read; what can't is added to `problems`."""
    from cfl_jobs.configs.configxml import parse_config
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.targets.home import HomeTarget

    target = HomeTarget(home)
    configs = []
    for job in target.list(Kind.JOB):
        try:
            config = target.read(Kind.JOB, job.name)
            parse_config(config, name=job.name)
            configs.append((job.name, config))
        except CflJobsError as error:
            problems.append(error.message)
    return configs
