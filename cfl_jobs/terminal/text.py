"""Text for people → lines in colours, wrapped between words: for every command that writes text."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from cfl_jobs.review.review import Review

# How a line begins (a regular expression), and its colour; the first that fits counts.
Colours: TypeAlias = Sequence[tuple[str, str]]
_WIDTH, _LEAST = 80, 30  # columns


def show(text: str, colours: Colours, *, prose: str = "", as_one: bool = False) -> None:
    """Write text for people: in colours, its lines wrapped between words.

    They have 80 columns, fewer at a terminal that has fewer. A source line with a caret below is
    cut instead. Where not all is `prose` (a regular expression: how a line of it begins), the rest
    stays as it is, and elsewhere than at a terminal all of it. `as_one`: in one colour, as it
    begins.
    """
    is_terminal = sys.stdout.isatty()
    width = _WIDTH
    if is_terminal:
        import shutil

        width = max(min(shutil.get_terminal_size().columns, _WIDTH), _LEAST)
    lines = text.rstrip("\n").split("\n")
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        shown = [line]
        if not prose and after.strip() == "^":
            shown = _cut_around(line, after, width)[:1]
        elif not prose and line.strip() == "^":
            shown = _cut_around(before, line, width)[1:]
        elif not prose or (is_terminal and re.match(prose, line)):
            shown = wrap(line, width)
        first = lines[0] if as_one else line
        colour = next((colour for begins, colour in colours if re.match(begins, first)), "")
        if colour:
            shown = [click.style(each, fg=colour) for each in shown]
        click.echo("\n".join(shown))


def show_review(review: Review, layout: str = "text", *, verbose: bool = False) -> None:
    """Write a plan or a review in one of its formats."""
    from cfl_jobs.review.formats import COLOURS, PROSE, WRITERS

    text = WRITERS[layout](review, verbose=verbose)
    if layout == "text":
        show(text, COLOURS, prose=PROSE)
    else:
        click.echo(text, nl=False)


def wrap(line: str, width: int) -> list[str]:
    """Return a line in pieces that fit, as far as words do.

    Those behind the first stand below its last column, as in a table, else deeper than what is
    indented or has a place in front. Prose stays prose.
    """
    column = re.match(r".*\S {2,}(?=\S)", line[: width // 2])
    hang = len(line) - len(line.lstrip())
    if column:
        hang = column.end()
    elif hang or re.match(r"\S+:\d+:\d+: ", line):
        hang += 4
    return textwrap.wrap(
        line, width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _cut_around(source: str, caret: str, width: int) -> list[str]:
    """Return a source line and the caret below it, without what is too far from the caret."""
    if len(source) <= width:
        return [source, caret]
    source, caret = source.expandtabs(), caret.expandtabs()
    begin = max(0, len(caret) - width // 2)
    if begin:
        source, caret = f"…{source[begin + 1 :]}", caret[begin:]
    return [source if len(source) <= width else f"{source[: width - 1]}…", caret]
