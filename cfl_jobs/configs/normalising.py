"""Config XML → normal form: what a config means, so that two texts of one job compare equal.

Jenkins keeps a posted config as it is and rewrites it at its next save or restart, so one job has
several texts. The rules that make them equal:

- The order of fields doesn't count (XStream writes a class's fields in its own order); the order
  of a list's elements does, apart from the few lists that are sets (`normalform.SETS`).
- A field that is `false` or empty is as good as absent: XStream leaves an absent boolean false and
  an absent string or list null. `fields.DEFAULTS` has the fields for which absent means
  something else, by version; `TELLING` those whose presence alone means something. What is dropped
  so is kept beside by name (`Normal.defaults`). An element of a list is never dropped.
- Line ends don't count: a browser's form sends CR LF, and a save in the UI keeps them (`&#xd;`).
- `plugin="name@version"` says who wrote an element, not what it does; it is kept beside
  (`Normal.plugin`) and doesn't count.
- What Jenkins rewrites as something else is brought to one of its forms before (see rewrites.py).

Sources: the recordings of Jenkins in tests/data/jenkins, and the classes named.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import is_encrypted
from cfl_jobs.configs.fields import defaults_for
from cfl_jobs.configs.normalform import LISTS, SECRET, SETS, Normal, canonical
from cfl_jobs.reading.versions import NEWEST

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
_PLAIN_CLASS = ("logRotator", "hudson.tasks.LogRotator")
# class= that only says how a list is kept: jenkins-job-builder's `vector` goes at every save.
_COLLECTIONS = frozenset(
    """
    vector list linked-list empty-list java.util.Collections$EmptyList
    java.util.concurrent.CopyOnWriteArrayList
    """.split()  # noqa: SIM905 - longer as a list
)
# Properties that a plugin adds to each job whose page someone saves, and that do nothing as long as
# their fields are empty, false or one of _IDLE_VALUES.
_IDLE = frozenset(
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
_IDLE_VALUES = frozenset(
    {
        ("blockLevel", "GLOBAL"),
        ("blockLevel", "UNDEFINED"),
        ("maxConcurrentPerNode", "0"),
        ("maxConcurrentTotal", "0"),
        ("scanQueueFor", "DISABLED"),
        ("throttleOption", "project"),
    }
)
_PASSWORD = ("hudson.model.PasswordParameterDefinition", "defaultValue")
_Defaults = Mapping[tuple[str, str], str]
# Names of jobs with commas: hudson.model.Items strips each name, and a rename writes "a,b".
_NAME_LISTS = frozenset({"childProjects", "projects", "upstreamProjects"})

_SHORT = 100  # characters; longer texts are seldom the same
_LIST_ITEM = re.compile(r"[.]|^(string|int|long|boolean|entry|a|null|permission)$|^[A-Z]")


def make_normal(root: ET.Element, versions: Mapping[str, str] = NEWEST) -> Normal:
    """Return the normal form of a config that rewrites.rewrite has changed for these versions."""
    return _normal(root, "", defaults_for(versions))


def absent_value(kind: str, tag: str, versions: Mapping[str, str] = NEWEST) -> str:
    """Return what it means that an element of a class doesn't have a flag."""
    plain = "false" if tag not in TEXTS | TELLING else ""
    return defaults_for(versions).get((kind, tag), plain)


def _normal(element: ET.Element, parent: str, known: _Defaults) -> Normal:
    tag = element.tag
    attributes = _attributes(element)
    kind = dict(attributes).get("class", tag)
    children, defaults = _children(element, kind, known)
    text = (element.text or "").replace("\r\n", "\n")
    secrets: tuple[str, ...] = ()
    if len(element) or tag in LISTS:
        text = text.strip() and text
    elif (
        (parent, tag) == _PASSWORD
        or tag == "authToken"  # of remote builds, plain until Jenkins 2.568 saves it
        or ("{" in text and is_encrypted(text))
    ):
        secrets = tuple(filter(None, [text]))
        text = SECRET
    elif tag in _NAME_LISTS:
        text = ",".join(filter(None, map(str.strip, text.split(","))))
    return Normal(tag, attributes, text, children, element.get("plugin", ""), secrets, defaults)


def _attributes(element: ET.Element) -> tuple[tuple[str, str], ...]:
    """Return the attributes that count."""
    silent = {"plugin"}
    declared = element.get("class")
    if declared in _COLLECTIONS or (element.tag, declared) == _PLAIN_CLASS:
        silent.add("class")
    return tuple(sorted(each for each in element.attrib.items() if each[0] not in silent))


def _children(
    element: ET.Element, kind: str, known: _Defaults
) -> tuple[tuple[Normal, ...], tuple[str, ...]]:
    """Return the children that say something, and the tags of those that don't."""
    if not len(element):
        return (), ()
    tags = [child.tag for child in element]
    counts = Counter(tags) if len(set(tags)) < len(tags) else {}
    is_list, is_property = element.tag in LISTS, element.tag == "properties"
    fields: list[Normal] = []
    items: list[Normal] = []
    defaults: list[str] = []
    for child in element:
        tag, text = child.tag, child.text or ""
        absent = known.get((kind, tag))
        if child.attrib or len(child) or len(text) >= _SHORT:
            normal = _normal(child, kind, known)
            is_default, is_item = _is_default(normal, absent), _is_item(tag)
        else:
            normal, is_default, is_item = _leaf(tag, text, kind, absent)
        if is_property and _is_idle(normal):
            continue
        if is_list or is_item or (counts and counts[tag] > 1):
            items.append(normal)
        elif is_default:
            defaults.append(tag)
        else:
            fields.append(normal)
    if element.tag in SETS or kind == "hudson.security.AuthorizationMatrixProperty":
        items.sort(key=lambda item: (item.tag, "".join(canonical(item))))
    fields.sort(key=attrgetter("tag"))  # no two have the same
    return (*fields, *items), tuple(defaults)


@lru_cache(maxsize=4096)
def _leaf(tag: str, text: str, parent: str, absent: str | None) -> tuple[Normal, bool, bool]:
    """Return a plain field and whether it says nothing, or is an item of a list.

    Such are most of a config, and ever the same.
    """
    element = ET.Element(tag)
    element.text = text
    normal = _normal(element, parent, {})
    return normal, _is_default(normal, absent), _is_item(tag)


@lru_cache(maxsize=4096)
def _is_item(tag: str) -> bool:
    return _LIST_ITEM.search(tag) is not None


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
    return normal.tag in _IDLE and all(
        (child.tag, child.text) in _IDLE_VALUES and not child.children for child in normal.children
    )
