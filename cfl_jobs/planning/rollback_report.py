"""What a rollback takes → text for people: what it changes in many jobs alike is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.normalform import SECRET
from cfl_jobs.planning.describing import Difference, describe, group_alike
from cfl_jobs.planning.differences import Change, Owner, compare
from cfl_jobs.planning.owners import find_other_secrets
from cfl_jobs.planning.report import shorten, text_of_differences
from cfl_jobs.planning.rollback import Undo, Way
from cfl_jobs.planning.visible import make_line_visible

_COLOURS = {Way.MAKE_AGAIN: "green", Way.PUT_BACK: "yellow", Way.DELETE: "red", Way.LEAVE: "red"}


def write_rollback(
    undos: Sequence[Undo], *, style: Callable[[str, str], str] = lambda text, colour: text
) -> str:
    """Return what would be done to each job, and what that changes, one line or more each.

    Of one that is left alone it tells what --force would change.
    """
    return "\n".join(line for way in Way for line in _write(way, undos, style))


def find_differences(undo: Undo) -> tuple[Difference, ...]:
    """Return what a job that is there would have otherwise; none but for its mark, maybe."""
    if not undo.before or not undo.now:
        return ()
    wanted, live = (
        Config(undo.kind, undo.name, config).beside(None) for config in (undo.before, undo.now)
    )
    raws = compare(wanted.normal, live.normal)
    found = [describe(raw, Owner.UNKNOWN) for raw in raws]
    if wanted.disabled != live.disabled:
        words = {True: "true", False: "false"}
        shown = (Change.CHANGED, words[live.disabled], words[wanted.disabled], Owner.UNKNOWN)
        found.append(Difference("disabled", "disabled", *shown, None))
    for pair in find_other_secrets(wanted.normal, live.normal):
        shown = (Change.CHANGED, SECRET, f"{SECRET} (another)", Owner.UNKNOWN)
        found.append(Difference(pair.path, pair.label, *shown, None))
    return tuple(found)


def _write(way: Way, undos: Sequence[Undo], style: Callable[[str, str], str]) -> Iterator[str]:
    some = sorted((undo for undo in undos if undo.way is way), key=lambda undo: undo.name)
    differences = [find_differences(undo) for undo in some]

    def painted(text: str) -> str:
        return style(text, _COLOURS[way]) if way in _COLOURS else text

    for undo, found in zip(some, differences, strict=True):
        if not found:
            only = way is Way.PUT_BACK and not undo.old_name
            yield painted(_headline(undo) + (": only its mark is another" if only else ""))
    for alike in group_alike(differences):
        names = [painted(_headline(some[number])) for number in alike.jobs]
        yield from shorten(names, [some[number].name for number in alike.jobs], painted)
        yield from text_of_differences(alike, style=style)


def _headline(undo: Undo) -> str:
    name = f"{undo.name} to {undo.old_name}" if undo.old_name else undo.name
    reason = f": {undo.reason}" if undo.reason else ""
    builds = f" and its {undo.builds} builds" if undo.builds else ""
    return make_line_visible(f"{undo.way.value} {undo.kind.value} {name}{builds}{reason}")
