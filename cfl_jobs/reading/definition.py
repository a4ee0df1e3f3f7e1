"""One entry of the definitions: a job or view as it was read."""

from __future__ import annotations

from dataclasses import dataclass

from cfl_jobs.errors import Position
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
