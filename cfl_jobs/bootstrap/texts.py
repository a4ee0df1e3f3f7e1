"""Needs → the texts of a fresh Jenkins' own files, by the templates in files/.

compose.yaml runs one controller, which alone is given secrets and runs no build, and its agents;
both are made of the controller's image (https://github.com/jenkinsci/docker): one tag to keep, the
same Java, git and user. What the jobs' scripts need beside that is in the agents' only. Keys of
jenkins.yaml: configuration-as-code-plugin (demos/, docs/features).

There is one agent for builds, and one for each label of jobs with secrets. Builds on one agent run
as one user and can watch each other, so a job that binds credentials shares its agent only with
jobs that ask for the same label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlsplit

import jinja2

from cfl_jobs.bootstrap.overrides import SETUP, Overrides
from cfl_jobs.bootstrap.secrets import (
    ADMIN_PASSWORD,
    GITHUB_HOOK,
    GITHUB_TOKEN,
    SMTP_HOST,
    Secret,
    list_credentials,
    list_secrets,
)
from cfl_jobs.configs.labels import named_labels, satisfies
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.secrets import CredentialKind
from cfl_jobs.reading.versions import is_older

BUILDER = "builder"
# The controller's own labels (the second one before Jenkins 2.319): no agent has them.
_CONTROLLER = frozenset({"built-in", "master"})
_SPARE_EXECUTORS = 2
SIGN = "Written by `cfl-jobs bootstrap`"
SECRETS_FILE = "secrets.env"
_SECRETS_DIRECTORY = "/run/secrets"
_PYTHON = re.compile(r"python3(\.\d+)?")
# Templates by the names of the files that they make.
_TEMPLATES = {
    "jenkins.yaml": "jenkins.yaml.j2",
    "Dockerfile": "Dockerfile.j2",
    ".dockerignore": "dockerignore.j2",
    "compose.yaml": "compose.yaml.j2",
    "secrets.env.example": "secrets.env.example.j2",
}


@dataclass(frozen=True, slots=True)
class Agent:
    """A node. One that `is_shared` also takes jobs that ask for no label."""

    name: str
    labels: tuple[str, ...]
    executors: int
    is_shared: bool = False


def list_agents(needs: Needs) -> tuple[Agent, ...]:
    """Return the agents, the one for builds first."""
    keepers = needs.keepers
    own: list[Agent] = []
    shared: dict[str, None] = {}
    blocking = set(needs.blocking)
    for expression, jobs in needs.labels:
        labels = tuple(label for label in named_labels(expression) if label not in _CONTROLLER)
        if not labels or keepers.isdisjoint(jobs):
            shared |= dict.fromkeys(labels)
            continue
        name = _name_agent(labels[0], {BUILDER, *(agent.name for agent in own)})
        own.append(Agent(name, labels, 1 + len(blocking & set(jobs))))
        blocking -= set(jobs)
    # So many builds must run at a time that jobs never wait for each other for ever.
    builder = Agent(BUILDER, tuple(shared), len(blocking) + _SPARE_EXECUTORS, is_shared=True)
    return (builder, *own)


def find_exposed(needs: Needs) -> Iterator[str]:
    """Yield the jobs that bind credentials and may run where every branch's builds run."""
    builder = list_agents(needs)[0]
    labels = {job: expression for expression, jobs in needs.labels for job in jobs}
    for job in sorted(needs.keepers):
        expression = labels.get(job, "")
        if not expression or satisfies(expression, (builder.name, *builder.labels)):
            yield job


def _name_agent(label: str, taken: set[str]) -> str:
    """Return a name that a node, a service and a volume can have."""
    name = base = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "agent"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def image_of(needs: Needs) -> str:
    """Return the image and its tag. Raises CflJobsError where the version isn't a long-term one."""
    version = needs.inventory.jenkins
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        kind = "is a weekly release" if version else "is not known"
        raise CflJobsError(
            f"the version of Jenkins{f' ({version})' if version else ''} {kind}; the image is made "
            "of a long-term-support one",
            advice=f'Write `jenkins: "2.568.2"` or a later release into {INVENTORY}.',
        )
    # Jenkins 2.463 and later run on Java 21 as well as on 17; from 2.555 on they need it.
    java = "jdk17" if is_older(version, "2.463") else "jdk21"
    return f"jenkins/jenkins:{version}-lts-{java}"


def list_all_secrets(needs: Needs, overrides: Overrides) -> tuple[Secret, ...]:
    """Return what must be given for ours and for the snippets of overrides/."""
    has_admin = not overrides.replaces("securityRealm", "local", is_mapping=True)
    ours = [secret for secret in list_secrets(needs) if secret != ADMIN_PASSWORD or has_admin]
    names = {secret.name for secret in ours}
    return (*ours, *(secret for secret in overrides.secrets if secret.name not in names))


def write_texts(needs: Needs, overrides: Overrides, *, has_lock: bool) -> dict[str, str]:
    """Return the texts by file. `has_lock` tells whether plugins.lock.txt is there to be used.

    No secret is in them. What a snippet of overrides/ sets to another kind of thing is left to it.
    Raises CflJobsError for credentials of an unknown kind.
    """
    image = image_of(needs)
    environment = _environment()
    environment.globals |= {
        "needs": needs,
        "overrides": overrides,
        "has_lock": has_lock,
        "agents": list_agents(needs),
        "secrets": list_all_secrets(needs, overrides),
        "credentials": list_credentials(needs),
        "image": image,
        "tag": image.partition(":")[2],
        "host": urlsplit(needs.server).hostname,
        "mail": next(iter(needs.mail.replace(",", " ").split()), ""),
        "python": needs.python,
        "has_package": bool(_PYTHON.fullmatch(needs.python)),
        "has_old_remoting": is_older(needs.inventory.jenkins, "2.326"),
    }
    return {
        name: environment.get_template(template).render() for name, template in _TEMPLATES.items()
    }


def read_ours(name: str) -> str:
    """Return a file of ours that needs no template, or one's own text."""
    return files("cfl_jobs.bootstrap").joinpath("files", name).read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        loader=jinja2.FunctionLoader(read_ours),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "ascii": ascii,
        "json": json.dumps,
        "label": _label,
        "quote": _quote,
        "reference": _reference,
    }
    environment.globals |= {
        "sign": SIGN,
        "change": "change jobs/ or overrides/ and run that again",
        "compose": f"docker compose --env-file {SECRETS_FILE}",
        "secrets_file": SECRETS_FILE,
        "secrets_directory": _SECRETS_DIRECTORY,
        "controller_secrets": "/var/agents",
        "agent_secret": "/run/agent",
        "agent_home": "/var/jenkins_home",  # of the image's user
        "inventory": INVENTORY,
        "setup": SETUP,
        "taken_in": _taken_in,
        "kinds": CredentialKind,
        "admin_password": ADMIN_PASSWORD,
        "smtp_host": SMTP_HOST,
        "github_token": GITHUB_TOKEN,
        "github_hook": GITHUB_HOOK,
    }
    return environment


def _taken_in(text: str, name: str) -> str:
    """Return people's own instructions, run as root as installing needs."""
    if not text.strip():
        return ""
    return f"\n# overrides/{name}:\nUSER root\n{text.strip()}\nUSER jenkins\n"


def _label(label: str) -> str:
    """Return a label as a node's list of labels, separated by blanks, has it."""
    return label if re.fullmatch(r"[^\s\"()&|!<>]+", label) else json.dumps(label)


def _quote(text: str) -> str:
    """Return a YAML scalar that Configuration as Code takes literally: `^` keeps `${` from it."""
    return json.dumps(text.replace("${", "^${"), ensure_ascii=False)


def _reference(name: str, function: str = "") -> str:
    """Return a secret, or what a function makes of its file."""
    return f'"${{{function}:{_SECRETS_DIRECTORY}/{name}}}"' if function else f'"${{{name}}}"'
