"""Names of jobs and views: which Jenkins would refuse, and which the command line chooses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from cfl_jobs.errors import CflJobsError, suggest
from cfl_jobs.target import name_command

# hudson.model.Jenkins.checkGoodName, core 2.440: what no name of a job or view may hold.
_UNSAFE = re.compile(r"[?*\\%!@#$^&|<>\[\]:;\x00-\x1f\x7f-\x9f]")


def find_name_problem(name: str) -> str:
    """Return what Jenkins would not take in a job's or view's full name, or "".

    As hudson.model.Jenkins.checkGoodName does for each part; "/" stands between folders.
    """
    for part in name.split("/"):
        if not part.strip():
            return "an empty part" if "/" in name else "nothing"
        if part != part.strip():
            return "a space at an end"
        if part in (".", ".."):
            return f"the part {part!r}"
        if part.endswith("."):
            return "a dot at the end"
        if bad := _UNSAFE.search(part):
            return f"the character {bad[0]!r}"
    return ""


def folders_of(name: str) -> tuple[str, ...]:
    """Return the full names of the folders that something is in, the outermost first."""
    parts = name.split("/")
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts)))


def select_names(
    names: Sequence[str],
    patterns: Iterable[str],
    *,
    advice: str = "",
) -> tuple[str, ...]:
    """Return the names that match any pattern, in their own order; all where there is no pattern.

    A pattern that is a name means just that name, so brackets and stars in names do no harm.
    Raises CflJobsError where a pattern matches nothing; `advice` says where the names are shown,
    if not by `graph`.
    """
    wanted = tuple(patterns)
    if not wanted:
        return tuple(names)
    chosen: set[str] = set()
    for pattern in wanted:
        found = {pattern} & set(names) or {name for name in names if fnmatchcase(name, pattern)}
        if not found:
            near = suggest(pattern, names)
            advice = near or advice or f"`{name_command('graph')}` shows the names there are."
            raise CflJobsError(f"no job or view is called {pattern!r}", advice=advice)
        chosen |= found
    return tuple(name for name in names if name in chosen)
