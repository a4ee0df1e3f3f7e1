"""Names and globs from the command line → the names they choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from cfl_jobs.errors import CflJobsError, suggest


def select_names(names: Sequence[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the names that match any pattern, in their own order; all where there is no pattern.

    A pattern that is a name means just that name, so brackets and stars in names do no harm.
    Raises CflJobsError where a pattern matches nothing.
    """
    wanted = tuple(patterns)
    if not wanted:
        return tuple(names)
    chosen: set[str] = set()
    for pattern in wanted:
        found = {pattern} & set(names) or {name for name in names if fnmatchcase(name, pattern)}
        if not found:
            advice = suggest(pattern, names) or "`cfl-jobs graph` shows the names there are."
            raise CflJobsError(f"no job or view is called {pattern!r}", advice=advice)
        chosen |= found
    return tuple(name for name in names if name in chosen)
