"""Rules about artifacts: what is copied is archived, and may be copied; what is read is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfl_jobs.check.ant_patterns import may_overlap
from cfl_jobs.check.references import path_of
from cfl_jobs.check.rule import RULES, Found, Scope, Severity
from cfl_jobs.check.shell_variables import expanding_text
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.model import (
    CopyArtifact,
    FileParameters,
    Job,
    Selector,
    Shell,
    TriggerBuilds,
    Unknown,
)


@RULES.rule(
    "artifact-not-archived", Severity.ERROR, "a file is copied that its job doesn't archive"
)
def find_unarchived(scope: Scope) -> Iterator[Found]:
    """Copy Artifact copies only what the source job archives; the build fails, or an optional copy
    finds nothing, every time.

    Archive the file in the source job, or correct the name. Sources that aren't freestyle jobs,
    and copies from a workspace, are not looked at.
    """
    for copy in scope.chain.copies:
        source = scope.job(copy.source)
        if source is None or source.root != "project":
            continue
        if copy.selector.kind is Selector.WORKSPACE:
            continue
        archived = scope.chain.node(copy.source).artifacts
        for pattern in copy.artifacts or ("**",):
            if not any(may_overlap(pattern, other) for other in archived):
                has = f"only {', '.join(archived)}" if archived else "nothing"
                message = f"{copy.target} copies {pattern} of {copy.source}, which archives {has}"
                yield Found(copy.target, message, path=path_of(copy.part, "filter"))


@RULES.rule("copy-not-permitted", Severity.ERROR, "a job copies from one that doesn't permit it")
def find_unpermitted(scope: Scope) -> Iterator[Found]:
    """Copy Artifact in production mode, the default of new installations, copies only where the
    source job's `copyartifact` property names the copying job. Not permitted looks like not there:
    "Unable to find project for artifact copy".

    Add the copying job to the source's `copyartifact: projects`.
    """
    for copy in scope.chain.copies:
        if copy.permitted is False:
            message = f"{copy.source} does not permit {copy.target} to copy its artifacts"
            advice = f"Add {copy.target!r} to the copyartifact property of {copy.source}."
            yield Found(copy.target, message, advice, path_of(copy.part))


@RULES.rule(
    "property-file-not-written", Severity.ERROR, "a trigger reads a file that no step writes"
)
def find_unwritten_files(scope: Scope) -> Iterator[Found]:
    """A trigger takes parameters from a file in the workspace. Where the file isn't there, it
    starts nothing (`fail-on-missing: true`), or starts the job without them.

    Let a step write the file, or correct its name. A step that only removes the file, or names it
    in a comment, doesn't count.
    """
    for job in scope.freestyle():
        if any(isinstance(step, Unknown) for step in job.builders):
            continue
        for part in (*job.builders, *job.publishers):
            for given in part.parameters if isinstance(part, TriggerBuilds) else ():
                for name in read_names(given.files) if isinstance(given, FileParameters) else ():
                    if not _is_written(name, job):
                        message = f"no step of the job writes {name}, which this trigger reads"
                        yield Found(job.name, message, path=f"{given.path}/propertiesFile")


def _is_written(name: str, job: Job) -> bool:
    for step in job.builders:
        if isinstance(step, CopyArtifact):
            if any(may_overlap(name, pattern) for pattern in read_names(step.filter) or ("**",)):
                return True
        elif isinstance(step, Shell):
            for line in expanding_text(step.script).splitlines():
                commands = re.split(r"&&|\|\||[;|]", line)
                if any(name in command and not _only_removes(command) for command in commands):
                    return True
    return False


def _only_removes(command: str) -> bool:
    return re.match(r"\s*(?:rm|\[|test)\s", command) is not None
