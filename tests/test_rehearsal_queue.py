"""The queue: what merges, waits and is left; and jobs that start others, or wait for them."""

from __future__ import annotations

import signal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cfl_jobs.configs.steps.step import Result
from cfl_jobs.files import write_whole
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.records import Builds, find_aborted
from tests.rehearsal_home import (
    PERMIT,
    archive,
    blocking,
    copy,
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


def test_requests_with_the_same_parameters_merge(tmp_path: Path) -> None:
    """Two that are alike become one build with both causes; another one stays its own."""
    values = {"One": "A=1", "Two": "A=1", "Three": "A=3"}
    up = {n: job_xml(publishers=trigger("Down", predefined(v))) for n, v in values.items()}
    home = make_home(tmp_path, {**up, "Down": job_xml(parameters=string("A"))})
    play(home, *up)
    causes = {r.parameters["A"]: len(r.causes) for r in Builds(home).of("Down")}
    assert causes == {"1": 2, "3": 1}


def test_a_build_that_is_interrupted_at_its_own_work_has_an_end_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    home = make_home(tmp_path, {"J": job_xml(builders=shell("true"))})
    monkeypatch.setattr("cfl_jobs.rehearsal.execution.RehearsedBuild.run_script", interrupt)
    with pytest.raises(KeyboardInterrupt), make_engine(home) as engine:  # noqa: PT012
        engine.build("J", {})
        engine.run()
    assert last(home, "J") is Result.ABORTED
    assert read_log(home, "J").endswith("Finished: ABORTED\n")


def test_wherever_an_interrupt_comes_each_build_has_an_end_and_is_built_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after the first file that is written, the second one, and so on."""
    configs = {
        "Up": job_xml(publishers=trigger("Down", predefined("A=1"))),
        "Down": job_xml(parameters=string("A")),
    }
    left = 0

    def write(*arguments: Any) -> None:
        nonlocal left
        write_whole(*arguments)
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("cfl_jobs.rehearsal.directory.write_whole", write)
    ended = 0
    for number in count(1):
        home = make_home(tmp_path / str(number), configs)
        engine = make_engine(home)
        engine.build("Up", {})
        left = number
        try:
            with engine:
                engine.run()
        except KeyboardInterrupt:
            pass
        else:
            break
        builds = Builds(home)
        for record in (*builds.of("Up"), *builds.of("Down")):
            assert record.result, record.name
            assert read_log(home, record.job).endswith(f"Finished: {record.result.name}\n")
            ended += record.result is Result.ABORTED
        with make_engine(home) as engine:
            for record in list(find_aborted(engine.builds, configs)):
                engine.repeat(record)
            assert engine.run().succeeded
        for job in configs:
            results = [record.result for record in Builds(home).of(job)]
            assert results in ([Result.SUCCESS], [Result.SUCCESS, Result.ABORTED])
    assert ended >= 2


def _timing(more: str = "sleep 0.3", **fields: str) -> str:
    times = '"$JENKINS_HOME/times"'
    script = f"echo begin $A >> {times}; {more}; echo end $A >> {times}"
    return job_xml(builders=shell(script), parameters=string("A"), **fields)


def _read_times(home: Home) -> list[str]:
    """Return "begin" and "end", as they came."""
    return [line.split()[0] for line in (home.root / "times").read_text().splitlines()]


def test_a_job_runs_one_build_at_a_time_unless_it_may_run_more(tmp_path: Path) -> None:
    both = 'until [ "$(grep -c begin "$JENKINS_HOME/times")" = 2 ]; do sleep 0.05; done'
    concurrent = _timing(both, fields="<concurrentBuild>true</concurrentBuild>")
    for name, config in (("Single", _timing()), ("Many", concurrent)):
        home = make_home(tmp_path / name, {name: config})
        with make_engine(home) as engine:
            engine.build(name, {"A": "1"})
            engine.build(name, {"A": "2"})
            engine.run()
        assert (_read_times(home) == ["begin", "end", "begin", "end"]) is (name == "Single")
        assert home.workspace(f"{name}@2").exists() is (name == "Many")


def test_a_locked_resource_keeps_two_jobs_apart(tmp_path: Path) -> None:
    lock = (
        "<org.jenkins.plugins.lockableresources.RequiredResourcesProperty>"
        "<resourceNames>site</resourceNames>"
        "</org.jenkins.plugins.lockableresources.RequiredResourcesProperty>"
    )
    home = make_home(tmp_path, {n: _timing(properties=lock) for n in ("A", "B")})
    play(home, "A", "B")
    assert _read_times(home) == ["begin", "end", "begin", "end"]


def test_a_discarder_keeps_the_last_good_build_whatever_it_says(tmp_path: Path) -> None:
    keep = (
        '<jenkins.model.BuildDiscarderProperty><strategy class="hudson.tasks.LogRotator">'
        "<numToKeep>2</numToKeep></strategy></jenkins.model.BuildDiscarderProperty>"
    )
    config = job_xml(builders=shell('[ "$A" = ok ]'), parameters=string("A"), properties=keep)
    home = make_home(tmp_path, {"J": config})
    for value in ("ok", "no", "no", "no"):
        run(home, "J", A=value)
    assert [record.number for record in Builds(home).of("J")] == [4, 3, 1]
    assert (home.job_directory("J") / "nextBuildNumber").read_text() == "5\n"


def test_a_queue_survives_until_the_next_time(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml(parameters=string("A"))})
    with make_engine(home) as engine:
        engine.build("J", {"A": "1"})
        engine.build("J", {"A": "2"})
    with make_engine(home) as engine:
        assert [item.parameters["A"] for item in engine.queue] == ["1", "2"]
        assert len(engine.run().builds) == 2


@pytest.mark.parametrize(
    ("publisher", "said"),
    [
        (trigger("Gone", predefined("A=1")), "Up #1 triggers Gone, which is not there"),
        (
            trigger("Down", predefined("WHICH=7")),
            "Up #1 could not trigger Down: illegal value for parameter WHICH: '7'",
        ),
    ],
)
def test_what_a_mistake_kept_from_starting_is_no_success(
    tmp_path: Path, publisher: str, said: str
) -> None:
    """Jenkins leaves it at a line in a log, or says nothing; a rehearsal must not."""
    selector = (
        "<hudson.plugins.copyartifact.BuildSelectorParameter><name>WHICH</name>"
        '<defaultSelector class="hudson.plugins.copyartifact.LastCompletedBuildSelector"/>'
        "</hudson.plugins.copyartifact.BuildSelectorParameter>"
    )
    configs = {"Up": job_xml(publishers=publisher), "Down": job_xml(parameters=selector)}
    outcome = play(make_home(tmp_path, configs), "Up")
    assert [record.result for record in outcome.builds] == [Result.SUCCESS]
    assert not outcome.succeeded
    assert outcome.not_started[0].startswith(said)


def test_jobs_of_a_folder_name_each_other_from_there(tmp_path: Path) -> None:
    """Triggers, copies, permissions and Copy Artifact's variable, relative and from the root."""
    folder = "<com.cloudbees.hudson.plugins.folder.Folder/>"
    source = job_xml(
        builders=shell("echo x > a"),
        publishers=archive("a") + trigger("Inner,/Outer", predefined("A=1")),
        properties=PERMIT.format("Inner"),
    ).replace("<string>Inner</string>", "<string>Inner</string><string>/Outer</string>")
    inner = job_xml(builders=copy("Source", "a") + shell("env | grep COPYARTIFACT_"))
    outer = job_xml(builders=copy("team/Source", "a") + shell("env | grep COPYARTIFACT_"))
    configs = {"team": folder, "team/Source": source, "team/Inner": inner, "Outer": outer}
    home = make_home(tmp_path, configs)
    assert play(home, "team/Source").succeeded
    assert "COPYARTIFACT_BUILD_NUMBER_SOURCE=1" in read_log(home, "team/Inner")
    assert "COPYARTIFACT_BUILD_NUMBER_TEAM_SOURCE=1" in read_log(home, "Outer")


def test_a_build_that_is_ready_is_held_if_its_upstream_begins_first(tmp_path: Path) -> None:
    """Jenkins looks once more before it gives an executor to what was ready."""
    held = "<blockBuildWhenUpstreamBuilding>true</blockBuildWhenUpstreamBuilding>"
    configs = {
        "Other": _timing(),
        "Up": _timing(publishers=trigger("Down", predefined("A=down"))),
        "Down": _timing(fields=held),
    }
    home = make_home(tmp_path, configs)
    with make_engine(home, executors=1) as engine:
        engine.build("Other", {"A": "other"})
        engine.build("Down", {"A": "first"})
        engine.build("Up", {"A": "up"})
        assert engine.run().succeeded
    begun = (home.root / "times").read_text().split()[1::2]
    assert begun.index("up") < begun.index("first")


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
