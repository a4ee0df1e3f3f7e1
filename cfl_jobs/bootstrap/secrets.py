"""Needs → the names of secrets that a server must be given, and which of them are missing.

Values are only looked at for being there; they are kept nowhere and shown to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cfl_jobs.doctor.needs import CredentialNeed, Needs
from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, Position, suggest


class Form(Enum):
    """How a value is given."""

    TEXT = "the text itself"
    FILE = "the path of a file"
    PLAIN = "the text itself, no secret"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that isn't kept in the repository. `name` is that of an environment variable."""

    name: str
    meaning: str
    form: Form = Form.TEXT


class CredentialKind(Enum):
    """Configuration as Code's words for kinds of credentials."""

    STRING = "string"
    FILE = "file"
    USERNAME_PASSWORD = "usernamePassword"  # noqa: S105 - a kind
    SSH_KEY = "basicSSHUserPrivateKey"


@dataclass(frozen=True, slots=True)
class Credential:
    """An entry of the server's credentials, and the secrets that it is made of."""

    id: str
    kind: CredentialKind
    description: str
    secrets: tuple[Secret, ...]


# Credentials Binding's classes (credentials-binding 642); "Git" is a checkout over HTTPS.
_KINDS = {
    "StringBinding": CredentialKind.STRING,
    "FileBinding": CredentialKind.FILE,
    "ZipFileBinding": CredentialKind.FILE,
    "UsernamePasswordBinding": CredentialKind.USERNAME_PASSWORD,
    "UsernamePasswordMultiBinding": CredentialKind.USERNAME_PASSWORD,
    "SSHUserPrivateKeyBinding": CredentialKind.SSH_KEY,
    "Git": CredentialKind.USERNAME_PASSWORD,
}
ADMIN_PASSWORD = Secret("JENKINS_ADMIN_PASSWORD", "the password of the user admin")
SMTP_HOST = Secret("SMTP_HOST", "the host that takes the server's mail", Form.PLAIN)
GITHUB_TOKEN, GITHUB_HOOK = "github-token", "github-webhook-secret"
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def list_credentials(needs: Needs) -> tuple[Credential, ...]:
    """Return all credentials that a server must have. Raises CflJobsError for an unknown kind."""
    wanted = [_credential(need) for need in needs.credentials]
    if needs.hooked:
        there = {credential.id for credential in wanted}
        wanted += [
            Credential(id_, CredentialKind.STRING, meaning, (Secret(name_of(id_), meaning),))
            for id_, meaning in (
                (GITHUB_TOKEN, "a GitHub token that may make webhooks (admin:repo_hook)"),
                (GITHUB_HOOK, "any long random text: GitHub signs its webhook calls with it"),
            )
            if id_ not in there
        ]
    return tuple(sorted(wanted, key=lambda credential: credential.id))


def list_secrets(needs: Needs) -> tuple[Secret, ...]:
    """Return all that must be provided, in the order in which people are asked for it."""
    secrets = [ADMIN_PASSWORD, SMTP_HOST]
    for credential in list_credentials(needs):
        for secret in credential.secrets:
            if any(secret.name == other.name for other in secrets):
                raise CflJobsError(
                    f"two credentials would be given in the variable {secret.name}, "
                    f"{credential.id!r} is one of them",
                    advice="Give one of them another id, on the server and in jobs/*.yaml.",
                )
            secrets.append(secret)
    return tuple(secrets)


def name_of(credentials_id: str) -> str:
    """Return the variable for an id: "codeforlife-dev-key" → "CODEFORLIFE_DEV_KEY"."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", credentials_id).strip("_").upper()
    return name if name[:1].isalpha() else f"SECRET_{name}"


def _credential(need: CredentialNeed) -> Credential:
    kind = _KINDS.get(need.kind)
    if need.kind == "Git" and not need.git_url.startswith("http"):
        kind = CredentialKind.SSH_KEY
    if kind is None:
        raise CflJobsError(
            f"no one knows how to set up the credentials {need.id!r}, bound by {need.jobs[0]!r} "
            f"as {need.kind}",
            advice=f"Known bindings: {', '.join(sorted(_KINDS))}.",
        )
    name, used = name_of(need.id), f"{need.id}, for {', '.join(need.jobs)}"
    secrets: tuple[Secret, ...]
    if kind is CredentialKind.STRING:
        secrets = (Secret(name, used),)
    elif kind is CredentialKind.FILE:
        secrets = (Secret(f"{name}_FILE", used, Form.FILE),)
    else:
        key = kind is CredentialKind.SSH_KEY
        word, form = ("KEY_FILE", Form.FILE) if key else ("PASSWORD", Form.TEXT)
        secrets = (
            Secret(f"{name}_USERNAME", f"user name of {used}", Form.TEXT),
            Secret(f"{name}_{word}", f"{'private key' if key else 'password'} of {used}", form),
        )
    return Credential(need.id, kind, f"for {', '.join(need.jobs)}", secrets)


def read_secrets(path: Path) -> dict[str, str]:
    """Read NAME=value lines. Raises CflJobsError, DefinitionError; neither shows a value."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CflJobsError(
            f"{path} can't be read: {reason}", advice="Name a file of NAME=value lines."
        ) from None
    values: dict[str, str] = {}
    findings: list[Finding] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None:
            place = Position(str(path), number)
            findings.append(Finding("not NAME=value", place, advice="Comments begin with #."))
        else:
            values[found[1]] = _unquote(found[2].strip())
    if findings:
        raise DefinitionError(findings)
    return values


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def find_missing(
    secrets: Iterable[Secret], values: Mapping[str, str]
) -> tuple[tuple[Secret, str], ...]:
    """Return what isn't provided, each with what is wrong with it."""
    missing: list[tuple[Secret, str]] = []
    for secret in secrets:
        value = values.get(secret.name, "").strip()
        if not value:
            missing.append((secret, "not given"))
        elif secret.form is Form.FILE and not Path(value).is_file():
            missing.append((secret, "names no file"))
    return tuple(missing)


def find_unneeded(secrets: Iterable[Secret], names: Iterable[str]) -> tuple[str, ...]:
    """Return a line for each name of a secrets file that nothing needs."""
    known = [secret.name for secret in secrets]
    return tuple(
        f"{name} is not needed. {suggest(name, known)}".rstrip()
        for name in names
        if name not in known
    )
