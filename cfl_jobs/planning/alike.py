"""Differences of several jobs → groups: the same change told once, with the jobs that have it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cfl_jobs.planning.differences import Difference
from cfl_jobs.planning.linediff import diff_lines

_NUMBER = re.compile(r" \d+(?=:|$)")


@dataclass(frozen=True, slots=True)
class Alike:
    """Changes that the same jobs have. `jobs` are their numbers.

    `changes` holds for each change the difference of each of these jobs, in their order: what
    stands around the changed lines of a script may differ, and so may its place in the job.
    """

    jobs: tuple[int, ...]
    changes: tuple[tuple[Difference, ...], ...]


def group_alike(differences: Sequence[Sequence[Difference]]) -> tuple[Alike, ...]:
    """Group each job's differences by the jobs that have them; each stands in one group only."""
    found: dict[tuple[object, ...], dict[int, Difference]] = {}
    for number, of_job in enumerate(differences):
        for difference in of_job:
            key = _key(difference)
            while number in found.get(key, ()):  # a job may have the same twice
                key = (*key, "again")
            found.setdefault(key, {})[number] = difference
    groups: dict[tuple[int, ...], list[tuple[Difference, ...]]] = {}
    for by_job in found.values():
        groups.setdefault(tuple(by_job), []).append(tuple(by_job.values()))
    return tuple(Alike(jobs, tuple(changes)) for jobs, changes in groups.items())


def label_of(change: Sequence[Difference]) -> str:
    """Return what a change is called in all of its jobs: "shell step" for steps 1 and 2."""
    labels = {difference.label for difference in change}
    return labels.pop() if len(labels) == 1 else _NUMBER.sub("", change[0].label)


def is_long(difference: Difference) -> bool:
    """Tell whether a difference is one of several lines."""
    return "\n" in difference.before or "\n" in difference.after


def _key(difference: Difference) -> tuple[object, ...]:
    """Return what makes two differences the same to a reader."""
    label = _NUMBER.sub("", difference.label)
    if not is_long(difference):
        return (replace(difference, path="", position=None, label=label),)
    changed = tuple(
        line for line in diff_lines(difference.before, difference.after) if line[0] in "+-"
    )
    return (label, difference.change, difference.side, difference.remark, changed)
