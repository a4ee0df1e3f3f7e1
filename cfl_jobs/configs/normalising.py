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

import marshal
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
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
# Names of jobs with commas: hudson.model.Items strips each name, and a rename writes "a,b".
_NAME_LISTS = frozenset({"childProjects", "projects", "upstreamProjects"})

_SHORT = 100  # characters; longer texts are seldom the same
_MOST_KEPT = 4096  # elements
_LIST_ITEM = re.compile(r"[.]|^(string|int|long|boolean|entry|a|null|permission)$|^[A-Z]")


def absent_value(kind: str, tag: str, versions: Mapping[str, str] = NEWEST) -> str:
    """Return what it means that an element of a class doesn't have a flag."""
    plain = "false" if tag not in TEXTS | TELLING else ""
    return defaults_for(versions).get((kind, tag), plain)


# What is done at each tag and class, "" for the root, in this order.
Rules = Mapping[str | None, tuple[Callable[[ET.Element], None], ...]]
# A normal form, and whether it says nothing, or is an item of a list.
_Found = tuple[Normal, bool, bool]


class Reader:
    """Normalises configs as one server reads them: what absent fields mean there, and `rules`.

    Jobs of one template have most elements in common: each is looked at once, and is one and the
    same in all of them.
    """

    def __init__(self, known: Mapping[tuple[str, str], str], rules: Rules) -> None:
        self._known, self._rules = known, rules
        self._kept: dict[bytes, _Found] = {}

    def read_root(self, root: ET.Element) -> Normal:
        """Return the normal form of a config; the element is used up."""
        for make in self._rules[""]:
            make(root)
        self._rewrite(root)
        return self._normal(root, "")

    def _rewrite(self, element: ET.Element) -> None:
        for make in self._rules.get(element.tag, ()):
            make(element)
        for make in self._rules.get(element.get("class"), ()):
            make(element)

    def _normal(self, element: ET.Element, parent: str) -> Normal:
        attributes = _attributes(element)
        kind = dict(attributes).get("class", element.tag)
        children, defaults = self._children(element, kind)
        text, secrets = _text_of(element, parent)
        plugin = element.get("plugin", "")
        return Normal(element.tag, attributes, text, children, plugin, secrets, defaults)

    def _children(
        self, element: ET.Element, kind: str
    ) -> tuple[tuple[Normal, ...], tuple[str, ...]]:
        """Return the children that say something, and the tags of those that don't."""
        if not len(element):
            return (), ()
        found = [self._read(child, kind) for child in element]
        counts = Counter([normal.tag for normal, _, _ in found])
        is_list, is_property = element.tag in LISTS, element.tag == "properties"
        single: list[Normal] = []
        items: list[Normal] = []
        defaults: list[str] = []
        for normal, is_default, is_item in found:
            if is_property and _is_idle(normal):
                continue
            if is_list or is_item or counts[normal.tag] > 1:
                items.append(normal)
            elif is_default:
                defaults.append(normal.tag)
            else:
                single.append(normal)
        if element.tag in SETS or kind == "hudson.security.AuthorizationMatrixProperty":
            items.sort(key=lambda item: (item.tag, "".join(canonical(item))))
        single.sort(key=attrgetter("tag"))  # no two have the same
        return (*single, *items), tuple(defaults)

    def _read(self, element: ET.Element, parent: str) -> _Found:
        tag, text = element.tag, element.text or ""
        is_plain = not (len(element) or element.keys() or len(text) >= _SHORT)
        if is_plain and tag not in self._rules:
            return _leaf(tag, text, parent, self._known.get((parent, tag)))
        key = _key_of(element, parent)
        found = self._kept.get(key)
        if found is None:
            self._rewrite(element)
            normal = self._normal(element, parent)
            absent = self._known.get((parent, normal.tag))
            found = normal, _is_default(normal, absent), _is_item(normal.tag)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = found
        return found


def _key_of(element: ET.Element, parent: str) -> bytes:
    """Return a digest of an element and of all in it."""
    inside = [(each.tag, each.text, len(each), each.items()) for each in element.iter()]
    try:
        key = marshal.dumps((parent, inside), 0)  # 0: the same for equal texts
    except ValueError:  # a text that knows where it comes from, as jenkins-job-builder was given it
        key = repr((parent, inside)).encode()
    return sha256(key).digest()


def _text_of(element: ET.Element, parent: str) -> tuple[str, tuple[str, ...]]:
    """Return the text that counts, and the secret that it stands for."""
    tag, text = element.tag, (element.text or "").replace("\r\n", "\n")
    if len(element) or tag in LISTS:
        return text.strip() and text, ()
    # authToken: of remote builds, plain until Jenkins 2.568 saves it
    is_secret = (parent, tag) == _PASSWORD or tag == "authToken"
    if is_secret or ("{" in text and is_encrypted(text)):
        return SECRET, tuple(filter(None, [text]))
    if tag in _NAME_LISTS:
        return ",".join(filter(None, map(str.strip, text.split(",")))), ()
    return text, ()


def _attributes(element: ET.Element) -> tuple[tuple[str, str], ...]:
    """Return the attributes that count."""
    silent = {"plugin"}
    declared = element.get("class")
    if declared in _COLLECTIONS or (element.tag, declared) == _PLAIN_CLASS:
        silent.add("class")
    return tuple(sorted(each for each in element.items() if each[0] not in silent))


@lru_cache(maxsize=4096)
def _leaf(tag: str, text: str, parent: str, absent: str | None) -> _Found:
    """Return a plain field. Such are most of a config, and ever the same."""
    element = ET.Element(tag)
    element.text = text
    counted, secrets = _text_of(element, parent)
    normal = Normal(tag, text=counted, secrets=secrets)
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
