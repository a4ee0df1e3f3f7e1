"""Rules about parameters: what is passed is declared, what is needed is passed, what is used is."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.check.references import holder_of, path_of
from cfl_jobs.check.rule import RULES, Found, Scope, Severity
from cfl_jobs.check.variables import (
    Reference,
    is_set,
    list_references,
    sets_unknown_variables,
)
from cfl_jobs.configs.fields import read_names
from cfl_jobs.configs.graph import TriggerEdge
from cfl_jobs.configs.model import (
    CopyArtifact,
    CurrentParameters,
    Job,
    Parameter,
    ParameterKind,
    Selector,
    TriggerBuilds,
    UpstreamTrigger,
)
from cfl_jobs.configs.selectors import parse_selector
from cfl_jobs.errors import suggest


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
        hands_all_on = _passes_current(edge)
        for passed in edge.passed:
            if passed.name not in _names(target) and not hands_all_on:
                message = (
                    f"{edge.source} passes {passed.name} to {edge.target}, which does not declare"
                    " it: it is dropped"
                )
                advice = suggest(passed.name, _names(target))
                yield Found(holder_of(edge), message, advice, path_of(edge.part, "configs"))
    for copy in scope.chain.copies:
        source = scope.job(copy.source)
        for name in _filter_names(copy.parameter_filter):
            if source is not None and name not in _names(source):
                message = (
                    f"{copy.target} copies from builds of {copy.source} by their {name}, which"
                    " that job does not declare: no build matches"
                )
                advice = suggest(name, _names(source))
                yield Found(copy.target, message, advice, path_of(copy.part, "parameters"))


def _passes_current(edge: TriggerEdge) -> bool:
    parameters = edge.part.parameters if isinstance(edge.part, TriggerBuilds) else ()
    return any(isinstance(given, CurrentParameters) for given in parameters)


def _filter_names(text: str) -> list[str]:
    return [part.partition("=")[0].strip() for part in read_names(text)]


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
                message = (
                    f"{edge.source} starts {edge.target} without {parameter.name}, which it needs"
                )
                yield Found(edge.source, message, path=path_of(edge.part))


def _is_needed(parameter: Parameter, job: Job) -> bool:
    """Tell whether a job can't do without a parameter being passed."""
    if parameter.kind is ParameterKind.BUILD_SELECTOR:
        selector = parse_selector(parameter.default)
        return selector is not None and (selector.kind, selector.argument) == (
            Selector.SPECIFIC,
            "",
        )
    if parameter.default:
        return False
    references = [found for found in list_references(job) if found.name == parameter.name]
    uses = [found.use for found in references if found.use]
    in_fields = len(uses) < len(references)
    guarded = any(use.has_default for use in uses)
    return in_fields or any(use.is_required or not guarded for use in uses)


@RULES.rule("undeclared-variable", Severity.ERROR, "a variable is used that no build has")
def find_undeclared_variables(scope: Scope) -> Iterator[Found]:
    """A script or an option uses an uppercase variable that is not a parameter of the job, nor of
    Jenkins, the shell, bound credentials, a copy or a blocking trigger in this job, and that the
    script doesn't set. In an option it stays as it is written; in a script it is empty.

    Declare the parameter, or correct the name. Names of a script's own are lowercase here. Jobs
    with parts that the model doesn't know are not looked at: those may set variables.
    """
    for job in scope.freestyle():
        if sets_unknown_variables(job):
            continue
        seen: set[tuple[str, str]] = set()
        for found in list_references(job):
            if is_set(found.name, job, scope.chain) or (found.name, found.path) in seen:
                continue
            seen.add((found.name, found.path))
            yield Found(
                job.name,
                _say_undeclared(found),
                suggest(found.name, _names(job)),
                found.path,
                found.line,
            )


def _say_undeclared(found: Reference) -> str:
    if found.path.endswith("selector/parameterName"):
        return f"the job copies the build that its parameter {found.name} selects, and has none"
    where = "the script" if found.use else "an option"
    return f"{where} uses ${found.name}, which the job's builds don't have"


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
        for step in job.builders:
            if isinstance(step, CopyArtifact) and step.selector.kind is Selector.PARAMETER:
                name = step.selector.argument
                if (
                    kinds.get(name, ParameterKind.BUILD_SELECTOR)
                    is not ParameterKind.BUILD_SELECTOR
                ):
                    message = f"the parameter {name} selects a build, but is a {kinds[name].value}"
                    yield Found(job.name, message, path=f"{step.path}/selector/parameterName")
    for edge in scope.chain.triggers:
        target = scope.job(edge.target)
        for parameter in target.parameters if target else ():
            value = next((p.value for p in edge.passed if p.name == parameter.name), None)
            if parameter.kind is ParameterKind.BUILD_SELECTOR and value is not None:
                is_handed_on = value.strip("${}") in {p.name for p in edge_parameters(scope, edge)}
                if not value.lstrip().startswith("<") and not is_handed_on:
                    message = (
                        f"{edge.source} passes plain text as {parameter.name}, with which"
                        f" {edge.target} selects a build"
                    )
                    yield Found(edge.source, message, path=path_of(edge.part, "configs"))


def edge_parameters(scope: Scope, edge: TriggerEdge) -> tuple[Parameter, ...]:
    """Return the build selector parameters of a trigger's job: their values are XML already."""
    source = scope.job(edge.source)
    parameters = source.parameters if source else ()
    return tuple(p for p in parameters if p.kind is ParameterKind.BUILD_SELECTOR)
