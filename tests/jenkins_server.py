"""A stand-in for Jenkins on loopback, held to recordings of a real one by test_jenkins_server.py.

    with JenkinsServer("2.568.2") as server:
        server.url, server.user, server.token      where it is, who may do everything
        server.add_job("a", config, saved=True)    a job that was there before
        server.config("folder/a")                  its config.xml at this moment
        server.requests, server.count("POST")      what was asked so far
        server.fail(Fault.DROP_AFTER, method="POST", path="/createItem", times=2)
        server.restart(), server.resave(), server.upgrade_plugin("git", "5.3")
        server.upgrade("2.568.2")                  another Jenkins on the same home

It runs no builds; `add_builds` makes finished ones, and so does a build that is asked for.

Not recorded, but made as core 2.440 and its documentation have it: POST
pluginManager/installNecessaryPlugins (hudson.PluginManager: installs what `plugin="name@version"`
asks for from the update centre, `update_centre` here, and passes over what that hasn't got; a new
plugin is loaded at once, an update waits for a restart), updateCenter/api/json
(hudson.model.UpdateCenter), POST safeRestart (answers, then restarts), the header
X-Jenkins-Session, and the parameters of a build started by buildWithParameters.
With `is_busy` builds never end, so a safe restart never comes.
"""

from __future__ import annotations

import re
import secrets
import socket
import socketserver
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import unquote

import tests.jenkins_server_configs as configs
import tests.jenkins_server_pages as pages
from tests.jenkins_server_configs import read_matrix
from tests.jenkins_server_pages import Answer
from tests.jenkins_server_routes import NotAllowed, Request, Visit
from tests.jenkins_server_state import Group, Job, build_data
from tests.jenkins_server_xml import Node, is_xml_1_1, parse

__all__ = ["Fault", "JenkinsServer", "Logged", "Request"]

OVERALL_READ = "hudson.model.Hudson.Read"


class Fault(Enum):
    """What can go wrong with one request."""

    DROP_BEFORE = "connection closed, request not handled"
    DROP_AFTER = "request handled, connection closed without an answer"
    BAD_GATEWAY = "502 of a proxy, request not handled"
    UNAVAILABLE = "503 of a proxy, request not handled; `seconds` are its Retry-After"
    TOO_MANY = "429 of a proxy, request not handled; `seconds` are its Retry-After"
    GATEWAY_TIMEOUT = "504 of a proxy, request handled behind it"
    STARTING = "503 of Jenkins that is starting up, request not handled"
    DELAY = "answer comes after `seconds`"
    STALE_SESSION = "all sessions and crumbs forgotten before the request"
    HTML = "a proxy's HTML page with status 200, request not handled"
    RESTART = "Jenkins restarts, request not handled; then two requests find it starting up"
    RESTART_AFTER = "request handled, answer lost in a restart"
    CUT = "request handled, half of the answer's body"


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
    """A recorded version of Jenkins with its plugins, as far as jobs are concerned.

    Users: `admin` (token or password) may do all, `reader` (token) may see only; `add_user` makes
    more. With `uses_project_matrix` a job's own matrix counts too, and who makes a job may see it.
    `latency` is in seconds and added to every request. `prefix` is the context path.
    `node_changes` are merged into what the built-in node says of itself, `state_changes` into what
    the server does; `more_nodes` are whole, `node_modes` by their names. `monitors` is HTML that
    the page Manage Jenkins begins with. `clock_ahead` is in seconds, None: no Date header.
    """

    user, token, password = "admin", "11" + "a" * 32, "admin's password"
    reader, reader_token = "reader", "11" + "b" * 32

    def __init__(
        self, dialect: str = configs.NEW, *, prefix: str = "", latency: float = 0.0
    ) -> None:
        self.dialect = pages.DIALECTS[dialect]
        self.prefix = prefix
        self.latency = latency
        self.top = Group()
        self.plugins = dict(configs.recorded_plugins(dialect))
        self.permissions: dict[str, frozenset[str]] = {
            self.user: frozenset(pages.PERMISSIONS),
            self.reader: frozenset({OVERALL_READ, pages.READ}),
            "anonymous": frozenset(),
        }
        self.logins = {(self.user, self.token), (self.reader, self.reader_token)}
        self.uses_project_matrix = False
        self.disabled_plugins: set[str] = set()
        self.update_centre = dict(self.plugins)
        self.waiting_plugins: dict[str, str] = {}
        self.installations: list[dict[str, Any]] = []
        self.is_busy = False
        self.session = secrets.token_hex(4)
        self.credentials: list[dict[str, str]] = []
        self.executors = 2
        self.node_changes: dict[str, Any] = {}
        self.more_nodes: list[dict[str, Any]] = []
        self.node_modes: dict[str, str] = {}
        self.update_centre_asked: float | None = time.time()
        self.monitors = ""
        self.state_changes: dict[str, Any] = {}
        self.anonymous_reads = False
        self.drops_login = False
        self.clock_ahead: float | None = 0.0
        self.quieting_down = False
        self.quiet_down_reason: str | None = None
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
    def version(self) -> str:
        return self.dialect.version

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{self.prefix}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
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
            return {job.full_name: job for top in self.top.in_order() for job in top.walk()}

    def config(self, name: str) -> str:
        """Return what config.xml of a job holds at this moment."""
        return self.jobs[name].config

    def add_user(self, name: str, *permissions: str) -> str:
        """Let someone log in, who may see the server and has these permissions; return a token."""
        self.permissions[name] = frozenset({OVERALL_READ, *permissions})
        token = "11" + secrets.token_hex(16)
        self.logins.add((name, token))
        return token

    def may(self, user: str, permission: str, job: Job | None = None) -> bool:
        """Tell whether a user has a permission, on the server or by the matrix of a job."""
        granted = self.permissions[user]
        if pages.ADMINISTER in granted:
            return True
        while job is not None and self.uses_project_matrix:
            matrix = read_matrix(job.config)
            if {f"USER:{permission}:{user}", f"GROUP:{permission}:authenticated"} & matrix.entries:
                return True
            if not matrix.inherits:
                return False
            job = job.parent
        return permission in granted

    def add_job(self, name: str, config: str, *, saved: bool = False) -> Job:
        """Put a job there as if it had been posted (and saved) long ago."""
        with self._lock:
            *above, own = name.split("/")
            parent = self.jobs["/".join(above)] if above else None
            job = Job(name=own, parent=parent)
            self.create(job, config)
            if saved:
                self.save(job)
            (parent or self.top).add(job)
            return job

    def edit_job(self, name: str, config: str) -> None:
        """Change a job as a person does on its configuration page: Jenkins saves it."""
        with self._lock:
            self.update(self.jobs[name], config)
            self.save(self.jobs[name])

    def grant_creator(self, job: Job, user: str) -> None:
        """Let who made a job see and change it (matrix-auth's ItemListenerImpl.onCreated).

        Jenkins saves the job where it has entries at all.
        """
        needed = ("Read", "Configure")
        permissions = [f"hudson.model.Item.{verb}" for verb in needed]
        missing = [one for one in permissions if not self.may(user, one, job)]
        entries = [f"USER:{permission}:{user}" for permission in missing]
        if entries or read_matrix(job.config).entries:
            self.save(job, entries=entries)

    # How a job's config is kept: its file, and what of it is in memory.

    def create(self, job: Job, config: str, root: Node | None = None) -> None:
        """Keep what was posted to createItem, parsed or not: as it came, until the job is saved."""
        job.posted = config
        if not self.dialect.reads_file:
            job.memory = configs.create(root or parse(config), self.plugins, self.version)

    def as_read(self, config: str) -> str:
        """Return what GET config.xml says of a config right after it was posted there."""
        job = Job()
        self.update(job, config)
        return job.config

    def update(self, job: Job, config: str, root: Node | None = None) -> None:
        """Keep what was posted to config.xml."""
        job.posted = config
        if not self.dialect.reads_file:
            job.memory = job.file = configs.save(root or config, self.plugins, self.version)

    def save(self, job: Job, **changes: Any) -> None:
        """Write a job's file from memory, as any change but those two does."""
        text = job.memory or job.file
        job.file = configs.save(text, self.plugins, self.version, **changes)
        job.memory = None if self.dialect.reads_file else job.file

    def load(self, job: Job) -> None:
        """Read a job's file, as a start of Jenkins does: XML 1.1 takes U+2028 for a line's end."""
        if is_xml_1_1(job.file):
            job.file = job.file.replace("\u2028", "\n")
        job.file = configs.restart(job.file, self.plugins, self.version)
        reads_file = self.dialect.reads_file
        job.memory = None if reads_file else configs.save(job.file, self.plugins, self.version)

    def add_builds(self, name: str, count: int) -> None:
        with self._lock:
            job = self.jobs[name]
            for _ in range(count):
                self.build(job, self.user)

    def build(self, job: Job, user: str) -> None:
        """Make one more build, which succeeded at once."""
        number = len(job.builds) + 1
        job.builds.append(build_data(job, number, self.url, user, self.version))

    def resave(self) -> None:
        """Make Jenkins save every job, as "Manage Old Data" or a plugin's migration does."""
        with self._lock:
            for job in self.jobs.values():
                self.save(job)

    def restart(self, *, starting_for: int = 0) -> None:
        """Restart: sessions are forgotten, some jobs are re-saved.

        The next `starting_for` requests find Jenkins starting up.
        """
        with self._lock:
            self._crumbs.clear()
            self.quieting_down = False
            self.quiet_down_reason = None
            self.starting_for = starting_for
            self.session = secrets.token_hex(4)
            self.plugins |= self.waiting_plugins
            self.waiting_plugins.clear()
            self.installations.clear()
            for job in self.jobs.values():
                self.load(job)

    def upgrade_plugin(self, name: str, version: str, *, resave: bool = True) -> None:
        """Install or upgrade a plugin, which needs a restart; by default all jobs are re-saved."""
        self.plugins[name] = version
        self.restart()
        if resave:
            self.resave()

    def upgrade(self, dialect: str) -> None:
        """Start another Jenkins, with its recorded plugins, on the same home."""
        self.dialect = pages.DIALECTS[dialect]
        self.plugins = dict(configs.recorded_plugins(dialect))
        self.update_centre = dict(self.plugins)
        self.restart()

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
            user = _login_of(request)[0] or None
            self.requests.append(Logged(request.method, request.path, status, user))
        return answer

    def _handle_with(self, fault: Fault | None, seconds: float, request: Request) -> Answer | None:
        match fault:
            case Fault.DELAY:
                self._wait(seconds)
            case Fault.STALE_SESSION:
                with self._lock:
                    self._crumbs.clear()
            case Fault.DROP_BEFORE:
                return None
            case Fault.RESTART:
                self.restart(starting_for=2)
                return None
            case Fault.BAD_GATEWAY:
                return pages.gateway_error(502)
            case Fault.UNAVAILABLE:
                return pages.gateway_error(503, retry_after=seconds)
            case Fault.TOO_MANY:
                return pages.gateway_error(429, retry_after=seconds)
            case Fault.STARTING:
                return self.dialect.starting()
            case Fault.HTML:
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
            return self.dialect.starting()
        if not request.path.startswith(f"{self.prefix}/"):
            return self.dialect.jetty_page(404, "Not Found", request.path)
        user, by_token = self._log_in(request)
        if user == "":
            return self.dialect.wrong_login(request.path)
        if request.method == "POST" and not by_token and not self._has_crumb(request):
            message = "No valid crumb was included in the request"
            return self.dialect.jetty_page(403, message, request.path)
        if user is None and not (self.anonymous_reads and request.method == "GET"):
            return self.dialect.login_needed(request.path)
        user = user or "anonymous"
        visit = Visit(self, request, user, by_token=by_token)
        try:
            return visit.answer()
        except NotAllowed as error:
            return self.dialect.access_denied(user, str(error))

    def _log_in(self, request: Request) -> tuple[str | None, bool]:
        """Return the user (None: anonymous, "": wrong credentials) and whether by token."""
        user, secret = _login_of(request)
        if not user or self.drops_login:
            return None, False
        if (user, secret) in self.logins:
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
        cookie = f"JSESSIONID.1a2b3c4d={session}; Path=/; HttpOnly{self.dialect.cookie}"
        return self._crumbs[session], cookie


def _session_of(request: Request) -> str:
    found = re.search(r"JSESSIONID[^=;]*=([^;]+)", request.headers.get("cookie", ""))
    return found[1] if found else ""


def _login_of(request: Request) -> tuple[str, str]:
    header = request.headers.get("authorization", "")
    user, _, secret = b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return user, secret


def _close(kept: socket.socket) -> None:
    with suppress(OSError):  # the other side may have been first
        kept.shutdown(socket.SHUT_RDWR)


class _Http(socketserver.ThreadingTCPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, jenkins: JenkinsServer) -> None:
        self.jenkins = jenkins
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(socketserver.StreamRequestHandler):
    """One kept connection. http.server's own handler takes half of a request's time."""

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

    def handle(self) -> None:
        while request := self._read():
            answer = self.server.jenkins.handle(request)
            if answer is None:
                _close(self.connection)
                return
            is_whole = self._send(answer)
            if not is_whole or request.headers.get("connection") == "close":
                return

    def _read(self) -> Request | None:
        begins = self.connection.recv(1, socket.MSG_PEEK)
        if not begins.isalpha():
            if begins:  # TLS, say
                self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return None
        line = self.rfile.readline()
        method, target, _ = line.decode("latin-1").split()
        headers = {}
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body)

    def _send(self, answer: Answer) -> bool:
        """Send an answer; returns False where its body isn't as long as it says."""
        jenkins = self.server.jenkins
        headers = {"X-Content-Type-Options": "nosniff", **jenkins.dialect.always, **answer.headers}
        if jenkins.clock_ahead is not None:  # Jetty's own header, not recorded
            headers["Date"] = formatdate(time.time() + jenkins.clock_ahead, usegmt=True)
        if "X-Jenkins" in headers:  # Jenkins.SESSION_HASH, not recorded
            headers["X-Jenkins-Session"] = jenkins.session
        length = headers.setdefault("Content-Length", str(len(answer.body)))
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.wfile.write(head + answer.body)
        return int(length) == len(answer.body)


def serve_until_closed(dialect: str) -> None:
    """Serve in a process of its own: print the URL, end with standard input."""
    with JenkinsServer(dialect) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve_until_closed(sys.argv[1])
