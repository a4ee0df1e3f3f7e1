"""The acceptance test for an unknown server is tried on the stand-in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.target import Kind
from tests.jenkins_server import JenkinsServer
from tests.projects import ROOT
from tests.recording import find_nearest, find_news, keep, record
from tests.server_targets import target_at

SUITE = ("tests/test_live_server.py", "tests/test_target_contract.py")


def test_the_acceptance_test_passes_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Someone else's job stays as it was."""
    version = configs.NEW
    with JenkinsServer(version) as server, target_at(server.url) as target:
        theirs = configs.recorded("wide-empty", "posted")
        target.create(Kind.JOB, "theirs", theirs)
        before = target.read(Kind.JOB, "theirs")
        monkeypatch.setenv("CFL_JOBS_TEST_URL", server.url)
        monkeypatch.setenv("CFL_JOBS_TEST_RECORDINGS", str(tmp_path))
        monkeypatch.setenv("JENKINS_USER_ID", JenkinsServer.user)
        monkeypatch.setenv("JENKINS_API_TOKEN", JenkinsServer.token)
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "live"]
        code = pytest.main([*options, *(str(ROOT / name) for name in SUITE)])
        said = capfd.readouterr().out
        assert code == 0, said
        assert "skipped" not in said
        assert "It does nothing that no recording shows." in said
        assert [entry.name for entry in target.list(Kind.JOB)] == ["theirs"]
        assert target.list(Kind.VIEW)[0].name == "all"
        assert target.read(Kind.JOB, "theirs") == before
    assert (tmp_path / version / "config" / "wide-git-defaults.stored.xml").exists()


def test_what_no_recording_shows_is_named(jenkins_server: JenkinsServer, tmp_path: Path) -> None:
    """Of a server that answers in another way, and keeps configs as no version does."""
    server = jenkins_server
    login = (server.url, server.user, server.token)
    assert find_news(record(*login)) == []
    was = server.dialect
    server.dialect = replace(
        was, has_full_locations=not was.has_full_locations, reads_file=not was.reads_file
    )
    recording = record(*login)
    news = find_news(recording)
    assert {"exchange: rename", "config: wide-empty.stored"} <= set(news)
    place = keep(recording, tmp_path)
    assert json.loads((place / "exchanges.json").read_text())["jenkins"] == server.version
    for file in (place / "config").iterdir():
        assert JenkinsServer.token not in file.read_text()


@pytest.mark.parametrize(
    ("version", "nearest"),
    [("2.426.3", "2.440.3"), ("2.528.1", "2.440.3"), ("2.568.2", "2.568.2"), ("3.1", "2.568.2")],
)
def test_an_unknown_version_is_compared_with_the_nearest_older_one(
    version: str, nearest: str
) -> None:
    assert find_nearest(version) == nearest
