"""A new kind of step is one module, and one line in the table: everything else follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cfl_jobs.check.artifacts import find_unarchived
from cfl_jobs.check.parameters import find_undeclared_variables
from cfl_jobs.check.rule import Scope, Search
from cfl_jobs.configs.config import normalise
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.read_model import STEPS, read_job
from cfl_jobs.configs.steps.step import Result, Unknown
from cfl_jobs.drawing.formats import WRITERS
from cfl_jobs.errors import RehearsalError
from cfl_jobs.planning.differences import word_for
from cfl_jobs.rehearsal.artifacts import list_artifacts
from tests.pack_step import Pack
from tests.rehearsal_home import PERMIT, copy, job_xml, make_engine, make_home, read_log, run, shell


def pack(source: str) -> str:
    fields = f"<source>{source}</source><target>pack.gz</target>"
    return f"<org.example.PackBuilder>{fields}</org.example.PackBuilder>"


MADE = job_xml(
    builders=shell("echo hello >hello.txt") + pack("hello.txt") + shell('echo "made $PACKED"'),
    properties=PERMIT.format("Take"),
)
TAKEN = job_xml(builders=copy("Make", "pack.gz") + shell("gzip -dc pack.gz"))


@pytest.fixture
def _pack_is_known() -> Iterator[None]:
    STEPS["builders"].append(Pack)  # the one line
    yield
    STEPS["builders"].remove(Pack)


def scope_of(**configs: str) -> Scope:
    jobs = tuple(read_job(name, text) for name, text in configs.items())
    return Scope(jobs, (), build_chain(jobs))


def remarks(search: Search, **configs: str) -> list[str]:
    return [found.message for found in search(scope_of(**configs))]


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_read() -> None:
    assert read_job("Make", MADE).builders[1] == Pack("hello.txt", "pack.gz")


def test_a_kind_that_is_not_in_the_table_is_unknown_and_refused(tmp_path: Path) -> None:
    assert isinstance(read_job("Make", MADE).builders[1], Unknown)
    with (
        make_engine(make_home(tmp_path, {"Make": MADE})) as engine,
        pytest.raises(RehearsalError, match="unknown element org"),
    ):
        engine.build("Make", {})


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_called_what_people_call_it() -> None:
    (element,) = (n for n in _walk(normalise(MADE, name="Make")) if n.tag == Pack.TAG)
    assert word_for(element) == "pack a file"


def _walk(normal: Normal) -> Iterator[Normal]:
    yield normal
    for child in normal.children:
        yield from _walk(child)


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_drawn() -> None:
    drawn = WRITERS["json"](scope_of(Make=MADE, Take=TAKEN).chain)
    assert '"pack.gz"' in drawn


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_checked() -> None:
    """What it archives may be copied; its variable is there later; its fields may use variables."""
    assert remarks(find_unarchived, Make=MADE, Take=TAKEN) == []
    other = TAKEN.replace("pack.gz", "pack.zip")
    assert remarks(find_unarchived, Make=MADE, Take=other) == [
        "Take copies pack.zip of Make, which archives only pack.gz"
    ]
    assert remarks(find_undeclared_variables, Make=MADE) == []
    assert remarks(find_undeclared_variables, Make=job_xml(builders=pack("$MISSING"))) == [
        "an option uses $MISSING, which the job's builds don't have"
    ]


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_rehearsed(tmp_path: Path) -> None:
    bad = job_xml(builders=pack("gone.txt"))
    home = make_home(tmp_path, {"Make": MADE, "Take": TAKEN, "Bad": bad})
    assert run(home, "Make") is Result.SUCCESS
    assert "\nmade pack.gz\n" in read_log(home, "Make")
    assert list(list_artifacts(home, "Make", 1)) == ["pack.gz"]
    assert run(home, "Take") is Result.SUCCESS
    assert "\nhello\n" in read_log(home, "Take")
    assert run(home, "Bad") is Result.FAILURE
    assert "Build step 'Pack' marked build as failure" in read_log(home, "Bad")
