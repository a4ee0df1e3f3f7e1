"""The chain → arrows between jobs: triggers and copies that run side by side become one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfl_jobs.configs.graph import Chain, CopyEdge, TriggerEdge
from cfl_jobs.drawing.words import say_artifacts, say_condition, say_passed


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one job to another: its triggers, its copies, or both."""

    source: str
    target: str
    triggers: tuple[TriggerEdge, ...] = ()
    copies: tuple[CopyEdge, ...] = ()

    @property
    def is_blocking(self) -> bool:
        return any(edge.blocking for edge in self.triggers)

    def words(self) -> tuple[str, ...]:
        """Return lines that say what goes along, on what condition."""
        return tuple(dict.fromkeys(self._words()))

    def _words(self) -> Iterator[str]:
        for edge in self.triggers:
            if edge.passed:
                yield say_passed(edge.passed)
            if edge.blocking:
                yield "waits for it"
            if condition := say_condition(edge):
                yield condition
        for copy in self.copies:
            yield f"takes {say_artifacts(copy.artifacts)}"


def list_arrows(chain: Chain) -> tuple[Arrow, ...]:
    """Return the arrows, triggers first, in the chain's order. A job's copies of itself count."""
    triggers: dict[tuple[str, str], list[TriggerEdge]] = {}
    copies: dict[tuple[str, str], list[CopyEdge]] = {}
    for edge in chain.triggers:
        triggers.setdefault((edge.source, edge.target), []).append(edge)
    for copy in chain.copies:
        copies.setdefault((copy.source, copy.target), []).append(copy)
    return tuple(
        Arrow(*pair, tuple(triggers.get(pair, ())), tuple(copies.get(pair, ())))
        for pair in dict.fromkeys([*triggers, *copies])
    )
