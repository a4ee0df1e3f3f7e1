"""Needs → jenkins.yaml for Configuration as Code: the server's own setup, no secret in it.

Keys: the configurators' documentation in configuration-as-code-plugin (demos/, docs/features),
and the classes named beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from cfl_jobs.bootstrap.secrets import (
    ADMIN_PASSWORD,
    GITHUB_HOOK,
    GITHUB_TOKEN,
    SMTP_HOST,
    Credential,
    list_credentials,
    list_secrets,
)
from cfl_jobs.configs.labels import named_labels
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.reading.secrets import CredentialKind
from cfl_jobs.reading.versions import is_older

SECRETS_DIRECTORY = "/run/secrets"
ADMIN = "admin"
_SPARE_EXECUTORS = 2
# What a person who is logged in may do; who may build a job that says so itself is told there.
_LOGGED_IN = ("Overall/Read", "Job/Build", "Job/Cancel", "Job/Discover", "Job/Read", "View/Read")


def write_jenkins_yaml(needs: Needs) -> str:
    """Return the text of jenkins.yaml. Raises CflJobsError for credentials of an unknown kind."""
    credentials = list_credentials(needs)
    lines = [
        *_header(needs),
        *_jenkins(needs),
        *_credentials(credentials),
        *_security(),
        *_unclassified(needs),
    ]
    return "\n".join(lines) + "\n"


def count_executors(needs: Needs) -> int:
    """Return how many builds must run at a time so that jobs never wait for each other for ever."""
    return len(needs.blocking) + _SPARE_EXECUTORS


def _header(needs: Needs) -> Iterator[str]:
    yield (
        "# jenkins.yaml: this Jenkins' own setup, for its plugin Configuration as Code. Written by "
        "`cfl-jobs bootstrap`; to change it, change jobs/settings.yaml or the jobs and run that "
        "again."
    )
    yield "#"
    yield "# A change made in Jenkins' own pages lasts until its next start. ${NAME} is a secret"
    yield f"# that Jenkins reads from {SECRETS_DIRECTORY}/NAME, else from its environment:"
    for secret in list_secrets(needs):
        yield f"#   {secret.name}: {secret.meaning}"


def _jenkins(needs: Needs) -> Iterator[str]:
    waiting = ", ".join(needs.blocking)
    yield "jenkins:"
    yield "  systemMessage: " + quote(
        "Jobs, plugins and setup of this server are kept as code (cfl-jobs): "
        "what is changed here by hand is overwritten."
    )
    if needs.blocking:
        yield f"  # {waiting}: holds an executor while it waits for other jobs."
    yield f"  numExecutors: {count_executors(needs)}"
    if needs.labels:
        yield "  # The labels that jobs ask for; take one away here when another node has it."
        words = dict.fromkeys(name for label, _ in needs.labels for name in named_labels(label))
        yield f"  labelString: {quote(' '.join(words))}"
    yield "  mode: NORMAL"
    yield from (
        "  # No port for agents that connect by themselves; those that the controller connects to",
        "  # need none. An agent can't command the controller: that is always so since 2.326.",
        "  slaveAgentPort: -1",
    )
    if needs.inventory.jenkins and is_older(needs.inventory.jenkins, "2.326"):
        yield from ("  remotingSecurity:", "    enabled: true")
    yield from (
        "  crumbIssuer:",
        "    standard:",
        "      # A proxy in front of Jenkins may change a client's address.",
        "      excludeClientIPFromCrumb: true",
        "  # Descriptions are shown as text, never as HTML.",
        "  markupFormatter: plainText",
        "  securityRealm:",
        "    local:",
        "      allowsSignup: false",
        "      users:",
        f"        - id: {ADMIN}",
        f"          password: {reference(ADMIN_PASSWORD.name)}",
        "  # Nobody who isn't logged in may do or see anything; nobody but the admin may change",
        "  # jobs or credentials, or read configs. People are added in Jenkins' own pages.",
        "  authorizationStrategy:",
        "    projectMatrix:",
        "      entries:",
        "        - user:",
        f"            name: {ADMIN}",
        "            permissions:",
        "              - Overall/Administer",
        "        - group:",
        "            name: authenticated",
        "            permissions:",
        *(f"              - {permission}" for permission in _LOGGED_IN),
    )


def _credentials(credentials: tuple[Credential, ...]) -> Iterator[str]:
    if not credentials:
        return
    yield from ("", "credentials:", "  system:", "    domainCredentials:", "      - credentials:")
    for credential in credentials:
        yield f"          - {credential.kind.value}:"
        yield "              scope: GLOBAL"
        yield f"              id: {quote(credential.id)}"
        yield f"              description: {quote(credential.description)}"
        for line in _fields(credential):
            yield f"              {line}"


def _fields(credential: Credential) -> Iterator[str]:
    names = [secret.name for secret in credential.secrets]
    match credential.kind:
        case CredentialKind.STRING:
            yield f"secret: {reference(names[0])}"
        case CredentialKind.FILE:
            yield f"fileName: {quote(credential.id)}"
            yield f"secretBytes: {file_reference(names[0], 'readFileBase64')}"
        case CredentialKind.USERNAME_PASSWORD:
            yield f"username: {reference(names[0])}"
            yield f"password: {reference(names[1])}"
        case CredentialKind.SSH_KEY:
            yield f"username: {reference(names[0])}"
            yield "privateKeySource:"
            yield "  directEntry:"
            yield f"    privateKey: {file_reference(names[1], 'readFile')}"


def _security() -> Iterator[str]:
    yield from (
        "",
        "security:",
        "  # Production mode: a job's artifacts are copied only where the job permits it.",
        "  copyartifact:",
        "    mode: PRODUCTION",
        "  # No script may do more than the sandbox lets it.",
        "  scriptApproval:",
        "    approvedSignatures: []",
    )


def _unclassified(needs: Needs) -> Iterator[str]:
    yield from ("", "unclassified:")
    first = next(iter(needs.mail.replace(",", " ").split()), "")
    if needs.server or first:
        yield "  location:"
    if needs.server:
        yield f"    url: {quote(needs.server.rstrip('/') + '/')}"
    if first:
        yield f"    adminAddress: {quote(first)}"
    yield from ("  mailer:", f"    smtpHost: {reference(SMTP_HOST.name)}")
    if needs.hooked:
        yield from (
            "  # Makes the webhooks of the repositories whose pushes start a job, and takes only",
            "  # calls that are signed with the secret.",
            "  gitHubPluginConfig:",
            "    configs:",
            "      - name: GitHub",
            '        apiUrl: "https://api.github.com"',
            f"        credentialsId: {GITHUB_TOKEN}",
            "        manageHooks: true",
            "    hookSecretConfigs:",
            f"      - credentialsId: {GITHUB_HOOK}",
        )


def quote(text: str) -> str:
    """Return a YAML scalar that Configuration as Code takes literally: `^` keeps `${` from it."""
    return json.dumps(text.replace("${", "^${"), ensure_ascii=False)


def reference(name: str) -> str:
    return f'"${{{name}}}"'


def file_reference(name: str, function: str) -> str:
    return f'"${{{function}:{SECRETS_DIRECTORY}/{name}}}"'
