"""Requests to one Jenkins: over a pool of kept connections, tried again where that may help."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from cfl_jobs.errors import Missing, Refused
from cfl_jobs.targets.addresses import leads_to
from cfl_jobs.targets.answers import (
    Answer,
    Asked,
    explain,
    explain_page,
    explain_redirect,
    is_starting,
    retry_after,
    wants_crumb,
)
from cfl_jobs.targets.connection import FOREIGN, Connection
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.failures import explain_failure, is_final
from cfl_jobs.targets.retrying import Passing, PassingFailure, Patience
from cfl_jobs.targets.timelimit import TimeLimit
from cfl_jobs.targets.weather import Weather

CONFIG_TYPE = {"Content-Type": "text/xml; charset=utf-8"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_NO_ANSWER = (429, 502, 503, 504)


class Channel:
    """All requests to one server. Any number of threads may use it.

    Every method takes what is being done, as in "read the job 'a'", for its errors. All raise
    TargetError and its children.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        timeout: float,
        patience: Patience,
        say: Callable[[str], None],
    ) -> None:
        self.version = ""  # of the Jenkins that answered last
        self._url = url
        self._credentials = credentials
        self._timeout = timeout
        self._patience = patience
        self._idle: deque[Connection] = deque()
        self._weather = Weather(url, patience, self._probe, say)
        self._time_limit = TimeLimit(
            2 * timeout,
            timeout / 2,
            lambda seconds: say(f"Waiting for {url}: no answer for {seconds:.0f} s."),
        )

    def close(self) -> None:
        """Close the kept connections. The channel can still be used."""
        while self._idle:
            self._idle.pop().close()

    def asked(self, path: str, doing: str, *, is_write: bool = False) -> Asked:
        return Asked(self._url, self._credentials.user, doing, path, is_write)

    def ask_json(self, path: str, doing: str, *fields: str) -> dict[str, Any]:
        """Return an object of the remote API that has these fields."""
        answer = self.ask("GET", path, doing)
        return self.parse_json(answer, self.asked(path, doing), *fields)

    def parse_json(self, answer: Answer, asked: Asked, *fields: str) -> dict[str, Any]:
        try:
            data = json.loads(answer.body)
        except ValueError:
            data = None
        if not isinstance(data, dict) or not {"_class", *fields} <= set(data):
            raise explain_page(answer, asked)
        return data

    def ask(self, method: str, path: str, doing: str) -> Answer:
        """Ask for something until it is answered with status 200."""
        tries = self._patience.tries()
        asked = self.asked(path, doing)
        while True:
            try:
                answer = self._send(method, path, None, {}, asked)
                if answer.status != 200:
                    raise explain(answer, asked)
                return answer
            except PassingFailure as failure:
                self._weather.wait(tries, failure)

    def post(
        self,
        path: str,
        doing: str,
        text: str = "",
        *,
        lands_on: str | tuple[str, ...] | None = None,
        is_done: Callable[[], bool] | None = None,
        headers: Mapping[str, str] = CONFIG_TYPE,
    ) -> None:
        """Change something. Jenkins answers with 200 or 201, or leads to the path `lands_on`.

        After a try that failed, and before the next, `is_done` looks whether the change was made,
        and raises Refused where making it now would undo another's; without it, making the change
        twice is as good as once.
        """
        tries = self._patience.tries()
        is_repeated = False
        asked = self.asked(path, doing, is_write=True)
        landings = (lands_on,) if isinstance(lands_on, str) else lands_on or ()
        while True:
            try:
                answer = self._send("POST", path, text.encode(), headers, asked)
                if answer.status in (200, 201) and not answer.body:
                    return
                if any(leads_to(answer, path, self._url) for path in landings):
                    return
                if 300 <= answer.status < 400:
                    raise explain_redirect(answer, asked)
                raise (
                    explain_page(answer, asked) if answer.status == 200 else explain(answer, asked)
                )
            except PassingFailure as failure:
                self._weather.wait(tries, failure)
                is_repeated = True
                if is_done is not None and is_done():
                    return
            except (Refused, Missing):
                if is_repeated and is_done is not None and is_done():
                    return
                raise

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], asked: Asked
    ) -> Answer:
        """Send one request. Raises PassingFailure for what may pass by itself."""
        with self._weather.asking():
            connection = self._take_connection()
            try:
                with self._time_limit.over(connection.cut):
                    answer = self._ask(connection, method, path, body, headers, asked)
            except FOREIGN as error:
                connection.close()
                failure = explain_failure(error, self._url, self._timeout)
                if is_final(error, has_answered=self._weather.has_answered):
                    raise failure from error
                raise PassingFailure(failure) from error
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            if answer.status in _NO_ANSWER:
                passing = Passing.STARTING if is_starting(answer) else Passing.ACCIDENT
                passing = Passing.BUSY if answer.status == 429 else passing
                raise PassingFailure(explain(answer, asked), passing, retry_after(answer))
            self._weather.note_answer()
            self.version = answer.headers.get("X-Jenkins", self.version)
            return answer

    def _ask(
        self,
        connection: Connection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        asked: Asked,
    ) -> Answer:
        """Ask, with a new crumb where the one there is of a session that is no more."""
        answer = connection.ask(method, self._url + path, body, headers)
        if method == "POST" and wants_crumb(answer):
            obstacle = connection.renew_crumb()
            answer = obstacle or connection.ask(method, self._url + path, body, headers)
            if wants_crumb(answer):  # lost again already: a restart, or another node
                raise PassingFailure(explain(answer, asked))
        return answer

    def _probe(self) -> None:
        """Ask for next to nothing. Raises as `_send` does."""
        path = "whoAmI/api/json"
        self._send("GET", path, None, {}, self.asked(path, "ask whether it answers"))

    def _take_connection(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self._url, self._credentials, self._timeout)
