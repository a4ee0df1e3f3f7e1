"""The directory target: what a Jenkins started on it finds, and whole-or-nothing writes."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cfl_jobs.configs.normalform import normalise
from cfl_jobs.errors import Missing, Refused, TargetError
from cfl_jobs.target import Kind
from cfl_jobs.targets.home import HomeTarget
from tests.rendered_jobs import folder, job, view


@pytest.fixture
def home(tmp_path: Path) -> HomeTarget:
    return HomeTarget(tmp_path / "home")


def test_jobs_and_folders_lie_where_jenkins_looks_for_them(tmp_path: Path) -> None:
    """jobs/<name>/config.xml, and a folder's jobs in jobs/ below it."""
    home = HomeTarget(tmp_path)
    home.create(Kind.JOB, "team", folder("team").config)
    home.create(Kind.JOB, "team/Ünï ☃", job().config)
    assert (tmp_path / "jobs" / "team" / "jobs" / "Ünï ☃" / "config.xml").is_file()
    assert [entry.name for entry in home.list(Kind.JOB)] == ["team", "team/Ünï ☃"]
    assert home.list(Kind.JOB)[1].description == "Publishes."


def test_a_config_is_kept_as_it_is_given(home: HomeTarget) -> None:
    """Byte for byte, carriage returns included."""
    config = job(scripts=("one&#13;\ntwo",)).config
    home.create(Kind.JOB, "a", config)
    assert home.read(Kind.JOB, "a") == config
    home.update(Kind.JOB, "a", config.replace("one", "three"))
    assert "three&#13;" in home.read(Kind.JOB, "a")


def test_saving_a_description_changes_nothing_else(home: HomeTarget) -> None:
    """Even a script with carriage returns, or with characters that XML must escape."""
    config = job(scripts=("one&#13;\n&lt;&amp;'\"☃",)).config
    home.create(Kind.JOB, "a", config)
    home.save("a", "new\n<b>")
    expected = config.replace("Publishes.", "new\n&lt;b&gt;")
    assert normalise(home.read(Kind.JOB, "a"), name="a") == normalise(expected, name="a")


def test_views_are_kept_in_the_homes_config(tmp_path: Path) -> None:
    """jenkins.model.Jenkins has them in its field `views`; a new home keeps the view "all"."""
    home = HomeTarget(tmp_path)
    home.create(Kind.VIEW, "Code for Life", view("Code for Life", ("a", "b")).config)
    root = ET.fromstring((tmp_path / "config.xml").read_text())
    assert root.tag == "hudson"
    assert [view.findtext("name") for view in root.iterfind("views/*")] == ["all", "Code for Life"]
    for element in root.iterfind("views/*"):
        owner = element.find("owner")
        assert owner is not None
        assert owner.attrib == {"class": "hudson", "reference": "../../.."}
    assert root.findtext("primaryView") == "all"
    assert [entry.name for entry in home.list(Kind.VIEW)] == ["Code for Life", "all"]


def test_a_view_is_read_back_as_it_was_given(home: HomeTarget) -> None:
    """Without the owner, which says only where it stands."""
    config = view("Chain", ("a",)).config
    home.create(Kind.VIEW, "Chain", config)
    assert normalise(home.read(Kind.VIEW, "Chain"), name="v") == normalise(config, name="v")
    assert "owner" not in home.read(Kind.VIEW, "Chain")
    home.update(Kind.VIEW, "Chain", view("Chain", ("a", "b")).config)
    assert "<string>b</string>" in home.read(Kind.VIEW, "Chain")
    home.delete(Kind.VIEW, "Chain")
    assert [entry.name for entry in home.list(Kind.VIEW)] == ["all"]


def test_what_a_jenkins_has_in_its_config_stays(tmp_path: Path) -> None:
    """Only the views change: security, nodes and all else are the server's."""
    (tmp_path / "config.xml").write_text(
        "<?xml version='1.1' encoding='UTF-8'?>\n"
        "<hudson><useSecurity>true</useSecurity><views/><primaryView>x</primaryView></hudson>"
    )
    HomeTarget(tmp_path).create(Kind.VIEW, "Chain", view("Chain", ()).config)
    root = ET.fromstring((tmp_path / "config.xml").read_text())
    assert root.findtext("useSecurity") == "true"
    assert root.findtext("primaryView") == "x"
    assert [view.findtext("name") for view in root.iterfind("views/*")] == ["Chain"]


def test_deleting_and_renaming_take_the_builds_along(tmp_path: Path) -> None:
    """Builds lie in the job's directory."""
    home = HomeTarget(tmp_path)
    home.create(Kind.JOB, "a", job().config)
    for number in (1, 2):
        (tmp_path / "jobs" / "a" / "builds" / str(number)).mkdir(parents=True)
    (tmp_path / "jobs" / "a" / "builds" / "permalinks").touch()
    assert home.count_builds("a") == 2
    home.rename("a", "b")
    assert home.count_builds("b") == 2
    assert [entry.name for entry in home.list(Kind.JOB)] == ["b"]
    home.delete(Kind.JOB, "b")
    assert not (tmp_path / "jobs" / "b").exists()


@pytest.mark.parametrize("name", ["..", "a/../../b", "a?b", "", "a//b", "a\nb", ".", "a\\b"])
def test_a_name_that_jenkins_refuses_is_refused(home: HomeTarget, name: str) -> None:
    """And can't lead out of the home."""
    with pytest.raises(Refused):
        home.create(Kind.JOB, name, job().config)


def test_what_is_there_is_not_created_and_what_is_not_is_missing(home: HomeTarget) -> None:
    """Each method says so as a server would."""
    home.create(Kind.JOB, "a", job().config)
    home.create(Kind.VIEW, "v", view("v", ()).config)
    for kind, name, config in ((Kind.JOB, "a", job().config), (Kind.VIEW, "v", "<v/>")):
        with pytest.raises(Refused, match="already"):
            home.create(kind, name, config)
    with pytest.raises(Refused, match="its folder is not there"):
        home.create(Kind.JOB, "nowhere/a", job().config)
    with pytest.raises(Refused, match="already"):
        home.rename("a", "a")
    for kind in Kind:
        with pytest.raises(Missing):
            home.read(kind, "gone")
        with pytest.raises(Missing):
            home.update(kind, "gone", job().config)
        with pytest.raises(Missing):
            home.delete(kind, "gone")
    with pytest.raises(Missing):
        home.rename("gone", "b")


def test_a_config_that_is_not_xml_is_not_written(home: HomeTarget) -> None:
    """The job stays as it was."""
    home.create(Kind.JOB, "a", job().config)
    with pytest.raises(Exception, match="line 1"):
        home.update(Kind.JOB, "a", "<project><builders></project>")
    assert home.read(Kind.JOB, "a") == job().config


def test_a_directory_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "home").write_text("")
    with pytest.raises(TargetError, match="is a file"):
        HomeTarget(tmp_path / "home").list(Kind.JOB)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """It names the place."""
    tmp_path.chmod(0o500)
    with pytest.raises(TargetError, match="Permission denied"):
        HomeTarget(tmp_path / "home").create(Kind.JOB, "a", job().config)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    """The new text is written beside the old one, then renamed into its place."""
    home = HomeTarget(tmp_path)
    home.create(Kind.JOB, "a", job().config)
    lone = "\ud800"  # can't be written as UTF-8
    with pytest.raises(UnicodeEncodeError):
        home._write_file(tmp_path / "jobs" / "a" / "config.xml", lone)
    assert home.read(Kind.JOB, "a") == job().config
    assert [path.name for path in (tmp_path / "jobs" / "a").iterdir()] == ["config.xml"]
