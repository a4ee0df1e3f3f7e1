"""Needs → Dockerfile, .dockerignore: the controller and its agents as images.

Both are made of the controller's image (https://github.com/jenkinsci/docker): one tag to keep, the
same Java, git and user. What the jobs' scripts need beside that is in the agents' only.
"""

from __future__ import annotations

import re

from cfl_jobs.bootstrap.agents import list_agents
from cfl_jobs.bootstrap.overrides import SETUP, Overrides
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.versions import is_older

SIGN = "Written by `cfl-jobs bootstrap`"
CHANGE = "change jobs/ or overrides/ and run that again"
CONTROLLER_SECRETS, AGENT_SECRET = "/var/agents", "/run/agent"
_PYTHON = re.compile(r"python3(\.\d+)?")
_REF = "/usr/share/jenkins/ref"
_CASC = "/usr/share/jenkins/casc"


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


def write_dockerfile(needs: Needs, overrides: Overrides, *, has_lock: bool) -> str:
    """Return the Dockerfile. `has_lock` tells whether plugins.lock.txt is there to be used."""
    image = image_of(needs)
    plugins = "plugins.lock.txt" if has_lock else "plugins.txt"
    places = " ".join(f"{CONTROLLER_SECRETS}/{agent.name}" for agent in list_agents(needs))
    snippets = f"COPY {SETUP} {_CASC}/overrides\n" if overrides.setup else ""
    return f"""\
# Dockerfile: this Jenkins as images. {SIGN}; to change it, {CHANGE}.
#
# The tag is one long-term-support release, the one of {INVENTORY}. To pin its very bytes, ask for
# its digest with `docker buildx imagetools inspect {image}`
# and write it behind the tag, twice: FROM {image}@sha256:...
FROM {image} AS controller

USER root
# Where it puts each agent's secret, for the volume that only that agent has too.
RUN install --directory --owner=jenkins --group=jenkins --mode=700 {places}
USER jenkins

# No setup wizard: jenkins.yaml sets up what it would ask for. What overrides/ says counts more.
ENV JAVA_OPTS="-Djenkins.install.runSetupWizard=false" \\
    CASC_JENKINS_CONFIG="{_CASC}" \\
    CASC_MERGE_STRATEGY="override"

COPY --chown=jenkins:jenkins {plugins} {_REF}/plugins.txt
# Least versions, so that the same plugins.txt gives the same plugins.
RUN jenkins-plugin-cli --plugin-file {_REF}/plugins.txt --latest false

COPY jenkins.yaml {_CASC}/jenkins.yaml
{snippets}COPY backup.sh controller.sh restore.sh /usr/share/jenkins/
# Jenkins' start copies these into its home: agents.groovy each time, the others where they aren't
# there yet.
COPY --chown=jenkins:jenkins agents.groovy {_REF}/init.groovy.d/agents.groovy.override
COPY --chown=jenkins:jenkins config.xml {_REF}/config.xml
COPY --chown=jenkins:jenkins jobs {_REF}/jobs

HEALTHCHECK --interval=30s --timeout=10s --start-period=3m --retries=5 \\
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/login"]
ENTRYPOINT ["/usr/bin/tini", "--", "bash", "/usr/share/jenkins/controller.sh"]
{_taken_in(overrides.controller, "controller.Dockerfile")}
FROM {image} AS agent

USER root
{_packages(needs)}RUN install --directory --owner=jenkins --group=jenkins --mode=700 {AGENT_SECRET}
COPY agent.sh /usr/local/bin/agent.sh
USER jenkins
WORKDIR /var/jenkins_home
ENTRYPOINT ["/usr/bin/tini", "--", "bash", "/usr/local/bin/agent.sh"]
{_taken_in(overrides.agent, "agent.Dockerfile")}"""


def _taken_in(text: str, name: str) -> str:
    """Return people's own instructions, run as root as installing needs."""
    if not text.strip():
        return ""
    return f"\n# overrides/{name}:\nUSER root\n{text.strip()}\nUSER jenkins\n"


def _packages(needs: Needs) -> str:
    """Return the instructions that install what the jobs' scripts need beside git and bash."""
    python = needs.python
    if not python:
        return ""
    if not _PYTHON.fullmatch(python):
        return (
            f"# The jobs need {python!a}, which Debian has no package for: install it in\n"
            "# overrides/agent.Dockerfile.\n"
        )
    return f"""\
# What the jobs' scripts run. Debian keeps only the newest build of a package, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends {python} {python}-venv \\
    && rm -rf /var/lib/apt/lists/*
"""


def write_dockerignore(overrides: Overrides) -> str:
    snippets = f"!{SETUP}\n" if overrides.setup else ""
    return f"""\
# .dockerignore: what may go into the images. {SIGN}; to change it, {CHANGE}.
*
!agent.sh
!agents.groovy
!backup.sh
!config.xml
!controller.sh
!jenkins.yaml
!jobs
{snippets}!plugins.lock.txt
!plugins.txt
!restore.sh
**/builds
**/nextBuildNumber
"""
