"""A queue and what runs → why an item can't go yet, and who waits for whom in a deadlock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfl_jobs.configs.model import Job
from cfl_jobs.rehearsal.queueing import Item, Place, Queue
from cfl_jobs.rehearsal.records import BuildRecord
from cfl_jobs.rehearsal.refusals import downstream_names, find_reachable


def find_block(item: Item, jobs: Mapping[str, Job], running: set[str], queue: Queue) -> str:
    """Return why Jenkins would keep this item blocked, or ""."""
    job = jobs[item.job]
    ready = {other.job for other in queue.at(Place.BUILDABLE) if other is not item}
    if not job.concurrent and job.name in running:
        return f"{job.name} is already running"
    if not job.concurrent and job.name in ready:
        return f"{job.name} is already about to run"
    locked = {name for other in running | ready - {job.name} for name in jobs[other].resources}
    if held := locked & set(job.resources):
        return f"{min(held)} is locked"
    free = (other for other in queue if other.place is not Place.BLOCKED and other is not item)
    busy = running | {other.job for other in free}
    if job.block_when_downstream:
        below = {found.name for found in find_reachable(jobs, downstream_names(job, jobs))}
        held = (below - {job.name}) & busy
        if held:
            return f"downstream {min(held)} is building"
    if job.block_when_upstream:
        above = {
            name
            for name, other in jobs.items()
            if name != job.name and job in find_reachable(jobs, downstream_names(other, jobs))
        }
        held = above & busy
        if held:
            return f"upstream {min(held)} is building"
    return ""


def explain_deadlock(
    waits: Sequence[tuple[BuildRecord, Item | None]], queue: Queue, executors: int
) -> tuple[str, ...]:
    """Say who holds an executor, what for, and why that can't start."""
    lines = []
    for record, item in waits:
        for_what = item.job if item else "a build that doesn't end"
        lines.append(f"{record.name} holds an executor and waits for {for_what}")
    held = "the only executor is held" if executors == 1 else f"all {executors} executors are held"
    for item in queue:
        why = item.why or held
        lines.append(f"{item.job} waits in the queue: {why}")
    return tuple(lines)
