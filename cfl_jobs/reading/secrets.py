"""A secrets file → values by name; a credentials id and its kind → the names of its values.

One file is for `rehearse`, `bootstrap` and Docker Compose's --env-file: what Compose would read as
something else is an error here (compose-go 2, dotenv/parser.go).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from cfl_jobs.errors import DefinitionError, Finding, Position
from cfl_jobs.files import read_text


class CredentialKind(Enum):
    """Configuration as Code's words for kinds of credentials."""

    STRING = "string"
    FILE = "file"
    USERNAME_PASSWORD = "usernamePassword"  # noqa: S105 - a kind
    SSH_KEY = "basicSSHUserPrivateKey"


# Credentials Binding's classes (credentials-binding 642); "Git" is a checkout over HTTPS.
KINDS: Mapping[str, CredentialKind] = {
    "StringBinding": CredentialKind.STRING,
    "FileBinding": CredentialKind.FILE,
    "ZipFileBinding": CredentialKind.FILE,
    "UsernamePasswordBinding": CredentialKind.USERNAME_PASSWORD,
    "UsernamePasswordMultiBinding": CredentialKind.USERNAME_PASSWORD,
    "SSHUserPrivateKeyBinding": CredentialKind.SSH_KEY,
    "Git": CredentialKind.USERNAME_PASSWORD,
}
# A value whose name ends with _FILE is the path of a file.
_ENDINGS = {
    CredentialKind.STRING: ("",),
    CredentialKind.FILE: ("_FILE",),
    CredentialKind.USERNAME_PASSWORD: ("_USERNAME", "_PASSWORD"),
    CredentialKind.SSH_KEY: ("_USERNAME", "_KEY_FILE"),
}
_LINE = re.compile(r"(?:export\s+)?([A-Za-z0-9_.-]+)\s*=\s*(.*)")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"([^"\\$]*)"|([^\s"'$](?:(?! #)[^$])*)?""")


def name_of(credentials_id: str) -> str:
    """Return the name for an id: "codeforlife-dev-key" → "CODEFORLIFE_DEV_KEY"."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", credentials_id).strip("_").upper()
    return name if name[:1].isalpha() else f"SECRET_{name}"


def names_of(credentials_id: str, kind: CredentialKind) -> tuple[str, ...]:
    """Return the names of all values that credentials are made of, the user's first."""
    return tuple(name_of(credentials_id) + ending for ending in _ENDINGS[kind])


def read_secrets(path: Path) -> dict[str, str]:
    """Read NAME=value lines; values in quotes as Compose reads them, on one line.

    Raises CflJobsError, DefinitionError with every bad line; neither shows a value.
    """
    text = read_text(path, advice="Name a file of NAME=value lines.")
    values: dict[str, str] = {}
    findings: list[Finding] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        quoted = found and _QUOTED.fullmatch(found[2])
        place = Position(str(path), number)
        if found is None:
            message = "this line is not NAME=value"
            findings.append(Finding(message, place, advice="Lines that begin with # are comments."))
        elif quoted is None:
            message = f"Docker Compose would read the value of {found[1]} as something else"
            advice = r"Put it in single quotes, and write \' for each quote in it."
            findings.append(Finding(message, place, advice=advice))
        else:
            single, double, plain = quoted.groups(default="")
            values[found[1]] = single.replace(r"\'", "'") or double or plain
    if findings:
        raise DefinitionError(findings)
    return values
