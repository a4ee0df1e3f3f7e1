"""What Jenkins and its plugins make of a config when they read it: one row a rule.

Each rule brings what is said in an old or another way to the one that a save writes. A version that
reads it otherwise ends a row's span and begins another's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import child_of, parse_config
from cfl_jobs.configs.fields import BUILT_IN_NODE, TAGS
from cfl_jobs.errors import ConfigError
from cfl_jobs.reading.versions import CORE, Span, rows_for

Make = Callable[[ET.Element], None]

_COPY = "hudson.plugins.copyartifact."
_XVFB = "org.jenkinsci.plugins.xvfb.Xvfb"
_EMAIL = "hudson.plugins.emailext.plugins."
_SCRIPT_TRIGGERS = f"{_EMAIL}trigger.ScriptTrigger {_EMAIL}trigger.PreBuildScriptTrigger"
_NTH_FAILURES = f"{_EMAIL}trigger.FirstFailureTrigger {_EMAIL}trigger.SecondFailureTrigger"
_MATRIX = "hudson.security.AuthorizationMatrixProperty"
_CLEANUP = "hudson.plugins.ws__cleanup.WsCleanup"
_GIT_EXTENSIONS = "hudson.plugins.git.extensions.impl."
_DEFAULT_CHOOSER = "hudson.plugins.git.util.DefaultBuildChooser"
_TIMEOUT = "hudson.plugins.build__timeout."
_FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
_MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
_OLD_VIEWS = ("views", "viewsTabBar", "primaryView")
_RETENTION = ("daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep")
_CLEANED = ("Success", "Unstable", "Failure", "NotBuilt", "Aborted")
# GitSCM's old fields and the extensions that hold them now: extension, old fields, new ones ("-"
# for a flag that the extension itself stands for).
_GIT_FIELDS = (
    ("SubmoduleOption", {"disableSubmodules": "", "recursiveSubmodules": ""}),
    ("UserIdentity", {"gitConfigName": "name", "gitConfigEmail": "email"}),
    ("CloneOption", {"reference": "", "useShallowClone": "shallow"}),
    ("RelativeTargetDirectory", {"relativeTargetDir": ""}),
    ("LocalBranch", {"localBranch": ""}),
    ("ScmName", {"scmName": "name"}),
    ("UserExclusion", {"excludedUsers": ""}),
    ("PathRestriction", {"includedRegions": "", "excludedRegions": ""}),
    ("AuthorInChangelog", {"authorOrCommitter": "-"}),
    ("CleanCheckout", {"clean": "-"}),
    ("IgnoreNotifyCommit", {"ignoreNotifyCommit": "-"}),
    ("PruneStaleBranch", {"pruneBranches": "-"}),
    ("WipeWorkspace", {"wipeOutWorkspace": "-"}),
    ("PerBuildTag", {"skipTag": "-"}),
    ("", {"remotePoll": ""}),  # nothing reads it any more
    ("", {f"buildChooser[@class='{_DEFAULT_CHOOSER}']": ""}),
)
_GIT_OLD_TAGS = {old.partition("[")[0] for _, fields in _GIT_FIELDS for old in fields}
# EmailType's old flags and the recipients that they became.
_RECIPIENTS = {
    "sendToDevelopers": "Developers",
    "sendToRequester": "Requester",
    "includeCulprits": "Culprits",
    "sendToRecipientList": "List",
}
# Fields that say nothing: at which tags or classes, of which plugin ("": any), and why.
_SENSELESS = (
    ("", {"owner"}, "", "a view's: where it stands, which its name says"),
    ("", {"creationTime"}, "", "Hudson 3 wrote it; core 2.568 has no field"),
    (f"{_FOLDER} {_MULTIBRANCH}", TAGS["not-a-folders"], "cloudbees-folder", "no such fields"),
    (_FOLDER, {"triggers"}, "cloudbees-folder", "it has no such field"),
    (_NTH_FAILURES, {"failureCount"}, "email-ext", "NthFailureTrigger"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Rewrite:
    """What becomes of elements whose tag or class is `at` ("" is a config's root).

    In the versions of `span`; `evidence` is how that is known.
    """

    at: str
    make: Make
    span: Span
    evidence: str


_ROWS: list[Rewrite] = []


def _rule(places: str, plugin: str, evidence: str, *, since: str = "") -> Callable[[Make], Make]:
    """Enter a rule for elements of any of these tags or classes."""

    def enter(make: Make) -> Make:
        span = Span(plugin, since)
        _ROWS.extend(Rewrite(at, make, span, evidence) for at in places.split() or [""])
        return make

    return enter


def _take(parent: ET.Element, *paths: str) -> list[str]:
    """Remove what stands at these paths below a parent, and return its texts."""
    found = [element for path in paths for element in parent.findall(path)]
    for element in found:
        parent.remove(element)
    return [element.text or "" for element in found]


def _take_flag(element: ET.Element, tag: str) -> bool:
    """Remove a flag and return what it said."""
    return "true" in _take(element, tag)


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


@_rule(f"{_COPY}BuildSelectorParameter", "copyartifact", "its readResolve, copyartifact 722")
def _unfold_selector(parameter: ET.Element) -> None:
    """Make an element again of its text, which names the class by its simple name."""
    text = parameter.find("defaultSelectorXml")
    if text is None:
        return
    try:
        selector = parse_config(text.text or "", name="defaultSelectorXml")
    except ConfigError:
        return
    package = "" if "." in selector.tag else "hudson.plugins.copyartifact."
    made = ET.SubElement(parameter, "defaultSelector", {"class": f"{package}{selector.tag}"})
    made.extend(list(selector))
    parameter.remove(text)


@_rule(
    "hudson.plugins.git.GitSCM",
    "git",
    "GitSCM.readResolve, GitSCMBackwardCompatibility; git 5.2.1, 5.10.1",
)
def _make_extensions_of_fields(scm: ET.Element) -> None:
    """Turn old fields that say something into extensions; one that is there stays as it is."""
    if _GIT_OLD_TAGS.isdisjoint(field.tag for field in scm):
        return
    for name, fields in _GIT_FIELDS:
        values: dict[str, str] = {}
        for old, new in fields.items():
            for text in _take(scm, old):
                values[new or old] = text
        if name == "PerBuildTag":  # the old flag said the opposite
            values = {key: "false" if text == "true" else "true" for key, text in values.items()}
        tag = f"{_GIT_EXTENSIONS}{name}"
        said = any(value not in ("", "false") for value in values.values())
        if name and said and scm.find(f"extensions/{tag}") is None:
            extension = ET.SubElement(child_of(scm, "extensions"), tag)
            for key, value in values.items():
                if key != "-":
                    _add(extension, key, value)


@_rule("extensions", "git", "hooks of git 5.10.1")
def _sort_extensions(extensions: ET.Element) -> None:
    def rank(extension: ET.Element) -> str:
        short = extension.tag.removeprefix(_GIT_EXTENSIONS)
        return extension.tag if short in TAGS["unordered-extensions"] else "~"

    extensions[:] = sorted(extensions, key=rank)


@_rule("email", "email-ext", "EmailType.readResolve, email-ext 2.39, 1933")
def _name_providers(mail: ET.Element) -> None:
    for flag, name in _RECIPIENTS.items():
        if _take_flag(mail, flag):
            kind = f"{_EMAIL}recipients.{name}RecipientProvider"
            ET.SubElement(child_of(mail, "recipientProviders"), kind)


@_rule(_SCRIPT_TRIGGERS, "email-ext", "AbstractScriptTrigger, 2017")
def _wrap_script(trigger: ET.Element) -> None:
    for script in _take(trigger, "triggerScript"):
        _add(ET.SubElement(trigger, "secureTriggerScript"), "script", script)


@_rule(f"{_COPY}CopyArtifact", "copyartifact", "its upgradeIfNecessary, copyartifact 722")
def _rename_project(copy: ET.Element) -> None:
    """Unless its last part tells parameters: then it depends on what jobs there are."""
    name = copy.find("projectName")
    if name is not None and "=" not in (name.text or "").rpartition("/")[2]:
        name.tag = "project"


@_rule(f"{_XVFB}BuildWrapper", "xvfb", "Xvfb.setupBackwardCompatibility, not tried", since="1.1")
def _rename_xvfb(wrapper: ET.Element) -> None:
    wrapper.tag = _XVFB


@_rule("java.util.Arrays$ArrayList", "", "any save may write it plain")
def _flatten_array(element: ET.Element) -> None:
    arrays = element.findall("a")
    if len(arrays) == len(element):
        del element.attrib["class"]
        element[:] = [item for array in arrays for item in array]


@_rule(f"{_TIMEOUT}BuildTimeoutWrapper", "build-timeout", "EnvironmentImpl, build-timeout 1.41")
def _abort_by_default(wrapper: ET.Element) -> None:
    operations = wrapper.find("operationList")
    if operations is not None and not len(operations):
        ET.SubElement(operations, f"{_TIMEOUT}operations.AbortOperation")


@_rule(_MATRIX, "matrix-auth", "AbstractAuthorizationPropertyConverter, matrix-auth 3.2")
def _inherit_by_default(matrix: ET.Element) -> None:
    strategy = matrix.find("inheritanceStrategy")
    if strategy is not None and strategy.get("class", "").endswith(".InheritParentStrategy"):
        matrix.remove(strategy)


@_rule(_CLEANUP, "ws-cleanup", "WsCleanup.readResolve, ws-cleanup 0.45, 0.49")
def _clean_all_by_default(cleanup: ET.Element) -> None:
    said = {name for name in _CLEANED if _take_flag(cleanup, f"cleanWhen{name}")} or set(_CLEANED)
    if _take_flag(cleanup, "skipWhenFailed"):
        said = {"Success", "Unstable"}
    for name in _CLEANED:
        _add(cleanup, f"cleanWhen{name}", str(name in said).lower())


@_rule("", CORE, "ArtifactArchiver.Migrator, at a start")
def _migrate_archiver(root: ET.Element) -> None:
    """The job's first archiver and fingerprinter only."""
    archiver = root.find("publishers/hudson.tasks.ArtifactArchiver")
    fingerprinter = root.find("publishers/hudson.tasks.Fingerprinter")
    if archiver is not None and _take_flag(archiver, "latestOnly"):
        _keep_latest_artifacts_only(root)
    took = fingerprinter is not None and _take_flag(fingerprinter, "recordBuildArtifacts")
    if archiver is not None and took:
        _take(archiver, "fingerprint")
        _add(archiver, "fingerprint", "true")


def _keep_latest_artifacts_only(root: ET.Element) -> None:
    properties = child_of(root, "properties")
    discarder = properties.find("jenkins.model.BuildDiscarderProperty")
    if discarder is None:
        discarder = ET.SubElement(properties, "jenkins.model.BuildDiscarderProperty")
        strategy = ET.SubElement(discarder, "strategy", {"class": "hudson.tasks.LogRotator"})
        for tag in _RETENTION:
            _add(strategy, tag, root.findtext(f"logRotator/{tag}", "-1"))
    number = discarder.find("strategy/artifactNumToKeep")
    if number is not None and number.text == "-1":
        number.text = "1"


@_rule("", "metadata", "JobContributorsController, metadata 1.1")
def _forget_who_saved(root: ET.Element) -> None:
    for properties in root.findall("properties"):
        for metadata in properties.findall("job-metadata"):
            names = {value.findtext("name") for value in metadata.findall("values/*")}
            said = {flag.text for flag in metadata.iter("generated")}
            if names <= {"job-info"} and said <= {"true"}:
                properties.remove(metadata)


@_rule("", "", "hudson.model.Result, follows from its name")
def _forget_completeness(root: ET.Element) -> None:
    if next(root.iter("completeBuild"), None) is not None:
        for element in root.findall(".//ordinal/.."):
            _take(element, "completeBuild")


@_rule(f"{_FOLDER} {_MULTIBRANCH}", "cloudbees-folder", "AbstractFolder.onLoad")
def _forget_own_views(folder: ET.Element) -> None:
    """Its views that only show all jobs; old ones are read only where there are no new ones."""
    if folder.find("folderViews") is not None:
        _take(folder, *_OLD_VIEWS)
    views = folder.findall("views/*") + folder.findall("folderViews/views/*")
    shown = {folder.findtext(f"{path}primaryView", "All") for path in ("", "folderViews/")}
    kinds = [(view.tag, view.findtext("name")) for view in views]
    if shown == {"All"} and kinds in ([], [("hudson.model.AllView", "All")]):
        _take(folder, *_OLD_VIEWS, "folderViews")


@_rule("", CORE, "ListView.readResolve, core 2.568")
def _make_filter_of_status(root: ET.Element) -> None:
    """The last one of its filters."""
    for wanted in _take(root, "statusFilter"):
        filters = child_of(root, "jobFilters")
        _add(ET.SubElement(filters, "hudson.views.StatusFilter"), "statusFilter", wanted)


@_rule("", "maven-plugin", "MavenModuleSet.getRunPostStepsIfResult")
def _fail_by_default(root: ET.Element) -> None:
    if root.findtext("runPostStepsIfResult/name") == "FAILURE":
        _take(root, "runPostStepsIfResult")


@_rule("", CORE, "AbstractProject.getAssignedLabel")
def _stay_by_default(root: ET.Element) -> None:
    node = root.find("assignedNode")
    if node is not None and node.text == BUILT_IN_NODE and root.findtext("canRoam") != "true":
        root.remove(node)


def _enter_removal(places: str, tags: Collection[str], plugin: str, evidence: str) -> None:
    @_rule(places, plugin, evidence)
    def remove(parent: ET.Element) -> None:
        _take(parent, *tags)


for _row in _SENSELESS:
    _enter_removal(*_row)
REWRITES = tuple(_ROWS)


def rules_of(
    rows: tuple[Rewrite, ...], versions: frozenset[tuple[str, str]]
) -> Mapping[str | None, tuple[Make, ...]]:
    """Return what is done at each tag and class for these versions, in the table's order."""
    found: dict[str | None, tuple[Make, ...]] = {"": ()}
    for row in rows_for(rows, versions):
        found[row.at] = (*found.get(row.at, ()), row.make)
    return found
