"""Config XML → normal form: what a config means, so that two texts of one job compare equal.

Jenkins keeps a posted config as it is and rewrites it at its next save or restart, so one job has
several texts. The rules that make them equal:

- The order of fields doesn't count (XStream writes a class's fields in its own order); the order
  of a list's elements does, apart from the few lists that are sets.
- A field that is `false` or empty is as good as absent: XStream leaves an absent boolean false and
  an absent string or list null. `DEFAULTS` has the fields for which absent means
  something else, by version; `TELLING` those whose presence alone means something. What is dropped
  so is kept beside by name (`Normal.defaults`). An element of a list is never dropped.
- Line ends don't count: a browser's form sends CR LF, and a save in the UI keeps them (`&#xd;`).
- `plugin="name@version"` says who wrote an element, not what it does; it is kept beside
  (`Normal.plugin`) and doesn't count.
- What Jenkins rewrites as something else is brought to one of its forms before (see rewrites.py).

Sources: the recordings of Jenkins in tests/data/jenkins, and the classes named. tags.txt says more.
"""

from __future__ import annotations

import hashlib
import marshal
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import ABSENT, TAGS, is_encrypted, read_names
from cfl_jobs.reading.versions import NEWEST, Span, rows_for

LISTS, SETS, TEXTS, TELLING = (TAGS[name] for name in ("lists", "sets", "texts", "telling"))
# What stands for a secret's text, which tells nothing and may change.
SECRET = "{secret}"  # noqa: S105 - a placeholder
_PASSWORD = ("hudson.model.PasswordParameterDefinition", "defaultValue")
_SHORT = 100  # characters; longer texts are seldom the same
_MOST_KEPT = 4096  # elements
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
    _digest: str = field(default="", init=False, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """A SHA-256 of all that counts, and of secrets, hexadecimal."""
        if not self._digest:
            made = hashlib.sha256("".join(_canonical(self)).encode()).hexdigest()
            object.__setattr__(self, "_digest", made)
        return self._digest

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
        waiting = [self]
        while waiting:
            yield (element := waiting.pop())
            waiting += reversed(element.children)


# An element that says nothing.
NOTHING = Normal("")


def _canonical(normal: Normal) -> list[str]:
    """Return the pieces of a text that tells every two normal forms apart."""
    # Lengths in front, so that no text can look like structure.
    pieces = [f"<{normal.tag}"]
    pieces += [f" {key}={len(value)}:{value}" for key, value in normal.attributes]
    pieces.append(f">{len(normal.text)}:{normal.text}")
    pieces += [f"!{len(secret)}:{secret}" for secret in normal.secrets]
    for child in normal.children:
        pieces += _canonical(child)
    pieces.append("/")
    return pieces


@dataclass(frozen=True, slots=True, eq=False)
class Default:
    """What an absent field of a class means in the versions of `span`.

    A class that changes its mind gets a second row, each with the versions that read it so.
    """

    kind: str
    tag: str
    value: str
    span: Span


DEFAULTS = tuple(Default(kind, tag, value, Span(plugin)) for kind, tag, value, plugin in ABSENT)


@lru_cache(maxsize=8)
def defaults_by(
    rows: tuple[Default, ...], versions: frozenset[tuple[str, str]]
) -> Mapping[tuple[str, str], str]:
    return {(row.kind, row.tag): row.value for row in rows_for(rows, versions)}


def absent_value(kind: str, tag: str, versions: Mapping[str, str] = NEWEST) -> str:
    """Return what it means that an element of a class doesn't have a flag."""
    plain = "false" if tag not in TEXTS | TELLING else ""
    return defaults_by(DEFAULTS, frozenset(versions.items())).get((kind, tag), plain)


# What is done at a tag or class, "" for the root, in this order.
Rules = Mapping[str | None, tuple[Callable[[ET.Element], None], ...]]
# A normal form, and whether it says nothing, or is an item of a list.
_Found = tuple[Normal, bool, bool]


class Reader:
    """Normalises configs as one server reads them: what absent fields mean there, and `rules`.

    Jobs of one template have most elements in common: each is looked at once, and is one and the
    same in all of them.
    """

    def __init__(self, absent: Mapping[tuple[str, str], str], rules: Rules) -> None:
        self._absent, self._rules = absent, rules
        self._kept: dict[bytes, _Found] = {}

    def read_root(self, root: ET.Element) -> Normal:
        """Return the normal form of a config; the element is used up."""
        for make in self._rules[""]:
            make(root)
        return self._normal(root, "")

    def _normal(self, element: ET.Element, parent: str) -> Normal:
        for make in self._rules.get(element.tag, ()):
            make(element)
        for make in self._rules.get(element.get("class"), ()):
            make(element)
        tag, declared = element.tag, element.get("class")
        is_said_anyway = declared in TAGS["collections"] or (
            (tag, declared) == ("logRotator", "hudson.tasks.LogRotator")
        )
        silent = ("plugin", "class") if is_said_anyway else ("plugin",)
        attributes = tuple(sorted(each for each in element.items() if each[0] not in silent))
        children, defaults = self._children(element, dict(attributes).get("class", tag))
        text, secrets = _text_of(element, parent)
        return Normal(tag, attributes, text, children, element.get("plugin", ""), secrets, defaults)

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
            items.sort(key=lambda item: (item.tag, "".join(_canonical(item))))
        single.sort(key=attrgetter("tag"))  # no two have the same
        return (*single, *items), tuple(defaults)

    def _read(self, element: ET.Element, parent: str) -> _Found:
        tag, text = element.tag, element.text or ""
        is_plain = not (len(element) or element.keys() or len(text) >= _SHORT)
        if is_plain and tag not in self._rules:
            return _leaf(tag, text, parent, self._absent.get((parent, tag)))
        inside = [(each.tag, each.text, len(each), each.items()) for each in element.iter()]
        try:
            told = marshal.dumps((parent, inside), 0)  # 0: the same for equal texts
        except ValueError:  # a text that knows where it comes from, as jenkins-job-builder got it
            told = repr((parent, inside)).encode()
        key = hashlib.sha256(told).digest()
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            normal = self._normal(element, parent)
            self._kept[key] = _judge(normal, self._absent.get((parent, normal.tag)))
        return self._kept[key]


def _text_of(element: ET.Element, parent: str) -> tuple[str, tuple[str, ...]]:
    """Return the text that counts, and the secret that it stands for."""
    tag, text = element.tag, (element.text or "").replace("\r\n", "\n")
    if len(element) or tag in LISTS:
        return text.strip() and text, ()
    # authToken: of remote builds, plain until Jenkins 2.568 saves it
    is_secret = (parent, tag) == _PASSWORD or tag == "authToken"
    if is_secret or ("{" in text and is_encrypted(text)):
        return SECRET, tuple(filter(None, [text]))
    if tag in TAGS["name-lists"]:
        return ",".join(read_names(text)), ()
    return text, ()


@lru_cache(maxsize=4096)
def _leaf(tag: str, text: str, parent: str, absent: str | None) -> _Found:
    """Return a plain field. Such are most of a config, and ever the same."""
    element = ET.Element(tag)
    element.text = text
    counted, secrets = _text_of(element, parent)
    return _judge(Normal(tag, text=counted, secrets=secrets), absent)


def _judge(normal: Normal, absent: str | None) -> _Found:
    """Tell of a normal form whether it says what its absence would, where the table has that."""
    if absent is not None:
        is_default = normal.text == absent
    elif normal.tag in TELLING or normal.attributes or normal.children:
        is_default = normal.tag == "scm" and normal.kind == "hudson.scm.NullSCM"
    else:
        is_default = normal.text == "" or (normal.text == "false" and normal.tag not in TEXTS)
    return normal, is_default, _LIST_ITEM.search(normal.tag) is not None


def _is_idle(normal: Normal) -> bool:
    """Tell whether a job's property does nothing."""
    return normal.tag in TAGS["idle"] and all(
        f"{child.tag}={child.text}" in TAGS["idle-values"] and not child.children
        for child in normal.children
    )
