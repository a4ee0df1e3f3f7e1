"""Rules about artifacts: what is copied is archived, and may be copied; what is read is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, found_at, parts_of, scripts_of
from cfl_jobs.check.shell import expanding_text
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.artifacts import Selector
from cfl_jobs.configs.steps.step import Unknown
from cfl_jobs.configs.steps.triggering import FileParameters, TriggerBuilds


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
        is_known = source is not None and source.root == "project"
        if not is_known or copy.part.selector.kind is Selector.WORKSPACE:
            continue
        archived = scope.chain.node(copy.source).artifacts
        for pattern in copy.artifacts or ("**",):
            if not any(may_overlap(pattern, other) for other in archived):
                has = f"only {', '.join(archived)}" if archived else "nothing"
                message = f"{copy.target} copies {pattern} of {copy.source}, which archives {has}"
                yield found_at(copy, message, field="filter")


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
            yield found_at(copy, message, advice)


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
        for part in parts_of((*job.builders, *job.publishers), TriggerBuilds):
            for given in parts_of(part.parameters, FileParameters):
                for name in read_names(given.files):
                    if not _is_written(name, job):
                        message = f"no step of the job writes {name}, which this trigger reads"
                        yield Found(job.name, message, path=f"{given.path}/propertiesFile")


def _is_written(name: str, job: Job) -> bool:
    fetched = (pattern for step in job.builders for pattern in step.fetched)
    if any(may_overlap(name, pattern) for pattern in fetched):
        return True
    scripts = map(expanding_text, scripts_of(job))
    lines = (line for script in scripts for line in script.split("\n") if name in line)
    commands = (command for line in lines for command in re.split(r"&&|\|\||[;|]", line))
    return any(name in command and _writes(command, name) for command in commands)


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


def may_overlap(one: str, other: str) -> bool:
    """Tell whether a path can match both patterns. Variables stand for anything.

    >>> may_overlap("out/*.gz", "**/ocargo.tar.gz")
    True
    >>> may_overlap("commit.txt", "tested.txt")
    False
    """
    return _overlap(_split(one), _split(other), "**", _segments_overlap)


def _split(pattern: str) -> tuple[str, ...]:
    pattern = re.sub(r"\$\{[^}]*\}|\$\w+", "*", pattern.strip().replace("\\", "/"))
    if pattern.endswith("/"):
        pattern += "**"  # org.apache.tools.ant.DirectoryScanner
    return tuple(part for part in pattern.split("/") if part not in ("", "."))


@cache
def _overlap(
    one: tuple[str, ...], other: tuple[str, ...], star: str, overlap: Callable[[str, str], bool]
) -> bool:
    """Tell whether two sequences can be the same, in which `star` stands for any number of parts.

    `overlap` tells whether two other parts can be.
    """
    if not one or not other:
        return all(part == star for part in one + other)
    if one[0] == star:
        return _overlap(one[1:], other, star, overlap) or _overlap(one, other[1:], star, overlap)
    if other[0] == star:
        return _overlap(other, one, star, overlap)
    return overlap(one[0], other[0]) and _overlap(one[1:], other[1:], star, overlap)


def _segments_overlap(one: str, other: str) -> bool:
    return _overlap(tuple(one), tuple(other), "*", _letters_overlap)


def _letters_overlap(one: str, other: str) -> bool:
    return one == other or "?" in (one, other)
