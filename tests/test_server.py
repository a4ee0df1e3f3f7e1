"""A live server: few requests, transient errors are waited out, and no change is made twice."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from cfl_jobs import errors
from cfl_jobs.configs.config import normalise
from cfl_jobs.errors import TargetError
from cfl_jobs.target import Kind
from cfl_jobs.targets.answers import Answer
from cfl_jobs.targets.server import JenkinsTarget, Login, open_server
from tests.jenkins_server import Fault, JenkinsServer, Request
from tests.jenkins_server_configs import NEW, OLD
from tests.server_targets import (
    CONFIG,
    FOLDER,
    OTHER,
    PASSWORD,
    TOKEN,
    failing,
    login,
    page,
    raw_server,
    retry_policy,
    target_at,
)


def test_a_listing_is_one_request_however_deep_the_folders(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    names = ["a", "a/b", "a/b/c"]
    for name in names:
        jenkins_server.add_job(name, FOLDER)
    jenkins_server.add_job("a/b/c/inner", CONFIG)
    jenkins_server.add_job("top", CONFIG)
    assert [entry.name for entry in target.list(Kind.JOB)] == [*names, "a/b/c/inner", "top"]
    assert jenkins_server.count() == 1


def test_folders_deeper_than_one_request_sees_are_listed_too(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    names = ["/".join("f" * depth) for depth in range(1, 22)]
    for name in names:
        jenkins_server.add_job(name, FOLDER)
    assert [entry.name for entry in target.list(Kind.JOB)] == names
    assert jenkins_server.count() == 3


def test_views_in_folders_are_listed_by_their_whole_name(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.add_job("team", FOLDER)
    config = "<hudson.model.ListView><name>mine</name></hudson.model.ListView>"
    target.create(Kind.VIEW, "team/mine", config)
    assert "team/mine" in [entry.name for entry in target.list(Kind.VIEW)]
    assert "mine" in target.read(Kind.VIEW, "team/mine")
    target.delete(Kind.VIEW, "team/mine")


def test_each_change_with_a_token_is_one_request(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """No crumb, no question whether the job exists, no page after a redirect."""
    target.create(Kind.JOB, "a", CONFIG)
    target.save("a", "x")
    target.update(Kind.JOB, "a", OTHER)
    target.rename("a", "b")
    target.delete(Kind.JOB, "b")
    assert [logged.method for logged in jenkins_server.requests] == ["POST"] * 5


def test_a_password_costs_one_crumb_and_one_session(jenkins_server: JenkinsServer) -> None:
    with target_at(jenkins_server.url, login(PASSWORD)) as target:
        for number in range(5):
            target.create(Kind.JOB, f"job {number}", CONFIG)
    assert jenkins_server.count("GET", "crumbIssuer") == 1
    assert jenkins_server.count("POST") == 6


def test_connections_are_kept_and_shared_by_threads(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    for number in range(40):
        jenkins_server.add_job(f"job {number}", CONFIG)
    with ThreadPoolExecutor(max_workers=4) as pool:
        texts = list(pool.map(lambda n: target.read(Kind.JOB, f"job {n}"), range(40)))
    assert len(set(texts)) == 1
    assert jenkins_server.connections <= 4
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda n: target.read(Kind.JOB, f"job {n}"), range(40)))
    assert jenkins_server.connections <= 4


def test_text_beyond_ascii_is_read_as_it_is(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """Jenkins names no charset for a config, so guessing one would go wrong."""
    target.create(Kind.JOB, "ünï ✓ + = 100", CONFIG)
    assert target.read(Kind.JOB, "ünï ✓ + = 100") == jenkins_server.as_read(CONFIG)


def test_the_server_tells_who_we_are_and_what_it_has(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.credentials = [{"id": "deploy-key"}, {"id": "a"}]
    jenkins_server.add_job("a", CONFIG)
    jenkins_server.add_builds("a", 130)
    assert target.whoami() == Login("admin", False, ("authenticated",))
    assert target.credential_ids() == ("a", "deploy-key")
    assert target.plugins() == jenkins_server.plugins
    assert target.count_builds("a") == 130
    assert target.version() == jenkins_server.version


def test_a_server_that_is_quieting_down_takes_changes(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.quieting_down = True
    target.create(Kind.JOB, "a", CONFIG)
    assert "a" in jenkins_server.jobs


def test_a_context_path_in_the_url_is_kept() -> None:
    with JenkinsServer(prefix="/ci") as server, target_at(server.url.rstrip("/")) as target:
        target.create(Kind.JOB, "a", CONFIG)
        target.save("a", "x")
        target.delete(Kind.JOB, "a")
        assert target.list(Kind.JOB) == ()


def test_open_server_takes_the_users_credentials_and_says_what_it_did_not_take(
    jenkins_server: JenkinsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("JENKINS_USER_ID", "JENKINS_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    conf = tmp_path / "jenkins_jobs.ini"
    conf.write_text(f"[jenkins]\nuser=admin\npassword={TOKEN}\nurl={jenkins_server.url}\n")
    conf.chmod(0o600)
    said: list[str] = []
    with open_server(jenkins_server.url, conf=conf, say=said.append) as target:
        assert target.whoami().name == "admin"
    assert said == []
    with open_server("http://127.0.0.1:1/", conf=conf, say=said.append):
        assert len(said) == 1
        assert "not sent" in said[0]


def test_what_is_waited_for_is_said(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENKINS_USER_ID", JenkinsServer.user)
    monkeypatch.setenv("JENKINS_API_TOKEN", TOKEN)
    server = JenkinsServer()
    with open_server(server.url, policy=retry_policy()) as target:
        with server:
            target.whoami()
        failing(errors.Unreachable, target.whoami)
    said = capfd.readouterr().err.splitlines()
    assert said[0] == f"Waiting, up to 120 s more: {server.url} refused the connection."
    assert 3 <= len(said) <= 5


# All but what no retry ends: a slow answer, and a proxy's own page.
PASSING_FAULTS = [fault for fault in Fault if fault not in (Fault.DELAY, Fault.HTML)]


VIEW = "<hudson.model.ListView><name>v</name></hudson.model.ListView>"


def names(target: JenkinsTarget, kind: Kind = Kind.JOB) -> list[str]:
    return [entry.name for entry in target.list(kind)]


NORMAL = normalise(CONFIG, name="a")
# Each kind of request once; one that returns anything returns whether it led to what it must.
EVERYTHING: tuple[Callable[[JenkinsTarget], bool | None], ...] = (
    lambda target: target.list(Kind.JOB) == (),
    lambda target: target.create(Kind.JOB, "folder", FOLDER),
    lambda target: target.create(Kind.JOB, "folder/a", CONFIG),
    lambda target: normalise(target.read(Kind.JOB, "folder/a"), name="a") == NORMAL,
    lambda target: target.update(Kind.JOB, "folder/a", OTHER),
    lambda target: target.save("folder/a", "saved"),
    lambda target: "saved" in target.read(Kind.JOB, "folder/a"),
    lambda target: target.rename("folder/a", "folder/b"),
    lambda target: names(target) == ["folder", "folder/b"],
    lambda target: target.count_builds("folder/b") == 0,
    lambda target: target.delete(Kind.JOB, "folder/b"),
    lambda target: names(target) == ["folder"],
    lambda target: target.create(Kind.VIEW, "v", VIEW),
    lambda target: target.update(Kind.VIEW, "v", VIEW),
    lambda target: "v" in names(target, Kind.VIEW),
    lambda target: target.delete(Kind.VIEW, "v"),
    lambda target: "git" in target.plugins(),
    lambda target: target.whoami().name == "admin",
)


@pytest.mark.parametrize("fault", PASSING_FAULTS)
@pytest.mark.parametrize(
    ("jenkins_server", "secret", "number", "acts"),
    [
        (OLD, TOKEN, 0, EVERYTHING),
        (NEW, PASSWORD, 0, EVERYTHING),
        (NEW, PASSWORD, 1, EVERYTHING[:3]),
    ],
    indirect=["jenkins_server"],
    ids=["token", "password", "crumb"],
)
def test_each_fault_at_each_request_passes(
    fault: Fault,
    secret: str,
    number: int,
    acts: tuple[Callable[[JenkinsTarget], bool | None], ...],
    jenkins_server: JenkinsServer,
) -> None:
    """At the first request that something takes, or at the second: the crumb's."""
    with target_at(jenkins_server.url, login(secret)) as target:
        target.whoami()  # from here on the server is known to be there
        for act in acts:
            jenkins_server._planned.clear()
            jenkins_server.fail(fault, after=number)
            assert act(target) in (None, True)


@pytest.mark.parametrize(
    ("jenkins_server", "seed"),
    [((OLD, NEW)[seed % 2], seed) for seed in range(8)],
    indirect=["jenkins_server"],
)
def test_faults_at_random_pass(seed: int, jenkins_server: JenkinsServer) -> None:
    """Some runs in which about every sixth request meets some accident."""
    dice = random.Random(seed)

    def choose(_: Request) -> Fault | None:
        return dice.choice(PASSING_FAULTS) if dice.random() < 0.15 else None

    jenkins_server.hook = choose
    secret = dice.choice([TOKEN, PASSWORD])
    never_tired = retry_policy(attempts=200, limit=1e9, draw=dice.random)
    with JenkinsTarget(jenkins_server.url, login(secret), policy=never_tired) as target:
        for act in EVERYTHING:
            assert act(target) in (None, True)
    assert list(jenkins_server.jobs) == ["folder"]


def test_a_create_that_met_another_job_of_that_name_is_refused(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """Someone else made it between our request and its repetition: theirs is not taken as ours."""
    target.whoami()
    jenkins_server.fail(Fault.BAD_GATEWAY, path="createItem")
    jenkins_server.add_job("a", OTHER)
    failing(errors.Refused, lambda: target.create(Kind.JOB, "a", CONFIG))
    assert jenkins_server.config("a") == jenkins_server.as_read(OTHER)


CHANGES: dict[str, Callable[[JenkinsTarget], None]] = {
    "update": lambda target: target.update(Kind.JOB, "a", OTHER),
    "save": lambda target: target.save("a", "ours"),
    "delete": lambda target: target.delete(Kind.JOB, "a"),
}


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.GATEWAY_TIMEOUT, Fault.RESTART_AFTER])
@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_a_change_whose_answer_was_lost_is_not_sent_again(
    fault: Fault, change: str, jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """And is none that failed: what had to be there is there, or gone."""
    if change != "create":
        jenkins_server.add_job("a", CONFIG)
    target.whoami()
    jenkins_server.fail(fault, method="POST")
    {"create": lambda target: target.create(Kind.JOB, "a", OTHER), **CHANGES}[change](target)
    assert jenkins_server.count("POST") == 1
    assert set(jenkins_server.jobs) == ({"a"} if change != "delete" else set())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.UNAVAILABLE])
def test_a_change_that_failed_is_not_made_over_an_edit_since_then(
    fault: Fault, change: str, jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """While we waited, someone else changed the job, or made another of that name."""
    edited = CONFIG.replace("<description>", "<description>theirs ").replace("bold", "theirs")
    jenkins_server.add_job("a", CONFIG)
    target.read(Kind.JOB, "a")
    jenkins_server.fail(fault, method="POST")

    def edit(asked: Request) -> None:
        if asked.method == "GET":
            jenkins_server.top.jobs.pop("a", None)
            jenkins_server.add_job("a", edited)

    jenkins_server.hook = edit
    error = failing(errors.Refused, lambda: CHANGES[change](target))
    assert "someone else may be at work" in error.message
    assert jenkins_server.config("a") == jenkins_server.as_read(edited)
    assert jenkins_server.count("POST") == 1


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_failed_is_made_again_where_all_is_as_before(
    change: str, jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """Also where Jenkins wrote it anew at its restart."""
    jenkins_server.add_job("a", CONFIG)
    target.read(Kind.JOB, "a")
    jenkins_server.fail(Fault.RESTART, method="POST")
    CHANGES[change](target)
    assert jenkins_server.count("POST", "") == 2


@pytest.mark.parametrize(("others", "is_known"), [(4, True), (5, False)])
def test_the_last_configs_are_kept_and_none_is_changed_again_unseen(
    others: int,
    is_known: bool,
    jenkins_server: JenkinsServer,
    target: JenkinsTarget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many jobs there are: whoever changes one has read it just before."""
    monkeypatch.setattr("cfl_jobs.targets.server._IN_HAND", 5)
    names = ["a", *(f"other {number}" for number in range(others))]
    for name in names:
        jenkins_server.add_job(name, CONFIG)
        target.read(Kind.JOB, name)
    jenkins_server.fail(Fault.DROP_BEFORE, method="POST")
    if is_known:
        target.update(Kind.JOB, "a", OTHER)
    else:
        failing(errors.Refused, lambda: target.update(Kind.JOB, "a", OTHER))
    assert jenkins_server.config("a") == jenkins_server.as_read(OTHER if is_known else CONFIG)


@pytest.mark.parametrize(
    ("fault", "times", "seconds", "waits", "words"),
    [
        (Fault.BAD_GATEWAY, 99, 0, [0.5, 1.0, 2.0, 4.0], "(status 502)"),
        (Fault.TOO_MANY, 2, 5, [5.25, 5.5], ""),
        (Fault.TOO_MANY, 2, 40, [40.25, 40.25], ""),
        (Fault.TOO_MANY, 1, 600, [], "wants no more requests for the next 600 s (status 429"),
    ],
)
def test_waits_double_up_to_a_limit_or_are_as_long_as_the_server_says(
    fault: Fault,
    times: int,
    seconds: float,
    waits: list[float],
    words: str,
    jenkins_server: JenkinsServer,
) -> None:
    """Whoever wants to be left alone for long is not waited for."""
    noted: list[float] = []
    jenkins_server.fail(fault, times=times, seconds=seconds)
    with target_at(jenkins_server.url, waits=noted) as target:
        if words:
            assert words in failing(errors.Unavailable, lambda: target.list(Kind.JOB)).message
        else:
            target.list(Kind.JOB)
    assert noted == waits


def test_a_server_that_is_starting_up_is_waited_for_longer(jenkins_server: JenkinsServer) -> None:
    waits: list[float] = []
    jenkins_server.starting_for = 40
    with target_at(jenkins_server.url, waits=waits) as target:
        target.list(Kind.JOB)
        assert sum(waits) > 60
        jenkins_server.starting_for = 9999
        error = failing(errors.Unavailable, lambda: target.list(Kind.JOB))
    assert error.message.endswith("is starting up")


@pytest.mark.parametrize(("fault", "status"), [(Fault.TOO_MANY, 429), (Fault.UNAVAILABLE, 503)])
def test_a_long_wait_is_told_with_its_reason_at_the_first_request_too(
    fault: Fault, status: int, jenkins_server: JenkinsServer
) -> None:
    jenkins_server.fail(fault, seconds=40)
    said: list[str] = []
    with JenkinsTarget(
        jenkins_server.url, login(), policy=retry_policy(), say=said.append
    ) as target:
        target.list(Kind.JOB)
    assert len(said) == 1
    assert said[0].startswith("Waiting for 40 s: ")
    assert f"(status {status}" in said[0]


def test_a_read_is_put_off_for_long_as_often_as_a_change_though_others_are_answered(
    jenkins_server: JenkinsServer,
) -> None:
    waits: list[float] = []
    jenkins_server.fail(Fault.TOO_MANY, path="^/api/json", times=3, seconds=40)
    with target_at(jenkins_server.url, waits=waits) as target:
        target.whoami()
        target.list(Kind.JOB)
    assert waits == [40.25, 40.5, 41.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("30", 30),
        ("soon", 0),
        ("-1", 0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2026 07:27:30 GMT", 0),
        ("9" * 5000, 999_999_999),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_clock(text: str, seconds: int) -> None:
    headers = {"Retry-After": text, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert Answer(429, headers, b"").after == seconds


def test_waits_are_shortened_at_random(jenkins_server: JenkinsServer) -> None:
    waits: list[float] = []
    chosen = retry_policy(waits, draw=random.Random(1).random)
    jenkins_server.fail(Fault.UNAVAILABLE, times=4)
    with JenkinsTarget(jenkins_server.url, login(), policy=chosen) as target:
        target.list(Kind.JOB)
    for wait, longest in zip(waits, [0.5, 1.0, 2.0, 4.0], strict=True):
        assert longest / 2 <= wait < longest


def test_a_connection_closed_while_idle_is_opened_again(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    target.create(Kind.JOB, "a", CONFIG)
    jenkins_server.drop_connections()
    target.update(Kind.JOB, "a", OTHER)
    assert jenkins_server.config("a") == jenkins_server.as_read(OTHER)


def test_every_error_of_requests_is_mapped(jenkins_server: JenkinsServer) -> None:
    """No exception of the library gets out, whichever it is."""
    from cfl_jobs.targets.answers import explain_failure, is_final

    kinds = [
        kind
        for kind in vars(requests.exceptions).values()
        if isinstance(kind, type) and issubclass(kind, requests.RequestException)
    ]
    assert len(kinds) > 15
    for kind in kinds:
        thrown = (
            kind("x", "doc", 0) if issubclass(kind, requests.exceptions.JSONDecodeError) else kind()
        )
        error = explain_failure(thrown, jenkins_server.url, 1)
        assert isinstance(error, TargetError)
        assert error.advice
        assert isinstance(is_final(thrown), bool)


def test_an_answer_that_comes_by_drips_is_given_up() -> None:
    """Each byte comes in time, but the whole takes too long."""
    once = retry_policy(attempts=0)
    with (
        raw_server(b"", drips=page("", f"X-Pad: {'x' * 9999}")) as url,
        JenkinsTarget(url, login(), timeout=0.5, policy=once) as target,
    ):
        failing(errors.Unreachable, lambda: target.list(Kind.JOB))


def test_a_change_that_was_given_up_does_not_arrive_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's name takes so long to be found that nobody waits for the answer any more."""
    is_found, find = threading.Event(), socket.getaddrinfo

    def find_late(*args: Any, **kwargs: Any) -> Any:
        is_found.wait()
        return find(*args, **kwargs)

    impatient = retry_policy(attempts=0, hold=lambda done, seconds: False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with JenkinsTarget(url, login(), timeout=30, policy=impatient) as target:
            monkeypatch.setattr(socket, "getaddrinfo", find_late)
            failing(errors.Unreachable, lambda: target.create(Kind.JOB, "a", CONFIG))
            is_found.set()
            connection = listener.accept()[0]
            with connection, connection.makefile("rb") as received:
                text = received.read()
    assert b"createItem" in text
    assert b"<project" not in text
