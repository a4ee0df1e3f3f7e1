"""Rules about what starts what, what it copies, and what it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, found_at, parts_of, scripts_of
from cfl_jobs.check.shell import expanding_text
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.graph import Chain, TriggerEdge
from cfl_jobs.configs.model import PERMITTED, Job
from cfl_jobs.configs.references import resolve_job
from cfl_jobs.configs.steps.artifacts import Selector
from cfl_jobs.configs.steps.step import Unknown
from cfl_jobs.configs.steps.triggering import FileParameters, TriggerBuilds
from cfl_jobs.errors import count, join_names, suggest


@RULES.rule("cycle", Severity.ERROR, "jobs start each other in a circle")
def find_cycles(scope: Scope) -> Iterator[Found]:
    """Each build starts the next one without end, and fills the queue.

    Break the circle. Where every round of it is stopped by a file that a build must write first,
    it may be meant: then it is only a warning.
    """
    told: set[str] = set()
    for name in _names_in_circles(scope.chain):
        circle = _find_circle(scope.chain, name)
        if not circle or not told.isdisjoint(edge.source for edge in circle):
            continue
        told |= {edge.source for edge in circle}
        names = " → ".join([*(edge.source for edge in circle), circle[0].source])
        severity = Severity.WARNING if any(edge.file for edge in circle) else None
        message = f"these jobs start each other in a circle: {names}"
        yield found_at(circle[-1], message, severity=severity)


def _names_in_circles(chain: Chain) -> list[str]:
    """Return the jobs that may be in a circle: without those that nothing starts, and so on."""
    left = {node.name: len(chain.started_by(node.name)) for node in chain.nodes}
    ready = [name for name, starts in left.items() if not starts]
    while ready:
        name = ready.pop()
        del left[name]
        for edge in chain.starts_of(name):
            left[edge.target] -= 1
            if not left[edge.target]:
                ready.append(edge.target)
    return list(left)


def _find_circle(chain: Chain, start: str) -> list[TriggerEdge]:
    """Return the shortest way from a job back to itself, or nothing."""
    ways: list[list[TriggerEdge]] = [[edge] for edge in chain.starts_of(start)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        if way[-1].target == start:
            return way
        if way[-1].target not in seen:
            seen.add(way[-1].target)
            ways += [[*way, edge] for edge in chain.starts_of(way[-1].target)]
    return []


@RULES.rule("too-many-blocking-jobs", Severity.ERROR, "jobs may wait for each other for ever")
def find_too_many_blocking(scope: Scope) -> Iterator[Found]:
    """A trigger that waits keeps its executor while the builds that it waits for need one each.
    With as many waiting builds as executors, none of them ever goes on: on a server with two
    executors, a new server's default, one blocking job is fine and two are a deadlock.

    Let fewer jobs wait, don't let a waiting job run concurrently, or tell the check how many
    executors the server has (`--executors`).
    """
    blocking = list(dict.fromkeys(edge.source for edge in scope.chain.triggers if edge.blocking))
    for name in blocking:
        job = scope.job(name)
        edge = next(edge for edge in scope.chain.starts_of(name) if edge.blocking)
        if job is not None and job.concurrent:
            message = (
                f"builds of {name} wait for others and may run at the same time: enough of them"
                " take every executor"
            )
            yield found_at(edge, message, "Set `concurrent: false`.")
        if len(blocking) >= scope.executors:
            who = f"{join_names(blocking)} wait for builds that they start"
            if len(blocking) == 1:
                who = f"{name} waits for builds that it starts"
            has = f"the server has {count(scope.executors, 'executor')}"
            yield found_at(edge, f"{who} and may take every executor; {has}")


@RULES.rule("unreachable-job", Severity.WARNING, "nothing starts a job, and no person is meant to")
def find_unreachable(scope: Scope) -> Iterator[Found]:
    """No trigger starts the job, no other job does, it asks for no parameters, and its description
    doesn't say that people start it.

    Add the trigger that was forgotten, say "by hand" in the description, or remove the job.
    """
    for job in scope.freestyle():
        says_by_hand = re.search(r"by hand|manual", job.description, re.IGNORECASE)
        if scope.chain.node(job.name).by_hand and not job.parameters and not says_by_hand:
            yield Found(job.name, "nothing starts this job, and it doesn't say that people do")


@RULES.rule("disabled-job-started", Severity.WARNING, "a trigger names a job that is disabled")
def find_disabled(scope: Scope) -> Iterator[Found]:
    """Jenkins doesn't start builds of a disabled job, and doesn't say so: the chain ends there.

    Enable the job, or remove the trigger.
    """
    for edge in scope.chain.triggers:
        target = scope.job(edge.target)
        if target is not None and target.disabled:
            yield found_at(edge, f"{edge.source} starts {edge.target}, which is disabled")


@RULES.rule("unknown-job", Severity.ERROR, "a job is named that does not exist")
def find_unknown_jobs(scope: Scope) -> Iterator[Found]:
    """Jenkins drops a name that it doesn't know from a trigger without an error, Copy Artifact
    fails only when the build runs, and a view just shows less.

    Correct the name, or define the job. A name that holds a variable is not looked at.
    """
    names = scope.job_names

    def is_missing(name: str) -> bool:
        return "$" not in name and scope.job(name) is None

    for edge in scope.chain.triggers:
        other, field = edge.target, "projects"
        if edge.holder == edge.target:
            other, field = edge.source, "upstreamProjects"
        if is_missing(other):
            message = f"{edge.holder} names the job {other!r} in a trigger, and there is none"
            yield found_at(edge, message, suggest(other, names), field=field)
    for copy in scope.chain.copies:
        if is_missing(copy.source):
            message = f"{copy.target} copies from the job {copy.source!r}, and there is none"
            yield found_at(copy, message, suggest(copy.source, names), field="project")
    for job in scope.jobs:
        for entry in job.copy_permissions or ():
            if not _permits_someone(job, entry, scope):
                message = f"{job.name} lets {entry!r} copy its artifacts, and there is no such job"
                yield Found(job.name, message, suggest(entry, names), PERMITTED)
    for view in scope.views:
        for name in filter(is_missing, view.jobs):
            message = f"the view {view.name} shows the job {name!r}, and there is none"
            yield Found(view.name, message, suggest(name, names), "jobNames")


def _permits_someone(job: Job, entry: str, scope: Scope) -> bool:
    if re.fullmatch(r"[*/]+", entry):
        return True
    only = Job(job.name, copy_permissions=(entry,))
    named = resolve_job(entry, job.name, scope.job_names)  # most entries are just a job's name
    is_named = scope.job(named) is not None and only.permits(named)
    return is_named or any(map(only.permits, scope.job_names))


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
                has = f"only {', '.join(archived)}" * bool(archived) or "nothing"
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
    into = re.compile(rf">>?\s*[\"']?[^\s\"'<>]*{re.escape(name)}")
    for command in commands:
        if found := into.search(command):
            if not _EMPTY.fullmatch(command[: found.start()]):
                return True
        elif name in command and not _WRITES_NOTHING.match(command):
            return True
    return False


_EMPTY = re.compile(r"\s*(?::|true|cat\s+/dev/null)?\s*")
_WRITES_NOTHING = re.compile(
    r"""\s*(?:(?:if|then|else|elif|while|do|!|\{|\()\s+)*
        (?:rm|unlink|\[+|test|touch|truncate|ls|stat|chmod|chown|echo|printf|:|true|source|\.
           |cat|head|tail|grep|wc|diff|cmp|sha\d+sum|md5sum|if|git\s+(?:add|rm))(?:\s|$)""",
    re.VERBOSE,
)


def may_overlap(one: str, other: str) -> bool:
    """Tell whether a path can match both patterns. Variables stand for anything.

    >>> may_overlap("out/*.gz", "**/ocargo.tar.gz")
    True
    >>> may_overlap("commit.txt", "tested.txt")
    False
    """
    return _overlap(_split(one), _split(other), "**")


def _split(pattern: str) -> tuple[str, ...]:
    pattern = re.sub(r"\$\{[^}]*\}|\$\w+", "*", pattern.strip().replace("\\", "/"))
    if pattern.endswith("/"):
        pattern += "**"  # org.apache.tools.ant.DirectoryScanner
    return tuple(part for part in pattern.split("/") if part not in ("", "."))


@cache
def _overlap(one: tuple[str, ...], other: tuple[str, ...], star: str) -> bool:
    """Tell whether two paths' segments, or two segments' letters, can be the same; `star` stands
    for any number of them."""
    if not one or not other:
        return all(part == star for part in one + other)
    if one[0] == star:
        return _overlap(one[1:], other, star) or _overlap(one, other[1:], star)
    if other[0] == star:
        return _overlap(other, one, star)
    is_like = one[0] == other[0] or (star == "*" and "?" in (one[0], other[0]))
    if star == "**" and not is_like:
        is_like = _overlap(tuple(one[0]), tuple(other[0]), "*")
    return is_like and _overlap(one[1:], other[1:], star)
