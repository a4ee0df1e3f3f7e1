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
    """A trigger takes parameters from a file of the build. Where the file isn't there or holds
    nothing, it starts nothing, with or without `fail-on-missing` (parameterized-trigger 890); one
    that has other parameters too starts the job without those of the file.

    Let a step write the file, or correct its name. A step that only removes, empties or reads the
    file, or names it in a comment, doesn't count.
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
            commands = re.split(r"&&|\|\||[;|\n]", expanding_text(step.script))
            if any(name in command and _writes(command, name) for command in commands):
                return True
    return False


_WRITES_NOTHING = re.compile(
    r"""\s*(?:(?:if|then|else|elif|while|do|!|\{|\()\s+)*
        (?:rm|unlink|\[+|test|touch|truncate|ls|stat|chmod|chown|echo|printf|:|true|source|\.
           |cat|head|tail|grep|wc|diff|cmp|sha\d+sum|md5sum|if|git\s+(?:add|rm))(?:\s|$)""",
    re.VERBOSE,
)


def _writes(command: str, name: str) -> bool:
    """Tell whether a command that names a file may put something into it."""
    into = re.search(rf">>?\s*[\"']?[^\s\"'<>]*{re.escape(name)}", command)
    if into:
        return re.fullmatch(r"\s*(?::|true|cat\s+/dev/null)?\s*", command[: into.start()]) is None
    return _WRITES_NOTHING.match(command) is None
