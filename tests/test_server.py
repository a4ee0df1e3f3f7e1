"""What a live server does to us: bad weather is waited out, everything else is one sentence."""

from __future__ import annotations

import logging
import random
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

import tests.jenkins_server_configs as configs
from cfl_jobs import errors
from cfl_jobs.configs.normalform import normalise
from cfl_jobs.errors import CflJobsError, TargetError
from cfl_jobs.target import Kind
from cfl_jobs.targets.addresses import check_url
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.retrying import Patience
from cfl_jobs.targets.server import JenkinsTarget, open_server
from cfl_jobs.targets.serverfacts import Login, Node
from tests.jenkins_server import Fault, JenkinsServer, Request

CONFIG = configs.recorded("wide-shell-unicode", "posted")
OTHER = CONFIG.replace("bold", "other")
FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"
TOKEN = JenkinsServer.token
PASSWORD = JenkinsServer.password


def login(secret: str = TOKEN, user: str = JenkinsServer.user) -> Credentials:
    return Credentials(user, secret, "a test")


def patience(waits: list[float] | None = None) -> Patience:
    """Never sleeps, but notes the waits."""
    noted = waits if waits is not None else []
    return Patience(sleep=noted.append, draw=lambda: 1.0)


@contextmanager
def target_at(
    url: str,
    credentials: Credentials | None = None,
    *,
    timeout: float = 30.0,
    waits: list[float] | None = None,
) -> Iterator[JenkinsTarget]:
    chosen = login() if credentials is None else credentials
    with JenkinsTarget(url, chosen, timeout=timeout, patience=patience(waits)) as target:
        yield target


@pytest.fixture
def target(jenkins_server: JenkinsServer) -> Iterator[JenkinsTarget]:
    with target_at(jenkins_server.url) as found:
        yield found


@contextmanager
def raw_server(
    answer: bytes, *, drips: bytes = b"", context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Listen on loopback, give every connection these bytes, then drips, and close it."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        while True:
            try:
                plain = listener.accept()[0]
            except OSError:
                return
            with plain:
                if stopping.is_set():
                    return
                try:
                    connection = context.wrap_socket(plain, server_side=True) if context else plain
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)
                        for drip in drips:
                            if stopping.wait(0.02):
                                break
                            connection.sendall(bytes([drip]))
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stopping.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def page(text: str, *headers: str) -> bytes:
    head = "\r\n".join(
        [
            "HTTP/1.1 200 OK",
            "Content-Type: text/html",
            f"Content-Length: {len(text)}",
            "Connection: close",
            *headers,
        ]
    )
    return f"{head}\r\n\r\n{text}".encode()


def failing(kind: type[CflJobsError], act: Callable[[], object]) -> CflJobsError:
    """Return the error of exactly this class; its text must hold no secret and give advice."""
    with pytest.raises(CflJobsError) as caught:
        act()
    assert type(caught.value) is kind, caught.value
    for secret in (TOKEN, PASSWORD, "Basic "):
        assert secret not in str(caught.value)
    assert "\n" not in caught.value.message
    return caught.value


# Requests that are needed, and no more.


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
    assert target.read(Kind.JOB, "ünï ✓ + = 100") == configs.store(CONFIG)


# What only a live server can tell.


def test_the_server_tells_who_we_are_and_what_it_has(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.credentials = [{"id": "deploy-key"}, {"id": "a"}]
    jenkins_server.quieting_down = True
    jenkins_server.add_job("a", CONFIG)
    jenkins_server.add_builds("a", 130)
    assert target.whoami() == Login("admin", False, ("authenticated",))
    assert target.executors() == (Node("Built-In Node", 2, ("built-in",), False),)
    assert target.credential_ids() == ("a", "deploy-key")
    assert target.plugins()["git"] == "5.2.1"
    assert target.count_builds("a") == 130
    state = target.state()
    assert (state.version, state.is_quieting_down, state.uses_security) == ("2.440.3", True, True)


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


# Errors.


def test_wrong_credentials(jenkins_server: JenkinsServer) -> None:
    with target_at(jenkins_server.url, login("wrong")) as target:
        error = failing(errors.LoginRefused, lambda: target.list(Kind.JOB))
        assert "does not know the user 'admin' with this API token" in error.message
        failing(errors.LoginRefused, lambda: target.create(Kind.JOB, "a", CONFIG))


def test_no_credentials_where_they_are_needed(jenkins_server: JenkinsServer) -> None:
    with target_at(jenkins_server.url, Credentials()) as target:
        error = failing(errors.LoginRefused, lambda: target.list(Kind.JOB))
        assert "wants a login" in error.message
        assert "JENKINS_API_TOKEN" in error.advice
        failing(errors.LoginRefused, lambda: target.create(Kind.JOB, "a", CONFIG))


def test_credentials_in_netrc_are_not_used(
    jenkins_server: JenkinsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {jenkins_server.user} password {TOKEN}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with target_at(jenkins_server.url, Credentials()) as target:
        failing(errors.LoginRefused, lambda: target.list(Kind.JOB))


def test_a_missing_permission_is_named(jenkins_server: JenkinsServer) -> None:
    jenkins_server.add_job("a", CONFIG)
    reader = login(jenkins_server.reader_token, jenkins_server.reader)
    with target_at(jenkins_server.url, reader) as target:
        assert [entry.name for entry in target.list(Kind.JOB)] == ["a"]
        for act, words in (
            (lambda: target.read(Kind.JOB, "a"), "Job/Configure permission .*to read job 'a'"),
            (lambda: target.update(Kind.JOB, "a", CONFIG), "Job/Configure .*to update job 'a'"),
            (lambda: target.create(Kind.JOB, "b", CONFIG), "Job/Create .*to create job 'b'"),
            (lambda: target.delete(Kind.JOB, "a"), "Job/Delete .*to delete job 'a'"),
            (lambda: target.save("a", "x"), "Job/Configure .*to save job 'a'"),
            (target.plugins, "Overall/Administer .*to list plugins"),
        ):
            error = failing(errors.PermissionDenied, act)
            assert error.message.startswith("reader is missing the ")
            assert re.search(words, error.message), error.message
        failing(errors.Missing, target.credential_ids)
    assert jenkins_server.config("a") == configs.store(CONFIG)


def test_a_refused_name_and_a_taken_one_say_why(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.add_job("a", CONFIG)
    error = failing(errors.Refused, lambda: target.create(Kind.JOB, "a", OTHER))
    assert error.message.endswith("can't create job 'a': A job already exists with the name a")
    error = failing(errors.Refused, lambda: target.create(Kind.JOB, "b?", CONFIG))
    assert "? is an unsafe character" in error.message


def test_a_name_that_leads_elsewhere_is_never_sent(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    for name in ("..", "a/../b", ".", "a//b", ""):
        failing(errors.Refused, lambda name=name: target.delete(Kind.JOB, name))  # type: ignore[misc]
        failing(errors.Refused, lambda name=name: target.create(Kind.JOB, name, ""))  # type: ignore[misc]
    assert jenkins_server.count() == 0


def test_a_config_that_jenkins_can_not_read_is_refused_and_changes_nothing(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.add_job("a", CONFIG)
    before = jenkins_server.config("a")
    error = failing(errors.Refused, lambda: target.update(Kind.JOB, "a", "<project><builders>"))
    assert "Logging ID=" in error.advice
    failing(errors.Refused, lambda: target.update(Kind.JOB, "a", "<matrix-project/>"))
    failing(errors.Refused, lambda: target.create(Kind.JOB, "b", "<org.example.Unknown/>"))
    assert jenkins_server.config("a") == before
    assert "b" not in jenkins_server.jobs


def test_what_is_not_there_is_missing(target: JenkinsTarget) -> None:
    error = failing(errors.Missing, lambda: target.read(Kind.JOB, "absent"))
    assert "can't read job 'absent': there is none" in error.message


def test_a_move_to_another_folder_is_refused(target: JenkinsTarget) -> None:
    failing(errors.Refused, lambda: target.rename("a", "team/a"))


def test_no_such_host() -> None:
    waits: list[float] = []
    with target_at("http://no-such-host.invalid/", waits=waits) as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert error.message == "there is no host 'no-such-host.invalid'"
    assert waits == []


def test_nothing_listens_at_the_port() -> None:
    waits: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with target_at(f"http://127.0.0.1:{port}/", waits=waits) as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert "refused the connection" in error.message
    assert waits == []


def test_a_server_that_speaks_no_tls(jenkins_server: JenkinsServer) -> None:
    with target_at(jenkins_server.url.replace("http:", "https:")) as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert "does not speak TLS" in error.message


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with raw_server(page(""), context=context) as url, target_at(url) as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert "certificate that is not trusted: self-signed certificate" in error.message
    assert "REQUESTS_CA_BUNDLE" in error.advice


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its password is in the environment, and stays there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://ann:pr0xy-s3cret@127.0.0.1:{port}")
    with target_at("http://jenkins.invalid/") as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert error.message == "http://jenkins.invalid/ can't be reached through the proxy"
    assert "pr0xy-s3cret" not in str(error)


def test_a_server_that_does_not_answer_in_time(jenkins_server: JenkinsServer) -> None:
    jenkins_server.fail(Fault.DELAY, seconds=60, times=99)
    with target_at(jenkins_server.url, timeout=0.05) as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert "did not answer within 0.05 seconds" in error.message


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD])
def test_a_page_of_a_proxy_instead_of_an_answer(jenkins_server: JenkinsServer, secret: str) -> None:
    jenkins_server.add_job("a", CONFIG)
    with target_at(jenkins_server.url, login(secret)) as target:
        for act in (
            lambda: target.list(Kind.JOB),
            lambda: target.read(Kind.JOB, "a"),
            lambda: target.update(Kind.JOB, "a", OTHER),
            lambda: target.create(Kind.JOB, "b", CONFIG),
            lambda: target.delete(Kind.JOB, "a"),
            target.plugins,
        ):
            jenkins_server.fail(Fault.HTML)
            error = failing(errors.NotJenkins, act)
            assert "a page that is not from Jenkins ('Single sign-on')" in error.message
    assert jenkins_server.config("a") == configs.store(CONFIG)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (page("<html><title>Hello</title>"), errors.NotJenkins),
        (page("[]"), errors.NotJenkins),
        (page("{}", "X-Jenkins: 2.0"), errors.TargetError),
        (page("").replace(b"200 OK", b"404 Not Found"), errors.NotJenkins),
        (page("no").replace(b"200 OK", b"403 Forbidden"), errors.NotJenkins),
        (page("no").replace(b"200 OK", b"418 Teapot"), errors.NotJenkins),
        (page("no", "X-Jenkins: 2").replace(b"200 OK", b"500 Error"), errors.TargetError),
        (page("no").replace(b"200 OK", b"500 Error"), errors.NotJenkins),
        (b"SSH-2.0-OpenSSH_9.2\r\n", errors.Unreachable),
        (b"", errors.Unreachable),
        (page("short").replace(b"Content-Length: 5", b"Content-Length: 50"), errors.Unreachable),
        (
            page("this is no gzip").replace(
                b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type"
            ),
            errors.Unreachable,
        ),
    ],
)
def test_what_is_not_jenkins_is_said_so(answer: bytes, kind: type[TargetError]) -> None:
    with raw_server(answer) as url, target_at(url) as target:
        failing(kind, lambda: target.list(Kind.JOB))
        failing(kind, lambda: target.whoami())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_server_that_moved_gets_nothing_there(jenkins_server: JenkinsServer, status: int) -> None:
    """A POST must not become a GET on the way, and a token not go to whom it isn't for."""
    with JenkinsServer() as old, target_at(old.url) as target:
        old.redirect_to = jenkins_server.url
        old.redirect_status = status
        for act in (
            lambda: target.list(Kind.JOB),
            lambda: target.create(Kind.JOB, "a", CONFIG),
            lambda: target.update(Kind.JOB, "a", CONFIG),
            lambda: target.save("a", "x"),
            lambda: target.rename("a", "b"),
            lambda: target.delete(Kind.JOB, "a"),
        ):
            error = failing(errors.NotJenkins, act)
            assert error.message == f"{old.url} has moved to {jenkins_server.url}"
    assert jenkins_server.count() == 0


@pytest.mark.parametrize(
    "location", ["https://sso.example/oauth2/start?rd=%2F", "/login?from=%2F", "/securityRealm/x"]
)
def test_a_redirect_to_a_login_page_is_no_success(location: str) -> None:
    answer = page("", f"Location: {location}").replace(b"200 OK", b"302 Found")
    with raw_server(answer) as url, target_at(url) as target:
        failing(errors.LoginRefused, lambda: target.list(Kind.JOB))
        failing(errors.LoginRefused, lambda: target.delete(Kind.JOB, "a"))
        failing(errors.LoginRefused, lambda: target.save("a", "x"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "jenkins",
        "ftp://jenkins/",
        "http://",
        "http://[::1/",
        "http://host:port/",
        "http://host/?a=b",
        "http://host/#x",
        "http://ho\nst/",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    error = failing(CflJobsError, lambda: check_url(url))
    assert "https://jenkins.example.org/" in error.advice


@pytest.mark.parametrize(
    "url", ["http://ann:s3cret@host/", "https://s3cret@host:1/x", "//a:s3cret@b"]
)
def test_a_password_in_the_url_is_refused_and_not_shown(url: str) -> None:
    error = failing(CflJobsError, lambda: check_url(url))
    assert "s3cret" not in str(error)
    assert "JENKINS_API_TOKEN" in error.advice


def test_hosts_that_can_not_be_are_no_bug() -> None:
    failing(CflJobsError, lambda: check_url(f"http://{'ü' * 70}/"))
    for host in ("a" * 80, "a..b", "xn--zz--", "ünï"):
        with target_at(f"http://{host}.invalid/") as target:
            failing(errors.Unreachable, lambda target=target: target.list(Kind.JOB))  # type: ignore[misc]


def test_no_secret_is_logged_or_shown(
    jenkins_server: JenkinsServer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor those that python-jenkins takes from the environment and logs."""
    monkeypatch.setenv("JENKINS_API_EXTRA_HEADERS", "X-Proxy-Token: pr0xy-s3cret")
    caplog.set_level(logging.DEBUG)
    with target_at(jenkins_server.url, login(PASSWORD)) as target:
        target.create(Kind.JOB, "a", CONFIG)
        jenkins_server.fail(Fault.DROP_BEFORE, times=99)
        failing(errors.Unreachable, lambda: target.list(Kind.JOB))
        shown = f"{target!r} {target}"
    out, err = capfd.readouterr()
    text = caplog.text + out + err + shown
    for secret in (PASSWORD, "pr0xy-s3cret", *jenkins_server._crumbs.values()):
        assert secret not in text


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
    with open_server(server.url, patience=patience()) as target:
        with server:
            target.whoami()
        failing(errors.Unreachable, target.whoami)
    said = capfd.readouterr().err.splitlines()
    assert said[0] == f"Waiting, up to 112 s more: {server.url} refused the connection."
    assert 3 <= len(said) <= 5


# Bad weather.

PASSING_FAULTS = [
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.GATEWAY_TIMEOUT,
    Fault.STARTING,
    Fault.STALE_SESSION,
    Fault.RESTART,
    Fault.RESTART_AFTER,
    Fault.CUT,
]


def do_everything(target: JenkinsTarget) -> None:
    """Each kind of request once, with what it must lead to."""
    assert target.list(Kind.JOB) == ()
    target.create(Kind.JOB, "folder", FOLDER)
    target.create(Kind.JOB, "folder/a", CONFIG)
    assert normalise(target.read(Kind.JOB, "folder/a"), name="a") == normalise(CONFIG, name="a")
    target.update(Kind.JOB, "folder/a", OTHER)
    target.save("folder/a", "saved")
    assert "saved" in target.read(Kind.JOB, "folder/a")
    target.rename("folder/a", "folder/b")
    assert [entry.name for entry in target.list(Kind.JOB)] == ["folder", "folder/b"]
    assert target.count_builds("folder/b") == 0
    target.delete(Kind.JOB, "folder/b")
    assert [entry.name for entry in target.list(Kind.JOB)] == ["folder"]
    view = "<hudson.model.ListView><name>v</name></hudson.model.ListView>"
    target.create(Kind.VIEW, "v", view)
    target.update(Kind.VIEW, "v", view)
    assert "v" in [entry.name for entry in target.list(Kind.VIEW)]
    target.delete(Kind.VIEW, "v")
    assert "git" in target.plugins()
    assert target.whoami().name == "admin"


@pytest.mark.parametrize("fault", PASSING_FAULTS)
@pytest.mark.parametrize("secret", [TOKEN, PASSWORD])
def test_each_fault_at_each_request_passes(
    fault: Fault, secret: str, jenkins_server: JenkinsServer
) -> None:
    """Run with one fault at the first request, then at the second, and so on."""
    with target_at(jenkins_server.url, login(secret)) as target:
        target.whoami()  # from here on the server is known to be there
        number = 0
        while True:
            jenkins_server._planned.clear()
            jenkins_server.fail(fault, after=number)
            do_everything(target)
            if jenkins_server._planned[0].times:
                break  # the run was over before the fault's turn
            number += 1
            target.delete(Kind.JOB, "folder")
    assert number >= 18


@pytest.mark.parametrize("seed", range(100))
def test_faults_at_random_pass(seed: int, jenkins_server: JenkinsServer) -> None:
    """Some hundred runs in which about every sixth request meets some accident."""
    dice = random.Random(seed)

    def choose(_: Request) -> Fault | None:
        return dice.choice(PASSING_FAULTS) if dice.random() < 0.15 else None

    jenkins_server.hook = choose
    secret = dice.choice([TOKEN, PASSWORD])
    never_tired = Patience(attempts=200, brief=1e9, sleep=lambda _: None, draw=dice.random)
    with JenkinsTarget(jenkins_server.url, login(secret), patience=never_tired) as target:
        do_everything(target)
    assert list(jenkins_server.jobs) == ["folder"]


def test_a_create_whose_answer_was_lost_is_not_sent_again(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    target.whoami()
    jenkins_server.fail(Fault.DROP_AFTER, path="createItem")
    target.create(Kind.JOB, "a", CONFIG)
    assert jenkins_server.count("POST", "createItem") == 1


def test_a_create_that_met_another_job_of_that_name_is_refused(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """Someone else made it between our request and its repetition: theirs is not taken as ours."""
    target.whoami()
    jenkins_server.fail(Fault.BAD_GATEWAY, path="createItem")
    jenkins_server.add_job("a", OTHER)
    failing(errors.Refused, lambda: target.create(Kind.JOB, "a", CONFIG))
    assert jenkins_server.config("a") == configs.store(OTHER)


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.GATEWAY_TIMEOUT, Fault.RESTART_AFTER])
def test_an_update_whose_answer_was_lost_is_not_sent_again(
    fault: Fault, jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    jenkins_server.add_job("a", CONFIG)
    target.read(Kind.JOB, "a")
    jenkins_server.fail(fault, method="POST")
    target.update(Kind.JOB, "a", OTHER)
    assert jenkins_server.count("POST") == 1


CHANGES: dict[str, Callable[[JenkinsTarget], None]] = {
    "update": lambda target: target.update(Kind.JOB, "a", OTHER),
    "save": lambda target: target.save("a", "ours"),
    "delete": lambda target: target.delete(Kind.JOB, "a"),
}


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
    assert jenkins_server.config("a") == configs.store(edited)
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


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.DROP_BEFORE])
def test_a_rename_that_changes_the_case_only_may_lose_its_answer(
    fault: Fault, jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    """Jenkins finds the job by either name, but keeps one of them."""
    jenkins_server.add_job("team", FOLDER)
    jenkins_server.add_job("team/deploy", CONFIG)
    jenkins_server.fail(fault, path="doRename")
    target.rename("team/deploy", "team/Deploy")
    assert list(jenkins_server.jobs) == ["team", "team/Deploy"]


def test_a_delete_that_finds_nothing_at_first_is_missing(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    failing(errors.Missing, lambda: target.delete(Kind.JOB, "a"))
    jenkins_server.add_job("a", CONFIG)
    jenkins_server.fail(Fault.DROP_AFTER, path="doDelete")
    target.delete(Kind.JOB, "a")
    assert jenkins_server.jobs == {}


def test_waits_double_up_to_a_limit_and_end(jenkins_server: JenkinsServer) -> None:
    waits: list[float] = []
    jenkins_server.fail(Fault.BAD_GATEWAY, times=99)
    with target_at(jenkins_server.url, waits=waits) as target:
        error = failing(errors.Unavailable, lambda: target.list(Kind.JOB))
    assert "(status 502)" in error.message
    assert waits == [0.5, 1.0, 2.0, 4.0]
    assert jenkins_server.count() == 5


def test_a_server_that_is_starting_up_is_waited_for_longer(jenkins_server: JenkinsServer) -> None:
    waits: list[float] = []
    jenkins_server.starting_for = 15
    with target_at(jenkins_server.url, waits=waits) as target:
        target.list(Kind.JOB)
        assert sum(waits) > 60
        jenkins_server.starting_for = 99
        error = failing(errors.Unavailable, lambda: target.list(Kind.JOB))
    assert error.message.endswith("is starting up")


def test_waits_are_shortened_at_random(jenkins_server: JenkinsServer) -> None:
    waits: list[float] = []
    chosen = Patience(sleep=waits.append, draw=random.Random(1).random)
    jenkins_server.fail(Fault.UNAVAILABLE, times=4)
    with JenkinsTarget(jenkins_server.url, login(), patience=chosen) as target:
        target.list(Kind.JOB)
    for wait, longest in zip(waits, [0.5, 1.0, 2.0, 4.0], strict=True):
        assert longest / 2 <= wait < longest


def test_a_server_that_went_away_in_the_middle_is_waited_for() -> None:
    """Refusing connections is how a restart begins; a server never seen is not waited for."""
    waits: list[float] = []
    server = JenkinsServer()
    with target_at(server.url, waits=waits) as target:
        with server:
            target.list(Kind.JOB)
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert "refused the connection" in error.message
    assert 120 <= sum(waits) < 130


def test_a_server_that_is_gone_is_waited_for_once(jenkins_server: JenkinsServer) -> None:
    """Three hundred jobs must not wait one after the other; an answer brings patience back."""
    waits: list[float] = []
    jenkins_server.fail(Fault.DROP_BEFORE, times=7)
    with target_at(jenkins_server.url, waits=waits) as target:
        for count in (4, 4, 4):
            failing(errors.Unreachable, lambda: target.list(Kind.JOB))
            assert len(waits) == count
        target.list(Kind.JOB)
        jenkins_server.fail(Fault.DROP_BEFORE, times=2)
        target.list(Kind.JOB)
    assert len(waits) == 6


def test_one_request_that_always_fails_is_not_waited_for(jenkins_server: JenkinsServer) -> None:
    """The server answers everything else, so this won't pass."""
    waits: list[float] = []
    jenkins_server.add_job("a", CONFIG)
    jenkins_server.hook = lambda asked: Fault.BAD_GATEWAY if "/a/" in asked.path else None
    with target_at(jenkins_server.url, waits=waits) as target:
        target.list(Kind.JOB)
        failing(errors.Unavailable, lambda: target.read(Kind.JOB, "a"))
    assert waits == [0.5, 1.0, 2.0, 4.0]
    assert (jenkins_server.count(path="/a/"), jenkins_server.count(path="whoAmI")) == (6, 2)


@pytest.mark.parametrize("head", [b"", page("", "X-Jenkins: 2").replace(b" 0\r", b" 9999\r")])
def test_an_answer_that_comes_by_drips_is_cut(head: bytes) -> None:
    """Each byte comes in time, but the whole takes too long."""
    once = Patience(attempts=0)
    with (
        raw_server(head, drips=page("") * 2) as url,
        JenkinsTarget(url, login(), timeout=0.5, patience=once) as target,
    ):
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert error.message == f"{url} did not answer in full within 1 seconds"


def test_a_connection_closed_while_idle_is_opened_again(
    jenkins_server: JenkinsServer, target: JenkinsTarget
) -> None:
    target.create(Kind.JOB, "a", CONFIG)
    jenkins_server.drop_connections()
    target.update(Kind.JOB, "a", OTHER)
    assert jenkins_server.config("a") == configs.store(OTHER)


def test_every_error_of_requests_is_mapped(jenkins_server: JenkinsServer) -> None:
    """No exception of the library gets out, whichever it is."""
    from cfl_jobs.targets.failures import explain_failure, is_final

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
        assert isinstance(is_final(thrown, has_answered=True), bool)
