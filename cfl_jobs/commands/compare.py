"""`cfl-jobs plan` and `review`: what would change on a server, and what a branch changes."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from cfl_jobs.commands import OUTPUT, find_project, options
from cfl_jobs.commands.options import ChosenTarget, layout_option, target_options
from cfl_jobs.errors import CflJobsError
from cfl_jobs.planning.basis import PlanRequest, save_plan
from cfl_jobs.review.formats import WRITERS
from cfl_jobs.review.review import Review
from cfl_jobs.target import is_server, name_command
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
def plan(
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
    from cfl_jobs.terminal.pushing import find_obstacles, look_at

    root = find_project()
    basis, found = look_at(root, target.open(root), PlanRequest(jobs, adopt, prune))
    show_review(found, layout, verbose=verbose)
    if out is not None:
        save_plan(basis, out)
        label = found.plan.target
        if not is_server(label) or options.is_settings_server(root, label):
            label = ""  # the plan says itself where it is for
        update = name_command(f"update --plan {shlex.quote(str(out))}", label)
        click.echo(f"Kept in {out}; `{update}` does it.", err=True)
    for message, option in find_obstacles(found):
        click.echo(f"Careful: {message}; update will want {option}.", err=True)
    return 2 if detailed_exitcode and (found.plan.changes or found.plan.undone) else 0


@click.command()
@click.argument("base")
@click.argument("head", required=False)
@click.option("--worktree", is_flag=True, help="Review what is in the files now, uncommitted too.")
@layout_option(WRITERS, "markdown is for a pull request's comment.")
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    help="Write it to a file instead; html with its style sheet beside it, as FILE.css.",
    metavar="FILE",
)
@options.DETAILED
def review(
    base: str,
    head: str | None,
    worktree: bool,
    layout: str,
    output: Path | None,
    detailed_exitcode: bool,
) -> int:
    """Render two revisions of the repository and tell what changes on the server.

    BASE and HEAD are branches, tags or commits; HEAD is the current commit unless it is named.
    Compared is what HEAD changed since it left BASE. Works offline, leaves files, index and
    branches alone and runs no code of either revision.

    Exits with 1 where HEAD doesn't render; its findings are the review then. So it does with
    --detailed-exitcode where BASE doesn't: nothing is compared.
    """
    from cfl_jobs.review.comparing import make_review

    if worktree and head is not None:
        raise click.UsageError("--worktree and HEAD don't go together; name one of them.")
    found = make_review(find_project(), base, None if worktree else head or "HEAD")
    if output is None:
        show_review(found, layout)
    else:
        _write(found, layout, output)
    if found.head_findings or (detailed_exitcode and not found.is_compared):
        return 1
    return 2 if detailed_exitcode and found.plan.changes else 0


def _write(review: Review, layout: str, output: Path) -> None:
    """Write a review to a file; a page gets its style from another one, as Jenkins wants it."""
    from cfl_jobs.files import read_text, write_named

    if layout == "html" and (output.is_file() or not output.exists()):
        from cfl_jobs.review.formats import read_style_sheet, write_page

        sheet, style = output.with_name(f"{output.name}.css"), read_style_sheet()
        start = "".join(style.splitlines(keepends=True)[:3])  # that of every version
        other = "It would be replaced: move it, or name another page with -o."
        if sheet.exists() and not read_text(sheet, advice=other).startswith(start):
            raise CflJobsError(f"{sheet} is not a review's style sheet", advice=other)
        files = {output: write_page(review, sheet=sheet.name), sheet: style}
    else:
        files = {output: WRITERS[layout](review)}
    for path, text in files.items():
        try:
            write_named(path, text)
        except OSError as error:
            raise CflJobsError(
                f"{path}: {error.strerror}", advice="Name a file that can be written."
            ) from error
    click.echo(f"Wrote {' and '.join(map(str, files))}.", err=True)
