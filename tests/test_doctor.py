"""Each planted fault is found, a good server has none, and nothing on it is changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.mark import Mark, code_of_text, fingerprint
from cfl_jobs.doctor.checks import CHECKS, Diagnosis, State, diagnose
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.server import JenkinsTarget
from tests.jenkins_server import Fault, JenkinsServer
from tests.jenkins_server_configs import DIALECTS, NEW, recorded
from tests.projects import copy_project, needs_of_project

SITE = "https://build.codeforlife.education/"
BINDS = (
    "codeforlife-dev-secret-key",
    "codeforlife-staging-secret-key",
    "codeforlife-prod-secret-key",
)
GIBIBYTE = 2**30
Plant = Callable[[JenkinsServer], object]


@cache
def needs_for(version: str) -> Needs:
    """Return what the jobs need where they are rendered for a recorded Jenkins."""
    with TemporaryDirectory() as place:
        return needs_of_project(copy_project(Path(place), version))


@pytest.fixture
def good(request: pytest.FixtureRequest) -> Iterator[JenkinsServer]:
    """A server that lacks nothing but the jobs, of one version unless a test asks for others."""
    with JenkinsServer(getattr(request, "param", NEW)) as server:
        server.credentials = [{"id": name} for name in BINDS]
        server.state_changes["url"] = SITE
        yield server


@pytest.fixture
def needs(good: JenkinsServer) -> Needs:
    return needs_for(good.version)


in_both_versions = pytest.mark.parametrize("good", DIALECTS, indirect=True)


def target_of(server: JenkinsServer, *, user: str = "admin", token: str = "") -> JenkinsTarget:
    return JenkinsTarget(server.url, Credentials(user, token or server.token, "a test"))


def examined(server: JenkinsServer, needs: Needs, **login: str) -> tuple[Diagnosis, ...]:
    with target_of(server, **login) as target:
        return diagnose(target, needs)


def bad(rows: tuple[Diagnosis, ...], *states: State) -> list[tuple[str, str]]:
    wanted = states or (State.WARNING, State.ERROR)
    return [(r.check, r.message) for r in rows if r.state in wanted]


@in_both_versions
def test_good_server_has_no_fault_every_check_says_something_and_nothing_but_questions_is_sent(
    good: JenkinsServer, needs: Needs
) -> None:
    rows = examined(good, needs)
    assert bad(rows) == []
    assert {row.check for row in rows} == set(CHECKS)
    assert {logged.method for logged in good.requests} == {"GET"}


def _disk(free: int) -> dict[str, Any]:
    monitor = {
        "path": "/var/jenkins_home",
        "size": free,
        "threshold": GIBIBYTE,
        "warningThreshold": 2 * GIBIBYTE,
    }
    return {"monitorData": {"hudson.node_monitors.DiskSpaceMonitor": monitor}}


def _clock(milliseconds: int) -> dict[str, Any]:
    return {"monitorData": {"hudson.node_monitors.ClockMonitor": {"diff": milliseconds}}}


# As core 2.440 and 2.568 write them: UpdateSiteWarningsMonitor's and CoreUpdateMonitor's message.
WARNING = (
    '<dl><dt><a href="https://plugins.jenkins.io/script-security">Script Security 1</a></dt><dd>'
    '<a href="https://www.jenkins.io/security/advisory/2024-11-13/" rel="noopener noreferrer" '
    'target="_blank">Script Security: Sandbox &amp; bypass</a></dd></dl>'
)
OFFER = (
    'New version of Jenkins ({0}) is available for <a href="https://updates.jenkins.io/download/war/'
    '{0}/jenkins.war">download</a> (<a href="https://www.jenkins.io/changelog-stable">changelog</a>).'
)


def offer(server: JenkinsServer, version: str) -> None:
    server.monitors += OFFER.format(version)


ADHOC = "Ad-hoc distribution"
AGENTS = ("deploy-dev", "deploy-staging", "deploy-prod")


def marked(name: str, project: str) -> str:
    """Return the config of a job as an update of a project leaves it."""
    config = "<project><description>{}</description></project>"
    applied = fingerprint(normalise(config.format(""), name=name))
    return config.format(
        Mark("jobs/x.yaml", applied, applied, project=project, name=code_of_text(name))
    )


def use_agents(
    server: JenkinsServer, *reserved: str, builder: int = 3
) -> dict[str, dict[str, Any]]:
    """Have nodes as `bootstrap --home` makes them."""
    server.executors = 0
    there = {
        name: {"displayName": name, "assignedLabels": [{"name": name}], "numExecutors": executors}
        for name, executors in (("builder", builder), *((name, 1) for name in reserved))
    }
    server.more_nodes += there.values()
    server.node_modes |= dict.fromkeys(reserved, "EXCLUSIVE")
    return there


FAULTS: list[tuple[str, Plant, str, State, str]] = [
    ("missing plugin", lambda s: s.plugins.pop("git"), "plugins", State.ERROR,
     "the plugin git is missing; without it Jenkins drops BranchSpec, "),
    ("old plugin", lambda s: s.plugins.update(junit="1207.va_09d5100410f"), "plugins", State.ERROR,
     "the plugin junit is 1207.va_09d5100410f, and the jobs are rendered for 1"),
    ("disabled plugin", lambda s: s.disabled_plugins.add("ws-cleanup"), "plugins", State.ERROR,
     "the plugin ws-cleanup is disabled"),
    ("missing credentials", lambda s: s.credentials.pop(0), "credentials", State.ERROR,
     "the credentials codeforlife-dev-secret-key are missing; they are bound by Deploy to Dev"),
    ("one executor", lambda s: setattr(s, "executors", 1), "executors", State.ERROR,
     "1 executor for Publish Ocargo Files, and 1 job may hold one while waiting for others: Ad"),
    ("no executor", lambda s: setattr(s, "executors", 0), "executors", State.ERROR,
     "there is no executor"),
    ("no crumbs", lambda s: s.state_changes.update(useCrumbs=False), "security", State.WARNING,
     "crumbs are off"),
    ("no security", lambda s: s.state_changes.update(useSecurity=False), "security", State.ERROR,
     "security is switched off"),
    ("anonymous readers", lambda s: setattr(s, "anonymous_reads", True), "security",
     State.WARNING, "people who aren't logged in can list the jobs"),
    ("no URL", lambda s: s.state_changes.update(url=None), "URL", State.ERROR,
     "Jenkins doesn't know its own URL"),
    ("another URL", lambda s: s.state_changes.update(url="https://old.example.org/"), "URL",
     State.WARNING, "Jenkins believes it is https://old.example.org/"),
    ("unreachable hook", lambda s: s.state_changes.update(url="http://10.0.0.7:8080/"),
     "GitHub hook", State.WARNING, "GitHub can't reach http://10.0.0.7:8080/github-webhook/"),
    ("clock ahead", lambda s: setattr(s, "clock_ahead", 600), "clock", State.WARNING,
     "s ahead of this machine's"),
    ("clock behind", lambda s: setattr(s, "clock_ahead", -600), "clock", State.WARNING,
     "s behind this machine's"),
    ("node's clock", lambda s: s.node_changes.update(_clock(90_000)), "clock", State.WARNING,
     "the clock of Built-In Node is 90 s away"),
    ("little disk", lambda s: s.node_changes.update(_disk(GIBIBYTE * 3 // 2)), "disk",
     State.WARNING, "Built-In Node has 1.5 GiB left at /var/jenkins_home"),
    ("no disk", lambda s: s.node_changes.update(_disk(5 * 2**20)), "disk", State.ERROR,
     "Built-In Node has 5 MiB left"),
    ("out of support", lambda s: offer(s, "2.999.1"), "support", State.WARNING,
     "is out of support: fixes go into 2.999, and 2.999.1 is offered"),
    ("published fault", lambda s: setattr(s, "monitors", WARNING), "support", State.WARNING,
     "a fault is published: Script Security: Sandbox & bypass"),
    ("old news", lambda s: setattr(s, "update_centre_asked", time.time() - 30 * 86400), "support",
     State.WARNING, "its update centre was asked 30 days ago"),
    ("no news", lambda s: setattr(s, "update_centre_asked", None), "support", State.NOTE,
     "can't be told: the server has not heard of its update centre since it started"),
    ("quieting down", lambda s: setattr(s, "quieting_down", True), "version", State.WARNING,
     "it prepares to shut down"),
    ("our name, not ours",
     lambda s: s.add_job("Deploy to Prod", recorded("Deploy to Prod", "saved")),
     "jobs", State.WARNING, "Deploy to Prod is there, but wasn't made by cfl-jobs"),
    ("our name, another project's",
     lambda s: s.add_job("Deploy to Dev", marked("Deploy to Dev", "other")),
     "jobs", State.WARNING, "Deploy to Dev is there, but is the project other's"),
    ("same line", lambda s: offer(s, f"{s.version.rpartition('.')[0]}.99"), "support", State.NOTE,
     ".99 is offered"),
    ("another page", lambda s: s.fail(Fault.HTML, path="/manage/", times=9), "support", State.NOTE,
     "whether it is out of support or has published faults can't be told"),
    ("no time", lambda s: setattr(s, "clock_ahead", None), "clock", State.NOTE,
     "the server's answers don't tell its time"),
    ("few executors", lambda s: use_agents(s, *AGENTS, builder=1), "executors", State.ERROR,
     "1 executor for Publish Ocargo Files, and 1 job may hold one"),
    ("offline", lambda s: use_agents(s, *AGENTS)["deploy-prod"].update(offline=True), "labels",
     State.ERROR, "only deploy-prod has the label deploy-prod || built-in, and it is offline"),
    ("idle", lambda s: use_agents(s, *AGENTS)["deploy-prod"].update(numExecutors=0), "labels",
     State.ERROR, "no node with an executor has the label deploy-prod || built-in: Deploy to"),
    ("no agent", lambda s: use_agents(s, *AGENTS[:2]), "labels", State.ERROR,
     "no node with an executor has the label deploy-prod || built-in: Deploy to Prod"),
    ("no builder", lambda s: use_agents(s, *AGENTS)["builder"].update(offline=True), "labels",
     State.ERROR, "only builder has room for jobs without a label, and it is offline"),
    ("no agents", lambda s: None, "secrets", State.NOTE,
     "builds run on the controller, where they can read its files and every secret"),
    ("shared agent", lambda s: use_agents(s, *AGENTS)["builder"].update(
        assignedLabels=[{"name": "deploy-prod"}]), "secrets", State.NOTE,
     "builds of other jobs can read the secrets of Deploy to Prod: they share a node"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "plant", "check", "state", "message"),
    [
        pytest.param(version, *fault, id=f"{name}-{version}")
        for name, *fault in FAULTS
        for version in (DIALECTS if fault[1] == "support" else [NEW])
    ],
    indirect=["good"],
)
def test_planted_fault_is_found(
    good: JenkinsServer, needs: Needs, plant: Plant, check: str, state: State, message: str
) -> None:
    """What is only noted comes with nothing that is bad."""
    plant(good)
    rows = examined(good, needs)
    (row,) = [row for row in rows if message in row.message]
    assert (row.check, row.state) == (check, state)
    assert all(name in needs.names for name in row.jobs)
    if state is State.NOTE:
        assert bad(rows) == []
    else:
        assert row.fix


def test_node_label_without_a_node_is_found(good: JenkinsServer, needs: Needs) -> None:
    wanted = replace(needs, labels=(("python && linux", (ADHOC,)), *needs.labels))
    missing = f"no node with an executor has the label python && linux: {ADHOC} would wait"
    ((check, message),) = bad(examined(good, wanted))
    assert check == "labels"
    assert message.startswith(missing)
    labels = [{"name": "python"}, {"name": "linux"}]
    good.more_nodes.append({"displayName": "agent", "assignedLabels": labels})
    assert bad(examined(good, wanted)) == []


@pytest.mark.parametrize(
    ("wanted", "state", "word"),
    [("2.999.1", State.ERROR, "older"), ("2.426.3", State.NOTE, "newer")],
)
def test_another_version_of_jenkins_is_told(
    good: JenkinsServer, needs: Needs, wanted: str, state: State, word: str
) -> None:
    inventory = replace(needs.inventory, jenkins=wanted)
    found = bad(examined(good, replace(needs, inventory=inventory)), state)
    assert f"Jenkins {good.version} is {word} than {wanted}" in str(found)


def test_newer_plugin_is_no_fault_but_told(good: JenkinsServer, needs: Needs) -> None:
    good.plugins |= {plugin.name: plugin.version for plugin in needs.plugins}
    good.plugins["git"] = "99.3.0"
    rows = examined(good, needs)
    assert bad(rows) == []
    message = "newer than what the jobs are rendered for: 1 plugin, git 99.3.0"
    assert ("plugins", message) in bad(rows, State.NOTE)


def test_jobs_of_nobody_and_jobs_not_defined_any_more_are_listed(
    good: JenkinsServer, needs: Needs
) -> None:
    good.add_job("nightly", recorded("wide-empty", "saved"))
    for name, project in (("Old deploy", "code-for-life"), ("theirs", "other"), ("their 2", "")):
        good.add_job(name, marked(name, project))
    good.add_job("a copy", marked("Old deploy", "code-for-life"))
    notes = [message for check, message in bad(examined(good, needs), State.NOTE)]
    assert "managed by nobody: 2 jobs, a copy, nightly" in notes
    assert "ours, but not defined any more: 1 job, Old deploy" in notes
    assert "another project's, left alone: 2 jobs, their 2, theirs" in notes


def test_bootstrapped_servers_agents_are_known_and_enough(
    good: JenkinsServer, needs: Needs
) -> None:
    use_agents(good, *AGENTS)
    rows = examined(good, needs)
    assert bad(rows) == []
    told = {row.check: row.message for row in rows}
    assert told["labels"] == "each label that a job asks for has a node with an executor"
    assert told["executors"] == "6 executors on 4 nodes; waiting jobs may hold 1 of them"
    assert told["secrets"] == "no build can read the secrets of a job that binds credentials"


@in_both_versions
def test_user_who_may_only_read_is_told_what_that_keeps_from_working(
    good: JenkinsServer, needs: Needs
) -> None:
    good.add_job("Deploy to Dev", recorded("Deploy to Dev", "saved"))
    rows = examined(good, needs, user=good.reader, token=good.reader_token)
    found = dict(bad(rows, State.ERROR))
    assert "reader may not see or change the configs of Deploy to Dev" in found["permissions"]
    errors = [message for check, message in bad(rows, State.ERROR) if check == "permissions"]
    assert any(message.startswith("reader may not create jobs: ") for message in errors)
    untold = {check for check, message in bad(rows, State.WARNING) if "can't be told" in message}
    assert untold == {"plugins", "credentials"}
    assert set(good.jobs) == {"Deploy to Dev"}


def test_user_who_sees_plugins_without_being_administrator_is_not_taken_for_one(
    good: JenkinsServer, needs: Needs
) -> None:
    """Overall/SystemRead shows them too, where a plugin brings that permission."""
    good.plugins["extended-read-permission"] = "53.v6499940139e5"
    rows = examined(good, needs)
    said = [row.message for row in rows if row.check == "permissions"]
    assert not any("may do everything" in message for message in said)
    assert "admin may create jobs" in said
    assert good.jobs == {}


def test_wrong_token_is_one_row(good: JenkinsServer, needs: Needs) -> None:
    (row,) = examined(good, needs, token="wrong")
    assert row.state is State.ERROR
    assert "does not know the user 'admin'" in row.message
    assert "wrong" not in row.message + row.fix


def test_anonymous_user_is_told_to_log_in(good: JenkinsServer, needs: Needs) -> None:
    good.anonymous_reads = True
    with JenkinsTarget(good.url) as target:
        rows = diagnose(target, needs)
    assert ("login", "we are not logged in") in bad(rows, State.ERROR)


@pytest.fixture
def doctor(
    good: JenkinsServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(copy_project(tmp_path))
    monkeypatch.setenv("JENKINS_USER_ID", good.user)
    monkeypatch.setenv("JENKINS_API_TOKEN", good.token)

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(["doctor", "--url", good.url, *arguments])
        return code, capsys.readouterr().out

    return call


def test_text_ends_with_the_verdict_and_says_how_to_mend(
    doctor: Callable[..., tuple[int, str]], good: JenkinsServer
) -> None:
    code, printed = doctor()
    assert (code, printed.splitlines()[-1]) == (0, f"{good.url} is ready for the chain.")
    installed = good.plugins.pop("junit")
    good.state_changes["useCrumbs"] = False
    code, printed = doctor()
    assert code == 1
    assert f"→ Install junit {installed} or later" in printed
    verdict = " ".join(printed.splitlines()[-2:])
    assert verdict.endswith("1 error, 1 warning; the chain can't run there as it should.")


def test_json_holds_every_row_and_no_secret(
    doctor: Callable[..., tuple[int, str]], good: JenkinsServer
) -> None:
    good.credentials.pop()
    code, printed = doctor("--format", "json")
    data = json.loads(printed)
    assert code == 1
    assert (data["server"], data["errors"], data["warnings"]) == (good.url, 1, 0)
    (error,) = [row for row in data["checks"] if row["state"] == "error"]
    assert error["check"] == "credentials"
    assert error["jobs"] == ["Deploy to Prod"]
    assert good.token not in printed


def test_server_that_is_not_there_is_a_sentence(
    doctor: Callable[..., tuple[int, str]], good: JenkinsServer
) -> None:
    good.fail(Fault.HTML, times=100)
    code, printed = doctor("--format", "json")
    assert code == 1
    assert "not from Jenkins" in json.loads(printed)["checks"][0]["message"]


def _moved(to: str) -> tuple[int, str]:
    return 301, f"/new/{to}.git/info/refs?service=git-upload-pack"


# What the host answers for each repository; what is told.
HOSTS = [
    ((200, ""), State.OK, "jobs watch 1 repository by the right name"),
    (_moved("b"), State.WARNING,
     "old/a redirects to new/b; a push is announced by that name, so it starts nothing: Publish"),
    ((301, "../../b.git/info/refs"), State.WARNING, "old/a redirects to old/b; a push"),
    ((301, "/old/a.git/info/refs"), State.OK, "jobs watch 1 repository"),
    ((302, "/login?next=%2Fold"), State.NOTE, "can't be told of old/a: its host answers with"),
    ((401, ""), State.NOTE, "of old/a: its host answers with status 401 without a login"),
    ((999999, ""), State.NOTE, "can't be told of old/a: it can't be asked (HTTP/1.0 999999"),
    ((301, "http://[::1/a.git/info/refs"), State.NOTE, "it can't be asked (Invalid IPv6 URL)"),
    (None, State.NOTE, "can't be told of old/a: 127.0.0.1:"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "state", "said"), HOSTS)
def test_repository_that_redirects_is_told(
    good: JenkinsServer, needs: Needs, answer: tuple[int, str] | None, state: State, said: str
) -> None:
    """Hosts are asked as git asks them, without a login, and never followed.

    What is odd about one URL says nothing of another one of its host.
    """
    asked: list[tuple[str, str | None]] = []

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            status, place = answer or (0, "")
            self.send_response(status)
            self.send_header("Location", place)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as host:
        Thread(target=host.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{host.server_port}/old/a.git"
        if answer is None:
            host.shutdown()
            host.server_close()
        watched = ((url.replace("old", "a b"), ("Publish",)), (url, ("Publish",)))
        rows = examined(good, replace(needs, watched=watched))
        host.shutdown()
    odd = "of a b/a: it can't be asked"
    told = sorted(
        (row for row in rows if row.check == "repositories"), key=lambda r: odd in r.message
    )
    row, other = told
    assert odd in other.message
    assert row.state is state
    assert said in row.message
    refs = ("/old/a.git/info/refs?service=git-upload-pack", None)
    assert asked == ([] if answer is None else [refs])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://u:secret@h.example/a/b.git", "only a plain http(s) URL is asked"),
        ("git@h.example:a/b.git", "only a plain http(s) URL is asked"),
        ("https://[h.example/a/b.git", "it can't be asked (Invalid IPv6 URL)"),
    ],
)
def test_repository_that_needs_a_login_or_has_no_url_is_not_asked(
    good: JenkinsServer, needs: Needs, url: str, reason: str
) -> None:
    rows = examined(good, replace(needs, watched=((url, ("Publish",)),)))
    (row,) = (row for row in rows if row.check == "repositories")
    assert (row.state, row.message.partition(" of ")[2]) == (State.NOTE, f"a/b: {reason}")
