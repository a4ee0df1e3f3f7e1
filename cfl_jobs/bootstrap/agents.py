"""Needs → the agents of a fresh Jenkins: one for builds, one for each label of jobs with secrets.

Builds on one agent run as one user and can watch each other, so a job that binds credentials
shares its agent only with jobs that ask for the same label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cfl_jobs.configs.labels import named_labels, satisfies
from cfl_jobs.doctor.needs import Needs

BUILDER = "builder"
# The controller's own labels (the second one before Jenkins 2.319): no agent has them.
_CONTROLLER = frozenset({"built-in", "master"})
_SPARE_EXECUTORS = 2


@dataclass(frozen=True, slots=True)
class Agent:
    """A node. One that `is_shared` also takes jobs that ask for no label."""

    name: str
    labels: tuple[str, ...]
    executors: int
    is_shared: bool = False


def list_agents(needs: Needs) -> tuple[Agent, ...]:
    """Return the agents, the one for builds first."""
    keepers = needs.keepers
    own: list[Agent] = []
    shared: dict[str, None] = {}
    blocking = set(needs.blocking)
    for expression, jobs in needs.labels:
        labels = tuple(label for label in named_labels(expression) if label not in _CONTROLLER)
        if not labels or keepers.isdisjoint(jobs):
            shared |= dict.fromkeys(labels)
            continue
        name = _name(labels[0], {BUILDER, *(agent.name for agent in own)})
        own.append(Agent(name, labels, 1 + len(blocking & set(jobs))))
        blocking -= set(jobs)
    # So many builds must run at a time that jobs never wait for each other for ever.
    builder = Agent(BUILDER, tuple(shared), len(blocking) + _SPARE_EXECUTORS, is_shared=True)
    return (builder, *own)


def find_exposed(needs: Needs) -> Iterator[str]:
    """Yield the jobs that bind credentials and may run where every branch's builds run."""
    builder = list_agents(needs)[0]
    labels = {job: expression for expression, jobs in needs.labels for job in jobs}
    for job in sorted(needs.keepers):
        expression = labels.get(job, "")
        if not expression or satisfies(expression, (builder.name, *builder.labels)):
            yield job


def _name(label: str, taken: set[str]) -> str:
    """Return a name that a node, a service and a volume can have."""
    name = base = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "agent"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
