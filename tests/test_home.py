"""The directory target: what a Jenkins started on it finds, and whole-or-nothing writes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import CflJobsError, Missing, PermissionDenied, Refused, TargetError
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Create
from cfl_jobs.planning.planner import plan_changes
from cfl_jobs.target import Kind
from cfl_jobs.targets.home import HomeTarget
from cfl_jobs.targets.home_files import delete_directory, locked
from tests.rendered_jobs import folder, job, view


@pytest.fixture
def home(tmp_path: Path) -> HomeTarget:
    return HomeTarget(tmp_path)


def test_jobs_and_folders_lie_where_jenkins_looks_for_them(
    home: HomeTarget, tmp_path: Path
) -> None:
    """jobs/<name>/config.xml, and a folder's jobs in jobs/ below it."""
    home.create(Kind.JOB, "team", folder("team").config)
    home.create(Kind.JOB, "team/Ünï ☃", job().config)
    assert (tmp_path / "jobs" / "team" / "jobs" / "Ünï ☃" / "config.xml").is_file()
    assert [entry.name for entry in home.list(Kind.JOB)] == ["team", "team/Ünï ☃"]
    assert home.list(Kind.JOB)[1].description == "Publishes."


def test_a_locale_that_cant_write_the_names_of_jobs_is_refused(
    home: HomeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jenkins reads them as UTF-8; one that wrote "Ü" as another byte would make another job."""
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    with pytest.raises(TargetError, match="this locale writes file names as ascii") as caught:
        home.list(Kind.JOB)
    assert "LC_ALL=C.UTF-8" in caught.value.advice


def test_a_config_is_kept_as_it_is_given(home: HomeTarget) -> None:
    """Byte for byte, carriage returns included."""
    config = job(scripts=("one&#13;\ntwo",)).config
    home.create(Kind.JOB, "a", config)
    assert home.read(Kind.JOB, "a") == config
    home.update(Kind.JOB, "a", config.replace("one", "three"))
    assert "three&#13;" in home.read(Kind.JOB, "a")


def test_views_are_kept_in_the_homes_config(home: HomeTarget, tmp_path: Path) -> None:
    """jenkins.model.Jenkins has them in its field `views`; a new home keeps the view "all"."""
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
    for empty, kept in ("<hudson/>", "<hudson>"), ("<hudson><!-- ours --></hudson>", "<!-- ours"):
        (tmp_path / "config.xml").write_text(empty)
        home.create(Kind.VIEW, "a", view("a", ()).config)
        assert kept in (tmp_path / "config.xml").read_text()
        assert [entry.name for entry in home.list(Kind.VIEW)] == ["a"]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_new_home_keeps_workspaces_and_builds_where_a_new_server_does(
    tmp_path: Path, kind: Kind
) -> None:
    """jenkins.model.Jenkins takes a home without the two for a very old one (seen with 2.568.2)."""
    config = view("a", ()).config if kind is Kind.VIEW else job().config
    HomeTarget(tmp_path / "home").create(kind, "a", config)
    root = ET.fromstring((tmp_path / "home" / "config.xml").read_text())
    assert root.findtext("workspaceDir") == "${JENKINS_HOME}/workspace/${ITEM_FULL_NAME}"
    assert root.findtext("buildsDir") == "${ITEM_ROOTDIR}/builds"


def test_deleting_and_renaming_take_the_builds_along(home: HomeTarget, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "name",
    ["..", "a/../../b", "a?b", "", "a//b", "a\nb", ".", "a\\b", "a ", " a", "a.", "a\x7f", "/a"],
)
def test_a_name_that_jenkins_refuses_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written; it can't lead out of the home either."""
    home = HomeTarget(tmp_path / "home")
    for kind, config in ((Kind.JOB, job().config), (Kind.VIEW, view("v", ()).config)):
        with pytest.raises(Refused, match="can't be a name in Jenkins"):
            home.create(kind, name, config)
    assert list(tmp_path.iterdir()) == []
    home.create(Kind.JOB, "there", job().config)
    with pytest.raises(Refused):
        home.rename("there", name)
    assert [entry.name for entry in home.list(Kind.JOB)] == ["there"]


@pytest.mark.parametrize("name", ["..", "a/../../..", "", "a//b", "a\0"])
def test_no_name_leads_out_of_the_home(home: HomeTarget, name: str) -> None:
    with pytest.raises(Refused):
        home.read(Kind.JOB, name)
    with pytest.raises(Refused):
        home.update(Kind.JOB, name, job().config)
    with pytest.raises(Refused):
        home.delete(Kind.JOB, name)
    with pytest.raises(Refused):
        home.rename(name, "b")


def test_a_name_is_as_long_as_a_directorys_may_be(home: HomeTarget) -> None:
    """That is 255 bytes, and a view has no directory."""
    home.create(Kind.JOB, "é" * 127, job().config)
    with pytest.raises(Refused, match="255 bytes"):
        home.create(Kind.JOB, "é" * 128, job().config)
    home.create(Kind.VIEW, "é" * 128, view("v", ()).config)
    with pytest.raises(Missing):
        home.read(Kind.JOB, "é" * 128)


def test_a_job_whose_name_jenkins_would_refuse_by_now_is_still_read(
    home: HomeTarget, tmp_path: Path
) -> None:
    """An older Jenkins may have made it."""
    put_job(tmp_path, "100 %", job().config)
    assert [entry.name for entry in home.list(Kind.JOB)] == ["100 %"]
    home.save("100 %", "new")
    assert ">new<" in home.read(Kind.JOB, "100 %")
    home.rename("100 %", "all")
    assert [entry.name for entry in home.list(Kind.JOB)] == ["all"]


def test_a_name_in_other_letters_is_taken(home: HomeTarget) -> None:
    """Jenkins keeps jobs by name without regard to case; a job may change its own letters."""
    home.create(Kind.JOB, "Deploy", job().config)
    home.create(Kind.JOB, "other", job().config)
    with pytest.raises(Refused, match="has a job 'Deploy' already"):
        home.create(Kind.JOB, "dePloy", job().config)
    with pytest.raises(Refused, match="has a job 'Deploy' already"):
        home.rename("other", "deploy")
    home.rename("Deploy", "deploy")
    assert [entry.name for entry in home.list(Kind.JOB)] == ["deploy", "other"]
    home.create(Kind.JOB, "team", folder("team").config)
    home.create(Kind.JOB, "team/Deploy", job().config)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty, after a crash"),
        pytest.param(b"<project><builders></project>", id="no XML"),
        pytest.param(b"<?xml version='1.0'?><project>&#x1b;</project>", id="control"),
        pytest.param(b"<project>caf\xe9</project>", id="not UTF-8"),
        pytest.param(b"<?xml version='1.0' encoding='klingon'?><project/>", id="encoding"),
    ],
)
def test_a_job_that_makes_no_sense_is_listed_and_hinders_no_other(
    home: HomeTarget, tmp_path: Path, content: bytes
) -> None:
    """It is there, and neither made again nor changed."""
    home.create(Kind.JOB, "good", job().config)
    put_job(tmp_path, "bad", "")
    path = tmp_path / "jobs" / "bad" / "config.xml"
    path.write_bytes(content)
    assert [entry.name for entry in home.list(Kind.JOB)] == ["bad", "good"]
    assert [bool(entry.problem) for entry in home.list(Kind.JOB)] == [True, False]
    with pytest.raises(CflJobsError):
        parse_config(home.read(Kind.JOB, "bad"), name="bad")
    with pytest.raises(Refused, match="already"):
        home.create(Kind.JOB, "bad", job().config)
    with pytest.raises(CflJobsError):
        home.save("bad", "new")
    assert path.read_bytes() == content


@pytest.mark.parametrize("is_wanted", [True, False], ids=["wanted", "foreign"])
def test_a_plan_leaves_what_makes_no_sense_alone(
    home: HomeTarget, tmp_path: Path, *, is_wanted: bool
) -> None:
    path = tmp_path / "jobs" / "bad" / "config.xml"
    put_job(tmp_path, "bad", "")
    path.write_bytes(b"<?xml version='1.0' encoding='klingon'?><project/>")
    rendered = [job("bad"), job("new")] if is_wanted else [job("new")]
    wanted = [(entry.kind, entry.name) for entry in rendered]
    observed = observe(home, wanted, with_orphans=True)
    plan = plan_changes(rendered, observed, prune=True)
    assert [(type(change), change.name) for change in plan.changes] == [(Create, "new")]
    (told,) = plan.undone if is_wanted else plan.notes
    assert told.name == "bad"
    assert "unknown encoding" in told.text


def test_a_home_whose_own_config_makes_no_sense_says_so(home: HomeTarget, tmp_path: Path) -> None:
    """Its views can't be told; nothing is written over it."""
    (tmp_path / "config.xml").write_text("<hudson><views>")
    with pytest.raises(TargetError, match="no Jenkins starts with it"):
        home.list(Kind.VIEW)
    with pytest.raises(TargetError, match=r"config\.xml line 1"):
        home.create(Kind.VIEW, "v", view("v", ()).config)
    assert (tmp_path / "config.xml").read_text() == "<hudson><views>"


def test_a_link_to_a_directory_above_is_not_followed_for_ever(
    home: HomeTarget, tmp_path: Path
) -> None:
    """What is in it is listed once."""
    home.create(Kind.JOB, "a", job().config)
    (tmp_path / "jobs" / "a" / "jobs").symlink_to(tmp_path / "jobs")
    assert [entry.name for entry in home.list(Kind.JOB)] == ["a"]


def test_two_runs_at_once_lose_no_view(tmp_path: Path) -> None:
    """All views are in one file, which each reads, changes and writes."""
    tmp_path.mkdir(exist_ok=True)
    names = [f"{run} {number}" for number in range(20) for run in "ab"]

    def make(name: str) -> None:
        home = HomeTarget(tmp_path, durable=False)  # one for each, as two runs have it
        home.create(Kind.VIEW, name, view(name, ()).config)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(make, names))
    found = [entry.name for entry in HomeTarget(tmp_path).list(Kind.VIEW)]
    assert found == sorted([*names, "all"])


def test_what_another_run_is_writing_is_waited_for(tmp_path: Path) -> None:
    """But not for ever."""
    home = HomeTarget(tmp_path, timeout=0)
    home.create(Kind.JOB, "a", job().config)
    home.create(Kind.VIEW, "v", view("v", ()).config)
    for directory, kind, name in (
        (tmp_path, Kind.VIEW, "v"),
        (tmp_path / "jobs" / "a", Kind.JOB, "a"),
    ):
        with (
            locked(directory, timeout=0),
            pytest.raises(TargetError, match="being changed by another run"),
        ):
            home.update(kind, name, home.read(kind, name))
        home.update(kind, name, home.read(kind, name))


def test_a_run_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """At whatever system call; what lies beside the jobs then goes with the next run."""
    command = [sys.executable, "-m", "tests.killed_runs", str(tmp_path / "home")]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    states: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        deed, _, state = line.split(",", maxsplit=2)
        states.setdefault(deed, []).append(state)
    assert sorted(states) == ["create", "delete", "rename", "update", "view"]
    for deed, found in states.items():
        olds, news = found.count("old"), found.count("new")
        assert found == ["old"] * olds + ["new"] * news, deed
        assert olds > 2, deed
        assert news > 1, deed


def test_a_job_that_goes_while_it_is_waited_for_is_missing(
    home: HomeTarget, tmp_path: Path
) -> None:
    """The lock that was waited for is one of a directory that isn't there any more."""
    home.create(Kind.JOB, "a", job().config)
    directory = tmp_path / "jobs" / "a"
    with ThreadPoolExecutor(max_workers=1) as pool:
        with locked(directory, timeout=0):
            waiting = pool.submit(home.update, Kind.JOB, "a", job().config)
            delete_directory(directory, durable=False)
        with pytest.raises(Missing):
            waiting.result()
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everywhere")
class TestForbidden:
    """What may not be read or written is one clear error, which names the place."""

    def test_a_directory_that_may_not_be_written_is_named(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(PermissionDenied, match="Permission denied"):
            HomeTarget(tmp_path / "home").create(Kind.JOB, "a", job().config)

    def test_a_job_directory_that_may_not_be_written_keeps_the_job(
        self, home: HomeTarget, tmp_path: Path
    ) -> None:
        home.create(Kind.JOB, "a", job().config)
        (tmp_path / "jobs" / "a").chmod(0o500)
        with pytest.raises(PermissionDenied, match=r"a/config.xml: Permission denied"):
            home.update(Kind.JOB, "a", job(scripts=("other",)).config)
        with pytest.raises(PermissionDenied, match="Permission denied"):
            home.delete(Kind.JOB, "a")
        assert home.read(Kind.JOB, "a") == job().config
        assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["a"]
        (tmp_path / "jobs" / "a").chmod(0o700)

    def test_jobs_that_may_not_be_read_are_not_taken_for_absent(
        self, home: HomeTarget, tmp_path: Path
    ) -> None:
        for name in ("good", "closed", "secret"):
            home.create(Kind.JOB, name, job().config)
        closed, secret = tmp_path / "jobs" / "closed", tmp_path / "jobs" / "secret" / "config.xml"
        closed.chmod(0)
        secret.chmod(0)
        assert [entry.name for entry in home.list(Kind.JOB)] == ["closed", "good", "secret"]
        for name in ("closed", "secret"):
            with pytest.raises(PermissionDenied):
                home.read(Kind.JOB, name)
            with pytest.raises((PermissionDenied, Refused)):
                home.create(Kind.JOB, name, job().config)
        with pytest.raises(PermissionDenied):
            home.count_builds("closed")
        closed.chmod(0o700)

    def test_a_directory_of_jobs_that_may_not_be_read_is_no_empty_one(
        self, home: HomeTarget, tmp_path: Path
    ) -> None:
        home.create(Kind.JOB, "a", job().config)
        (tmp_path / "jobs").chmod(0)
        with pytest.raises(PermissionDenied, match="jobs: Permission denied"):
            home.list(Kind.JOB)
        (tmp_path / "jobs").chmod(0o700)

    def test_builds_that_can_not_be_deleted_are_named(
        self, home: HomeTarget, tmp_path: Path
    ) -> None:
        home.create(Kind.JOB, "a", job().config)
        build = tmp_path / "jobs" / "a" / "builds" / "1"
        build.mkdir(parents=True)
        (build / "log").touch()
        build.chmod(0o500)
        with pytest.raises(TargetError, match="not all of it could be deleted") as caught:
            home.delete(Kind.JOB, "a")
        (left,) = (tmp_path / "jobs").iterdir()
        assert str(left) in caught.value.advice
        assert home.list(Kind.JOB) == ()
        (left / "builds" / "1").chmod(0o700)


def put_job(home: Path, name: str, config: str) -> None:
    """Put a job there as a Jenkins, or a person, would."""
    directory = home / "jobs" / name
    directory.mkdir(parents=True)
    (directory / "config.xml").write_text(config)


def test_a_config_that_is_not_xml_is_not_written(home: HomeTarget) -> None:
    home.create(Kind.JOB, "a", job().config)
    with pytest.raises(Exception, match="line 1"):
        home.update(Kind.JOB, "a", "<project><builders></project>")
    assert home.read(Kind.JOB, "a") == job().config


def test_a_directory_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(TargetError, match="is a file"):
        HomeTarget(tmp_path / "home").list(Kind.JOB)
