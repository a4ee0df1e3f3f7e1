"""Rules about deploying: only what was tested, only what was asked for, one at a time.

A deploy job is one whose name begins with "Deploy", or whose script runs ./deploy.sh or the like,
or the command in a variable of such a name: `bash -c "$deploy_command"`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Set
from enum import Enum

from cfl_jobs.check.failing import read_script
from cfl_jobs.check.forms import call_of
from cfl_jobs.check.rule import (
    RULES,
    Found,
    Scope,
    Severity,
    found_at,
    parts_of,
    scripts_of,
)
from cfl_jobs.check.script import ASSIGNS, Node
from cfl_jobs.check.shell import deploys, expanding_text
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.graph import follow
from cfl_jobs.configs.model import Job, StartKind
from cfl_jobs.configs.steps.artifacts import CopyArtifact, Selector, parse_selector
from cfl_jobs.configs.steps.building import JUnitResults, Shell

_DECIDES_NOTHING = re.compile(
    r"(?:echo|printf|rm|:|true|mkdir|touch|export|local|declare|readonly|unset|set|trap|tee)(?:\s|$)"
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_LOOKS = re.compile(r"(?:test|grep|cmp|diff|case|sha\d+sum|\S*/\S+)\s")
_BY_HAND_ONLY = re.compile(r"\b(staging|prod|production|live)\b", re.IGNORECASE)


def is_deploy(job: Job) -> bool:
    """Tell whether a job deploys, by its name or by what its scripts run."""
    is_called_so = re.match(r"deploy\b", job.name.rpartition("/")[2], re.IGNORECASE)
    return bool(is_called_so) or any(map(deploys, scripts_of(job)))


def is_by_hand_only(name: str) -> bool:
    """Tell whether a deploy of this name is by a person's decision alone."""
    return _BY_HAND_ONLY.search(name) is not None


def _deploy_jobs(scope: Scope) -> Iterator[Job]:
    return filter(is_deploy, scope.freestyle())


@RULES.rule("deploy-without-guard", Severity.ERROR, "a deploy job doesn't look for passed tests")
def find_unguarded(scope: Scope) -> Iterator[Found]:
    """A deploy job must refuse what was not tested. It can only know by copying the evidence of
    that very distribution (a copy with a parameter filter) from a job that publishes test results
    or comes after one, and by a step after it that looks at it and stops before the deploy.

    Copy the record of the tests with `parameter-filters: DISTRIBUTION_NUMBER=...`, and let the
    script stop without it, as in `[ -s evidence/tests.txt ] || exit 1`.
    """
    tests = {job.name for job in scope.jobs if any(parts_of(job.publishers, JUnitResults))}
    for job in _deploy_jobs(scope):
        records = [
            copy.part
            for copy in scope.chain.copied_by(job.name)
            if copy.part.parameter_filter and _follows_tests(copy.source, tests, scope)
        ]
        evidence: list[str] = []
        looks: Found | None = None
        guard = Guard.NEITHER
        for step in job.builders:
            if isinstance(step, CopyArtifact) and step in records:
                evidence += [name.rpartition("/")[2] for name in read_names(step.filter)]
            elif isinstance(step, Shell) and guard is Guard.NEITHER:
                guard = find_guard(step.script, evidence)
                looks = looks or _find_look(job, step, evidence)
        if guard is not Guard.STOPS:
            message = "this job doesn't look whether what it deploys was tested"
            yield looks or Found(job.name, message)


def _follows_tests(name: str, tests: Set[str], scope: Scope) -> bool:
    """Tell whether a job is one of `tests`, or starts or copies after one that is."""
    chain = scope.chain

    def sources(name: str) -> list[str]:
        triggers = [edge.source for edge in chain.started_by(name)]
        return triggers + [edge.source for edge in chain.copied_by(name)]

    before = follow([name], sources)
    return not tests or not all(map(scope.job, before)) or not tests.isdisjoint(before)


def _find_look(job: Job, step: Shell, files: Iterable[str]) -> Found | None:
    """Return what is wrong with a script that names one of the files, and goes on without it."""
    text = expanding_text(step.script)
    file = next((file for file in files if file in text), None)
    if file is None:
        return None
    line = text.count("\n", 0, text.index(file)) + 1
    message = f"nothing stops a deploy of what {file} doesn't record"
    advice = "Let the script exit before the deploy where the record isn't there or isn't right."
    return Found(job.name, message, advice, f"{step.path}/command", line)


@RULES.rule("deploy-of-newest", Severity.ERROR, "a deploy job takes whatever build is newest")
def find_newest(scope: Scope) -> Iterator[Found]:
    """ "The newest" may not be what was tested, nor what the person meant, and two deploys of it
    may be two different things. What is deployed is chosen by its number.

    Let a build selector parameter choose (`which-build: build-param`), whose default is
    `specific-build` with an empty `build-number`.
    """
    for job in _deploy_jobs(scope):
        defaults = {parameter.name: parameter for parameter in job.parameters}
        for step in parts_of(job.builders, CopyArtifact):
            if step.parameter_filter:
                continue
            selector = step.selector
            if selector.kind is Selector.PARAMETER and selector.argument in defaults:
                parameter = defaults[selector.argument]
                default = parse_selector(parameter.default)
                if default is not None and default.kind is not Selector.SPECIFIC:
                    message = "the newest build is deployed where nobody chooses one"
                    yield Found(job.name, message, path=parameter.path)
            elif selector.kind not in (Selector.SPECIFIC, Selector.PARAMETER, Selector.UPSTREAM):
                message = f"the job deploys whatever build of {step.project} is newest"
                yield Found(job.name, message, path=step.path)


@RULES.rule("concurrent-deploy", Severity.ERROR, "two deploys to one environment may overlap")
def find_concurrent(scope: Scope) -> Iterator[Found]:
    """Two builds that deploy to the same place at the same time leave a mix of both there.

    Set `concurrent: false`, or lock a resource of the environment's name.
    """
    for job in _deploy_jobs(scope):
        if job.concurrent and not job.resources:
            yield Found(job.name, "builds of this deploy job may run at the same time")


@RULES.rule("deploy-trigger", Severity.ERROR, "something starts a deploy that is only by hand")
def find_triggers(scope: Scope) -> Iterator[Found]:
    """Staging and production (a deploy job with "Staging", "Prod", "Production" or "Live" in its
    name) are deployed by a person's decision alone.

    Remove the trigger.
    """
    for job in _deploy_jobs(scope):
        if not is_by_hand_only(job.name):
            continue
        for trigger in job.triggers:
            message = "this is deployed by hand only, and the job has a trigger"
            yield Found(job.name, message, path=trigger.path)
        node = scope.chain.node(job.name)
        if not job.triggers and any(start.kind is not StartKind.HAND for start in node.starts):
            yield Found(job.name, "this is deployed by hand only, and the job has a trigger")
        for edge in scope.chain.started_by(job.name):
            if edge.holder != job.name:
                message = f"{edge.source} starts {job.name}, which is deployed by hand only"
                yield found_at(edge, message)


class Guard(Enum):
    """What a script does, whichever comes first."""

    STOPS = "stops where the file isn't right"
    DEPLOYS = "deploys"
    NEITHER = "neither"


def find_guard(script: str, files: Collection[str]) -> Guard:
    """Return what a step does first: look at one of the files and stop, or deploy."""
    first = script.partition("\n")[0]
    if first.startswith("#!") and not re.search(r"sh\b", first):
        looks = any(file in script for file in files)
        return (Guard.NEITHER, Guard.STOPS)[looks]
    reading = read_script(script)
    bodies = {node.words[0]: node for node in reading.tree.walk() if node.kind == "def"}
    deploying = {name for name, body in bodies.items() if any(map(_deploys, body.walk()))}
    deploy: Node | None = None
    calls: dict[str, int] = {}
    words = list(map(re.escape, files))

    def names(text: str) -> bool:
        return any(re.search(word, text) for word in words)

    for node in filter(reading.around.__contains__, reading.runs()):
        name = "".join(call_of(node)[:1])
        calls.setdefault(name or " ", node.start)
        is_inner = any(body.start < node.start < body.end for body in bodies.values())
        if deploy is None and not is_inner and (name in deploying or _deploys(node)):
            deploy = node
        if names(" ".join(node.words)):  # the variables that it makes of that are as good
            made = [found[1] for found in map(ASSIGNS.fullmatch, node.words) if found]
            if node.words[0] in ("read", "mapfile", "readarray"):
                made += filter(_NAME.fullmatch, node.words[1:])
            words += [rf"\$\{{?{variable}\b" for variable in made]
    if deploy and all(any(map(names, way)) for way in reading.around[deploy]):
        return Guard.STOPS
    for stop in (*reading.red, *reading.green):
        body = next((n for n, b in bodies.items() if b.start < stop.start < b.end), "")
        start = calls.get(body, stop.start)
        asked = stop.asked.removeprefix("! ")
        decides = not stop.by_itself or not _DECIDES_NOTHING.match(asked)
        if stop.by_itself and stop.clause - {stop.asked}:
            decides = bool(_LOOKS.match(asked))
        if any(map(names, stop.clause)) and decides and not (deploy and start > deploy.start):
            return Guard.STOPS
    return (Guard.NEITHER, Guard.DEPLOYS)[deploy is not None]


def _deploys(node: Node) -> bool:
    return node.kind == "run" and deploys(" ".join(node.words))
