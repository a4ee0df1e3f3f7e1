"""A job or view as rendered, with the places that made it ↔ plain data for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cfl_jobs.errors import Position
from cfl_jobs.reading.tracking import Pieces
from cfl_jobs.target import Kind


@dataclass(frozen=True, slots=True)
class Blame:
    """Which place made a part of a config. `path` is as configxml.element_paths gives it.

    `pieces` tell of its text, where it comes from several places.
    """

    path: str
    position: Position
    pieces: Pieces = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A job or view as Jenkins would get it. `config` is XML text, `definition` its entry.

    `project` is the settings' name for all of them, "" for none. `own` are the paths of what
    jenkins-job-builder wrote by itself, and nobody asked for.
    """

    kind: Kind
    name: str
    config: str
    definition: Position
    blame: tuple[Blame, ...] = ()
    moved_from: tuple[str, ...] = ()
    project: str = ""
    own: frozenset[str] = frozenset()

    def pieces_of(self, path: str) -> Pieces:
        """Return where the text of the element at `path` comes from, () where that isn't known."""
        return next((blame.pieces for blame in self.blame if blame.path == path), ())

    def place_of(self, path: str) -> Position:
        """Return the place that made the element at `path`, or the nearest one around it."""
        places = {blame.path: blame.position for blame in self.blame}
        while path:
            if path in places:
                return places[path]
            path = path.rpartition("/")[0]
        return self.definition

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "name": self.name,
            "config": self.config,
            "definition": _position_to_json(self.definition),
            "moved_from": self.moved_from,
            "project": self.project,
            "blame": [_blame_to_json(blame) for blame in self.blame],
            "own": sorted(self.own),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Rendered:
        """Return what `to_json` gave. Raises ValueError, KeyError or TypeError on anything else."""
        return cls(
            Kind(found["kind"]),
            found["name"],
            found["config"],
            Position(*found["definition"]),
            tuple(_blame_from_json(*blame) for blame in found["blame"]),
            tuple(found["moved_from"]),
            found["project"],
            frozenset(found["own"]),
        )


def _blame_to_json(blame: Blame) -> list[Any]:
    pieces = [[offset, *_position_to_json(place)] for offset, place in blame.pieces]
    return [blame.path, _position_to_json(blame.position), pieces]


def _blame_from_json(path: str, position: list[Any], pieces: list[list[Any]]) -> Blame:
    places = tuple((int(offset), Position(*place)) for offset, *place in pieces)
    return Blame(path, Position(*position), places)


def _position_to_json(position: Position) -> list[Any]:
    return [position.file, position.line, position.column]
