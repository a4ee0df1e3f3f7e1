"""Plan → Markdown for a comment on a pull request.

Nothing that a server or a definition holds ends a code fence, makes a link or becomes HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cfl_jobs.planning.alike import Alike
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.planning.report import (
    group_updates,
    headline,
    say_note,
    summarise,
    text_of_differences,
)
from cfl_jobs.planning.visible import escape, fence, guard, make_line_visible

# What a comment on GitHub may have; some is left for what a workflow puts around it.
_LIMIT = 65_000
_MOST_LINES = (200, 40, 8)  # of one difference, fewer where the text would be too long


def write_markdown(plan: Plan, *, verbose: bool = False) -> str:
    """Return the plan as Markdown; shorter than a comment may be, unless `verbose`."""
    if verbose:
        return "\n".join(_lines(plan, None, verbose=True))
    text = ""
    for most in _MOST_LINES:
        text = "\n".join(_lines(plan, most, verbose=False))
        if len(text) <= _LIMIT:
            break
    return text


def _lines(plan: Plan, most: int | None, *, verbose: bool) -> Iterator[str]:
    yield f"**{escape(summarise(plan))}**"
    yield ""
    for change in plan.changes:
        if not isinstance(change, Update) or change.old_name or not change.differences:
            yield f"- {escape(headline(change)[2:])}"
    updates = [change for change in plan.changes if isinstance(change, Update)]
    for alike, some in group_updates(updates):
        yield from _details("change", alike, some, most)
    for alike, some in group_updates(plan.unadopted):
        yield from _details("--adopt would change", alike, some, most)
    notes = [note for note in (*plan.undone, *plan.notes) if verbose or not note.quiet]
    yield from ([""] if notes else [])
    for note in notes:
        yield f"- {escape(say_note(note))}"


def _details(what: str, alike: Alike, updates: Sequence[Update], most: int | None) -> Iterator[str]:
    names = ", ".join(f"<b>{guard(make_line_visible(update.name))}</b>" for update in updates)
    yield from ("", f"<details><summary>{what} {len(updates)}: {names}</summary>", "")
    yield from fence([_in_diff(line) for line in text_of_differences(alike, most=most)], "diff")
    yield "</details>"


def _in_diff(line: str) -> str:
    """Return a line as a block of Markdown's `diff` takes it: - and + in the first column."""
    return line[6:] if line.startswith("      ") else f"@@ {line.strip()} @@"
