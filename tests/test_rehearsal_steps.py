"""Steps of small jobs, and what stands around them: one behaviour of Jenkins or a plugin each."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from cfl_jobs.configs.read_model import read_job
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.directory import Trash
from cfl_jobs.rehearsal.engine import Engine
from cfl_jobs.rehearsal.environment import GivenCredential
from cfl_jobs.rehearsal.execution import find_unrehearsable
from cfl_jobs.rehearsal.records import Builds
from tests.rehearsal_home import (
    DATA,
    archive,
    artifacts,
    bind,
    copy,
    job_xml,
    last,
    make_engine,
    make_home,
    predefined,
    read_log,
    run,
    shell,
    string,
    trigger,
    wait_until,
)

UNSTABLE = "<unstableReturn>7</unstableReturn>"
CLEAN_AFTER = "<hudson.plugins.ws__cleanup.WsCleanup/>"
IF_SUCCESSFUL = "<onlyIfSuccessful>true</onlyIfSuccessful>"
MAILER = "<hudson.tasks.Mailer><recipients>a@example.org</recipients></hudson.tasks.Mailer>"
NAME = (
    "<org.jenkinsci.plugins.buildnamesetter.BuildNameSetter>"
    '<template>#${BUILD_NUMBER} ${ENV,var="A"}</template>'
    "</org.jenkinsci.plugins.buildnamesetter.BuildNameSetter>"
)
EMPTY_ALLOWED = "<allowEmptyArchive>true</allowEmptyArchive>"
SETTER = (
    "<hudson.plugins.descriptionsetter.DescriptionSetterPublisher>"
    "<regexp>^about (.*)$</regexp><description>\\1 of $JOB_NAME</description>"
    "<regexpForFailed>^about (.*)$</regexpForFailed>"
    "<descriptionForFailed>FAILED \\1</descriptionForFailed>"
    "</hudson.plugins.descriptionsetter.DescriptionSetterPublisher>"
)
KEEP_NOTHING = (
    "<hudson.plugins.timestamper.TimestamperBuildWrapper/>"
    "<hudson.plugins.ansicolor.AnsiColorBuildWrapper/>"
)
GITHUB = "<com.coravy.hudson.plugins.github.GithubProjectProperty/>"
# One job: its parts, the result of its build, and what its log says.
JOBS: dict[str, tuple[dict[str, str], Result, str]] = {
    "a script without a first line runs with sh -xe": (
        {"builders": shell("false\necho over")},
        Result.FAILURE, "+ false\nBuild step 'Execute shell' marked build as failure\n"),
    "a script runs by its own first line": (
        {"builders": shell('#!/usr/bin/env bash\nfalse\n[[ $0 == *.sh ]] && echo "in bash"')},
        Result.SUCCESS, "\nin bash\n"),
    "an exit code can make a build unstable": (
        {"builders": shell("exit 7", UNSTABLE) + shell("echo next")}, Result.UNSTABLE, "\nnext\n"),
    "an interpreter that is not there fails the step": (
        {"builders": shell("#!/no/such/thing\n")},
        Result.FAILURE, "Cannot run program '/no/such/thing'"),
    "empty parameters are not in the environment": (
        {"builders": shell('echo "<${EMPTY-unset}> <${FULL-unset}>"'),
         "parameters": string("EMPTY") + string("FULL", "x")},
        Result.SUCCESS, "\n<unset> <x>\n"),
    "nothing to archive fails": (
        {"publishers": archive("none")}, Result.FAILURE, 'match the file pattern "none"'),
    "nothing to archive may be allowed": (
        {"publishers": archive("none", EMPTY_ALLOWED)},
        Result.SUCCESS, 'match the file pattern "none"'),
    "timestamps, colours and a project's link change nothing; mail is told": (
        {"builders": shell("false"), "wrappers": KEEP_NOTHING, "properties": GITHUB,
         "publishers": MAILER},
        Result.FAILURE, "would mail a@example.org: Build failed in Jenkins: J #1"),
    "a build gets its name": (
        {"builders": shell('echo "<$BUILD_DISPLAY_NAME>"'), "wrappers": NAME,
         "parameters": string("A", "x")},
        Result.SUCCESS, "\n<#1 x>\n"),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "result", "said"), JOBS.values(), ids=JOBS)
def test_one_job(tmp_path: Path, parts: dict[str, str], result: Result, said: str) -> None:
    home = make_home(tmp_path, {"J": job_xml(**parts)})
    assert run(home, "J") is result
    assert said in read_log(home, "J")


@pytest.mark.parametrize(
    ("steps", "publishers", "kept"),
    [
        # WsCleanup runs after the archiver, wherever it stands (ws-cleanup 0.49).
        ("touch a", CLEAN_AFTER + archive("a"), ["a"]),
        ("touch a", archive("a") + CLEAN_AFTER, ["a"]),
        ("mkdir o; touch o/a; touch o/x~; ln -s a o/link", archive("o/**"), ["o/a", "o/link"]),
        # ArtifactArchiver skips results worse than UNSTABLE.
        ("touch a", archive("a", IF_SUCCESSFUL), ["a"]),
        ("touch a; exit 5", archive("a", IF_SUCCESSFUL), []),
        ("touch a; exit 7", archive("a", IF_SUCCESSFUL), ["a"]),
    ],
)
def test_what_is_archived(tmp_path: Path, steps: str, publishers: str, kept: list[str]) -> None:
    script = shell(steps.replace("touch", "install -m 755 /dev/null", 1), UNSTABLE)
    home = make_home(tmp_path, {"J": job_xml(builders=script, publishers=publishers)})
    run(home, "J")
    assert artifacts(home, "J") == kept
    assert bool(list(home.root.glob("workspace/*/*"))) is (CLEAN_AFTER not in publishers)
    for name in kept:
        path = home.archive("J", 1) / name
        assert path.is_symlink() is name.endswith("link")
        assert path.stat().st_mode & 0o777 == 0o755


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
    configs = {"Kept": job_xml(builders=script), "Clean": job_xml(builders=script, wrappers=clean)}
    home = make_home(tmp_path, configs)
    for job in configs:
        run(home, job)
        run(home, job)
        assert ("\nleft\n" in read_log(home, job, 2)) is (job == "Kept")


JUNIT = (
    "<hudson.tasks.junit.JUnitResultArchiver><testResults>r/*.xml</testResults>{}"
    "</hudson.tasks.junit.JUnitResultArchiver>"
)
FAILED = (
    '<testsuite><testcase classname="games.Route" name="a"><failure/></testcase>'
    '<testcase name="b"/></testsuite>'
)


EMPTY = "<allowEmptyResults>true</allowEmptyResults>"
STABLE = "<skipMarkingBuildUnstable>true</skipMarkingBuildUnstable>"


def report(text: str) -> str:
    return f"mkdir r; echo '{text}' > r/a.xml"


@pytest.mark.parametrize(
    ("script", "more", "result", "failing"),
    [
        (report(FAILED), "", Result.UNSTABLE, ["games.Route.a"]),
        (report("<testsuite><testcase/></testsuite>"), "", Result.SUCCESS, []),
        (report("<testsuite/>"), "", Result.FAILURE, []),
        (report("no xml"), "", Result.UNSTABLE, ["a.xml"]),
        (report('<testsuite name="Setup"><error/></testsuite>'), "", Result.UNSTABLE, ["Setup"]),
        ("true", "", Result.FAILURE, []),
        ("true", EMPTY, Result.SUCCESS, []),
        (report("<a/>") + "; touch -d 2001-01-01 r/a.xml", "", Result.FAILURE, []),
        (report(FAILED), STABLE, Result.SUCCESS, ["games.Route.a"]),
    ],
)
def test_test_results_make_a_builds_result(
    tmp_path: Path, script: str, more: str, result: Result, failing: list[str]
) -> None:
    config = job_xml(builders=shell(script), publishers=JUNIT.format(more))
    home = make_home(tmp_path, {"J": config})
    assert run(home, "J") is result
    assert [*Builds(home).of("J")[0].failing] == failing


TIME_LIMIT = (
    "<hudson.plugins.build__timeout.BuildTimeoutWrapper>"
    '<strategy class="hudson.plugins.build_timeout.impl.NoActivityTimeOutStrategy">'
    "<timeoutSecondsString>3600</timeoutSecondsString></strategy><operationList>"
    "<hudson.plugins.build__timeout.operations.FailOperation/></operationList>"
    "</hudson.plugins.build__timeout.BuildTimeoutWrapper>"
)


@pytest.mark.parametrize(
    ("script", "limit", "grace", "said"),
    [
        ("sleep 600 & echo $! > first; echo $$ > second", "", 300, "SUCCESS"),
        ("setsid sleep 600 & echo $! > first; sleep 600 & echo $! > second; wait", "is", 300, ""),
        # SIGTERM first, so that a script can say what it was doing.
        (
            "#!/usr/bin/env bash\ntrap 'echo \"stopped in step 2\"; exit 1' TERM\n"
            "sleep 600 & echo $! > first; echo $$ > second; wait",
            "is",
            300,
            "\nstopped in step 2\n",
        ),
        # What is deaf to it is killed.
        ("trap '' TERM; sleep 600 & echo $! > first; echo $$ > second; wait", "is", 0.1, ""),
    ],
)
def test_no_process_outlives_its_build(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    limit: str,
    grace: float,
    said: str,
) -> None:
    """The time limit is up as soon as the processes have been noted: two hours at each look."""
    ahead = count(step=7200)
    home = make_home(
        tmp_path, {"J": job_xml(builders=shell(script), wrappers=limit and TIME_LIMIT)}
    )
    noted = [home.workspace("J") / name for name in ("first", "second")]

    def now(_: Engine) -> float:
        are_noted = all(path.is_file() and path.read_text() for path in noted)
        return time.time() + (next(ahead) if are_noted else 0)

    monkeypatch.setattr(Engine, "now", now)
    monkeypatch.setattr("cfl_jobs.rehearsal.engine.SOFT_KILL", grace)
    assert run(home, "J") is (Result.FAILURE if limit else Result.SUCCESS)
    assert said in read_log(home, "J").partition("Build timed out" if limit else "Running")[2]
    wait_until(lambda: not any(_is_alive(int(path.read_text())) for path in noted))


def test_no_process_stays_where_the_end_of_another_build_cannot_be_recorded(tmp_path: Path) -> None:
    begun = 'echo $$ > "$JENKINS_HOME/$JOB_NAME"; exec sleep 600'
    spoilt = shell(f'cd "$JENKINS_HOME/jobs/A"; rm -r builds; touch builds; {begun}')
    home = make_home(tmp_path, {"A": job_xml(builders=spoilt), "B": job_xml(builders=shell(begun))})
    noted = [home.root / "A", home.root / "B"]
    with pytest.raises(OSError, match="jobs/A/builds"), make_engine(home) as engine:  # noqa: PT012
        engine.build("A", {})
        engine.build("B", {})
        wait_until(lambda: not engine.step() and all(p.is_file() and p.read_text() for p in noted))
    wait_until(lambda: not any(_is_alive(int(path.read_text())) for path in noted))
    assert last(home, "B") is Result.ABORTED


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


BIND = bind(
    t="StringBinding variable=TOKEN",
    u="UsernamePasswordMultiBinding usernameVariable=WHO passwordVariable=PASS",
    f="FileBinding variable=KEYFILE",
)


def test_credentials_reach_the_step_and_not_the_log(tmp_path: Path) -> None:
    script = 'echo "$TOKEN $WHO $PASS"; cat "$KEYFILE" > copy; printf %s "$TOKEN"'
    home = make_home(tmp_path, {"J": job_xml(builders=shell(script), wrappers=BIND)})
    secrets = {
        "t": GivenCredential("it's a secret"),
        "u": GivenCredential("pass:word", "ann"),
        "f": GivenCredential("key text"),
    }
    assert run(home, "J", secrets) is Result.SUCCESS
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
    assert run(home, "Up", {"t": GivenCredential("x")}) is Result.SUCCESS
    assert last(home, "J") is Result.FAILURE
    log = read_log(home, "J")
    assert "needed and not given: u, f\n" in log
    assert "Write lines U_USERNAME=..., U_PASSWORD=..., F_FILE=... into a file" in log
    assert "not reached" not in log


def test_an_ssh_key_is_a_file_beside_its_user(tmp_path: Path) -> None:
    wrapper = bind(
        k="SSHUserPrivateKeyBinding keyFileVariable=KEY usernameVariable=WHO"
        " passphraseVariable=PHRASE"
    )
    script = shell('echo "as $WHO${PHRASE-}"; cat "$KEY"; grep A8 "$KEY"')
    home = make_home(tmp_path, {"J": job_xml(builders=script, wrappers=wrapper)})
    key = GivenCredential("-- BEGIN KEY --\nA8ZKFJWEKRJ\n--\n", "deployer")
    assert run(home, "J", {"k": key}) is Result.SUCCESS
    log = read_log(home, "J")
    assert "\nas deployer\n" in log
    assert "BEGIN KEY" not in log
    assert "\n****\n" in log


@pytest.mark.parametrize("secret", ["plain", "a:b", "user:", "{\n  1\n}\n", "", " "])
def test_only_what_is_secret_is_masked(tmp_path: Path, secret: str) -> None:
    """Not empty quotes, not what follows a colon, not short lines of a file."""
    shown = "'' b 1 { } :"
    home = make_home(tmp_path, {"J": job_xml(builders=shell(f'echo "{shown}"'))})
    run(home, "J", {"t": GivenCredential(secret)})
    assert f"\n{shown}\n" in read_log(home, "J")


FOLLOWED = (
    '<scm class="hudson.plugins.git.GitSCM"><extensions>'
    "<hudson.plugins.git.extensions.impl.SubmoduleOption>"
    "<trackingSubmodules>true</trackingSubmodules>"
    "</hudson.plugins.git.extensions.impl.SubmoduleOption></extensions></scm>"
)


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"builders": "<hudson.tasks.Ant/>"}, "hudson.tasks.Ant"),
        ({"publishers": "<x.Deployer/>"}, "x.Deployer"),
        ({"wrappers": "<x.Wrapper/>"}, "x.Wrapper"),
        ({"properties": "<x.Property/>"}, "x.Property"),
        ({"scm": '<scm class="hudson.scm.SubversionSCM"/>'}, "scm"),
        ({"scm": FOLLOWED}, "SubmoduleOption"),
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


def test_a_description_may_be_another_one_where_the_build_fails(tmp_path: Path) -> None:
    script = shell('echo "about $A"; [ "$A" = fine ]')
    config = job_xml(builders=script, publishers=SETTER, parameters=string("A", "fine"))
    home = make_home(tmp_path, {"J": config})
    run(home, "J")
    run(home, "J", A="broken")
    assert [r.description for r in Builds(home).of("J")] == ["FAILED broken", "fine of J"]


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


def test_what_is_removed_holds_nobody_up(tmp_path: Path) -> None:
    """It is gone at once, while the remover is still busy; what was left before goes too."""
    (tmp_path / "trash/left/by").mkdir(parents=True)
    workspace = tmp_path / "workspace"
    (workspace / "src").mkdir(parents=True)
    busy = threading.Event()
    with ThreadPoolExecutor(1) as remover:
        remover.submit(busy.wait)
        trash = Trash(tmp_path / "trash", remover)
        trash.put(workspace)
        trash.put(tmp_path / "nothing")
        assert not workspace.exists()
        assert len(list((tmp_path / "trash").iterdir())) == 2
        busy.set()
        trash.close()
    assert not list((tmp_path / "trash").iterdir())
