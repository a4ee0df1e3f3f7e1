"""Rules about names: every job that a trigger, a copy, a permission or a view names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfl_jobs.check.rule import RULES, Found, Scope, Severity
from cfl_jobs.configs.graph import TriggerEdge
from cfl_jobs.configs.model import Job, Placed, UpstreamTrigger
from cfl_jobs.configs.references import matches_permission
from cfl_jobs.errors import suggest


def holder_of(edge: TriggerEdge) -> str:
    """Return the job in whose config a trigger stands: for an upstream trigger, the started one."""
    return edge.target if isinstance(edge.part, UpstreamTrigger) else edge.source


def path_of(part: Placed | None, field: str = "") -> str:
    path = part.path if part else ""
    return f"{path}/{field}" if field else path


@RULES.rule("unknown-job", Severity.ERROR, "a job is named that does not exist")
def find_unknown_jobs(scope: Scope) -> Iterator[Found]:
    """Jenkins drops a name that it doesn't know from a trigger without an error, Copy Artifact
    fails only when the build runs, and a view just shows less.

    Correct the name, or define the job. A name that holds a variable is not looked at.
    """
    names = scope.job_names
    for edge in scope.chain.triggers:
        holder = holder_of(edge)
        other = edge.source if holder == edge.target else edge.target
        if not _is_there(other, scope):
            field = "upstreamProjects" if holder == edge.target else "projects"
            message = f"{holder} names the job {other!r} in a trigger, and there is none"
            yield Found(holder, message, suggest(other, names), path_of(edge.part, field))
    for copy in scope.chain.copies:
        if not _is_there(copy.source, scope):
            message = f"{copy.target} copies from the job {copy.source!r}, and there is none"
            yield Found(
                copy.target, message, suggest(copy.source, names), path_of(copy.part, "project")
            )
    for job in scope.jobs:
        for entry in job.copy_permissions or ():
            if not _permits_someone(job, entry, scope):
                message = f"{job.name} lets {entry!r} copy its artifacts, and there is no such job"
                yield Found(job.name, message, suggest(entry, names), _PERMISSION)
    for view in scope.views:
        for name in view.jobs:
            if not _is_there(name, scope):
                message = f"the view {view.name} shows the job {name!r}, and there is none"
                yield Found(view.name, message, suggest(name, names), "jobNames")


_PERMISSION = "properties/hudson.plugins.copyartifact.CopyArtifactPermissionProperty"


def _is_there(name: str, scope: Scope) -> bool:
    return "$" in name or scope.job(name) is not None


def _permits_someone(job: Job, entry: str, scope: Scope) -> bool:
    if re.fullmatch(r"[*/]+", entry):
        return True
    only = Job(job.name, copy_permissions=(entry,))
    return any(matches_permission(only, other) for other in scope.job_names)
