"""A job's permissions: which of them Jenkins gave whoever made the job (matrix-auth).

No definition has them, and they stay: without them the creator could see the job no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

from cfl_jobs.configs.buildwritten import BuildWritten
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.mark import MATRIX, Mark, code
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.planning.differences import Raw, compare


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
        creators = _find_creators(whole.live, mark)
        for entry in matrix.findall("permission"):
            if _user_of(entry.text or "") not in creators:
                matrix.remove(entry)
    if matrix.find("permission") is not None:
        yield BuildWritten(("properties",), matrix)


def hide_granted(raw: Raw, mark: Mark | None) -> Raw:
    """Return a difference that a property of permissions goes, without what stays of it."""
    if raw.desired or raw.live is None or not raw.live.tag.endswith(MATRIX):
        return raw
    creators = _find_creators(raw.live, mark)
    return replace(raw, live=_without(raw.live, creators))


def _find_creators(matrix: Normal, mark: Mark | None) -> frozenset[str]:
    """Return the user without whose entries the property is what was last applied."""
    applied = mark.applied.parts if mark and mark.applied else ()
    users = {_user_of(entry.text) for entry in matrix.children} - {""}
    return frozenset(user for user in users if code(_without(matrix, {user})) in applied)


def _without(matrix: Normal, users: Collection[str]) -> Normal:
    rest = tuple(entry for entry in matrix.children if _user_of(entry.text) not in users)
    return replace(matrix, children=rest)


def _user_of(entry: str) -> str:
    """Return whom an entry is for: the user of "USER:hudson.model.Item.Read:alice", else ""."""
    kind, _, rest = entry.partition(":")
    return rest.partition(":")[2] if kind == "USER" else ""
