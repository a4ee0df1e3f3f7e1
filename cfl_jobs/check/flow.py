"""Rules about what starts what: circles, waiting for each other, jobs that nobody starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfl_jobs.check.references import holder_of, path_of
from cfl_jobs.check.rule import RULES, Found, Scope, Severity
from cfl_jobs.configs.graph import Chain, StartKind, TriggerEdge
from cfl_jobs.configs.model import Job


@RULES.rule("cycle", Severity.ERROR, "jobs start each other in a circle")
def find_cycles(scope: Scope) -> Iterator[Found]:
    """Each build starts the next one without end, and fills the queue.

    Break the circle. Where every round of it is stopped by a file that a build must write first,
    it may be meant: then it is only a warning.
    """
    told: set[str] = set()
    for name in _names_in_circles(scope.chain):
        circle = _find_circle(scope.chain, name)
        if not circle or not told.isdisjoint(edge.source for edge in circle):
            continue
        told |= {edge.source for edge in circle}
        names = " → ".join([*(edge.source for edge in circle), circle[0].source])
        conditional = any(edge.file for edge in circle)
        yield Found(
            holder_of(circle[-1]),
            f"these jobs start each other in a circle: {names}",
            path=path_of(circle[-1].part),
            severity=Severity.WARNING if conditional else None,
        )


def _names_in_circles(chain: Chain) -> list[str]:
    """Return the jobs that may be in a circle: without those that nothing starts, and so on."""
    left = {node.name: len(chain.started_by(node.name)) for node in chain.nodes}
    ready = [name for name, starts in left.items() if not starts]
    while ready:
        name = ready.pop()
        del left[name]
        for edge in chain.starts_of(name):
            left[edge.target] -= 1
            if not left[edge.target]:
                ready.append(edge.target)
    return list(left)


def _find_circle(chain: Chain, start: str) -> list[TriggerEdge]:
    """Return the shortest way from a job back to itself, or nothing."""
    ways: list[list[TriggerEdge]] = [[edge] for edge in chain.starts_of(start)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        if way[-1].target == start:
            return way
        if way[-1].target not in seen:
            seen.add(way[-1].target)
            ways += [[*way, edge] for edge in chain.starts_of(way[-1].target)]
    return []


@RULES.rule("too-many-blocking-jobs", Severity.ERROR, "jobs may wait for each other for ever")
def find_too_many_blocking(scope: Scope) -> Iterator[Found]:
    """A trigger that waits keeps its executor while the builds that it waits for need one each.
    With as many waiting builds as executors, none of them ever goes on: on a server with two
    executors, a new server's default, one blocking job is fine and two are a deadlock.

    Let fewer jobs wait, don't let a waiting job run concurrently, or tell the check how many
    executors the server has (`--executors`).
    """
    blocking = list(dict.fromkeys(edge.source for edge in scope.chain.triggers if edge.blocking))
    for name in blocking:
        job = scope.job(name)
        part = next(e.part for e in scope.chain.starts_of(name) if e.blocking)
        if job is not None and job.concurrent:
            message = (
                f"builds of {name} wait for others and may run at the same time: enough of them"
                " take every executor"
            )
            yield Found(name, message, "Set `concurrent: false`.", path_of(part))
        if len(blocking) >= scope.executors:
            others = ", ".join(blocking)
            message = (
                f"{len(blocking)} jobs wait for builds that they start ({others}), and the server"
                f" has {scope.executors} executors"
            )
            yield Found(name, message, path=path_of(part))


@RULES.rule("unreachable-job", Severity.WARNING, "nothing starts a job, and no person is meant to")
def find_unreachable(scope: Scope) -> Iterator[Found]:
    """No trigger starts the job, no other job does, it asks for no parameters, and its description
    doesn't say that people start it.

    Add the trigger that was forgotten, say "by hand" in the description, or remove the job.
    """
    for job in scope.freestyle():
        node = scope.chain.node(job.name)
        by_hand_only = any(start.kind is StartKind.HAND for start in node.starts)
        if by_hand_only and not job.parameters and not _says_by_hand(job):
            yield Found(job.name, "nothing starts this job, and it doesn't say that people do")


def _says_by_hand(job: Job) -> bool:
    return re.search(r"by hand|manual", job.description, re.IGNORECASE) is not None


@RULES.rule("disabled-job-started", Severity.WARNING, "a trigger names a job that is disabled")
def find_disabled(scope: Scope) -> Iterator[Found]:
    """Jenkins doesn't start builds of a disabled job, and doesn't say so: the chain ends there.

    Enable the job, or remove the trigger.
    """
    for edge in scope.chain.triggers:
        target = scope.job(edge.target)
        if target is not None and target.disabled:
            message = f"{edge.source} starts {edge.target}, which is disabled"
            yield Found(holder_of(edge), message, path=path_of(edge.part))
