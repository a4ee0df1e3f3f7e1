"""Copy Artifact in small jobs: which build it takes, and what it copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.configs.steps.step import Result
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


def _copied(tmp_path: Path, step: str, **values: str) -> str:
    """Build Source 1 (fine), 2 (fine, other lane), 3 (fails); copy; return the copier's log."""
    copier = job_xml(
        builders=step
        + shell("find . -type f | sort | xargs grep -H . || true; env | grep COPYART"),
        parameters=string("N", "1") + string("LANE", "other") + string("WHICH", specific_xml("2")),
    )
    home = make_home(tmp_path, {"Source": _source(), "Copier": copier})
    run(home, "Source")
    run(home, "Source", LANE="other")
    run(home, "Source", MODE="fail")
    run(home, "Copier", None, **values)
    return read_log(home, "Copier")


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
def test_copy_artifact_takes_the_selected_build(tmp_path: Path, step: str, number: int) -> None:
    log = _copied(tmp_path, step)
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
    tmp_path: Path, step: str, said: str
) -> None:
    log = _copied(tmp_path, step)
    assert f"ERROR: {said}" in log or f"ERROR: java.lang.{said}" in log
    assert "Build step 'Copy artifacts from another project' marked build as failure" in log


def test_an_optional_copy_only_says_that_there_is_nothing(tmp_path: Path) -> None:
    more = "<optional>true</optional><parameters>LANE=none</parameters>"
    log = _copied(tmp_path, copy("Source", more=more) + copy("Source", "none", more=more))
    assert log.count("Unable to find a build for artifact copy from: Source") == 2
    assert "COPYARTIFACT_BUILD_NUMBER" not in log


def test_a_copy_can_be_flat_and_elsewhere_and_without_some(tmp_path: Path) -> None:
    more = "<target>in</target><flatten>true</flatten><excludes>e</excludes>"
    log = _copied(tmp_path, copy("Source", "**/*", more=more))
    assert "./in/n:2" in log
    assert "./in/e" not in log


def test_a_copy_needs_the_sources_permission(tmp_path: Path) -> None:
    configs = {"Source": _source("Other, Cop"), "Copier": job_xml(builders=copy("Source"))}
    home = make_home(tmp_path, configs)
    run(home, "Source")
    assert run(home, "Copier") is Result.FAILURE
    log = read_log(home, "Copier")
    assert "Unable to find project for artifact copy: Source" in log
    assert "its copyartifact property would have to name 'Copier'" in log


def test_a_star_permits_every_name_that_fits(tmp_path: Path) -> None:
    configs = {"Source": _source("Cop*r"), "Copier": job_xml(builders=copy("Source"))}
    home = make_home(tmp_path, configs)
    run(home, "Source")
    assert run(home, "Copier") is Result.SUCCESS


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
