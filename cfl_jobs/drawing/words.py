"""The chain's parts → the words that drawings and reviews use for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from cfl_jobs.configs.graph import Chain, CopyEdge, GraphNode, Passed, Start, TriggerEdge
from cfl_jobs.configs.model import Parameter, ParameterKind, StartKind
from cfl_jobs.configs.steps.artifacts import Selector, parse_selector
from cfl_jobs.errors import bracket, join_names

# hudson.plugins.parameterizedtrigger.ResultCondition
_CONDITIONS = {
    "SUCCESS": "",
    "ALWAYS": "",
    "UNSTABLE": "if it is unstable",
    "UNSTABLE_OR_BETTER": "even if it is unstable",
    "UNSTABLE_OR_WORSE": "unless it succeeds",
    "FAILED": "if it fails",
    "FAILED_OR_BETTER": "even if it fails",
}
_SELECTORS = {
    Selector.LAST_SUCCESSFUL: "newest successful",
    Selector.LAST_COMPLETED: "newest completed",
    Selector.UPSTREAM: "the build that started it",
    Selector.SAVED: "newest kept for ever",
    Selector.WORKSPACE: "the workspace",
    Selector.SPECIFIC: "build {}",
    Selector.PARAMETER: "the build that {} selects",
    Selector.PERMALINK: "{}",
}
_ASKS = {True: "asks for", False: "parameters"}
# In words, and what stands there for a detail that isn't known.
_STARTS = {
    StartKind.PUSH: ("a push to {}", "its repository"),
    StartKind.POLL: ("a change in {}, found by polling", "its repository"),
    StartKind.TIMER: ("the clock, {}", "never"),
    StartKind.HAND: ("a person", ""),
}


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one job to another: its triggers, its copies, or both."""

    source: str
    target: str
    triggers: tuple[TriggerEdge, ...] = ()
    copies: tuple[CopyEdge, ...] = ()

    @property
    def ends(self) -> tuple[str, str]:
        return self.source, self.target

    @property
    def kind(self) -> str:
        """What it does: it "starts" a build, "waits" for it too, or only "copies"."""
        if any(edge.blocking for edge in self.triggers):
            return "waits"
        return "starts" if self.triggers else "copies"

    def words(self) -> tuple[str, ...]:
        """Return lines that say what goes along, on what condition."""
        lines: list[str] = []
        for edge in self.triggers:
            waits = "waits for it" if edge.blocking else ""
            lines += [say_passed(edge.passed), waits, say_condition(edge)]
        lines += [f"takes {say_artifacts(copy.artifacts)}" for copy in self.copies]
        return tuple(filter(None, dict.fromkeys(lines)))


def list_arrows(chain: Chain) -> tuple[Arrow, ...]:
    """Return the arrows, triggers first, in the chain's order. A job's copies of itself count."""
    found: dict[tuple[str, str], tuple[list[TriggerEdge], list[CopyEdge]]] = {}
    for edge in chain.triggers:
        found.setdefault((edge.source, edge.target), ([], []))[0].append(edge)
    for copy in chain.copies:
        found.setdefault((copy.source, copy.target), ([], []))[1].append(copy)
    return tuple(Arrow(*pair, tuple(ts), tuple(cs)) for pair, (ts, cs) in found.items())


def say_start(start: Start) -> str:
    """Return, for example, "a push to ocadotechnology/ocargo"."""
    words, unknown = _STARTS[start.kind]
    return words.format(start.detail or unknown)


def say_condition(edge: TriggerEdge) -> str:
    """Return on what condition a job is started, "" for none worth telling.

    A blocking step's condition is always ALWAYS; a file that must be there says more.
    """
    words = [_CONDITIONS.get(edge.condition, f"if {edge.condition}")]
    if edge.file:
        words.append(f"if the build wrote {edge.file}")
    return " and ".join(filter(None, words))


def say_passed(passed: Iterable[Passed]) -> str:
    return ", ".join(item.name for item in passed)


def say_parameters(node: GraphNode) -> str:
    """Return a job's parameters, each with its default in brackets where it has one."""
    return ", ".join(f"{p.name}{bracket(say_default(p))}" for p in node.parameters)


def say_default(parameter: Parameter) -> str:
    if parameter.kind is not ParameterKind.BUILD_SELECTOR:
        return parameter.default.replace("\n", " ")
    selector = parse_selector(parameter.default)
    if selector is None:
        return ""
    if selector.kind is Selector.PARAMETER:
        return selector.argument
    if selector.kind is Selector.SPECIFIC and not selector.argument:
        return "a build number"
    return _SELECTORS[selector.kind].format(selector.argument)


def say_selector(edge: CopyEdge) -> str:
    """Return which build is copied from, for example "build $DISTRIBUTION_NUMBER"."""
    selector = edge.part.selector
    words = _SELECTORS[selector.kind].format(selector.argument)
    return " with ".join(filter(None, (words, edge.part.parameter_filter)))


def say_artifacts(artifacts: Iterable[str]) -> str:
    return ", ".join(artifacts) or "everything"


def describe_node(chain: Chain, node: GraphNode) -> Iterator[tuple[str, str]]:
    """Yield what a job asks for, takes and makes, each as (verb, what)."""
    if node.parameters:
        yield _ASKS[node.by_hand], say_parameters(node)
    together: dict[str, dict[str, None]] = {}
    for edge in chain.copied_by(node.name):
        source = "its own earlier builds" if edge.source == edge.target else edge.source
        together.setdefault(say_artifacts(edge.artifacts), {})[source] = None
    for artifacts, sources in together.items():
        yield "takes", f"{artifacts} of {join_names(list(sources))}"
    if node.artifacts:
        yield "makes", say_artifacts(node.artifacts)


def group_starts(edges: Iterable[TriggerEdge]) -> list[tuple[TriggerEdge, tuple[str, ...]]]:
    """Return a job's starts step by step: one edge of the step and all its targets."""
    steps = [list(group) for _, group in groupby(edges, key=lambda edge: edge.step)]
    return [(group[0], tuple(edge.target for edge in group)) for group in steps]


def say_node_notes(node: GraphNode) -> str:
    if not node.defined:
        return "not defined here"
    return "disabled" if node.disabled else ""
