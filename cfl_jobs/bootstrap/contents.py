"""Needs, and what people added → what a fresh server holds: plugins, secrets, credentials, agents.

The values of secrets are only looked at for being there; they are kept nowhere and shown to nobody.

There is one agent for builds, and one for each label of jobs with secrets. Builds on one agent run
as one user and can watch each other, so a job that binds credentials shares its agent only with
jobs that ask for the same label.

What people add stands in overrides/. Configuration as Code reads jenkins.yaml and then
overrides/jenkins/*.yaml with its merge strategy `override`: mappings are merged, lists appended, of
two values the later one counts (configuration-as-code 1810, OverrideMergeStrategy).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any

from cfl_jobs.configs.references import named_labels, satisfies
from cfl_jobs.doctor.needs import CredentialNeed, Needs
from cfl_jobs.errors import CflJobsError, DefinitionError, Finding, Position, some
from cfl_jobs.files import read_text
from cfl_jobs.reading.located_yaml import load_yaml
from cfl_jobs.reading.secrets import KINDS, CredentialKind, name_of, names_of
from cfl_jobs.reading.tracking import peek
from cfl_jobs.reading.versions import is_older

OVERRIDES = "overrides"
SETUP = f"{OVERRIDES}/jenkins"
PLUGINS = f"{OVERRIDES}/plugins.txt"
_PLUGIN = re.compile(r"([A-Za-z0-9_.-]+)(?::([^\s:#]+))?\s*(?:#.*)?")
_REFERENCE = re.compile(r"(?<!\^)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

# Plugin, its version for each Jenkins, what jenkins.yaml needs it for.
_OWN = files("cfl_jobs.bootstrap").joinpath("files/plugins-of-the-server.txt").read_text("utf-8")
_ROWS = (re.split(r"\s{2,}", row) for row in _OWN.splitlines() if not row.startswith("#"))
(_, *_SINCE, _), *_OF_THE_SERVER = _ROWS
_SSH = "ssh-credentials"  # where there is such a key
_BUILDER = "builder"
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


@dataclass(frozen=True, slots=True)
class Overrides:
    """What people added; text is "" for none.

    `setup` are the snippets of Configuration as Code, by file; `secrets` are named in them: names
    and files. `plugins` are names and versions, "" for any.
    """

    setup: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    controller: str = ""
    agent: str = ""
    compose: str = ""

    def replaces(self, key: str, kind: str, *, is_mapping: bool) -> bool:
        """Tell whether a snippet sets `jenkins.key` to something that can't be merged with ours.

        `key` takes one of several kinds of things; ours is a mapping under its kind's name, or the
        name alone.
        """
        for snippet in self.setup.values():
            theirs = peek(snippet.get("jenkins"), key)
            if isinstance(theirs, Mapping):
                if not is_mapping or kind not in theirs:
                    return True
            elif theirs is not None and is_mapping:
                return True
        return False


def read_overrides(home: Path) -> Overrides:
    """Read overrides/ below `home`. Raises DefinitionError with every mistake, CflJobsError."""
    setup: dict[str, Mapping[str, Any]] = {}
    findings: list[Finding] = []
    secrets: dict[str, str] = {}
    for path in sorted((home / SETUP).glob("*.y*ml")):
        name, text = f"{SETUP}/{path.name}", _read(path)
        loaded = load_yaml(text, str(path))
        findings += loaded.findings
        if isinstance(loaded.value, Mapping):
            setup[name] = dict(loaded.value.items())
        elif not loaded.findings:
            findings.append(Finding("a snippet is a mapping", Position(str(path), 1)))
        for found in _REFERENCE.finditer(text):
            secrets.setdefault(found[1], name)
    plugins: dict[str, str] = {}
    for number, line in enumerate(_read(home / PLUGINS).split("\n"), 1):
        if entry := _PLUGIN.fullmatch(line.strip()):
            plugins[entry[1]] = entry[2] or plugins.get(entry[1], "")
        elif line.strip() and not line.lstrip().startswith("#"):
            place = Position(str(home / PLUGINS), number)
            advice = "One `name:version` a line; # begins a comment."
            findings.append(Finding("this names no plugin", place, line, advice=advice))
    if findings:
        raise DefinitionError(findings)
    texts = ("controller.Dockerfile", "agent.Dockerfile", "compose.yaml")
    return Overrides(setup, plugins, secrets, *(_read(home / OVERRIDES / name) for name in texts))


def _read(path: Path) -> str:
    return read_text(path, advice="Fix it or move it away.") if path.exists() else ""


def list_plugins(needs: Needs, overrides: Overrides) -> tuple[PluginLine, ...]:
    """Return what must be installed, by name; Jenkins adds what these depend on."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for need in needs.plugins:
        reasons[need.name].append(f"{some(need.users)}: {some(need.elements, 4)}")
    kinds = {credential.kind for credential in list_credentials(needs)}
    jenkins, versions = needs.inventory.jenkins, dict[str, str]()
    for name, *recorded, reason in _OF_THE_SERVER:
        if name != _SSH or CredentialKind.SSH_KEY in kinds:
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
        elif secret.form is Form.FILE and not (directory / value).is_file():
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
        name = _name_agent(labels[0], {_BUILDER, *(agent.name for agent in own)})
        own.append(Agent(name, labels, 1 + len(blocking & set(jobs))))
        blocking -= set(jobs)
    # So many builds must run at a time that jobs never wait for each other for ever.
    builder = Agent(_BUILDER, tuple(shared), len(blocking) + _SPARE_EXECUTORS, is_shared=True)
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
