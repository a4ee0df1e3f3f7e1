"""Needs and overrides → what a fresh server holds: plugins, secrets, credentials and agents.

The values of secrets are only looked at for being there; they are kept nowhere and shown to nobody.

There is one agent for builds, and one for each label of jobs with secrets. Builds on one agent run
as one user and can watch each other, so a job that binds credentials shares its agent only with
jobs that ask for the same label.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from pathlib import Path

from cfl_jobs.bootstrap.overrides import PLUGINS, Overrides
from cfl_jobs.configs.labels import named_labels, satisfies
from cfl_jobs.doctor.needs import CredentialNeed, Needs
from cfl_jobs.errors import CflJobsError, some
from cfl_jobs.reading.secrets import KINDS, CredentialKind, name_of, names_of
from cfl_jobs.reading.versions import is_older

# Plugin, its version for each Jenkins, what jenkins.yaml needs it for.
_OWN = files("cfl_jobs.bootstrap").joinpath("files/plugins-of-the-server.txt").read_text("utf-8")
_ROWS = (re.split(r"\s{2,}", row) for row in _OWN.splitlines() if not row.startswith("#"))
(_, *_SINCE, _), *_OF_THE_SERVER = _ROWS
SSH = "ssh-credentials"  # where there is such a key
OF_THE_SERVER = frozenset(name for name, *_ in _OF_THE_SERVER) - {SSH}
BUILDER = "builder"
# The controller's own labels (the second one before Jenkins 2.319): no agent has them.
_CONTROLLER = frozenset({"built-in", "master"})
_SPARE_EXECUTORS = 2


@dataclass(frozen=True, slots=True)
class PluginLine:
    """One plugin to install: the least version, "" for the newest, and why it is needed."""

    name: str
    version: str
    reasons: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Agent:
    """A node. One that `is_shared` also takes jobs that ask for no label."""

    name: str
    labels: tuple[str, ...]
    executors: int
    is_shared: bool = False


ADMIN_PASSWORD = Secret("JENKINS_ADMIN_PASSWORD", "the password of the user admin")
SMTP_HOST = Secret("SMTP_HOST", "the host that takes the server's mail", Form.PLAIN)
GITHUB_TOKEN, GITHUB_HOOK = "github-token", "github-webhook-secret"
_OF_GITHUB = {
    GITHUB_TOKEN: "a GitHub token that may make webhooks (admin:repo_hook)",
    GITHUB_HOOK: "any long random text: GitHub signs its webhook calls with it",
}


def list_plugins(needs: Needs, overrides: Overrides) -> tuple[PluginLine, ...]:
    """Return what must be installed, by name; Jenkins adds what these depend on."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for need in needs.plugins:
        reasons[need.name].append(f"{some(need.users)}: {some(need.elements, 4)}")
    kinds = {credential.kind for credential in list_credentials(needs)}
    jenkins, versions = needs.inventory.jenkins, dict[str, str]()
    for name, *recorded, reason in _OF_THE_SERVER:
        if name != SSH or CredentialKind.SSH_KEY in kinds:
            reasons[name].append(reason)
        for since, version in zip(_SINCE, recorded, strict=True):
            if not jenkins or not is_older(jenkins, since):
                versions[name] = version
    versions |= needs.inventory.plugins
    for name, version in overrides.plugins.items():
        reasons[name].append(PLUGINS)
        versions[name] = version or versions.get(name, "")
    return tuple(
        PluginLine(name, versions.get(name, ""), tuple(reasons[name])) for name in sorted(reasons)
    )


def list_credentials(needs: Needs) -> tuple[Credential, ...]:
    """Return all credentials that a server must have. Raises CflJobsError for an unknown kind."""
    wanted = {need.id: _credential(need) for need in needs.credentials}
    for id_, meaning in _OF_GITHUB.items():
        if needs.hooked and id_ not in wanted:
            secret = Secret(name_of(id_), meaning)
            wanted[id_] = Credential(id_, CredentialKind.STRING, meaning, (secret,))
    return tuple(wanted[id_] for id_ in sorted(wanted))


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
    forms = dict.fromkeys(names_of(need.id, kind), Form.TEXT)
    if kind is not CredentialKind.STRING:
        forms |= {name: Form.FILE for name in forms if name.endswith("_FILE")}
    used = f"for {', '.join(need.jobs)}"
    secrets = (Secret(name, f"{need.id}, {used}", form) for name, form in forms.items())
    return Credential(need.id, kind, used, tuple(secrets))


def list_secrets(needs: Needs, overrides: Overrides) -> tuple[Secret, ...]:
    """Return all that must be provided, in the order in which people are asked for it."""
    secrets = {secret.name: secret for secret in (ADMIN_PASSWORD, SMTP_HOST)}
    for credential in list_credentials(needs):
        for secret in credential.secrets:
            if secret.name in secrets:
                raise CflJobsError(
                    f"two credentials would be given in the variable {secret.name}, "
                    f"{credential.id!r} is one of them",
                    advice="Give one of them another id, on the server and in jobs/*.yaml.",
                )
            secrets[secret.name] = secret
    if overrides.replaces("securityRealm", "local", is_mapping=True):
        del secrets[ADMIN_PASSWORD.name]
    for name, file in overrides.secrets.items():
        secrets.setdefault(name, Secret(name, f"named in {file}"))
    return tuple(secrets.values())


def find_missing(
    secrets: Iterable[Secret], values: Mapping[str, str], directory: Path
) -> Iterator[tuple[Secret, str]]:
    """Yield what isn't provided, each with what is wrong with it.

    A path is relative to `directory`, the one of compose.yaml.
    """
    for secret in secrets:
        value = values.get(secret.name, "").strip()
        if not value:
            yield secret, "not given"
        elif secret.is_file and not (directory / value).is_file():
            yield secret, "names no file"


def list_agents(needs: Needs) -> tuple[Agent, ...]:
    """Return the agents, the one for builds first."""
    own: list[Agent] = []
    shared: dict[str, None] = {}
    blocking = set(needs.blocking)
    for expression, jobs in needs.labels:
        labels = tuple(label for label in named_labels(expression) if label not in _CONTROLLER)
        if not labels or needs.keepers.isdisjoint(jobs):
            shared |= dict.fromkeys(labels)
            continue
        name = _name_agent(labels[0], {BUILDER, *(agent.name for agent in own)})
        own.append(Agent(name, labels, 1 + len(blocking & set(jobs))))
        blocking -= set(jobs)
    # So many builds must run at a time that jobs never wait for each other for ever.
    builder = Agent(BUILDER, tuple(shared), len(blocking) + _SPARE_EXECUTORS, is_shared=True)
    return (builder, *own)


def _name_agent(label: str, taken: set[str]) -> str:
    """Return a name that a node, a service and a volume can have."""
    name = base = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "agent"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def find_exposed(needs: Needs) -> Iterator[str]:
    """Yield the jobs that bind credentials and may run where every branch's builds run."""
    builder = list_agents(needs)[0]
    labels = {job: expression for expression, jobs in needs.labels for job in jobs}
    for job in sorted(needs.keepers):
        expression = labels.get(job, "")
        if not expression or satisfies(expression, (builder.name, *builder.labels)):
            yield job
