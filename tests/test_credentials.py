"""Credentials: from the environment or an ini file for their server only; one secrets file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.configs.steps.step import BoundCredential
from cfl_jobs.errors import CflJobsError, DefinitionError, LoginRefused
from cfl_jobs.reading.secrets import CredentialKind, name_of, names_of, read_secrets
from cfl_jobs.rehearsal.environment import GivenCredential, read_credentials
from cfl_jobs.targets.credentials import Credentials, find_credentials

URL = "https://jenkins.example.org/ci/"
SECRET = "s3cret-tok%n"


def write_ini(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def ini_for(url: str, section: str = "jenkins") -> str:
    return f"[{section}]\nuser=ann\npassword={SECRET}\nurl={url}\nquery_plugins_info=False\n"


def test_the_environment_comes_first(tmp_path: Path) -> None:
    conf = write_ini(tmp_path / "x.ini", ini_for(URL))
    environ = {"JENKINS_USER_ID": "ben", "JENKINS_API_TOKEN": " tok \n"}
    found = find_credentials(URL, environ, conf, tmp_path)
    assert (found.user, found.token) == ("ben", "tok")
    assert str(found) == "ben (from JENKINS_USER_ID and JENKINS_API_TOKEN)"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"JENKINS_USER_ID": "ann"}, "JENKINS_USER_ID is set, but JENKINS_API_TOKEN is not"),
        ({"JENKINS_API_TOKEN": SECRET}, "JENKINS_API_TOKEN is set, but JENKINS_USER_ID is not"),
    ],
)
def test_half_of_the_environment_is_an_error(
    environ: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(LoginRefused) as caught:
        find_credentials(URL, environ, None, tmp_path)
    assert caught.value.message == message


def test_a_named_file_is_read_without_interpolation(tmp_path: Path) -> None:
    """A percent sign in a password is just that; a byte-order mark is no part of the text."""
    conf = write_ini(tmp_path / "x.ini", "\ufeff" + ini_for(URL))
    found = find_credentials(URL, {}, conf, tmp_path)
    assert (found.user, found.token, found.source) == ("ann", SECRET, str(conf))
    assert found.notes == ()


def test_the_file_in_the_home_directory_is_found(tmp_path: Path) -> None:
    place = tmp_path / ".config/jenkins_jobs/jenkins_jobs.ini"
    write_ini(place, ini_for(URL))
    assert find_credentials(URL, {}, None, tmp_path).source == str(place)


@pytest.mark.parametrize(
    "its_url",
    [
        "https://jenkins.example.org/",
        "https://jenkins.example.org.evil.example/ci/",
        "http://jenkins.example.org/ci/",
        "https://jenkins.example.org:8443/ci/",
        "not a url:x",
    ],
)
def test_another_servers_credentials_are_not_used_and_that_is_said(
    its_url: str, tmp_path: Path
) -> None:
    conf = write_ini(tmp_path / "x.ini", ini_for(its_url))
    found = find_credentials(URL, {}, conf, tmp_path)
    assert found.is_anonymous
    assert found.notes == (f"{conf} is for {its_url}: its credentials are not sent to {URL}",)


@pytest.mark.parametrize(
    "its_url", [URL, "https://jenkins.example.org/ci", "HTTPS://Jenkins.Example.org:443/ci/"]
)
def test_one_server_is_written_in_several_ways(its_url: str, tmp_path: Path) -> None:
    conf = write_ini(tmp_path / "x.ini", ini_for(its_url))
    assert find_credentials(URL, {}, conf, tmp_path).user == "ann"


NO_URL = f"[jenkins]\nuser=ann\npassword={SECRET}\n"
OTHERS = "[job_builder]\nrecursive=True\n" + ini_for("http://localhost:8080/")


@pytest.mark.parametrize(
    ("text", "mode", "url", "user", "note"),
    [
        # jenkins-job-builder's -s lets one file serve several servers.
        (OTHERS + ini_for(URL, "production").replace("ann", "eve"), 0o600, URL, "eve", ""),
        # Its default is http://localhost:8080/.
        (NO_URL, 0o600, "http://localhost:8080", "ann", ""),
        (NO_URL, 0o600, URL, "", "{} is for http://localhost:8080/: its credentials are not sent"),
        (ini_for(URL), 0o644, URL, "ann", "{} holds credentials and others may read it: chmod 600"),
        (f"[jenkins]\nurl={URL}\n", 0o600, URL, "", "{}: [jenkins] has no user and password"),
    ],
)
def test_what_a_file_says_for_this_server_is_taken_and_what_is_odd_is_mentioned(
    text: str, mode: int, url: str, user: str, note: str, tmp_path: Path
) -> None:
    conf = write_ini(tmp_path / "x.ini", text)
    conf.chmod(mode)
    found = find_credentials(url, {}, conf, tmp_path)
    assert (found.user, found.is_anonymous) == (user, not user)
    assert "".join(found.notes).startswith(note.format(conf))
    assert bool(found.notes) is bool(note)


@pytest.mark.parametrize(
    "text",
    [
        f"user=ann\npassword={SECRET}\n",
        f"[jenkins]\nuser=ann\n{SECRET}\n",
        f"[jenkins\npassword={SECRET}\n",
    ],
)
def test_a_broken_file_is_named_and_its_text_is_not_shown(text: str, tmp_path: Path) -> None:
    conf = write_ini(tmp_path / "x.ini", text)
    with pytest.raises(CflJobsError) as caught:
        find_credentials(URL, {}, conf, tmp_path)
    assert str(conf) in caught.value.message
    assert "not an ini file" in caught.value.message
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    conf = tmp_path / "x.ini"
    conf.write_bytes(b"[jenkins]\npassword=\xff\xfe\n")
    with pytest.raises(CflJobsError, match="not an ini file"):
        find_credentials(URL, {}, conf, tmp_path)


def test_a_named_file_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(CflJobsError, match="is not there"):
        find_credentials(URL, {}, tmp_path / "absent.ini", tmp_path)


@pytest.mark.parametrize(("user", "token"), [("a:b", "t"), ("ann", "t\r\nX-Evil: 1")])
def test_what_would_break_the_header_is_refused(user: str, token: str, tmp_path: Path) -> None:
    environ = {"JENKINS_USER_ID": user, "JENKINS_API_TOKEN": token}
    with pytest.raises(LoginRefused) as caught:
        find_credentials(URL, environ, None, tmp_path)
    assert token not in str(caught.value) or token == "t"


def test_the_token_is_in_no_text_of_the_credentials() -> None:
    credentials = Credentials("ann", SECRET, "somewhere")
    assert SECRET not in f"{credentials!r} {credentials} {[credentials]}"


def test_nothing_found_is_anonymous(tmp_path: Path) -> None:
    assert find_credentials(URL, {}, None, tmp_path) == Credentials()


def write(directory: Path, text: str) -> Path:
    path = directory / "secrets.env"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=plain", "plain"),
        ("  export NAME = plain words  ", "plain words"),
        ("NAME=a#b", "a#b"),
        ("NAME=a=b\\c", "a=b\\c"),
        ("NAME=", ""),
        ("NAME='$5 #1 \\\\n'", "$5 #1 \\\\n"),
        (r"NAME='it\'s'", "it's"),
        ('NAME="two words # no comment"', "two words # no comment"),
        ("\ufeffNAME=x", "x"),
    ],
)
def test_a_value_is_what_compose_makes_of_it(tmp_path: Path, line: str, value: str) -> None:
    """The cases were run through compose-go's own parser (dotenv, 2.9)."""
    assert read_secrets(write(tmp_path, f"{line}\n# ours\n\n")) == {"NAME": value}


@pytest.mark.parametrize(
    "line",
    [
        "NAME=pa$$word",
        "NAME=pa $HOME",
        'NAME="a$b"',
        r'NAME="a\tb"',
        "NAME=a #b",
        "NAME='a",
        "NAME='a'b",
    ],
)
def test_a_value_that_compose_would_change_is_refused_and_not_shown(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_secrets(write(tmp_path, f"A=1\n{line}\n"))
    assert "secrets.env:2:1: Docker Compose would read the value of NAME as something" in str(
        caught.value
    )
    assert line.partition("=")[2] not in str(caught.value)


def test_every_bad_line_is_told_by_number_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_secrets(write(tmp_path, "A=1\nhunter2\nB C=hunter3\n"))
    assert "secrets.env:2:1: this line is not NAME=value" in str(caught.value)
    assert "secrets.env:3:1: this line is not NAME=value" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(CflJobsError, match="can't be read: No such file"):
        read_secrets(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CflJobsError, match="can't be read: it is not UTF-8 text"):
        read_secrets(tmp_path / "binary")


@pytest.mark.parametrize(
    ("id_", "name"),
    [("codeforlife-dev-key", "CODEFORLIFE_DEV_KEY"), ("2ssh", "SECRET_2SSH"), ("a.b c", "A_B_C")],
)
def test_the_name_of_an_id_is_one_that_a_shell_can_have(id_: str, name: str) -> None:
    assert name_of(id_) == name
    assert names_of(id_, CredentialKind.FILE) == (f"{name}_FILE",)


def test_the_file_that_bootstrap_takes_gives_a_rehearsal_its_credentials(tmp_path: Path) -> None:
    """All kinds; a path is relative to the secrets file, as to compose.yaml beside it."""
    (tmp_path / "key").write_text("the key\n")
    path = write(
        tmp_path,
        "SITE_KEY=one\nPLAIN_ID=two\nREGISTRY_USERNAME=ann\nREGISTRY_PASSWORD='p$:d'\n"
        "PEM_FILE=key\nGIT_USERNAME=deployer\nGIT_KEY_FILE=key\nHALF_USERNAME=bob\nSMTP_HOST=mail\n",
    )
    bindings = [
        BoundCredential(id_, kind, ("X",))
        for id_, kind in (
            ("site-key", "StringBinding"),
            ("plain.id", "StringBinding"),
            ("registry", "UsernamePasswordMultiBinding"),
            ("pem", "FileBinding"),
            ("git", "SSHUserPrivateKeyBinding"),
            ("half", "UsernamePasswordBinding"),
            ("absent", "StringBinding"),
        )
    ]
    assert read_credentials(path, bindings) == {
        "site-key": GivenCredential("one"),
        "plain.id": GivenCredential("two"),
        "registry": GivenCredential("p$:d", "ann"),
        "pem": GivenCredential("the key\n"),
        "git": GivenCredential("the key\n", "deployer"),
    }


def test_an_id_itself_is_a_name_too(tmp_path: Path) -> None:
    path = write(tmp_path, "site-key=one\n")
    binding = BoundCredential("site-key", "StringBinding", ("X",))
    assert read_credentials(path, [binding]) == {"site-key": GivenCredential("one")}
