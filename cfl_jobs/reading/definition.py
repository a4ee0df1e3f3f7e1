"""One entry of the definitions, a job or view as it was read; and entries whose names clash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cfl_jobs.errors import Finding, Position
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.target import Kind


@dataclass(frozen=True, slots=True)
class Definition:
    """One entry of a `jobs:` or `views:` list.

    `group` is the file's stem; `variables` holds the entry's keys, `name` among them, over its
    file's defaults. `moved_from` are names it had before.
    """

    kind: Kind
    group: str
    name: str
    template: str
    template_position: Position
    position: Position
    variables: TrackedDict
    moved_from: tuple[str, ...] = ()

    @property
    def name_position(self) -> Position:
        return self.variables.value_positions["name"]


def find_clashes(entries: Sequence[Definition]) -> Iterator[Finding]:
    """Find what is wrong with the entries' names. Jenkins compares without regard to case."""
    seen: dict[tuple[Kind, str], Definition] = {}
    for entry in entries:
        first = seen.setdefault((entry.kind, entry.name.lower()), entry)
        if first is not entry:
            same = "the same" if first.name == entry.name else "but for its case the same"
            yield Finding(
                f"two {entry.kind.value}s of one name: {entry.name!r} is {same} as at "
                f"{first.name_position}",
                entry.name_position,
                advice="Rename one of them.",
            )
    moved: dict[str, Definition] = {}
    for entry in entries:
        for old_name in entry.moved_from:
            first = moved.setdefault(old_name.lower(), entry)
            if wrong := _check_move(entry, old_name, seen, first):
                message, advice = wrong
                yield Finding(message, entry.variables.position_of("moved"), advice=advice)


def _check_move(
    entry: Definition,
    old_name: str,
    defined: dict[tuple[Kind, str], Definition],
    first: Definition,
) -> tuple[str, str] | None:
    """Return what is wrong with a rename, and what to do. `first` is who has the old name first."""
    if entry.kind is Kind.VIEW:
        return (
            "`moved:` is for jobs: a view has no builds to keep",
            "Leave it out; the view is made under its new name, and --prune deletes the old one.",
        )
    other = defined.get((Kind.JOB, old_name.lower()))
    folder, old_folder = (name.rpartition("/")[0] for name in (entry.name, old_name))
    parent = defined.get((Kind.JOB, folder.lower()))
    if other is not None and (other is not entry or old_name == entry.name):
        return (
            f"{entry.name!r} can't be what {old_name!r} was: that is defined, at "
            f"{other.name_position}",
            "Rename first, update, and define the other job after that; or leave `moved:` out.",
        )
    if (
        other is None
        and old_folder != folder
        and (parent is None or old_folder not in parent.moved_from)
    ):
        return (
            f"Jenkins can't rename {old_name!r} to {entry.name!r}: that is in another folder",
            "Move it in Jenkins, then name it so here, without `moved:`.",
        )
    if first is not entry:
        return (
            f"only one job can be what {old_name!r} was: {first.name!r} says so too",
            "Leave `moved:` out of one of them.",
        )
    return None
