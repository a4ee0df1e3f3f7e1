"""A job's permissions: which of them Jenkins gave whoever made the job (matrix-auth).

No definition has them, and they stay: without them the creator could see the job no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

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
    found: list[BuildWritten] = []
    for matrix in live.parse().findall("properties/*"):
        if not matrix.tag.endswith(MATRIX):
            continue
        whole = next((raw for raw in extra if raw.element.tag == matrix.tag), None)
        if whole is None:
            inside = [raw for raw in extra if raw.parent == matrix.tag and raw.path not in shown]
            texts = {raw.element.text for raw in inside}
            parents = ("properties", matrix.tag)
            found += [BuildWritten(parents, entry) for entry in matrix if entry.text in texts]
            continue
        if whole.path in shown:
            creators = _find_creators_entries(whole.element, live.mark)
            for entry in matrix.findall("permission"):
                if entry.text not in creators:
                    matrix.remove(entry)
        if matrix.find("permission") is not None:
            found.append(BuildWritten(("properties",), matrix))
    return found


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
    # By whom they are for: the user of "USER:hudson.model.Item.Read:alice".
    by_user: dict[str, set[str]] = {}
    for entry in matrix.children:
        kind, _, rest = entry.text.partition(":")
        if kind == "USER" and (user := rest.partition(":")[2]):
            by_user.setdefault(user, set()).add(entry.text)
    fields = read_fields(mark)
    if fields.saved:
        path = f"properties/{matrix.tag}/permission"
        added = (Counter(fields.saved) - Counter(fields.applied)).keys()
        users = frozenset().union(*by_user.values())
        entries = (entry for entry in matrix.children if entry.text in users)
        return frozenset(e.text for e in entries if not added.isdisjoint(code_fields(e, path)))
    if code(matrix) not in mark.kept.parts:
        return frozenset()
    found = (one for one in by_user.values() if code(_without(matrix, one)) in mark.applied.parts)
    return frozenset().union(*found)


def _without(matrix: Normal, entries: Collection[str]) -> Normal:
    rest = tuple(child for child in matrix.children if child.text not in entries)
    return replace(matrix, children=rest)
