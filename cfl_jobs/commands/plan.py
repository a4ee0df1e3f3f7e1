"""`cfl-jobs plan`: what `update` would do, and whose each difference is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfl_jobs.commands.target_options import open_target, target_options

if TYPE_CHECKING:
    from cfl_jobs.planning.planner import Basis
    from cfl_jobs.target import Target


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is asked for: which jobs, and what it may do."""

    jobs: tuple[str, ...] = ()
    adopt: bool = False
    prune: bool = False


@click.command(short_help="Show what update would do, and why.")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@target_options
@click.option("--adopt", is_flag=True, help="Take over jobs of our names that aren't ours yet.")
@click.option("--prune", is_flag=True, help="Delete jobs of ours that are no longer defined.")
@click.option("-v", "--verbose", is_flag=True, help="Show Jenkins' own changes too.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="How to write it.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the plan, for `update --plan FILE`.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
def command(
    jobs: tuple[str, ...],
    home: Path | None,
    url: str | None,
    conf: Path | None,
    adopt: bool,
    prune: bool,
    verbose: bool,
    layout: str,
    out: Path | None,
    detailed_exitcode: bool,
) -> int:
    """Compare the definitions with a server or a directory; nothing is changed.

    Each difference is ours (the definition changed), theirs (someone edited the job on the
    server) or both; what Jenkins itself made of a job is shown with -v only.
    """
    target = open_target(Path(), home, url, conf)
    asked = Asked(jobs, adopt, prune)
    return show_plan(
        Path(), target, asked, verbose=verbose, layout=layout, out=out, detailed=detailed_exitcode
    )


def show_plan(
    root: Path,
    target: Target,
    asked: Asked,
    *,
    verbose: bool = False,
    layout: str = "text",
    out: Path | None = None,
    detailed: bool = False,
) -> int:
    """Make a plan, write it, and return the exit code: 0, or 2 for changes where asked."""
    from cfl_jobs.errors import UnsafePlan
    from cfl_jobs.planning.markdown import write_markdown
    from cfl_jobs.planning.plan import check_safety
    from cfl_jobs.planning.planfile import save_plan
    from cfl_jobs.planning.report import write_json, write_text

    basis = look(root, target, asked)
    plan = basis.plan()
    if layout == "json":
        click.echo(write_json(plan))
    elif layout == "markdown":
        click.echo(write_markdown(plan, verbose=verbose))
    else:
        click.echo(write_text(plan, verbose=verbose, style=colour))
    if out is not None:
        save_plan(basis, out)
        click.echo(f"Kept in {out}; `cfl-jobs update --plan {out}` does it.", err=True)
    try:
        check_safety(plan, force=False)
    except UnsafePlan as error:
        click.echo(f"Careful: {error.message}; update will want --force.", err=True)
    return 2 if detailed and (plan.changes or plan.undone) else 0


def look(root: Path, target: Target, asked: Asked) -> Basis:
    """Render, and look at the target: all that a plan is made of.

    Raises UnsafePlan, before anything is looked at, where names come with a wish to prune.
    """
    from cfl_jobs.commands.progress import counting
    from cfl_jobs.commands.streams import find_canvas
    from cfl_jobs.planning.ahead import ReadAhead
    from cfl_jobs.planning.former import names_to_look_at
    from cfl_jobs.planning.observe import observe
    from cfl_jobs.planning.planner import Basis, check_filter
    from cfl_jobs.rendering.cache import render_cached

    check_filter(prune=asked.prune, filtered=bool(asked.jobs))
    reader = ReadAhead(target, asked.jobs)
    rendered = render_cached(root, only=asked.jobs)
    names = names_to_look_at(rendered)
    with counting("Looking at", find_canvas(sys.stderr)) as progress:
        project = rendered[0].project if rendered else ""
        observed = observe(
            reader, names, with_orphans=asked.prune, project=project, progress=progress
        )
    return Basis(rendered, observed, asked.adopt, asked.prune, filtered=bool(asked.jobs))


def colour(text: str, name: str) -> str:
    return click.style(text, fg=name)
