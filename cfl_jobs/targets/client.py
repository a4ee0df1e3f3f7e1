"""Requests to one Jenkins → answers, over python-jenkins: the only module that sends any.

python-jenkins' own create_job and the like ask twice more around each change and lose what the
server answered, so its `jenkins_request` is used with the requests that are needed.

A read that broke off is sent again at once. What still fails is sent again when the server answers
anything: one thread asks whether it does, the others wait for that.
"""

from __future__ import annotations

import json
import math
import os
import random
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from io import BytesIO
from itertools import count
from typing import Any

import jenkins
import requests

from cfl_jobs.errors import Missing, Refused, TargetError, Unreachable
from cfl_jobs.targets.answers import (
    FOREIGN,
    Answer,
    Asked,
    TooSlow,
    explain,
    explain_failure,
    is_brief,
    is_final,
    leads_to,
)
from cfl_jobs.targets.credentials import Credentials

CONFIG_TYPE = {"Content-Type": "text/xml; charset=utf-8"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_NO_HEADERS: Mapping[str, str] = {}
# What a server or a proxy in front of it answers while it can't answer.
_NO_ANSWER = frozenset({429, 502, 503, 504})
_CONNECTING = 15.0  # seconds for a connection, which a server makes before it works on anything
_KEPT = 32  # connections
_READS = 1  # more tries of a read that was tried again at once in vain
_SAY_AGAIN = 30.0  # seconds
_EXTRA_HEADERS = "JENKINS_API_EXTRA_HEADERS"


class TransientError(Exception):
    """Carries the error that is raised if sending the request again doesn't help.

    `after` is how long, in seconds, the server asks to be left alone. `is_there`: that it is there
    at all, it says itself. `is_brief`: it may pass at once.
    """

    def __init__(
        self,
        error: TargetError,
        after: float = 0.0,
        *,
        is_there: bool = False,
        is_brief: bool = False,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.after = after
        self.is_there = is_there
        self.is_brief = is_brief


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often requests are sent again, and how long, in seconds, is waited.

    A change is sent again at most `attempts` times; so is a read, but what still fails then is
    begun anew when the server answers again. Waits double from `first` to `longest`, or are as long
    as the server asks for, and differ by chance so that threads don't come back as one. A server
    that is known to be there is waited for until `limit`, by all requests together: a restart takes
    a minute or two. `hold` waits for an answer, and tells whether there is one.
    """

    attempts: int = 4
    limit: float = 120.0
    first: float = 0.5
    longest: float = 8.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    draw: Callable[[], float] = field(default=random.random, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    hold: Callable[[threading.Event, float], bool] = field(default=threading.Event.wait, repr=False)

    def wait(self, count: int, at_least: float = 0.0) -> None:
        """Wait before a request is sent for the `count`th time again."""
        half = min(self.longest, self.first * 2.0 ** (count - 1)) / 2
        self.sleep(max(at_least, half) + half * self.draw())

    def is_long(self, after: float) -> bool:
        """Whether a server that asks for this wait is waited for, but not within one request."""
        return self.longest < after <= self.limit


@dataclass(eq=False)
class Outage:
    """What the threads know of one server: whether it answers, is waited for, or is given up.

    `probe` asks the server for next to nothing, and raises TransientError. `say` takes a line for
    whoever waits.
    """

    server: str
    policy: RetryPolicy
    probe: Callable[[], object]
    say: Callable[[str], None]
    answers: int = 0
    is_there: bool = False
    is_lost: bool = False
    not_before: float = 0.0
    say_next: float = -math.inf
    waiting: threading.Lock = field(default_factory=threading.Lock)
    saying: threading.Lock = field(default_factory=threading.Lock)

    def note_answer(self) -> None:
        self.answers += 1
        self.is_there = True
        self.is_lost = False

    def check(self) -> None:
        """Raise Unreachable for a server that was given up: it is asked again now and then.

        Hundreds of jobs mustn't wait for a server one after the other.
        """
        with self.saying:
            now = self.policy.clock()
            if not self.is_lost:
                return
            if now >= self.not_before:
                self.not_before = now + self.policy.longest
                return
        raise Unreachable(
            f"{self.server} does not answer any more, and wasn't asked again",
            advice="Run the command again when it does.",
        )

    def wait(self, failure: TransientError, count: int, attempts: int) -> None:
        """Wait before a request is sent for the `count`th time again, at most `attempts` times.

        Raises the failure's error where that is no use: the server never answered, or doesn't come
        back in time.
        """
        answers = self.answers
        self.is_there |= failure.is_there
        if self.is_lost or not self.is_there:
            self._give_up()
            raise failure.error from failure.__cause__
        if count > attempts or failure.after > self.policy.limit:
            raise failure.error from failure.__cause__
        if self.policy.is_long(failure.after):
            self.say_once(f"Waiting for {failure.after:.0f} s: {failure.error.message}.")
        self.policy.wait(count, failure.after)
        with self.waiting:
            if self.answers == answers:
                self._find_again(failure)

    def say_once(self, line: str) -> None:
        """Say why nothing happens now, once for all threads that wait for the same."""
        with self.saying:
            now = self.policy.clock()
            if now >= self.say_next:
                self.say_next = now + _SAY_AGAIN
                self.say(line)

    def _find_again(self, failure: TransientError) -> None:
        """Ask the server until it answers, but not before it wants to be asked again."""
        policy, count = self.policy, 0
        said, end = None, policy.clock() + policy.limit
        while not self.is_lost:
            try:
                self.probe()
                break
            except TransientError as found:
                failure = found
            except TargetError:  # an answer too
                break
            now = policy.clock()
            if end - now <= failure.after:
                self._give_up()
                break
            if said is None or now - said >= _SAY_AGAIN:
                self.say(f"Waiting, up to {end - now:.0f} s more: {failure.error.message}.")
                said = now
            count += 1
            policy.wait(count, failure.after)
        if self.is_lost:
            raise failure.error from failure.__cause__
        if said is not None:
            self.say(f"{self.server} answers again.")

    def _give_up(self) -> None:
        self.is_lost = True
        self.not_before = self.policy.clock() + self.policy.longest


class Client:
    """All requests to one server, over kept connections. Any number of threads may use it.

    `timeout`, in seconds, is for each pause in an answer. A request has twice that, tries at once
    included, the waits between them not. Every method takes what is being done, as in "read the job
    'a'", for its errors. All raise TargetError and its children.
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
        self._adapter = requests.adapters.HTTPAdapter(pool_maxsize=_KEPT)
        self._jenkins = _open(url, credentials, timeout, self._adapter)
        self._cookies: dict[str, str] = {}
        self._crumb: dict[str, str] = {}
        self._renewing = threading.Lock()

    def close(self) -> None:
        """Close the kept connections. The client can still be used."""
        self._adapter.close()

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
                is_long = self._policy.is_long(failure.after)  # it wasn't tried again at once
                self._outage.wait(failure, again, self._policy.attempts if is_long else _READS)
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
        self, method: str, asked: Asked, body: bytes = b"", headers: Mapping[str, str] = _NO_HEADERS
    ) -> Answer:
        """Send one request, with a new crumb where it lacks one. Raises TransientError."""
        self._outage.check()
        crumb = self._crumb
        answer = self._try(method, asked, body, {**headers, **crumb})
        if method == "POST" and answer.wants_crumb:
            self._renew_crumb(asked, crumb)
            answer = self._try(method, asked, body, {**headers, **self._crumb})
            if answer.wants_crumb:  # lost again already: a restart, or another node
                raise TransientError(explain(answer, asked))
        return answer

    def _try(self, method: str, asked: Asked, body: bytes, headers: dict[str, str]) -> Answer:
        """Send a request; a read that broke off again at once, some times, as long as it has."""
        tries, left = 0, 2 * self._timeout
        while True:
            began = self._policy.clock()
            try:
                return self._exchange(method, asked, body, headers, left)
            except TransientError as failure:
                tries += 1
                left -= self._policy.clock() - began
                is_brief = failure.is_brief and tries <= self._policy.attempts
                if method != "GET" or not is_brief or left <= 0:
                    raise
                self._policy.wait(tries, failure.after)

    def _exchange(
        self, method: str, asked: Asked, body: bytes, headers: dict[str, str], left: float
    ) -> Answer:
        """Return the answer, whatever its status. Raises TransientError for what may pass."""
        if cookies := self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        sent = _Body(body)
        request = requests.Request(method, self._url + asked.path, headers, data=body and sent)
        try:
            found = self._get_response(request, sent, left)
        except (jenkins.JenkinsException, *FOREIGN) as error:
            failure = explain_failure(error, self._url, self._timeout)
            if is_final(error):
                raise failure from error
            raise TransientError(failure, is_brief=is_brief(error)) from error
        content = b"" if found.is_redirect else found.content
        answer = Answer(found.status_code, found.headers, content)
        if answer.status in _NO_ANSWER:
            after = answer.after
            is_there = answer.status == 429 or answer.is_starting or self._policy.is_long(after)
            passes = after <= self._policy.longest
            failure = explain(answer, asked)
            raise TransientError(failure, after, is_there=is_there, is_brief=passes)
        if found.cookies:
            self._cookies = {**self._cookies, **found.cookies.get_dict()}
        self._outage.note_answer()
        self.version = answer.headers.get("X-Jenkins", self.version)
        return answer

    def _get_response(
        self, request: requests.Request, sent: _Body, left: float
    ) -> requests.Response:
        """Send a request in a thread, which is left alone after so many seconds.

        The time limit of a socket counts anew with each byte that comes. Raises TooSlow, and what
        else python-jenkins raises but for an answer, which it may word anew and lose.
        """
        answers: list[requests.Response] = []
        failures: list[Exception] = []
        done = threading.Event()
        request.hooks["response"] = [lambda response, **_: answers.append(response)]

        def send() -> None:
            try:
                self._jenkins.jenkins_request(request, add_crumb=False, resolve_auth=False)
            except jenkins.TimeoutException as error:
                failures.append(error)
            except (jenkins.JenkinsException, requests.HTTPError, requests.TooManyRedirects):
                pass  # an answer
            except Exception as error:
                failures.append(error)
            done.set()

        threading.Thread(target=send, daemon=True).start()
        limit, quarter = 2 * self._timeout, self._timeout / 2
        while not self._policy.hold(done, min(quarter, left)):
            left -= quarter
            if left <= 0:
                sent.is_given_up = True
                raise TooSlow(limit)
            self._outage.say_once(f"Waiting for {self._url}: no answer for {limit - left:.0f} s.")
        for failure in failures:
            raise failure
        return answers[0]

    def _renew_crumb(self, asked: Asked, lost: dict[str, str]) -> None:
        """Begin a session and take its crumb, unless another thread did so meanwhile.

        An API token needs none, so it is only asked for where Jenkins wants one.
        """
        with self._renewing:
            if self._crumb is not lost:
                return
            self._cookies, self._crumb = {}, {}
            asking = self.asked("crumbIssuer/api/json", "ask for a crumb")
            answer = self._try("GET", asking, b"", {})
            if answer.status == 404:  # a server without crumbs
                return
            if answer.status != 200:
                raise explain(answer, asked)
            crumb = parse_json(answer, asking, "crumbRequestField", "crumb")
            self._crumb = {crumb["crumbRequestField"]: crumb["crumb"]}

    def _probe(self) -> None:
        """Ask for next to nothing. Raises as `_send` does."""
        self._send("GET", self.asked("whoAmI/api/json", "ask whether it answers"))


class _Body(BytesIO):
    """What a request sends; not any more once it was given up, so that no change is made late."""

    is_given_up = False

    def read(self, size: int | None = -1) -> bytes:
        if self.is_given_up:
            raise ConnectionAbortedError
        return super().read(size)


def parse_json(answer: Answer, asked: Asked, *fields: str) -> dict[str, Any]:
    """Return the object that was answered. Raises TargetError where it hasn't these fields."""
    with suppress(ValueError):
        data = json.loads(answer.body)
        if isinstance(data, dict) and data.keys() >= set(fields):
            return data
    raise explain(answer, asked)


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
