"""`cfl-jobs plan`: what `update` would do, and whose each difference is."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from cfl_jobs.commands import OUTPUT, find_project, options
from cfl_jobs.commands.options import (
    ChosenTarget,
    is_settings_server,
    layout_option,
    target_options,
)
from cfl_jobs.planning.basis import Asked, save_plan
from cfl_jobs.review.formats import WRITERS
from cfl_jobs.target import is_server, name_command
from cfl_jobs.terminal.pushing import find_obstacles, look_at
from cfl_jobs.terminal.text import show_review


@click.command()
@options.JOBS
@target_options("home", "url")
@options.ADOPT
@options.PRUNE
@options.VERBOSE
@layout_option(WRITERS)
@click.option("--out", type=OUTPUT, metavar="FILE", help="Keep the plan, for `update --plan FILE`.")
@options.DETAILED
def command(
    jobs: tuple[str, ...],
    target: ChosenTarget,
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
    root = find_project()
    basis, review = look_at(root, target.open(root), Asked(jobs, adopt, prune))
    show_review(review, layout, verbose=verbose)
    if out is not None:
        save_plan(basis, out)
        label = review.plan.target
        if not is_server(label) or is_settings_server(root, label):
            label = ""  # the plan says itself where it is for
        update = name_command(f"update --plan {shlex.quote(str(out))}", label)
        click.echo(f"Kept in {out}; `{update}` does it.", err=True)
    for message, option in find_obstacles(review):
        click.echo(f"Careful: {message}; update will want {option}.", err=True)
    return 2 if detailed_exitcode and (review.plan.changes or review.plan.undone) else 0
