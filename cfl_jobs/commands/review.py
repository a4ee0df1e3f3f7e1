"""`cfl-jobs review`: what a change of the definitions does to the server and to the chain."""

from __future__ import annotations

from pathlib import Path

import click

from cfl_jobs.commands import OUTPUT, find_project, options
from cfl_jobs.commands.options import layout_option
from cfl_jobs.errors import CflJobsError
from cfl_jobs.files import write_named
from cfl_jobs.review.comparing import make_review
from cfl_jobs.review.formats import WRITERS
from cfl_jobs.review.review import Review
from cfl_jobs.terminal.text import show_review

_OTHER = "It would be replaced: move it, or name another page with -o."


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
def command(
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
    if worktree and head is not None:
        raise click.UsageError("--worktree and HEAD don't go together; name one of them.")
    review = make_review(find_project(), base, None if worktree else head or "HEAD")
    if output is None:
        show_review(review, layout)
    else:
        _write(review, layout, output)
    if review.head_findings or (detailed_exitcode and not review.is_compared):
        return 1
    return 2 if detailed_exitcode and review.plan.changes else 0


def _write(review: Review, layout: str, output: Path) -> None:
    """Write a review to a file; a page gets its style from another one, as Jenkins wants it."""
    if layout == "html" and (output.is_file() or not output.exists()):
        from cfl_jobs.review.page import read_style_sheet, write_page

        sheet = output.with_name(f"{output.name}.css")
        _check_sheet(sheet, read_style_sheet())
        files = {output: write_page(review, sheet=sheet.name), sheet: read_style_sheet()}
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


def _check_sheet(path: Path, ours: str) -> None:
    """Raise CflJobsError where a file has a style sheet's name and isn't one of ours."""
    from cfl_jobs.files import read_text

    start = "".join(ours.splitlines(keepends=True)[:3])  # that of every version
    if path.exists() and not read_text(path, advice=_OTHER).startswith(start):
        raise CflJobsError(f"{path} is not a review's style sheet", advice=_OTHER)
