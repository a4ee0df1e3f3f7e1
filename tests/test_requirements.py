"""Every element's plugin is known, and one that the server lacks is told."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.configs.requirements import (
    find_missing_plugins,
    find_provider,
    find_uses,
    used_plugins,
    word_missing,
)
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.trial import PARENTS
from cfl_jobs.reading.versions import CORE
from tests.jenkins_server_configs import (
    DIALECTS,
    NEW,
    recorded,
    recorded_names,
    recorded_plugins,
    recorded_save,
)

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "tests" / "data" / "jenkins").glob("*/config/*.xml"))


def read(path: Path) -> ET.Element:
    return parse_config(path.read_text(encoding="utf-8"), name=path.name)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_table_agrees_with_the_server(path: Path) -> None:
    """Where Jenkins or jenkins-job-builder names the plugin, the table names the same one."""
    for element in read(path).iter():
        named = element.get("plugin", "").partition("@")[0]
        if named and ("." in element.tag or "." in element.get("class", "")):
            assert find_provider(element.get("class") or element.tag) == named


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_plugins_used_are_those_of_all_uses(path: Path) -> None:
    assert used_plugins(read(path)) == {use.plugin for use in find_uses(read(path))}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_element_of_a_real_config_has_a_known_plugin(path: Path) -> None:
    assert [use for use in find_uses(read(path)) if use.plugin is None] == []


@pytest.mark.parametrize("version", DIALECTS)
def test_the_recorded_server_lacks_just_the_plugins_it_dropped(version: str) -> None:
    there = recorded_plugins(version).keys()
    lost = {
        "ant",
        "cobertura",
        "docker-custom-build-environment",
        "rabbitmq-build-trigger",
        "rbenv",
        "slack",
        "sonar",
        "throttle-concurrents",
        "validating-string-parameter",
    }
    by_job = {"wide-missing-plugins": lost}
    if version == NEW:
        by_job |= {"wide-properties": {"lockable-resources"}, "wide-wrappers": {"ansicolor"}}
    for name in recorded_names("stored", version):
        texts = recorded(name, "posted"), recorded_save(name, version)
        roots = [parse_config(text, name=name) for text in texts]
        posted, saved = ({use.plugin for use in find_missing_plugins(r, there)} for r in roots)
        assert (posted, saved) == (by_job.get(name, set()), set()), name


@pytest.mark.parametrize(
    ("class_name", "plugin"),
    [
        ("hudson.tasks.Shell", CORE),
        ("hudson.tasks.Mailer", "mailer"),
        ("hudson.views.StatusColumn", CORE),
        ("hudson.views.BuildFilterColumn", "view-job-filters"),
        ("hudson.plugins.ws__cleanup.WsCleanup", "ws-cleanup"),
        ("jenkins.plugins.slack.SlackNotifier_-SlackJobProperty", "slack"),
        ("EnvInjectBuilder", "envinject"),
        ("flow-definition", "workflow-job"),
        ("org.example.Unheard", None),
        ("EnvInject", None),
    ],
)
def test_a_class_name_tells_its_plugin(class_name: str, plugin: str | None) -> None:
    assert find_provider(class_name) == plugin


CONFIG = """<project>
  <publishers>
    <hudson.plugins.git.GitPublisher/>
    <jenkins.plugins.slack.SlackNotifier>
      <selector class="jenkins.plugins.slack.Other"/>
      <x><org.example.Inner/></x>
    </jenkins.plugins.slack.SlackNotifier>
    <hudson.tasks.Mailer plugin="mailer@1"/>
    <Unheard/>
  </publishers>
  <scm class="hudson.plugins.git.GitSCM"/>
  <list class="vector"/>
</project>"""


def test_each_plugins_elements_are_told_with_their_places() -> None:
    slack = "publishers/jenkins.plugins.slack.SlackNotifier"
    assert {(use.plugin, use.path) for use in find_uses(ET.fromstring(CONFIG))} == {
        ("git", "publishers/hudson.plugins.git.GitPublisher"),
        ("git", "scm"),
        ("mailer", "publishers/hudson.tasks.Mailer"),
        ("slack", slack),
        ("slack", f"{slack}/selector"),
        (None, f"{slack}/x/org.example.Inner"),
        (None, "publishers/Unheard"),
    }


def test_only_the_outermost_missing_element_is_told() -> None:
    missing = find_missing_plugins(ET.fromstring(CONFIG), {"git", "mailer"})
    assert [(use.path, use.plugin) for use in missing] == [
        ("publishers/jenkins.plugins.slack.SlackNotifier", "slack"),
        ("publishers/Unheard", None),
    ]
    messages = [word_missing(use) for use in missing]
    assert "needs the plugin 'slack'" in messages[0][0]
    assert "cfl-jobs inventory" in messages[0][1]
    assert "which plugin brings Unheard" in messages[1][0]
    assert all(advice for _, advice in messages)


def test_a_root_of_a_missing_plugin_is_told() -> None:
    (use,) = find_missing_plugins(ET.fromstring("<matrix-project/>"), set())
    assert (use.path, use.plugin) == ("", "matrix-project")


def test_every_module_of_jenkins_job_builder_has_a_known_plugin() -> None:
    """As far as it makes an element of a class without being told more; Ruby's names its own."""
    solver = ComponentSolver(None)
    tags = {tag for kind in PARENTS for tag in solver.makers_of(kind)}
    assert len(tags) > 250
    assert {tag for tag in tags if find_provider(tag) is None} == {"ruby-proxy-object"}


@pytest.mark.parametrize(
    ("properties", "plugins"),
    [
        ('<a.Outer plugin="one@1"><b.Inner><c class="d.Inmost"/></b.Inner></a.Outer>', {"one"}),
        (
            '<a.Outer plugin="one@1"><b.Inner plugin="two"><c.C/></b.Inner></a.Outer>',
            {"one", "two"},
        ),
        ('<a.Outer plugin="one@1"/><b.Other/>', {"one", None}),
    ],
)
def test_what_stands_inside_an_element_that_names_its_plugin_is_of_that_plugin(
    properties: str, plugins: set[str | None]
) -> None:
    """Jenkins names a plugin only where it changes."""
    config = f'<flow-definition plugin="workflow-job"><properties>{properties}</properties>'
    root = parse_config(f"{config}</flow-definition>", name="a")
    assert used_plugins(root) == {"workflow-job"} | plugins
