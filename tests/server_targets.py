"""Targets for tests of how a server is talked to, and servers that answer anything."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.errors import CflJobsError
from cfl_jobs.targets.client import RetryPolicy
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.server import JenkinsTarget
from tests.jenkins_server import JenkinsServer
from tests.rendered_jobs import folder

CONFIG = configs.recorded("wide-shell-unicode", "posted")
OTHER = CONFIG.replace("bold", "other")
FOLDER = folder("a").config
TOKEN = JenkinsServer.token
PASSWORD = JenkinsServer.password


def login(secret: str = TOKEN, user: str = JenkinsServer.user) -> Credentials:
    return Credentials(user, secret, "a test")


def retry_policy(waits: list[float] | None = None, **changes: Any) -> RetryPolicy:
    """Never sleeps, but notes the waits; nothing else takes time."""
    noted = waits if waits is not None else []
    settings: dict[str, Any] = {"draw": lambda: 1.0, "clock": lambda: sum(noted), **changes}
    return RetryPolicy(sleep=noted.append, **settings)


@contextmanager
def target_at(
    url: str,
    credentials: Credentials | None = None,
    *,
    timeout: float = 30.0,
    waits: list[float] | None = None,
) -> Iterator[JenkinsTarget]:
    chosen = login() if credentials is None else credentials
    with JenkinsTarget(url, chosen, timeout=timeout, policy=retry_policy(waits)) as target:
        yield target


@contextmanager
def raw_server(
    answer: bytes, *, drips: bytes = b"", context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Listen on loopback, give every connection these bytes, then drips, and close it."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        while True:
            try:
                plain = listener.accept()[0]
            except OSError:
                return
            with plain:
                if stopping.is_set():
                    return
                try:
                    connection = context.wrap_socket(plain, server_side=True) if context else plain
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)
                        for drip in drips:
                            if stopping.wait(0.02):
                                break
                            connection.sendall(bytes([drip]))
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        stopping.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def page(text: str, *headers: str) -> bytes:
    head = "\r\n".join(
        [
            "HTTP/1.1 200 OK",
            "Content-Type: text/html",
            f"Content-Length: {len(text)}",
            "Connection: close",
            *headers,
        ]
    )
    return f"{head}\r\n\r\n{text}".encode()


def failing(kind: type[CflJobsError], act: Callable[[], object]) -> CflJobsError:
    """Return the error of exactly this class; its text must hold no secret and give advice."""
    with pytest.raises(CflJobsError) as caught:
        act()
    assert type(caught.value) is kind, caught.value
    for secret in (TOKEN, PASSWORD, "Basic "):
        assert secret not in str(caught.value)
    assert "\n" not in caught.value.message
    return caught.value
