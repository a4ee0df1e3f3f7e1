"""Import: what it writes renders to an equal config, of recorded jobs, edited ones and any text."""

from __future__ import annotations

import random
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.buildwritten import take_build_written
from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.errors import ConfigError
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.taken import Imported, import_config
from cfl_jobs.rendering.render import render
from tests.config_edits import EDITS
from tests.jenkins_server_configs import DIALECTS, OLD
from tests.rendered_jobs import normal_of

DATA = Path(__file__).parent / "data" / "jenkins"
CONFIGS = DATA / "2.440.3" / "config"
FORMS = [
    (path.stem, version)
    for version in DIALECTS
    for path in sorted((DATA / version / "config").glob("*.xml"))
    # What was posted a server has as "stored", and that all but equal as "upgraded".
    if not path.stem.endswith((".posted", ".upgraded"))
]
PLUGINS = "plugins: {git: 5.2.1}\n"
_SECRETS = re.compile(
    r"(?s)<authToken>[^<]*</authToken>|(?<=<remoteBuildToken>)[^<]*"
    r"|(?<=<defaultValue>)\{AQAAA[^<]*|(?<=<defaultValue>)hush[^<]*"
)
_PASSWORD = re.compile(
    r"(?s)(<hudson.model.PasswordParameterDefinition>.*?<defaultValue>)[^<]*(?=<)"
)
SOLVER = ComponentSolver(None)


def recorded(form: str, version: str = OLD) -> str:
    """Return a recorded config without its secrets, which no import takes."""
    text = (DATA / version / "config" / f"{form}.xml").read_text(encoding="utf-8")
    return _SECRETS.sub("", _PASSWORD.sub(r"\1", text))


def import_(config: str, name: str = "A job") -> Imported:
    return import_config(config, name=name, solver=SOLVER, inventory=None)


def put(root: Path, imported: Imported) -> None:
    for name, text in imported.files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="\n")


@pytest.mark.parametrize("version", DIALECTS)
def test_every_recorded_config_renders_equal_after_its_import(version: str, tmp_path: Path) -> None:
    """As plan compares it: in normal form, without mark."""
    found = {form: recorded(form, version) for form, its_version in FORMS if its_version == version}
    for form, config in found.items():
        put(tmp_path, import_(config, form))
    rendered = {job.name: job.config for job in render(tmp_path)}
    assert rendered.keys() == found.keys()
    for form, config in found.items():
        assert normal_of(rendered[form], name=form) == normal_of(config, name=form), form


GIT_OF_A_FORM = """
  <scm class="hudson.plugins.git.GitSCM" plugin="git@5.2.1">
    <configVersion>2</configVersion>
    <userRemoteConfigs>
      <hudson.plugins.git.UserRemoteConfig><url>https://git.example/a.git</url>
      </hudson.plugins.git.UserRemoteConfig>
    </userRemoteConfigs>
    <branches><hudson.plugins.git.BranchSpec><name>*/main</name></hudson.plugins.git.BranchSpec>
    </branches>
    <doGenerateSubmoduleConfigurations>false</doGenerateSubmoduleConfigurations>
    <browser class="hudson.plugins.git.browser.GithubWeb"><url>https://git.example/a</url></browser>
    <submoduleCfg class="empty-list"/>
    <extensions>
      <hudson.plugins.git.extensions.impl.PruneStaleBranch/>
      <hudson.plugins.git.extensions.impl.CloneOption>
        <shallow>true</shallow><noTags>false</noTags><reference/><depth>3</depth>
      </hudson.plugins.git.extensions.impl.CloneOption>
    </extensions>
  </scm>"""
TIMEOUT = """
  <buildWrappers>
    <hudson.plugins.build__timeout.BuildTimeoutWrapper plugin="build-timeout@1.19">
      <strategy class="hudson.plugins.build_timeout.impl.ElasticTimeOutStrategy">
        <timeoutPercentage>150</timeoutPercentage>
        <numberOfBuilds>3</numberOfBuilds>
        <timeoutMinutesElasticDefault>60</timeoutMinutesElasticDefault>
      </strategy>
      <operationList class="java.util.Arrays$ArrayList">
        <a class="hudson.plugins.build_timeout.BuildTimeOutOperation-array">
          <hudson.plugins.build__timeout.operations.FailOperation/>
        </a>
      </operationList>
    </hudson.plugins.build__timeout.BuildTimeoutWrapper>
  </buildWrappers>"""
FLAGS = """
  <builders><hudson.tasks.Maven><targets>clean</targets>{}
    <settings class="jenkins.mvn.DefaultSettingsProvider"/>
    <globalSettings class="jenkins.mvn.DefaultGlobalSettingsProvider"/></hudson.tasks.Maven>
  </builders>
  <buildWrappers><org.jenkinsci.plugins.buildnamesetter.BuildNameSetter
    plugin="build-name-setter@2.4"><template>#1</template>{}</org.jenkinsci.plugins.buildnamesetter.BuildNameSetter>
  </buildWrappers>"""
INJECT_NO = "<injectBuildVariables>false</injectBuildVariables>"
GROOVY = """
  <builders>
    <hudson.plugins.groovy.Groovy plugin="groovy@2.4">
      <scriptSource class="hudson.plugins.groovy.StringScriptSource">
        <command>println 1</command>
      </scriptSource>
      <groovyName>(Default)</groovyName>
    </hudson.plugins.groovy.Groovy>
  </builders>"""
CLEANUP = """
  <publishers>
    <hudson.plugins.ws__cleanup.WsCleanup plugin="ws-cleanup@0.45">
      <patterns class="empty-list">
        <hudson.plugins.ws__cleanup.Pattern><pattern>.git/**</pattern><type>EXCLUDE</type>
        </hudson.plugins.ws__cleanup.Pattern>
      </patterns>
      <deleteDirs>false</deleteDirs><skipWhenFailed>false</skipWhenFailed>
      <cleanWhenSuccess>true</cleanWhenSuccess><cleanWhenUnstable>true</cleanWhenUnstable>
      <cleanWhenFailure>true</cleanWhenFailure><cleanWhenNotBuilt>true</cleanWhenNotBuilt>
      <cleanWhenAborted>true</cleanWhenAborted><notFailBuild>true</notFailBuild>
      <cleanupMatrixParent>false</cleanupMatrixParent><externalDelete/>
    </hudson.plugins.ws__cleanup.WsCleanup>
  </publishers>"""
RECIPIENTS = "hudson.plugins.emailext.plugins.recipients"
MAIL = f"""
  <publishers>
    <hudson.plugins.emailext.ExtendedEmailPublisher plugin="email-ext@2.105">
      <recipientList>team@example.org</recipientList>
      <configuredTriggers>
        <hudson.plugins.emailext.plugins.trigger.FailureTrigger>
          <email>
            <subject>$PROJECT_DEFAULT_SUBJECT</subject>
            <body>$PROJECT_DEFAULT_CONTENT</body>
            <recipientProviders>
              <{RECIPIENTS}.ListRecipientProvider/><{RECIPIENTS}.CulpritsRecipientProvider/>
            </recipientProviders>
            <attachmentsPattern/>
            <attachBuildLog>false</attachBuildLog>
            <compressBuildLog>false</compressBuildLog>
            <replyTo>$PROJECT_DEFAULT_REPLYTO</replyTo>
            <contentType>project</contentType>
          </email>
        </hudson.plugins.emailext.plugins.trigger.FailureTrigger>
      </configuredTriggers>
      <contentType>default</contentType>
      <defaultSubject>$DEFAULT_SUBJECT</defaultSubject>
      <defaultContent>$DEFAULT_CONTENT</defaultContent>
      <replyTo>$DEFAULT_REPLYTO</replyTo>
    </hudson.plugins.emailext.ExtendedEmailPublisher>
  </publishers>"""
GERRIT_PACKAGE = "com.sonyericsson.hudson.plugins.gerrit.trigger.hudsontrigger"
GERRIT = f"""
  <triggers>
    <{GERRIT_PACKAGE}.GerritTrigger plugin="gerrit-trigger@2.30.5">
      <gerritProjects><{GERRIT_PACKAGE}.data.GerritProject>
        <compareType>ANT</compareType><pattern>tools/**</pattern>
        <branches><{GERRIT_PACKAGE}.data.Branch>
          <compareType>PLAIN</compareType><pattern>main</pattern></{GERRIT_PACKAGE}.data.Branch>
        </branches>
        <filePaths><{GERRIT_PACKAGE}.data.FilePath>
          <compareType>PLAIN</compareType><pattern>a.c</pattern></{GERRIT_PACKAGE}.data.FilePath>
        </filePaths>
      </{GERRIT_PACKAGE}.data.GerritProject></gerritProjects>
      <escapeQuotes>true</escapeQuotes>
      <serverName>review</serverName>
      <triggerOnEvents>
        <{GERRIT_PACKAGE}.events.PluginRefUpdatedEvent/>
        <{GERRIT_PACKAGE}.events.PluginPatchsetCreatedEvent>
          <excludeDrafts>true</excludeDrafts>
        </{GERRIT_PACKAGE}.events.PluginPatchsetCreatedEvent>
        <{GERRIT_PACKAGE}.events.PluginCommentAddedEvent>
          <verdictCategory>Verified</verdictCategory>
          <commentAddedTriggerApprovalValue>1</commentAddedTriggerApprovalValue>
        </{GERRIT_PACKAGE}.events.PluginCommentAddedEvent>
      </triggerOnEvents>
    </{GERRIT_PACKAGE}.GerritTrigger>
  </triggers>"""
ANSIBLE = """
  <builders>
    <org.jenkinsci.plugins.ansible.AnsiblePlaybookBuilder plugin="ansible@1.0">
      <playbook>site.yml</playbook>
      <inventory class="org.jenkinsci.plugins.ansible.InventoryPath"><path>hosts</path></inventory>
      <forks>5</forks>
      <unbufferedOutput>true</unbufferedOutput>
      <disableHostKeyChecking>false</disableHostKeyChecking>
      <extraVars>
        <org.jenkinsci.plugins.ansible.ExtraVar>
          <key>size</key><value>7</value><hidden>true</hidden>
        </org.jenkinsci.plugins.ansible.ExtraVar>
        <org.jenkinsci.plugins.ansible.ExtraVar>
          <key>place</key><value>here</value><hidden>false</hidden>
        </org.jenkinsci.plugins.ansible.ExtraVar>
      </extraVars>
    </org.jenkinsci.plugins.ansible.AnsiblePlaybookBuilder>
  </builders>"""
SEVERAL = "org.jenkinsci.plugins.multiplescms.MultiSCM"
PARTS = "".join(
    f"""
    <hudson.plugins.git.GitSCM plugin="git@5.2.1">
      <configVersion>2</configVersion>
      <userRemoteConfigs><hudson.plugins.git.UserRemoteConfig>
        <url>https://git.example/{name}.git</url></hudson.plugins.git.UserRemoteConfig>
      </userRemoteConfigs>
      <branches><hudson.plugins.git.BranchSpec><name>main</name></hudson.plugins.git.BranchSpec>
      </branches>
      <extensions><hudson.plugins.git.extensions.impl.RelativeTargetDirectory>
        <relativeTargetDir>{name}</relativeTargetDir>
      </hudson.plugins.git.extensions.impl.RelativeTargetDirectory></extensions>
    </hudson.plugins.git.GitSCM>"""
    for name in ("one", "two")
)
MAVEN = """
<maven2-moduleset plugin="maven-plugin@3.4">
  <canRoam>true</canRoam>
  <rootModule><groupId>org.example</groupId><artifactId>all</artifactId></rootModule>
  <goals>clean install</goals>
  <rootPOM>sub/pom.xml</rootPOM>
  <aggregatorStyleBuild>true</aggregatorStyleBuild>
  <ignoreUpstremChanges>false</ignoreUpstremChanges>
  <archivingDisabled>true</archivingDisabled>
  <mavenValidationLevel>-1</mavenValidationLevel>
  <settings class="jenkins.mvn.DefaultSettingsProvider"/>
  <globalSettings class="jenkins.mvn.DefaultGlobalSettingsProvider"/>
  <reporters/><prebuilders/>
  <postbuilders><hudson.tasks.Shell><command>make</command></hudson.tasks.Shell></postbuilders>
  <runPostStepsIfResult><name>SUCCESS</name><ordinal>0</ordinal><color>BLUE</color>
    <completeBuild>true</completeBuild></runPostStepsIfResult>
</maven2-moduleset>"""
BRANCHES = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
MULTIBRANCH = f"""
<{BRANCHES} plugin="workflow-multibranch@2.26">
  <properties/>
  <folderViews class="jenkins.branch.MultiBranchProjectViewHolder" plugin="branch-api@2.7">
    <owner class="{BRANCHES}" reference="../.."/>
  </folderViews>
  <healthMetrics/>
  <icon class="jenkins.branch.MetadataActionFolderIcon" plugin="branch-api@2.7">
    <owner class="{BRANCHES}" reference="../.."/>
  </icon>
  <orphanedItemStrategy plugin="cloudbees-folder@6.16"
      class="com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy">
    <pruneDeadBranches>true</pruneDeadBranches><daysToKeep>7</daysToKeep><numToKeep>-1</numToKeep>
  </orphanedItemStrategy>
  <triggers/>
  <disabled>false</disabled>
  <sources class="jenkins.branch.MultiBranchProject$BranchSourceList" plugin="branch-api@2.7">
    <data><jenkins.branch.BranchSource>
      <source class="jenkins.plugins.git.GitSCMSource" plugin="git@4.11">
        <id>6ba7b810-9dad-11d1-80b4-00c04fd430c8</id><remote>https://git.example/a.git</remote>
      </source></jenkins.branch.BranchSource></data>
    <owner class="{BRANCHES}" reference="../.."/>
  </sources>
  <factory class="org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory">
    <owner class="{BRANCHES}" reference="../.."/>
    <scriptPath>ci/Jenkinsfile</scriptPath>
  </factory>
</{BRANCHES}>"""
FOLDER = """
<com.cloudbees.hudson.plugins.folder.Folder plugin="cloudbees-folder@6.858">
  <properties/>
  <healthMetrics>
    <com.cloudbees.hudson.plugins.folder.health.WorstChildHealthMetric>
      <nonRecursive>false</nonRecursive>
    </com.cloudbees.hudson.plugins.folder.health.WorstChildHealthMetric>
  </healthMetrics>
  <icon class="com.cloudbees.hudson.plugins.folder.icons.StockFolderIcon"/>
</com.cloudbees.hudson.plugins.folder.Folder>"""
BUILT = """
<flow-definition plugin="workflow-job@1385">
  <actions>
    <org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction>
      <jobProperties/><triggers><string>hudson.triggers.TimerTrigger</string></triggers>
      <parameters/><options/>
    </org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction>
  </actions>
  <properties>
    <org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty>
      <triggers><hudson.triggers.TimerTrigger><spec>@daily</spec></hudson.triggers.TimerTrigger>
      </triggers>
    </org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty>
  </properties>
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">
    <script>pipeline {}</script><sandbox>true</sandbox>
  </definition>
</flow-definition>"""
PROJECT = "<project><canRoam>true</canRoam>{}</project>"
# A config as a server has it, and what its template says.
SAVED_BY_A_SERVER = {
    "git of a form": (
        PROJECT.format(GIT_OF_A_FORM),
        (
            '      name: ""\n      refspec: ""\n',
            '      git-tool: ""\n',
            '      browser: githubweb\n      browser-url: "https://git.example/a"\n',
            "      depth: 3\n",
        ),
    ),
    "an elastic timeout": (
        PROJECT.format(TIMEOUT),
        ("      type: elastic\n", "      elastic-percentage: 150\n", "      fail: true\n"),
    ),
    "one of two options": (PROJECT.format(GROOVY), ("  - groovy:\n      command: println 1\n",)),
    "what is excluded": (PROJECT.format(CLEANUP), ('      exclude:\n        - ".git/**"\n',)),
    "words of a list, in another order": (
        PROJECT.format(MAIL),
        ("      send-to:\n        - culprits\n        - recipients\n",),
    ),
    "a review's events": (
        PROJECT.format(GERRIT),
        (
            "          file-paths:\n            - pattern: a.c\n",
            "      trigger-on:\n        - ref-updated-event\n        - patchset-created-event:\n"
            "            exclude-drafts: true\n        - comment-added-event:\n"
            "            approval-category: Verified\n",
        ),
    ),
    "a list of mappings": (
        PROJECT.format(ANSIBLE),
        (
            '        - name: size\n          value: "7"\n          hidden: true\n',
            "        - name: place\n          value: here\n",
        ),
    ),
    "several checkouts": (
        PROJECT.format(f'<scm class="{SEVERAL}"><scms>{PARTS}</scms></scm>'),
        ("scm:\n  - git:\n", "basedir: one\n", "basedir: two\n"),
    ),
    "no flag that is true where it is absent": (
        PROJECT.format(FLAGS.format("", "")),
        ("  - maven-target:\n      goals: clean\n", '  - build-name:\n      name: "#1"\n'),
    ),
    "the flags that are false": (
        PROJECT.format(FLAGS.format(INJECT_NO, "<runAtStart>false</runAtStart>")),
        ("      run-at-start: false\n",),
    ),
    "no label, may not roam": (
        "<project><canRoam>false</canRoam></project>",
        ("node: built-in\n",),
    ),
    "an idle property": (
        PROJECT.format(
            "<properties><com.sonyericsson.rebuild.RebuildSettings/><hudson.plugins.jira."
            "JiraProjectProperty><siteName>x</siteName></hudson.plugins.jira.JiraProjectProperty>"
            "</properties>"
        ),
        (),
    ),
    "fields without an option": (
        PROJECT.format("<keepDependencies>true</keepDependencies><odd><a>1</a></odd>"),
        ("raw:\n  # Kept as raw XML: keepDependencies\n  - xml: |\n",),
    ),
    "Maven": (
        MAVEN,
        (
            "  goals: clean install\n",
            "  root-pom: sub/pom.xml\n",
            "    group-id: org.example\n",
            "  automatic-archiving: false\n",
            "  post-step-run-condition: SUCCESS\n",
            "postbuilders:\n  - shell: make\n",
        ),
    ),
    "multibranch": (
        MULTIBRANCH,
        ("project-type: multibranch\n", "script-path: ci/Jenkinsfile\n", "days-to-keep: 7\n"),
    ),
    "a folder's health": (FOLDER, ("project-type: folder\n",)),
    "a pipeline that was built": (BUILT, ('dsl: "pipeline {}"\n',)),
}
# What of them stays raw XML.
KEPT = {
    "the flags that are false": ("hudson.tasks.Maven",),
    "an idle property": ("hudson.plugins.jira.JiraProjectProperty",),
    "fields without an option": ("keepDependencies", "odd"),
    "multibranch": (
        "healthMetrics",
        "sources of class jenkins.branch.MultiBranchProject$BranchSourceList",
    ),
    "a folder's health": ("healthMetrics",),
}


@pytest.mark.parametrize("name", SAVED_BY_A_SERVER)
def test_what_servers_save_becomes_modules(name: str, tmp_path: Path) -> None:
    """It renders equal, what builds wrote aside."""
    config, lines = SAVED_BY_A_SERVER[name]
    made = import_(config)
    template = dict(made.files)["templates/imported/a-job.yaml.j2"]
    for line in lines:
        assert line in template
    assert made.kept == KEPT.get(name, ())
    put(tmp_path, made)
    (rendered,) = render(tmp_path)
    root = parse_config(config, name="live")
    take_build_written(root)
    assert normal_of(rendered.config, name="made") == normal_of(format_config(root), name="live")


def test_what_builds_wrote_is_named_and_left_to_them() -> None:
    """An update keeps it, so it needn't be in the definition."""
    made = import_(BUILT)
    assert [tag.rpartition(".")[2] for tag in made.left] == [
        "DeclarativeJobPropertyTrackerAction",
        "TimerTrigger",
    ]
    assert "@daily" not in str(made.files)


def test_names_that_ascii_cannot_say_get_files_of_their_own() -> None:
    """Two jobs with names in Cyrillic are two files."""
    names = ("Сборка", "Тест", "Größe", "Job")
    files = [import_("<project><canRoam>true</canRoam></project>", name).files for name in names]
    assert len({path for made in files for path, _ in made}) == 2 * len(names)


SAVED = [form for form, version in FORMS if form.endswith(".saved") and version == OLD]


@pytest.mark.parametrize("form", SAVED)
def test_a_config_with_random_edits_imports_equal_or_is_refused(form: str, tmp_path: Path) -> None:
    """What jenkins-job-builder can't write is named, and most edits it can."""
    imported = 0
    for number in range(2):
        pick = random.Random(f"{form} {number}")
        root = parse_config(recorded(form), name=form)
        for _ in range(pick.randrange(1, 4)):
            pick.choice(EDITS)(root, pick.randrange)
        config = format_config(root)
        place = tmp_path / str(number)
        try:
            made = import_(config)
        except ConfigError:
            continue
        put(place, made)
        (rendered,) = render(place)
        assert normal_of(rendered.config, name=form) == normal_of(config, name=form), number
        imported += 1
    assert imported, form


TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def shell_job(*scripts: str) -> str:
    root = ET.Element("project")
    ET.SubElement(root, "canRoam").text = "true"
    builders = ET.SubElement(root, "builders")
    for script in scripts:
        ET.SubElement(ET.SubElement(builders, "hudson.tasks.Shell"), "command").text = script
    return format_config(root)


def assert_comes_back(root_of: pytest.TempPathFactory, config: str) -> Imported:
    made = import_(config)
    place = root_of.mktemp("texts")
    put(place, made)
    (rendered,) = render(place)
    assert normalise(rendered.config, name="made") == normalise(config, name="config")
    return made


TEXTS = st.text(
    st.one_of(
        st.sampled_from(list("{}%#- :'\"\\|>&*!?[],\n\t abcyn019.~$=")),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_any_text_of_a_script_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Whatever YAML or Jinja2 would take it for."""
    try:
        assert_comes_back(tmp_path_factory, shell_job(*texts))
    except ConfigError as error:
        # Noncharacters are refused by name, and so is what looks like a secret.
        refused = re.search("[\ufdd0-\ufdef\u2028]", "".join(texts)) or "secrets" in error.message
        assert refused, error.message  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    [
        "yes", "1.10", "010", "null", "~", "- x", "a: b", "# c", "*a", "{{ x }}", "{% raw %}",
        "a\n{% endraw %}\n{{ b }}", "{%- endraw -%}", "{# c #}", "${#array[@]}\n", " lead\nx",
        "\n\nx\n\n", "x\n ", "end \nx  ", "\tx\n", "'", '"', "\\", "x\x85y", "😀\n😀",
        "%}", "<<", "=", "a\r\nb", "\ufeffx",
    ],
)  # fmt: skip
def test_text_that_something_else_could_be_made_of(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is written so that nothing is."""
    assert_comes_back(tmp_path_factory, shell_job(text))


@pytest.mark.parametrize(
    "line", [f"curl -H 'Authorization: token {TOKEN}' x", "mysql --password hunter2zz"]
)
def test_a_secret_in_a_script_stops_the_import_and_is_not_shown(line: str) -> None:
    """It is told by path and line."""
    with pytest.raises(ConfigError) as caught:
        import_(shell_job("echo one", f"#!/bin/sh\n{line}"))
    message = str(caught.value)
    assert "builders/hudson.tasks.Shell[2]/command (line 2: " in message
    assert TOKEN not in message
    assert "hunter2zz" not in message


def test_a_commit_in_a_script_is_no_secret() -> None:
    """A digest looks random, and scripts pin things by it."""
    commit = "9fceb02d0ae598e95dc970b74767f19372d61af8"
    assert import_(shell_job(f"git checkout {commit}")).modules == 1
