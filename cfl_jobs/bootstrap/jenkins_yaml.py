"""Needs → jenkins.yaml for Configuration as Code: the server's own setup, no secret in it.

Keys: the configurators' documentation in configuration-as-code-plugin (demos/, docs/features),
and the classes named beside them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cfl_jobs.bootstrap.agents import list_agents
from cfl_jobs.bootstrap.overrides import Overrides
from cfl_jobs.bootstrap.secrets import (
    ADMIN_PASSWORD,
    GITHUB_HOOK,
    GITHUB_TOKEN,
    SMTP_HOST,
    Credential,
    Secret,
    list_credentials,
    list_secrets,
)
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.reading.secrets import CredentialKind
from cfl_jobs.reading.versions import is_older

SECRETS_DIRECTORY = "/run/secrets"
# Where an agent works: the home of the image's user.
AGENT_HOME = "/var/jenkins_home"
ADMIN, DEPLOYERS = "admin", "deployers"
# What a person who is logged in may do, and what the group of those who deploy may do besides.
_LOGGED_IN = ("Overall/Read", "Job/Discover", "Job/Read", "View/Read")
_DEPLOYERS = ("Job/Build", "Job/Cancel")


def write_jenkins_yaml(needs: Needs, overrides: Overrides) -> str:
    """Return the text of jenkins.yaml. Raises CflJobsError for credentials of an unknown kind.

    What a snippet of overrides/ sets to another kind of thing is left to it.
    """
    credentials = list_credentials(needs)
    lines = [
        *_header(list_all_secrets(needs, overrides)),
        *_jenkins(needs),
        *_access(overrides),
        *_credentials(credentials),
        *_security(),
        *_unclassified(needs),
    ]
    return "\n".join(lines) + "\n"


def list_all_secrets(needs: Needs, overrides: Overrides) -> tuple[Secret, ...]:
    """Return what must be given for ours and for the snippets of overrides/."""
    has_admin = not overrides.replaces("securityRealm", "local", is_mapping=True)
    ours = [secret for secret in list_secrets(needs) if secret != ADMIN_PASSWORD or has_admin]
    names = {secret.name for secret in ours}
    return (*ours, *(secret for secret in overrides.secrets if secret.name not in names))


def _header(secrets: tuple[Secret, ...]) -> Iterator[str]:
    yield from (
        "# jenkins.yaml: this Jenkins' own setup, for its plugin Configuration as Code. Written by "
        "`cfl-jobs bootstrap`; to change it, change jobs/settings.yaml or the jobs, or add a "
        "snippet to overrides/jenkins/, and run that again.",
        "#",
        "# A change made in Jenkins' own pages lasts until its next start. ${NAME} is a secret",
        f"# that Jenkins reads from {SECRETS_DIRECTORY}/NAME, else from its environment:",
    )
    for secret in secrets:
        yield f"#   {secret.name}: {secret.meaning}"


def _jenkins(needs: Needs) -> Iterator[str]:
    agents = list_agents(needs)
    yield "jenkins:"
    yield "  systemMessage: " + quote(
        "Jobs, plugins and setup of this server are kept as code (cfl-jobs): "
        "what is changed here by hand is overwritten."
    )
    yield from (
        "  # No build runs on the controller, where it could read every secret.",
        "  numExecutors: 0",
        "  mode: EXCLUSIVE",
        "  # Agents connect by a websocket, so no other port is open. An agent can't command the",
        "  # controller: that is always so since 2.326.",
        "  slaveAgentPort: -1",
    )
    if needs.inventory.jenkins and is_older(needs.inventory.jenkins, "2.326"):
        yield from ("  remotingSecurity:", "    enabled: true")
    yield "  nodes:"
    for agent in agents:
        if agent.is_shared and needs.blocking:
            yield f"    # {', '.join(needs.blocking)}: holds an executor while it waits for others."
        mode = "NORMAL" if agent.is_shared else "EXCLUSIVE"
        yield from (
            "    - permanent:",
            f"        name: {quote(agent.name)}",
            f"        remoteFS: {quote(AGENT_HOME)}",
            f"        numExecutors: {agent.executors}",
            f"        mode: {mode}",
        )
        if agent.labels:
            yield f"        labelString: {quote(' '.join(map(_label, agent.labels)))}"
        yield from ("        launcher:", "          inbound:", "            webSocket: true")


def _label(label: str) -> str:
    """Return a label as a node's list of labels, separated by blanks, has it."""
    return label if re.fullmatch(r"[^\s\"()&|!<>]+", label) else json.dumps(label)


def _access(overrides: Overrides) -> Iterator[str]:
    if not overrides.replaces("crumbIssuer", "standard", is_mapping=False):
        yield '  crumbIssuer: "standard"'
    if not overrides.replaces("markupFormatter", "plainText", is_mapping=False):
        yield from (
            "  # Descriptions are shown as text, never as HTML.",
            "  markupFormatter: plainText",
        )
    if not overrides.replaces("securityRealm", "local", is_mapping=True):
        yield from (
            "  # People are added in Jenkins' own pages; overrides/README.md tells of a single",
            "  # sign-on.",
            "  securityRealm:",
            "    local:",
            "      allowsSignup: false",
            "      users:",
            f"        - id: {ADMIN}",
            f"          password: {reference(ADMIN_PASSWORD.name)}",
        )
    if not overrides.replaces("authorizationStrategy", "projectMatrix", is_mapping=True):
        yield from (
            "  # Nobody who isn't logged in may do or see anything. Who is logged in may look.",
            f"  # Administrators and the group {DEPLOYERS} start and stop builds by hand. Jenkins'",
            "  # own users are in no group: overrides/README.md tells how to name them, or how a",
            "  # single sign-on does. Who may build one job: its entry's `restricted_to` in jobs/.",
            "  authorizationStrategy:",
            "    projectMatrix:",
            "      entries:",
            *_grant("user", ADMIN, ("Overall/Administer",)),
            *_grant("group", "authenticated", _LOGGED_IN),
            *_grant("group", DEPLOYERS, _DEPLOYERS),
        )


def _grant(kind: str, name: str, permissions: tuple[str, ...]) -> Iterator[str]:
    yield from (f"        - {kind}:", f"            name: {name}", "            permissions:")
    yield from (f"              - {permission}" for permission in permissions)


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
