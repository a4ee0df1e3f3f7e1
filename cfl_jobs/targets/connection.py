"""One kept connection to a Jenkins: the only importer of python-jenkins and requests.

python-jenkins' own create_job and the like ask twice more around each change and lose what the
server answered, so its `jenkins_request` is used with the requests that are needed.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import jenkins
import requests
import urllib3

from cfl_jobs.targets.answers import Answer
from cfl_jobs.targets.credentials import Credentials

CONNECTING = 15.0  # seconds for a connection, which a server makes before it works on anything
# All that python-jenkins, requests, urllib3 and the socket below them raise.
FOREIGN = (
    jenkins.JenkinsException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # a crumb that isn't one; a host that can't be encoded
)


class Connection(jenkins.Jenkins):  # type: ignore[misc] # python-jenkins has no types
    """One kept connection, with its session and crumb. Used by one thread at a time."""

    def __init__(self, url: str, credentials: Credentials, timeout: float) -> None:
        with _extra_headers_unsaid():
            user, token = (credentials.user, credentials.token) if credentials.user else (None,) * 2
            super().__init__(url, user, token, timeout=timeout)
        # requests works out where a redirect would lead, proxies and all, though none is followed.
        self._session.resolve_redirects = _lead_nowhere
        self._adapter = _Adapter()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)
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
            prepared,
            timeout=(min(self.timeout, CONNECTING), self.timeout),
            allow_redirects=False,
            **self._settings,
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

    def cut(self) -> None:
        """End the request that is under way, from another thread: its socket is shut."""
        sock: Any = getattr(self._adapter.newest, "sock", None)
        with suppress(OSError, TypeError):  # TypeError: TLS through a proxy's TLS
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Adapter(requests.adapters.HTTPAdapter):
    """Knows the connection that was opened last: the one in use, if any is."""

    newest: urllib3.connection.HTTPConnection | None = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        make = type(pool).ConnectionCls

        def open_connection(**settings: Any) -> urllib3.connection.HTTPConnection:
            self.newest = make(**settings)
            return self.newest

        pool.ConnectionCls = open_connection
        return pool


def _lead_nowhere(*_: object, **__: object) -> Iterator[requests.PreparedRequest]:
    return iter(())


class _Login(requests.auth.AuthBase):
    """Basic authentication; without credentials none, so that ~/.netrc is not asked either."""

    def __init__(self, credentials: Credentials) -> None:
        login = (credentials.user.encode(), credentials.token.encode())
        self._add = requests.auth.HTTPBasicAuth(*login) if credentials.user else None

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._add(r) if self._add else r


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
