"""jobs/*.yaml → definitions: which jobs and views are asked for, with which variables.

Input: the project's directory. Output: `Definitions`, with every finding; nothing is rendered yet.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfl_jobs.errors import CflJobsError, Finding, Origin, Position, nearest, suggest
from cfl_jobs.reading import JOBS
from cfl_jobs.reading.inventory import Inventory, read_inventory
from cfl_jobs.reading.located_yaml import Sources, load_yaml
from cfl_jobs.reading.names import find_name_problem
from cfl_jobs.reading.tracking import TrackedDict, TrackedList, entries_of
from cfl_jobs.target import Kind, check_url, has_login

SETTINGS = "settings"
PLUGINS = "plugins"
_LISTS = {"jobs": Kind.JOB, "views": Kind.VIEW}
_FILE_KEYS = ("template", "defaults", "jobs", "views")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PROJECT = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?)?")
_RESERVED = frozenset({"settings", "chain", "script", "refuse"})


@dataclass(frozen=True, slots=True)
class Definition:
    """One entry of a `jobs:` or `views:` list.

    `group` is the file's stem; `variables` holds the entry's keys, `name` among them, over its
    file's defaults. `moved_from` are names it had before.
    """

    kind: Kind
    group: str
    template: str
    template_position: Position
    name: str
    position: Position
    variables: TrackedDict
    moved_from: tuple[str, ...] = ()

    @property
    def name_position(self) -> Position:
        return self.variables.value_positions["name"]

    @property
    def origin(self) -> Origin:
        """Who asked for what is wrong in a template."""
        return Origin(f"for the {self.kind.value} {self.name!r} at", self.position)


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that jobs/*.yaml say. `defaults` are the files' shared variables, by group."""

    sources: Sources
    settings: TrackedDict
    inventory: Inventory | None
    entries: tuple[Definition, ...]
    defaults: Mapping[str, TrackedDict]
    findings: tuple[Finding, ...]

    @property
    def project(self) -> str:
        """The name that the marks of this project's jobs carry, "" for none."""
        return str(self.settings.get("project", ""))

    def chain(self) -> dict[str, list[TrackedDict]]:
        """Return the variables of all entries by group, in file order."""
        groups: dict[str, list[TrackedDict]] = {}
        for entry in self.entries:
            groups.setdefault(entry.group, []).append(entry.variables)
        return groups


def load_definitions(root: Path) -> Definitions:
    """Read every definition below `root`.

    Raises CflJobsError where there is no jobs/ directory; everything else that is wrong is in the
    result's findings.
    """
    if not (root / JOBS).is_dir():
        raise CflJobsError(
            f"no directory {JOBS}/ in {root.resolve()}",
            advice="Run cfl-jobs where jobs/ and templates/ are, or below, or with -C DIR.",
        )
    return _Collector(Sources(root)).collect()


def mend_key(mapping: TrackedDict, key: str, known: Collection[str]) -> str:
    """Give a key the known name that is like it and isn't there yet; return that, "" for none."""
    forward = mapping.forward
    kept = {name for name, _ in mapping.raw_items() if key in forward or name not in forward}
    near = nearest(key, [name for name in known if name not in kept])
    if near is None:
        return ""
    forward.pop(near, None)
    for places in (mapping, mapping.key_positions, mapping.value_positions, forward):
        if dict.__contains__(places, key):
            dict.__setitem__(places, near, dict.pop(places, key))
    return near


class _Collector:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._findings: list[Finding] = []
        self._entries: list[Definition] = []
        self._defaults: dict[str, TrackedDict] = {}
        self._settings = TrackedDict()
        self._inventory: Inventory | None = None

    def collect(self) -> Definitions:
        read_any = False
        for path in sorted((self._sources.root / JOBS).iterdir()):
            file = f"{JOBS}/{path.name}"
            if path.suffix == ".yaml" and not path.is_dir():
                read_any = True
                self._read_file(file, path.stem)
            elif path.suffix in (".yml", ".json") or (
                path.is_dir() and (path.suffix == ".yaml" or any(path.glob("*.y*ml")))
            ):
                message = f"{file}: not read: definitions are {JOBS}/*.yaml"
                self._find(message, None, f"Move it to {JOBS}/{path.stem}.yaml.")
        advice = "README.md shows how to add a job."
        if not read_any:
            self._find(f"{JOBS}/: no *.yaml in it", None, advice)
        elif not self._entries and not self._findings:
            self._find(f"{JOBS}/: no job and no view is defined", None, advice)
        self._findings += map(self._sources.quote, _find_clashes(self._entries))
        read = self._sources, self._settings, self._inventory, tuple(self._entries)
        return Definitions(*read, self._defaults, tuple(self._findings))

    def _find(self, message: str, position: Position | None, advice: str = "") -> None:
        self._findings.append(self._sources.find(message, position, advice=advice))

    def _read_file(self, file: str, group: str) -> None:
        start = Position(file, 1)
        try:
            text = self._sources.read(file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self._find(f"can't be read: {reason}", start)
            return
        loaded = load_yaml(text, file)
        self._findings += loaded.findings
        document = loaded.value
        if document is None:
            if not loaded.findings:
                self._find("the file is empty", start, "Delete it, or add a `jobs:` list.")
        elif not isinstance(document, TrackedDict):
            message = f"a {_kind_of(document)} where a mapping is needed"
            advice = "Begin with `template:` and a `jobs:` list."
            self._find(message, getattr(document, "pos", start), advice)
        elif group == SETTINGS:
            self._settings = self._read_settings(document)
        elif group == PLUGINS:
            self._inventory, findings = read_inventory(document)
            self._findings += map(self._sources.quote, findings)
        else:
            self._read_group(document, group)

    def _read_settings(self, document: TrackedDict) -> TrackedDict:
        settings: object = document
        if not _has(document, SETTINGS) and not nearest(SETTINGS, dict(document.raw_items())):
            advice = f"Put all of this under `{SETTINGS}:`."
            self._find(f"`{SETTINGS}:` is missing", document.pos, advice)
        else:
            self._check_keys(document, (SETTINGS,), f"Put it under `{SETTINGS}:`.")
            settings = document.get(SETTINGS)
        if not isinstance(settings, TrackedDict):
            place = document.position_of(SETTINGS)
            self._find(f"`{SETTINGS}:` needs a mapping", place, "List `name: value`.")
            settings = TrackedDict(pos=document.pos)
        name = settings.get("project", "")
        if not isinstance(name, str) or not _PROJECT.fullmatch(name):
            advice = "Letters, digits, '.', '_' and '-', as in the name of a repository."
            place = settings.position_of("project")
            self._find(f"{name!r} is no name of a project", place, advice)
        if (server := settings.get("server")) is not None:
            try:
                check_url(str(server))
            except CflJobsError as error:
                place = settings.position_of("server")
                finding = Finding(error.message, place, advice=error.advice)
                if not has_login(str(server)):  # a password isn't shown
                    finding = self._sources.quote(finding)
                self._findings.append(finding)
        return settings

    def _check_keys(self, mapping: TrackedDict, known: Collection[str], advice: str) -> None:
        """Tell of keys that aren't known; what is misspelt is taken as what was meant."""
        for key, _ in mapping.raw_items():
            if key not in known:
                place = mapping.position_of(key)
                if near := mend_key(mapping, key, known):
                    self._find(f"{key!r} is misspelt", place, f"Did you mean {near!r}?")
                else:
                    self._find(f"unknown key {key!r}", place, suggest(key, known) or advice)

    def _read_group(self, document: TrackedDict, group: str) -> None:
        advice = "A file may hold `template:`, `defaults:`, and `jobs:` or `views:`."
        self._check_keys(document, _FILE_KEYS, advice)
        template = document.get("template")
        if not isinstance(template, str) or not template:
            wrong = "is missing" if template is None else "needs a file name"
            advice = f"Name a file of templates/, as in `template: {group}.yaml.j2`."
            self._find(f"`template:` {wrong}", document.position_of("template"), advice)
            return
        shared = document.get("defaults")
        if not isinstance(shared, TrackedDict):
            if shared is not None:
                message = f"`defaults:` needs a mapping, not a {_kind_of(shared)}"
                self._find(message, document.position_of("defaults"))
            shared = TrackedDict()
        self._defaults[group] = shared
        self._check_variables(shared)
        lists = [key for key in _LISTS if key in document]
        if not lists:
            self._find("no `jobs:` and no `views:`", document.pos, "Add one, or delete the file.")
        for key in lists:
            file = (_LISTS[key], group, str(template), document.value_positions["template"])
            for entry in self._entries_of(document, key):
                self._add(file, entry, shared)

    def _entries_of(self, document: TrackedDict, key: str) -> Iterator[TrackedDict]:
        entries = document.get(key)
        position = document.position_of(key)
        if not isinstance(entries, TrackedList):
            advice = "Write a list: each entry begins with `- name:`."
            self._find(f"`{key}:` needs a list, not a {_kind_of(entries)}", position, advice)
            return
        for entry, where in zip(entries, entries.entry_positions, strict=True):
            if isinstance(entry, TrackedDict):
                yield entry
            else:
                advice = "Write `- name: …` and its variables."
                self._find(f"an entry must be a mapping, not a {_kind_of(entry)}", where, advice)

    def _add(
        self, file: tuple[Kind, str, str, Position], entry: TrackedDict, shared: TrackedDict
    ) -> None:
        self._check_variables(entry)
        if not _has(entry, "name") and (key := nearest("name", dict(entry.raw_items()))):
            place = entry.position_of(key)
            mend_key(entry, key, ("name",))
            self._find(f"{key!r} is misspelt", place, "Did you mean 'name'?")
        name = entry.get("name")
        place = entry.position_of_value("name")
        if not isinstance(name, str):
            wrong = "is missing" if name is None else "needs text"
            advice = "Give the name that people will see in Jenkins."
            self._find(f"`name:` {wrong}", place, advice)
            return
        if problem := find_name_problem(name):
            advice = "Jenkins would refuse it; choose another name."
            self._find(f"{problem} in the name {name!r}", place, advice)
            return
        for key, value in entry.raw_items():
            if isinstance(dict.get(shared, key), bool) and not isinstance(value, bool):
                message = f"{key!r}: {value!r} is not true or false"
                self._find(message, entry.value_positions[key], "Write true or false.")
        inherited = [(key, value) for key, value in shared.raw_items() if not _has(entry, key)]
        variables = TrackedDict(
            [*entry.raw_items(), *inherited],
            pos=entry.pos,
            key_positions={**shared.key_positions, **entry.key_positions},
            value_positions={**shared.value_positions, **entry.value_positions},
            forward={key: shared for key, _ in inherited},
        )
        variables.note("name")
        moved = self._moved_from(variables)
        self._entries.append(Definition(*file, str(name), entry.pos, variables, moved))

    def _moved_from(self, variables: TrackedDict) -> tuple[str, ...]:
        if (moved := variables.get("moved")) is None:
            return ()
        names = entries_of(moved)
        if not all(isinstance(name, str) for name in names):
            where = variables.position_of("moved")
            self._find("`moved:` needs the old name, or a list of old names", where)
            return ()
        return tuple(map(str, names))

    def _check_variables(self, variables: TrackedDict) -> None:
        for key, _ in variables.raw_items():
            message = advice = ""
            if key in _RESERVED:
                message, advice = "is a name that templates already have", "Choose another name."
            elif not _VARIABLE.match(key):
                message = "can't be a variable: templates couldn't name it"
                advice = f"Write {re.sub('[^A-Za-z0-9_]', '_', key)!r}."
            if message:
                self._find(f"{key!r} {message}", variables.position_of(key), advice)


def _has(mapping: TrackedDict, key: str) -> bool:
    return dict.__contains__(mapping, key)


_WORDS: Mapping[type, str] = {
    type(None): "nothing",
    dict: "mapping",
    list: "list",
    bool: "truth value",
    str: "text",
}


def _kind_of(value: Any) -> str:
    return next((word for kind, word in _WORDS.items() if isinstance(value, kind)), "number")


def _find_clashes(entries: Sequence[Definition]) -> Iterator[Finding]:
    """Find what is wrong with the entries' names. Jenkins compares without regard to case."""
    seen: dict[tuple[Kind, str], Definition] = {}
    for entry in entries:
        first = seen.setdefault((entry.kind, entry.name.lower()), entry)
        if first is not entry:
            same = "the same" if first.name == entry.name else "but for its case the same"
            message = (
                f"two {entry.kind.value}s of one name: {entry.name!r} is {same} as at "
                f"{first.name_position}"
            )
            yield Finding(message, entry.name_position, advice="Rename one of them.")
    moved: dict[str, Definition] = {}
    for entry in entries:
        for old_name in entry.moved_from:
            first = moved.setdefault(old_name.lower(), entry)
            if wrong := _check_move(entry, old_name, seen, first):
                message, advice = wrong
                yield Finding(message, entry.variables.position_of("moved"), advice=advice)


def _check_move(
    entry: Definition,
    old_name: str,
    defined: dict[tuple[Kind, str], Definition],
    first: Definition,
) -> tuple[str, str] | None:
    """Return what is wrong with a rename, and what to do. `first` is who has the old name first."""
    other = defined.get((Kind.JOB, old_name.lower()))
    folder, old_folder = (name.rpartition("/")[0] for name in (entry.name, old_name))
    parent = defined.get((Kind.JOB, folder.lower()))
    if entry.kind is Kind.VIEW:
        return (
            "`moved:` is for jobs: a view has no builds to keep",
            "Leave it out; the view is made under its new name, and --prune deletes the old one.",
        )
    if other is not None and (other is not entry or old_name == entry.name):
        return (
            f"{entry.name!r} can't be what {old_name!r} was: that is defined, at "
            f"{other.name_position}",
            "Rename first, update, and define the other job after that; or leave `moved:` out.",
        )
    followed = parent is not None and old_folder in parent.moved_from
    if other is None and old_folder != folder and not followed:
        return (
            f"Jenkins can't rename {old_name!r} to {entry.name!r}: that is in another folder",
            "Move it in Jenkins, then name it so here, without `moved:`.",
        )
    if first is not entry:
        return (
            f"only one job can be what {old_name!r} was: {first.name!r} says so too",
            "Leave `moved:` out of one of them.",
        )
    return None
