"""Jobs + a queue + executors → builds: the loop that runs a rehearsal until nothing is left to do.

One thread. A build is a generator that yields what it waits for; only its processes run beside us.
While nothing runs and everything only waits out a quiet period, the clock is moved ahead.
"""

from __future__ import annotations

import glob
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Self
from uuid import uuid4

from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.building import TimeLimit, TimeoutKind
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError
from cfl_jobs.interrupts import undisturbed
from cfl_jobs.rehearsal import queueing, triggering
from cfl_jobs.rehearsal.build import (
    SOFT_KILL,
    Interrupted,
    ItemGoesOn,
    StepProcess,
    Surroundings,
    Wait,
)
from cfl_jobs.rehearsal.directory import Home, remove_tree, require_job
from cfl_jobs.rehearsal.environment import GivenCredential, Repositories
from cfl_jobs.rehearsal.execution import Locate, RehearsedBuild, refuse_unknown
from cfl_jobs.rehearsal.guard import signal_build
from cfl_jobs.rehearsal.records import (
    BuildRecord,
    Changed,
    Deadlocked,
    Notify,
    PushCause,
    UserCause,
    discard_builds,
)
from cfl_jobs.target import name_command


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What one run of the loop did. `deadlock` says who waits for whom, if it came to that.

    `not_started` says what a build should have started and, by a mistake in a job, didn't.
    """

    builds: tuple[BuildRecord, ...]
    deadlock: tuple[str, ...] = ()
    not_started: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        fine = all(record.result is Result.SUCCESS for record in self.builds)
        return fine and not self.deadlock and not self.not_started


class Engine(Surroundings):
    """A rehearsal in one home. Use it as a context manager: nothing is left running after it."""

    def __init__(
        self,
        home: Home,
        jobs: Mapping[str, Job],
        repositories: Repositories,
        *,
        executors: int = 2,
        secrets: Mapping[str, GivenCredential] | None = None,
        notify: Notify = lambda event: None,
        locate: Locate = lambda job, path: "",
    ) -> None:
        super().__init__(home, jobs, repositories, secrets or {}, notify)
        self.chain = build_chain(self.jobs.values())
        self._executors = executors
        self._locate = locate
        self._running: list[RehearsedBuild] = []
        self._finished: list[BuildRecord] = []
        self._not_started: list[str] = []
        (home.state / "home").mkdir(parents=True, exist_ok=True)
        repositories.write_git_config(url for job in self.jobs.values() for url in job.urls)
        for record in self._recover():
            notify(Changed(record, recovered=True))

    def _recover(self) -> Iterator[BuildRecord]:
        """Record as aborted what an earlier rehearsal left running when it was killed; yield that.

        The queue stays, but for requests for jobs that are gone.
        """
        remove_tree(self.home.state / "tmp")
        for name in self.jobs:
            # Credentials bound as files are there while a build runs.
            workspace = self.home.workspace(name)
            for path in workspace.parent.glob(f"{glob.escape(workspace.name)}*@tmp"):
                remove_tree(path)
            for record in self.builds.of(name):
                if record.result is None:
                    signal_build((), record.cookie, signal.SIGKILL)
                    ended = self.builds.abort(record)
                    with self.home.log(name, record.number).open("a", encoding="utf-8") as log:
                        log.write("The rehearsal ended while this build was running.\n")
                        log.write("Finished: ABORTED\n")
                    self.builds.save(ended)
                    yield ended
        for item in list(self.queue):
            if item.job not in self.jobs:
                self.queue.remove(item)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def build(self, name: str, given: Mapping[str, str], *, user: str = "you") -> queueing.Item:
        """Do what a person does with Build with Parameters: no quiet period."""
        job = require_job(self.jobs, name)
        if job.disabled:
            raise RehearsalError(
                f"{name!r} is disabled: nothing starts it.",
                advice="Take that out of its definition, or of its config.xml here.",
            )
        values = queueing.values_from_person(job, given)
        self.check([name])
        return self.submit(job, values, UserCause(user), quiet_period=0)

    def repeat(self, record: BuildRecord) -> None:
        """Ask for a build once more, with its parameters and for its causes."""
        job = require_job(self.jobs, record.job)
        for cause in record.causes:
            self.submit(job, {**queueing.default_values(job), **record.parameters}, cause)

    def push(self, repository: str, branch: str, *, pusher: str = "you") -> dict[str, str]:
        """Tell the jobs of a repository that something was pushed to it.

        Each polls its branch with its parameters' defaults, as after GitHub's event, and is
        started if there is a commit that it hasn't built. Returns job → what came of it. A push
        to another branch than a job's makes that job poll too, and find nothing.
        """
        name = self.repositories.require(repository)
        clone = self.repositories.paths[name]
        if self.repositories.read_head(str(clone), branch) is None:
            raise RehearsalError(
                f"{name} has no branch {branch!r}.",
                advice=f"Make it in {clone}, or name another with --branch.",
            )
        watching = triggering.find_watching(self.jobs, name)
        if not watching:
            raise RehearsalError(
                f"No job is started by a push to {repository!r}.",
                advice=f"`{name_command('graph')}` tells what starts each job.",
            )
        self.check([job.name for job in watching if not job.disabled])
        found: dict[str, str] = {}
        for job in watching:
            starts, found[job.name] = triggering.poll_branch(
                job, self.builds, self.repositories, pushed=branch
            )
            if starts:
                self.submit(job, queueing.default_values(job), PushCause(pusher))
        return found

    def check(self, names: Sequence[str]) -> None:
        """Raise RehearsalError if something that these jobs lead to can't be rehearsed."""
        reachable = [self.jobs[name] for name in self.chain.reachable(names)]
        refuse_unknown(reachable, self.repositories, self._locate)

    def run(self) -> LoopResult:
        """Run builds until the queue is empty and everything has ended."""
        already = len(self._finished)
        self.check([item.job for item in self.queue])
        deadlock: tuple[str, ...] = ()
        while self._running or len(self.queue):
            if self.step():
                continue
            due = self.queue.next_due()
            if any(isinstance(build.wait, StepProcess) for build in self._running):
                self.processes.pump(max(0.0, due - self.now()))
                self._stop_overdue()
            elif due < math.inf:
                self.ahead += max(0.0, due - self.now())
            else:
                deadlock = self._break_deadlock()
                break
        not_started, self._not_started = tuple(self._not_started), []
        return LoopResult(tuple(self._finished[already:]), deadlock, not_started)

    def step(self) -> bool:
        """Do what can be done without waiting. Returns whether there was anything."""
        moved = self.queue.maintain(self.now(), self._find_block)
        for item in self.queue.at(queueing.ItemState.BUILDABLE):
            if len(self._running) < self._executors and self.queue.is_free(item, self._find_block):
                self._resume(self._start(item))
                moved = True
        for build in list(self._running):
            if self._is_over(build.wait):
                self._resume(build)
                moved = True
        return moved

    def close(self) -> None:
        """Stop all that still runs and record it as aborted; the queue stays. Raises OSError."""
        with ExitStack() as stack:
            stack.callback(self.trash.close)
            stack.callback(self.processes.close)
            for build in reversed(self._running):
                why = "Aborted by the person at it"
                stack.callback(self._interrupt, build, Result.ABORTED, why)

    def _find_block(self, item: queueing.Item) -> str:
        """Return why Jenkins would keep this item blocked, or ""."""
        job = self.jobs[item.job]
        queue = [other for other in self.queue if other is not item]
        running = {build.job.name for build in self._running}
        ready = {other.job for other in queue if other.state is queueing.ItemState.BUILDABLE}
        if not job.concurrent and job.name in running:
            return f"{job.name} is already running"
        if not job.concurrent and job.name in ready:
            return f"{job.name} is already about to run"
        holders = running | ready - {job.name}
        locked = {resource for name in holders for resource in self.jobs[name].resources}
        if held := locked & set(job.resources):
            return f"{min(held)} is locked"
        free = {other.job for other in queue if other.state is not queueing.ItemState.BLOCKED}
        others = (running | free) - {job.name}
        below = others & set(self.chain.reachable([job.name]))
        if job.block_when_downstream and below:
            return f"downstream {min(below)} is building"
        above = [name for name in sorted(others) if job.name in self.chain.reachable([name])]
        if job.block_when_upstream and above:
            return f"upstream {above[0]} is building"
        return ""

    @undisturbed()
    def _start(self, item: queueing.Item) -> RehearsedBuild:
        job = self.jobs[item.job]
        taken = {build.executor for build in self._running}
        # A second build at a time gets a workspace of its own, NAME@2.
        base = self.home.workspace(job.name)
        used = {build.workspace for build in self._running}
        others = (base.with_name(f"{base.name}@{number}") for number in count(2))
        # A build doesn't get what its job doesn't declare (SECURITY-170).
        values = {
            p.name: item.parameters[p.name] for p in job.parameters if p.name in item.parameters
        }
        record = BuildRecord(
            job=job.name,
            number=self.builds.take_number(job.name),
            item=item.id,
            cookie=str(uuid4()),
            parameters=values,
            causes=tuple(item.causes),
            started=time.time(),
        )
        self.builds.save(record)
        self.queue.remove(item)
        self.begun[item.id] = record
        build = RehearsedBuild(
            job,
            record,
            self,
            executor=min(set(range(self._executors)) - taken),
            workspace=next(path for path in chain([base], others) if path not in used),
        )
        self._running.append(build)
        self.notify(Changed(record))
        return build

    def _is_over(self, wait: Wait | None) -> bool:
        match wait:
            case StepProcess():
                return wait.exit_code is not None
            case ItemGoesOn(item, has_ended):
                record = self.begun.get(item)
                return record is not None and (not has_ended or record.result is not None)
        return True

    def _resume(self, build: RehearsedBuild) -> None:
        try:
            build.wait = next(build.steps)
        except StopIteration:
            self._end(build)

    def _interrupt(self, build: RehearsedBuild, result: Result, message: str) -> None:
        """Stop a build as Jenkins does: say why, ask its processes to end, then kill them."""
        build.log(message)
        self.processes.end(build.record.cookie, grace=SOFT_KILL)
        stop = Interrupted(result)
        try:
            build.wait = build.steps.throw(stop)
        except StopIteration:
            self._end(build)
        except Interrupted:
            # Ctrl-C came while the build itself was at work: its generator is gone.
            build.worsen(result)
            self._end(build)

    @undisturbed()
    def _end(self, build: RehearsedBuild) -> None:
        self._running.remove(build)
        for job, parameters in triggering.find_downstream(build):
            self.trigger(job, parameters, build.record)
        for wrapper in build.job.wrappers:
            wrapper.tear_down(build)
        build.log(f"Finished: {build.result.name}")
        build.close()
        self._not_started += build.not_started
        remove_tree(build.workspace.with_name(f"{build.workspace.name}@tmp"))
        record = replace(build.record, result=build.result, finished=time.time())
        self.builds.save(record)
        self.begun[record.item] = record
        self._finished.append(record)
        if build.job.discarder:
            discard_builds(self.builds, record.job, build.job.discarder, now=time.time())
        self.notify(Changed(record))

    def _stop_overdue(self) -> None:
        now = self.now()
        for build in list(self._running):
            for limit in (step for step in build.job.wrappers if isinstance(step, TimeLimit)):
                begun = build.begun
                if limit.kind is TimeoutKind.NO_ACTIVITY and isinstance(build.wait, StepProcess):
                    begun = build.wait.activity
                if now > begun + limit.seconds:
                    result, what = Result.ABORTED, "aborted"
                    if "FailOperation" in limit.actions:
                        result, what = Result.FAILURE, "failed"
                    message = f"Build timed out (after {limit.seconds} seconds). Marking the build "
                    self._interrupt(build, result, f"{message}as {what}.")
                    break

    def _break_deadlock(self) -> tuple[str, ...]:
        """Say who holds an executor, what for, and why that can't start; abort them."""
        held = f"all {self._executors} executors are held"
        if self._executors == 1:
            held = "the only executor is held"
        said = []
        for build in self._running:
            if isinstance(build.wait, ItemGoesOn):
                awaited = getattr(
                    self.queue.find(build.wait.item), "job", "a build that doesn't end"
                )
                said.append(f"{build.name} holds an executor and waits for {awaited}")
        said += [f"{item.job} waits in the queue: {item.why or held}" for item in self.queue]
        lines = tuple(said)
        self.notify(Deadlocked(lines))
        for build in list(self._running):
            message = "Deadlock: aborted, for it would have waited for ever.\n" + "\n".join(lines)
            self._interrupt(build, Result.ABORTED, message)
        return lines
