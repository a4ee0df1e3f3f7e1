"""Requests for builds: the values of their parameters, and a queue as hudson.model.Queue."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from cfl_jobs.configs.model import Job, Parameter, ParameterKind
from cfl_jobs.configs.steps.artifacts import (
    BuildSelector,
    Selector,
    format_selector,
    parse_selector,
)
from cfl_jobs.errors import RehearsalError, suggest
from cfl_jobs.interrupts import undisturbed
from cfl_jobs.rehearsal.directory import read_json, write_json
from cfl_jobs.rehearsal.records import Cause, cause_from_json


class BadValue(Exception):
    """A value that a parameter can't have; Jenkins throws while it makes the value."""


def default_values(job: Job) -> dict[str, str]:
    return {parameter.name: parameter.default for parameter in job.parameters}


def convert_triggered(job: Job, given: Mapping[str, str]) -> dict[str, str]:
    """Return what a trigger's values become in the queue: converted, defaults for those not given.

    Names that the job doesn't declare are still there: they keep two requests in the queue apart,
    but no build sees them. Raises BadValue.
    """
    values = {**default_values(job), **given}
    for parameter in job.parameters:
        if parameter.name in given:
            values[parameter.name] = _convert(parameter, given[parameter.name])
    return values


def values_from_person(job: Job, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a person who presses Build with Parameters.

    A plain number is taken for "Specific build". Raises RehearsalError for a name that the form
    doesn't have and for a value that it doesn't offer.
    """
    declared = {parameter.name: parameter for parameter in job.parameters}
    values = default_values(job)
    for name, value in given.items():
        if name not in declared:
            names = ", ".join(declared) or "none"
            advice = suggest(name, declared) or f"It has {names}."
            raise RehearsalError(f"{job.name!r} has no parameter {name!r}.", advice=advice)
        parameter = declared[name]
        if parameter.kind is ParameterKind.BUILD_SELECTOR and re.fullmatch(r"\s*\d+\s*", value):
            value = format_selector(BuildSelector(Selector.SPECIFIC, value.strip()))
        if parameter.trim:
            value = value.strip()
        if advice := _find_offers(parameter, value):
            what = f"{job.name!r}: {name} can't be {value!r}."
            raise RehearsalError(what, advice=advice)
        values[name] = _convert(parameter, value)
    return values


def _find_offers(parameter: Parameter, value: str) -> str:
    """Return what the form offers in place of a value that it doesn't have, or ""."""
    match parameter.kind:
        case ParameterKind.BOOLEAN if value.lower() not in ("true", "false"):
            return "It is true or false."
        case ParameterKind.CHOICE if value not in parameter.choices:
            return f"It offers: {', '.join(parameter.choices)}"
        case ParameterKind.BUILD_SELECTOR if parse_selector(value) is None:
            return "A build number will do."
    return ""


def _convert(parameter: Parameter, value: str) -> str:
    if parameter.kind is ParameterKind.BOOLEAN:  # any text but "true" is false
        return str(value.lower() == "true").lower()
    if _find_offers(parameter, value):
        raise BadValue(f"illegal value for parameter {parameter.name}: {value!r}")
    return value


QUIET_PERIOD = 5


class ItemState(Enum):
    """Where a queue item is: in its quiet period, held up by another job, or ready."""

    WAITING = "waiting"
    BLOCKED = "blocked"
    BUILDABLE = "buildable"


@dataclass(slots=True)
class Item:
    """A request in the queue. `parameters` holds undeclared ones too: they keep items apart."""

    id: int
    job: str
    parameters: Mapping[str, str]
    causes: list[Cause]
    due: float
    state: ItemState = ItemState.WAITING
    why: str = field(default="", compare=False)


class Queue:
    """The queue, kept in a file after every change, so that it survives us.

    `begun` are the items that have become builds: a rehearsal that was killed at that moment has
    left one in the file as well.
    """

    def __init__(self, path: Path, begun: Collection[int]) -> None:
        self._path = path
        kept: list[Item] = read_json(path, lambda data: [*map(_from_json, data["items"])], [])
        self._items = [item for item in kept if item.id not in begun]
        self._next = 1 + max([0, *begun, *(item.id for item in self._items)])

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def submit(
        self,
        job: Job,
        parameters: Mapping[str, str],
        cause: Cause,
        *,
        now: float,
        quiet_period: float | None = None,
    ) -> tuple[Item, bool]:
        """Add a request; with one like it already there, that one gets the cause too.

        Returns the item and whether it is new. Of two due times the earlier counts.
        """
        said = (quiet_period, job.quiet_period, QUIET_PERIOD)
        due = now + next(period for period in said if period is not None)
        for item in self._items:
            if item.job == job.name and dict(item.parameters) == dict(parameters):
                if cause not in item.causes:
                    item.causes.append(cause)
                if item.state is ItemState.WAITING:
                    item.due = min(item.due, due)
                self.save()
                return item, False
        item = Item(self._next, job.name, dict(parameters), [cause], due)
        self._next += 1
        self._items.append(item)
        self.save()
        return item, True

    @undisturbed()
    def maintain(self, now: float, find_block: Callable[[Item], str]) -> bool:
        """Move items on: blocked ones that may go first, then those whose time has come.

        `find_block` says why an item can't go yet, or "". Returns whether anything moved.
        """
        moved = False
        for state in (ItemState.BLOCKED, ItemState.WAITING):
            for item in sorted(self.at(state), key=lambda item: (item.due, item.id)):
                if state is ItemState.WAITING and item.due > now:
                    continue
                item.why = find_block(item)
                to = ItemState.BLOCKED if item.why else ItemState.BUILDABLE
                if to is not state:
                    # The order of the list is the order in which items became buildable.
                    self._items.remove(item)
                    self._items.append(item)
                    item.state = to
                    moved = True
        if moved:
            self.save()
        return moved

    def is_free(self, item: Item, find_block: Callable[[Item], str]) -> bool:
        """Look once more before an item gets an executor; back to the blocked ones if it can't."""
        item.why = find_block(item)
        if item.why:
            item.state = ItemState.BLOCKED
            self.save()
        return not item.why

    def at(self, state: ItemState) -> tuple[Item, ...]:
        return tuple(item for item in self._items if item.state is state)

    def find(self, number: int) -> Item | None:
        return next((item for item in self._items if item.id == number), None)

    def remove(self, item: Item) -> None:
        self._items.remove(item)
        self.save()

    def next_due(self) -> float:
        """Return when the next quiet period ends; infinite without one."""
        return min((item.due for item in self.at(ItemState.WAITING)), default=math.inf)

    def save(self) -> None:
        kept = [asdict(item) for item in self._items]
        items = [
            {name: each[name] for name in ("id", "job", "parameters", "causes")} for each in kept
        ]
        write_json(self._path, {"items": items})


def _from_json(data: Mapping[str, Any]) -> Item:
    """Read an item back: it has waited long enough, where it stands is found out again."""
    causes = [cause_from_json(cause) for cause in data["causes"]]
    return Item(int(data["id"]), data["job"], data["parameters"], causes, due=0.0)
