"""A home after a rehearsal → its last screen: where everything is, and what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from cfl_jobs.model import Job, ParameterKind
from cfl_jobs.rehearsal.artifacts import list_artifacts
from cfl_jobs.rehearsal.directory import Builds, Home
from cfl_jobs.rehearsal.records import Result
from cfl_jobs.rehearsal.reports import show_path


def summarize(home: Home) -> Iterator[str]:
    """Yield where the newest artifacts, deployed sites and logs are, and what to try next."""
    builds = Builds(home)
    jobs = home.read_jobs()
    yield ""
    yield "What was made:"
    for name in jobs:
        records = [r for r in builds.of(name) if r.result is Result.SUCCESS]
        wanted = [r for r in records[:1] if _is_end_product(list_artifacts(home, name, r.number))]
        for record in wanted:
            for path in list_artifacts(home, name, record.number).values():
                yield f"  {show_path(path)}  ({record.name})"
    for place in sorted((home.root / "deployed").glob("*/current")):
        yield f"  {show_path(place)}/  (the deployed site)"
    yield f"  {show_path(home.root / 'jobs')}/<job>/builds/<number>/log  (every build's log)"
    yield ""
    yield "What to try next:"
    yield from (f"  {line}" for line in _suggestions(home, builds, jobs))


def _is_end_product(artifacts: object) -> bool:
    names = set(artifacts) if isinstance(artifacts, dict) else set()
    return "commit.txt" in names and not any(
        name.endswith(".tar.gz") and name != "distribution.tar.gz" for name in names
    )


def _suggestions(home: Home, builds: Builds, jobs: dict[str, Job]) -> Iterator[str]:
    where = "" if home.root == Path("build/rehearsal").resolve() else f" --home {home.root}"
    start = f"cfl-jobs rehearse{where}"
    repositories = sorted(path.name for path in home.repositories.glob("*") if path.is_dir())
    if repositories:
        name = "ocargo" if "ocargo" in repositories else repositories[0]
        yield f"{start} push {name}"
        yield f"    after a change of yours in {show_path(home.repositories / name)}"
    by_hand = [job for job in jobs.values() if _selects_build(job) and not builds.of(job.name)]
    distributions = builds.completed("Create Distribution")
    if by_hand and distributions:
        job, number = by_hand[-1], distributions[0].number
        parameter = next(p.name for p in job.parameters if p.kind is ParameterKind.BUILD_SELECTOR)
        yield f"{start} build {shlex.quote(job.name)} -p {parameter}={number}"
    yield f"{start} status"


def _selects_build(job: Job) -> bool:
    kinds = [parameter.kind for parameter in job.parameters]
    return kinds.count(ParameterKind.BUILD_SELECTOR) == 1
