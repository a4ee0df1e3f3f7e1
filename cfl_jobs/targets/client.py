"""Requests to one Jenkins → answers, over python-jenkins: the only module that sends any.

python-jenkins' own create_job and the like ask twice more around each change and lose what the
server answered, so its `jenkins_request` is used with the requests that are needed.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from typing import Any

import jenkins
import requests
from urllib3.connection import HTTPConnection

from cfl_jobs.errors import Missing, Refused
from cfl_jobs.targets.answers import (
    FOREIGN,
    Answer,
    Asked,
    TooSlow,
    explain,
    explain_failure,
    explain_page,
    is_final,
    is_starting,
    leads_to,
    wants_crumb,
)
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.retries import (
    NO_ANSWER,
    Outage,
    ReadRetry,
    RetryPolicy,
    TransientError,
    retry_after,
)

CONFIG_TYPE = {"Content-Type": "text/xml; charset=utf-8"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_NO_HEADERS: Mapping[str, str] = {}
_CONNECTING = 15.0  # seconds for a connection, which a server makes before it works on anything
_KEPT = 32  # connections
_LOOKS = 0.1  # seconds between two looks at what takes long, at most
_READS = 1  # more tries of a read that urllib3 has tried again in vain
_EXTRA_HEADERS = "JENKINS_API_EXTRA_HEADERS"


class Client:
    """All requests to one server, over kept connections. Any number of threads may use it.

    `timeout`, in seconds, is for each pause in an answer. A request has twice that, urllib3's
    further tries of it included, the waits between them not. Every method takes what is being done,
    as in "read the job 'a'", for its errors. All raise TargetError and its children.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        timeout: float,
        policy: RetryPolicy,
        say: Callable[[str], None],
    ) -> None:
        self.version = ""  # of the Jenkins that answered last
        self._url = url
        self._user = credentials.user
        self._timeout = timeout
        self._policy = policy
        self._outage = Outage(url, policy, self._probe, say)
        self._time_limit = TimeLimit(
            2 * timeout,
            lambda seconds: say(f"Waiting for {url}: no answer for {seconds:.0f} s."),
            policy.clock,
        )
        self._adapter = _Adapter(
            self._time_limit.follow, ReadRetry.by(policy, self._time_limit.pausing)
        )
        self._jenkins = _open(url, credentials, timeout, self._adapter)
        self._cookies: dict[str, str] = {}
        self._crumb: dict[str, str] = {}
        self._renewing = threading.Lock()

    def close(self) -> None:
        """Close the kept connections. The client can still be used."""
        self._adapter.close()
        self._time_limit.close()

    def asked(self, path: str, doing: str, *, is_write: bool = False) -> Asked:
        return Asked(self._url, self._user, doing, path, is_write)

    def ask_json(self, path: str, doing: str, *fields: str) -> dict[str, Any]:
        """Return an object of the remote API that has these fields."""
        return parse_json(self.ask(path, doing), self.asked(path, doing), "_class", *fields)

    def ask(self, path: str, doing: str) -> Answer:
        """Ask for something until it is answered with status 200."""
        asked = self.asked(path, doing)
        for again in count(1):
            try:
                answer = self._send("GET", asked)
                break
            except TransientError as failure:
                # urllib3 leaves long waits to us: none of its tries were used.
                is_long = self._policy.is_long(failure.after)
                attempts = self._policy.attempts if is_long else _READS
                self._outage.wait(failure, again, attempts)
        if answer.status != 200:
            raise explain(answer, asked)
        return answer

    def post(
        self,
        path: str,
        doing: str,
        text: str = "",
        *,
        lands_on: tuple[str, ...] = (),
        is_done: Callable[[], bool] = lambda: False,
        headers: Mapping[str, str] = CONFIG_TYPE,
    ) -> None:
        """Change something. Jenkins answers with 200 or 201, or leads to a path of `lands_on`.

        After a try that failed, and before the next, `is_done` reads whether the change was made,
        and raises Refused where making it now would undo another's; without it, making the change
        twice is as good as once.
        """
        asked = self.asked(path, doing, is_write=True)
        for again in count(1):
            try:
                answer = self._send("POST", asked, text.encode(), headers)
                if answer.status in (200, 201) and not answer.body:
                    return
                if any(leads_to(answer, path, self._url) for path in lands_on):
                    return
                raise explain(answer, asked)
            except TransientError as failure:
                self._outage.wait(failure, again, self._policy.attempts)
                if is_done():
                    return
            except (Refused, Missing):
                if again > 1 and is_done():
                    return
                raise

    def _send(
        self,
        method: str,
        asked: Asked,
        body: bytes = b"",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Answer:
        """Send one request, with a new crumb where it lacks one. Raises TransientError."""
        with self._outage.asking():
            crumb = self._crumb
            answer = self._exchange(method, asked, body, {**headers, **crumb})
            if method == "POST" and wants_crumb(answer):
                self._renew_crumb(asked, crumb)
                answer = self._exchange(method, asked, body, {**headers, **self._crumb})
                if wants_crumb(answer):  # lost again already: a restart, or another node
                    raise TransientError(explain(answer, asked))
            return answer

    def _exchange(self, method: str, asked: Asked, body: bytes, headers: dict[str, str]) -> Answer:
        """Return the answer, whatever its status. Raises TransientError for what may pass."""
        answers: list[requests.Response] = []
        if cookies := self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        request = requests.Request(
            method,
            self._url + asked.path,
            headers,
            data=body,
            # python-jenkins words many answers anew and loses them.
            hooks={"response": lambda response, **_: answers.append(response)},
        )
        try:
            with self._time_limit.over():
                try:
                    self._jenkins.jenkins_request(request, add_crumb=False, resolve_auth=False)
                except jenkins.TimeoutException:
                    raise
                except (jenkins.JenkinsException, requests.HTTPError, requests.TooManyRedirects):
                    pass  # an answer
        except (jenkins.JenkinsException, *FOREIGN) as error:
            failure = explain_failure(error, self._url, self._timeout)
            if is_final(error):
                raise failure from error
            raise TransientError(failure) from error
        found = answers[0]
        content = b""
        if not found.is_redirect:
            content = found.content
        answer = Answer(found.status_code, found.headers, content)
        if answer.status in NO_ANSWER:
            after = retry_after(answer.headers)
            is_there = answer.status == 429 or is_starting(answer) or self._policy.is_long(after)
            raise TransientError(explain(answer, asked), after, is_there=is_there)
        if found.cookies:
            self._cookies = {**self._cookies, **found.cookies.get_dict()}
        self._outage.note_answer()
        self.version = answer.headers.get("X-Jenkins", self.version)
        return answer

    def _renew_crumb(self, asked: Asked, lost: dict[str, str]) -> None:
        """Begin a session and take its crumb, unless another thread did so meanwhile.

        An API token needs none, so it is only asked for where Jenkins wants one.
        """
        with self._renewing:
            if self._crumb is not lost:
                return
            self._cookies, self._crumb = {}, {}
            asking = self.asked("crumbIssuer/api/json", "ask for a crumb")
            answer = self._exchange("GET", asking, b"", {})
            if answer.status == 404:  # a server without crumbs
                return
            if answer.status != 200:
                raise explain(answer, asked)
            crumb = parse_json(answer, asking, "crumbRequestField", "crumb")
            self._crumb = {crumb["crumbRequestField"]: crumb["crumb"]}

    def _probe(self) -> None:
        """Ask for next to nothing. Raises as `_send` does."""
        self._send("GET", self.asked("whoAmI/api/json", "ask whether it answers"))


def parse_json(answer: Answer, asked: Asked, *fields: str) -> dict[str, Any]:
    """Return the object that was answered. Raises TargetError where it hasn't these fields."""
    with suppress(ValueError):
        data = json.loads(answer.body)
        if isinstance(data, dict) and data.keys() >= set(fields):
            return data
    raise explain_page(answer, asked)


def _open(
    url: str, credentials: Credentials, timeout: float, adapter: requests.adapters.HTTPAdapter
) -> Any:
    """Return python-jenkins' client. The environment is read once, and no cookie is kept.

    No redirect is followed: a POST would become a GET on the way.
    """
    extra = os.environ.pop(_EXTRA_HEADERS, "")  # python-jenkins 1.8 would log them
    try:
        client = jenkins.Jenkins(url, timeout=(min(timeout, _CONNECTING), timeout))
    finally:
        if extra:
            os.environ[_EXTRA_HEADERS] = extra
    session: requests.Session = client._session
    for line in extra.split("\n"):
        name, mark, value = line.partition(":")
        if mark:
            session.headers[name] = value.strip()
    for name in ("Accept", "Connection"):  # what a server takes for granted
        del session.headers[name]
    if credentials.user:
        login = b64encode(f"{credentials.user}:{credentials.token}".encode()).decode()
        session.headers["Authorization"] = f"Basic {login}"
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = environment["proxies"], environment["verify"]
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return client


class _Adapter(requests.adapters.HTTPAdapter):
    """Tells which connection a thread uses. All are of one pool: there is one server."""

    def __init__(self, follow: Callable[[HTTPConnection], None], retry: ReadRetry) -> None:
        self._follow = follow
        self._pool: Any = None
        super().__init__(pool_maxsize=_KEPT, max_retries=retry)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        if self._pool is None:
            pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
            pool.ConnectionCls = _followed(type(pool).ConnectionCls, self._follow)
            self._pool = pool
        return self._pool

    def close(self) -> None:
        self._pool = None
        super().close()


def _followed(kind: Any, follow: Callable[[HTTPConnection], None]) -> type[HTTPConnection]:
    class Followed(kind):  # type: ignore[misc] # either of urllib3's two
        def connect(self) -> None:
            follow(self)
            super().connect()

        def request(self, *args: Any, **kwargs: Any) -> None:
            follow(self)
            super().request(*args, **kwargs)

        def getresponse(self) -> Any:
            follow(self)  # "Connection: close" leaves the socket to the answer alone
            return super().getresponse()

    return Followed


@dataclass(eq=False, slots=True)
class _UnderWay:
    began: float
    connection: HTTPConnection | None = None
    sock: Any = None
    is_cut: bool = False

    def cut(self) -> None:
        """End it, from another thread: its socket is shut."""
        self.is_cut = True
        sock: Any = getattr(self.connection, "sock", None)
        with suppress(OSError, TypeError):  # TypeError: none, or TLS through a proxy's TLS
            socket.socket.shutdown(sock or self.sock, socket.SHUT_RDWR)


class TimeLimit:
    """Watches requests in a thread: those that take long are told, those that take too long cut.

    The time limit of a socket counts anew with each byte that comes; this one, in seconds, is for a
    whole request. `tell` takes for how long there was no answer, after each quarter of the limit.
    """

    def __init__(
        self,
        limit: float,
        tell: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._tell = tell
        self._clock = clock
        self._under_way: dict[int, _UnderWay] = {}  # by thread
        self._following = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @contextmanager
    def over(self) -> Iterator[None]:
        """Hold what this thread asks inside to the limit. Raises TooSlow."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
        me = threading.get_ident()
        request = self._under_way[me] = _UnderWay(self._clock())
        try:
            yield
        finally:
            del self._under_way[me]
            self._forget(request)
            if request.is_cut:  # whatever came of that
                raise TooSlow(self._limit)

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Hold a wait between two tries: it counts neither as the request's time nor as silence."""
        me, began = threading.get_ident(), self._clock()
        request = self._under_way.pop(me)
        self._forget(request)
        try:
            yield
        finally:
            request.began += self._clock() - began
            self._under_way[me] = request

    def _forget(self, request: _UnderWay) -> None:
        with self._following:
            request.connection = request.sock = None

    def follow(self, connection: HTTPConnection) -> None:
        """Note which connection this thread uses. Who had it before, gave it back to the pool."""
        request = self._under_way.get(threading.get_ident())
        with self._following:
            for other in list(self._under_way.values()):
                if other.connection is connection:
                    other.connection = other.sock = None
            if request is not None:
                request.connection, request.sock = connection, connection.sock

    def close(self) -> None:
        with self._starting:
            thread, self._thread = self._thread, None
            self._ended.set()
            if thread is not None:
                thread.join()
            self._ended.clear()

    def _watch(self) -> None:
        told = 0.0
        while not self._ended.wait(min(self._limit / 40, _LOOKS)):
            now = self._clock()
            requests_now = list(self._under_way.values())
            for request in requests_now:
                if now >= request.began + self._limit:
                    with self._following:
                        request.cut()
            oldest = min((request.began for request in requests_now), default=now)
            if now >= max(oldest, told) + self._limit / 4:
                told = now
                self._tell(now - oldest)
