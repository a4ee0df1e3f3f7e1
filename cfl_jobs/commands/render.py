"""`cfl-jobs render`: config XML to standard output or into a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cfl_jobs.configs.config import Config


@click.command(short_help="Show the config XML that Jenkins would get.")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write DIR/jobs/<name>/config.xml instead.",
    metavar="DIR",
)
def command(jobs: tuple[str, ...], output: Path | None) -> int:
    """Render jobs and views to config XML; names or globs limit which."""
    return render_jobs(Path(), jobs, output)


def render_jobs(root: Path, jobs: tuple[str, ...], output: Path | None) -> int:
    """Render and write; returns the exit code."""
    from cfl_jobs.rendering.cache import render_cached

    rendered = render_cached(root, only=jobs)
    if output is None:
        for job in rendered:
            if len(rendered) > 1:
                click.echo(f"<!-- {job.kind.value} {job.name} -->")
            click.echo(job.config)
        return 0
    from concurrent.futures import ThreadPoolExecutor

    from cfl_jobs.errors import Missing, TargetError
    from cfl_jobs.targets.home import HomeTarget

    target = HomeTarget(output, durable=False)

    def write(job: Config) -> None:
        try:
            is_same = target.read(job.kind, job.name) == job.config
        except Missing:
            target.create(job.kind, job.name, job.config)
            return
        except TargetError:  # something that can't be read
            is_same = False
        if not is_same:
            target.update(job.kind, job.name, job.config)

    pool = ThreadPoolExecutor(max_workers=4)  # they wait for the disk
    by_depth: dict[int, list[Config]] = {}
    for job in rendered:
        by_depth.setdefault(job.name.count("/"), []).append(job)
    try:
        for _, level in sorted(by_depth.items()):  # folders before what is in them
            for job, _ in zip(level, pool.map(write, level), strict=True):
                click.echo(f"{job.kind.value} {job.name}")
    finally:
        pool.shutdown(cancel_futures=True)
    return 0
