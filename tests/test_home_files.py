"""A directory target's files, and the views in its config.xml: whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import ConfigError, Refused, TargetError
from cfl_jobs.target import Kind
from cfl_jobs.targets.home import (
    HomeTarget,
    find_view,
    join_views,
    make_view,
    put_view,
    read_view,
    split_views,
)
from cfl_jobs.targets.home_files import (
    list_directory,
    lock_directory,
    locked,
    read_text,
    write_text,
)
from tests.rendered_jobs import job, view

OLD, NEW = "<project>old</project>", "<project>new</project>"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "job" / "config.xml"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


def test_a_write_replaces_the_file_and_never_writes_into_it(place: Path) -> None:
    """Whoever has the old one open reads all of the old one."""
    with place.open() as old:
        write_text(place, NEW, durable=True)
        assert old.read() == OLD
    assert place.read_text() == NEW
    assert [path.name for path in place.parent.iterdir()] == ["config.xml"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(place: Path) -> None:
    """A lone surrogate can't be written in any encoding."""
    with pytest.raises(ConfigError, match=r"U\+D800"):
        write_text(place, "\ud800", durable=True)
    with pytest.raises(TargetError, match="Is a directory"):
        write_text(place.parent, NEW, durable=True)
    assert place.read_text() == OLD
    assert [path.name for path in place.parent.iterdir()] == ["config.xml"]
    assert [path.name for path in place.parent.parent.iterdir()] == ["job"]


def test_what_a_killed_run_left_is_removed_by_the_next_write(place: Path) -> None:
    """Only that: other files are not ours."""
    for name in (".config.xml.0123abcd", ".config.xml.bak", "config.xml.0123abcd"):
        (place.parent / name).touch()
    write_text(place, NEW, durable=True)
    names = sorted(path.name for path in place.parent.iterdir())
    assert names == [".config.xml.bak", "config.xml", "config.xml.0123abcd"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664])
def test_a_file_keeps_its_mode(place: Path, mode: int) -> None:
    """A config may hold secrets that not everyone may read."""
    place.chmod(mode)
    write_text(place, NEW, durable=False)
    assert place.stat().st_mode & 0o7777 == mode


def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    """As any program's: the umask says it."""
    old = os.umask(0o002)
    try:
        write_text(tmp_path / "config.xml", NEW, durable=False)
    finally:
        os.umask(old)
    assert (tmp_path / "config.xml").stat().st_mode & 0o7777 == 0o664


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others")
def test_a_file_keeps_its_owner(place: Path) -> None:
    """Jenkins runs as a user of its own, and must be able to read it."""
    os.chown(place, 1234, 4321)
    write_text(place, NEW, durable=False)
    assert (place.stat().st_uid, place.stat().st_gid) == (1234, 4321)


def test_a_link_stays_a_link(place: Path, tmp_path: Path) -> None:
    """What it leads to is replaced; a link to nothing is an error."""
    real = tmp_path / "elsewhere.xml"
    place.rename(real)
    place.symlink_to(real)
    write_text(place, NEW, durable=True)
    assert place.is_symlink()
    assert real.read_text() == NEW
    real.unlink()
    with pytest.raises(TargetError, match="which isn't there"):
        write_text(place, NEW, durable=True)
    assert place.is_symlink()


def test_a_file_is_read_and_written_in_the_encoding_it_says(place: Path) -> None:
    """Jenkins reads it so too. Characters that it hasn't make it UTF-8."""
    data = b"<?xml version='1.1' encoding='ISO-8859-1'?>\r\n<project>caf\xe9</project>"
    place.write_bytes(data)
    text = read_text(place)
    assert "café" in text
    write_text(place, text, durable=False)
    assert place.read_bytes() == data
    write_text(place, text.replace("café", "☃"), durable=False)
    assert place.read_bytes().startswith(b"<?xml version='1.1' encoding='UTF-8'?>")
    assert "☃" in read_text(place)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9", "not UTF-8 text"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "unknown encoding, klingon"),
    ],
)
def test_a_file_in_another_encoding_is_named(place: Path, content: bytes, message: str) -> None:
    place.write_bytes(content)
    with pytest.raises(TargetError, match=message) as caught:
        read_text(place)
    assert str(place) in caught.value.message
    assert "UTF-8" in caught.value.advice


LEFT = ".cfl-jobs.0123abcd.deleted"


@pytest.fixture
def home(tmp_path: Path) -> HomeTarget:
    home = HomeTarget(tmp_path)
    for name in ("a", "b"):
        home.create(Kind.JOB, name, job().config)
    return home


@pytest.mark.parametrize("deed", ["create", "delete"])
@pytest.mark.usefixtures("home")
def test_what_a_killed_run_left_of_a_job_is_no_job_and_is_removed(
    tmp_path: Path, deed: str
) -> None:
    """Even where it was killed at the first step, with the config still there."""
    jobs = tmp_path / "jobs"
    (jobs / "a" / "builds" / "1").mkdir(parents=True)
    (jobs / "a").rename(jobs / LEFT)
    home = HomeTarget(tmp_path)  # the next run's
    assert [entry.name for entry in home.list(Kind.JOB)] == ["b"]
    if deed == "create":
        home.create(Kind.JOB, "a", job().config)
        assert home.count_builds("a") == 0
    else:
        home.delete(Kind.JOB, "b")
    assert sorted(path.name for path in jobs.iterdir()) == (["a", "b"] if deed == "create" else [])


@pytest.mark.usefixtures("home")
def test_what_another_run_is_deleting_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / "jobs" / LEFT).mkdir()
    with locked(tmp_path / "jobs" / LEFT, timeout=0):
        HomeTarget(tmp_path).create(Kind.JOB, "c", job().config)
        assert (tmp_path / "jobs" / LEFT).is_dir()


def test_a_name_that_another_run_took_meanwhile_is_taken(home: HomeTarget, tmp_path: Path) -> None:
    """What is known of a directory holds as long as nobody else changes it."""
    HomeTarget(tmp_path).create(Kind.JOB, "c", job().config)
    with pytest.raises(Refused, match="has a job 'c' already"):
        home.create(Kind.JOB, "C", job().config)


def test_a_directory_is_not_listed_for_each_job_in_it(tmp_path: Path) -> None:
    """Or the cost would grow with the square of their number."""
    home = HomeTarget(tmp_path, durable=False)
    listed: list[str] = []
    counting = [True]

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if counting and event in ("os.listdir", "os.scandir"):
            listed.append(str(arguments[0]))

    sys.addaudithook(count)  # for good, so it is told when to stop
    for number in range(20):
        home.create(Kind.JOB, f"job {number}", job().config)
    for number in range(10):
        home.rename(f"job {number}", f"JOB {number}")
    for number in range(10):
        home.delete(Kind.JOB, f"job {number + 10}")
    counting.clear()
    assert 0 < listed.count(str(tmp_path / "jobs")) < 5


def test_of_a_linked_directory_only_the_link_is_deleted(home: HomeTarget, tmp_path: Path) -> None:
    """What it leads to is not the home's."""
    real = tmp_path / "elsewhere"
    (tmp_path / "jobs" / "a").rename(real)
    (real / "builds").mkdir()
    (tmp_path / "jobs" / "a").symlink_to(real)
    home.delete(Kind.JOB, "a")
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["b"]
    assert sorted(path.name for path in real.iterdir()) == ["builds", "config.xml"]


def test_a_name_that_is_no_text_is_none(tmp_path: Path) -> None:
    """Nothing could show it, and no definition could want it."""
    try:
        (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    (tmp_path / "café").mkdir()
    assert list_directory(tmp_path) == ["café"]


def test_a_lock_goes_with_whoever_has_it(tmp_path: Path) -> None:
    """And leaves nothing behind."""
    with locked(tmp_path, timeout=0), pytest.raises(TargetError), locked(tmp_path, timeout=0):
        pass
    with locked(tmp_path, timeout=0):
        assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_directory_that_was_replaced_is_none(tmp_path: Path) -> None:
    """Between opening and locking it, another run may delete it and make it again."""
    place = tmp_path / "job"
    place.mkdir()
    handle = os.open(place, os.O_RDONLY)
    try:
        assert lock_directory(handle, place)
        place.rename(tmp_path / "other")
        assert not lock_directory(handle, place)
        place.mkdir()
        assert not lock_directory(handle, place)
    finally:
        os.close(handle)


BEFORE = """\
<?xml version='1.1' encoding='UTF-8'?>
<!-- before -->
<hudson>
    <!-- <views> of old </views> -->
  <useSecurity >true</useSecurity>
  <text views="&lt;views/>"><![CDATA[<views>ünï</views>]]>\t&#13;</text>
  <clouds><views>not those</views></clouds>
  """
AFTER = """
  <primaryView>x</primaryView>
  <secret>{AQAA}</secret>
</hudson><!-- </views> -->
"""
ONE = "<views><!-- kept --><v><owner/><name>one</name></v></views>"


@pytest.mark.parametrize("views", ["<views/>", "<views />", "<views></views>", ONE])
def test_all_but_the_views_stays_to_the_byte(views: str) -> None:
    """Comments, blanks, XML 1.1, and what only looks like views."""
    before, element, after = split_views(BEFORE + views + AFTER, "home")
    assert (before, after) == (BEFORE, AFTER)
    put_view(element, None, make_view("new", view("new", ("a",)).config))
    changed = join_views(before, element, after)
    assert changed.startswith(BEFORE)
    assert changed.endswith(AFTER)
    assert ("<!-- kept -->" in changed) == (views == ONE)
    again = split_views(changed, "home")
    put_view(again[1], find_view(again[1], "new"), None)
    assert find_view(split_views(join_views(*again), "home")[1], "new") is None


@pytest.mark.parametrize("views", ["<views/>", "<views><v/></views>"])
def test_a_tag_right_after_an_empty_one_is_not_taken_for_its_end(views: str) -> None:
    """Where expat sees the end of an empty element differs from that of others."""
    before, _, after = split_views(f"<hudson>{views}</hudson>", "home")
    assert (before, after) == ("<hudson>", "</hudson>")


@pytest.mark.parametrize("text", ["<hudson/>", "<hudson></hudson>", "<hudson>\n  <a/>\n</hudson>"])
def test_a_home_without_views_gets_them(text: str) -> None:
    """Jenkins always writes the element; a person may not."""
    before, views, after = split_views(text, "home")
    put_view(views, None, make_view("new", view("new", ()).config))
    changed = join_views(before, views, after)
    assert find_view(split_views(changed, "home")[1], "new") is not None
    assert len(parse_config(changed, name="home")) == (2 if "<a/>" in text else 1)


def test_a_view_takes_the_place_of_the_one_it_replaces() -> None:
    """Jenkins shows its tabs in this order."""
    text = "<hudson><views>" + "".join(f"<v><name>{n}</name></v>" for n in "abc")
    views = split_views(f"{text}</views></hudson>", "home")[1]
    put_view(views, find_view(views, "b"), make_view("b", view("b", ("j",)).config))
    assert [view.findtext("name") for view in views] == ["a", "b", "c"]
    assert views[1].find("jobNames") is not None


def test_a_view_has_one_owner_and_is_read_without_it() -> None:
    """Also where the config that is put has one."""
    made = make_view("v", "<v><owner class='x'/><name>other</name></v>")
    assert [owner.get("class") for owner in made.iterfind("owner")] == ["hudson"]
    assert made.findtext("name") == "v"
    assert "owner" not in read_view(made)
