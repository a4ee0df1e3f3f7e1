"""Target: a live Jenkins ← configs, and what only a live server can tell."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.configxml import format_config, is_folder_tag, parse_config
from cfl_jobs.configs.mark import description_of, set_description, split_description
from cfl_jobs.errors import ConfigError, Missing, Refused
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import Key, Kind, Listed, check_url, name_command
from cfl_jobs.targets.answers import explain, explain_lost_login
from cfl_jobs.targets.client import FORM_TYPE, Client, RetryPolicy
from cfl_jobs.targets.credentials import Credentials, find_credentials

TIMEOUT = 60.0  # seconds for a connection, and for each pause in an answer; twice that for all
_IN_HAND = 100  # configs: far more than threads that each read a job right before they change it
_FOLDER_DEPTH = 8  # folders in folders that one listing request sees
_CREATE = {Kind.JOB: "createItem", Kind.VIEW: "createView"}
# Where a folder has its jobs or views, and what is asked of them.
_LISTED = {
    Kind.JOB: ("jobs", "description,disabled", "jobs[fullName]"),
    Kind.VIEW: ("views", "views[name,description]", "views[name,description],jobs[fullName]"),
}


def quote_name(name: str) -> str:
    return quote(name, safe="")


def path_of(kind: Kind, name: str) -> str:
    """Return the path of a job ("job/team/job/inner") or view ("job/team/view/mine")."""
    *folders, own = name.split("/")
    if any(part.strip() in ("", ".", "..") for part in (*folders, own)):
        raise Refused(f"{name!r} can't be the name of a {kind.value}", advice="Name it otherwise.")
    above = "".join(f"job/{quote_name(folder)}/" for folder in folders)
    return f"{above}{kind.value}/{quote_name(own)}"


def _folder_path(folder: str) -> str:
    """Return where a folder's own pages begin, "" for the top."""
    return folder and f"{path_of(Kind.JOB, folder)}/"


def what(kind: Kind, name: str) -> str:
    return f"{kind.value} {name!r}"


@dataclass(frozen=True, slots=True)
class Login:
    """Who Jenkins takes us for."""

    name: str
    is_anonymous: bool
    authorities: tuple[str, ...]


class JenkinsTarget:
    """A Jenkins server. Any number of threads may use it; each request has a kept connection."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        timeout: float = TIMEOUT,
        policy: RetryPolicy | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.label = check_url(url)
        self._credentials = credentials or Credentials()
        self._settings: dict[str, Any] = {"timeout": timeout, "policy": policy, "say": say}
        self._seen = _Seen(self.label, self._read)
        # What asks and posts, for what isn't about jobs and views too.
        self.client = Client(self.label, self._credentials, timeout, policy or RetryPolicy(), say)

    def __repr__(self) -> str:
        return f"JenkinsTarget({self.label!r}, {self._credentials})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections. The target can still be used."""
        self.client.close()

    def without_login(self) -> JenkinsTarget:
        """Return the same server as someone sees it who isn't logged in."""
        return JenkinsTarget(self.label, **self._settings)

    # The target's interface.

    def list(self, kind: Kind) -> tuple[Listed, ...]:
        found: list[Listed] = []
        for folder, entries in self._walk_folders(kind):
            for entry in entries:
                name = entry.get("fullName") or "/".join(filter(None, [folder, entry["name"]]))
                description = entry.get("description") or ""
                found.append(Listed(name, description, bool(entry.get("disabled", False))))
        return tuple(sorted(found))

    def read(self, kind: Kind, name: str) -> str:
        config = self._read(kind, name)
        self._seen.note(kind, name, config)
        return config

    def create(self, kind: Kind, name: str, config: str) -> None:
        folder, _, own = name.rpartition("/")
        path_of(kind, name)  # refuses names that would lead elsewhere
        path = f"{_folder_path(folder)}{_CREATE[kind]}?name={quote_name(own)}"
        is_done = partial(self._seen.is_made, kind, name, config, is_new=True)
        try:
            self.client.post(path, f"create {what(kind, name)}", config, is_done=is_done)
        except Missing as error:
            raise Refused(
                f"{self.label} can't create {what(kind, name)}: its folder is not there",
                advice="Create the folder first.",
            ) from error
        self._seen.note(kind, name, config)

    def update(self, kind: Kind, name: str, config: str) -> None:
        path = f"{path_of(kind, name)}/config.xml"
        is_done = partial(self._seen.is_made, kind, name, config)
        self.client.post(path, f"update {what(kind, name)}", config, is_done=is_done)
        self._seen.note(kind, name, config)

    def save(self, name: str, description: str) -> None:
        """Set a job's description; a folder's with all of its config, which isn't saved so.

        A folder hands submitDescription to its primary view (cloudbees-folder 6.858, 6.1100).
        """
        seen = self._seen.find(Kind.JOB, name) or self.read(Kind.JOB, name)
        if is_folder_tag(parse_config(seen, name=name).tag):
            root = parse_config(self.read(Kind.JOB, name), name=name)
            set_description(root, description)
            self.update(Kind.JOB, name, format_config(root))
            return
        job = path_of(Kind.JOB, name)
        self.client.post(
            f"{job}/submitDescription",
            f"save {what(Kind.JOB, name)}",
            f"description={quote(description, safe='')}",
            lands_on=(job,),
            is_done=partial(self._seen.is_saved, name, description),
            headers=FORM_TYPE,
        )
        self._seen.note(Kind.JOB, name)

    def delete(self, kind: Kind, name: str) -> None:
        folder = name.rpartition("/")[0]
        self.client.post(
            f"{path_of(kind, name)}/doDelete",
            f"delete {what(kind, name)}",
            lands_on=(_folder_path(folder).rstrip("/"),),
            is_done=partial(self._seen.is_made, kind, name, ""),
        )
        self._seen.note(kind, name)

    def rename(self, name: str, new_name: str) -> None:
        folder, _, own = new_name.rpartition("/")
        if folder != name.rpartition("/")[0]:
            raise Refused(
                f"{name!r} can't be renamed to {new_name!r}: that is in another folder",
                advice="Move it in Jenkins, then name it so in the definition.",
            )

        def is_renamed() -> bool:
            return self._find_name(new_name) == own and self._find_name(name) is None

        self.client.post(
            f"{path_of(Kind.JOB, name)}/doRename?newName={quote_name(own)}",
            f"rename {what(Kind.JOB, name)} to {new_name!r}",
            lands_on=(path_of(Kind.JOB, new_name),),
            is_done=is_renamed,
        )
        self._seen.note(Kind.JOB, new_name, self._seen.find(Kind.JOB, name))
        self._seen.note(Kind.JOB, name)

    def count_builds(self, name: str) -> int:
        path = f"{path_of(Kind.JOB, name)}/api/json?tree=allBuilds[number]"
        builds = self.client.ask_json(path, f"count the builds of {what(Kind.JOB, name)}")
        return len(builds.get("allBuilds") or ())

    def version(self) -> str:
        return self.client.version

    def rewrites_late(self, version: str) -> bool:
        """Until SECURITY-3744: weekly 2.568 and LTS 2.555.3, whose versions have three numbers."""
        first = ("2.568", "2.555.3")[version.count(".") > 1]
        return not version or is_older(version, first)

    def plugins(self) -> dict[str, str]:
        path = "pluginManager/api/json?tree=plugins[shortName,version,active]"
        found = self.client.ask_json(path, "list plugins", "plugins")["plugins"]
        return dict(sorted((one["shortName"], one["version"]) for one in found if one["active"]))

    # What only a live server can tell.

    def whoami(self) -> Login:
        path, doing = "whoAmI/api/json", "ask who we are"
        data = self.client.ask_json(path, doing, "name", "anonymous")
        if data["anonymous"] and not self._credentials.is_anonymous:
            raise explain_lost_login(self.client.asked(path, doing))
        return Login(data["name"], bool(data["anonymous"]), tuple(data.get("authorities", ())))

    def credential_ids(self) -> tuple[str, ...]:
        """Return the ids in the global domain. Raises Missing for a user who may not see them."""
        path = "credentials/store/system/domain/_/api/json?tree=credentials[id]"
        found = self.client.ask_json(path, "list credentials' ids", "credentials")["credentials"]
        return tuple(sorted(entry["id"] for entry in found))

    # Looking.

    def _read(self, kind: Kind, name: str) -> str:
        path, doing = f"{path_of(kind, name)}/config.xml", f"read {what(kind, name)}"
        answer = self.client.ask(path, doing)
        with suppress(UnicodeDecodeError):
            text = answer.body.decode("utf-8")
            if text.lstrip("\ufeff \r\n").startswith("<?xml"):
                return text
        raise explain(answer, self.client.asked(path, doing))

    def _walk_folders(self, kind: Kind) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
        """Yield each folder's name ("" for the top) with its jobs, or its views.

        One request sees folders `_FOLDER_DEPTH` deep; only deeper ones need another.
        """
        listed, fields, tree = _LISTED[kind]
        for _ in range(_FOLDER_DEPTH):
            tree = tree.replace("jobs[fullName]", f"jobs[fullName,{fields},jobs[fullName]]")
        folders = [""]
        while folders:
            folder = folders.pop()
            path = f"{_folder_path(folder)}api/json?tree={tree}"
            top = self.client.ask_json(path, f"list {kind.value}s")
            waiting = [(folder, top, 0)]
            while waiting:
                name, data, depth = waiting.pop()
                jobs = data.get("jobs", [])
                yield name, data.get(listed, [])
                if depth == _FOLDER_DEPTH:
                    folders += [job["fullName"] for job in jobs if "older" in job["_class"]]
                    continue
                waiting += [(job["fullName"], job, depth + 1) for job in jobs if "jobs" in job]

    def _find_name(self, name: str) -> str | None:
        """Return the name, without its folder, that a job has in its own case; None for no job."""
        path = f"{path_of(Kind.JOB, name)}/api/json?tree=name"
        with suppress(Missing):
            return str(self.client.ask_json(path, f"find {what(Kind.JOB, name)}", "name")["name"])
        return None


def open_server(
    url: str,
    *,
    conf: Path | None = None,
    policy: RetryPolicy | None = None,
    say: Callable[[str], None] | None = None,
) -> JenkinsTarget:
    """Return the server at a URL, with the user's credentials for it.

    `say` takes what they should know meanwhile, line by line; by default stderr does.
    """
    say = say or _say
    checked = check_url(url)
    credentials = find_credentials(checked, os.environ, conf, Path.home())
    for note in credentials.notes:
        say(note)
    return JenkinsTarget(checked, credentials, policy=policy, say=say)


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # nobody reads it
        print(line, file=sys.stderr, flush=True)


class _Seen:
    """The last configs that were read or posted. `read` asks the server; raises Missing.

    They tell whether a change whose answer was lost is made again. Between a try and the next,
    minutes may pass, in which someone else edits the job. So what is there is looked at before, and
    the change is made again only where it is still as it was.
    """

    def __init__(self, url: str, read: Callable[[Kind, str], str]) -> None:
        self._url = url
        self._read = read
        self._configs: dict[Key, str] = {}  # the oldest first
        self._noting = threading.Lock()

    def note(self, kind: Kind, name: str, config: str = "") -> None:
        """Note a config, or that it isn't known any more."""
        with self._noting:
            self._configs.pop((kind, name), None)
            if config:
                self._configs[kind, name] = config
            if len(self._configs) > _IN_HAND:
                del self._configs[next(iter(self._configs))]

    def find(self, kind: Kind, name: str) -> str:
        """Return the config that was seen last, "" if it isn't known."""
        return self._configs.get((kind, name), "")

    def is_made(self, kind: Kind, name: str, config: str, *, is_new: bool = False) -> bool:
        """Say whether a job or view was given this config, or with "" deleted.

        Raises Refused where someone else changed it meanwhile.
        """
        before = "" if is_new else self.find(kind, name)
        try:
            there = self._read(kind, name)
        except Missing:
            if config and not is_new:
                raise
            return not config
        if config and _is_same(there, config):
            return True
        if config and (before or is_new) and _is_marked(there, config, before):
            return True
        return not is_new and self._check_as_before(name, _is_same(there, before))

    def is_saved(self, name: str, description: str) -> bool:
        """Return False: to set the same description once more makes sure that it was saved.

        Raises Refused where someone else set another.
        """
        known = [description.split()]
        if before := self.find(Kind.JOB, name):
            known.append(_description_of(before))
        return self._check_as_before(name, _description_of(self._read(Kind.JOB, name)) in known)

    def _check_as_before(self, name: str, is_as_before: bool) -> bool:
        """Return False: it isn't changed yet. Raises Refused where it was changed otherwise."""
        if is_as_before:
            return False
        raise Refused(
            f"an answer was lost, and {name!r} isn't as it was before: someone else may be at work",
            advice=f"Run `{name_command('plan', self._url)}` to see how it is now.",
        )


def _is_same(one: str, other: str) -> bool:
    try:
        return one == other or normalise(one, name="one") == normalise(other, name="other")
    except ConfigError:
        return False


def _is_marked(there: str, config: str, before: str = "") -> bool:
    """Tell whether a job has the mark that this config brings, whatever Jenkins made of the rest.

    It tells nothing where the job had that `before`.
    """
    marks = [
        split_description(description_of(parse_config(text, name="config")))[1]
        for text in (there, config, before)
        if text
    ]
    return marks[0] is not None and marks[0] == marks[1] and marks[0] not in marks[2:]


def _description_of(config: str) -> list[str]:
    """Return the words of a config's description."""
    return description_of(parse_config(config, name="config")).split()
