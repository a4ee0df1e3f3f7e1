"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jenkins_server import JenkinsServer


@pytest.fixture
def jenkins_server() -> Iterator[JenkinsServer]:
    """A stand-in for Jenkins on loopback, empty."""
    with JenkinsServer() as server:
        yield server
