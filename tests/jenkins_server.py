"""A stand-in for Jenkins on loopback, held to recordings of a real one by test_jenkins_server.py.

    with JenkinsServer() as server:
        server.url, server.user, server.token      where it is, who may do everything
        server.add_job("a", config, saved=True)    a job that was there before
        server.config("folder/a")                  its config.xml at this moment
        server.requests, server.count("POST")      what was asked so far
        server.fail(Fault.DROP_AFTER, method="POST", path="/createItem", times=2)
        server.restart(), server.resave(), server.upgrade_plugin("git", "5.3")

It runs no builds; `add_builds` makes finished ones.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import tests.jenkins_server_configs as configs
import tests.jenkins_server_pages as pages
from tests.jenkins_server_pages import Answer
from tests.jenkins_server_state import (
    Group,
    Job,
    build_data,
    default_form,
    is_job,
    is_view,
    job_data,
    refuse_name,
    rename_in_views,
    views_data,
)

_LISTING_CLASS = "hudson.model.Hudson"


class Fault(Enum):
    """What can go wrong with one request."""

    DROP_BEFORE = "connection closed, request not handled"
    DROP_AFTER = "request handled, connection closed without an answer"
    BAD_GATEWAY = "502 of a proxy, request not handled"
    UNAVAILABLE = "503 of a proxy, request not handled"
    GATEWAY_TIMEOUT = "504 of a proxy, request handled behind it"
    STARTING = "503 of Jenkins that is starting up, request not handled"
    DELAY = "answer comes after `seconds`"
    STALE_SESSION = "all sessions and crumbs forgotten before the request"
    HTML = "a proxy's HTML page with status 200, request not handled"
    RESTART = "Jenkins restarts, request not handled; then two requests find it starting up"
    RESTART_AFTER = "request handled, answer lost in a restart"
    CUT = "request handled, half of the answer's body"


@dataclass(frozen=True)
class Request:
    """One request as it came in. `path` is without the query, as sent (percent-encoded)."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        text = self.query
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            text += "&" + self.body.decode()
        return {name: values[0] for name, values in parse_qs(text, True).items()}


@dataclass(frozen=True)
class Logged:
    """One line of the request log. `status` is None where no answer was sent."""

    method: str
    path: str
    status: int | None
    user: str | None = None


@dataclass
class _Planned:
    fault: Fault
    method: str | None
    path: re.Pattern[str]
    times: int
    after: int
    seconds: float

    def matches(self, request: Request) -> bool:
        if self.times < 1 or self.method not in (None, request.method):
            return False
        if not self.path.search(unquote(request.path)):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


Hook = Callable[[Request], Fault | None]


class JenkinsServer:
    """Jenkins 2.440.3 with the recorded plugins, as far as jobs are concerned.

    Users: `admin` (token or password) may do all, `reader` (token) may see only.
    `latency` is in seconds and added to every request. `prefix` is the context path.
    """

    user, token, password = "admin", "11" + "a" * 32, "admin's password"
    reader, reader_token = "reader", "11" + "b" * 32

    def __init__(self, *, prefix: str = "", latency: float = 0.0) -> None:
        self.prefix = prefix
        self.latency = latency
        self.top = Group()
        self.plugins = {
            str(plugin["shortName"]): str(plugin["version"]) for plugin in recorded_plugins()
        }
        self.credentials: list[dict[str, str]] = []
        self.executors = 2
        self.quieting_down = False
        self.starting_for = 0
        self.redirect_to: str | None = None
        self.redirect_status = 302
        self.requests: list[Logged] = []
        self.connections = 0
        self.hook: Hook | None = None
        self._planned: list[_Planned] = []
        self._crumbs: dict[str, str] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"{self._http.scheme}://127.0.0.1:{self._http.server_port}{self.prefix}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self.drop_connections()
        self._http.server_close()
        self._thread.join()

    # What a test prepares and looks at.

    @property
    def jobs(self) -> dict[str, Job]:
        """Return all jobs and folders by full name."""
        with self._lock:
            return {job.full_name: job for top in self.top.jobs.values() for job in top.walk()}

    def config(self, name: str) -> str:
        """Return what config.xml of a job holds at this moment."""
        return self.jobs[name].config

    def add_job(self, name: str, config: str, *, saved: bool = False) -> Job:
        """Put a job there as if it had been posted (and saved) long ago."""
        with self._lock:
            *above, own = name.split("/")
            parent = self.jobs["/".join(above)] if above else None
            text = configs.save(config, self.plugins) if saved else configs.store(config)
            job = Job(name=own, parent=parent, config=text)
            (parent or self.top).add(job)
            return job

    def edit_job(self, name: str, config: str) -> None:
        """Change a job as a person does on its configuration page: Jenkins saves it."""
        with self._lock:
            self.jobs[name].config = configs.save(config, self.plugins)

    def add_builds(self, name: str, count: int) -> None:
        with self._lock:
            job = self.jobs[name]
            for _ in range(count):
                number = len(job.builds) + 1
                job.builds.append(build_data(job, number, self.url, self.user))

    def resave(self) -> None:
        """Make Jenkins save every job, as "Manage Old Data" or a plugin's migration does."""
        with self._lock:
            for job in self.jobs.values():
                job.config = configs.save(job.config, self.plugins)

    def restart(self, *, starting_for: int = 0) -> None:
        """Restart: sessions are forgotten, some jobs are re-saved.

        The next `starting_for` requests find Jenkins starting up.
        """
        with self._lock:
            self._crumbs.clear()
            self.quieting_down = False
            self.starting_for = starting_for
            for job in self.jobs.values():
                job.config = configs.restart(job.config, self.plugins)

    def upgrade_plugin(self, name: str, version: str, *, resave: bool = True) -> None:
        """Install or upgrade a plugin, which needs a restart; by default all jobs are re-saved."""
        self.plugins[name] = version
        self.restart()
        if resave:
            self.resave()

    def count(self, method: str | None = None, path: str = "") -> int:
        """Count requests of this method whose decoded path holds the pattern `path`."""
        return sum(
            method in (None, logged.method) and bool(re.search(path, unquote(logged.path)))
            for logged in list(self.requests)
        )

    def fail(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        path: str = "",
        times: int = 1,
        after: int = 0,
        seconds: float = 0.2,
    ) -> None:
        """Plan a fault for the next `times` matching requests, the first `after` ones spared."""
        with self._lock:
            pattern = re.compile(path)
            self._planned.append(_Planned(fault, method, pattern, times, after, seconds))

    def drop_connections(self) -> None:
        """Close all kept connections, as a proxy's idle limit does."""
        with self._lock:
            for kept in self._sockets:
                _close(kept)

    # How a request is handled.

    def choose_fault(self, request: Request) -> tuple[Fault | None, float]:
        with self._lock:
            for planned in self._planned:
                if planned.matches(request):
                    return planned.fault, planned.seconds
        return (self.hook(request) if self.hook else None), 0.2

    def handle(self, request: Request) -> Answer | None:
        """Return the answer, None where the connection is closed instead."""
        self._wait(self.latency)
        fault, seconds = self.choose_fault(request)
        answer = self._handle_with(fault, seconds, request)
        status = answer.status if answer else None
        with self._lock:
            self.requests.append(Logged(request.method, request.path, status, _user_of(request)))
        return answer

    def _handle_with(self, fault: Fault | None, seconds: float, request: Request) -> Answer | None:
        if fault is Fault.DELAY:
            self._wait(seconds)
        elif fault is Fault.STALE_SESSION:
            with self._lock:
                self._crumbs.clear()
        elif fault is Fault.DROP_BEFORE:
            return None
        elif fault is Fault.RESTART:
            self.restart(starting_for=2)
            return None
        elif fault in (Fault.BAD_GATEWAY, Fault.UNAVAILABLE):
            return pages.gateway_error(502 if fault is Fault.BAD_GATEWAY else 503)
        elif fault is Fault.STARTING:
            return pages.starting()
        elif fault is Fault.HTML:
            return pages.proxy_page()
        with self._lock:
            answer = self._answer(request)
        if fault is Fault.RESTART_AFTER:
            self.restart(starting_for=2)
        if fault in (Fault.DROP_AFTER, Fault.RESTART_AFTER):
            return None
        if fault is Fault.GATEWAY_TIMEOUT:
            return pages.gateway_error(504)
        if fault is Fault.CUT:
            return answer.with_headers(Content_Length=str(len(answer.body) + 100))
        return answer

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _answer(self, request: Request) -> Answer:
        if self.redirect_to is not None:
            rest = request.path.removeprefix(self.prefix).lstrip("/")
            query = f"?{request.query}" if request.query else ""
            return pages.redirect(f"{self.redirect_to}{rest}{query}", status=self.redirect_status)
        if self.starting_for > 0:
            self.starting_for -= 1
            return pages.starting()
        if not request.path.startswith(f"{self.prefix}/"):
            return pages.jetty_page(404, "Not Found", request.path)
        user, by_token = self._log_in(request)
        if user == "":
            realm = 'Basic realm="Jenkins"'
            path = request.path
            return pages.jetty_page(401, "Unauthorized", path, WWW_Authenticate=realm)
        if request.method == "POST" and not by_token and not self._has_crumb(request):
            message = "No valid crumb was included in the request"
            return pages.jetty_page(403, message, request.path)
        if user is None:
            return pages.login_needed(request.path)
        visit = _Visit(self, request, user, by_token=by_token)
        try:
            return visit.answer()
        except _NotAllowed as error:
            return pages.access_denied(user, str(error))

    def _log_in(self, request: Request) -> tuple[str | None, bool]:
        """Return the user (None: anonymous, "": wrong credentials) and whether by token."""
        header = request.headers.get("authorization")
        if header is None:
            return None, False
        user, _, secret = b64decode(header.removeprefix("Basic ")).decode().partition(":")
        if (user, secret) in ((self.user, self.token), (self.reader, self.reader_token)):
            return user, True
        return (user if (user, secret) == (self.user, self.password) else ""), False

    def _has_crumb(self, request: Request) -> bool:
        session = _session_of(request)
        crumb = request.headers.get("jenkins-crumb")
        return bool(crumb) and self._crumbs.get(session) == crumb

    def issue_crumb(self, request: Request) -> tuple[str, str | None]:
        """Return the crumb and, where the session is new, the cookie to set."""
        session = _session_of(request)
        if session in self._crumbs:
            return self._crumbs[session], None
        session = "node0" + secrets.token_hex(10)
        self._crumbs[session] = secrets.token_hex(32)
        return self._crumbs[session], f"JSESSIONID.1a2b3c4d={session}; Path=/; HttpOnly"


class _NotAllowed(Exception):
    """Carries the id of the missing permission."""


class _Visit:
    """One request of a user who is logged in."""

    def __init__(
        self, server: JenkinsServer, request: Request, user: str, *, by_token: bool
    ) -> None:
        self.server = server
        self.request = request
        self.user = user
        self.by_token = by_token

    def answer(self) -> Answer:
        path = self.request.path.removeprefix(self.server.prefix)
        group: Group = self.server.top
        job: Job | None = None
        rest = [unquote(part) for part in path.strip("/").split("/")]
        while rest[0] == "job" and len(rest) > 1:
            job = group.find(rest[1])
            if job is None:
                return pages.not_found()
            group, rest = job, rest[2:] or [""]
        if rest[0] == "view" and len(rest) > 2:
            return self._answer_view(group, rest[1], rest[2:])
        verb = "/".join(rest)
        if verb in ("createItem", "createView"):
            return self._create(verb, group, job)
        if job is not None:
            return self._answer_job(job, verb)
        return self._answer_top(verb)

    def _need(self, permission: str) -> None:
        if self.user != self.server.user:
            raise _NotAllowed(permission)

    def _render(self, data: dict[str, Any]) -> Answer:
        tree = self.request.parameters.get("tree")
        if tree is not None:
            return pages.json_answer(pages.prune(data, pages.parse_tree(tree)))
        deep = self.request.parameters.get("depth", "0") != "0"
        return pages.json_answer(data if deep else default_form(data))

    def _answer_top(self, verb: str) -> Answer:
        server = self.server
        if self.request.method == "POST" and verb in ("quietDown", "cancelQuietDown"):
            self._need("hudson.model.Hudson.Administer")
            server.quieting_down = verb == "quietDown"
            return pages.redirect(server.url)
        if self.request.method != "GET":
            return pages.not_found()
        if verb == "":
            return pages.page("Dashboard [Jenkins]", "<h1>Dashboard</h1>", status=200)
        if verb == "crumbIssuer/api/json":
            return self._issue_crumb()
        if verb.startswith("pluginManager/"):
            self._need("hudson.model.Hudson.Administer")
        if verb.startswith("credentials/") and self.user != server.user:
            return pages.not_found()
        data = self._top_data().get(verb)
        return self._render(data()) if data else pages.not_found()

    def _issue_crumb(self) -> Answer:
        crumb, cookie = self.server.issue_crumb(self.request)
        data = {
            "_class": "hudson.security.csrf.DefaultCrumbIssuer",
            "crumb": crumb,
            "crumbRequestField": "Jenkins-Crumb",
        }
        answer = pages.json_answer(data)
        return answer.with_headers(Set_Cookie=cookie) if cookie and not self.by_token else answer

    def _top_data(self) -> dict[str, Callable[[], dict[str, Any]]]:
        return {
            "api/json": self._listing,
            "whoAmI/api/json": self._who,
            "me/api/json": lambda: {
                **recorded_answer("python-jenkins get_whoami"),
                "absoluteUrl": f"{self.server.url}user/{self.user}",
                "fullName": self.user,
                "id": self.user,
            },
            "pluginManager/api/json": self._plugins,
            "computer/api/json": self._computers,
            "queue/api/json": lambda: recorded_answer("python-jenkins get_queue_info"),
            "credentials/store/system/domain/_/api/json": self._credentials,
        }

    def _listing(self) -> dict[str, Any]:
        server = self.server
        url = server.url
        views = views_data(server.top, url)
        return {
            **recorded_answer("list, empty server"),
            "numExecutors": server.executors,
            "jobs": [job_data(job, url) for job in server.top.jobs.values()],
            "primaryView": next(view for view in views if view["name"] == "all"),
            "quietingDown": server.quieting_down,
            "url": url,
            "views": views,
        }

    def _who(self) -> dict[str, Any]:
        return {**recorded_answer("who am I"), "name": self.user}

    def _plugins(self) -> dict[str, Any]:
        common = {"active": True, "enabled": True, "hasUpdate": False}
        found = [
            {**common, "shortName": name, "version": version, "longName": f"{name} (lab build)"}
            for name, version in self.server.plugins.items()
        ]
        return {"_class": "hudson.LocalPluginManager", "plugins": found}

    def _computers(self) -> dict[str, Any]:
        data = recorded_answer("python-jenkins get_nodes")
        count = self.server.executors
        computers = [
            {**computer, "numExecutors": count, "executors": [{}] * count}
            for computer in data["computer"]
        ]
        return {**data, "computer": computers, "totalExecutors": count}

    def _credentials(self) -> dict[str, Any]:
        store = "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper"
        return {"_class": store, "credentials": self.server.credentials}

    def _create(self, verb: str, group: Group, job: Job | None) -> Answer:
        """Make a job, folder or view of the posted config."""
        if self.request.method != "POST" or (job is not None and not job.is_folder):
            return pages.not_found()
        makes_job = verb == "createItem"
        self._need("hudson.model.Item.Create" if makes_job else "hudson.model.View.Create")
        name = self.request.parameters.get("name", "")
        reason = refuse_name(name)
        if reason:
            return pages.refused(reason)
        if makes_job and group.find(name):
            return pages.refused(f"A job already exists with the name \u2018{name}\u2019")
        if not makes_job and name in (*group.views, "all"):
            return pages.refused(f'A view already exists with the name "{name}"')
        kind = self.request.headers.get("content-type")
        if kind is None:
            return pages.refused("No Content-Type header set")
        root = self._read_body(makes_job=makes_job)
        if root is None:
            return pages.oops()
        if not makes_job:
            group.views[name] = self._save_view(root, name)
            return Answer()
        made = Job(name=name, parent=job, config=configs.store(self._text()))
        group.add(made)
        return Answer()

    def _text(self) -> str:
        return self.request.body.decode("utf-8", "replace")

    def _read_body(self, *, makes_job: bool) -> configs.Node | None:
        """Return the posted config, None where Jenkins can't make an object of it."""
        try:
            root = configs.parse(self._text())
        except configs.MalformedConfig:
            return None
        return root if (is_job if makes_job else is_view)(root) else None

    def _save_view(self, root: configs.Node, name: str) -> str:
        """A view is saved as it comes; what Jenkins writes has double quotes here."""
        saved = configs.save_node(root, self.server.plugins)
        named = saved.find("name")
        if named is not None:
            named.text = name
        return configs.write(saved, quote='"')

    def _answer_view(self, group: Group, name: str, rest: list[str]) -> Answer:
        config = group.views.get(name)
        if config is None:
            return pages.not_found()
        post = self.request.method == "POST"
        if rest == ["config.xml"] and not post:
            return _config_answer(config)
        if rest == ["config.xml"]:
            self._need("hudson.model.View.Configure")
            root = self._read_body(makes_job=False)
            if root is None:
                return pages.oops()
            group.views[name] = self._save_view(root, name)
            return Answer()
        if rest == ["doDelete"] and post:
            self._need("hudson.model.View.Delete")
            del group.views[name]
            return pages.redirect(self.server.url + (group.path if isinstance(group, Job) else ""))
        if rest == ["api", "json"]:
            found = views_data(group, self.server.url)
            return self._render(next(view for view in found if view["name"] == name))
        return pages.not_found()

    def _answer_job(self, job: Job, verb: str) -> Answer:
        post = self.request.method == "POST"
        if not post:
            return self._read_job(job, verb)
        actions: dict[str, tuple[str, Callable[[Job], Answer]]] = {
            "config.xml": ("Configure", self._update),
            "submitDescription": ("Configure", self._describe),
            "disable": ("Configure", lambda job: self._switch(job, disabled=True)),
            "enable": ("Configure", lambda job: self._switch(job, disabled=False)),
            "doRename": ("Configure", self._rename),
            "doDelete": ("Delete", self._delete),
            "build": ("Build", self._build),
            "buildWithParameters": ("Build", lambda job: self._build_with(job)),
        }
        permission, act = actions.get(verb, ("", None))
        if act is None:
            return pages.not_found()
        self._need(f"hudson.model.Item.{permission}")
        return act(job)

    def _read_job(self, job: Job, verb: str) -> Answer:
        if verb == "config.xml":
            self._need("hudson.model.Item.Configure")
            return _config_answer(job.config)
        if verb == "api/json":
            return self._render(job_data(job, self.server.url))
        number = re.fullmatch(r"(\d+)/api/json", verb)
        for build in job.builds if number else ():
            if number and build["number"] == int(number[1]):
                return self._render(build)
        return pages.not_found()

    def _update(self, job: Job) -> Answer:
        root = self._read_body(makes_job=True)
        if root is None or root.tag != configs.parse(job.config).tag:
            return pages.oops()
        job.config = configs.store(self._text())
        return Answer()

    def _save(self, job: Job, **changes: Any) -> Answer:
        job.config = configs.save(job.config, self.server.plugins, **changes)
        return pages.redirect(self.server.url + job.path)

    def _describe(self, job: Job) -> Answer:
        return self._save(job, description=self.request.parameters.get("description", ""))

    def _switch(self, job: Job, *, disabled: bool) -> Answer:
        return pages.not_found() if job.is_folder else self._save(job, disabled=disabled)

    def _group_of(self, job: Job) -> Group:
        return job.parent or self.server.top

    def _rename(self, job: Job) -> Answer:
        group = self._group_of(job)
        new = self.request.parameters.get("newName", "")
        reason = refuse_name(new)
        if reason is None and new == job.name:
            reason = "The new name is the same as the current name."
        if reason is None and group.find(new) not in (None, job):
            reason = f"The name “{new}” is already in use."
        if reason:
            return pages.refused(reason)
        group.remove(job)
        rename_in_views(group, job.name, new)
        job.name = new
        group.add(job)
        return pages.redirect((self.server.url + job.path).rstrip("/"))

    def _delete(self, job: Job) -> Answer:
        group = self._group_of(job)
        group.remove(job)
        rename_in_views(group, job.name, None)
        return pages.redirect(self.server.url + (job.parent.path if job.parent else ""))

    def _build(self, job: Job) -> Answer:
        number = len(job.builds) + 1
        job.builds.append(build_data(job, number, self.server.url, self.user))
        location = f"{self.server.url}queue/item/{number}/"
        return Answer(201, b"", {"Location": location})

    def _build_with(self, job: Job) -> Answer:
        properties = "properties/hudson.model.ParametersDefinitionProperty"
        has_parameters = configs.parse(job.config).find(properties) is not None
        return self._build(job) if has_parameters else pages.oops()


def _config_answer(config: str) -> Answer:
    return Answer(200, config.encode(), {"Content-Type": "application/xml"})


def recorded_answer(name: str) -> dict[str, Any]:
    """Return the JSON body of a recorded exchange."""
    found = next(item for item in configs.exchanges() if item["name"] == name)
    data: dict[str, Any] = json.loads(found["response"]["body"])
    return data


def recorded_plugins() -> list[dict[str, Any]]:
    plugins: list[dict[str, Any]] = recorded_answer("plugins")["plugins"]
    return plugins


def _session_of(request: Request) -> str:
    found = re.search(r"JSESSIONID[^=;]*=([^;]+)", request.headers.get("cookie", ""))
    return found[1] if found else ""


def _user_of(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return None
    return b64decode(header.removeprefix("Basic ")).decode().partition(":")[0]


def _close(kept: socket.socket) -> None:
    with suppress(OSError):  # the other side may have been first
        kept.shutdown(socket.SHUT_RDWR)


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64
    scheme = "http"

    def __init__(self, jenkins: JenkinsServer) -> None:
        self.jenkins = jenkins
        super().__init__(("127.0.0.1", 0), _Handler)

    def use_tls(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def setup(self) -> None:
        super().setup()
        jenkins = self.server.jenkins
        with jenkins._lock:
            jenkins.connections += 1
            jenkins._sockets.add(self.connection)

    def finish(self) -> None:
        with self.server.jenkins._lock:
            self.server.jenkins._sockets.discard(self.connection)
        super().finish()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parts.query, headers, body)
        answer = self.server.jenkins.handle(request)
        if answer is None:
            self.close_connection = True
            _close(self.connection)
            return
        self._send(answer)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _send(self, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}"]
        headers = {"X-Content-Type-Options": "nosniff", **answer.headers}
        headers.setdefault("Content-Length", str(len(answer.body)))
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.wfile.write(head + answer.body)
        if len(answer.body) != int(headers["Content-Length"]):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep quiet; `requests` is the log."""
