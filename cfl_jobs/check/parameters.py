"""Rules about parameters: what is passed is declared, what is needed is passed, what is used is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, found_at, parts_of
from cfl_jobs.check.shell import VariableUse, find_assigned, find_uses
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.graph import Chain
from cfl_jobs.configs.model import Job, Parameter, ParameterKind, UpstreamTrigger
from cfl_jobs.configs.steps.artifacts import BuildSelector, CopyArtifact, Selector, parse_selector
from cfl_jobs.configs.steps.step import Unknown
from cfl_jobs.configs.steps.triggering import CurrentParameters, variable_part
from cfl_jobs.errors import suggest

_SELECTS = ParameterKind.BUILD_SELECTOR


def _names(job: Job) -> list[str]:
    return [parameter.name for parameter in job.parameters]


@RULES.rule("undeclared-parameter", Severity.ERROR, "a parameter is passed that nobody declares")
def find_undeclared_parameters(scope: Scope) -> Iterator[Found]:
    """Jenkins passes only parameters that the started job declares (since 2.3, SECURITY-170); the
    others are dropped without a word. A filter of Copy Artifact on a parameter that the source
    doesn't have matches no build.

    Declare the parameter in the started job, or don't pass it.
    """
    for edge in scope.chain.triggers:
        target = scope.job(edge.target)
        if target is None:
            continue
        given = getattr(edge.part, "parameters", ())
        hands_all_on = any(parts_of(given, CurrentParameters))
        for passed in edge.passed:
            if passed.name not in _names(target) and not hands_all_on:
                message = f"{edge.source} passes {passed.name} to {edge.target}, which does not "
                message += "declare it: it is dropped"
                advice = suggest(passed.name, _names(target))
                yield found_at(edge, message, advice, field="configs")
    for copy in scope.chain.copies:
        source = scope.job(copy.source)
        for part in read_names(copy.part.parameter_filter):
            name = part.partition("=")[0].strip()
            if source is not None and name not in _names(source):
                message = f"{copy.target} copies from builds of {copy.source} by their {name}, "
                message += "which that job does not declare: no build matches"
                advice = suggest(name, _names(source))
                yield found_at(copy, message, advice, field="parameters")


@RULES.rule("missing-parameter", Severity.ERROR, "a job is started without a parameter it needs")
def find_missing_parameters(scope: Scope) -> Iterator[Found]:
    """The started job uses a parameter that has no default, and the trigger doesn't pass it. An
    empty parameter isn't even in a build's environment, so the build fails, or works on nothing.

    Pass it, give it a default, or let the script say what to do without it: `${NAME:-}`.
    """
    for edge in scope.chain.triggers:
        target = scope.job(edge.target)
        if target is None or isinstance(edge.part, UpstreamTrigger):
            continue
        given = {passed.name for passed in edge.passed}
        for parameter in target.parameters:
            if parameter.name not in given and _is_needed(parameter, target):
                without = f"without {parameter.name}, which it needs"
                yield found_at(edge, f"{edge.source} starts {edge.target} {without}")


def _is_needed(parameter: Parameter, job: Job) -> bool:
    """Tell whether a job can't do without a parameter being passed."""
    if parameter.kind is _SELECTS:
        return parse_selector(parameter.default) == BuildSelector(Selector.SPECIFIC)
    if parameter.default:
        return False
    uses = [found.use for found in _list_references(job) if found.name == parameter.name]
    in_scripts = [use for use in uses if use]
    guarded = any(use.has_default for use in in_scripts)
    in_fields = len(in_scripts) < len(uses)
    return in_fields or any(use.is_required or not guarded for use in in_scripts)


@RULES.rule("undeclared-variable", Severity.ERROR, "a variable is used that no build has")
def find_undeclared_variables(scope: Scope) -> Iterator[Found]:
    """A script or an option uses an uppercase variable that is not a parameter of the job, nor of
    Jenkins, the shell, bound credentials, a copy or a blocking trigger in this job, and that the
    script doesn't set. In an option it stays as it is written; in a script it is empty.

    Declare the parameter, or correct the name. Names of a script's own are lowercase here. Jobs
    with parts that the model doesn't know are not looked at: those may set variables.
    """
    for job in scope.freestyle():
        if any(parts_of((*job.wrappers, *job.builders, *job.unknown), Unknown)):
            continue
        seen: set[tuple[str, str]] = set()
        for found in _list_references(job):
            if _is_set(found.name, job, scope.chain) or (found.name, found.path) in seen:
                continue
            seen.add((found.name, found.path))
            where, line = "an option", 0
            if found.use:
                where, line = "the script", found.use.line
            message = f"{where} uses ${found.name}, which the job's builds don't have"
            if found.path.endswith("selector/parameterName"):
                copies = f"the job copies the build that its parameter {found.name} selects"
                message = f"{copies}, and has none"
            yield Found(job.name, message, suggest(found.name, _names(job)), found.path, line)


@RULES.rule("wrong-parameter-kind", Severity.ERROR, "a parameter is used as what it is not")
def find_wrong_kinds(scope: Scope) -> Iterator[Found]:
    """Copy Artifact reads the parameter that selects a build as XML. From a string parameter it
    gets what a person typed, and the build ends with an error about XML; and a build selector
    parameter that is passed plain text (`7`) makes Jenkins refuse the build.

    Let the parameter be a `copyartifact-build-selector`, and pass it
    `<SpecificBuildSelector><buildNumber>7</buildNumber></SpecificBuildSelector>`.
    """
    for job in scope.jobs:
        kinds = {parameter.name: parameter.kind for parameter in job.parameters}
        for step in parts_of(job.builders, CopyArtifact):
            name = step.selector.argument
            kind = kinds.get(name, _SELECTS)
            if step.selector.kind is Selector.PARAMETER and kind is not _SELECTS:
                message = f"the parameter {name} selects a build, but is a {kind.value}"
                yield Found(job.name, message, path=f"{step.path}/selector/parameterName")
    for edge in scope.chain.triggers:
        values = {passed.name: passed.value for passed in edge.passed}
        are_xml = _build_selectors(scope.job(edge.source))
        for name in _build_selectors(scope.job(edge.target)):
            value = values.get(name) or "<"
            if not value.lstrip().startswith("<") and value.strip("${}") not in are_xml:
                selects = f"with which {edge.target} selects a build"
                message = f"{edge.source} passes plain text as {name}, {selects}"
                yield found_at(edge, message, field="configs")


def _build_selectors(job: Job | None) -> list[str]:
    return [p.name for p in (job and job.parameters) or () if p.kind is _SELECTS]


# Jenkins' own (core 2.440, CoreEnvironmentContributor; display-url-api; junit)
_JENKINS = """
    BUILD_CAUSE BUILD_DISPLAY_NAME BUILD_ID BUILD_NUMBER BUILD_TAG BUILD_URL CI EXECUTOR_NUMBER
    HUDSON_HOME HUDSON_SERVER_COOKIE HUDSON_URL JENKINS_HOME JENKINS_SERVER_COOKIE JENKINS_URL
    JOB_BASE_NAME JOB_DISPLAY_URL JOB_NAME JOB_URL NODE_LABELS NODE_NAME ROOT_BUILD_CAUSE
    RUN_ARTIFACTS_DISPLAY_URL RUN_CHANGES_DISPLAY_URL RUN_DISPLAY_URL RUN_TESTS_DISPLAY_URL
    WORKSPACE WORKSPACE_TMP
"""
# What a shell on the node sets, or the login that the agent runs under
_SHELL = """
    COLUMNS DIRSTACK DISPLAY EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HOME HOSTNAME HOSTTYPE
    HTTPS_PROXY HTTP_PROXY IFS JAVA_HOME LANG LANGUAGE LINENO LINES LOGNAME MACHTYPE NO_PROXY OLDPWD
    OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS PPID PS1 PS2 PS4 PWD RANDOM REPLY SECONDS SHELL
    SHELLOPTS SHLVL SRANDOM SSH_AUTH_SOCK TEMP TERM TMP TMPDIR TZ UID USER
"""
_ALWAYS = frozenset(f"{_JENKINS} {_SHELL}".split())
_ALWAYS_LIKE = re.compile(r"LC_\w+|BASH\w*|XDG_\w+")
# hudson.Util.VARIABLE
_REFERENCE = re.compile(r"\$(?:(?P<plain>[A-Za-z0-9_]+)|\{(?P<braced>[A-Za-z0-9_.]+)\})")


class _Reference(NamedTuple):
    """A variable that a field of the config or a script uses."""

    name: str
    path: str
    use: VariableUse | None = None  # in a script


def _is_set(name: str, job: Job, chain: Chain) -> bool:
    """Tell whether a build of the job has the variable, so far as its config tells."""
    if name in _ALWAYS or _ALWAYS_LIKE.fullmatch(name):
        return True
    steps = (*job.wrappers, *job.builders)
    declared = {
        *_names(job),
        job.resources_variable,
        *(v for step in steps for v in step.variables),
    }
    if name in declared:
        return True
    if name.startswith("GIT_"):
        return job.scm is not None
    name = re.sub(r"_RUN_\d+$", "", name)
    return name in _TRIGGERED_ALWAYS or any(
        name.startswith("TRIGGERED_") and name.endswith(f"_{variable_part(edge.target)}")
        for edge in chain.starts_of(job.name)
        if edge.blocking
    )


_TRIGGERED_ALWAYS = frozenset({"TRIGGERED_JOB_NAMES", "LAST_TRIGGERED_JOB_NAME"})


def _list_references(job: Job) -> Iterator[_Reference]:
    """Yield the variables that fields of the config use, then those that scripts use."""
    texts: list[tuple[str, str]] = []
    if scm := job.scm:
        texts += [(scm.path, text) for text in (*scm.branches, *scm.urls, scm.refspec)]
    for part in (*job.wrappers, *job.builders, *job.publishers):
        texts += part.expanded()
    for path, text in texts:
        for match in _REFERENCE.finditer(text.replace("$$", "")):
            yield _Reference(match["plain"] or match["braced"], path)
    for step in job.shells:
        assigned = find_assigned(step.script)
        for use in find_uses(step.script):
            if re.fullmatch(r"[A-Z][A-Z0-9_]*", use.name) and use.name not in assigned:
                yield _Reference(use.name, f"{step.path}/command", use)
