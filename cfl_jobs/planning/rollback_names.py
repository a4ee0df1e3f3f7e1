"""A run's steps + the names there are now → how each step's job is called by now, and was then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.journal import Step
from cfl_jobs.planning.renames import Renames
from cfl_jobs.target import Key


@dataclass(frozen=True, slots=True)
class Trace:
    """Renames of a run that matter to one of its steps.

    `undone` came before it, and aren't in effect any more; `later` came after it, and are.
    """

    undone: Renames
    later: Renames

    def names_of_then(self, config: Config) -> Config:
        """Return a config of now with the names that jobs had right after the step."""
        pairs = (*self.undone.pairs, *self.later.pairs)
        return _sort((now, then) for then, now in pairs).follow(config)


def trace_renames(steps: Sequence[Step], there: Set[Key]) -> list[Trace]:
    """Return, for each step, the renames that say where its job is by now, and what it is called.

    A run of updates renames before all else, a rollback after all else; either may be half undone.
    """
    undone: list[Renames] = []
    found: dict[str, str] = {}
    for step in steps:
        undone.append(_sort(found.items()))
        old, new = (undone[-1].find_place(name) for name in (step.old_name, step.name))
        if old and (step.kind, new) not in there and (step.kind, old) in there:
            found[step.name] = old
    later: list[Renames] = []
    found = {}
    for step in reversed(steps):
        later.insert(0, _sort(found.items()))
        new = later[0].find_place(step.name)
        if step.old_name and (step.kind, new) in there:
            found[step.old_name] = new
    return [Trace(*pair) for pair in zip(undone, later, strict=True)]


def _sort(pairs: Iterable[tuple[str, str]]) -> Renames:
    """Return renames of full names as they are before all of them: the deepest first."""
    return Renames(tuple(sorted(pairs, key=lambda pair: -pair[0].count("/"))))
