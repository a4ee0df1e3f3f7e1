"""The project's own chain, in the stories that it is made for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.guard import find_by_cookie
from cfl_jobs.rehearsal.records import Builds, Changed, Event, UpstreamCause
from tests.rehearsal_chain import ALL, NAMES, PROJECT, Chain, copy_chain, make_chain
from tests.rehearsal_home import wait_until
from tests.shell_steps import git


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The chain after its first distribution, which Ad-hoc distribution of master made."""
    chain = make_chain(tmp_path_factory.mktemp("chain"))
    assert chain.build("Ad-hoc distribution", BRANCH="master").succeeded
    return chain


@pytest.fixture
def chain(first: Chain, tmp_path: Path) -> Chain:
    return copy_chain(first, tmp_path)


def test_the_first_distribution_is_deployed_to_dev(first: Chain) -> None:
    """On an empty server Ad-hoc distribution with master makes it; each job built just once.

    Create Distribution's and Deploy's commit.txt are the same bytes, one line a repository.
    """
    assert {name for name, _ in first.home.configs()} == ALL | {"Check Jobs"}
    for job in ALL - {"Deploy to Staging", "Deploy to Prod"}:
        assert first.results(job) == ["SUCCESS"], job
    assert first.deployed("Dev") == first.heads()
    assert not first.results("Deploy to Staging")
    text = first.artifact("Create Distribution", "commit.txt")
    assert text == first.artifact("Deploy to Dev", "commit.txt")
    assert first.commits(text) == first.heads()
    assert first.artifact("Promote Distribution", "tests.txt").startswith(b"distribution 1\n")


def test_a_push_to_one_repository_deploys_its_commit(chain: Chain) -> None:
    """Only that repository is published again; the others' newest files are taken.

    To Staging goes the distribution whose number a person enters, not the newest one.
    """
    before = chain.heads()
    new = chain.commit("ocargo", {"static/new.css": "b {}"})
    with chain.engine() as engine:
        assert "starts" in engine.push("ocargo", "master")["Publish Ocargo Files"]
        outcome = engine.run()
    assert outcome.succeeded
    assert sorted(record.name for record in outcome.builds) == [
        "Create Distribution #2",
        "Deploy to Dev #2",
        "Promote Distribution #2",
        "Publish Ocargo Files #2",
        "Run Ocargo Tests #2",
        "Run Portal Tests #2",
    ]
    assert chain.deployed("Dev") == {**before, "ocargo": new}
    assert chain.build("Deploy to Staging", DISTRIBUTION="1").succeeded
    assert chain.deployed("Staging") == before
    assert chain.last("Deploy to Staging").description.startswith("distribution 1 to Staging")
    text = chain.artifact("Create Distribution", "commit.txt", 1)
    assert chain.artifact("Deploy to Staging", "commit.txt") == text


def test_three_pushes_at_once_make_one_distribution(chain: Chain) -> None:
    """The three requests merge; all three causes are kept, and all three commits are in it."""
    new = {name: chain.commit(name) for name in NAMES}
    assert chain.push(*NAMES).succeeded
    assert chain.results("Create Distribution") == ["SUCCESS"] * 2
    causes = {
        c.job for c in chain.last("Create Distribution").causes if isinstance(c, UpstreamCause)
    }
    assert causes == {"Publish Ocargo Files", "Publish Portal Files", "Publish Deploy Files"}
    assert chain.deployed("Dev") == new
    assert chain.results("Deploy to Dev") == ["SUCCESS"] * 2


def test_a_failing_suite_stops_the_chain_until_it_passes(chain: Chain) -> None:
    """No promotion, no deploy that isn't allowed; the suite run again, alone, opens the gate.

    Deploy, refused deploys, deploy: each has its own evidence and commit.txt, or none.
    """
    before, staging = chain.deployed("Dev"), "Deploy to Staging"
    new = chain.commit("ocargo")
    flaky = chain.home.root / "FAIL-game"
    flaky.touch()
    assert not chain.push("ocargo").succeeded
    assert chain.last("Run Ocargo Tests").result is Result.FAILURE
    assert chain.last("Promote Distribution").description.endswith("waiting for Run Ocargo Tests")
    assert not list(chain.home.archive("Promote Distribution", 2).glob("*"))
    assert chain.results("Deploy to Dev") == ["SUCCESS"]
    assert chain.deployed("Dev") == before

    for number in ("1", "2", "99", "1"):
        assert chain.build(staging, DISTRIBUTION=number).succeeded is (number == "1")
        if number == "2":
            assert "has not recorded distribution 2 as tested" in chain.log(staging)
            assert chain.last(staging).description.startswith("refused")
    text = {n: chain.artifact("Create Distribution", "commit.txt", n) for n in (1, 2)}
    for build, distribution in ((1, 1), (2, 2), (4, 1)):
        assert chain.artifact(staging, "commit.txt", build) == text[distribution]
    assert not list(chain.home.archive(staging, 3).glob("*"))
    assert (chain.home.root / "deployed/Staging/number").read_text() == "1\n"

    assert chain.build(staging, DISTRIBUTION="2", ALLOW_UNTESTED="true").succeeded
    assert "UNTESTED" in chain.last(staging).description
    assert chain.deployed("Staging")["ocargo"] == new

    flaky.unlink()
    assert chain.build("Run Ocargo Tests", DISTRIBUTION_NUMBER="2").succeeded
    assert chain.last("Promote Distribution").description == "distribution 2: tested"
    assert chain.results("Deploy to Dev") == ["SUCCESS"] * 2
    assert chain.deployed("Dev") == {**before, "ocargo": new}


@pytest.mark.parametrize("moment", ["at once", "Create Distribution", "Run Ocargo Tests"])
def test_an_ad_hoc_branch_does_not_mix_with_a_running_chain(chain: Chain, moment: str) -> None:
    """Asked for at once or when a step of master's chain begins: no commit changes lanes."""
    for path in chain.repositories.values():
        git(path, "checkout", "--quiet", "-b", "hotfix")
    hotfix = {name: chain.commit(name, {"static/hot.css": "c {}"}) for name in NAMES}
    for path in chain.repositories.values():
        git(path, "checkout", "--quiet", "master")
    master = {name: chain.commit(name, {"static/new.css": "d {}"}) for name in NAMES}

    class Person(list[Event]):
        """Presses Build when the moment has come."""

        def append(self, event: Event) -> None:
            if isinstance(event, Changed) and event.record.job == moment and not self:
                super().append(event)
                engine.build("Ad-hoc distribution", {"BRANCH": "hotfix"})

    with chain.engine(events=Person()) as engine:
        for name in NAMES:
            engine.push(name, "master")
        if moment == "at once":
            engine.build("Ad-hoc distribution", {"BRANCH": "hotfix"})
        assert engine.run().succeeded

    def packed(job: str, lane: str = "") -> list[dict[str, str]]:
        """Return the commits in each build's commit.txt but the first's, the newest first."""
        builds = Builds(chain.home).of(job)[:-1]
        mine = [r.number for r in builds if r.parameters.get("BRANCH") == lane or not lane]
        return [chain.commits(chain.artifact(job, "commit.txt", number)) for number in mine]

    assert packed("Create Distribution", "hotfix") == [hotfix]
    of_master = packed("Create Distribution", "master")
    assert of_master[0] == master
    for other in of_master:
        assert not set(other.values()) & set(hotfix.values())
    deployed = packed("Deploy to Dev")
    assert hotfix in deployed
    assert master in deployed


def test_an_ad_hoc_branch_that_is_missing_somewhere_publishes_nothing(chain: Chain) -> None:
    """It is refused before anything is published, naming the repository."""
    git(chain.repositories["ocargo"], "branch", "only-here")
    outcome = chain.build("Ad-hoc distribution", BRANCH="only-here")
    assert [(record.name, record.result) for record in outcome.builds] == [
        ("Ad-hoc distribution #2", Result.FAILURE)
    ]
    log = chain.log("Ad-hoc distribution")
    assert "no branch only-here in" in log
    assert "codeforlife-portal" in log


NO_NUMBER = "<SpecificBuildSelector><buildNumber/></SpecificBuildSelector>"


def test_a_deploy_of_what_is_not_there_is_refused(chain: Chain) -> None:
    """An unknown number, the next one, none at all, "the latest": a sentence, and nothing done."""
    for value, said in (
        ("99", "there is no distribution 99"),
        ("2", "there is no distribution 2"),
        (NO_NUMBER, "has no build number"),
        ("<StatusBuildSelector/>", "must say which build"),
    ):
        done = chain.build("Deploy to Staging", DISTRIBUTION=value, ALLOW_UNTESTED="true")
        assert not done.succeeded
        assert chain.last("Deploy to Staging").result is Result.FAILURE
        assert said in chain.log("Deploy to Staging")
        assert not (chain.home.root / "deployed/Staging").exists()


def test_two_deploys_to_one_environment_wait_for_each_other(chain: Chain) -> None:
    """Their steps never overlap, though there is an executor for each."""
    with chain.engine(executors=4) as engine:
        for allowed in ("true", "false"):
            engine.build("Deploy to Prod", {"DISTRIBUTION": "1", "ALLOW_UNTESTED": allowed})
        assert engine.run().succeeded
    history = (chain.home.root / "deployed/Prod/history").read_text().split("\n")
    assert history == ["begin 1", "end 1", "begin 1", "end 1", ""]


def test_one_executor_and_an_ad_hoc_build_are_a_deadlock(chain: Chain) -> None:
    """It is told as one, with who waits for whom, and left."""
    outcome = chain.build("Ad-hoc distribution", executors=1, BRANCH="master")
    assert not outcome.succeeded
    assert outcome.deadlock[0] == (
        "Ad-hoc distribution #2 holds an executor and waits for Publish Ocargo Files"
    )
    assert "Publish Ocargo Files waits in the queue: the only executor is held" in outcome.deadlock
    assert chain.last("Ad-hoc distribution").result is Result.ABORTED


_DRIVER = """
import sys
from pathlib import Path
from tests.rehearsal_chain import Chain
from cfl_jobs.rehearsal.directory import Home
root = Path(sys.argv[1])
chain = Chain(Home(root / "home"), {p.name: p for p in (root / "clones").iterdir()})
with chain.engine(executors=1) as engine:
    engine.push("ocargo", "master")
    engine.build("Deploy to Staging", {"DISTRIBUTION": "1"})
    engine.build("Create Distribution", {})
    engine.build("Deploy to Prod", {"DISTRIBUTION": "1"})
    engine.run()
"""


def test_killed_in_the_middle_it_goes_on(chain: Chain, tmp_path: Path) -> None:
    """The running build is recorded as aborted, its processes end, what was queued is built."""
    new = chain.commit("ocargo")
    slow = chain.home.root / "SLOW"
    slow.touch()
    rehearsal = subprocess.Popen([sys.executable, "-c", _DRIVER, str(tmp_path)], cwd=PROJECT)
    log = chain.home.log("Create Distribution", 2)
    wait_until(lambda: log.is_file() and "very slow" in log.read_text())
    cookie = Builds(chain.home).of("Create Distribution")[0].cookie
    assert find_by_cookie(cookie)
    os.kill(rehearsal.pid, signal.SIGKILL)
    rehearsal.wait()
    wait_until(lambda: not find_by_cookie(cookie))
    slow.unlink()
    with chain.engine() as engine:
        assert len(engine.queue)
        assert engine.run().succeeded
    assert chain.results("Create Distribution")[1] == "ABORTED"
    assert chain.results("Deploy to Staging") == ["SUCCESS"]
    assert chain.results("Deploy to Prod") == ["SUCCESS"]
    # The push was not lost either: it was published, and its distribution deployed.
    assert chain.deployed("Dev")["ocargo"] == new
