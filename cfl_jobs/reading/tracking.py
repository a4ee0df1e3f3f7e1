"""Data that knows where it stands in a file, and notes which of its keys were read.

`TrackedDict`, `TrackedList` and `LocatedText` are a dict, a list and a str to everyone who takes
them. Templates read definitions through them and jenkins-job-builder reads jobs through them; what
nobody asked for afterwards is a line of YAML that would have been lost in silence.
"""

from __future__ import annotations

from collections.abc import (
    Collection,
    Hashable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    ValuesView,
)
from dataclasses import dataclass, field
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


@dataclass(slots=True, eq=False)
class _Notes:
    """What was asked of one mapping; copies of the mapping share it.

    `defaults` are what its reader would have taken, `known` are other names that it compared keys
    with; `handed_out` says that it went through the keys without saying which it wanted.
    """

    asked: set[Hashable] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    defaults: dict[str, object] = field(default_factory=dict)
    handed_out: bool = False


class _HandedKey(str):
    """A key that its mapping handed out: asked for where the reader's own text equals it."""

    __slots__ = ("notes",)
    notes: _Notes

    def __eq__(self, other: object) -> bool:
        same = str.__eq__(self, other)
        if isinstance(other, str) and type(other) is not _HandedKey:
            (self.notes.asked if same else self.notes.known).add(str(other))
        return same

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class TrackedDict(dict[str, Any]):
    """A dict that notes which keys were asked for, by any way of asking.

    Iterating, comparing or printing it hands out every key: any of them may have been read, until
    `settle` is called. `forward` names, by key, the mapping that a key was inherited from; a read
    is noted there too. Copies share the notes.
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

    def position_of_value(self, key: str) -> Position:
        """Return where the value of the key stands, or the key where that isn't known."""
        return self.value_positions.get(key) or self.position_of(key)

    @property
    def identity(self) -> int:
        """What a mapping and its copies have in common."""
        return id(self._notes)

    @property
    def defaults(self) -> Mapping[str, object]:
        """The defaults, by key, that their reader named."""
        return self._notes.defaults

    def unread_keys(self) -> tuple[str, ...]:
        """Return the keys no one asked for or was handed, in file order."""
        if self._notes.handed_out:
            return ()
        return self.unasked_keys()

    def unasked_keys(self) -> tuple[str, ...]:
        """Return the keys no one asked for, in file order."""
        return tuple(key for key in dict.keys(self) if key not in self._notes.asked)

    def suspect_keys(self) -> tuple[str, ...]:
        """Return the keys that were handed out, but not asked for."""
        if self._notes.handed_out:
            return self.unasked_keys()
        return ()

    def settle(self, unread: Collection[str]) -> None:
        """Note that of the keys that were handed out all were read but these."""
        self._notes.asked.update(key for key in self.suspect_keys() if key not in unread)
        self._notes.handed_out = False

    def asked_keys(self) -> frozenset[str]:
        """Return the keys that were asked for, there or not: what the reader knows."""
        return frozenset(self._notes.known.union(map(str, self._notes.asked)))

    def raw_items(self) -> tuple[tuple[str, Any], ...]:
        """Return the items without noting a read."""
        return tuple(dict.items(self))

    def note(self, key: Hashable) -> None:
        """Note that the key was asked for."""
        self._notes.asked.add(key)
        if key in self.forward:
            self.forward[str(key)].note(key)

    def hand_out(self) -> None:
        """Note that someone went through the keys."""
        self._notes.handed_out = True
        for key, owner in self.forward.items():
            owner.note(key)

    def _ask(self, key: Any) -> Any:
        """Note a key that is asked for; those that this mapping handed out say nothing new."""
        if type(key) is _HandedKey:
            if key.notes is self._notes:
                return str(key)
            key = str(key)
        self.note(key)
        return key

    def _hand(self, key: str) -> str:
        handed = _HandedKey(key)
        handed.notes = self._notes
        return handed

    # -- what readers ask ------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        return dict.__getitem__(self, self._ask(key))

    def get(self, key: str, default: Any = None) -> Any:
        key = self._ask(key)
        if default is not None:
            self._notes.defaults[key] = default
        return dict.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, self._ask(key))

    def pop(self, key: str, *default: Any) -> Any:
        return super().pop(self._ask(key), *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        return super().setdefault(self._ask(key), default)

    def __iter__(self) -> Iterator[str]:
        self.hand_out()
        return map(self._hand, super().__iter__())

    def __reversed__(self) -> Iterator[str]:
        self.hand_out()
        return map(self._hand, super().__reversed__())

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        return KeysView(self)

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        return ValuesView(self)

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        return ItemsView(self)

    def popitem(self) -> tuple[str, Any]:
        self.hand_out()
        return super().popitem()

    def __repr__(self) -> str:
        hand_out_deeply(self)
        return super().__repr__()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dict):
            hand_out_deeply(self)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def copy(self) -> TrackedDict:
        return self.copy_with(dict.items(self))

    __copy__ = copy

    def copy_with(self, entries: Iterable[tuple[str, Any]]) -> TrackedDict:
        """Return a copy with other entries that shares the notes."""
        places = {"key_positions": self.key_positions, "value_positions": self.value_positions}
        made = TrackedDict(entries, pos=self.pos, **places, forward=self.forward)
        made._notes = self._notes
        return made


def note_deeply(value: object) -> None:
    """Note that a value was read with everything in it."""
    for mapping in walk_mappings(value):
        for key in dict.keys(mapping):
            mapping.note(key)


def hand_out_deeply(value: object) -> None:
    """Note that a value was handed out with everything in it."""
    for mapping in walk_mappings(value):
        mapping.hand_out()


def peek(value: object, key: str) -> Any:
    """Return what a mapping has at a key, without noting a read; None for what is no mapping."""
    return dict.get(value, key) if isinstance(value, dict) else None


def listed(value: object) -> Sequence[Any]:
    """Return a list's entries; anything else has none."""
    return value if isinstance(value, (list, tuple)) else ()


def entries_of(value: object) -> Sequence[Any]:
    """Return a list's entries; anything else is one by itself."""
    return value if isinstance(value, (list, tuple)) else (value,)


def walk_mappings(
    value: object, *, into_lists: bool = True, into_unread: bool = True
) -> Iterator[TrackedDict]:
    """Yield each mapping in a value once, parents first, without noting reads."""
    if not isinstance(value, (dict, list, tuple)):
        return
    inner = (dict, *(list, tuple) * into_lists)
    seen: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, TrackedDict):
            yield current
            unread = () if into_unread else current.unread_keys()
            current = [item for key, item in dict.items(current) if key not in unread]
        elif isinstance(current, dict):
            continue
        waiting += [item for item in reversed(current) if isinstance(item, inner)]


def unread_places(value: object) -> Iterator[tuple[TrackedDict, str]]:
    """Yield (mapping, key) for each key no one read; not for what stands inside such a key."""
    for mapping in walk_mappings(value, into_unread=False):
        yield from ((mapping, key) for key in mapping.unread_keys())
