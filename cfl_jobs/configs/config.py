"""A job's or view's config, as a definition makes it or as a server has it: one value for both.

Its text is parsed once, when something of it is first asked for. What of it its own builds wrote is
taken out to compare, and put back to post.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar
from xml.etree import ElementTree as ET

from cfl_jobs.configs import normalform, rewrites
from cfl_jobs.configs.configxml import (
    child_of,
    class_of_tag,
    element_paths,
    format_config,
    is_folder_tag,
    parse_config,
)
from cfl_jobs.configs.mark import (
    Fingerprint,
    Mark,
    code,
    code_of_text,
    description_of,
    fingerprint,
    join_description,
    set_description,
    split_description,
)
from cfl_jobs.configs.normalform import Normal, Reader
from cfl_jobs.errors import Position
from cfl_jobs.reading.tracking import NOWHERE, Pieces
from cfl_jobs.reading.versions import CORE, NEWEST
from cfl_jobs.target import Key, Kind

T = TypeVar("T")
PIPELINE = "flow-definition"
TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
# Properties that are lists of what may be a build's, each by itself.
_LISTS = {TRIGGERS: "triggers", _PARAMETERS: "parameterDefinitions"}
# A config that sets nothing.
NOTHING = ET.Element("project")


class Blame(NamedTuple):
    """Which place made a part of a config. `path` is as configxml.element_paths gives it.

    `pieces` tell of its text, where it comes from several places.
    """

    path: str
    position: Position
    pieces: Pieces = ()


class Steering(NamedTuple):
    """A value, at `position`, that a template read to tell whether to take what stands in these
    lines of a file: an `if` in a template, or an entry that was picked by it.
    """

    file: str
    first: int
    last: int
    position: Position

    def holds(self, place: Position) -> bool:
        return self.file == place.file and self.first <= place.line <= self.last


@dataclass(frozen=True, slots=True)
class BuildWritten:
    """An element that a build wrote, and the tags that lead from the root to where it stands.

    `is_listed` is False where no build says so.
    """

    parents: tuple[str, ...]
    element: ET.Element
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a config says, taken apart: its description without the mark, and the rest without both.

    The normal form is also without `disabled`, which is compared by itself (None: it isn't said).
    What no plugin wrote counts as Jenkins' own there.
    """

    description: str
    mark: Mark | None
    says_disabled: bool | None
    normal: Normal


@dataclass(frozen=True)
class Config:
    """A job or view. `config` is XML text; what is parsed of it raises ConfigError.

    One that was rendered has its entry's place (`definition`), the places of its parts, its
    previous names, its project ("" for none), and the paths of what jenkins-job-builder wrote by
    itself and nobody asked for (`own`).
    `versions` are those of the server it is or is to be on, by plugin or CORE. `build_written` is
    what is left out of `normal`, see `beside`.
    """

    kind: Kind
    name: str
    config: str
    definition: Position = NOWHERE
    blame: tuple[Blame, ...] = ()
    moved_from: tuple[str, ...] = ()
    project: str = ""
    own: frozenset[str] = frozenset()
    steering: tuple[Steering, ...] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: NEWEST, compare=False, repr=False)
    build_written: tuple[BuildWritten, ...] = field(default=(), compare=False, repr=False)

    @property
    def key(self) -> Key:
        return self.kind, self.name

    @property
    def normal(self) -> Normal:
        return self._parts.normal

    @property
    def mark(self) -> Mark | None:
        return self._parts.mark

    @property
    def description(self) -> str:
        return self._parts.description

    @property
    def says_disabled(self) -> bool | None:
        return self._parts.says_disabled

    @property
    def disabled(self) -> bool:
        return self.says_disabled is True

    @property
    def is_folder(self) -> bool:
        return self.kind is Kind.JOB and is_folder_tag(self.normal.tag)

    @property
    def digest(self) -> str:
        """A short digest of what people make of a job, for "is it as we left it?"."""
        return digest_of(self.beside(None).normal, is_disabled=self.disabled)

    def read(self, reader: Callable[[str, str], T]) -> T:
        """Return what a reader makes of its name and text, the first time; kept until `forget`."""
        if reader not in self._read:
            self._read[reader] = reader(self.name, self.config)
        made: T = self._read[reader]
        return made

    def forget(self) -> None:
        """Forget what readers made of it, which is large."""
        self._read.clear()

    @cached_property
    def _read(self) -> dict[Callable[[str, str], Any], Any]:
        return {}

    @cached_property
    def fingerprint(self) -> Fingerprint:
        return fingerprint(self.normal)

    def is_confirmed_by(self, mark: Mark | None) -> bool:
        """Tell whether a mark says just what it would say after an update now."""
        return (
            mark is not None
            and mark.is_verified
            and mark.applied == self.fingerprint
            and (mark.file, mark.project) == (self.definition.file, self.project)
            and mark.name == code_of_text(self.name)
            and mark.said_disabled == self.says_disabled
        )

    def parse(self) -> ET.Element:
        """Return its root, which the caller may change."""
        return parse_config(self.config, name=self.name)

    def on(self, versions: Mapping[str, str]) -> Config:
        """Return it as a server with these versions reads it."""
        if versions == self.versions:
            return self
        return replace(self, versions=versions, build_written=())

    def named(self, name: str) -> Config:
        return self if name == self.name else self._with(self._parts, name=name)

    def beside(self, desired: Config | None) -> Config:
        """Return it without what its builds wrote and `desired`, its definition, doesn't set."""
        whole = self._take_apart(self.parse()).normal if self.build_written else self.normal
        if whole.tag != PIPELINE and whole.find("actions") is None:
            return self
        root = self.parse()
        known = self.mark.kept.parts if self.mark and self.mark.kept else ()
        triggers = (part for part in whole.walk() if part.tag == TRIGGERS)
        unlisted = desired is not None and any(code(part) not in known for part in triggers)
        set_here = desired.parse() if desired else NOTHING
        written = take_build_written(root, set_here, unlisted=unlisted)
        return self._with(self._take_apart(root), build_written=written)

    def write(
        self, mark: Mark, *, disabled: bool = False, written: Sequence[BuildWritten] = ()
    ) -> str:
        """Return its text with a mark, disabled if that is to be, and with what builds wrote."""
        root = self.parse()
        set_description(root, self.describe(mark))
        if disabled:
            child_of(root, "disabled").text = "true"
        put_build_written(root, tuple(written))
        return format_config(root)

    def as_written(self, config: str, mark: Mark) -> Config:
        """Return what a text is that `write` made with nothing but a mark; it isn't parsed."""
        return self._with(replace(self._parts, mark=mark), config=config)

    def describe(self, mark: Mark) -> str:
        """Return the description with a mark."""
        return join_description(self.description, mark)

    @cached_property
    def _parts(self) -> _Parts:
        return self._take_apart(self.parse())

    def _with(self, parts: _Parts, **changes: Any) -> Config:
        """Return it with changes, and with parts that needn't be read of its text again."""
        made = replace(self, **changes)
        made.__dict__["_parts"] = parts
        return made

    def _take_apart(self, root: ET.Element) -> _Parts:
        """Return what a root says; it is used up."""
        description, mark = split_description(description_of(root))
        description = description.strip()
        set_description(root, description)
        says_disabled = None
        for element in reversed(root.findall("disabled")):  # the first one says it
            says_disabled = element.text == "true"
            root.remove(element)
        normal = normalise_element(root, self.versions)
        core = self.versions.get(CORE, "")
        if core and not normal.plugin:
            normal = replace(normal, plugin=f"{CORE}@{core}")
        return _Parts(description, mark, says_disabled, normal)

    def pieces_of(self, path: str) -> Pieces:
        """Return where the text of the element at `path` comes from, () where that isn't known."""
        return next((blame.pieces for blame in self.blame if blame.path == path), ())

    def steered(self, place: Position) -> Steering | None:
        """Return what let in what was made at a place, by the fewest lines around it, if known."""
        around = (each for each in self.steering if each.holds(place))
        return min(around, key=lambda each: each.last - each.first, default=None)

    def place_of(self, path: str) -> Position:
        """Return the place that made the element at `path`, or the nearest one around it."""
        places = {blame.path: blame.position for blame in self.blame}
        while path and path not in places:
            path = path.rpartition("/")[0]
        return places.get(path, self.definition)

    def place_of_item(self, path: str, text: str) -> Position:
        """Return the place that made an item of a list, or the first place that made part of it.

        The number in its path may be of a list that was sorted, as sets are: one that is a `text`
        is known by that.
        """
        path = self._texts.get((path.rpartition("[")[0], text), path)
        made = (b.position for b in self.blame if f"{b.path}/".startswith(f"{path}/"))
        return next(made, None) or self.place_of(path)

    @cached_property
    def _texts(self) -> Mapping[tuple[str, str], str]:
        """The paths of texts in lists, by their paths without the last number and the texts."""
        return {
            (path.rpartition("[")[0], element.text): path
            for path, element in element_paths(self.parse())
            if path.endswith("]") and element.text and not len(element)
        }

    def to_json(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in _KEPT}
        return kept | {"kind": self.kind.value, "own": sorted(self.own)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Config:
        """Return what `to_json` gave. Raises ValueError, KeyError or TypeError on anything else."""
        blame = tuple(
            Blame(path, Position(*at), tuple((offset, Position(*of)) for offset, of in pieces))
            for path, at, pieces in found["blame"]
        )
        return cls(
            **{name: found[name] for name in ("name", "config", "project")},
            kind=Kind(found["kind"]),
            definition=Position(*found["definition"]),
            blame=blame,
            moved_from=tuple(found["moved_from"]),
            own=frozenset(found["own"]),
            steering=tuple(Steering(a, b, c, Position(*at)) for a, b, c, at in found["steering"]),
        )


# Fields that `to_json` keeps as they are.
_KEPT = ("name", "config", "definition", "moved_from", "project", "blame", "steering")


def normalise(config: str, *, name: str, versions: Mapping[str, str] = NEWEST) -> Normal:
    """Return the normal form of a job's or view's config. Raises ConfigError on bad XML.

    `versions` are those of the server that reads it, by plugin or versions.CORE.
    """
    return normalise_element(parse_config(config, name=name), versions)


def normalise_element(root: ET.Element, versions: Mapping[str, str] = NEWEST) -> Normal:
    """Return the normal form of a parsed config; the element is used up."""
    reader = _reader_for(normalform.DEFAULTS, rewrites.REWRITES, frozenset(versions.items()))
    return reader.read_root(root)


@lru_cache(maxsize=8)
def _reader_for(
    defaults: tuple[normalform.Default, ...],
    rules: tuple[rewrites.Rewrite, ...],
    versions: frozenset[tuple[str, str]],
) -> Reader:
    return Reader(normalform.defaults_by(defaults, versions), rewrites.rules_of(rules, versions))


def digest_of(normal: Normal, *, is_disabled: bool) -> str:
    return normal.digest[:16] + "d" * is_disabled


def take_build_written(
    root: ET.Element, beside: ET.Element = NOTHING, *, unlisted: bool = False
) -> tuple[BuildWritten, ...]:
    """Take what builds wrote out of a job's config and return it.

    Builds write `<actions>`, and those of a pipeline the properties, triggers and parameters that
    its Jenkinsfile declares, with a list of them: DeclarativeJobPropertyTrackerAction (pipeline-
    model-definition) and JobPropertyTrackerAction (workflow-multibranch). A job without those stops
    its timer until a person starts it once.
    What `beside`, a config as its definition makes it, sets itself stays. `unlisted` also takes a
    pipeline's triggers where no build left a list of what it wrote.
    """
    trackers = [a for a in root.findall("actions/*") if a.tag.endswith("PropertyTrackerAction")]
    classes: set[str | None] = set()
    entries: set[str | None] = set()
    told = {"triggers": entries, "parameters": entries}
    for tracked in (tracked for tracker in trackers for tracked in tracker):
        told.get(tracked.tag, classes).update(inner.text or "" for inner in tracked)
    if unlisted and not trackers:
        classes.add(TRIGGERS)
    taken: list[BuildWritten] = []
    actions, properties = root.find("actions"), root.find("properties")
    if actions is not None and beside.find("actions/*") is None:
        taken += [BuildWritten(("actions",), action) for action in actions]
        root.remove(actions)
    if root.tag != PIPELINE or properties is None:
        return tuple(taken)
    for element in list(properties):
        is_written = class_of_tag(element.tag) in classes
        is_set_here = beside.find(f"properties/{element.tag}") is not None
        if element.tag in _LISTS:
            parents = ("properties", element.tag, _LISTS[element.tag])
            there = beside.findall("/".join((*parents, "*")))
            set_here = {entry.findtext("name") or entry.tag for entry in there}
            listed, before = element.findall(parents[-1]), len(taken)
            for entry in [entry for entries_ in listed[:1] for entry in entries_]:
                name = entry.findtext("name")
                is_told = is_written or not entries.isdisjoint((class_of_tag(entry.tag), name))
                if is_told and (name or entry.tag) not in set_here:
                    listed[0].remove(entry)
                    taken.append(BuildWritten(parents, entry, bool(trackers)))
            # A list that is empty now goes too.
            is_written = len(taken) > before and not any(map(len, listed))
        elif is_written and not is_set_here:
            taken.append(BuildWritten(("properties",), element))
        if is_written and not is_set_here:
            properties.remove(element)
    return tuple(taken)


def put_build_written(root: ET.Element, written: tuple[BuildWritten, ...]) -> None:
    """Put what builds wrote into a config that doesn't have it."""
    for each in written:
        place = root
        for tag in each.parents:
            place = child_of(place, tag)
        place.append(each.element)


def keep_build_written(config: str, live: str, *, name: str) -> str:
    """Return an earlier config of a job with what its builds have written by now."""
    root, there = (parse_config(text, name=name) for text in (config, live))
    then = take_build_written(root)
    now = take_build_written(there, root)
    put_build_written(root, now)
    return format_config(root) if then or now else config
