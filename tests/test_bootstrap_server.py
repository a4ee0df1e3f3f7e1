"""`bootstrap --url`: a fresh server becomes ours, step by step, from wherever it was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.bootstrap.running_server import (
    Waiting,
    restart,
    set_up_server,
    wait_for_installation,
)
from cfl_jobs.errors import CflJobsError, TargetError, UnsafePlan
from cfl_jobs.planning.basis import PlanRequest
from cfl_jobs.reading.inventory import INVENTORY, load_inventory
from cfl_jobs.reading.versions import is_older
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.server import JenkinsTarget
from cfl_jobs.terminal.pushing import Consent, update_jobs, verify_jobs
from tests.jenkins_server import Fault, JenkinsServer
from tests.jenkins_server_configs import DIALECTS, NEW, recorded
from tests.projects import copy_project, edit, needs_of_project
from tests.server_targets import retry_policy
from tests.terminal import Terminal
from tests.test_bootstrap import our_needs
from tests.test_doctor import AGENTS, use_agents

PROMOTED = "environment: Prod\n    after_promotion: true"
ADHOC = "Ad-hoc distribution"
WAITING = Waiting(limit=5, interval=1, sleep=lambda seconds: None)
STEPS = ("doctor", "plugins", "restart", "update", "verify", "first distribution")


@pytest.fixture
def fresh(request: pytest.FixtureRequest) -> Iterator[JenkinsServer]:
    """A new server: some plugins missing, one too old, credentials added by hand, no jobs."""
    with JenkinsServer(getattr(request, "param", NEW)) as server:
        names = ("dev", "staging", "prod")
        server.credentials = [{"id": f"codeforlife-{name}-secret-key"} for name in names]
        for plugin in ("junit", "ws-cleanup", "parameterized-trigger"):
            del server.plugins[plugin]
        server.plugins["git"] = "4.14.3"
        yield server


@pytest.fixture
def target(fresh: JenkinsServer) -> Iterator[JenkinsTarget]:
    login = Credentials(fresh.user, fresh.token, "a test")
    with JenkinsTarget(fresh.url, login, policy=retry_policy()) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, fresh: JenkinsServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The definitions, rendered for what the server is to run."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return copy_project(tmp_path / "project", fresh.version)


def set_up(
    project: Path, target: JenkinsTarget, *, yes: bool = True, despite: tuple[str, ...] = ()
) -> int:
    update = partial(update_jobs, project, target, PlanRequest(), Consent(yes, despite=despite))
    verify = partial(verify_jobs, project, target)
    return set_up_server(
        target, needs_of_project(project), update=update, verify=verify, yes=yes, waiting=WAITING
    )


def posts(server: JenkinsServer) -> list[str]:
    return [logged.path for logged in server.requests if logged.method == "POST"]


def parameters(server: JenkinsServer) -> list[dict[str, Any]]:
    """Return the parameters of each build of the ad-hoc job."""
    return [
        {value["name"]: value["value"] for value in build["actions"][0]["parameters"]}
        for build in server.jobs[ADHOC].builds
    ]


@pytest.mark.parametrize("fresh", DIALECTS, indirect=True)
def test_fresh_server_becomes_ours_and_a_second_run_changes_nothing(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set_up(project, target) == 0
    printed = capsys.readouterr().out
    told = [line for line in printed.splitlines() if line.startswith("[") and "/6]" in line]
    assert told == [f"[{number}/6] {step}" for number, step in enumerate(STEPS, 1)]
    inventory = load_inventory((project / INVENTORY).read_text(encoding="utf-8")).plugins
    assert f"  junit {inventory['junit']}, for Run Portal Tests, Run Ocargo Tests\n" in printed
    assert not is_older(fresh.plugins["git"], inventory["git"])
    assert {"junit", "ws-cleanup", "parameterized-trigger"} <= set(fresh.plugins)
    assert set(fresh.jobs) == set(our_needs().names)
    assert parameters(fresh) == [{"BRANCH": "master"}]
    order = posts(fresh)
    assert order[:2] == ["/pluginManager/installNecessaryPlugins", "/safeRestart"]
    assert order[-1].endswith("/buildWithParameters")
    assert f"Started {ADHOC} with BRANCH=master: {fresh.url}job/Ad-hoc%20distribution/" in printed
    assert set_up(project, target) == 0
    assert posts(fresh) == order
    printed = capsys.readouterr().out
    assert f"All there: {len(our_needs().plugins)} plugins." in printed
    assert "No restart is needed." in printed
    assert "has been built already" in printed


@pytest.mark.parametrize(
    ("yes", "disabled", "said"),
    [(False, (), "nobody is there to ask"), (True, ("timestamper",), "timestamper is disabled")],
)
def test_nothing_is_installed_without_a_word_nor_switched_on(
    project: Path,
    fresh: JenkinsServer,
    target: JenkinsTarget,
    yes: bool,
    disabled: tuple[str, ...],
    said: str,
) -> None:
    fresh.disabled_plugins.update(disabled)
    with pytest.raises(CflJobsError, match=said):
        set_up(project, target, yes=yes)
    assert posts(fresh) == []


def test_no_is_no_error_and_ends_it_there(project: Path, fresh: JenkinsServer) -> None:
    login = {"JENKINS_USER_ID": fresh.user, "JENKINS_API_TOKEN": fresh.token}
    arguments = ["bootstrap", "--url", fresh.url]
    with Terminal(arguments, cwd=project, environment=login) as terminal:
        terminal.wait_for("and restart? [y/N]")
        terminal.type("n\n")
        assert terminal.end() == 0
    said = "Stopped at step 2, 'plugins'; run this again to go on from there.\n"
    assert terminal.plain.endswith(said)
    assert posts(fresh) == []


def test_an_error_of_check_ends_it_before_the_update(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget
) -> None:
    """It is to be let through by its name, as in an update."""
    edit(project, "jobs/deploy.yaml", "environment: Prod", PROMOTED)
    with pytest.raises(UnsafePlan, match="the checks find errors in this: deploy-trigger"):
        set_up(project, target)
    assert not fresh.jobs
    assert set_up(project, target, despite=("deploy-trigger",)) == 0


def test_plugin_that_the_update_centre_lacks_is_named_and_the_run_can_go_on_later(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget
) -> None:
    version = fresh.update_centre.pop("junit")
    with pytest.raises(TargetError, match=f"still lacks junit {version}\n"):
        set_up(project, target)
    assert fresh.jobs == {}
    fresh.update_centre["junit"] = version
    assert set_up(project, target) == 0
    assert set(fresh.jobs) == set(our_needs().names)


def test_what_would_fail_keeps_the_first_distribution_back(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    """Executors that only deploys can have are none for the chain, nor the other way round."""
    lost = fresh.credentials.pop()
    builder = use_agents(fresh, *AGENTS[:2], builder=1)["builder"]
    assert set_up(project, target) == 1
    printed = capsys.readouterr().err
    for said in (
        "executors: 1 executor for Publish",
        "credentials: the credentials codeforlife-prod-secret-key",
        "labels: no node with an executor has the label deploy-prod || built-in",
    ):
        assert f"  {said}" in printed
    assert "Stopped at step 6, 'first distribution'." in printed
    assert set(fresh.jobs) == set(our_needs().names)
    assert fresh.jobs[ADHOC].builds == []
    fresh.credentials.append(lost)
    builder["numExecutors"] = 2
    fresh.more_nodes.append({"displayName": "x", "assignedLabels": [{"name": AGENTS[2]}]})
    fresh.requests.clear()
    assert set_up(project, target) == 0
    assert posts(fresh) == ["/job/Ad-hoc%20distribution/buildWithParameters"]
    assert parameters(fresh) == [{"BRANCH": "master"}]


def test_user_without_permission_is_stopped_by_doctor(
    project: Path, fresh: JenkinsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    login = Credentials(fresh.reader, fresh.reader_token, "a test")
    with JenkinsTarget(fresh.url, login) as target:
        assert set_up(project, target) == 1
    assert "Stopped at step 1, 'doctor'." in capsys.readouterr().err
    assert posts(fresh) == ["/createItem"]  # doctor's own, refused
    assert fresh.jobs == {}


def test_job_of_ours_that_someone_made_by_hand_stops_the_update(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh.add_job("Deploy to Prod", recorded("Deploy to Prod", "saved"))
    assert set_up(project, target) == 1
    printed = capsys.readouterr()
    assert "Stopped at step 4, 'update'." in printed.err
    assert fresh.jobs["Deploy to Prod"].builds == []


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.RESTART_AFTER])
def test_lost_answers_are_made_up_for(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget, fault: Fault
) -> None:
    """One to each kind of change."""
    for path in ("installNecessaryPlugins", "safeRestart", "createItem", "createView", "buildWith"):
        fresh.fail(fault, method="POST", path=path)
    assert set_up(project, target) == 0
    assert fresh.count("POST", "safeRestart") == 1
    assert set(fresh.jobs) == set(our_needs().names)
    assert parameters(fresh) == [{"BRANCH": "master"}]


def test_upgrade_that_waits_for_a_restart_gets_it(
    project: Path, fresh: JenkinsServer, target: JenkinsTarget
) -> None:
    """As after a run that was killed between the installation and the restart."""
    fresh.plugins |= fresh.update_centre
    fresh.waiting_plugins["git"] = "99.0"
    assert set_up(project, target) == 0
    assert fresh.plugins["git"] == "99.0"
    assert "/safeRestart" in posts(fresh)


def test_installation_under_way_is_waited_for_and_failures_are_told(
    fresh: JenkinsServer, target: JenkinsTarget
) -> None:
    fresh.installations = [
        {"name": "Git plugin", "status": {"type": "Pending"}},
        {"name": "JUnit Plugin", "status": {"type": "Failure"}, "errorMessage": "no route"},
    ]
    assert wait_for_installation(target, WAITING) == ("JUnit Plugin: no route",)
    assert fresh.count(path="updateCenter") == 2
    fresh.installations.append({"name": "Slow", "status": {"type": "Installing"}})
    with pytest.raises(TargetError, match="has been installing plugins for"):
        wait_for_installation(target, WAITING)


def test_restart_that_never_comes_is_an_error_that_says_why(
    fresh: JenkinsServer, target: JenkinsTarget
) -> None:
    fresh.is_busy = True
    with pytest.raises(CflJobsError, match="has not come back within") as caught:
        restart(target, WAITING)
    assert "when its running builds are done" in caught.value.advice
    assert fresh.quieting_down


def test_command_line_asks_for_a_place_and_does_the_steps(
    project: Path,
    fresh: JenkinsServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("JENKINS_USER_ID", fresh.user)
    monkeypatch.setenv("JENKINS_API_TOKEN", fresh.token)
    fresh.plugins |= fresh.update_centre
    assert run(["bootstrap", "--url", fresh.url, "--yes"]) == 0
    assert fresh.token not in capsys.readouterr().out
    assert set(fresh.jobs) == set(our_needs().names)
