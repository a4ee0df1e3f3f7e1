"""What a plan is applied to: one interface with a directory, a server and a memory version."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from cfl_jobs.errors import CflJobsError

_EXAMPLE = "It looks like https://jenkins.example.org/ or http://localhost:8080/jenkins."
# Where Jenkins keeps its own pages; what stands before is where it runs.
_PAGE = re.compile(r"/(?:(job|view|user)/[^/]+|computer|manage|configure|login)(?=/|$)")


class Kind(Enum):
    """What a config describes. A folder is a job to Jenkins."""

    JOB = "job"
    VIEW = "view"


# A job or view: its kind and its full name.
Key: TypeAlias = tuple[Kind, str]


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """A job or view as one listing request tells it.

    `name` is the full name, folders joined by "/"; `description` is "" where there is none.
    `problem` is why its config can't be read, where the listing finds that out.
    """

    name: str
    description: str = ""
    disabled: bool = False
    problem: str = ""


class Target(Protocol):
    """A place that keeps jobs and views. All methods raise TargetError and its children.

    Configs are XML text. `label` is what a person calls the place: its URL or directory.
    """

    @property
    def label(self) -> str: ...

    def list(self, kind: Kind) -> tuple[Listed, ...]: ...

    def read(self, kind: Kind, name: str) -> str:
        """Return the config. Raises Missing."""
        ...

    def create(self, kind: Kind, name: str, config: str) -> None: ...

    def update(self, kind: Kind, name: str, config: str) -> None:
        """Replace the config, whole or not at all. Raises Missing, Refused."""
        ...

    def save(self, name: str, description: str) -> None:
        """Set a job's description, which makes Jenkins rewrite its config in its own words."""
        ...

    def delete(self, kind: Kind, name: str) -> None: ...

    def rename(self, name: str, new_name: str) -> None:
        """Rename a job; its builds stay."""
        ...

    def count_builds(self, name: str) -> int: ...

    def version(self) -> str:
        """Return Jenkins' own version, as its last answer told it; "" for a directory."""
        ...

    def rewrites_late(self, version: str) -> bool:
        """Tell whether a config that was written is read as it was written until a save.

        Otherwise it is read as Jenkins made it. `version` is Jenkins' own.
        """
        ...

    def plugins(self) -> dict[str, str]:
        """Return the versions of active plugins by short name; {} for a directory."""
        ...


# The directories that -C led to, each from the one before; a person's shell is where it began.
moves: list[str] = []


def program(name: str = "cfl-jobs") -> str:
    """Return how a person calls us to work where we are: `cfl-jobs -C DIR`."""
    return " ".join([name, *(f"-C {shlex.quote(directory)}" for directory in moves)])


def name_command(verb: str, label: str = "") -> str:
    """Return how to call a verb for the target of this label: `cfl-jobs plan --home DIR`.

    Without a label it is for the server of the settings, or for none.
    """
    if not label:
        return f"{program()} {verb}"
    return f"{program()} {verb} {option_of(label)} {shlex.quote(label)}"


def option_of(label: str) -> str:
    """Return the option that names a target of this label."""
    return "--url" if is_server(label) else "--home"


def is_server(label: str) -> bool:
    """Tell a server's label, its URL, from a directory's."""
    return "://" in label


def full_label(label: str) -> str:
    """Return what a target is called wherever one stands: its URL, or the absolute directory."""
    return label if is_server(label) else str(Path(label).resolve())


def has_login(url: str) -> bool:
    return "@" in url.partition("//")[2].partition("/")[0]


def check_url(url: str) -> str:
    """Return the URL with a slash at its end. Raises CflJobsError, without showing a password."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        if host and not host.isascii():
            host.encode("idna")
    except ValueError:
        host, parts = None, urlsplit("")
    if has_login(text):
        raise CflJobsError(
            "the server's URL has a user or password in it",
            advice="Take it out; set JENKINS_USER_ID and JENKINS_API_TOKEN, or use --conf.",
        )
    if parts.scheme not in ("http", "https") or not host or not text.isprintable():
        raise CflJobsError(f"{text!r} is not the URL of a server", advice=_EXAMPLE)
    if parts.query or parts.fragment:
        raise CflJobsError(f"{text!r} is the URL of a page, not of a server", advice=_EXAMPLE)
    if page := _PAGE.search(parts.path):
        server = text[: len(text) - len(parts.path)] + parts.path[: page.start()] + "/"
        kind = {"job": "a job", "view": "a view"}.get(page[1], "a page")
        raise CflJobsError(
            f"{text!r} is the URL of {kind}, not of a server", advice=f"Use {server}."
        )
    return text.rstrip("/") + "/"
