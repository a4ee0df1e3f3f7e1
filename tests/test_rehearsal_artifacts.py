"""Copy Artifact in small jobs, and Ant patterns, as its DirectoryScanner reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.artifacts import find_files
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.records import BuildRecord
from cfl_jobs.rehearsal.reports import list_build_artifacts
from tests.rehearsal_home import (
    PERMIT,
    archive,
    copy,
    job_xml,
    make_home,
    predefined,
    read_log,
    run,
    shell,
    string,
    trigger,
)


def _source(name: str = "Copier", **parts: str) -> str:
    script = 'mkdir -p d; echo "$BUILD_NUMBER" > d/n; echo x > e; [ "$MODE" != fail ]'
    return job_xml(
        builders=shell(script),
        publishers=archive("**/*"),
        properties=PERMIT.format(name),
        parameters=string("MODE", "fine") + string("LANE", "master"),
        **parts,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Source's builds 1 (fine), 2 (fine, other lane) and 3 (fails)."""
    home = make_home(tmp_path_factory.mktemp("built"), {"Source": _source()})
    for values in ({}, {"LANE": "other"}, {"MODE": "fail"}):
        run(home, "Source", None, **values)
    return home


@pytest.fixture
def copied(built: Home, tmp_path: Path) -> Callable[[str], str]:
    """Build a job that copies from Source by this step; return its log."""

    def copied(step: str) -> str:
        show = "find . -type f | sort | xargs grep -H . || true; env | grep COPYART"
        given = {"N": "1", "LANE": "other", "WHICH": specific_xml("2")}
        parameters = "".join(string(name, value) for name, value in given.items())
        shutil.copytree(built.root, tmp_path / "home", symlinks=True)
        copier = job_xml(builders=step + shell(show), parameters=parameters)
        home = make_home(tmp_path / "home", {"Copier": copier})
        run(home, "Copier")
        return read_log(home, "Copier")

    return copied


def chosen(kind: str, **fields: str) -> str:
    """Return a copy from Source with a selector of a kind."""
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    return copy("Source", selector=f"{kind}BuildSelector", inner=inner)


def specific_xml(number: str) -> str:
    xml = f"<SpecificBuildSelector><buildNumber>{number}</buildNumber></SpecificBuildSelector>"
    return xml.replace("<", "&lt;")


@pytest.mark.parametrize(
    ("step", "number"),
    [
        (copy("Source"), 2),
        (copy("Source", more="<parameters>LANE=master</parameters>"), 1),
        (copy("Source", more="<parameters>LANE=$LANE,MODE=fine</parameters>"), 2),
        (copy("Source", selector="StatusBuildSelector"), 2),
        (copy("Source", selector="LastCompletedBuildSelector"), 3),
        (chosen("Specific", buildNumber="$N"), 1),
        (chosen("Specific", buildNumber="3"), 3),
        (chosen("Specific", buildNumber="lastStableBuild"), 2),
        (chosen("Permalink", id="lastFailedBuild"), 3),
        (chosen("Parameterized", parameterName="WHICH"), 2),
        (chosen("Triggered", fallbackToLastSuccessful="true"), 2),
    ],
)
def test_copy_artifact_takes_the_selected_build(
    copied: Callable[[str], str], step: str, number: int
) -> None:
    log = copied(step)
    assert f'Copied 2 artifacts from "Source" build number {number}' in log
    assert f"COPYARTIFACT_BUILD_NUMBER_SOURCE={number}" in log
    assert f"./d/n:{number}" in log


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (copy("Source", more="<parameters>LANE=none</parameters>"), "Unable to find a build for"),
        (chosen("Specific", buildNumber="9"), "Unable to find a build for artifact copy from: So"),
        (chosen("Specific", buildNumber="$X"), "Unable to find a build for"),
        (chosen("Specific", buildNumber=""), "NumberFormatException"),
        (copy("Source", "none"), "Failed to copy artifacts from Source with filter: none"),
        (copy("Sorce"), "Unable to find project for artifact copy: Sorce"),
        (chosen("Triggered"), "Unable to find a build for"),
    ],
)
def test_copy_artifact_fails_where_there_is_nothing_to_copy(
    copied: Callable[[str], str], step: str, said: str
) -> None:
    log = copied(step)
    assert f"ERROR: {said}" in log or f"ERROR: java.lang.{said}" in log
    assert "Build step 'Copy artifacts from another project' marked build as failure" in log


def test_an_optional_copy_only_says_that_there_is_nothing(copied: Callable[[str], str]) -> None:
    more = "<optional>true</optional><parameters>LANE=none</parameters>"
    log = copied(copy("Source", more=more) + copy("Source", "none", more=more))
    assert log.count("Unable to find a build for artifact copy from: Source") == 2
    assert "COPYARTIFACT_BUILD_NUMBER" not in log


def test_a_copy_can_be_flat_and_elsewhere_and_without_some(copied: Callable[[str], str]) -> None:
    more = "<target>in</target><flatten>true</flatten><excludes>e</excludes>"
    log = copied(copy("Source", "**/*", more=more))
    assert "./in/n:2" in log
    assert "./in/e" not in log


@pytest.mark.parametrize(("names", "permits"), [("Other, Cop", False), ("Cop*r", True)])
def test_a_copy_needs_the_sources_permission(tmp_path: Path, names: str, permits: bool) -> None:
    configs = {"Source": _source(names), "Copier": job_xml(builders=copy("Source"))}
    home = make_home(tmp_path, configs)
    run(home, "Source")
    assert (run(home, "Copier") is Result.SUCCESS) is permits
    log = read_log(home, "Copier")
    assert ("Unable to find project for artifact copy: Source" in log) is not permits
    assert ("its copyartifact property would have to name 'Copier'" in log) is not permits


def test_an_upstream_build_is_found_through_its_causes(tmp_path: Path) -> None:
    """Not the newest: the one that started what started this."""
    configs = {
        "Source": _source("Copier").replace(
            "</publishers>", trigger("Middle", predefined("A=1")) + "</publishers>"
        ),
        "Middle": job_xml(builders=shell("true"), publishers=trigger("Copier", predefined("A=1"))),
        "Copier": job_xml(builders=copy("Source", selector="TriggeredBuildSelector")),
    }
    home = make_home(tmp_path, configs)
    run(home, "Source")
    assert 'from "Source" build number 1' in read_log(home, "Copier")


FILES = ("a.txt", "b.tar.gz", "out/a.txt", "out/deep/er/c.xml", ".git/config", "x~", "Out/B.TXT")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "link.txt").symlink_to("a.txt")
    (root / "linked").symlink_to("out/deep")
    (root / "broken").symlink_to("nowhere")
    (root / "loop").symlink_to(".")
    return root


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "link.txt"]),
        ("out/*", ["out/a.txt"]),
        ("out/", ["out/a.txt", "out/deep/er/c.xml"]),
        ("out/**", ["out/a.txt", "out/deep/er/c.xml"]),
        ("**/a.txt", ["a.txt", "out/a.txt"]),
        ("out/**/c.xml", ["out/deep/er/c.xml"]),
        ("**/deep/**", ["out/deep/er/c.xml"]),
        ("?.txt", ["a.txt"]),
        ("a.txt, b.tar.gz", ["a.txt", "b.tar.gz"]),
        ("linked/**", ["linked/er/c.xml"]),
        ("broken", ["broken"]),
        ("out", []),
        ("a txt", []),
        ("x~", []),
        (".git/config", []),
        ("", []),
        (r"out\*", ["out/a.txt"]),
        ("a[.]txt", []),
    ],
)
def test_a_pattern_selects_what_ant_selects(tree: Path, pattern: str, found: list[str]) -> None:
    assert list(find_files(tree, pattern)) == found


def test_excludes_case_and_links_count_as_they_are_told_to(tree: Path) -> None:
    """Without following, neither a link to a file is selected nor what is below one."""
    assert find_files(tree, "**/*.txt", "out/**,link.*") == ("a.txt",)
    assert find_files(tree, ".git/config,x~", default_excludes=False) == (".git/config", "x~")
    assert find_files(tree, "OUT/*") == ()
    assert find_files(tree, "OUT/*", case_sensitive=False) == ("Out/B.TXT", "out/a.txt")
    found = find_files(tree, "**/*.txt,**/c.xml,broken", follow_symlinks=False)
    assert found == ("a.txt", "out/a.txt", "out/deep/er/c.xml")
    assert find_files(tree / "none", "**") == ()


@settings(max_examples=40)
@given(st.text(alphabet="ab*?/.,[(\\ ", max_size=12))
def test_no_pattern_is_an_error(tree: Path, pattern: str) -> None:
    """Whatever stands there, the answer is files of the tree."""
    found = find_files(tree, pattern)
    assert all((tree / name).is_symlink() or (tree / name).is_file() for name in found)


def test_an_artifact_that_is_a_link_to_nowhere_is_listed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    link = home.archive("J", 1) / "link"
    link.parent.mkdir(parents=True)
    link.symlink_to("nowhere")
    assert [*list_build_artifacts(home, BuildRecord("J", 1, 1, ""))] == [f"         7  {link}"]
