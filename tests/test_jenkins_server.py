"""The stand-in for Jenkins is held to what a real one answered."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any

import pytest

import tests.jenkins_server_configs as configs
from tests.jenkins_server import Fault, JenkinsServer
from tests.jenkins_server_configs import read_matrix
from tests.jenkins_server_rules import mask_ciphers
from tests.jenkins_server_xml import parse, read_text, write
from tests.recording import IGNORED_FIELDS, TELLING, ask, compare_bodies, complete_objects, login

# What the stand-in can't answer as recorded, with the reason.
NOT_COMPARABLE = {
    "console": "the stand-in runs no builds, so it has no console text",
    "artifact": "the stand-in runs no builds, so it has no artifacts",
}
# How far the recording server had changed between two exchanges, without an exchange of its own.
BETWEEN = {
    "reader: list": "other jobs were made and the folder removed",
    "starting up: 503": "the server was restarted",
    "starting up: 403": "the server had started",
}


def crumb_headers(server: JenkinsServer) -> dict[str, str]:
    """Return a fresh crumb and its session's cookie, got with the password."""
    authorization = login(server.user, server.password)
    path = "/crumbIssuer/api/json"
    _, headers, body = ask(server.url, "GET", path, Authorization=authorization)
    cookie = headers["Set-Cookie"].partition(";")[0]
    return {"Jenkins_Crumb": json.loads(body)["crumb"], "Cookie": cookie}


def replay(server: JenkinsServer, exchange: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    request = exchange["request"]
    headers = {name.replace("-", "_"): value for name, value in request["headers"].items()}
    secrets = {
        "token": (server.user, server.token),
        "password": (server.user, server.password),
        "wrong password": (server.user, "wrong"),
        "reader's token": (server.reader, server.reader_token),
    }
    if request["auth"] != "none":
        headers["Authorization"] = login(*secrets[request["auth"]])
    if headers.get("Jenkins_Crumb"):
        headers |= crumb_headers(server)
    if "another session" in exchange["name"]:
        headers["Cookie"] = crumb_headers(server)["Cookie"]
    body = request["body"].encode() if request["body"] is not None else None
    return ask(server.url, request["method"], request["path"], body=body, **headers)


def prepare(server: JenkinsServer, name: str, exchange: dict[str, Any]) -> None:
    """Bring the stand-in to where the recording server was."""
    if name == "reader: list":
        listed = [job["fullName"] for job in complete_objects(exchange["response"]["body"])]
        if "team" not in listed:
            server.top.remove(server.jobs["team"])
        known = configs.recorded_names("stored", server.version)
        for job in (job for job in listed if job not in server.jobs):
            config = configs.recorded(job if job in known else "wide-empty", "posted")
            server.add_job(job, config)
    if server.version == configs.NEW and name in ("list, empty server", "list tree"):
        server.state_changes["url"] = None if "empty" in name else server.url
    if name == "starting up: 503":
        server.restart(starting_for=1)


def test_every_recorded_exchange_is_answered_as_jenkins_did(jenkins_server: JenkinsServer) -> None:
    """78 exchanges in order: status, telling headers, and what a person or program reads."""
    differences: list[tuple[Any, ...]] = []
    compared = 0
    for exchange in configs.exchanges(jenkins_server.version):
        name, wanted = exchange["name"], exchange["response"]
        prepare(jenkins_server, name, exchange)
        status, headers, body = replay(jenkins_server, exchange)
        body = body.replace(jenkins_server.url, "http://jenkins.example/")
        body = re.sub(r'"crumb":"[0-9a-f]{64}"', '"crumb":"CRUMB"', body)
        if name in NOT_COMPARABLE:
            continue
        compared += 1
        got = {header: headers.get(header) for header in TELLING}
        got["Location"] = (got["Location"] or "").replace(
            jenkins_server.url, "http://jenkins.example/"
        ) or None
        expected = {header: wanted["headers"].get(header) for header in TELLING}
        if (status, got) != (wanted["status"], expected):
            differences.append((name, status, got, wanted["status"], expected))
        difference = compare_bodies(name, wanted, body)
        if difference:
            differences.append((name, *difference))
    assert differences == []
    assert compared == 78 - len(NOT_COMPARABLE)


def test_all_versions_were_asked_the_same() -> None:
    asked = [[one["request"] for one in configs.exchanges(version)] for version in configs.DIALECTS]
    assert asked[0] == asked[1]


def test_what_is_not_compared_is_recorded_and_little() -> None:
    names = {exchange["name"] for exchange in configs.exchanges(configs.OLD)}
    assert {*NOT_COMPARABLE, *IGNORED_FIELDS, *BETWEEN} <= names
    assert len(NOT_COMPARABLE) <= 3


RECORDED = [
    (name, version)
    for version in configs.DIALECTS
    for name in configs.recorded_names("stored", version)
]


def described(config: str) -> str:
    return read_text(parse(config), "description") or ""


def masked(config: str) -> str:
    """Return a config as it is compared: without the bytes of a cipher, which are chance."""
    return mask_ciphers(config)


@pytest.mark.parametrize(("name", "version"), RECORDED)
def test_stored_saved_and_restarted_forms_are_jenkins_own(name: str, version: str) -> None:
    """Each recorded job goes through its recorded texts, byte for byte."""
    with JenkinsServer(version) as server:
        job = server.add_job(name, configs.recorded(name, "posted"))
        forms = {"stored": job.config}
        server.save(job, description=described(job.config))
        forms["saved"] = job.config
        server.load(job)
        forms["restarted"] = job.config
        server.save(job)
        assert masked(job.config) == masked(forms["restarted"])
    last = ""
    for form, got in forms.items():
        if name in configs.recorded_names(form, version):
            last = configs.recorded(name, form, version)
        assert masked(got) == masked(last)


@pytest.mark.parametrize("name", configs.recorded_names("upgraded", configs.NEW))
def test_an_upgraded_jenkins_makes_of_a_job_what_the_recorded_one_did(name: str) -> None:
    with JenkinsServer(configs.OLD) as server:
        job = server.add_job(name, configs.recorded(name, "posted"))
        server.save(job, description=described(job.config))
        server.upgrade(configs.NEW)
        assert masked(job.config) == masked(configs.recorded(name, "upgraded", configs.NEW))


NOT_LEARNT_FROM = tuple(
    (name, version)
    for name, version in RECORDED
    # These alone have one of git's extensions.
    if not name.startswith(("wide-", "Publish", "chain Publish", "chain Check"))
)


@pytest.mark.parametrize(("name", "version"), NOT_LEARNT_FROM)
def test_jobs_that_the_rules_were_not_learnt_from_are_saved_as_jenkins_did(
    name: str, version: str
) -> None:
    """What a save does to a class is the same in any job, so jobs never recorded come out right."""
    wide = tuple(one for one, at in RECORDED if at == version and one.startswith("wide-"))
    root = parse(configs.recorded(name, "posted"))
    rules = configs.learnt_rules(version, wide)
    saved = write(configs.save_node(root, configs.recorded_plugins(version), rules))
    wanted = configs.recorded_save(name, version)
    assert saved.partition("\n")[2] == wanted.partition("\n")[2]


def test_a_missing_plugin_takes_its_steps_away_and_an_installed_one_keeps_them(
    jenkins_server: JenkinsServer,
) -> None:
    """createItem leaves the file as it was posted, so nothing is lost until Jenkins saves it."""
    config = configs.recorded("wide-missing-plugins", "posted")
    job = jenkins_server.add_job("a", config)
    assert "<hudson.tasks.Ant>" in job.file
    assert ("<hudson.tasks.Ant" in job.config) is (jenkins_server.version == configs.OLD)
    jenkins_server.upgrade_plugin("ant", "497.v94e7d9fffa_b_9")
    assert "<hudson.tasks.Ant" in jenkins_server.config("a")
    assert "SonarRunnerBuilder" not in jenkins_server.config("a")
    del jenkins_server.plugins["ant"]
    jenkins_server.resave()
    assert "<hudson.tasks.Ant" not in jenkins_server.config("a")


def test_an_upgraded_plugin_shows_its_version_after_the_next_save(
    jenkins_server: JenkinsServer,
) -> None:
    """A restart alone leaves the file as it is."""
    posted = configs.recorded("wide-git-defaults", "posted")
    job = jenkins_server.add_job("a", posted, saved=True)
    before = f'plugin="git@{jenkins_server.plugins["git"]}"'
    jenkins_server.upgrade_plugin("git", "99.1", resave=False)
    assert before in job.file
    jenkins_server.resave()
    assert 'plugin="git@99.1"' in job.file
    assert 'plugin="git@99.1"' in job.config


# What was seen on a real 2.568.2 by other ways than the recordings: the facts, one a test.

only_new = pytest.mark.parametrize("jenkins_server", [configs.NEW], indirect=True)
EMPTY = configs.recorded("wide-empty", "posted")
SECRET = configs.recorded("wide-parameters", "posted")


def post(
    server: JenkinsServer, path: str, body: str = "", *, user: str = "", token: str = ""
) -> tuple[int, dict[str, str], str]:
    authorization = login(user or server.user, token or server.token)
    kind = "text/xml" if body.startswith("<") else "application/x-www-form-urlencoded"
    return ask(
        server.url, "POST", path, body=body.encode(), Authorization=authorization, Content_Type=kind
    )


def ciphers(text: str) -> list[str]:
    return re.findall(r"{AQAA[^}]*}", text)


def test_a_folders_description_is_set_on_its_primary_view(jenkins_server: JenkinsServer) -> None:
    """submitDescription goes to the view, as the folder itself is shown through it."""
    folder = jenkins_server.add_job("team", configs.recorded("wide-folder", "posted"), saved=True)
    before = described(folder.config)
    post(jenkins_server, "/job/team/submitDescription", "description=mark")
    assert described(folder.config) == before
    view = "folderViews/views/hudson.model.AllView"
    found = parse(folder.config).find(view)
    assert found is not None
    assert read_text(found, "description") == "mark"


@pytest.mark.parametrize("path", ["/job/team/view/All/doDelete", "/view/all/doDelete"])
def test_a_primary_view_cannot_be_deleted(jenkins_server: JenkinsServer, path: str) -> None:
    jenkins_server.add_job("team", configs.recorded("wide-folder", "posted"))
    assert post(jenkins_server, path)[0] == 500


def test_who_makes_a_job_under_a_project_matrix_may_see_it_until_the_entries_go(
    jenkins_server: JenkinsServer,
) -> None:
    """Also where the job has no matrix; a job that may not be seen is as if it weren't there."""
    server = jenkins_server
    server.uses_project_matrix = True
    server.add_job("hidden", EMPTY)
    login = {"user": "maker", "token": server.add_user("maker", "hudson.model.Item.Create")}
    assert post(server, "/createItem?name=a", EMPTY, **login)[0] == 200
    assert read_matrix(server.config("a")).entries == {
        "USER:hudson.model.Item.Configure:maker",
        "USER:hudson.model.Item.Read:maker",
    }
    assert post(server, "/job/hidden/config.xml", EMPTY, **login)[0] == 404
    status, headers, _ = post(server, "/createItem?name=hidden", EMPTY, **login)
    assert (status, headers["X-Error"]) == (400, "")
    assert post(server, "/job/a/config.xml", EMPTY, **login)[0] == 200
    assert post(server, "/job/a/config.xml", EMPTY, **login)[0] == 404


def test_a_list_views_status_filter_becomes_one_of_its_filters(
    jenkins_server: JenkinsServer,
) -> None:
    config = (
        "<hudson.model.ListView><name>a</name><jobNames/><jobFilters/>"
        "<statusFilter>true</statusFilter></hudson.model.ListView>"
    )
    assert post(jenkins_server, "/createView?name=a", config)[0] == 200
    view = parse(jenkins_server.top.views["a"])
    assert view.find("statusFilter") is None
    assert view.find("jobFilters/hudson.views.StatusFilter/statusFilter") is not None


REFERENCES = {
    ("", "a, b"): "A,b",
    ("", "b, d"): "b,d",
    ("", "b"): "b",
    ("", "/a"): "/A",
    ("team", "../a, inner"): "../A,inner",
    ("team", "a"): "a",
}


@pytest.mark.parametrize(("place", "names"), REFERENCES)
def test_a_rename_rewrites_references_and_takes_blanks_out(
    place: str, names: str, jenkins_server: JenkinsServer
) -> None:
    jenkins_server.add_job("a", EMPTY)
    jenkins_server.add_job("team", configs.recorded("wide-folder", "posted"))
    config = EMPTY.replace(
        "<publishers/>",
        f"<publishers><hudson.tasks.BuildTrigger><childProjects>{names}</childProjects>"
        "</hudson.tasks.BuildTrigger></publishers>",
    )
    job = jenkins_server.add_job(f"{place}/b".strip("/"), config)
    assert post(jenkins_server, "/job/a/doRename?newName=A")[0] == 400  # of the case only
    assert post(jenkins_server, "/job/a/doRename?newName=c")[0] == 302
    assert post(jenkins_server, "/job/c/doRename?newName=A")[0] == 302
    assert f"<childProjects>{REFERENCES[place, names]}</childProjects>" in job.config


def test_a_build_that_waits_is_not_queued_twice(jenkins_server: JenkinsServer) -> None:
    """Nor is a job with parameters built without a form, or the other way round."""
    jenkins_server.add_job("a", SECRET)
    jenkins_server.is_busy = True
    answers = [post(jenkins_server, "/job/a/buildWithParameters?X=1") for _ in range(2)]
    assert [status for status, _, _ in answers] == [201, 303]
    assert answers[0][1]["Location"] == answers[1][1]["Location"]
    assert post(jenkins_server, "/job/a/buildWithParameters?X=2")[0] == 201
    wrong = 500 if jenkins_server.version == configs.OLD else 400
    assert post(jenkins_server, "/job/a/build")[0] == wrong


def test_a_reason_to_quiet_down_is_kept(jenkins_server: JenkinsServer) -> None:
    post(jenkins_server, "/quietDown?message=upgrade")
    assert jenkins_server.quiet_down_reason == "upgrade"


def test_a_created_jobs_secret_is_in_plain_text_on_the_disk_until_it_is_saved(
    jenkins_server: JenkinsServer,
) -> None:
    job = jenkins_server.add_job(
        "a", SECRET.replace("<defaultValue/>", "<defaultValue>x</defaultValue>")
    )
    assert ciphers(job.file) == []
    jenkins_server.save(job)
    (kept,) = ciphers(job.file)
    jenkins_server.update(job, job.config)
    jenkins_server.restart()
    assert ciphers(job.config) == [kept]


@only_new
def test_a_plain_secret_has_a_new_cipher_at_each_post_and_start(
    jenkins_server: JenkinsServer,
) -> None:
    job = jenkins_server.add_job("a", SECRET)
    seen = ciphers(job.config)
    jenkins_server.restart()
    seen += ciphers(job.config)
    jenkins_server.update(job, SECRET)
    assert len({*seen, *ciphers(job.config)}) == 3


@only_new
def test_a_created_matrix_job_has_the_default_strategy_until_it_is_posted_again(
    jenkins_server: JenkinsServer,
) -> None:
    """Or until Jenkins restarts (matrix-project 917)."""
    sequential = "<runSequentially>true</runSequentially>"
    config = configs.recorded("wide-matrix", "posted")
    posted, restarted = (jenkins_server.add_job(name, config) for name in "ab")
    assert sequential not in posted.config
    jenkins_server.update(posted, config)
    assert sequential in posted.config
    jenkins_server.restart()
    assert sequential in restarted.config


def test_text_that_xml_1_1_has_in_its_own_way(jenkins_server: JenkinsServer) -> None:
    """A control character is named; U+2028 in a saved file is a line's end after the next start."""
    job = jenkins_server.add_job("a", EMPTY)
    jenkins_server.save(job, description="\x1b[1m one\u2028two\u0085three")
    assert "&#x1b;[1m one\u2028two\u0085three" in job.config
    jenkins_server.restart()
    assert described(job.config) == "\x1b[1m one\ntwo\u0085three"


FAULTS = {
    Fault.DROP_BEFORE: (None, False),
    Fault.DROP_AFTER: (None, True),
    Fault.BAD_GATEWAY: (502, False),
    Fault.UNAVAILABLE: (503, False),
    Fault.TOO_MANY: (429, False),
    Fault.GATEWAY_TIMEOUT: (504, True),
    Fault.STARTING: (503, False),
    Fault.DELAY: (200, True),
    Fault.STALE_SESSION: (200, True),
    Fault.HTML: (200, False),
    Fault.RESTART: (None, False),
    Fault.RESTART_AFTER: (None, True),
    Fault.CUT: (200, True),
}


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_does_what_it_says(fault: Fault, jenkins_server: JenkinsServer) -> None:
    """A fault hits the planned request only, and says truly whether that was handled."""
    status, handled = FAULTS[fault]
    jenkins_server.fail(fault, method="POST", path="/createItem", seconds=0.01)
    authorization = login(jenkins_server.user, jenkins_server.token)
    body = configs.recorded("wide-empty", "posted").encode()
    path = "/createItem?name=a"
    try:
        got = ask(
            jenkins_server.url,
            "POST",
            path,
            body=body,
            Authorization=authorization,
            Content_Type="text/xml",
        )[0]
    except http.client.IncompleteRead:
        got = 200
    except (ConnectionError, http.client.RemoteDisconnected):
        got = 0
    assert got == (status or 0)
    assert ("a" in jenkins_server.jobs) is handled
    again = ask(jenkins_server.url, "GET", "/api/json", Authorization=authorization)
    assert again[0] == (503 if "RESTART" in fault.name else 200)
