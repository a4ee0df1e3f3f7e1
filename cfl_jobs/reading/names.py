"""Names of jobs and views: which Jenkins would refuse."""

from __future__ import annotations

import re

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
