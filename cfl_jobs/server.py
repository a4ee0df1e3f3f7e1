"""Target: a live Jenkins ← configs, through python-jenkins and nothing else.

python-jenkins' own create_job and the like ask twice more around each change and lose what the
server answered, so its `jenkins_request` is used with the requests that are needed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import jenkins
import requests
import urllib3

from cfl_jobs.addresses import check_url, leads_to, path_of, quote_name, what
from cfl_jobs.answers import (
    Answer,
    Asked,
    explain,
    explain_page,
    explain_redirect,
    is_starting,
    wants_crumb,
)
from cfl_jobs.credentials import Credentials, find_credentials
from cfl_jobs.errors import ConfigError, Missing, Refused, TargetError
from cfl_jobs.failures import explain_failure, is_final
from cfl_jobs.normalform import normalise
from cfl_jobs.retrying import Passing, PassingFailure, Patience, Tries
from cfl_jobs.serverfacts import Login, Node, ServerState
from cfl_jobs.target import Kind, Listed

TIMEOUT = 60.0  # seconds for a connection, and for each pause within an answer
_FOLDER_DEPTH = 8  # folders in folders that one listing request sees
_CONFIG_TYPE = {"Content-Type": "text/xml; charset=utf-8"}
_FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_NO_ANSWER = (502, 503, 504)


class _Connection(jenkins.Jenkins):  # type: ignore[misc] # python-jenkins has no types
    """One kept connection, with its session and crumb. Used by one thread at a time."""

    def __init__(self, url: str, credentials: Credentials, timeout: float) -> None:
        with _extra_headers_unsaid():
            user, token = (credentials.user, credentials.token) if credentials.user else (None,) * 2
            super().__init__(url, user, token, timeout=timeout)
        self._login = _Login(credentials)
        self._settings: dict[str, Any] | None = None
        self.crumb: dict[str, str] | bool | None = None

    def _request(self, req: requests.Request, stream: bool | None = None) -> requests.Response:
        """Send one request. A redirect is not followed: a POST would become a GET on the way."""
        req.auth = self._login
        prepared = self._session.prepare_request(req)
        if self._settings is None:  # proxies and CA of the environment: the same for each request
            self._settings = self._session.merge_environment_settings(
                prepared.url, {}, stream, self._session.verify, None
            )
        response: requests.Response = self._session.send(
            prepared, timeout=self.timeout, allow_redirects=False, **self._settings
        )
        return response

    def ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Return the answer, whatever its status. Raises what requests and urllib3 raise."""
        request = requests.Request(method, url, data=body, headers=dict(headers))
        add_crumb = method != "GET" and self.crumb is not None
        try:
            response = self.jenkins_request(request, add_crumb=add_crumb, resolve_auth=False)
        except requests.HTTPError as error:
            response = error.response
        except jenkins.JenkinsException as error:
            # python-jenkins words the answer anew; the answer itself is one step behind.
            behind = error.__context__
            if not isinstance(behind, requests.RequestException) or behind.response is None:
                raise behind or error from error
            response = behind.response
        return Answer(response.status_code, response.headers, response.content)

    def renew_crumb(self) -> Answer | None:
        """Start a new session with a crumb of its own; return the answer that stands in the way.

        python-jenkins adds the crumb to each POST from then on. It would ask for one before the
        first request of all, but an API token needs none.
        """
        self._session.cookies.clear()
        self.crumb = None
        answer = self.ask("GET", self.server + jenkins.CRUMB_URL, None, {})
        if answer.status == 404:
            self.crumb = False  # a server without crumbs
        elif answer.status == 200:
            crumb = json.loads(answer.body)
            if not isinstance(crumb, dict) or not {"crumbRequestField", "crumb"} <= set(crumb):
                raise ValueError("not a crumb")
            self.crumb = crumb
        else:
            return answer
        return None

    def close(self) -> None:
        self._session.close()


class _Login(requests.auth.AuthBase):
    """Basic authentication; without credentials none, so that ~/.netrc is not asked either."""

    def __init__(self, credentials: Credentials) -> None:
        login = (credentials.user.encode(), credentials.token.encode())
        self._add = requests.auth.HTTPBasicAuth(*login) if credentials.user else None

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._add(r) if self._add else r


class JenkinsTarget:
    """A Jenkins server. Any number of threads may use it; each request has a kept connection."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        timeout: float = TIMEOUT,
        patience: Patience | None = None,
    ) -> None:
        self._url = check_url(url)
        self._credentials = credentials or Credentials()
        self._timeout = timeout
        self._patience = patience or Patience()
        self._idle: deque[_Connection] = deque()
        self._has_answered = False
        self._is_gone = False

    def __repr__(self) -> str:
        return f"JenkinsTarget({self._url!r}, {self._credentials})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections. The target can still be used."""
        while self._idle:
            self._idle.pop().close()

    @property
    def label(self) -> str:
        return self._url

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
        path = f"{path_of(kind, name)}/config.xml"
        answer = self._ask("GET", path, f"read {what(kind, name)}")
        try:
            text = answer.body.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if not text.lstrip("\ufeff \r\n").startswith("<?xml"):
            raise explain_page(answer, self._asked(path, f"read {what(kind, name)}"))
        return text

    def create(self, kind: Kind, name: str, config: str) -> None:
        folder, _, own = name.rpartition("/")
        verb = "createItem" if kind is Kind.JOB else "createView"
        path = f"{path_of(Kind.JOB, folder) + '/' if folder else ''}{verb}?name={quote_name(own)}"
        path_of(kind, name)  # refuses names that would lead elsewhere

        def is_there() -> bool:
            try:
                there = self.read(kind, name)
                return normalise(there, name=name) == normalise(config, name=name)
            except (Missing, ConfigError):
                return False

        try:
            self._post(path, f"create {what(kind, name)}", config, is_done=is_there)
        except Missing as error:
            raise Refused(
                f"{self._url} can't create {what(kind, name)}: its folder is not there",
                advice="Create the folder first.",
            ) from error

    def update(self, kind: Kind, name: str, config: str) -> None:
        self._post(f"{path_of(kind, name)}/config.xml", f"update {what(kind, name)}", config)

    def save(self, name: str, description: str) -> None:
        job = path_of(Kind.JOB, name)
        self._post(
            f"{job}/submitDescription",
            f"save {what(Kind.JOB, name)}",
            f"description={quote(description, safe='')}",
            lands_on=job,
            headers=_FORM_TYPE,
        )

    def delete(self, kind: Kind, name: str) -> None:
        folder = name.rpartition("/")[0]
        self._post(
            f"{path_of(kind, name)}/doDelete",
            f"delete {what(kind, name)}",
            lands_on=path_of(Kind.JOB, folder) if folder else "",
            is_done=lambda: not self._exists(kind, name),
        )

    def rename(self, name: str, new_name: str) -> None:
        folder, _, own = new_name.rpartition("/")
        if folder != name.rpartition("/")[0]:
            raise Refused(
                f"{name!r} can't be renamed to {new_name!r}: that is in another folder",
                advice="Move it in Jenkins, then name it so in the definition.",
            )
        self._post(
            f"{path_of(Kind.JOB, name)}/doRename?newName={quote_name(own)}",
            f"rename {what(Kind.JOB, name)} to {new_name!r}",
            lands_on=path_of(Kind.JOB, new_name),
            is_done=lambda: not self._exists(Kind.JOB, name) and self._exists(Kind.JOB, new_name),
        )

    def count_builds(self, name: str) -> int:
        path = f"{path_of(Kind.JOB, name)}/api/json?tree=allBuilds[number]"
        builds = self._ask_json(path, f"count the builds of {what(Kind.JOB, name)}")
        return len(builds.get("allBuilds") or ())

    def plugins(self) -> dict[str, str]:
        path = "pluginManager/api/json?tree=plugins[shortName,version,active]"
        found = self._ask_json(path, "list plugins", "plugins")["plugins"]
        return {
            plugin["shortName"]: plugin["version"]
            for plugin in sorted(found, key=lambda plugin: str(plugin["shortName"]))
            if plugin["active"]
        }

    # What only a live server can tell.

    def whoami(self) -> Login:
        data = self._ask_json("whoAmI/api/json", "ask who we are", "name", "anonymous")
        return Login(data["name"], bool(data["anonymous"]), tuple(data.get("authorities", ())))

    def state(self) -> ServerState:
        path = "api/json?tree=quietingDown,useSecurity,url"
        answer = self._ask("GET", path, "ask for its state")
        data = self._parse_json(answer, self._asked(path, "ask for its state"), "quietingDown")
        version = answer.headers.get("X-Jenkins", "")
        return ServerState(
            version,
            bool(data["quietingDown"]),
            bool(data.get("useSecurity")),
            data.get("url") or "",
        )

    def executors(self) -> tuple[Node, ...]:
        """Return the server's nodes, with how many builds each runs at a time."""
        tree = "computer[displayName,numExecutors,offline,assignedLabels[name]]"
        found = self._ask_json(f"computer/api/json?tree={tree}", "list nodes", "computer")[
            "computer"
        ]
        return tuple(
            Node(
                node["displayName"],
                int(node["numExecutors"]),
                tuple(label["name"] for label in node.get("assignedLabels", ()) if label),
                bool(node["offline"]),
            )
            for node in found
        )

    def credential_ids(self) -> tuple[str, ...]:
        """Return the ids in the global domain. Raises Missing for a user who may not see them."""
        path = "credentials/store/system/domain/_/api/json?tree=credentials[id]"
        found = self._ask_json(path, "list credentials' ids", "credentials")["credentials"]
        return tuple(sorted(entry["id"] for entry in found))

    # Requests.

    def _walk_folders(self, kind: Kind) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
        """Yield each folder's name ("" for the top) with its jobs, or its views.

        One request sees folders `_FOLDER_DEPTH` deep; only deeper ones need another.
        """
        fields = "fullName,description,disabled,jobs"
        if kind is Kind.VIEW:
            fields = "fullName,views[name,description],jobs"
        tree = "jobs[fullName]"
        for _ in range(_FOLDER_DEPTH):
            tree = f"jobs[{fields}{tree.removeprefix('jobs')}]"
        tree = f"views[name,description],{tree}" if kind is Kind.VIEW else tree
        folders = [""]
        while folders:
            folder = folders.pop()
            start = f"{path_of(Kind.JOB, folder)}/" if folder else ""
            top = self._ask_json(f"{start}api/json?tree={tree}", f"list {kind.value}s")
            waiting = [(folder, top, 0)]
            while waiting:
                name, data, depth = waiting.pop()
                jobs = data.get("jobs", [])
                yield name, (jobs if kind is Kind.JOB else data.get("views", []))
                if depth == _FOLDER_DEPTH:
                    folders += [job["fullName"] for job in jobs if "older" in job["_class"]]
                    continue
                waiting += [(job["fullName"], job, depth + 1) for job in jobs if "jobs" in job]

    def _exists(self, kind: Kind, name: str) -> bool:
        try:
            self._ask_json(f"{path_of(kind, name)}/api/json?tree=name", f"find {what(kind, name)}")
        except Missing:
            return False
        return True

    def _asked(self, path: str, doing: str, *, is_write: bool = False) -> Asked:
        return Asked(self._url, self._credentials.user, doing, path, is_write)

    def _ask_json(self, path: str, doing: str, *fields: str) -> dict[str, Any]:
        """Return an object of the remote API that has these fields."""
        answer = self._ask("GET", path, doing)
        return self._parse_json(answer, self._asked(path, doing), *fields)

    def _parse_json(self, answer: Answer, asked: Asked, *fields: str) -> dict[str, Any]:
        try:
            data = json.loads(answer.body)
        except ValueError:
            data = None
        if not isinstance(data, dict) or not {"_class", *fields} <= set(data):
            raise explain_page(answer, asked)
        return data

    def _ask(self, method: str, path: str, doing: str) -> Answer:
        """Ask for something until it is answered with status 200."""
        tries = self._patience.tries()
        asked = self._asked(path, doing)
        while True:
            try:
                answer = self._send(method, path, None, {}, asked)
                if answer.status != 200:
                    raise explain(answer, asked)
                return answer
            except PassingFailure as failure:
                self._wait(tries, failure)

    def _post(
        self,
        path: str,
        doing: str,
        text: str = "",
        *,
        lands_on: str | None = None,
        is_done: Callable[[], bool] | None = None,
        headers: Mapping[str, str] = _CONFIG_TYPE,
    ) -> None:
        """Change something. Jenkins answers with 200, or leads to the path `lands_on`.

        After a try whose answer was lost, `is_done` looks whether the change was made; without
        it, making the change twice is as good as once.
        """
        tries = self._patience.tries()
        asked = self._asked(path, doing, is_write=True)
        while True:
            try:
                answer = self._send("POST", path, text.encode(), headers, asked)
                if answer.status == 200 and not answer.body:
                    return
                if lands_on is not None and leads_to(answer, lands_on, self._url):
                    return
                if 300 <= answer.status < 400:
                    raise explain_redirect(answer, asked)
                raise (
                    explain_page(answer, asked) if answer.status == 200 else explain(answer, asked)
                )
            except PassingFailure as failure:
                self._wait(tries, failure)
                if is_done is not None and is_done():
                    return
            except (Refused, Missing):
                if tries.count and is_done is not None and is_done():
                    return
                raise

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], asked: Asked
    ) -> Answer:
        """Send one request. Raises PassingFailure for what may pass by itself."""
        connection = self._take_connection()
        try:
            answer = connection.ask(method, self._url + path, body, headers)
            if method == "POST" and wants_crumb(answer):
                obstacle = connection.renew_crumb()
                answer = obstacle or connection.ask(method, self._url + path, body, headers)
                if wants_crumb(answer):  # lost again already: a restart, or another node
                    raise PassingFailure(explain(answer, asked))
        except _FOREIGN as error:
            connection.close()
            failure = explain_failure(error, self._url, self._timeout)
            if is_final(error, has_answered=self._has_answered):
                raise failure from error
            raise PassingFailure(failure) from error
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if answer.status in _NO_ANSWER:
            passing = Passing.STARTING if is_starting(answer) else Passing.ACCIDENT
            raise PassingFailure(explain(answer, asked), passing)
        self._has_answered, self._is_gone = True, False
        return answer

    def _wait(self, tries: Tries, failure: PassingFailure) -> None:
        """Wait before the next try; raise the failure's error where there is none.

        Once one request has waited in vain, the others don't until the server answers again: a
        server that is gone costs one wait and not one for each job.
        """
        if self._is_gone:
            raise failure.error from failure.__cause__
        try:
            tries.wait(failure)
        except TargetError:
            self._is_gone = True
            raise

    def _take_connection(self) -> _Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return _Connection(self._url, self._credentials, self._timeout)


# All that python-jenkins, requests, urllib3 and the socket below them raise.
_FOREIGN = (
    jenkins.JenkinsException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # a crumb that isn't one; a host that can't be encoded
)


def open_server(
    url: str,
    *,
    conf: Path | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> JenkinsTarget:
    """Return the server at a URL, with the user's credentials for it."""
    checked = check_url(url)
    credentials = find_credentials(checked, os.environ, conf, Path.home())
    for note in credentials.notes:
        say(note)
    return JenkinsTarget(checked, credentials)


@contextmanager
def _extra_headers_unsaid() -> Iterator[None]:
    """Keep python-jenkins 1.8 from logging JENKINS_API_EXTRA_HEADERS, which may hold a secret."""

    def is_harmless(record: logging.LogRecord) -> bool:
        return "JENKINS_API_EXTRA_HEADERS" not in str(record.msg)

    root = logging.getLogger()
    root.addFilter(is_harmless)
    try:
        yield
    finally:
        root.removeFilter(is_harmless)
