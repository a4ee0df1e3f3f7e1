"""Jobs that start others: conditions, parameters, waiting for them, and deadlocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.rehearsal.records import Builds
from tests.rehearsal_home import (
    archive,
    blocking,
    job_xml,
    last,
    make_engine,
    make_home,
    play,
    predefined,
    read_log,
    run,
    shell,
    string,
    trigger,
)


@pytest.mark.parametrize(
    ("condition", "script", "started"),
    [
        ("SUCCESS", "true", True),
        ("SUCCESS", "exit 7", False),
        ("UNSTABLE", "exit 7", True),
        ("UNSTABLE_OR_BETTER", "exit 7", True),
        ("UNSTABLE_OR_BETTER", "exit 1", False),
        ("FAILED", "exit 1", True),
        ("FAILED_OR_BETTER", "exit 1", True),
        ("UNSTABLE_OR_WORSE", "true", False),
        ("ALWAYS", "exit 1", True),
    ],
)
def test_a_trigger_keeps_to_its_condition(
    tmp_path: Path, condition: str, script: str, started: bool
) -> None:
    step = shell(script).replace("</command>", "</command><unstableReturn>7</unstableReturn>")
    up = job_xml(builders=step, publishers=trigger("Down", predefined("A=1"), condition))
    home = make_home(tmp_path, {"Up": up, "Down": job_xml()})
    run(home, "Up")
    assert bool(Builds(home).of("Down")) is started


def test_a_trigger_passes_declared_parameters_and_defaults(tmp_path: Path) -> None:
    down = job_xml(
        builders=shell('echo "<$A> <$B> <${C-unset}>"'),
        parameters=string("A", "a") + string("B", "b"),
    )
    up = job_xml(publishers=trigger("Down", predefined("A=$BUILD_NUMBER-$NO\nC=c")))
    home = make_home(tmp_path, {"Up": up, "Down": down})
    run(home, "Up")
    assert "\n<1-$NO> <b> <unset>\n" in read_log(home, "Down")
    assert dict(Builds(home).of("Down")[0].parameters) == {"A": "1-$NO", "B": "b"}


def test_a_trigger_without_parameters_starts_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    more = "<triggerWithNoParameters>true</triggerWithNoParameters>"
    home = make_home(
        tmp_path,
        {
            "Up": job_xml(publishers=trigger("Down", "") + trigger("Other", "", more=more)),
            "Down": job_xml(),
            "Other": job_xml(),
        },
    )
    run(home, "Up")
    assert not Builds(home).of("Down")
    assert Builds(home).of("Other")
    assert "no parameter is set" in read_log(home, "Up")


@pytest.mark.parametrize("fail", ["true", "false"])
@pytest.mark.parametrize(
    ("script", "parameters", "cleaning", "value"),
    [
        ("rm -f p", "", "", None),
        (": >p", "", "", None),
        ("echo '# A=1' >p", "", "", None),
        ("echo A=1 >p", "", "", "1"),
        ("echo A=1 >p", "", f"{archive('p')}<hudson.plugins.ws__cleanup.WsCleanup/>", "1"),
        (": >p", predefined("B=1"), "", "a"),
    ],
)
def test_a_file_of_parameters_that_is_missing_or_empty_starts_nothing(
    tmp_path: Path, fail: str, script: str, parameters: str, cleaning: str, value: str | None
) -> None:
    """Also without "fail on missing": a trigger without parameters starts nothing."""
    file = (
        "<hudson.plugins.parameterizedtrigger.FileBuildParameters><propertiesFile>p"
        f"</propertiesFile><failTriggerOnMissing>{fail}</failTriggerOnMissing>"
        "</hudson.plugins.parameterizedtrigger.FileBuildParameters>"
    )
    publishers = trigger("Down", file + parameters) + cleaning
    up = job_xml(builders=shell(script), publishers=publishers)
    home = make_home(tmp_path, {"Up": up, "Down": job_xml(parameters=string("A", "a"))})
    run(home, "Up")
    given = [record.parameters["A"] for record in Builds(home).of("Down")]
    assert given == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("thresholds", "result", "goes_on"),
    [
        ("", Result.SUCCESS, True),
        ("<unstableThreshold><name>FAILURE</name></unstableThreshold>", Result.UNSTABLE, True),
        ("<failureThreshold><name>UNSTABLE</name></failureThreshold>", Result.FAILURE, True),
        (
            "<buildStepFailureThreshold><name>FAILURE</name></buildStepFailureThreshold>",
            Result.FAILURE,
            False,
        ),
    ],
)
def test_a_blocking_step_takes_over_the_result_it_is_told_to(
    tmp_path: Path, thresholds: str, result: Result, goes_on: bool
) -> None:
    up = job_xml(builders=blocking("Down", thresholds) + shell("echo went on"))
    home = make_home(tmp_path, {"Up": up, "Down": job_xml(builders=shell("exit 1"))})
    assert run(home, "Up") is result
    assert ("\nwent on\n" in read_log(home, "Up")) is goes_on
    assert "Down #1 completed. Result was FAILURE" in read_log(home, "Up")


def test_a_blocking_step_on_a_job_that_is_not_there_fails(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"Up": job_xml(builders=blocking("Dwon"))})
    assert run(home, "Up") is Result.FAILURE
    assert "Can't trigger undefined projects" in read_log(home, "Up")


def test_two_blocking_jobs_on_two_executors_are_a_deadlock(tmp_path: Path) -> None:
    """Each holds an executor and waits for a build that needs one."""
    configs = {
        "A": job_xml(builders=blocking("C")),
        "B": job_xml(builders=blocking("D")),
        "C": job_xml(),
        "D": job_xml(),
    }
    home = make_home(tmp_path, configs)
    with make_engine(home) as engine:
        engine.build("A", {})
        engine.build("B", {})
        outcome = engine.run()
        assert outcome.deadlock == (
            "A #1 holds an executor and waits for C",
            "B #1 holds an executor and waits for D",
            "C waits in the queue: all 2 executors are held",
            "D waits in the queue: all 2 executors are held",
        )
        assert not len(engine.queue)
    assert last(home, "A") is Result.ABORTED


def test_a_job_that_is_held_by_its_own_upstream_is_a_deadlock(tmp_path: Path) -> None:
    held = job_xml(fields="<blockBuildWhenUpstreamBuilding>true</blockBuildWhenUpstreamBuilding>")
    home = make_home(tmp_path, {"Up": job_xml(builders=blocking("Down")), "Down": held})
    assert "Down waits in the queue: upstream Up is building" in play(home, "Up").deadlock
