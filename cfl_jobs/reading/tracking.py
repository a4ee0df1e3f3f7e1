"""Data that knows where it stands in a file, and notes which of its keys were read.

`TrackedDict`, `TrackedList` and `LocatedText` are a dict, a list and a str to everyone who takes
them. Templates read definitions through them and jenkins-job-builder reads jobs through them; what
nobody asked for afterwards is a line of YAML that would have been lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterable, Iterator, KeysView, ValuesView
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from cfl_jobs.errors import Position

NOWHERE = Position("", 0, 0)


# Where a text goes on: from an offset at a position, and from there line by line.
Pieces = tuple[tuple[int, Position], ...]


class LocatedText(str):
    """Text with the position it was read from. Behaves as plain str otherwise.

    `pieces` tell more of a text of several lines, or one put together of several.
    """

    __slots__ = ("pieces", "pos")
    pos: Position
    pieces: Pieces

    def __new__(cls, text: str, pos: Position, pieces: Pieces = ()) -> LocatedText:
        made = super().__new__(cls, text)
        made.pos = pos
        made.pieces = pieces
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> LocatedText:
        return self

    def __reduce__(self) -> tuple[type[LocatedText], tuple[str, Position, Pieces]]:
        return (LocatedText, (str(self), self.pos, self.pieces))


class TrackedList(list[Any]):
    """A list that knows where it and its entries stand."""

    __slots__ = ("entry_positions", "pos")

    def __init__(
        self,
        entries: Iterable[Any] = (),
        *,
        pos: Position = NOWHERE,
        entry_positions: tuple[Position, ...] = (),
    ) -> None:
        super().__init__(entries)
        self.pos = pos
        self.entry_positions = entry_positions

    def __deepcopy__(self, memo: dict[int, Any]) -> TrackedList:
        entries = [deepcopy(entry, memo) for entry in self]
        return TrackedList(entries, pos=self.pos, entry_positions=self.entry_positions)


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a key that came with the default its reader would have taken."""

    key: str
    default: object


class _Notes:
    """What was asked of one mapping; copies of the mapping share it."""

    __slots__ = ("asked", "everything", "typed_reads")

    def __init__(self) -> None:
        self.asked: set[Hashable] = set()
        self.typed_reads: list[Read] = []
        self.everything = False


ReadNotes = tuple[tuple[frozenset[Hashable], bool], ...]


class TrackedDict(dict[str, Any]):
    """A dict that notes which keys were asked for, by any way of asking.

    Iterating, comparing or printing it counts as reading every key. `forward` names, by key, the
    mapping that a key was inherited from; a read is noted there too. Copies share the notes.
    """

    __slots__ = ("_notes", "forward", "key_positions", "pos", "value_positions")

    def __init__(
        self,
        entries: Iterable[tuple[str, Any]] = (),
        *,
        pos: Position = NOWHERE,
        key_positions: dict[str, Position] | None = None,
        value_positions: dict[str, Position] | None = None,
        forward: dict[str, TrackedDict] | None = None,
    ) -> None:
        super().__init__(entries)
        self.pos = pos
        self.key_positions = key_positions or {}
        self.value_positions = dict(value_positions or {})
        self.forward = forward or {}
        self._notes = _Notes()

    # -- what the owner of the data asks -----------------------------------------------------

    def position_of(self, key: str) -> Position:
        """Return where the key stands."""
        return self.key_positions.get(key, self.pos)

    def unread_keys(self) -> tuple[str, ...]:
        """Return the keys no one asked for, in file order."""
        if self._notes.everything:
            return ()
        return tuple(key for key in dict.keys(self) if key not in self._notes.asked)

    def asked_keys(self) -> tuple[str, ...]:
        """Return the keys that were asked for, there or not: what the reader knows."""
        return tuple(sorted(str(key) for key in self._notes.asked))

    def typed_reads(self) -> tuple[Read, ...]:
        """Return the reads of present keys that named a default, each once."""
        return tuple(read for read in self._notes.typed_reads if dict.__contains__(self, read.key))

    def raw_items(self) -> tuple[tuple[str, Any], ...]:
        """Return the items without noting a read."""
        return tuple(dict.items(self))

    def note(self, key: Hashable) -> None:
        """Note that the key was asked for."""
        self._notes.asked.add(key)
        inherited = self.forward.get(key)  # type: ignore[call-overload]
        if inherited is not None:
            inherited.note(key)

    def note_everything(self) -> None:
        """Note that every key was read."""
        self._notes.everything = True
        for key in self.forward:
            self.forward[key].note(key)

    # -- what readers ask ------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        self.note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.note(key)
        if default is not None and (read := Read(key, default)) not in self._notes.typed_reads:
            self._notes.typed_reads.append(read)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.note(key)
        return super().__contains__(key)

    def pop(self, key: str, *default: Any) -> Any:
        self.note(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        self.note(key)
        return super().setdefault(key, default)

    def __iter__(self) -> Iterator[str]:
        self.note_everything()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self.note_everything()
        return super().__reversed__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        self.note_everything()
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        self.note_everything()
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self.note_everything()
        return super().items()

    def popitem(self) -> tuple[str, Any]:
        self.note_everything()
        return super().popitem()

    def __repr__(self) -> str:
        note_deeply(self)
        return super().__repr__()

    def __eq__(self, other: object) -> bool:
        note_deeply(self)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def copy(self) -> TrackedDict:
        return self._with(dict.items(self))

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> TrackedDict:
        return self._with((key, deepcopy(value, memo)) for key, value in dict.items(self))

    def _with(self, entries: Iterable[tuple[str, Any]]) -> TrackedDict:
        made = TrackedDict(
            entries,
            pos=self.pos,
            key_positions=self.key_positions,
            value_positions=self.value_positions,
            forward=self.forward,
        )
        made._notes = self._notes
        return made


def note_deeply(value: object) -> None:
    """Note that a value was read with everything in it."""
    for mapping in walk_mappings(value):
        mapping.note_everything()


def walk_mappings(
    value: object, *, descend: Callable[[TrackedDict, str], bool] = lambda *_: True
) -> Iterator[TrackedDict]:
    """Yield each mapping in a value once, parents first, without noting reads.

    `descend` says whether to go into a key's value.
    """
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, TrackedDict):
            yield current
            inner = [item for key, item in dict.items(current) if descend(current, key)]
            waiting += reversed(inner)
        elif isinstance(current, (list, tuple)):
            waiting += reversed(current)


def unread_places(value: object) -> Iterator[tuple[TrackedDict, str]]:
    """Yield (mapping, key) for each key no one read; not for what stands inside such a key."""
    unread: dict[int, frozenset[str]] = {}

    def descend(mapping: TrackedDict, key: str) -> bool:
        return key not in unread[id(mapping)]

    seen: set[int] = set()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, TrackedDict):
            unread[id(current)] = frozenset(current.unread_keys())
            yield from ((current, key) for key in current.unread_keys())
            waiting += [item for key, item in dict.items(current) if descend(current, key)]
        elif isinstance(current, (list, tuple)):
            waiting += current


def collect_notes(mappings: Iterable[TrackedDict]) -> ReadNotes:
    """Return what was asked of each mapping, for another process to merge."""
    return tuple(
        (frozenset(mapping._notes.asked), mapping._notes.everything) for mapping in mappings
    )


def merge_notes(mappings: Iterable[TrackedDict], notes: ReadNotes) -> None:
    """Add what another process asked of the same mappings, in the same order."""
    for mapping, (asked, everything) in zip(mappings, notes, strict=True):
        mapping._notes.asked |= asked
        mapping._notes.everything |= everything
