"""Needs → compose.yaml, secrets.env.example: what runs, and what it must be given.

https://docs.docker.com/reference/compose-file/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from cfl_jobs.bootstrap.agents import Agent, list_agents
from cfl_jobs.bootstrap.image import AGENT_SECRET, CHANGE, CONTROLLER_SECRETS, SIGN, image_of
from cfl_jobs.bootstrap.jenkins_yaml import AGENT_HOME
from cfl_jobs.bootstrap.secrets import Form, Secret
from cfl_jobs.doctor.needs import Needs

SECRETS_FILE = "secrets.env"
COMPOSE = f"docker compose --env-file {SECRETS_FILE}"
_HOME = "jenkins_home:/var/jenkins_home"


def write_compose(needs: Needs, secrets: Iterable[Secret]) -> str:
    """Return compose.yaml: only the controller is given secrets, as files, and it runs no build."""
    secrets = tuple(secrets)
    hidden = [secret for secret in secrets if secret.form is not Form.PLAIN]
    agents = list_agents(needs)
    tag = image_of(needs).partition(":")[2]
    environment = "".join(
        f"      {secret.name}: ${{{secret.name}:?see {SECRETS_FILE}.example}}\n"
        for secret in secrets
        if secret.form is Form.PLAIN
    )
    names = "".join(f"      - {secret.name}\n" for secret in hidden)
    sources = "".join(
        f"  {secret.name}:\n    file: ${{{secret.name}:?see {SECRETS_FILE}.example}}\n"
        if secret.form is Form.FILE
        else f"  {secret.name}:\n    environment: {secret.name}\n"
        for secret in hidden
    )
    places = "".join(
        f"      - {_volume(agent, 'secret')}:{CONTROLLER_SECRETS}/{agent.name}\n"
        for agent in agents
    )
    host = urlsplit(needs.server).hostname
    return f"""\
# compose.yaml: runs this Jenkins. {SIGN}; to change it, {CHANGE}.
#
#   start    {COMPOSE} up --build --detach --wait
#   stop     {COMPOSE} stop
#   back up  {COMPOSE} run --rm backup
#   restore  {COMPOSE} run --rm restore FILE, stopped, FILE being one of backups/
services:
  jenkins:
    build: &controller
      context: .
      target: controller
    image: &controller-image {json.dumps(f"cfl-jenkins:{tag}")}
    restart: unless-stopped
    # Builds that run are given time to end.
    stop_grace_period: 2m
    ports:
      # Only for this machine: a proxy with TLS stands in front of it, as the one below.
      - "127.0.0.1:8080:8080"
    environment:
{environment}    # As files in /run/secrets. No build runs here, so none can read them.
    secrets:
{names}    volumes:
      - {_HOME}
      # Each agent's secret, made at the start and for that agent alone.
{places}    healthcheck:
      test: ["CMD", "curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/login"]
      interval: 30s
      timeout: 10s
      start_period: 3m
      retries: 5

{"".join(_write_agent(agent, tag) for agent in agents)}{_write_proxy(host) if host else ""}\
  # Packs the home into backups/; it may run meanwhile. What is packed opens every secret.
  backup:
    profiles: [tools]
    build: *controller
    image: *controller-image
    user: root
    network_mode: none
    entrypoint: ["bash", "/usr/share/jenkins/backup.sh", "/var/jenkins_home", "/backups"]
    volumes:
      - {_HOME}:ro
      - ./backups:/backups
  # Puts one of backups/ back; what is in the home goes into a backup of its own first.
  restore:
    profiles: [tools]
    build: *controller
    image: *controller-image
    user: root
    entrypoint: ["bash", "/usr/share/jenkins/restore.sh", "/var/jenkins_home", "/backups", "http://jenkins:8080/login"]
    volumes:
      - {_HOME}
      - ./backups:/backups
volumes:
  jenkins_home:
{"".join(f"  {_volume(agent, word)}:{chr(10)}" for agent in agents for word in ("work", "secret"))}\
{"  proxy_data:" + chr(10) if host else ""}secrets:
{sources}"""


def _volume(agent: Agent, word: str) -> str:
    return f"agent-{agent.name}-{word}"


def _write_agent(agent: Agent, tag: str) -> str:
    jobs = "builds" if agent.is_shared else f"jobs that ask for {' or '.join(agent.labels)}"
    return f"""\
  # Runs {jobs}. It has no secret but its own name's; a build gets those that its job binds.
  agent-{agent.name}:
    build:
      context: .
      target: agent
    image: {json.dumps(f"cfl-jenkins-agent:{tag}")}
    restart: unless-stopped
    depends_on:
      jenkins:
        condition: service_healthy
    environment:
      AGENT_NAME: {json.dumps(agent.name)}
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    volumes:
      - {_volume(agent, "work")}:{AGENT_HOME}
      - {_volume(agent, "secret")}:{AGENT_SECRET}:ro

"""


def _write_proxy(host: str) -> str:
    return f"""\
  # A proxy with TLS in front of Jenkins, for a machine that has none:
  #   {COMPOSE} --profile proxy up --build --detach --wait
  # Caddy asks Let's Encrypt for the certificate of the host and renews it. The host's name must
  # lead to this machine, and ports 80 and 443 must be open to the world. To put another proxy here,
  # write this service anew in overrides/compose.yaml.
  proxy:
    profiles: [proxy]
    image: caddy:2
    restart: unless-stopped
    command: [caddy, reverse-proxy, --from, {json.dumps(host)}, --to, "jenkins:8080"]
    ports:
      - "80:80"
      - "443:443"
    volumes:
      - proxy_data:/data

"""


def write_secrets_example(secrets: Iterable[Secret]) -> str:
    """Return the list of all that must be provided, with no value in it."""
    lines = [
        f"# secrets.env.example: what this Jenkins must be given. {SIGN}; to change it, {CHANGE}.",
        "#",
        "# Copy it to secrets.env (chmod 600, never into git), fill it in, a value with $ or # in",
        r"# single quotes and \' for each quote in it, and look with",
        "# `cfl-jobs bootstrap --home DIR --secrets DIR/secrets.env` whether all is there.",
        "# `cfl-jobs rehearse --secrets` takes the same file.",
    ]
    for secret in secrets:
        lines += ["", f"# {secret.meaning} ({secret.form.value})", f"{secret.name}="]
    return "\n".join(lines) + "\n"
