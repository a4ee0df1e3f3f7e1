"""Steps of small jobs, and what stands around them: one behaviour of Jenkins or a plugin each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cfl_jobs.configs.read_model import read_job
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.builds import Builds
from cfl_jobs.rehearsal.environment import Credential
from cfl_jobs.rehearsal.refusals import find_unrehearsable
from tests.rehearsal_home import (
    DATA,
    artifacts,
    job_xml,
    make_engine,
    make_home,
    read_log,
    shell,
    string,
)
from tests.rehearsal_parts import archive, copy, last, predefined, run, trigger


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


@pytest.mark.parametrize("clean_first", [True, False])
def test_a_workspace_is_cleaned_after_the_build_when_its_artifacts_are_kept(
    tmp_path: Path, *, clean_first: bool
) -> None:
    """WsCleanup runs after the archiver, wherever it stands (ws-cleanup 0.49)."""
    steps = ["<hudson.plugins.ws__cleanup.WsCleanup/>", archive("a")]
    publishers = "".join(steps if clean_first else reversed(steps))
    home = make_home(tmp_path, {"J": job_xml(builders=shell("touch a"), publishers=publishers)})
    assert run(home, "J") is Result.SUCCESS
    assert artifacts(home, "J") == ["a"]
    assert "[WS-CLEANUP] Done" in read_log(home, "J")
    assert not list(home.root.glob("workspace/*/a"))


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


TIME_LIMIT = (
    "<hudson.plugins.build__timeout.BuildTimeoutWrapper>"
    '<strategy class="hudson.plugins.build_timeout.impl.NoActivityTimeOutStrategy">'
    "<timeoutSecondsString>1</timeoutSecondsString></strategy><operationList>"
    "<hudson.plugins.build__timeout.operations.FailOperation/></operationList>"
    "</hudson.plugins.build__timeout.BuildTimeoutWrapper>"
)


def test_a_time_limit_ends_all_processes_of_the_build(tmp_path: Path) -> None:
    script = "setsid sleep 600 & echo $! > first; sleep 600 & echo $! > second; wait"
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script), wrappers=TIME_LIMIT)})
    assert run(home, "J") is Result.FAILURE
    assert "Build timed out" in read_log(home, "J")
    for name in ("first", "second"):
        assert not _is_alive(int((home.workspace("J") / name).read_text()))


def test_a_time_limit_lets_a_script_say_what_it_was_doing(tmp_path: Path) -> None:
    """SIGTERM first, as Jenkins does; what is deaf to it is killed."""
    script = (
        "#!/usr/bin/env bash\ntrap 'echo \"stopped in step 2\"; exit 1' TERM\n"
        "(trap '' TERM; exec sleep 600) & echo $! > deaf\nsleep 600 & wait"
    )
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script), wrappers=TIME_LIMIT)})
    assert run(home, "J") is Result.FAILURE
    log = read_log(home, "J")
    assert log.index("Build timed out") < log.index("\nstopped in step 2\n")
    assert not _is_alive(int((home.workspace("J") / "deaf").read_text()))


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
    secrets = {
        "t": Credential("it's a secret"),
        "u": Credential("pass:word", "ann"),
        "f": Credential("key text"),
    }
    with make_engine(home, secrets=secrets) as engine:
        engine.build("J", {})
        assert engine.run().succeeded
    log = read_log(home, "J")
    assert "\n**** ann ****\n" in log
    for value in ("it's a secret", "pass:word", "key text"):
        assert value not in log
    assert (home.workspace("J") / "copy").read_text() == "key text"
    assert not home.workspace("J@tmp").exists()


def test_missing_credentials_are_all_named_by_the_build_that_needs_them(tmp_path: Path) -> None:
    configs = {
        "Up": job_xml(publishers=trigger("J", predefined("A=1"))),
        "J": job_xml(wrappers=BIND, builders=shell("echo not reached")),
    }
    home = make_home(tmp_path, configs)
    with make_engine(home, secrets={"t": Credential("x")}) as engine:
        engine.build("Up", {})
        engine.run()
    assert last(home, "Up") is Result.SUCCESS
    assert last(home, "J") is Result.FAILURE
    log = read_log(home, "J")
    assert "needed and not given: u, f\n" in log
    assert "Write lines U_USERNAME=..., U_PASSWORD=..., F_FILE=... into a file" in log
    assert "not reached" not in log


def test_an_ssh_key_is_a_file_beside_its_user(tmp_path: Path) -> None:
    wrapper = (
        "<org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper><bindings>"
        "<org.jenkinsci.plugins.credentialsbinding.impl.SSHUserPrivateKeyBinding>"
        "<credentialsId>k</credentialsId><keyFileVariable>KEY</keyFileVariable>"
        "<usernameVariable>WHO</usernameVariable><passphraseVariable>PHRASE</passphraseVariable>"
        "</org.jenkinsci.plugins.credentialsbinding.impl.SSHUserPrivateKeyBinding>"
        "</bindings></org.jenkinsci.plugins.credentialsbinding.impl.SecretBuildWrapper>"
    )
    script = shell('echo "as $WHO${PHRASE-}"; cat "$KEY"; grep A8 "$KEY"')
    home = make_home(tmp_path, {"J": job_xml(builders=script, wrappers=wrapper)})
    key = Credential("-- BEGIN KEY --\nA8ZKFJWEKRJ\n--\n", "deployer")
    with make_engine(home, secrets={"k": key}) as engine:
        engine.build("J", {})
        assert engine.run().succeeded
    log = read_log(home, "J")
    assert "\nas deployer\n" in log
    assert "BEGIN KEY" not in log
    assert "\n****\n" in log


@pytest.mark.parametrize("secret", ["plain", "a:b", "user:", "{\n  1\n}\n", ""])
def test_only_what_is_secret_is_masked(tmp_path: Path, secret: str) -> None:
    """Not empty quotes, not what follows a colon, not short lines of a file."""
    shown = "'' b 1 { } :"
    home = make_home(tmp_path, {"J": job_xml(builders=shell(f'echo "{shown}"'))})
    with make_engine(home, secrets={"t": Credential(secret)}) as engine:
        engine.build("J", {})
        engine.run()
    assert f"\n{shown}\n" in read_log(home, "J")


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


@pytest.mark.parametrize("text", ["posted", "stored", "saved", "restarted"])
def test_no_text_of_a_real_job_is_refused(text: str) -> None:
    """Whichever of its texts Jenkins has, a job of the trial chain can be rehearsed."""
    paths = [p for p in (DATA / "config").glob(f"*.{text}.xml") if not p.name.startswith("wide-")]
    assert len(paths) >= 9
    for path in paths:
        assert not list(find_unrehearsable(read_job(path.name, path.read_text())))


def test_a_killed_rehearsals_secret_files_are_removed(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml()})
    left = home.workspace("J@tmp") / "key"
    left.parent.mkdir(parents=True)
    left.write_text("secret")
    with make_engine(home):
        assert not left.exists()
