"""Reviews of edits of the real definitions, without git, and without what the checks find."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cfl_jobs.planning.basis import Setup
from cfl_jobs.rendering.cache import render_whole
from cfl_jobs.review.comparing import review_setups
from cfl_jobs.review.review import Review, Revision, Weight
from tests.projects import ROOT, add, copy_project, edit

Edit = tuple[str, str, str]  # of a file, what is replaced and by what; "" is the file's end
MAIN, CHANGE = Revision("main", "a" * 40), Revision("change", "b" * 40)


def define(root: Path) -> Setup:
    return Setup(render_whole(root).configs)


real_setup = cache(lambda: define(ROOT))


def edit_all(root: Path, *edits: Edit) -> None:
    for file, old, new in edits:
        if old:
            edit(root, file, old, new)
        else:
            add(root, file, new)


def review(root: Path, *edits: Edit, first: Sequence[Edit] = (), head: Revision = CHANGE) -> Review:
    """Review what edits make of a copy of the real definitions, which `root` holds then.

    `first` are edits that were made before.
    """
    edit_all(copy_project(root), *first)
    start = define(root) if first else real_setup()
    edit_all(root, *edits)
    return review_setups(MAIN, head, start, define(root))


def effects_of(made: Review) -> dict[str, Weight]:
    return {effect.text: effect.weight for effect in made.effects}
