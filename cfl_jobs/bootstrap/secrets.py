"""Needs → the names of secrets that a server must be given, and which of them are missing.

Values are only looked at for being there; they are kept nowhere and shown to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cfl_jobs.doctor.needs import CredentialNeed, Needs
from cfl_jobs.errors import CflJobsError, suggest
from cfl_jobs.reading.secrets import KINDS, CredentialKind, name_of, names_of


class Form(Enum):
    """How a value is given."""

    TEXT = "the text itself"
    FILE = "the path of a file that the image's user, 1000, may read"
    PLAIN = "the text itself, no secret"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that isn't kept in the repository. `name` is that of an environment variable."""

    name: str
    meaning: str
    form: Form = Form.TEXT

    @property
    def is_hidden(self) -> bool:
        return self.form is not Form.PLAIN

    @property
    def is_file(self) -> bool:
        return self.form is Form.FILE


@dataclass(frozen=True, slots=True)
class Credential:
    """An entry of the server's credentials, and the secrets that it is made of."""

    id: str
    kind: CredentialKind
    description: str
    secrets: tuple[Secret, ...]


ADMIN_PASSWORD = Secret("JENKINS_ADMIN_PASSWORD", "the password of the user admin")
SMTP_HOST = Secret("SMTP_HOST", "the host that takes the server's mail", Form.PLAIN)
GITHUB_TOKEN, GITHUB_HOOK = "github-token", "github-webhook-secret"


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


def _credential(need: CredentialNeed) -> Credential:
    kind = KINDS.get(need.kind)
    if need.kind == "Git" and not need.git_url.startswith("http"):
        kind = CredentialKind.SSH_KEY
    if kind is None:
        raise CflJobsError(
            f"no one knows how to set up the credentials {need.id!r}, bound by {need.jobs[0]!r} "
            f"as {need.kind}",
            advice=f"Known bindings: {', '.join(sorted(KINDS))}.",
        )
    used = f"{need.id}, for {', '.join(need.jobs)}"
    secrets = tuple(Secret(name, used, _form(name, kind)) for name in names_of(need.id, kind))
    return Credential(need.id, kind, f"for {', '.join(need.jobs)}", secrets)


def _form(name: str, kind: CredentialKind) -> Form:
    is_file = kind is not CredentialKind.STRING and name.endswith("_FILE")
    return Form.FILE if is_file else Form.TEXT


def find_missing(
    secrets: Iterable[Secret], values: Mapping[str, str], directory: Path
) -> tuple[tuple[Secret, str], ...]:
    """Return what isn't provided, each with what is wrong with it.

    A path is relative to `directory`, the one of compose.yaml.
    """
    missing: list[tuple[Secret, str]] = []
    for secret in secrets:
        value = values.get(secret.name, "").strip()
        if not value:
            missing.append((secret, "not given"))
        elif secret.form is Form.FILE and not (directory / value).is_file():
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
