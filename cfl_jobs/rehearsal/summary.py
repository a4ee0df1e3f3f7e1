"""A home after a rehearsal → its last screen: where everything is, and what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from cfl_jobs.configs.model import Job, ParameterKind
from cfl_jobs.configs.steps.artifacts import CopyArtifact, Selector
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.artifacts import list_artifacts
from cfl_jobs.rehearsal.directory import Builds, Home
from cfl_jobs.rehearsal.reports import own_command, show_path


def summarize(home: Home) -> Iterator[str]:
    """Yield where the newest artifacts, deployed sites and logs are, and what to try next."""
    builds = Builds(home)
    jobs = home.read_jobs()
    yield ""
    yield "What was made:"
    for name in jobs:
        records = [r for r in builds.of(name) if r.result is Result.SUCCESS]
        for record in records[:1]:
            found = list_artifacts(home, name, record.number)
            if jobs[name].scm or "commit.txt" not in found:
                continue
            for path in found.values():
                yield f"  {show_path(path)}  ({record.name})"
    for place in sorted((home.root / "deployed").glob("*/current")):
        yield f"  {show_path(place)}/  (the deployed site)"
    yield f"  {show_path(home.root / 'jobs')}/<job>/builds/<number>/log  (every build's log)"
    yield ""
    yield "What to try next:"
    yield from (f"  {line}" for line in _suggestions(home, builds, jobs))


def _suggestions(home: Home, builds: Builds, jobs: dict[str, Job]) -> Iterator[str]:
    start = own_command(home)
    repositories = sorted(path.name for path in home.repositories.glob("*") if path.is_dir())
    if repositories:
        name = "ocargo" if "ocargo" in repositories else repositories[0]
        yield f"{start} push {name}"
        yield f"    after a change of yours in {show_path(home.repositories / name)}"
    by_hand = [job for job in jobs.values() if not builds.of(job.name)]
    choices = [choice for job in by_hand for choice in _choices(job, builds)]
    if choices:
        yield f"{start} build {choices[-1]}"
    yield f"{start} status"


def _choices(job: Job, builds: Builds) -> Iterator[str]:
    """Yield how to start a job that one build has to be chosen for, with the newest good one."""
    selectors = [p.name for p in job.parameters if p.kind is ParameterKind.BUILD_SELECTOR]
    for step in job.builders:
        if (
            isinstance(step, CopyArtifact)
            and step.selector.kind is Selector.PARAMETER
            and [step.selector.argument] == selectors
        ):
            record = builds.find_permalink(step.project, "lastStableBuild")
            if record:
                yield f"{shlex.quote(job.name)} -p {selectors[0]}={record.number}"
