"""All targets keep the same promises: the stand-in, a directory, memory, and a live server.

The live one is asked when CFL_JOBS_TEST_URL is set, with JENKINS_USER_ID and JENKINS_API_TOKEN or
a jenkins_jobs.ini; only names that start with PREFIX are touched, and they are removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.configs.config import normalise
from cfl_jobs.errors import Missing, Refused
from cfl_jobs.target import Kind, Target
from cfl_jobs.targets.credentials import Credentials
from cfl_jobs.targets.home import HomeTarget
from cfl_jobs.targets.server import JenkinsTarget, open_server
from tests.jenkins_server import JenkinsServer
from tests.memory_target import MemoryTarget
from tests.recording import PREFIX

URL_VARIABLE = "CFL_JOBS_TEST_URL"
JOB, FOLDER, VIEW = f"{PREFIX}job", f"{PREFIX}folder", f"{PREFIX}view"
INNER = f"{FOLDER}/inner ünï ✓"
STAND_INS = {
    f"{version}, {secret}": (version, secret)
    for version, secret in product(configs.DIALECTS, ("token", "password"))
}
SERVERS = (*STAND_INS, "live")


def recorded_config(description: str = "made by a test") -> str:
    text = configs.recorded("wide-shell-unicode", "posted")
    element = f"<description>{description}</description>"
    return re.sub("<description>.*?</description>", element, text, flags=re.DOTALL)


FOLDER_CONFIG = (
    "<com.cloudbees.hudson.plugins.folder.Folder><description/>"
    "</com.cloudbees.hudson.plugins.folder.Folder>"
)
VIEW_CONFIG = next(
    exchange["request"]["body"]
    for exchange in configs.exchanges(configs.NEW)
    if exchange["name"] == "create view"
).replace("Code for Life", VIEW)


def remove_everything(target: Target) -> None:
    """Remove what the tests made; what is in a folder goes with it, its own view too."""
    for kind in (Kind.VIEW, Kind.JOB):
        for listed in target.list(kind):
            if listed.name.startswith(PREFIX) and "/" not in listed.name:
                target.delete(kind, listed.name)


@pytest.fixture(params=["directory", "memory", *SERVERS])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    if request.param == "directory":
        yield HomeTarget(tmp_path / "home")
    elif request.param == "memory":
        yield MemoryTarget()
    elif request.param == "live":
        url = os.environ.get(URL_VARIABLE)
        if not url:
            pytest.skip(f"{URL_VARIABLE} names no live Jenkins")
        with open_server(url) as live:
            remove_everything(live)
            try:
                yield live
            finally:
                remove_everything(live)
    else:
        version, kind = STAND_INS[request.param]
        with JenkinsServer(version) as server:
            secret = server.token if kind == "token" else server.password
            with JenkinsTarget(server.url, Credentials(server.user, secret, "test")) as found:
                yield found


def names(target: Target, kind: Kind = Kind.JOB) -> list[str]:
    return [entry.name for entry in target.list(kind) if entry.name.startswith(PREFIX)]


def test_a_created_job_is_listed_and_read_as_it_was_given(target: Target) -> None:
    config = recorded_config()
    assert names(target) == []
    target.create(Kind.JOB, JOB, config)
    assert [
        (entry.name, entry.description, entry.disabled)
        for entry in target.list(Kind.JOB)
        if entry.name == JOB
    ] == [(JOB, "made by a test", False)]
    assert normalise(target.read(Kind.JOB, JOB), name=JOB) == normalise(config, name=JOB)


def test_a_name_is_created_once(target: Target) -> None:
    target.create(Kind.JOB, JOB, recorded_config())
    with pytest.raises(Refused):
        target.create(Kind.JOB, JOB, recorded_config("another"))
    assert "made by a test" in target.read(Kind.JOB, JOB)


def test_an_update_replaces_the_config(target: Target) -> None:
    target.create(Kind.JOB, JOB, recorded_config())
    target.update(Kind.JOB, JOB, recorded_config("another"))
    assert "another" in target.read(Kind.JOB, JOB)
    with pytest.raises(Missing):
        target.update(Kind.JOB, f"{PREFIX}absent", recorded_config())


def test_what_is_absent_is_missing(target: Target) -> None:
    absent = f"{PREFIX}absent"
    for kind in Kind:
        with pytest.raises(Missing):
            target.read(kind, absent)
        with pytest.raises(Missing):
            target.delete(kind, absent)
    with pytest.raises(Missing):
        target.rename(absent, f"{PREFIX}other")


def test_a_save_sets_the_description_and_changes_nothing_else(target: Target) -> None:
    """Text that XML, forms and URLs each write in their own way comes back as it was."""
    description = "one\ntwo & <b>three</b> + 100% \"four\" 'five' ünï ✓ ; a=b"
    config = recorded_config()
    target.create(Kind.JOB, JOB, config)
    target.save(JOB, description)
    after = target.read(Kind.JOB, JOB)
    assert next(entry for entry in target.list(Kind.JOB) if entry.name == JOB).description == (
        description
    )
    target.save(JOB, "made by a test")
    assert normalise(target.read(Kind.JOB, JOB), name=JOB) == normalise(config, name=JOB)
    assert normalise(after, name=JOB) != normalise(config, name=JOB)


def test_a_renamed_job_is_there_by_its_new_name_only(target: Target) -> None:
    target.create(Kind.JOB, JOB, recorded_config())
    target.rename(JOB, f"{PREFIX}renamed")
    assert names(target) == [f"{PREFIX}renamed"]
    target.create(Kind.JOB, JOB, recorded_config())
    with pytest.raises(Refused):
        target.rename(JOB, f"{PREFIX}renamed")


def test_a_deleted_job_is_gone(target: Target) -> None:
    target.create(Kind.JOB, JOB, recorded_config())
    target.delete(Kind.JOB, JOB)
    assert names(target) == []


def test_jobs_live_in_folders(target: Target) -> None:
    """A folder is a job to Jenkins; what is in it is named by the whole way."""
    with pytest.raises(Refused):
        target.create(Kind.JOB, INNER, recorded_config())
    target.create(Kind.JOB, FOLDER, FOLDER_CONFIG)
    target.create(Kind.JOB, INNER, recorded_config())
    assert names(target) == [FOLDER, INNER]
    target.update(Kind.JOB, INNER, recorded_config("another"))
    assert "another" in target.read(Kind.JOB, INNER)
    target.save(INNER, "third")
    assert [entry.description for entry in target.list(Kind.JOB) if entry.name == INNER] == [
        "third"
    ]
    target.delete(Kind.JOB, INNER)
    assert names(target) == [FOLDER]


def test_views_are_kept_beside_jobs(target: Target) -> None:
    target.create(Kind.VIEW, VIEW, VIEW_CONFIG)
    assert names(target, Kind.VIEW) == [VIEW]
    assert names(target) == []
    with pytest.raises(Refused):
        target.create(Kind.VIEW, VIEW, VIEW_CONFIG)
    config = VIEW_CONFIG.replace("<description/>", "<description>the chain</description>")
    target.update(Kind.VIEW, VIEW, config)
    assert [e.description for e in target.list(Kind.VIEW) if e.name == VIEW] == ["the chain"]
    after = target.read(Kind.VIEW, VIEW)
    assert normalise(after, name=VIEW) == normalise(config, name=VIEW)
    target.delete(Kind.VIEW, VIEW)
    assert names(target, Kind.VIEW) == []


def test_a_new_job_has_no_builds(target: Target) -> None:
    target.create(Kind.JOB, JOB, recorded_config())
    assert target.count_builds(JOB) == 0


@pytest.mark.parametrize("target", ["directory", *SERVERS], indirect=True)
@pytest.mark.parametrize("name", [f"{PREFIX}a?b", "..", f"{PREFIX}a\\b", f"{PREFIX}a%b"])
def test_a_name_that_jenkins_does_not_take_is_refused(target: Target, name: str) -> None:
    with pytest.raises(Refused):
        target.create(Kind.JOB, name, recorded_config())
