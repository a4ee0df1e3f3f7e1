"""Config XML → normal form: what a config means, so that two texts of one job compare equal.

Jenkins keeps a posted config as it is and rewrites it at its next save or restart, so one job has
several texts. The rules that make them equal:

- The order of fields doesn't count (XStream writes a class's fields in its own order); the order
  of a list's elements does, apart from the few lists that are sets (`SETS`).
- A field that is `false` or empty is as good as absent: XStream leaves an absent boolean false and
  an absent string or list null. The table in defaults.py has the fields for which absent means
  something else, by version; `TELLING` those whose presence alone means something. What is dropped
  so is kept beside by name (`Normal.defaults`). An element of a list is never dropped.
- Line ends don't count: a browser's form sends CR LF, and a save in the UI keeps them (`&#xd;`).
- `plugin="name@version"` says who wrote an element, not what it does; it is kept beside
  (`Normal.plugin`) and doesn't count.
- What Jenkins rewrites as something else (`_REWRITES`) is brought to one of its forms.

Sources: the recordings of Jenkins in tests/data/jenkins, and the classes named.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import ENCRYPTED, parse_config
from cfl_jobs.configs.defaults import IDLE, IDLE_VALUES, defaults_for
from cfl_jobs.errors import ConfigError
from cfl_jobs.reading.versions import NEWEST

# Lists by their parent's tag, whatever their elements are called. An element of one is never
# dropped, and its order counts unless the list is in SETS.
LISTS = frozenset(
    """
    axes bindings branches builders buildWrappers choices columns conditionalbuilders configs
    extensions jobFilters jobNames operationList parameterDefinitions patterns permissions
    postbuilders prebuilders projectNameList properties publishers publisherList steps submoduleCfg
    testDataPublishers triggers userRemoteConfigs values
    """.split()  # noqa: SIM905 - longer as a list
)
# Lists that Jenkins keeps as a set, at most one of a kind or sorted by itself: a ListView's names
# (TreeSet), a job's properties and triggers (one per class, sorted by descriptor at a save in the
# UI), names that may copy artifacts, email-ext's triggers and recipients.
SETS = frozenset(
    """
    configuredTriggers jobNames projectNameList properties recipientProviders
    triggers
    """.split()  # noqa: SIM905 - longer as a list
)

# Fields of which an empty one differs from none.
TELLING = frozenset(
    {
        "block",  # parameterized-trigger: <block/> waits for the triggered builds
        "quietPeriod",
    }
)
# Fields that hold text, so that "false" is a text like any other: a script, a default.
TEXTS = frozenset(
    """
    artifacts body command content defaultSelectorXml defaultValue description filter name
    properties recipients regexp script spec subject target template text value
    """.split()  # noqa: SIM905 - longer as a list
)
# class= that only says how a list is kept: jenkins-job-builder's `vector` goes at every save.
_COLLECTIONS = frozenset(
    """
    vector list linked-list empty-list java.util.Collections$EmptyList
    java.util.concurrent.CopyOnWriteArrayList
    """.split()  # noqa: SIM905 - longer as a list
)
_PLAIN_CLASSES = frozenset({("logRotator", "hudson.tasks.LogRotator")})
# hudson.util.Secret as Jenkins stores it; its text tells nothing and may change.
_SECRET = re.compile(ENCRYPTED)
SECRET = "{secret}"  # noqa: S105 - a placeholder
_SECRET_FIELDS = frozenset({("hudson.model.PasswordParameterDefinition", "defaultValue")})
_Defaults = Mapping[tuple[str, str], str]
# A job's token for remote builds, plain until Jenkins 2.568 saves it, and what plugins call so.
_SECRET_TAGS = frozenset({"authToken"})
# Names of jobs with commas: hudson.model.Items strips each name, and a rename writes "a,b".
_NAME_LISTS = frozenset({"childProjects", "projects", "upstreamProjects"})

# Extensions of git that do their work at a moment of their own, so that their order says nothing:
# none of their hooks in git 5.10.1 works on what another one's does.
_GIT_EXTENSIONS = "hudson.plugins.git.extensions.impl."
_UNORDERED = frozenset(
    """
    AuthorInChangelog BuildChooserSetting ChangelogToBranch CheckoutOption CleanBeforeCheckout
    CloneOption DisableRemotePoll GitLFSPull IgnoreNotifyCommit LocalBranch MessageExclusion
    PathRestriction PruneStaleBranch PruneStaleTag RelativeTargetDirectory ScmName
    SparseCheckoutPaths UserExclusion UserIdentity WipeWorkspace
    """.split()  # noqa: SIM905 - longer as a list
)

_DEFAULT_CHOOSER = "hudson.plugins.git.util.DefaultBuildChooser"

# What only a folder's config from jenkins-job-builder holds: cloudbees-folder has no such fields.
_NOT_A_FOLDERS = ("canRoam", "scm", "publishers", "buildWrappers", "builders")
_FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
_MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
_OLD_VIEWS = ("views", "viewsTabBar", "primaryView")

BUILT_IN_NODE = "built-in"
_SHORT = 100  # characters; longer texts are seldom the same
_LIST_ITEM = re.compile(r"[.]|^(string|int|long|boolean|entry|a|null|permission)$|^[A-Z]")


@dataclass(frozen=True, slots=True)
class Normal:
    """One element in normal form. `plugin`, `secrets` and `defaults` tell more, and don't count.

    `kind` is the `class` attribute (or the tag, where the tag is the class), `defaults` the tags of
    fields that are there and say what their absence would.
    """

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    children: tuple[Normal, ...] = ()
    plugin: str = field(default="", compare=False)
    secrets: tuple[str, ...] = field(default=(), compare=False)
    defaults: tuple[str, ...] = field(default=(), compare=False)

    @property
    def kind(self) -> str:
        return dict(self.attributes).get("class", self.tag)

    @property
    def is_ordered(self) -> bool:
        """Whether the children are a list whose order counts."""
        return self.tag in LISTS and self.tag not in SETS

    def find(self, tag: str) -> Normal | None:
        return next((child for child in self.children if child.tag == tag), None)

    def walk(self) -> Iterator[Normal]:
        yield self
        for child in self.children:
            yield from child.walk()


def normalise(config: str, *, name: str, versions: Mapping[str, str] = NEWEST) -> Normal:
    """Return the normal form of a job's or view's config. Raises ConfigError on bad XML.

    `versions` are those of the server that reads it, by plugin or versions.CORE.
    """
    return normalise_element(parse_config(config, name=name), versions)


def normalise_element(root: ET.Element, versions: Mapping[str, str] = NEWEST) -> Normal:
    """Return the normal form of a parsed config; the element is used up."""
    for rewrite in _REWRITES:
        rewrite(root)
    return _normal(root, "", defaults_for(versions))


def absent_value(kind: str, tag: str, versions: Mapping[str, str] = NEWEST) -> str:
    """Return what it means that an element of a class doesn't have a flag."""
    plain = "false" if tag not in TEXTS | TELLING else ""
    return defaults_for(versions).get((kind, tag), plain)


def is_encrypted(text: str) -> bool:
    """Tell whether a text is a password as Jenkins stores it."""
    return _SECRET.fullmatch(text.strip()) is not None


def digest(normal: Normal) -> str:
    """Return a SHA-256 of the normal form, hexadecimal. Secrets count, plugins don't."""
    return hashlib.sha256("".join(_canonical(normal)).encode()).hexdigest()


def _canonical(normal: Normal) -> list[str]:
    """Return the pieces of a text that tells every two normal forms apart."""
    pieces: list[str] = []
    _add_canonical(normal, pieces)
    return pieces


def _add_canonical(normal: Normal, pieces: list[str]) -> None:
    # Lengths in front, so that no text can look like structure.
    pieces.append(f"<{normal.tag}")
    for key, value in normal.attributes:
        pieces.append(f" {key}={len(value)}:{value}")
    pieces.append(f">{len(normal.text)}:{normal.text}")
    for secret in normal.secrets:
        pieces.append(f"!{len(secret)}:{secret}")
    for child in normal.children:
        _add_canonical(child, pieces)
    pieces.append("/")


def _normal(element: ET.Element, parent: str, known: _Defaults) -> Normal:
    tag = element.tag
    attributes = _attributes(element) if element.attrib else ()
    kind = dict(attributes).get("class", tag) if attributes else tag
    children, defaults = _children(element, kind, known) if len(element) else ((), ())
    text = (element.text or "").replace("\r\n", "\n")
    secrets: tuple[str, ...] = ()
    if len(element) or tag in LISTS:
        text = text if text.strip() else ""
    elif (
        (parent, tag) in _SECRET_FIELDS
        or tag in _SECRET_TAGS
        or ("{" in text and is_encrypted(text))
    ):
        secrets = (text,) if text else ()
        text = SECRET
    elif tag in _NAME_LISTS:
        text = ",".join(filter(None, map(str.strip, text.split(","))))
    return Normal(tag, attributes, text, children, element.get("plugin", ""), secrets, defaults)


def _attributes(element: ET.Element) -> tuple[tuple[str, str], ...]:
    """Return the attributes that count."""
    found = {key: value for key, value in element.attrib.items() if key != "plugin"}
    declared = found.get("class", "")
    if declared in _COLLECTIONS or (element.tag, declared) in _PLAIN_CLASSES:
        del found["class"]
    return tuple(sorted(found.items()))


def _children(
    element: ET.Element, kind: str, known: _Defaults
) -> tuple[tuple[Normal, ...], tuple[str, ...]]:
    """Return the children that say something, and the tags of those that don't."""
    tags = [child.tag for child in element]
    counts = Counter(tags) if len(set(tags)) < len(tags) else {}
    is_list = element.tag in LISTS
    fields: list[Normal] = []
    items: list[Normal] = []
    defaults: list[str] = []
    for child in element:
        tag, text = child.tag, child.text or ""
        absent = known.get((kind, tag))
        if len(text) < _SHORT and not child.attrib and not len(child):
            normal, is_default = _leaf(tag, text, kind, absent)
        else:
            normal = _normal(child, kind, known)
            is_default = _is_default(normal, absent)
        if element.tag == "properties" and _is_idle(normal):
            continue
        if is_list or counts.get(tag, 1) > 1 or _is_item(tag):
            items.append(normal)
        elif is_default:
            defaults.append(tag)
        else:
            fields.append(normal)
    if element.tag in SETS or kind == "hudson.security.AuthorizationMatrixProperty":
        items.sort(key=_sort_key)
    fields.sort(key=attrgetter("tag"))  # no two have the same
    return (*fields, *items), tuple(defaults)


@lru_cache(maxsize=4096)
def _leaf(tag: str, text: str, parent: str, absent: str | None) -> tuple[Normal, bool]:
    """Return a plain field and whether it says nothing: most of a config, and ever the same."""
    element = ET.Element(tag)
    element.text = text
    normal = _normal(element, parent, {})
    return normal, _is_default(normal, absent)


@lru_cache(maxsize=4096)
def _is_item(tag: str) -> bool:
    return _LIST_ITEM.search(tag) is not None


def _sort_key(normal: Normal) -> tuple[str, str]:
    return normal.tag, "".join(_canonical(normal))


def _is_default(normal: Normal, absent: str | None) -> bool:
    """Tell whether a field says what its absence would say, where the table has that."""
    if absent is not None:
        return normal.text == absent
    if normal.tag == "scm" and normal.kind == "hudson.scm.NullSCM":
        return True
    if normal.tag in TELLING or normal.attributes or normal.children:
        return False
    return normal.text == "" or (normal.text == "false" and normal.tag not in TEXTS)


def _is_idle(normal: Normal) -> bool:
    """Tell whether a job's property does nothing."""
    return normal.tag in IDLE and all(
        (child.tag, child.text) in IDLE_VALUES and not child.children for child in normal.children
    )


def _rewrite_selectors(root: ET.Element) -> None:
    """BuildSelectorParameter.readResolve turns `defaultSelector` into text of XML.

    The text names the class by its alias, its simple name (copyartifact 722).
    """
    for parameter in root.iter("hudson.plugins.copyartifact.BuildSelectorParameter"):
        text = parameter.find("defaultSelectorXml")
        if text is None:
            continue
        try:
            selector = parse_config(text.text or "", name="defaultSelectorXml")
        except ConfigError:
            continue
        kind = selector.tag
        if "." not in kind:
            kind = f"hudson.plugins.copyartifact.{kind}"
        field_ = ET.SubElement(parameter, "defaultSelector", {"class": kind})
        field_.extend(list(selector))
        parameter.remove(text)


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


def _rewrite_git_fields(root: ET.Element) -> None:
    """GitSCM.readResolve turns old fields that say something into extensions (git 5.2.1, 5.10.1).

    An extension that is there already stays as it is (GitSCMBackwardCompatibility).
    """
    for scm in root.iter():
        if "hudson.plugins.git.GitSCM" not in (
            scm.tag,
            scm.get("class"),
        ):  # one of several, or alone
            continue
        for name, fields in _GIT_FIELDS:
            values: dict[str, str] = {}
            for old, new in fields.items():
                for found in scm.findall(old):
                    text = found.text or ""
                    values[new or old] = _negate(text) if old == "skipTag" else text
                    scm.remove(found)
            tag = f"{_GIT_EXTENSIONS}{name}"
            said = any(value not in ("", "false") for value in values.values())
            if name and said and scm.find(f"extensions/{tag}") is None:
                extensions = scm.find("extensions")
                if extensions is None:
                    extensions = ET.SubElement(scm, "extensions")
                extension = ET.SubElement(extensions, tag)
                for key, value in values.items():
                    if key != "-":
                        ET.SubElement(extension, key).text = value


def _negate(flag: str) -> str:
    return "false" if flag == "true" else "true"


# EmailType's old flags and the recipients that they became.
_RECIPIENTS = {
    "sendToDevelopers": "Developers",
    "sendToRequester": "Requester",
    "includeCulprits": "Culprits",
    "sendToRecipientList": "List",
}


def _rewrite_recipients(root: ET.Element) -> None:
    """email-ext's EmailType.readResolve adds a provider for each old flag (2.39, 1933).

    And how many failures a trigger awaits, it knows by its class (NthFailureTrigger).
    """
    for kind in ("FirstFailureTrigger", "SecondFailureTrigger"):
        for trigger in root.iter(f"hudson.plugins.emailext.plugins.trigger.{kind}"):
            _take_flag(trigger, "failureCount")
    for mail in root.iter("email"):
        for flag, name in _RECIPIENTS.items():
            if _take_flag(mail, flag):
                providers = mail.find("recipientProviders")
                if providers is None:
                    providers = ET.SubElement(mail, "recipientProviders")
                kind = f"hudson.plugins.emailext.plugins.recipients.{name}RecipientProvider"
                ET.SubElement(providers, kind)


def _rewrite_copies(root: ET.Element) -> None:
    """CopyArtifact.upgradeIfNecessary takes `projectName` for `project` (copyartifact 722).

    Unless its last part tells parameters: then it depends on what jobs there are.
    """
    for copy in root.iter("hudson.plugins.copyartifact.CopyArtifact"):
        name = copy.find("projectName")
        if name is not None and "=" not in (name.text or "").rpartition("/")[2]:
            name.tag = "project"


def _rewrite_metadata(root: ET.Element) -> None:
    """metadata 1.1, JobContributorsController: at each save it writes who saved it, and when."""
    for properties in root.findall("properties"):
        for metadata in properties.findall("job-metadata"):
            names = {value.findtext("name") for value in metadata.findall("values/*")}
            said = {flag.text for flag in metadata.iter("generated")}
            if names <= {"job-info"} and said <= {"true"}:
                properties.remove(metadata)


def _rewrite_trigger_scripts(root: ET.Element) -> None:
    """email-ext's AbstractScriptTrigger.readResolve wraps a script in an object (2017)."""
    for kind in ("ScriptTrigger", "PreBuildScriptTrigger"):
        for trigger in root.iter(f"hudson.plugins.emailext.plugins.trigger.{kind}"):
            for found in trigger.findall("triggerScript"):
                trigger.remove(found)
                secure = ET.SubElement(trigger, "secureTriggerScript")
                ET.SubElement(secure, "script").text = found.text


def _rewrite_arrays(root: ET.Element) -> None:
    """A list that code made of an array is kept as that array; any save may make it a plain one."""
    for element in root.iter():
        arrays = element.findall("a")
        if element.get("class") == "java.util.Arrays$ArrayList" and len(arrays) == len(element):
            del element.attrib["class"]
            element[:] = [item for array in arrays for item in array]


def _rewrite_timeouts(root: ET.Element) -> None:
    """build-timeout 1.41, EnvironmentImpl: without any operation the build is aborted."""
    for wrapper in root.iter("hudson.plugins.build__timeout.BuildTimeoutWrapper"):
        operations = wrapper.find("operationList")
        if operations is not None and not len(operations):
            ET.SubElement(operations, "hudson.plugins.build__timeout.operations.AbortOperation")


def _rewrite_inheritance(root: ET.Element) -> None:
    """matrix-auth 3.2, AbstractAuthorizationPropertyConverter: a job inherits by default."""
    for matrix in root.iter("hudson.security.AuthorizationMatrixProperty"):
        strategy = matrix.find("inheritanceStrategy")
        if strategy is not None and strategy.get("class", "").endswith(".InheritParentStrategy"):
            matrix.remove(strategy)


def _rewrite_maven(root: ET.Element) -> None:
    """MavenModuleSet.getRunPostStepsIfResult: FAILURE where there is none."""
    result = root.find("runPostStepsIfResult")
    if result is not None and result.findtext("name") == "FAILURE":
        root.remove(result)


def _rewrite_git_extensions(root: ET.Element) -> None:
    """Sort a git checkout's extensions whose order says nothing, and put them first."""
    for extensions in root.iter("extensions"):
        extensions[:] = sorted(extensions, key=_rank_extension)


def _rank_extension(extension: ET.Element) -> str:
    is_unordered = extension.tag.removeprefix(_GIT_EXTENSIONS) in _UNORDERED
    return extension.tag if is_unordered else "~"


_CLEANED = ("Success", "Unstable", "Failure", "NotBuilt", "Aborted")


def _rewrite_cleanups(root: ET.Element) -> None:
    """WsCleanup.readResolve takes a cleanup for no result for one of all (ws-cleanup 0.45, 0.49).

    And its older `skipWhenFailed` for one of the results that are no failure.
    """
    for cleanup in root.iter("hudson.plugins.ws__cleanup.WsCleanup"):
        said = {name for name in _CLEANED if _take_flag(cleanup, f"cleanWhen{name}")}
        said = said or set(_CLEANED)
        if _take_flag(cleanup, "skipWhenFailed"):
            said = {"Success", "Unstable"}
        for name in sorted(said):
            ET.SubElement(cleanup, f"cleanWhen{name}").text = "true"


def _rewrite_archiver(root: ET.Element) -> None:
    """At a start, ArtifactArchiver.Migrator turns `latestOnly` into a build discarder.

    And the fingerprinter's `recordBuildArtifacts` into the archiver's `fingerprint`; both of a
    job's first archiver and fingerprinter only.
    """
    archiver = root.find("publishers/hudson.tasks.ArtifactArchiver")
    fingerprinter = root.find("publishers/hudson.tasks.Fingerprinter")
    if archiver is not None and _take_flag(archiver, "latestOnly"):
        _keep_latest_artifacts_only(root)
    if fingerprinter is not None and _take_flag(fingerprinter, "recordBuildArtifacts"):
        for archiver in root.findall("publishers/hudson.tasks.ArtifactArchiver")[:1]:
            _take_flag(archiver, "fingerprint")
            ET.SubElement(archiver, "fingerprint").text = "true"


def _take_flag(element: ET.Element, tag: str) -> bool:
    """Remove a flag and return what it said."""
    found = element.findall(tag)
    for flag in found:
        element.remove(flag)
    return any(flag.text == "true" for flag in found)


def _keep_latest_artifacts_only(root: ET.Element) -> None:
    properties = root.find("properties")
    if properties is None:
        properties = ET.SubElement(root, "properties")
    discarder = properties.find("jenkins.model.BuildDiscarderProperty")
    if discarder is None:
        discarder = ET.SubElement(properties, "jenkins.model.BuildDiscarderProperty")
        strategy = ET.SubElement(discarder, "strategy", {"class": "hudson.tasks.LogRotator"})
        old = root.find("logRotator")
        for tag in ("daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep"):
            value = old.findtext(tag, "-1") if old is not None else "-1"
            ET.SubElement(strategy, tag).text = value
    number = discarder.find("strategy/artifactNumToKeep")
    if number is not None and number.text == "-1":
        number.text = "1"


def _rewrite_results(root: ET.Element) -> None:
    """hudson.model.Result: `completeBuild` follows from its name; old configs don't have it."""
    for element in root.iter():
        complete = element.find("completeBuild")
        if complete is not None and element.find("ordinal") is not None:
            element.remove(complete)


def _rewrite_folder(root: ET.Element) -> None:
    """A folder: drop what a folder hasn't, and views that only show all of its jobs.

    Its old views are read only where there are no `folderViews` (AbstractFolder.onLoad).
    """
    if root.tag not in (_FOLDER, _MULTIBRANCH):
        return
    others = ("triggers",) if root.tag == _FOLDER else ()
    old_views = _OLD_VIEWS if root.find("folderViews") is not None else ()
    for tag in (*_NOT_A_FOLDERS, *others, *old_views):
        for found in root.findall(tag):
            root.remove(found)
    views = root.findall("views/*") + root.findall("folderViews/views/*")
    shown = {root.findtext("primaryView", "All"), root.findtext("folderViews/primaryView", "All")}
    if shown == {"All"} and len(views) <= 1 and all(map(_shows_all, views)):
        for tag in (*_OLD_VIEWS, "folderViews"):
            for found in root.findall(tag):
                root.remove(found)


def _shows_all(view: ET.Element) -> bool:
    return view.tag == "hudson.model.AllView" and view.findtext("name") == "All"


def _rewrite_status_filter(root: ET.Element) -> None:
    """ListView.readResolve turns `statusFilter` into a job filter, the last one (core 2.568)."""
    for found in root.findall("statusFilter"):
        root.remove(found)
        filters = root.find("jobFilters")
        if filters is None:
            filters = ET.SubElement(root, "jobFilters")
        status = ET.SubElement(filters, "hudson.views.StatusFilter")
        ET.SubElement(status, "statusFilter").text = found.text


def _rewrite_node(root: ET.Element) -> None:
    """AbstractProject.getAssignedLabel: one that may not roam, without a label, runs there too."""
    node = root.find("assignedNode")
    if node is not None and node.text == BUILT_IN_NODE and root.findtext("canRoam") != "true":
        root.remove(node)


def _rewrite_hudson(root: ET.Element) -> None:
    """Hudson 3 writes when a job was made; no class of a job in core 2.568 has that field."""
    for found in root.findall("creationTime"):
        root.remove(found)


def _rewrite_view(root: ET.Element) -> None:
    """A view's owner is where it stands, which its name says already."""
    for owner in root.findall("owner"):
        root.remove(owner)


_REWRITES = (
    _rewrite_selectors,
    _rewrite_arrays,
    _rewrite_timeouts,
    _rewrite_inheritance,
    _rewrite_maven,
    _rewrite_git_fields,
    _rewrite_copies,
    _rewrite_metadata,
    _rewrite_recipients,
    _rewrite_trigger_scripts,
    _rewrite_git_extensions,
    _rewrite_archiver,
    _rewrite_cleanups,
    _rewrite_results,
    _rewrite_folder,
    _rewrite_status_filter,
    _rewrite_node,
    _rewrite_hudson,
    _rewrite_view,
)
