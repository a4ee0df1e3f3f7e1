"""What a live server refuses, or something in its place answers: one sentence each."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import ssl
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cfl_jobs import errors
from cfl_jobs.errors import CflJobsError, TargetError
from cfl_jobs.target import Kind, check_url
from cfl_jobs.targets.answers import explain_failure, is_final
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


@pytest.mark.parametrize(
    ("credentials", "words", "advice"),
    [
        (login("wrong"), "does not know the user 'admin' with this API token", "user's ID"),
        (Credentials(), "wants a login", "JENKINS_API_TOKEN"),
    ],
    ids=["wrong", "none"],
)
def test_credentials_that_are_wrong_or_lack(
    credentials: Credentials, words: str, advice: str, jenkins_server: JenkinsServer
) -> None:
    with target_at(jenkins_server.url, credentials) as target:
        for act in (lambda: target.list(Kind.JOB), lambda: target.create(Kind.JOB, "a", CONFIG)):
            error = failing(errors.LoginRefused, act)
            assert words in error.message
            assert advice in error.advice


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
            (lambda: target.save("a", "x"), "Job/Configure .*to (save|read) job 'a'"),
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


def unreachable(url: str) -> CflJobsError:
    """Return the error of a list, which is told at once."""
    waits: list[float] = []
    with target_at(url, waits=waits) as target:
        error = failing(errors.Unreachable, lambda: target.list(Kind.JOB))
    assert waits == []
    return error


def test_no_such_host() -> None:
    error = unreachable("http://no-such-host.invalid/")
    assert error.message == "there is no host 'no-such-host.invalid'"


def test_nothing_listens_at_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused the connection" in unreachable(f"http://127.0.0.1:{port}/").message


def test_a_server_that_speaks_no_tls(jenkins_server: JenkinsServer) -> None:
    error = unreachable(jenkins_server.url.replace("http:", "https:"))
    assert "does not speak TLS" in error.message


def serve_tls(directory: Path) -> AbstractContextManager[str]:
    """Serve with a certificate for localhost that is its own authority, `cert.pem`."""
    key, certificate = directory / "key.pem", directory / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return raw_server(page(""), context=context)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
@pytest.mark.parametrize(
    ("authorities", "host", "message", "advice"),
    [
        (None, "localhost", "not trusted: self-signed certificate", "own CA"),
        ("", "127.0.0.1", "for another host: IP address mismatch", "the host name"),
        ("absent.pem", "localhost", "absent.pem' can't be read", "REQUESTS_CA_BUNDLE"),
        ("key.pem", "localhost", "key.pem' can't be read", "REQUESTS_CA_BUNDLE"),
        ("empty.pem", "localhost", "empty.pem' can't be read", "REQUESTS_CA_BUNDLE"),
    ],
    ids=["not trusted", "other host", "absent", "no certificate", "empty"],
)
def test_a_certificate_that_is_not_right_is_told_at_once(
    authorities: str | None,
    host: str,
    message: str,
    advice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty.pem").touch()
    with serve_tls(tmp_path) as url:
        if authorities is not None:
            bundle = tmp_path / (authorities or "cert.pem")
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        error = unreachable(url.replace("127.0.0.1", host))
    assert message in error.message
    assert advice in error.advice


@pytest.mark.parametrize("words", ["certificate has expired", "certificate is not yet valid"])
def test_a_certificate_of_another_time_is_told(words: str) -> None:
    """In OpenSSL's words (x509_txt.c)."""
    refusal = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refusal.verify_message = words
    error = explain_failure(refusal, "https://jenkins.example.org/", 30.0)
    assert f"isn't valid now: {words}" in error.message
    assert "clock" in error.advice
    assert is_final(refusal)


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


def test_a_config_that_is_too_large_for_the_proxy_is_refused_alone() -> None:
    answer = page("<title>413</title>").replace(b"200 OK", b"413 Content Too Large")
    with raw_server(answer) as url, target_at(url) as target:
        error = failing(errors.Refused, lambda: target.update(Kind.JOB, "a", CONFIG))
    assert "can't update job 'a': the config is larger than what is taken" in error.message
    assert "client_max_body_size" in error.advice


@pytest.mark.parametrize("may_read", [False, True])
def test_a_proxy_that_drops_the_login_is_told(
    jenkins_server: JenkinsServer, may_read: bool
) -> None:
    """Jenkins then takes everyone for anonymous, who may be allowed to read."""
    jenkins_server.add_job("a", CONFIG)
    jenkins_server.anonymous_reads = may_read
    jenkins_server.drops_login = True
    with target_at(jenkins_server.url) as target:
        if may_read:
            assert target.list(Kind.JOB)
        else:
            error = failing(errors.LoginRefused, lambda: target.list(Kind.JOB))
            assert "got no login, though 'admin' was sent" in error.message
        error = failing(errors.LoginRefused, lambda: target.create(Kind.JOB, "b", CONFIG))
        assert "got no login, though 'admin' was sent" in error.message
        assert "Authorization" in error.advice
        failing(errors.LoginRefused, target.whoami)


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
    ("page", "kind"),
    [
        ("job/Deploy%20to%20Prod", "a job"),
        ("job/Team/job/Site/configure", "a job"),
        ("view/all/", "a view"),
        ("view/all/job/Site/", "a view"),
        ("user/ann/security/", "a page"),
        ("manage", "a page"),
    ],
)
@pytest.mark.parametrize("server", ["https://jenkins.example.org/", "http://[::1]:8080/ci/"])
def test_the_url_of_a_page_names_that_of_its_server(server: str, page: str, kind: str) -> None:
    error = failing(CflJobsError, lambda: check_url(server + page))
    assert f"is the URL of {kind}, not of a server" in error.message
    assert error.advice == f"Use {server}."
    assert check_url(server) == server


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
        unreachable(f"http://{host}.invalid/")


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
