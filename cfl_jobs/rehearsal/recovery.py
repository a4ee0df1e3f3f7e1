"""A home that a rehearsal left in the middle → one to go on from: nothing runs, all is recorded."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.directory import Builds, Home, remove_tree
from cfl_jobs.rehearsal.guard import kill_by_cookie
from cfl_jobs.rehearsal.queueing import Queue
from cfl_jobs.rehearsal.records import BuildRecord


def recover(
    home: Home, builds: Builds, queue: Queue, jobs: Mapping[str, Job], *, now: float
) -> Iterator[BuildRecord]:
    """Record as aborted what an earlier rehearsal left running when it was killed; yield that.

    The queue stays, but for requests that had just become those builds and for jobs that are gone.
    """
    remove_tree(home.state / "trash")
    remove_tree(home.state / "tmp")
    for name in jobs:
        # Credentials bound as files are there while a build runs.
        workspace = home.workspace(name)
        for path in workspace.parent.glob(f"{glob.escape(workspace.name)}*@tmp"):
            remove_tree(path)
        for record in builds.of(name):
            if record.result is not None:
                continue
            kill_by_cookie(record.cookie)
            with home.log(name, record.number).open("a", encoding="utf-8") as log:
                log.write("The rehearsal ended while this build was running.\n")
                log.write("Finished: ABORTED\n")
            ended = replace(record, result=Result.ABORTED, finished=now)
            builds.save(ended)
            item = queue.find(record.item)
            if item:
                queue.remove(item)
            yield ended
    for item in list(queue):
        if item.job not in jobs:
            queue.remove(item)
