"""The chain as a value: what starts what, what goes along, what copies what; its variables."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cfl_jobs.check.flow
import cfl_jobs.configs.graph
from cfl_jobs.configs.graph import Passed, build_chain, name_repository, sort_jobs
from cfl_jobs.configs.model import Job, Parameter, ParameterKind, UpstreamTrigger
from cfl_jobs.configs.references import expand, read_properties, resolve_job
from cfl_jobs.configs.steps.artifacts import BuildSelector, CopyArtifact, Selector
from cfl_jobs.configs.steps.triggering import CurrentParameters, TriggerBuilds
from tests.trial_chain import read_trial_chain

BRANCH = Parameter("BRANCH", ParameterKind.STRING, "master")


def copy_of(project: str) -> CopyArtifact:
    return CopyArtifact(project, BuildSelector(Selector.LAST_SUCCESSFUL), filter="a")


def test_every_text_of_the_configs_gives_the_same_chain() -> None:
    assert read_trial_chain("saved") == read_trial_chain("posted")


def test_a_job_that_nobody_defines_is_a_node_of_its_own() -> None:
    chain = build_chain([Job("a", builders=(copy_of("gone"),))])
    assert not chain.node("gone").defined
    assert chain.copies[0].permitted is None


def test_all_parameters_of_the_build_go_along_where_the_trigger_says_so() -> None:
    start = TriggerBuilds(("b",), (CurrentParameters(),))
    chain = build_chain([Job("a", parameters=(BRANCH,), publishers=(start,)), Job("b")])
    assert chain.triggers[0].passed == (Passed("BRANCH", "$BRANCH"),)


def test_an_upstream_trigger_is_an_edge_from_the_upstream_job() -> None:
    trigger = UpstreamTrigger(("a",), "UNSTABLE_OR_BETTER")
    chain = build_chain([Job("b", triggers=(trigger,)), Job("a")])
    assert [(edge.source, edge.target, edge.condition) for edge in chain.triggers] == [
        ("a", "b", "UNSTABLE_OR_BETTER")
    ]
    assert [node.name for node in chain.nodes] == ["a", "b"]


def test_names_in_a_folder_are_found_next_to_the_job_first() -> None:
    jobs = {"team/a", "team/b", "b"}
    assert resolve_job("b", "team/a", jobs) == "team/b"
    assert resolve_job("/b", "team/a", jobs) == "b"
    assert resolve_job("../b", "team/a", jobs) == "b"
    assert resolve_job("team/b", "team/a", jobs) == "team/b"


def test_permission_to_copy_is_by_name_with_stars_and_never_by_default() -> None:
    open_to = Job("team/a", copy_permissions=("b", "../Deploy to *", "/other/c"))
    assert open_to.permits("team/b")
    assert open_to.permits("Deploy to Prod")
    assert open_to.permits("other/c")
    assert not open_to.permits("b")
    assert not open_to.permits("team/a"), "not even itself"
    assert not Job("a").permits("b")
    assert Job("a", copy_permissions=("*",)).permits("b")


def test_a_repository_is_called_by_organisation_and_name() -> None:
    urls = {
        "https://github.com/ocadotechnology/ocargo.git": "ocadotechnology/ocargo",
        "git@github.com:ocadotechnology/ocargo.git": "ocadotechnology/ocargo",
        "ssh://git@example.org:22/a/b/": "a/b",
        "/srv/git/ocargo": "git/ocargo",
        "": "",
    }
    assert {url: name_repository(url) for url in urls} == urls


NAMES = st.integers(0, 7).map(str)


@settings(max_examples=50)
@given(st.lists(NAMES, unique=True), st.lists(st.tuples(NAMES, NAMES)))
def test_sorting_loses_no_name_and_follows_every_arrow_outside_circles(
    names: list[str], pairs: list[tuple[str, str]]
) -> None:
    pairs = [(a, b) for a, b in pairs if a in names and b in names]
    order = sort_jobs(names, pairs)
    assert sorted(order) == sorted(names)
    forward = [(a, b) for a, b in pairs if int(a) < int(b)]
    order = sort_jobs(names, forward)
    assert all(order.index(a) < order.index(b) for a, b in forward)


@pytest.mark.parametrize("module", [cfl_jobs.configs.graph, cfl_jobs.check.flow])
def test_examples_in_docstrings_hold(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


VARIABLES = {"BRANCH": "master", "EMPTY": "", "A.B": "dotted"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$BRANCH", "master"),
        ("${BRANCH}", "master"),
        ("x${BRANCH}y", "xmastery"),
        ("$branch", "master"),
        ("$UNKNOWN/${UNKNOWN}", "$UNKNOWN/${UNKNOWN}"),
        ("[$EMPTY]", "[]"),
        ("${A.B}", "dotted"),
        ("$$BRANCH", "$BRANCH"),
        ("50 % of $", "50 % of $"),
        ("$(BRANCH) `BRANCH`", "$(BRANCH) `BRANCH`"),
    ],
)
def test_variables_are_replaced_as_jenkins_does(text: str, value: str) -> None:
    assert expand(text, VARIABLES) == value


def test_a_replaced_value_is_not_read_again() -> None:
    assert expand("$A", {"A": "$B", "B": "no"}) == "$B"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nB = 2 \n", {"A": "1", "B": "2 "}),
        ("A:1\nB 2", {"A": "1", "B": "2"}),
        ("# no\n! no\n\n  A=1", {"A": "1"}),
        ("A=one\\\n    two", {"A": "onetwo"}),
        ("A=x\\\\\nB=2", {"A": "x\\", "B": "2"}),
        ("A=\\u2713 \\t\\q", {"A": "✓ \tq"}),
        ("A\\ b=c", {"A b": "c"}),
        ("A", {"A": ""}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=x=y:z", {"A": "x=y:z"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        (
            "D=<SpecificBuildSelector><buildNumber>3</buildNumber></SpecificBuildSelector>",
            {"D": "<SpecificBuildSelector><buildNumber>3</buildNumber></SpecificBuildSelector>"},
        ),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, values: dict[str, str]) -> None:
    assert read_properties(text) == values
