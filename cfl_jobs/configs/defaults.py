"""What it means that an element of a class lacks a field, where that is neither false nor nothing.

XStream leaves an absent field false, 0 or null, whatever the class's initialisers say; what it
means then is for the class's `readResolve` to say. One row a field, with the versions that read it
so: a class that changes its mind gets a second row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from cfl_jobs.reading.versions import ALWAYS, CORE, Span, rows_for


@dataclass(frozen=True, slots=True, eq=False)
class Default:
    """What an absent field of a class means in the versions of `span`, and how that is known."""

    kind: str
    tag: str
    value: str
    span: Span
    evidence: str


_ARCHIVER = "hudson.tasks.ArtifactArchiver"
_FINGERPRINTER = "hudson.tasks.Fingerprinter"
_GERRIT = "com.sonyericsson.hudson.plugins.gerrit.trigger.hudsontrigger.GerritTrigger"
_GERRIT_CHOOSER = f"{_GERRIT}BuildChooser"
_GIT = "hudson.plugins.git.extensions.impl."
_HTML = Span("htmlpublisher")
_HTML_REPORT = "htmlpublisher.HtmlPublisherTarget"
_MAVEN_JOB = "maven2-moduleset"
_NAGINATOR = "com.chikli.hudson.plugin.naginator.NaginatorPublisher"
_NAME_SETTER = "org.jenkinsci.plugins.buildnamesetter.BuildNameSetter"
_STRATEGY = "hudson.matrix.DefaultMatrixExecutionStrategyImpl"
_JUNIT = "hudson.tasks.junit.JUnitResultArchiver"
_RUN = "hudson.model.RunParameterDefinition"
_PUBLISH_OVER = "jenkins.plugins.publish__over__"
_WS_PATTERN = "hudson.plugins.ws__cleanup.Pattern"

DEFAULTS: tuple[Default, ...] = (
    *(
        Default(_ARCHIVER, tag, "true", Span(CORE), "ArtifactArchiver.readResolve, recorded")
        for tag in ("defaultExcludes", "caseSensitive", "followSymlinks")
    ),
    *(
        Default(_FINGERPRINTER, tag, "true", Span(CORE), "Fingerprinter.readResolve, recorded")
        for tag in ("defaultExcludes", "caseSensitive")
    ),
    Default("hudson.tasks.Maven", "injectBuildVariables", "true", Span(CORE), "Maven.readResolve"),
    *(
        Default(_NAME_SETTER, tag, "true", Span("build-name-setter"), "BuildNameSetter.readResolve")
        for tag in ("runAtStart", "runAtEnd")
    ),
    Default(
        _STRATEGY, "scheduleDelayMillis", "0", Span("matrix-project"), "recorded from version 917"
    ),
    Default(f"{_GIT}CloneOption", "depth", "1", Span("git"), "CloneOption.decorateCloneCommand"),
    Default(f"{_GIT}SubmoduleOption", "threads", "1", Span("git"), "SubmoduleOption"),
    *(
        Default(f"{_GIT}{kind}", "timeout", "10", Span("git"), "CliGitAPIImpl.TIMEOUT")
        for kind in ("CheckoutOption", "CloneOption", "SubmoduleOption")
    ),
    *(
        Default(f"{_PUBLISH_OVER}{kind}", "patternSeparator", "[, ]+", ALWAYS, "FileFinder")
        for kind in ("cifs.CifsTransfer", "ftp.BapFtpTransfer", "ssh.BapSshTransfer")
    ),
    Default(_NAGINATOR, "noChildStrategy", "RerunWhole", Span("naginator"), "its getter"),
    *(
        Default(_NAGINATOR, tag, value, Span("naginator"), "NaginatorPublisher.readResolve")
        for tag, value in (
            ("regexpForMatrixParent", "true"),
            ("regexpForMatrixStrategy", "TestParent"),
        )
    ),
    Default(_HTML_REPORT, "includes", "**/*", _HTML, "HtmlPublisherTarget.readResolve"),
    Default(
        _HTML_REPORT, "wrapperName", "htmlpublisher-wrapper.html", Span("htmlpublisher"), "gone"
    ),
    Default(_MAVEN_JOB, "blockTriggerWhenBuilding", "true", Span("maven-plugin"), "its getter"),
    *(
        Default(_GERRIT, f"{tag}ParameterMode", mode, Span("gerrit-trigger"), "its readResolve")
        for tag, mode in (
            ("changeSubject", "PLAIN"),
            ("commentText", "PLAIN"),
            ("commitMessage", "BASE64"),
            ("nameAndEmail", "PLAIN"),
        )
    ),
    Default(_GERRIT_CHOOSER, "separator", "#", Span("gerrit-trigger"), "a constant of the class"),
    Default(_JUNIT, "healthScaleFactor", "1.0", Span("junit"), "its getter, junit 1424"),
    Default(_RUN, "filter", "ALL", Span(CORE), "RunParameterDefinition.getFilter, core 2.568"),
    Default(_WS_PATTERN, "type", "INCLUDE", Span("ws-cleanup"), "Pattern.readResolve"),
)

# Properties that a plugin adds to each job whose page someone saves, and that do nothing as long as
# their fields are empty, false or one of IDLE_VALUES.
IDLE = frozenset(
    """
    com.chikli.hudson.plugin.naginator.NaginatorOptOutProperty
    com.dabsquared.gitlabjenkins.connection.GitLabConnectionProperty
    com.sonyericsson.jenkins.plugins.bfa.model.ScannerJobProperty
    com.sonyericsson.rebuild.RebuildSettings
    com.tikal.hudson.plugins.notification.HudsonNotificationProperty
    hudson.plugins.buildblocker.BuildBlockerProperty
    hudson.plugins.disk__usage.DiskUsageProperty
    hudson.plugins.throttleconcurrents.ThrottleJobProperty
    jenkins.plugins.maveninfo.config.MavenInfoJobConfig
    org.bstick12.jenkinsci.plugins.leastload.LeastLoadDisabledProperty
    org.jenkins.ci.plugins.html5__notifier.JobPropertyImpl
    org.jenkinsci.plugins.docker.workflow.declarative.FolderConfig
    org.jenkinsci.plugins.junitrealtimetestreporter.PerJobConfiguration
    org.jenkinsci.plugins.pipeline.modeldefinition.config.FolderConfig
    org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty
    org.jvnet.hudson.plugins.shelveproject.ShelveProjectProperty
    """.split()  # noqa: SIM905 - longer as a list
)
IDLE_VALUES = frozenset(
    {
        ("blockLevel", "GLOBAL"),
        ("blockLevel", "UNDEFINED"),
        ("maxConcurrentPerNode", "0"),
        ("maxConcurrentTotal", "0"),
        ("scanQueueFor", "DISABLED"),
        ("throttleOption", "project"),
    }
)


def defaults_for(versions: Mapping[str, str]) -> Mapping[tuple[str, str], str]:
    """Return what absent fields mean, by class and field, for a server's versions.

    `versions` are by plugin or CORE; what isn't listed there counts as the newest.
    """
    return _table_of(DEFAULTS, frozenset(versions.items()))


@lru_cache(maxsize=8)
def _table_of(
    rows: tuple[Default, ...], versions: frozenset[tuple[str, str]]
) -> Mapping[tuple[str, str], str]:
    held = rows_for(rows, versions)
    return MappingProxyType({(row.kind, row.tag): row.value for row in held})
