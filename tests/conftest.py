"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jenkins_server import JenkinsServer
from tests.jenkins_server_configs import DIALECTS
from tests.rendered_jobs import choose_dialect


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests render is kept for other tests, and not in the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _loopback_without_proxy() -> Iterator[None]:
    """A company's proxy knows nothing of this machine's loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        patch.setenv("no_proxy", "127.0.0.1,localhost")
        yield


@pytest.fixture(params=DIALECTS)
def each_dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server in memory be each recorded version, with its plugins."""
    choose_dialect(request.param, monkeypatch)


@pytest.fixture(params=DIALECTS)
def jenkins_server(request: pytest.FixtureRequest) -> Iterator[JenkinsServer]:
    """A stand-in for Jenkins on loopback, empty, of each recorded version."""
    with JenkinsServer(request.param) as server:
        yield server
