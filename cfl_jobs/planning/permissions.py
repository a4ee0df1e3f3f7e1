"""A job's permissions: which of them Jenkins gave whoever made the job (matrix-auth).

No definition has them, and they stay: without them the creator could see the job no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

from cfl_jobs.configs.buildwritten import BuildWritten
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import MATRIX, Mark, code
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.differences import Raw, compare
from cfl_jobs.planning.fields import code_fields, read_fields


def find_granted(desired: Config, live: Config, shown: Collection[str] = ()) -> list[BuildWritten]:
    """Return what stays of a job's permissions though its definition doesn't set it.

    That is all that isn't at one of the `shown` paths, and the creator's of a property that goes.
    """
    if MATRIX not in live.config:
        return []
    extra = [raw for raw in compare(desired.normal, live.normal) if raw.desired is None]
    return [
        found
        for matrix in live.parse().findall("properties/*")
        if matrix.tag.endswith(MATRIX)
        for found in _find_in(matrix, extra, shown, live.mark)
    ]


def _find_in(
    matrix: ET.Element, extra: list[Raw], shown: Collection[str], mark: Mark | None
) -> Iterator[BuildWritten]:
    whole = next((raw for raw in extra if raw.live and raw.live.tag == matrix.tag), None)
    if whole is None:
        texts = {
            raw.live.text
            for raw in extra
            if raw.live and raw.parent == matrix.tag and raw.path not in shown
        }
        inside = ("properties", matrix.tag)
        yield from (BuildWritten(inside, entry) for entry in matrix if entry.text in texts)
        return
    if whole.live and whole.path in shown:
        creators = _find_creators_entries(whole.live, mark)
        for entry in matrix.findall("permission"):
            if entry.text not in creators:
                matrix.remove(entry)
    if matrix.find("permission") is not None:
        yield BuildWritten(("properties",), matrix)


def hide_granted(raw: Raw, mark: Mark | None) -> Raw:
    """Return a difference that a property of permissions goes, without what stays of it."""
    if raw.desired or raw.live is None or not raw.live.tag.endswith(MATRIX):
        return raw
    return replace(raw, live=_without(raw.live, _find_creators_entries(raw.live, mark)))


def _find_creators_entries(matrix: Normal, mark: Mark | None) -> frozenset[str]:
    """Return the entries that Jenkins had added when the job was last saved by an update.

    Without codes of the fields, those of the one user without whom it is what was last applied.
    """
    if not (mark and mark.applied and mark.kept):
        return frozenset()
    entries = [entry for entry in matrix.children if _user_of(entry.text)]
    fields = read_fields(mark)
    if fields.saved:
        path = f"properties/{matrix.tag}/permission"
        added = Counter(fields.saved) - Counter(fields.applied)
        return frozenset(
            entry.text for entry in entries if not added.keys().isdisjoint(code_fields(entry, path))
        )
    if code(matrix) not in mark.kept.parts:
        return frozenset()
    by_user: dict[str, set[str]] = {}
    for entry in entries:
        by_user.setdefault(_user_of(entry.text), set()).add(entry.text)
    found = (one for one in by_user.values() if code(_without(matrix, one)) in mark.applied.parts)
    return frozenset().union(*found)


def _without(matrix: Normal, entries: Collection[str]) -> Normal:
    rest = tuple(child for child in matrix.children if child.text not in entries)
    return replace(matrix, children=rest)


def _user_of(entry: str) -> str:
    """Return whom an entry is for: the user of "USER:hudson.model.Item.Read:alice", else ""."""
    kind, _, rest = entry.partition(":")
    return rest.partition(":")[2] if kind == "USER" else ""
