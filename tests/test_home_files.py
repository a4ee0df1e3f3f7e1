"""Files of a directory target: whole or not at all, in their own encoding, with their own mode."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfl_jobs.errors import ConfigError, TargetError
from cfl_jobs.targets.home_files import read_text, write_text

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
    """With the encoding, and what to do."""
    place.write_bytes(content)
    with pytest.raises(TargetError, match=message) as caught:
        read_text(place)
    assert str(place) in caught.value.message
    assert "UTF-8" in caught.value.advice
