"""Needs → Dockerfile, compose.yaml and .dockerignore: the server as an image and its one service.

The image: https://github.com/jenkinsci/docker (README.md, "Preinstalling plugins").
"""

from __future__ import annotations

import json
import re

from cfl_jobs.bootstrap.secrets import Form, list_secrets
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.versions import is_older

SIGN = "Written by `cfl-jobs bootstrap`"
CHANGE = "change jobs/ and run that again"
_PYTHON = re.compile(r"python3(\.\d+)?")
_REF = "/usr/share/jenkins/ref"


def image_of(needs: Needs) -> str:
    """Return the image and its tag. Raises CflJobsError where the version isn't a long-term one."""
    version = needs.inventory.jenkins
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        kind = "is a weekly release" if version else "is not known"
        raise CflJobsError(
            f"the version of Jenkins{f' ({version})' if version else ''} {kind}; the image is made "
            "of a long-term-support one",
            advice=f'Write `jenkins: "2.440.3"` or a later release into {INVENTORY}.',
        )
    # Jenkins 2.463 and later run on Java 21 as well as on 17; from 2.555 on they need it.
    java = "jdk17" if is_older(version, "2.463") else "jdk21"
    return f"jenkins/jenkins:{version}-lts-{java}"


def write_dockerfile(needs: Needs, *, has_lock: bool) -> str:
    """Return the Dockerfile. `has_lock` tells whether plugins.lock.txt is there to be used."""
    image = image_of(needs)
    plugins = "plugins.lock.txt" if has_lock else "plugins.txt"
    return f"""\
# Dockerfile: this Jenkins as an image. {SIGN}; to change it, {CHANGE}.
#
# The tag is one long-term-support release, the one of {INVENTORY}. To pin its very bytes, ask for
# its digest with `docker buildx imagetools inspect {image}`
# and write it behind the tag: FROM {image}@sha256:...
FROM {image}

{_packages(needs)}# No setup wizard: jenkins.yaml sets up what it would ask for.
ENV JAVA_OPTS="-Djenkins.install.runSetupWizard=false" \\
    CASC_JENKINS_CONFIG="/usr/share/jenkins/jenkins.yaml"

COPY --chown=jenkins:jenkins {plugins} {_REF}/plugins.txt
# Least versions, so that the same plugins.txt gives the same plugins.
RUN jenkins-plugin-cli --plugin-file {_REF}/plugins.txt --latest false

COPY --chown=jenkins:jenkins jenkins.yaml /usr/share/jenkins/jenkins.yaml
# Jenkins' start copies them into its home, where they aren't there yet.
COPY --chown=jenkins:jenkins config.xml {_REF}/config.xml
COPY --chown=jenkins:jenkins jobs {_REF}/jobs

HEALTHCHECK --interval=30s --timeout=10s --start-period=3m --retries=5 \\
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/login"]
"""


def _packages(needs: Needs) -> str:
    """Return the instructions that install what the jobs' scripts need beside git and bash."""
    python = needs.python
    if not python:
        return ""
    if not _PYTHON.fullmatch(python):
        return f"# The jobs need {python!a}, which Debian has no package for: install it here.\n\n"
    return f"""\
USER root
# What the jobs' scripts run. Debian keeps only the newest build of a package, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends {python} {python}-venv \\
    && rm -rf /var/lib/apt/lists/*
USER jenkins

"""


def write_compose(needs: Needs) -> str:
    """Return compose.yaml: secrets reach Jenkins as files, so that no build has them around it."""
    secrets = list_secrets(needs)
    plain = [secret.name for secret in secrets if secret.form is Form.PLAIN]
    hidden = [secret for secret in secrets if secret.form is not Form.PLAIN]
    tag = image_of(needs).partition(":")[2]
    environment = "\n".join(f"      {name}: ${{{name}:?see secrets.env.example}}" for name in plain)
    names = "\n".join(f"      - {secret.name}" for secret in hidden)
    sources = "\n".join(
        f"  {secret.name}:\n    file: ${{{secret.name}:?see secrets.env.example}}"
        if secret.form is Form.FILE
        else f"  {secret.name}:\n    environment: {secret.name}"
        for secret in hidden
    )
    return f"""\
# compose.yaml: runs this Jenkins. {SIGN}; to change it, {CHANGE}.
#
# Start it with `docker compose --env-file secrets.env up --build --detach --wait`.
services:
  jenkins:
    build: .
    image: {json.dumps(f"cfl-jenkins:{tag}")}
    restart: unless-stopped
    # Builds that run are given time to end.
    stop_grace_period: 2m
    ports:
      # Only for this machine: a proxy with TLS stands in front of it.
      - "127.0.0.1:8080:8080"
    environment:
{environment}
    # As files in /run/secrets: what stands in Jenkins' environment, every build would have too.
    secrets:
{names}
    volumes:
      - jenkins_home:/var/jenkins_home
    healthcheck:
      test: ["CMD", "curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/login"]
      interval: 30s
      timeout: 10s
      start_period: 3m
      retries: 5
volumes:
  jenkins_home:
secrets:
{sources}
"""


def write_dockerignore() -> str:
    return f"""\
# .dockerignore: what may go into the image. {SIGN}; to change it, {CHANGE}.
*
!config.xml
!jenkins.yaml
!jobs
!plugins.lock.txt
!plugins.txt
**/builds
**/nextBuildNumber
"""


def write_secrets_example(needs: Needs) -> str:
    """Return the list of all that must be provided, with no value in it."""
    lines = [
        f"# secrets.env.example: what this Jenkins must be given. {SIGN}; to change it, {CHANGE}.",
        "#",
        "# Copy it to secrets.env (chmod 600, never into git), fill it in, a value with $ or # in",
        "# single quotes, and look with",
        "# `cfl-jobs bootstrap --home DIR --secrets DIR/secrets.env` whether all is there.",
    ]
    for secret in list_secrets(needs):
        lines += ["", f"# {secret.meaning} ({secret.form.value})", f"{secret.name}="]
    return "\n".join(lines) + "\n"
