"""One build from its first log line to its last: wrappers, checkout, builders, publishers."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from cfl_jobs.configs.expansion import expand
from cfl_jobs.configs.model import (
    BindCredentials,
    BoundCredential,
    BuildName,
    CleanAfter,
    CleanBefore,
    CopyArtifact,
    Job,
    Shell,
    TimeLimit,
    TriggerBuilds,
)
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.builders import copy_from, run_shell
from cfl_jobs.rehearsal.causes import log_lines
from cfl_jobs.rehearsal.checkout import check_out
from cfl_jobs.rehearsal.directory import Builds, remove_tree, write_text
from cfl_jobs.rehearsal.parameters import BadValue
from cfl_jobs.rehearsal.publishing import publish
from cfl_jobs.rehearsal.records import BuildRecord, Result
from cfl_jobs.rehearsal.repositories import Repositories
from cfl_jobs.rehearsal.steps import Interrupted, ItemEnds, ItemStarts, StepFailed, Steps, Wait
from cfl_jobs.rehearsal.triggering import (
    DontTrigger,
    Request,
    export_triggered,
    find_downstream,
    project_names,
    request_builds,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a build needs of the rest of the rehearsal."""

    jobs: Mapping[str, Job]
    builds: Builds
    repositories: Repositories
    submit: Callable[[Request, BuildRecord], int]
    cancel: Callable[[int], None]
    started_by_item: Mapping[int, BuildRecord]


def run_build(steps: Steps, around: Surroundings) -> Generator[Wait, None, None]:
    """Run a build to its end; `steps.record` then has the result. Yields what it waits for."""
    steps.record = replace(steps.record, result=Result.SUCCESS)
    for cause in steps.record.causes:
        for line in log_lines(cause):
            steps.log(line)
    steps.log("Running as SYSTEM")
    steps.log(f"Building in workspace {steps.workspace}")
    try:
        if not (yield from _build(steps, around)):
            steps.worsen(Result.FAILURE)
    except (StepFailed, OSError, RehearsalError) as error:
        steps.log(f"ERROR: {error}")
        steps.worsen(Result.FAILURE)
    except Interrupted as stop:
        steps.log(str(stop))
        steps.worsen(stop.result)
    steps.bound.clear()
    # ws-cleanup runs when the others have run, wherever it stands (seen with 0.49).
    for publisher in sorted(steps.job.publishers, key=lambda p: isinstance(p, CleanAfter)):
        try:
            publish(publisher, steps, around.builds)
        except (StepFailed, OSError) as error:
            steps.log(f"ERROR: {error}")
            steps.worsen(Result.FAILURE)
    for request in find_downstream(steps, around.jobs):
        around.submit(request, steps.record)
    _set_name(steps, at_start=False)
    steps.log(f"Finished: {steps.result.name}")


def _build(steps: Steps, around: Surroundings) -> Generator[Wait, None, bool]:
    job = steps.job
    for wrapper in job.wrappers:
        if isinstance(wrapper, CleanBefore) and _is_asked_for(wrapper, steps):
            steps.log("[WS-CLEANUP] Deleting project workspace...")
            remove_tree(steps.workspace)
            steps.log("[WS-CLEANUP] Done")
    steps.workspace.mkdir(parents=True, exist_ok=True)
    if job.scm:
        before = next((r for r in around.builds.completed(job.name) if r.revision), None)
        revision = yield from check_out(job.scm, steps, around.repositories, steps.variables())
        steps.record = replace(steps.record, revision=revision)
        if before and before.revision:
            steps.contributed["GIT_PREVIOUS_COMMIT"] = before.revision.commit
        for role, value in zip(("NAME", "EMAIL"), job.scm.identity, strict=True):
            if value:
                steps.contributed[f"GIT_AUTHOR_{role}"] = value
                steps.contributed[f"GIT_COMMITTER_{role}"] = value
    _set_name(steps, at_start=True)
    for wrapper in job.wrappers:
        if isinstance(wrapper, BindCredentials):
            for binding in wrapper.bindings:
                _bind(binding, steps)
        elif isinstance(wrapper, TimeLimit) and wrapper.variable:
            # BuildTimeoutWrapper: in milliseconds
            steps.contributed[wrapper.variable] = str(wrapper.seconds * 1000)
    if job.resources_variable:
        steps.contributed[job.resources_variable] = " ".join(job.resources)
    for step in job.builders:
        if not (yield from _run_step(step, steps, around)):
            return False
    return True


def _run_step(step: object, steps: Steps, around: Surroundings) -> Generator[Wait, None, bool]:
    match step:
        case Shell():
            return (yield from run_shell(step, steps))
        case CopyArtifact():
            try:
                copy_from(step, steps, around.builds, around.jobs)
            except StepFailed as error:
                steps.log(f"ERROR: {error}")
                steps.log(
                    "Build step 'Copy artifacts from another project' marked build as failure"
                )
                return False
            return True
        case TriggerBuilds():
            done = yield from _trigger(step, steps, around)
            if not done:
                steps.log(
                    "Build step 'Trigger/call builds on other projects' marked build as failure"
                )
            return done
    raise StepFailed(f"{type(step).__name__} can't be rehearsed.")


def _trigger(
    step: TriggerBuilds, steps: Steps, around: Surroundings
) -> Generator[Wait, None, bool]:
    """Parameterized Trigger as a builder; with `blocking` it waits, and keeps its executor."""
    names = project_names(step, steps.variables(), around.jobs, steps.job.name)
    if not names:
        raise StepFailed("Build aborted. No projects to trigger. Check your configuration!")
    try:
        requests = request_builds(step, steps, around.jobs)
    except DontTrigger:
        requests = ()
    except BadValue as error:
        raise StepFailed(str(error)) from error
    items = [
        (request.job.name, around.submit(request, steps.record))
        for request in requests
        if not request.job.disabled
    ]
    missing = [name for name in names if name not in around.jobs]
    if missing:
        raise StepFailed(
            f"Build aborted. Can't trigger undefined projects. {len(missing)} of the below "
            "project(s) can't be resolved:\n"
            + "".join(f" > {name}\n" for name in missing)
            + "Check your configuration!"
        )
    for request in requests:
        if request.job.disabled:
            steps.log(f"Skipping {request.job.name}. The project is either disabled, or …")
    if step.blocking is None:
        steps.log("Triggering projects: " + ", ".join(names))
        export_triggered(steps.contributed, [], list(names))
        return True
    finished: list[tuple[str, int, Result]] = []
    succeeded = True
    pending = [item for _, item in items]
    try:
        for name, item in items:
            result = yield from _await(name, item, steps, around, finished)
            pending.remove(item)
            export_triggered(steps.contributed, finished, [])
            fail = step.blocking.fail_step
            if succeeded and not (fail and not result.is_better_than(Result[fail])):
                _map_result(step, steps, result)
            else:
                succeeded = False
    except Interrupted:
        for item in pending:
            around.cancel(item)
        raise
    return succeeded


def _await(
    name: str,
    item: int,
    steps: Steps,
    around: Surroundings,
    finished: list[tuple[str, int, Result]],
) -> Generator[Wait, None, Result]:
    steps.log(f"Waiting for the completion of {name}")
    yield ItemStarts(item)
    number = around.started_by_item[item].number
    steps.log(f"{name} #{number} started.")
    yield ItemEnds(item)
    result = around.started_by_item[item].result or Result.ABORTED
    steps.log(f"{name} #{number} completed. Result was {result.name}")
    finished.append((name, number, result))
    return result


def _map_result(step: TriggerBuilds, steps: Steps, result: Result) -> None:
    """BlockingBehaviour.mapBuildResult: what the awaited build makes of the waiting one."""
    if step.blocking is None:
        return
    failed, unstable = step.blocking.mark_failed, step.blocking.mark_unstable
    if failed and not result.is_better_than(Result[failed]):
        steps.worsen(Result.FAILURE)
    elif unstable and not result.is_better_than(Result[unstable]):
        steps.worsen(Result.UNSTABLE)


def credential_values(binding: BoundCredential, value: str) -> Sequence[str]:
    """Return a credential's parts, in the order of the binding's variables."""
    if binding.kind != "UsernamePasswordMultiBinding":
        return (value,)
    user, _, password = value.partition(":")
    parts = {"usernameVariable": user, "passwordVariable": password}
    return [parts[role] for role in binding.roles]


def _bind(binding: BoundCredential, steps: Steps) -> None:
    value = steps.secrets[binding.credentials_id]
    if binding.kind == "FileBinding":
        path = steps.workspace.with_name(f"{steps.workspace.name}@tmp") / binding.credentials_id
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_text(path, value)
        path.chmod(0o400)
        value = str(path)
    for name, part in zip(binding.variables, credential_values(binding, value), strict=True):
        steps.bound[name] = part
    steps.log(
        f"Masking supported pattern matches of {' or '.join('$' + n for n in binding.variables)}"
    )


def _set_name(steps: Steps, *, at_start: bool) -> None:
    """Give the build its name (build-name-setter) where it is set at this time."""
    for wrapper in steps.job.wrappers:
        if isinstance(wrapper, BuildName) and (wrapper.at_start if at_start else wrapper.at_end):
            name = _expand_tokens(wrapper.template, steps)
            steps.record = replace(steps.record, display_name=name)
            if wrapper.description:
                description = _expand_tokens(wrapper.description, steps)
                steps.record = replace(steps.record, description=description)


def _expand_tokens(template: str, steps: Steps) -> str:
    """Replace ${NAME} and token-macro's ${ENV,var="NAME"}."""
    plain = re.sub(r'\$\{ENV,\s*var="(\w+)"\}', r"${\1}", template)
    return expand(plain, steps.variables())


def _is_asked_for(wrapper: CleanBefore, steps: Steps) -> bool:
    return not wrapper.parameter or steps.variables().get(wrapper.parameter) == "true"
