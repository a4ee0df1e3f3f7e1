"""The chain's parts → the words that drawings use for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from cfl_jobs.configs.graph import CopyEdge, Node, Passed, Start, StartKind, TriggerEdge
from cfl_jobs.configs.model import Parameter, ParameterKind, Selector
from cfl_jobs.configs.selectors import parse_selector

# hudson.plugins.parameterizedtrigger.ResultCondition and hudson.model.Result
_CONDITIONS = {
    "SUCCESS": "",
    "ALWAYS": "",
    "UNSTABLE": "if it is unstable",
    "UNSTABLE_OR_BETTER": "even if it is unstable",
    "UNSTABLE_OR_WORSE": "unless it succeeds",
    "FAILED": "if it fails",
    "FAILED_OR_BETTER": "even if it fails",
    "FAILURE": "even if it fails",
    "ABORTED": "even if it is aborted",
}


def say_start(start: Start) -> str:
    """Return, for example, "a push to ocadotechnology/ocargo"."""
    match start.kind:
        case StartKind.PUSH:
            return f"a push to {start.detail or 'its repository'}"
        case StartKind.POLL:
            return f"a change in {start.detail or 'its repository'}, found by polling"
        case StartKind.TIMER:
            return f"the clock, {start.detail}"
        case StartKind.HAND:
            return "a person"


def say_condition(edge: TriggerEdge) -> str:
    """Return on what condition a job is started, "" for none worth telling.

    A blocking step's condition is always ALWAYS; a file that must be there says more.
    """
    words = [_CONDITIONS.get(edge.condition, f"if {edge.condition}")]
    if edge.file:
        words.append(f"if the build wrote {edge.file}")
    return " and ".join(word for word in words if word)


def say_passed(passed: Iterable[Passed]) -> str:
    return ", ".join(item.name for item in passed)


def say_parameter(parameter: Parameter) -> str:
    """Return a parameter's name, with its default in brackets where it has one."""
    default = say_default(parameter)
    return f"{parameter.name} ({default})" if default else parameter.name


def say_default(parameter: Parameter) -> str:
    if parameter.kind is ParameterKind.BUILD_SELECTOR:
        selector = parse_selector(parameter.default)
        if selector is None:
            return ""
        if selector.kind is Selector.SPECIFIC:
            return f"build {selector.argument}" if selector.argument else "a build number"
        return _SELECTORS.get(selector.kind, selector.argument)
    return parameter.default.replace("\n", " ")


_SELECTORS = {
    Selector.LAST_SUCCESSFUL: "newest successful",
    Selector.LAST_COMPLETED: "newest completed",
    Selector.UPSTREAM: "the build that started it",
    Selector.SAVED: "newest kept for ever",
    Selector.WORKSPACE: "the workspace",
}


def say_selector(edge: CopyEdge) -> str:
    """Return which build is copied from, for example "build $DISTRIBUTION_NUMBER"."""
    selector = edge.selector
    if selector.kind is Selector.SPECIFIC:
        words = f"build {selector.argument}"
    elif selector.kind is Selector.PARAMETER:
        words = f"the build that {selector.argument} selects"
    elif selector.kind is Selector.PERMALINK:
        words = selector.argument
    else:
        words = _SELECTORS[selector.kind]
    return f"{words} with {edge.parameter_filter}" if edge.parameter_filter else words


def say_artifacts(artifacts: Iterable[str]) -> str:
    return ", ".join(artifacts) or "everything"


def join_names(names: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def group_copies(copies: Iterable[CopyEdge]) -> Iterator[tuple[str, list[str]]]:
    """Yield (artifacts, source jobs): what a job copies, sources of the same artifacts together."""
    together: dict[str, list[str]] = {}
    for edge in copies:
        sources = together.setdefault(say_artifacts(edge.artifacts), [])
        source = "its own earlier builds" if edge.source == edge.target else edge.source
        if source not in sources:
            sources.append(source)
    yield from together.items()


def group_starts(edges: Iterable[TriggerEdge]) -> list[tuple[TriggerEdge, tuple[str, ...]]]:
    """Return a job's starts step by step: one edge of the step and all its targets."""
    steps = [list(group) for _, group in groupby(edges, key=lambda edge: edge.step)]
    return [(group[0], tuple(edge.target for edge in group)) for group in steps]


def say_node_notes(node: Node) -> str:
    if not node.defined:
        return "not defined here"
    return "disabled" if node.disabled else ""
