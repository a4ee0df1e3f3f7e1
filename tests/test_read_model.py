"""The reader: the same job reads the same, whichever of its texts it is read from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfl_jobs.check.flow import find_unarchived
from cfl_jobs.check.parameters import find_undeclared_variables
from cfl_jobs.check.rule import Scope, Search
from cfl_jobs.configs.config import Config, normalise
from cfl_jobs.configs.graph import build_chain
from cfl_jobs.configs.model import Job, View
from cfl_jobs.configs.read_model import STEPS, read_job, read_view
from cfl_jobs.configs.steps.artifacts import format_selector, parse_selector
from cfl_jobs.configs.steps.building import CleanAfter
from cfl_jobs.configs.steps.step import Result, Unknown
from cfl_jobs.configs.steps.triggering import BuildOther
from cfl_jobs.drawing.formats import WRITERS
from cfl_jobs.errors import RehearsalError
from cfl_jobs.planning.differences import word_for
from cfl_jobs.rehearsal.artifacts import list_artifacts
from cfl_jobs.target import Kind
from tests.case_files import CASES
from tests.jenkins_server_configs import DIALECTS, NEW, OLD, recorded, recorded_names
from tests.pack_step import Pack
from tests.rehearsal_home import PERMIT, copy, job_xml, make_engine, make_home, read_log, run, shell

# latestOnly: true becomes a build discarder at a restart, too. A folder gets views of its own;
# what belongs to a missing plugin goes.
CHANGED_BY_A_SAVE = {
    OLD: {"wide-folder", "wide-missing-plugins"},
    NEW: {"wide-folder", "wide-missing-plugins", "wide-properties", "wide-wrappers"},
}


def read(name: str, form: str = "posted", version: str = OLD) -> Job:
    return read_job(name, recorded(name, form, version))


@pytest.mark.parametrize("version", DIALECTS)
@pytest.mark.parametrize("form", ["stored", "saved", "restarted", "upgraded"])
def test_every_text_of_a_job_reads_the_same(form: str, version: str) -> None:
    for name in recorded_names(form, version):
        is_posted = (form, version) == ("stored", OLD)
        is_discarder = name == "wide-publishers" and form in ("restarted", "upgraded")
        if is_posted or not (name in CHANGED_BY_A_SAVE[version] or is_discarder):
            assert read(name, form, version) == read(name), name


@pytest.mark.parametrize("name", recorded_names("stored", OLD))
def test_the_model_of_a_recorded_job_is_as_its_file_says(name: str) -> None:
    """Its file has each part that says something; nothing of the trial chain is unknown."""
    job, plain = read(name), Job(name)
    told = [
        f"{field.name}: {part!r}\n"
        for field in dataclasses.fields(job)
        if (value := getattr(job, field.name)) != getattr(plain, field.name)
        for part in (value if isinstance(value, tuple) else (value,))
    ]
    path = CASES / "model" / f"{name}.txt"
    assert "".join(told) == path.read_text(encoding="utf-8")
    assert name.startswith("wide-") or "Unknown(" not in "".join(told)


def test_each_part_says_where_it_stands_in_the_config() -> None:
    assert [step.path for step in read("wide-shell-unicode").builders] == [
        "builders/hudson.tasks.Shell[1]",
        "builders/hudson.tasks.Shell[2]",
        "builders/hudson.tasks.BatchFile",
    ]


def test_a_config_keeps_what_is_read_of_it_until_it_forgets() -> None:
    config = Config(Kind.JOB, "Deploy to Dev", recorded("Deploy to Dev", "posted"))
    job = config.read(read_job)
    assert config.read(read_job) is job
    config.forget()
    assert config.read(read_job) is not job
    assert config.read(read_job) == job == read("Deploy to Dev")


def test_a_view_reads_its_jobs() -> None:
    config = """<hudson.model.ListView><name>V</name><description>d</description>
    <jobNames><comparator class="hudson.util.CaseInsensitiveComparator"/>
    <string>b</string><string>a</string></jobNames><jobFilters/>
    <columns><hudson.views.StatusColumn/></columns><recurse>false</recurse></hudson.model.ListView>
    """
    assert read_view("V", config) == View("V", ("a", "b"))


@pytest.mark.parametrize(
    "text",
    [
        "<SpecificBuildSelector><buildNumber>42</buildNumber></SpecificBuildSelector>",
        "<SpecificBuildSelector><buildNumber></buildNumber></SpecificBuildSelector>",
        "<StatusBuildSelector><stable>true</stable></StatusBuildSelector>",
        "<LastCompletedBuildSelector></LastCompletedBuildSelector>",
    ],
)
def test_a_selectors_text_survives_reading_and_writing(text: str) -> None:
    selector = parse_selector(text)
    assert selector is not None
    assert format_selector(selector) == text


def test_text_that_is_no_selector_reads_as_none() -> None:
    assert parse_selector("7") is None
    assert parse_selector("<OtherSelector/>") is None


@pytest.mark.parametrize(
    ("fields", "results"),
    [
        ("", ("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED")),
        ("<cleanWhenSuccess>true</cleanWhenSuccess>", ("SUCCESS",)),
        (
            "<cleanWhenSuccess>false</cleanWhenSuccess><cleanWhenAborted>true</cleanWhenAborted>",
            ("ABORTED",),
        ),
    ],
)
def test_cleaning_after_a_build_is_for_the_results_that_are_chosen(
    fields: str, results: tuple[str, ...]
) -> None:
    """WsCleanup.readResolve, ws-cleanup 0.49: an absent one isn't, but none is all of them."""
    text = f"<hudson.plugins.ws__cleanup.WsCleanup>{fields}</hudson.plugins.ws__cleanup.WsCleanup>"
    assert read_job("J", job_xml(publishers=text)).publishers == (CleanAfter(results=results),)


@pytest.mark.parametrize(
    ("threshold", "condition"),
    [("SUCCESS", "SUCCESS"), ("UNSTABLE", "UNSTABLE_OR_BETTER"), ("FAILURE", "FAILED_OR_BETTER")],
)
def test_cores_thresholds_are_that_result_or_a_better_one(threshold: str, condition: str) -> None:
    text = (
        "<hudson.tasks.BuildTrigger><childProjects>A</childProjects>"
        f"<threshold><name>{threshold}</name></threshold></hudson.tasks.BuildTrigger>"
    )
    job = read_job("J", job_xml(publishers=text))
    assert job.publishers == (BuildOther(("A",), condition=condition),)


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


def test_a_kind_that_is_not_in_the_table_is_unknown_and_refused(tmp_path: Path) -> None:
    assert isinstance(read_job("Make", MADE).builders[1], Unknown)
    with (
        make_engine(make_home(tmp_path, {"Make": MADE})) as engine,
        pytest.raises(RehearsalError, match="unknown element org"),
    ):
        engine.build("Make", {})


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_read_and_called_what_people_call_it() -> None:
    assert read_job("Make", MADE).builders[1] == Pack("hello.txt", "pack.gz")
    (element,) = (it for it in normalise(MADE, name="Make").walk() if it.tag == Pack.TAG)
    assert word_for(element) == "pack a file"


@pytest.mark.usefixtures("_pack_is_known")
def test_a_new_kind_is_drawn() -> None:
    assert '"pack.gz"' in WRITERS["json"](scope_of(Make=MADE, Take=TAKEN).chain)


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
