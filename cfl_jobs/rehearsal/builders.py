"""A job's builders → what they do to a running build: shell steps and Copy Artifact."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from pathlib import Path
from posixpath import relpath
from uuid import uuid4

from cfl_jobs.configs.expansion import expand
from cfl_jobs.configs.model import CopyArtifact, Job, Shell
from cfl_jobs.configs.references import matches_permission, resolve_job
from cfl_jobs.rehearsal.artifacts import copy_artifacts, record_fingerprints
from cfl_jobs.rehearsal.directory import Builds
from cfl_jobs.rehearsal.records import Result
from cfl_jobs.rehearsal.selection import NotANumber, select_build
from cfl_jobs.rehearsal.steps import StepFailed, Steps, Wait


def run_shell(step: Shell, steps: Steps) -> Generator[Wait, None, bool]:
    """Run a shell step: by its own `#!` line, else by /bin/sh -xe. False if it failed."""
    path = steps.home.state / "tmp" / f"jenkins{uuid4().int % 10**18}.sh"
    path.parent.mkdir(parents=True, exist_ok=True)
    script = step.script.replace("\r\n", "\n")
    path.write_text(script, encoding="utf-8")
    first = script.partition("\n")[0].strip()
    command = [*first[2:].split(), str(path)] if first.startswith("#!") else _sh(path)
    steps.log(f"[{steps.workspace.name}] $ {' '.join(command)}")
    try:
        code = yield from steps.run(command)
    finally:
        path.unlink(missing_ok=True)
    if code and code == step.unstable_return:
        steps.log("Build step 'Execute shell' changed build result to UNSTABLE")
        steps.worsen(Result.UNSTABLE)
        return True
    if code:
        steps.log("Build step 'Execute shell' marked build as failure")
    return code == 0


def _sh(path: Path) -> list[str]:
    return ["/bin/sh", "-xe", str(path)]


def copy_from(step: CopyArtifact, steps: Steps, builds: Builds, jobs: Mapping[str, Job]) -> None:
    """Do one Copy Artifact step, as the plugin in production mode. Raises StepFailed."""
    variables = steps.variables()
    name = expand(step.project, variables)
    source = jobs.get(resolve_job(name, steps.job.name, jobs))
    # A server on which any logged-in user may read the source would not ask; the rehearsal is as
    # strict as the strictest, so that what passes here passes on both.
    if source is None or not matches_permission(source, steps.job.name):
        if source is not None:
            steps.log(
                f"({name!r} does not permit copying: its copyartifact property would have to "
                f"name {steps.job.name!r})"
            )
        raise StepFailed(
            f"Unable to find project for artifact copy: {name}\n"
            "This may be due to incorrect project name or permission settings; "
            "see help for project name in job configuration."
        )
    try:
        build = select_build(
            step.selector,
            builds,
            source.name,
            variables=variables,
            parameter_filter=expand(step.parameter_filter, variables),
            copier=steps.record,
        )
    except NotANumber as error:
        raise StepFailed('java.lang.NumberFormatException: For input string: ""') from error
    if build is None:
        message = f"Unable to find a build for artifact copy from: {name}"
        if not step.optional:
            raise StepFailed(message)
        steps.log(message)
        return
    suffix = step.variable_suffix
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", suffix):
        folder = steps.job.name.rpartition("/")[0] or "."
        shown = source.name if name.startswith("/") else relpath(source.name, folder)
        suffix = re.sub("[^A-Z]+", "_", shown.upper())
    steps.contributed[f"COPYARTIFACT_BUILD_NUMBER_{suffix}"] = str(build.number)
    _copy(step, steps, builds, name, source.name, build.number)


def _copy(
    step: CopyArtifact, steps: Steps, builds: Builds, name: str, source: str, number: int
) -> None:
    variables = steps.variables()
    archive = builds.home.archive(source, number)
    includes = expand(step.filter, variables).strip() or "**"
    names: tuple[str, ...] = ()
    if archive.is_dir():
        target = steps.workspace / expand(step.target, variables)
        excludes = expand(step.excludes, variables)
        names = copy_artifacts(
            archive, target, includes=includes, excludes=excludes, flatten=step.flatten
        )
        noun = "artifact" if len(names) == 1 else "artifacts"
        steps.log(f'Copied {len(names)} {noun} from "{source}" build number {number}')
        original = builds.get(source, number)
        if step.fingerprint and original:
            users = (original, steps.record)
            record_fingerprints(builds.home, archive, names, original=original, users=users)
    if not names and not step.optional:
        raise StepFailed(f"Failed to copy artifacts from {name} with filter: {includes}")
