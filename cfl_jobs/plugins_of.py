"""A config's elements → the plugins they need, for "install this" when Jenkins dropped one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from xml.etree import ElementTree as ET

from cfl_jobs.configxml import element_paths, parse_config
from cfl_jobs.differences import Raw

# Packages by their beginning: the plugin's short name. Where jenkins-job-builder writes a
# plugin= attribute, that is used instead.
_PLUGINS = MappingProxyType(
    {
        "hudson.tasks.Ant": "ant",
        "hudson.tasks.Maven": "maven-plugin",
        "hudson.tasks.Mailer": "mailer",
        "hudson.tasks.junit.": "junit",
        "hudson.matrix.": "matrix-project",
        "hudson.security.AuthorizationMatrixProperty": "matrix-auth",
        "hudson.plugins.ansicolor.": "ansicolor",
        "hudson.plugins.build__timeout.": "build-timeout",
        "hudson.plugins.cobertura.": "cobertura",
        "hudson.plugins.copyartifact.": "copyartifact",
        "hudson.plugins.descriptionsetter.": "description-setter",
        "hudson.plugins.emailext.": "email-ext",
        "hudson.plugins.git.": "git",
        "hudson.plugins.parameterizedtrigger.": "parameterized-trigger",
        "hudson.plugins.sonar.": "sonar",
        "hudson.plugins.throttleconcurrents.": "throttle-concurrents",
        "hudson.plugins.timestamper.": "timestamper",
        "hudson.plugins.validating__string__parameter.": "validating-string-parameter",
        "hudson.plugins.ws__cleanup.": "ws-cleanup",
        "com.cloudbees.hudson.plugins.folder.": "cloudbees-folder",
        "com.cloudbees.jenkins.GitHub": "github",
        "com.cloudbees.jenkins.plugins.okidocki.": "docker-custom-build-environment",
        "com.cloudbees.plugins.credentials.": "credentials",
        "com.coravy.hudson.plugins.github.": "github",
        "jenkins.plugins.slack.": "slack",
        "org.jenkins.plugins.lockableresources.": "lockable-resources",
        "org.jenkinsci.plugins.buildnamesetter.": "build-name-setter",
        "org.jenkinsci.plugins.credentialsbinding.": "credentials-binding",
        "org.jenkinsci.plugins.rabbitmqbuildtrigger.": "rabbitmq-build-trigger",
        "org.jenkinsci.plugins.workflow.": "workflow-aggregator",
    }
)


def plugin_of(element: ET.Element) -> str:
    """Return the short name of the plugin that an element needs, "" where that isn't known."""
    named = element.get("plugin", "").partition("@")[0]
    if named:
        return named
    inner = element.find("ruby-object")
    if inner is not None:
        return inner.get("pluginid", "")
    kind = element.get("class", element.tag)
    for prefix, plugin in _PLUGINS.items():
        if kind.startswith(prefix):
            return plugin
    package = re.match(r"(?:hudson|jenkins)\.plugins\.([a-z_0-9]+)\.", kind)
    return package[1].replace("__", "-") if package else ""


def advise_on_loss(config: str, losses: Sequence[Raw], plugins: Mapping[str, str]) -> str:
    """Say what to do about what Jenkins dropped: which plugins to install."""
    elements = dict(element_paths(parse_config(config, name="config")))
    missing: dict[str, None] = {}
    without: list[str] = []
    for loss in losses:
        element = elements.get(loss.place.path)
        plugin = plugin_of(element) if element is not None and loss.is_item else ""
        if plugin and plugin not in plugins:
            missing[plugin] = None
        elif plugin:
            without.append(f"the installed {plugin} doesn't know {loss.label!r}")
        else:
            without.append(f"{loss.label!r} has no effect on this server")
    advice = []
    if missing:
        names = ", ".join(missing)
        many = "plugins" if len(missing) > 1 else "plugin"
        advice.append(f"Install the {many} {names}, then run `cfl-jobs update` again.")
    if without:
        many = "; ".join(dict.fromkeys(without))
        advice.append(f"Take it out of the definition: {many}.")
    return " ".join(advice)
