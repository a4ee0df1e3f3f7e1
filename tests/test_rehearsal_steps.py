"""Small jobs, one behaviour of Jenkins or a plugin each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfl_jobs.configs.read_model import read_job
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.artifacts import read_fingerprint
from cfl_jobs.rehearsal.directory import Builds, Home
from cfl_jobs.rehearsal.engine import Engine
from cfl_jobs.rehearsal.parameters import specific_build
from cfl_jobs.rehearsal.records import Result
from cfl_jobs.rehearsal.refusals import find_problems
from tests.rehearsal_home import (
    DATA,
    artifacts,
    commit,
    git,
    job_xml,
    make_engine,
    make_home,
    make_repository,
    read_log,
    shell,
    string,
)

ARCHIVE = (
    "<hudson.tasks.ArtifactArchiver><artifacts>{}</artifacts>{}</hudson.tasks.ArtifactArchiver>"
)
PERMIT = (
    "<hudson.plugins.copyartifact.CopyArtifactPermissionProperty><projectNameList>"
    "<string>{}</string></projectNameList>"
    "</hudson.plugins.copyartifact.CopyArtifactPermissionProperty>"
)
COPY = (
    "<hudson.plugins.copyartifact.CopyArtifact><project>{project}</project>"
    "<filter>{filter}</filter>{more}"
    '<selector class="hudson.plugins.copyartifact.{selector}">{inner}</selector>'
    "</hudson.plugins.copyartifact.CopyArtifact>"
)
NEWEST = {"selector": "StatusBuildSelector", "inner": "<stable>true</stable>"}


def archive(pattern: str, more: str = "") -> str:
    return ARCHIVE.format(pattern, more)


def copy(project: str, files: str = "", more: str = "", **selector: str) -> str:
    chosen = {"inner": "", **(selector or NEWEST)}
    return COPY.format(project=project, filter=files, more=more, **chosen)


def trigger(projects: str, parameters: str, condition: str = "SUCCESS", more: str = "") -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.BuildTrigger><configs>"
        "<hudson.plugins.parameterizedtrigger.BuildTriggerConfig>"
        f"<configs>{parameters}</configs><projects>{projects}</projects>"
        f"<condition>{condition}</condition>{more}"
        "</hudson.plugins.parameterizedtrigger.BuildTriggerConfig></configs>"
        "</hudson.plugins.parameterizedtrigger.BuildTrigger>"
    )


def predefined(text: str) -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.PredefinedBuildParameters>"
        f"<properties>{text}</properties>"
        "</hudson.plugins.parameterizedtrigger.PredefinedBuildParameters>"
    )


def run(home: Home, job: str, **parameters: str) -> Result | None:
    """Start a job by hand, run everything to its end and return the job's last result."""
    with make_engine(home) as engine:
        engine.build(job, parameters)
        engine.run()
    return last(home, job)


def last(home: Home, job: str) -> Result | None:
    return Builds(home).of(job)[0].result


def test_a_script_without_a_first_line_runs_with_sh_xe(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml(builders=shell("false\necho not reached"))})
    assert run(home, "J") is Result.FAILURE
    log = read_log(home, "J")
    assert "+ false" in log
    assert "not reached" not in log
    assert "Build step 'Execute shell' marked build as failure" in log


def test_a_script_runs_by_its_own_first_line(tmp_path: Path) -> None:
    script = '#!/usr/bin/env bash\nfalse\n[[ $0 == *.sh ]] && echo "bash ${BASH_VERSION%%.*}"'
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script))})
    assert run(home, "J") is Result.SUCCESS
    assert "\nbash " in read_log(home, "J")


def test_an_exit_code_can_make_a_build_unstable(tmp_path: Path) -> None:
    step = shell("exit 7").replace("</command>", "</command><unstableReturn>7</unstableReturn>")
    home = make_home(tmp_path, {"J": job_xml(builders=step + shell("echo next"))})
    assert run(home, "J") is Result.UNSTABLE
    assert "\nnext\n" in read_log(home, "J")


def test_an_interpreter_that_is_not_there_fails_the_step(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml(builders=shell("#!/no/such/thing\n"))})
    assert run(home, "J") is Result.FAILURE
    assert "Cannot run program '/no/such/thing'" in read_log(home, "J")


def test_empty_parameters_are_not_in_the_environment(tmp_path: Path) -> None:
    script = 'echo "<${EMPTY-unset}> <${FULL-unset}>"'
    config = job_xml(builders=shell(script), parameters=string("EMPTY") + string("FULL", "x"))
    home = make_home(tmp_path, {"J": config})
    run(home, "J")
    assert "\n<unset> <x>\n" in read_log(home, "J")


def test_a_person_can_only_give_declared_parameters(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml(parameters=string("BRANCH"))})
    with make_engine(home) as engine, pytest.raises(RehearsalError, match="BRANCH"):
        engine.build("J", {"BRANHC": "x"})


def test_a_disabled_job_is_not_started(tmp_path: Path) -> None:
    up = job_xml(publishers=trigger("Down", predefined("A=1")))
    home = make_home(tmp_path, {"Up": up, "Down": job_xml(fields="<disabled>true</disabled>")})
    assert run(home, "Up") is Result.SUCCESS
    assert "Down is disabled. Triggering skipped" in read_log(home, "Up")
    assert not Builds(home).of("Down")
    with make_engine(home) as engine, pytest.raises(RehearsalError, match="disabled"):
        engine.build("Down", {})


def test_a_workspace_is_kept_unless_it_is_cleaned(tmp_path: Path) -> None:
    clean = "<hudson.plugins.ws__cleanup.PreBuildCleanup/>"
    script = shell("ls; touch left")
    home = make_home(
        tmp_path,
        {"Kept": job_xml(builders=script), "Clean": job_xml(builders=script, wrappers=clean)},
    )
    for job in ("Kept", "Kept", "Clean", "Clean"):
        run(home, job)
    assert "\nleft\n" in read_log(home, "Kept", 2)
    assert "\nleft\n" not in read_log(home, "Clean", 2)


def test_artifacts_are_archived_with_mode_and_links(tmp_path: Path) -> None:
    script = shell("mkdir out; echo a > out/a; chmod 755 out/a; ln -s a out/link; touch out/x~")
    home = make_home(tmp_path, {"J": job_xml(builders=script, publishers=archive("out/**"))})
    assert run(home, "J") is Result.SUCCESS
    assert artifacts(home, "J") == ["out/a", "out/link"]
    kept = home.archive("J", 1) / "out"
    assert kept.joinpath("a").stat().st_mode & 0o777 == 0o755
    assert kept.joinpath("link").is_symlink()


@pytest.mark.parametrize(
    ("more", "result"),
    [("", Result.FAILURE), ("<allowEmptyArchive>true</allowEmptyArchive>", Result.SUCCESS)],
)
def test_nothing_to_archive_fails_unless_it_is_allowed(
    tmp_path: Path, more: str, result: Result
) -> None:
    home = make_home(tmp_path, {"J": job_xml(publishers=archive("none", more))})
    assert run(home, "J") is result
    assert 'match the file pattern "none"' in read_log(home, "J")


@pytest.mark.parametrize(
    ("script", "kept"), [("touch a", ["a"]), ("touch a; exit 5", []), ("touch a; exit 7", ["a"])]
)
def test_only_if_successful_takes_unstable_builds_too(
    tmp_path: Path, script: str, kept: list[str]
) -> None:
    """ArtifactArchiver skips results worse than UNSTABLE."""
    step = shell(script).replace("</command>", "</command><unstableReturn>7</unstableReturn>")
    publisher = archive("a", "<onlyIfSuccessful>true</onlyIfSuccessful>")
    home = make_home(tmp_path, {"J": job_xml(builders=step, publishers=publisher)})
    run(home, "J")
    assert artifacts(home, "J") == kept


def _source(name: str = "Copier", **parts: str) -> str:
    script = 'mkdir -p d; echo "$BUILD_NUMBER" > d/n; echo x > e; [ "$MODE" != fail ]'
    return job_xml(
        builders=shell(script),
        publishers=archive("**/*"),
        properties=PERMIT.format(name),
        parameters=string("MODE", "fine") + string("LANE", "master"),
        **parts,
    )


def _copied(tmp_path: Path, step: str, **parameters: str) -> str:
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
    run(home, "Copier", **parameters)
    return read_log(home, "Copier")


def specific_xml(number: str) -> str:
    return specific_build(number).replace("<", "&lt;")


@pytest.mark.parametrize(
    ("step", "number"),
    [
        (copy("Source"), 2),
        (copy("Source", more="<parameters>LANE=master</parameters>"), 1),
        (copy("Source", more="<parameters>LANE=$LANE,MODE=fine</parameters>"), 2),
        (copy("Source", selector="StatusBuildSelector"), 2),
        (copy("Source", selector="LastCompletedBuildSelector"), 3),
        (
            copy("Source", selector="SpecificBuildSelector", inner="<buildNumber>$N</buildNumber>"),
            1,
        ),
        (copy("Source", selector="SpecificBuildSelector", inner="<buildNumber>3</buildNumber>"), 3),
        (
            copy(
                "Source",
                selector="SpecificBuildSelector",
                inner="<buildNumber>lastStableBuild</buildNumber>",
            ),
            2,
        ),
        (copy("Source", selector="PermalinkBuildSelector", inner="<id>lastFailedBuild</id>"), 3),
        (
            copy(
                "Source",
                selector="ParameterizedBuildSelector",
                inner="<parameterName>WHICH</parameterName>",
            ),
            2,
        ),
        (
            copy(
                "Source",
                selector="TriggeredBuildSelector",
                inner="<fallbackToLastSuccessful>true</fallbackToLastSuccessful>",
            ),
            2,
        ),
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
        (
            copy("Source", selector="SpecificBuildSelector", inner="<buildNumber>9</buildNumber>"),
            "Unable to find a build for artifact copy from: Source",
        ),
        (
            copy("Source", selector="SpecificBuildSelector", inner="<buildNumber>$X</buildNumber>"),
            "Unable to find a build for",
        ),
        (
            copy("Source", selector="SpecificBuildSelector", inner="<buildNumber/>"),
            "NumberFormatException",
        ),
        (copy("Source", "none"), "Failed to copy artifacts from Source with filter: none"),
        (copy("Sorce"), "Unable to find project for artifact copy: Sorce"),
        (copy("Source", selector="TriggeredBuildSelector"), "Unable to find a build for"),
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


def test_a_copy_keeps_fingerprints(tmp_path: Path) -> None:
    """Who made a file and who used it is found by its MD5."""
    configs = {"Source": _source(), "Copier": job_xml(builders=copy("Source", "e"))}
    home = make_home(tmp_path, configs)
    run(home, "Source")
    run(home, "Copier")
    import hashlib

    digest = hashlib.md5(b"x\n", usedforsecurity=False).hexdigest()
    note = read_fingerprint(home, digest)
    assert note
    assert note["original"] == ["Source", 1]
    assert note["usages"] == {"Source": [1], "Copier": [1]}


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


def _blocking(projects: str, thresholds: str = "") -> str:
    return (
        "<hudson.plugins.parameterizedtrigger.TriggerBuilder><configs>"
        "<hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig>"
        f"<configs>{predefined('A=1')}</configs><projects>{projects}</projects>"
        f"<condition>ALWAYS</condition><block>{thresholds}</block>"
        "</hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig></configs>"
        "</hudson.plugins.parameterizedtrigger.TriggerBuilder>"
    )


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
    up = job_xml(builders=_blocking("Down", thresholds) + shell("echo went on"))
    home = make_home(tmp_path, {"Up": up, "Down": job_xml(builders=shell("exit 1"))})
    assert run(home, "Up") is result
    assert ("\nwent on\n" in read_log(home, "Up")) is goes_on
    assert "Down #1 completed. Result was FAILURE" in read_log(home, "Up")


def test_a_blocking_step_on_a_job_that_is_not_there_fails(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"Up": job_xml(builders=_blocking("Dwon"))})
    assert run(home, "Up") is Result.FAILURE
    assert "Can't trigger undefined projects" in read_log(home, "Up")


def test_two_blocking_jobs_on_two_executors_are_a_deadlock(tmp_path: Path) -> None:
    """Each holds an executor and waits for a build that needs one."""
    configs = {
        "A": job_xml(builders=_blocking("C")),
        "B": job_xml(builders=_blocking("D")),
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
    home = make_home(tmp_path, {"Up": job_xml(builders=_blocking("Down")), "Down": held})
    with make_engine(home) as engine:
        engine.build("Up", {})
        assert "Down waits in the queue: upstream Up is building" in engine.run().deadlock


JUNIT = (
    "<hudson.tasks.junit.JUnitResultArchiver><testResults>r/*.xml</testResults>{}"
    "</hudson.tasks.junit.JUnitResultArchiver>"
)
FAILED = '<testsuite><testcase name="a"><failure/></testcase><testcase name="b"/></testsuite>'


@pytest.mark.parametrize(
    ("script", "more", "result"),
    [
        (f"mkdir r; echo '{FAILED}' > r/a.xml", "", Result.UNSTABLE),
        ("mkdir r; echo '<testsuite><testcase/></testsuite>' > r/a.xml", "", Result.SUCCESS),
        ("mkdir r; echo '<testsuite/>' > r/a.xml", "", Result.FAILURE),
        ("mkdir r; echo 'no xml' > r/a.xml", "", Result.UNSTABLE),
        ("true", "", Result.FAILURE),
        ("true", "<allowEmptyResults>true</allowEmptyResults>", Result.SUCCESS),
        ("mkdir r; echo '<a/>' > r/a.xml; touch -d 2001-01-01 r/a.xml", "", Result.FAILURE),
        (
            f"mkdir r; echo '{FAILED}' > r/a.xml",
            "<skipMarkingBuildUnstable>true</skipMarkingBuildUnstable>",
            Result.SUCCESS,
        ),
    ],
)
def test_test_results_make_a_builds_result(
    tmp_path: Path, script: str, more: str, result: Result
) -> None:
    config = job_xml(builders=shell(script), publishers=JUNIT.format(more))
    home = make_home(tmp_path, {"J": config})
    assert run(home, "J") is result


def test_requests_with_the_same_parameters_merge(tmp_path: Path) -> None:
    """Two that are alike become one build with both causes; another one stays its own."""
    down = job_xml(parameters=string("A"))
    configs = {
        "One": job_xml(publishers=trigger("Down", predefined("A=1"))),
        "Two": job_xml(publishers=trigger("Down", predefined("A=1"))),
        "Three": job_xml(publishers=trigger("Down", predefined("A=3"))),
        "Down": down,
    }
    home = make_home(tmp_path, configs)
    with make_engine(home) as engine:
        for name in ("One", "Two", "Three"):
            engine.build(name, {})
        engine.run()
    causes = {r.parameters["A"]: len(r.causes) for r in Builds(home).of("Down")}
    assert causes == {"1": 2, "3": 1}


def _timing(**fields: str) -> str:
    times = '>> "$JENKINS_HOME/times"'
    script = f"echo begin $A {times}; sleep 0.3; echo end $A {times}"
    return job_xml(builders=shell(script), parameters=string("A"), **fields)


def test_a_job_runs_one_build_at_a_time_unless_it_may_run_more(tmp_path: Path) -> None:
    concurrent = _timing(fields="<concurrentBuild>true</concurrentBuild>")
    for name, config in (("Single", _timing()), ("Many", concurrent)):
        home = make_home(tmp_path / name, {name: config})
        with make_engine(home) as engine:
            engine.build(name, {"A": "1"})
            engine.build(name, {"A": "2"})
            engine.run()
        times = [line.split()[0] for line in (home.root / "times").read_text().splitlines()]
        alone = times == ["begin", "end", "begin", "end"]
        assert alone is (name == "Single")
        assert home.workspace(f"{name}@2").exists() is (name == "Many")


def test_a_locked_resource_keeps_two_jobs_apart(tmp_path: Path) -> None:
    lock = (
        "<org.jenkins.plugins.lockableresources.RequiredResourcesProperty>"
        "<resourceNames>site</resourceNames>"
        "</org.jenkins.plugins.lockableresources.RequiredResourcesProperty>"
    )
    home = make_home(tmp_path, {n: _timing(properties=lock) for n in ("A", "B")})
    with make_engine(home) as engine:
        engine.build("A", {})
        engine.build("B", {})
        engine.run()
    times = [line.split()[0] for line in (home.root / "times").read_text().splitlines()]
    assert times == ["begin", "end", "begin", "end"]


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


def test_a_time_limit_ends_all_processes_of_the_build(tmp_path: Path) -> None:
    limit = (
        "<hudson.plugins.build__timeout.BuildTimeoutWrapper>"
        '<strategy class="hudson.plugins.build_timeout.impl.NoActivityTimeOutStrategy">'
        "<timeoutSecondsString>1</timeoutSecondsString></strategy><operationList>"
        "<hudson.plugins.build__timeout.operations.FailOperation/></operationList>"
        "</hudson.plugins.build__timeout.BuildTimeoutWrapper>"
    )
    script = "setsid sleep 600 & echo $! > first; sleep 600 & echo $! > second; wait"
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script), wrappers=limit)})
    assert run(home, "J") is Result.FAILURE
    assert "Build timed out" in read_log(home, "J")
    for name in ("first", "second"):
        assert not _is_alive(int((home.workspace("J") / name).read_text()))


def test_what_a_step_leaves_in_the_background_ends_with_the_build(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > pid"
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script))})
    assert run(home, "J") is Result.SUCCESS
    assert not _is_alive(int((home.workspace("J") / "pid").read_text()))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


BIND = (
    "<org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper><bindings>"
    "<org.jenkinsci.plugins.credentialsbinding.impl.StringBinding>"
    "<credentialsId>t</credentialsId><variable>TOKEN</variable>"
    "</org.jenkinsci.plugins.credentialsbinding.impl.StringBinding>"
    "<org.jenkinsci.plugins.credentialsbinding.impl.UsernamePasswordMultiBinding>"
    "<credentialsId>u</credentialsId><usernameVariable>WHO</usernameVariable>"
    "<passwordVariable>PASS</passwordVariable>"
    "</org.jenkinsci.plugins.credentialsbinding.impl.UsernamePasswordMultiBinding>"
    "<org.jenkinsci.plugins.credentialsbinding.impl.FileBinding>"
    "<credentialsId>f</credentialsId><variable>KEYFILE</variable>"
    "</org.jenkinsci.plugins.credentialsbinding.impl.FileBinding>"
    "</bindings></org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper>"
)


def test_credentials_reach_the_step_and_not_the_log(tmp_path: Path) -> None:
    script = 'echo "$TOKEN $WHO $PASS"; cat "$KEYFILE" > copy; printf %s "$TOKEN"'
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script), wrappers=BIND)})
    secrets = {"t": "it's a secret", "u": "ann:pass:word", "f": "key text"}
    with make_engine(home, secrets=secrets) as engine:
        engine.build("J", {})
        assert engine.run().succeeded
    log = read_log(home, "J")
    assert "\n**** ann ****\n" in log
    for value in ("it's a secret", "pass:word", "key text"):
        assert value not in log
    assert (home.workspace("J") / "copy").read_text() == "key text"
    assert not home.workspace("J@tmp").exists()


def test_missing_credentials_are_all_named_before_anything_runs(tmp_path: Path) -> None:
    home = make_home(
        tmp_path,
        {
            "Up": job_xml(publishers=trigger("J", predefined("A=1"))),
            "J": job_xml(wrappers=BIND),
        },
    )
    with make_engine(home, secrets={"t": "x"}) as engine:
        with pytest.raises(RehearsalError, match=r"u \(for J\), f \(for J\)"):
            engine.build("Up", {})
        assert not engine.run().builds


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"builders": "<hudson.tasks.Ant/>"}, "hudson.tasks.Ant"),
        ({"publishers": "<x.Deployer/>"}, "x.Deployer"),
        ({"wrappers": "<x.Wrapper/>"}, "x.Wrapper"),
        ({"properties": "<x.Property/>"}, "x.Property"),
        ({"scm": '<scm class="hudson.scm.SubversionSCM"/>'}, "scm"),
        ({"fields": "<customWorkspace>/srv</customWorkspace>"}, "/srv"),
        ({"builders": copy("J", selector="WorkspaceSelector")}, "WorkspaceSelector"),
        ({"publishers": trigger("J", "<x.Parameters/>")}, "x.Parameters"),
    ],
)
def test_what_it_does_not_know_it_refuses_by_name(
    tmp_path: Path, parts: dict[str, str], named: str
) -> None:
    home = make_home(tmp_path, {"J": job_xml(**parts)})
    with make_engine(home) as engine, pytest.raises(RehearsalError) as error:
        engine.build("J", {})
    assert "J: " in str(error.value)
    assert named in str(error.value)


def test_what_cannot_change_the_outcome_is_passed_over(tmp_path: Path) -> None:
    """Timestamps, colours, a project's link, mail: the log says what would be mailed."""
    config = job_xml(
        builders=shell("false"),
        wrappers="<hudson.plugins.timestamper.TimestamperBuildWrapper/>"
        "<hudson.plugins.ansicolor.AnsiColorBuildWrapper/>",
        properties="<com.coravy.hudson.plugins.github.GithubProjectProperty/>",
        publishers="<hudson.tasks.Mailer><recipients>a@example.org</recipients></hudson.tasks.Mailer>",
    )
    home = make_home(tmp_path, {"J": config})
    assert run(home, "J") is Result.FAILURE
    assert "would mail a@example.org: Build failed in Jenkins: J #1" in read_log(home, "J")


def test_a_description_is_found_in_the_log(tmp_path: Path) -> None:
    setter = (
        "<hudson.plugins.descriptionsetter.DescriptionSetterPublisher>"
        "<regexp>^about (.*)$</regexp><description>\\1 of $JOB_NAME</description>"
        "<regexpForFailed>^about (.*)$</regexpForFailed>"
        "<descriptionForFailed>FAILED \\1</descriptionForFailed>"
        "</hudson.plugins.descriptionsetter.DescriptionSetterPublisher>"
    )
    script = 'echo "about $A"; [ "$A" = fine ]'
    config = job_xml(builders=shell(script), publishers=setter, parameters=string("A", "fine"))
    home = make_home(tmp_path, {"J": config})
    run(home, "J")
    run(home, "J", A="broken")
    assert [r.description for r in Builds(home).of("J")] == ["FAILED broken", "fine of J"]


def test_a_build_gets_its_name(tmp_path: Path) -> None:
    setter = (
        "<org.jenkinsci.plugins.buildnamesetter.BuildNameSetter>"
        '<template>#${BUILD_NUMBER} ${ENV,var="A"}</template>'
        "</org.jenkinsci.plugins.buildnamesetter.BuildNameSetter>"
    )
    config = job_xml(
        builders=shell('echo "<$BUILD_DISPLAY_NAME>"'), wrappers=setter, parameters=string("A", "x")
    )
    home = make_home(tmp_path, {"J": config})
    run(home, "J")
    assert Builds(home).of("J")[0].display_name == "#1 x"
    assert "<#1 x>" in read_log(home, "J")


def test_a_job_in_a_folder_has_its_own_place(tmp_path: Path) -> None:
    folder = "<com.cloudbees.hudson.plugins.folder.Folder/>"
    config = job_xml(builders=shell('echo "<$JOB_NAME> <$JOB_BASE_NAME> <$BUILD_TAG> $JOB_URL"'))
    home = make_home(tmp_path, {"team": folder, "team/in ner": config})
    run(home, "team/in ner")
    log = (tmp_path / "jobs/team/jobs/in ner/builds/1/log").read_text()
    assert "<team/in ner> <in ner> <jenkins-team-in ner-1>" in log
    assert "/job/team/job/in%20ner/" in log


GIT = (
    '<scm class="hudson.plugins.git.GitSCM"><userRemoteConfigs>'
    "<hudson.plugins.git.UserRemoteConfig><url>https://github.com/o/repo.git</url>"
    "</hudson.plugins.git.UserRemoteConfig></userRemoteConfigs><branches>"
    "<hudson.plugins.git.BranchSpec><name>{}</name></hudson.plugins.git.BranchSpec></branches></scm>"
)


def _checkout(tmp_path: Path, branch: str, script: str = "true") -> tuple[Home, Engine, Path]:
    repository = make_repository(tmp_path / "clones/repo", {"a": "1"})
    git(repository, "tag", "v1")
    commit(repository, {"a": "2"}, "two")
    config = job_xml(
        scm=GIT.format(branch),
        builders=shell('echo "<$(cat a) $GIT_BRANCH $GIT_COMMIT $GIT_URL>"\n' + script),
        parameters=string("BRANCH", "master"),
        triggers="<com.cloudbees.jenkins.GitHubPushTrigger/>",
    )
    home = make_home(tmp_path / "home", {"J": config})
    return home, make_engine(home, {"repo": repository}), repository


@pytest.mark.parametrize(
    ("branch", "content", "shown"),
    [
        ("master", "2", "origin/master"),
        ("${BRANCH}", "2", "origin/master"),
        ("origin/master", "2", "origin/master"),
        ("*/master", "2", "origin/master"),
        ("refs/heads/master", "2", "origin/master"),
        ("refs/remotes/origin/master", "2", "origin/master"),
        ("refs/tags/v1", "1", "refs/tags/v1"),
        ("v1", "1", "refs/tags/v1"),
    ],
)
def test_a_branch_specifier_is_checked_out(
    tmp_path: Path, branch: str, content: str, shown: str
) -> None:
    home, engine, _ = _checkout(tmp_path, branch)
    with engine:
        engine.build("J", {})
        assert engine.run().succeeded
    assert f"\n<{content} {shown} " in read_log(home, "J")


def test_a_commit_is_checked_out_by_its_id(tmp_path: Path) -> None:
    home, engine, repository = _checkout(tmp_path, "$BRANCH")
    first = git(repository, "rev-parse", "v1")
    with engine:
        engine.build("J", {"BRANCH": first})
        assert engine.run().succeeded
    assert f"\n<1 detached {first} https://github.com/o/repo.git>" in read_log(home, "J")


def test_a_branch_that_is_not_there_fails_the_build(tmp_path: Path) -> None:
    home, engine, _ = _checkout(tmp_path, "${BRANCH}")
    with engine:
        engine.build("J", {"BRANCH": "none"})
        assert not engine.run().succeeded
    assert "Couldn't find any revision to build" in read_log(home, "J")


def test_a_clone_is_only_read(tmp_path: Path) -> None:
    """Its refs, its index and its files are as before, and no hook of it runs."""
    script = "git ls-remote https://github.com/o/repo.git master; git fetch -q origin"
    home, engine, repository = _checkout(tmp_path, "master", script)
    (repository / "untracked").write_text("mine")
    before = _everything(repository)
    with engine:
        assert "starts" in engine.push("repo", "master")["J"]
        assert engine.run().succeeded
    assert _everything(repository) == before
    assert "\trefs/heads/master" in read_log(home, "J")


def _everything(directory: Path) -> dict[str, tuple[bytes, float]]:
    return {
        str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime)
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_steps_never_reach_the_network(tmp_path: Path) -> None:
    """A repository that nobody stands for is refused by git itself."""
    script = "git ls-remote https://github.com/o/other.git"
    home, engine, _ = _checkout(tmp_path, "master", script)
    with engine:
        engine.build("J", {})
        assert not engine.run().succeeded
    assert "transport 'https' not allowed" in read_log(home, "J")


def test_a_push_starts_a_job_only_for_a_new_commit_of_its_branch(tmp_path: Path) -> None:
    home, engine, repository = _checkout(tmp_path, "${BRANCH}")
    with engine:
        engine.push("repo", "master")
        engine.run()
        git(repository, "checkout", "-q", "-b", "other")
        commit(repository, {"a": "3"}, "three")
        answer = engine.push("repo", "other")["J"]
        assert answer.startswith("looks at master only")
        assert not engine.run().builds
        engine.build("J", {"BRANCH": "other"})
        engine.run()
        git(repository, "checkout", "-q", "master")
        commit(repository, {"a": "4"}, "four")
        engine.push("repo", "master")
        engine.run()
    assert [r.parameters["BRANCH"] for r in Builds(home).of("J")] == ["master", "other", "master"]


def test_a_push_to_nowhere_is_an_error(tmp_path: Path) -> None:
    _, engine, _ = _checkout(tmp_path, "master")
    with engine:
        with pytest.raises(RehearsalError, match="no repository"):
            engine.push("rep", "master")
        with pytest.raises(RehearsalError, match="no branch 'none'"):
            engine.push("repo", "none")


def test_a_job_whose_repository_nobody_stands_for_is_refused(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml(scm=GIT.format("master"))})
    with make_engine(home) as engine, pytest.raises(RehearsalError, match="--repo repo=PATH"):
        engine.build("J", {})


def test_nothing_outside_the_home_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOME and git's settings are the rehearsal's own."""
    person = tmp_path / "person"
    person.mkdir()
    monkeypatch.setenv("HOME", str(person))
    script = shell("touch ~/file; git config --global a.b c; echo $HOME")
    home = make_home(tmp_path / "home", {"J": job_xml(builders=script)})
    assert run(home, "J") is Result.SUCCESS
    assert not list(person.iterdir())
    assert os.environ["HOME"] == str(person)


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
        (trigger("Down", predefined("WHICH=7")), "Up #1 could not trigger Down: '7' is not a"),
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
    home = make_home(tmp_path, configs)
    with make_engine(home) as engine:
        engine.build("Up", {})
        outcome = engine.run()
    assert [record.result for record in outcome.builds] == [Result.SUCCESS]
    assert not outcome.succeeded
    assert outcome.not_started[0].startswith(said)


@pytest.mark.parametrize("text", ["posted", "stored", "saved", "restarted"])
def test_no_text_of_a_real_job_is_refused(text: str) -> None:
    """Whichever of its texts Jenkins has, a job of the trial chain can be rehearsed."""
    paths = [p for p in (DATA / "config").glob(f"*.{text}.xml") if not p.name.startswith("wide-")]
    assert len(paths) >= 9
    for path in paths:
        assert not list(find_problems(read_job(path.name, path.read_text())))


def test_jobs_of_a_folder_name_each_other_from_there(tmp_path: Path) -> None:
    """Triggers, copies, permissions and Copy Artifact's variable, relative and from the root."""
    folder = "<com.cloudbees.hudson.plugins.folder.Folder/>"
    source = job_xml(
        builders=shell("echo x > a"),
        publishers=archive("a") + trigger("Inner,/Outer", predefined("A=1")),
        properties=PERMIT.format("Inner") + "",
    ).replace("<string>Inner</string>", "<string>Inner</string><string>/Outer</string>")
    inner = job_xml(builders=copy("Source", "a") + shell("env | grep COPYARTIFACT_"))
    outer = job_xml(builders=copy("team/Source", "a") + shell("env | grep COPYARTIFACT_"))
    configs = {"team": folder, "team/Source": source, "team/Inner": inner, "Outer": outer}
    home = make_home(tmp_path, configs)
    with make_engine(home) as engine:
        engine.build("team/Source", {})
        assert engine.run().succeeded
    assert "COPYARTIFACT_BUILD_NUMBER_SOURCE=1" in read_log(home, "team/Inner")
    assert "COPYARTIFACT_BUILD_NUMBER_TEAM_SOURCE=1" in read_log(home, "Outer")


@pytest.mark.parametrize("kind", ["bare", "worktree", 'a "b" c'])
def test_any_kind_of_clone_will_do(tmp_path: Path, kind: str) -> None:
    original = make_repository(tmp_path / "original", {"a": "1"})
    clone = tmp_path / kind / "repo"
    if kind == "worktree":
        git(original, "worktree", "add", "--quiet", "--detach", str(clone))
    else:
        option = "--bare" if kind == "bare" else "--quiet"
        git(original, "clone", "--quiet", option, str(original), str(clone))
    config = job_xml(scm=GIT.format("master"), builders=shell("cat a"))
    home = make_home(tmp_path / "home", {"J": config})
    with make_engine(home, {"repo": clone}) as engine:
        engine.build("J", {})
        assert engine.run().succeeded


def test_a_shallow_clone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    original = make_repository(tmp_path / "original", {"a": "1"})
    commit(original, {"a": "2"}, "two")
    shallow = tmp_path / "repo"
    git(original, "clone", "--quiet", "--depth=1", original.as_uri(), str(shallow))
    with pytest.raises(RehearsalError, match="--unshallow"):
        make_engine(make_home(tmp_path / "home", {}), {"repo": shallow})


def test_a_killed_rehearsals_secret_files_are_removed(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml()})
    left = home.workspace("J@tmp") / "key"
    left.parent.mkdir(parents=True)
    left.write_text("secret")
    with make_engine(home):
        assert not left.exists()


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
    begun = [
        line.split()[1]
        for line in (home.root / "times").read_text().splitlines()
        if line.startswith("begin")
    ]
    assert begun.index("up") < begun.index("first")
