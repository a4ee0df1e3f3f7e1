"""What a server lacks and drops: every element's plugin is known, and what is lost is told."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import element_paths, parse_config
from cfl_jobs.configs.requirements import (
    find_missing_plugins,
    find_provider,
    find_uses,
    used_plugins,
    word_missing,
)
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.trial import PARENTS
from cfl_jobs.planning.differences import advise_on_loss, compare, find_losses
from cfl_jobs.reading.versions import CORE
from cfl_jobs.rendering.render import render
from cfl_jobs.target import Kind
from tests.case_files import write_project
from tests.jenkins_server_configs import (
    DIALECTS,
    NEW,
    recorded,
    recorded_names,
    recorded_plugins,
    recorded_save,
)
from tests.rendered_jobs import normal_of

COPY = "hudson.plugins.copyartifact.CopyArtifact"
GIT = '<scm class="hudson.plugins.git.GitSCM"><configVersion>2</configVersion></scm>'
FLOW = (
    '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">'
    "<script>node {}</script></definition>"
)
STRATEGY = '<matrix-project><executionStrategy class="{}">{}</executionStrategy></matrix-project>'
OWN = "org.example.OwnStrategy"
JUNIT = "publishers/hudson.tasks.junit.JUnitResultArchiver"
ARCHIVER = "publishers/hudson.tasks.ArtifactArchiver"


def copying(fields: str) -> str:
    return f"<project><builders><{COPY}><project>B</project>{fields}</{COPY}></builders></project>"


def losses(posted: str, saved: str) -> list[str]:
    found = compare(normal_of(posted, name="A"), normal_of(saved, name="A"))
    return [loss.label for loss in find_losses(found)]


def advice(posted: str, saved: str, *plugins: str) -> str:
    found = compare(normal_of(posted, name="A"), normal_of(saved, name="A"))
    return advise_on_loss(
        Config(Kind.JOB, "A", posted), find_losses(found), dict.fromkeys(plugins, "1")
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("<onlyTested>true</onlyTested>", "<verifyChecksums>true</verifyChecksums>"),
        ("<depth>3</depth>", "<retries>3</retries>"),
        ("<mode>fast</mode>", "<level>fast</level>"),
        ("<password>s3cr3t-s3cr3t</password>", "<comment>s3cr3t-s3cr3t</comment>"),
    ],
)
def test_a_field_that_is_gone_is_no_other_field_that_is_alike_by_chance(
    ours: str, theirs: str
) -> None:
    """A flag, a number or a word stands in many fields."""
    assert len(losses(copying(ours), copying(theirs))) == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("<exclude>*.tmp</exclude>", "<excludes>*.tmp</excludes>"),
        ("<timeout>30</timeout>", "<timeoutMinutes>30</timeoutMinutes>"),
        ("<recipients>team@example.org</recipients>", "<to>team@example.org</to>"),
        ("<old><field>1</field></old>", "<young><field>1</field></young>"),
    ],
)
def test_a_field_that_has_another_name_now_is_none_that_is_gone(ours: str, theirs: str) -> None:
    """The value tells it, or the value and both names."""
    assert losses(copying(ours), copying(theirs)) == []


def test_an_object_that_became_one_of_another_class_is_lost() -> None:
    """Jenkins takes its default where it doesn't know the class."""
    posted = STRATEGY.format(OWN, "<first>a</first>")
    default = "hudson.matrix.DefaultMatrixExecutionStrategyImpl"
    assert losses(posted, STRATEGY.format(default, "")) == ["execution strategy"]
    assert losses(posted, STRATEGY.format("org.example.other.OwnStrategy", "")) != []
    assert losses(posted, STRATEGY.format("org.example.Outer$OwnStrategy", "<first>a</first>")) == (
        []
    )


def test_a_collection_that_is_kept_as_another_is_not_lost() -> None:
    """How a list is kept says nothing about what is in it."""
    posted = STRATEGY.format("java.util.concurrent.CopyOnWriteArrayList", "<first>a</first>")
    assert losses(posted, STRATEGY.format("java.util.ArrayList", "<first>a</first>")) == []


@pytest.mark.parametrize(
    ("posted", "saved", "plugin"),
    [
        (f"<project>{GIT}</project>", "<project/>", "git"),
        (f"<flow-definition>{FLOW}</flow-definition>", "<flow-definition/>", "workflow-cps"),
        (copying(""), "<project><builders/></project>", "copyartifact"),
    ],
)
def test_the_missing_plugin_is_named_whatever_it_brings(
    posted: str, saved: str, plugin: str
) -> None:
    """A step, an SCM, a pipeline's definition."""
    assert advice(posted, saved).startswith(f"Install the plugin {plugin}, then run")
    assert f"the installed version of {plugin} doesn't know" in advice(posted, saved, plugin)


def test_an_object_that_became_another_is_blamed_on_its_plugin() -> None:
    """Or said to be nobody's, where no plugin is known to bring it."""
    saved = "<project><scm class='hudson.scm.SubversionSCM'/></project>"
    assert "Install the plugin git," in advice(f"<project>{GIT}</project>", saved)
    told = advice(STRATEGY.format(OWN, ""), STRATEGY.format("hudson.matrix.Default", ""))
    assert "no plugin is known that brings 'execution strategy'" in told


def test_a_field_of_an_element_that_is_there_has_no_effect() -> None:
    """Its plugin is there, and doesn't know it."""
    told = advice(copying("<exclude>a</exclude>"), copying(""), "copyartifact")
    assert "'copy artifacts: exclude' has no effect on this server" in told


def test_a_lost_field_that_newer_versions_have_another_for_is_to_be_kept() -> None:
    """Rendered for the server's versions it is that other one."""
    config = "<project><publishers><hudson.tasks.junit.JUnitResultArchiver>{}"
    config += "</hudson.tasks.junit.JUnitResultArchiver></publishers></project>"
    told = advice(config.format("<keepLongStdio>true</keepLongStdio>"), config.format(""), "junit")
    assert told.startswith("For 'JUnit results: keep long stdio', run `cfl-jobs inventory`:")


@pytest.mark.parametrize(
    ("publisher", "path", "is_own"),
    [
        ("junit: {results: a.xml}", f"{JUNIT}/keepLongStdio", True),
        ("junit: {results: a.xml, keep-long-stdio: true}", f"{JUNIT}/stdioRetention", False),
        ("junit: {results: a.xml}", f"{JUNIT}/testResults", False),
        ("junit: {results: a.xml}", JUNIT, False),
        ("archive: {artifacts: a}", f"{ARCHIVER}/defaultExcludes", True),
        ("archive: {artifacts: a, default-excludes: true}", f"{ARCHIVER}/defaultExcludes", False),
        ("archive: {artifacts: a}", f"{ARCHIVER}/artifacts", False),
        # What jenkins-job-builder doesn't make of options, or not of one of that name.
        (f"raw: {{xml: <{COPY}><flag>true</flag></{COPY}>}}", f"publishers/{COPY}/flag", False),
        ("trigger: {project: B}", "publishers/hudson.tasks.BuildTrigger/threshold/name", False),
    ],
)
def test_what_jenkins_job_builder_writes_by_itself_is_told_from_what_someone_asked_for(
    tmp_path: Path, publisher: str, path: str, is_own: bool
) -> None:
    """It looked for the option, and nobody gave it; in doubt somebody did."""
    definitions = "template: a.yaml.j2\njobs:\n  - name: A\n"
    template = f"name: {{{{ name }}}}\npublishers:\n  - {publisher}\n"
    (rendered,) = render(write_project(tmp_path, definitions=definitions, template=template))
    root = parse_config(rendered.config, name="A")
    assert path in {found for found, _ in element_paths(root)}
    assert (path in rendered.own) is is_own


@pytest.mark.parametrize(
    ("own", "lost"),
    [(frozenset[str](), ["JUnit results: keep long stdio"]), ({f"{JUNIT}/keepLongStdio"}, [])],
)
def test_what_nobody_asked_for_is_no_loss(own: frozenset[str], lost: list[str]) -> None:
    config = "<project><publishers><hudson.tasks.junit.JUnitResultArchiver>{}"
    config += "</hudson.tasks.junit.JUnitResultArchiver></publishers></project>"
    posted = normal_of(config.format("<keepLongStdio>true</keepLongStdio>"), name="A")
    found = compare(posted, normal_of(config.format(""), name="A"))
    assert [loss.label for loss in find_losses(found, own)] == lost


ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "tests" / "data" / "jenkins").glob("*/config/*.xml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_plugin_of_every_element_of_a_real_config_is_known(path: Path) -> None:
    """Where Jenkins or jenkins-job-builder names it, the table names the same one."""
    root = parse_config(path.read_text(encoding="utf-8"), name=path.name)
    for element in root.iter():
        named = element.get("plugin", "").partition("@")[0]
        if named and ("." in element.tag or "." in element.get("class", "")):
            assert find_provider(element.get("class") or element.tag) == named
    uses = list(find_uses(root))
    assert [use for use in uses if use.plugin is None] == []
    assert used_plugins(root) == {use.plugin for use in uses}


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
