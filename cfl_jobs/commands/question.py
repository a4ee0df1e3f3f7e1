"""A yes/no question → the answer of whoever sits at the terminal."""

from __future__ import annotations

import sys

import click

from cfl_jobs.errors import PlanError


def confirm(question: str, *, advice: str) -> None:
    """Ask at the terminal; anything but yes and no is asked again.

    Raises PlanError for no, for the end of the input, and where nobody sees the question or can
    answer it.
    """
    shown_on_stdout = sys.stdout.isatty()
    if not sys.stdin.isatty() or not (shown_on_stdout or sys.stderr.isatty()):
        raise PlanError("nobody is there to ask, so nothing was changed", advice=advice)
    try:
        is_wanted = click.confirm(question, err=not shown_on_stdout)
    except click.Abort as error:
        click.echo(err=not shown_on_stdout)  # the cursor is behind the question
        if not isinstance(error.__context__, EOFError):
            raise
        is_wanted = False
    if not is_wanted:
        raise PlanError("nothing was changed")
