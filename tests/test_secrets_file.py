"""One secrets file for `rehearse`, `bootstrap` and Docker Compose, read the same way by all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.configs.steps.step import BoundCredential
from cfl_jobs.errors import CflJobsError, DefinitionError
from cfl_jobs.reading.secrets import CredentialKind, name_of, names_of, read_secrets
from cfl_jobs.rehearsal.environment import Credential, read_credentials


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
        "site-key": Credential("one"),
        "plain.id": Credential("two"),
        "registry": Credential("p$:d", "ann"),
        "pem": Credential("the key\n"),
        "git": Credential("the key\n", "deployer"),
    }


def test_an_id_itself_is_a_name_too(tmp_path: Path) -> None:
    path = write(tmp_path, "site-key=one\n")
    binding = BoundCredential("site-key", "StringBinding", ("X",))
    assert read_credentials(path, [binding]) == {"site-key": Credential("one")}
