"""What only a live server can tell of itself, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """Who Jenkins takes us for."""

    name: str
    is_anonymous: bool
    authorities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A machine that runs builds; `executors` is how many at a time."""

    name: str
    executors: int
    labels: tuple[str, ...]
    is_offline: bool


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a server says of itself."""

    version: str
    is_quieting_down: bool
    uses_security: bool
    url: str
