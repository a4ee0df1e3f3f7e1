"""A target in memory, for tests: keeps configs as they are given, and counts what it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from xml.etree import ElementTree as ET

from cfl_jobs.configs.configxml import format_config, parse_config
from cfl_jobs.errors import Missing, Refused
from cfl_jobs.target import Kind, Listed


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class MemoryTarget:
    """Jobs and views in a dict. `normalise` plays what Jenkins makes of a job when it saves it.

    Since LTS 2.555.3 it does so at once; before, a job is kept as it was posted (`stores_posted`).
    """

    def __init__(
        self,
        *,
        normalise: Callable[[str], str] = lambda config: config,
        plugins: dict[str, str] | None = None,
    ) -> None:
        self.configs: dict[tuple[Kind, str], str] = {}
        self.builds: dict[str, int] = {}
        self.requests: list[tuple[str, str]] = []
        self.normalise = normalise
        self.installed = plugins or {}
        self.core = ""
        self.stores_posted = True
        # Whether a renamed job's new name is written into what names it, as Jenkins does.
        self.follows_renames = False
        self._lock = threading.RLock()
        # Called before each request is carried out; may raise, to play an accident.
        self.before_request: Callable[[str, str], None] = lambda verb, name: None

    @property
    def label(self) -> str:
        return "memory"

    def list(self, kind: Kind) -> tuple[Listed, ...]:
        self._note("list", kind.value)
        found = []
        for (its_kind, name), config in sorted(self.configs.items(), key=lambda item: item[0][1]):
            if its_kind is kind:
                root = parse_config(config, name=name)
                text = root.findtext("description") or ""
                found.append(Listed(name, text, root.findtext("disabled") == "true"))
        return tuple(found)

    def read(self, kind: Kind, name: str) -> str:
        self._note("read", name)
        return self._get(kind, name)

    def create(self, kind: Kind, name: str, config: str) -> None:
        self._note("create", name)
        parse_config(config, name=name)
        if (kind, name) in self.configs:
            raise Refused(f"{name!r} is there already")
        folder = name.rpartition("/")[0]
        if folder and (Kind.JOB, folder) not in self.configs:
            raise Refused(f"no folder {folder!r}")
        self._put(kind, name, config)

    def update(self, kind: Kind, name: str, config: str) -> None:
        self._note("update", name)
        self._get(kind, name)
        parse_config(config, name=name)
        self._put(kind, name, config)

    def _put(self, kind: Kind, name: str, config: str) -> None:
        made = config if self.stores_posted or kind is Kind.VIEW else self.normalise(config)
        self.configs[kind, name] = made

    def save(self, name: str, description: str) -> None:
        self._note("save", name)
        root = parse_config(self._get(Kind.JOB, name), name=name)
        element = root.find("description")
        if element is None:
            element = ET.SubElement(root, "description")
        element.text = description
        self.configs[Kind.JOB, name] = self.normalise(format_config(root))

    def delete(self, kind: Kind, name: str) -> None:
        self._note("delete", name)
        self._get(kind, name)
        for key in [key for key in self.configs if (key[1] + "/").startswith(name + "/")]:
            if key[0] is kind:
                del self.configs[key]

    def rename(self, name: str, new_name: str) -> None:
        self._note("rename", name)
        if (Kind.JOB, new_name) in self.configs:
            raise Refused(f"{new_name!r} is there already")
        self._get(Kind.JOB, name)
        for kind, its_name in list(self.configs):
            if f"{its_name}/".startswith(f"{name}/"):
                new = kind, new_name + its_name[len(name) :]
                self.configs[new] = self.configs.pop((kind, its_name))
        self.builds[new_name] = self.builds.pop(name, 0)
        if self.follows_renames:
            for key, config in self.configs.items():
                config = config.replace(f">{name}<", f">{new_name}<")
                self.configs[key] = config.replace(f">{name}/", f">{new_name}/")

    def count_builds(self, name: str) -> int:
        self._note("count_builds", name)
        return self.builds.get(name, 0)

    def version(self) -> str:
        return self.core

    def rewrites_late(self, version: str) -> bool:
        return self.stores_posted

    def plugins(self) -> dict[str, str]:
        self._note("plugins", "")
        return self.installed

    def fail(self, error: Exception, verb: str, *names: str) -> None:
        """Let requests of a kind fail, by default for every job."""

        def fail(its_verb: str, name: str) -> None:
            if its_verb == verb and (name in names or not names):
                raise error

        self.before_request = fail

    def recover(self) -> None:
        """Carry every request out again."""
        self.before_request = lambda verb, name: None

    def edit(self, name: str, old: str, new: str, *, kind: Kind = Kind.JOB) -> None:
        """Change a config the way a person on the server would."""
        config = self._get(kind, name)
        if old not in config:
            raise AssertionError(f"{old!r} is not in {name}")
        self.configs[kind, name] = config.replace(old, new, 1)

    def _get(self, kind: Kind, name: str) -> str:
        if (kind, name) not in self.configs:
            raise Missing(f"no {kind.value} {name!r}")
        return self.configs[kind, name]

    def _note(self, verb: str, name: str) -> None:
        with self._lock:
            self.requests.append((verb, name))
        self.before_request(verb, name)
