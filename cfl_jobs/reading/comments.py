"""Comments of jobs/*.yaml → what each variable is for, in the words of the people who wrote it.

A file's opening comment may hold a table, `#   repository  its name in the organisation`; a
setting's comment stands above it and counts for the keys below it too, up to the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MODELINE = "# yaml-language-server:"
_ROW = re.compile(r"#\s{2,}(\w+)\s{2,}(\S.*)")
_MORE = re.compile(r"#\s{6,}(\S.*)")
_KEY = re.compile(r"(\s*)(\w+):(\s|$)")


@dataclass(frozen=True, slots=True)
class Comments:
    """`about` is the opening comment without its table; `variables` are the table's rows."""

    about: str
    variables: Mapping[str, str]


def read_opening(text: str) -> Comments:
    """Return what a file's opening comment says."""
    about: list[str] = []
    variables: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if line.startswith(MODELINE):
            continue
        if row := _ROW.fullmatch(line):
            current = row[1]
            variables[current] = row[2].strip()
        elif current and (more := _MORE.fullmatch(line)):
            variables[current] += f" {more[1].strip()}"
        else:
            current = ""
            about.append(line.lstrip("# ").strip())
    return Comments(" ".join(part for part in about if part), variables)


def read_above(text: str) -> Mapping[str, str]:
    """Return the comment above each indented key."""
    found: dict[str, str] = {}
    comment: list[str] = []
    fresh = False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#") and line.startswith(" "):
            comment = [*comment, stripped.lstrip("# ")] if fresh else [stripped.lstrip("# ")]
            fresh = True
        elif (key := _KEY.match(line)) and key[1]:
            fresh = False
            if comment:
                found.setdefault(key[2], " ".join(comment))
        elif not stripped:
            comment, fresh = [], False
    return found
