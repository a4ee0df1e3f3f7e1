"""What a live server refuses, or something in its place answers: one sentence each."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfl_jobs import errors
from cfl_jobs.errors import CflJobsError, TargetError
from cfl_jobs.target import Kind
from cfl_jobs.targets.addresses import check_url
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.server import JenkinsTarget
from tests.jenkins_server import Fault, JenkinsServer
from tests.server_targets import (
    CONFIG,
    OTHER,
    PASSWORD,
    TOKEN,
    failing,
    login,
    page,
    raw_server,
    target_at,
)


@pytest.fixture
def target(jenkins_server: JenkinsServer) -> Iterator[JenkinsTarget]:
    with target_at(jenkins_server.url) as found:
        yield found


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
    assert jenkins_server.config("a") == jenkins_server.as_read(CONFIG)


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
    assert jenkins_server.config("a") == jenkins_server.as_read(CONFIG)


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
