"""Directories of a directory target: a job goes in one step, and what a kill leaves goes later."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cfl_jobs.errors import Refused, TargetError
from cfl_jobs.target import Kind
from cfl_jobs.targets.home import HomeTarget
from cfl_jobs.targets.home_directories import _is_locked, list_directory, locked
from tests.rendered_jobs import job

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
    """It has that locked."""
    (tmp_path / "jobs" / LEFT).mkdir()
    with locked(tmp_path / "jobs" / LEFT, patience=0):
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
    with locked(tmp_path, patience=0), pytest.raises(TargetError), locked(tmp_path, patience=0):
        pass
    with locked(tmp_path, patience=0):
        assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_directory_that_was_replaced_is_none(tmp_path: Path) -> None:
    """Between opening and locking it, another run may delete it and make it again."""
    place = tmp_path / "job"
    place.mkdir()
    handle = os.open(place, os.O_RDONLY)
    try:
        assert _is_locked(handle, place)
        place.rename(tmp_path / "other")
        assert not _is_locked(handle, place)
        place.mkdir()
        assert not _is_locked(handle, place)
    finally:
        os.close(handle)
