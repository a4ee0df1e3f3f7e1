"""The recorded run of the trial chain on a real Jenkins, replayed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cfl_jobs.rehearsal.directory import Home
from tests.rehearsal_home import (
    DATA,
    artifacts,
    commit,
    make_engine,
    make_home,
    make_repository,
    read_log,
    trial_configs,
)
from tests.shell_steps import git

SCENARIO: list[dict[str, Any]] = json.loads((DATA / "scenario.json").read_text())
DEPLOY = '#!/bin/sh\necho "deploying to $1 version $2"\n'


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Play the scenario: three publishes by hand, then an ad-hoc build and a bad push at once."""
    root = tmp_path_factory.mktemp("scenario")
    files = {"codeforlife-deploy": {"deploy.sh": DEPLOY}}
    repositories = {
        name: make_repository(root / "clones" / name, files.get(name, {"file": name}))
        for name in ("ocargo", "codeforlife-portal", "codeforlife-deploy")
    }
    for repository in repositories.values():
        git(repository, "checkout", "--quiet", "-b", "hotfix")
        commit(repository, {"hotfix": "yes"}, "adhoc")
        git(repository, "checkout", "--quiet", "master")
    home = make_home(root / "home", trial_configs())
    with make_engine(home, repositories) as engine:
        for name in ("Publish Deploy Files", "Publish Portal Files", "Publish Ocargo Files"):
            engine.build(name, {}, user="admin")
        assert engine.run().succeeded
        commit(repositories["ocargo"], {"FAIL": ""}, "fail")
        engine.build("Ad-hoc distribution", {"BRANCH": "hotfix"}, user="admin")
        engine.push("ocargo", "master", pusher="dev")
        outcome = engine.run()
        assert not outcome.succeeded
        assert not outcome.deadlock
    return home


def test_the_same_builds_are_made(replayed: Home) -> None:
    """Every recorded build is there, and no other."""
    made = {
        (name, int(path.name))
        for name, _ in replayed.configs()
        for path in (replayed.job_directory(name) / "builds").glob("*")
    }
    assert made == {(build["job"], build["number"]) for build in SCENARIO}


@pytest.mark.parametrize("build", SCENARIO, ids=lambda b: f"{b['job']} {b['number']}")
def test_a_build_is_as_it_was_on_jenkins(replayed: Home, build: dict[str, Any]) -> None:
    """Result, parameters, causes and artifacts are the recorded ones."""
    path = replayed.build_directory(build["job"], build["number"]) / "build.json"
    record = json.loads(path.read_text())
    assert record["result"] == build["result"]
    assert _parameters(record["parameters"]) == _parameters(build["parameters"])
    assert sorted(_causes(record["causes"])) == sorted(
        cause["shortDescription"] for cause in build["causes"]
    )
    assert artifacts(replayed, build["job"], build["number"]) == build["artifacts"]


@pytest.mark.parametrize(
    "build", [b for b in SCENARIO if "environment" in b], ids=lambda b: f"{b['job']} {b['number']}"
)
def test_a_step_has_the_recorded_variables(replayed: Home, build: dict[str, Any]) -> None:
    """Beside what Jenkins sets there is only what says which node, machine and settings it is."""
    log = read_log(replayed, build["job"], build["number"])
    names = {line.partition("=")[0] for line in log.splitlines() if re.match(r"\w+=", line)}
    recorded = set(build["environment"])
    assert recorded <= names
    own = re.compile(
        r"NODE_\w+|HOME|PATH|PWD|OLDPWD|SHLVL|_|LANG\w*|LC_\w+|TZ|TERM|TMPDIR|SHELL|USER|LOGNAME|"
        r"GIT_(CONFIG_\w+|ALLOW_PROTOCOL|TERMINAL_PROMPT)|(PIP|UV|SSL|CURL|REQUESTS)_\w+|\w+_proxy|"
        r"\w+_PROXY"
    )
    assert [name for name in sorted(names - recorded) if not own.fullmatch(name)] == []


@pytest.mark.parametrize("build", SCENARIO, ids=lambda b: f"{b['job']} {b['number']}")
def test_a_log_tells_what_jenkins_tells(replayed: Home, build: dict[str, Any]) -> None:
    """Lines about copies, archives, triggers and results are the recorded ones, in order."""
    telling = re.compile(
        r"Copied |Unable to|Archiving|Skipped|No artifacts|Triggering|Waiting|Finished|Not trigg|"
        r"\[parameterized|Recording|Build step|\S.* #\d+ (started|completed)|Couldn't"
    )

    def pick(log: str) -> list[str]:
        return [line for line in log.splitlines() if telling.match(line)]

    assert pick(read_log(replayed, build["job"], build["number"])) == pick(build["console"])


def test_a_cause_tells_each_ancestor_once(replayed: Home) -> None:
    """The head of Promote's log is the recorded one, but for the order of the three publishes."""
    recorded = next(b for b in SCENARIO if b["job"] == "Promote Distribution" and b["number"] == 1)
    head, _, _ = recorded["console"].partition("Running as")
    ours, _, _ = read_log(replayed, "Promote Distribution").partition("Running as")
    assert sorted(ours.splitlines()) == sorted(head.splitlines())


def test_nothing_of_one_lane_is_in_the_other(replayed: Home) -> None:
    """The ad-hoc distribution has hotfix's commits, the pushed one master's."""
    lanes = [
        replayed.archive("Create Distribution", number).joinpath("commit.txt").read_text()
        for number in (1, 2, 3)
    ]
    commits = [{line.split()[1] for line in lane.splitlines()} for lane in lanes]
    assert len(commits[0] & commits[1]) == 2  # only ocargo was pushed
    assert not commits[2] & (commits[0] | commits[1])


def _parameters(values: dict[str, Any]) -> dict[str, str]:
    """Bring Jenkins' JSON and its serialised defaults to one form."""
    texts = {name: str(value).replace("False", "false") for name, value in values.items()}
    return {name: re.sub(r' plugin="[^"]*"|\s+(?=<)', "", text) for name, text in texts.items()}


def _causes(causes: list[dict[str, Any]]) -> list[str]:
    from cfl_jobs.rehearsal.records import cause_from_json

    return [str(cause_from_json(cause)) for cause in causes]
