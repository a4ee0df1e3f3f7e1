"""`cfl-jobs rehearse`, as a person uses it: its output, its exit codes, how it is interrupted."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.configs.steps.step import Result
from cfl_jobs.reading.secrets import name_of
from cfl_jobs.rehearsal.directory import Home, locked
from cfl_jobs.rehearsal.guard import find_by_cookie
from cfl_jobs.rehearsal.records import Builds
from cfl_jobs.sample import REPOSITORIES
from tests.projects import copy_project, edit
from tests.rehearsal_chain import PROJECT, SECRETS, Chain, copy_chain, make_chain
from tests.rehearsal_home import (
    GIT,
    bind,
    blocking,
    job_xml,
    make_engine,
    make_home,
    make_repository,
    shell,
    string,
    wait_until,
)
from tests.shell_steps import git


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("chain"))


@pytest.fixture
def chain(made: Chain, tmp_path: Path) -> Chain:
    """A chain on the stub site with nothing built yet; the current directory has no definitions."""
    return copy_chain(made, tmp_path)


Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `cfl-jobs rehearse` in a directory of its own; return what it says."""
    monkeypatch.chdir(tmp_path)

    def say(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["rehearse", *arguments]) == code
        said = capsys.readouterr()
        return said.out + said.err

    return say


def ask_of(chain: Chain, say: Say) -> Say:
    """Return `say` with the chain's home, clones and secrets."""
    text = "".join(f"{name_of(id_)}='{value}'\n" for id_, value in SECRETS.items())
    Path("secrets").write_text(text)
    repositories = [f"--repo={name}={path}" for name, path in chain.repositories.items()]
    return partial(say, "--home", str(chain.home.root), "--secrets", "secrets", *repositories)


@pytest.fixture
def ask(chain: Chain, say: Say) -> Say:
    return ask_of(chain, say)


PUBLISH = job_xml(
    scm=GIT.format("ocargo", "master"),
    builders=shell("cat *.md"),
    triggers="<com.cloudbees.jenkins.GitHubPushTrigger/>",
)


def test_what_is_not_committed_is_told_and_pushed_on_request_only(tmp_path: Path, say: Say) -> None:
    """Of the sample; where nothing is changed an empty commit is made, so that there is a push."""
    home = make_home(tmp_path / "build/rehearsal", {"Publish": PUBLISH})
    repository = home.repositories / "ocargo"

    def push(*more: str, code: int = 0) -> str:
        said = say("push", "ocargo", *more, code=code)
        assert code or git(repository, "rev-parse", "--short=10", "master") in said
        return said

    assert "Publish starts for" in push()
    assert "Made an empty commit to push, on master of the sample's ocargo." in push()
    assert git(repository, "status", "--porcelain") == ""
    (repository / "README.md").write_text("mine\n")
    (repository / "new file").touch()
    refused = push(code=1)
    assert "ocargo has nothing to push; not committed in build/rehearsal/repositories/oc" in refused
    assert "ocargo: README.md, new file.\n" in refused
    assert "Commit it and push: cfl-jobs rehearse push ocargo --commit" in refused
    assert len(Builds(home).of("Publish")) == 2
    assert "is on master, not on other" in push("--commit", "--branch", "other", code=1)
    assert "Committed on master of the sample's ocargo: README.md, new file." in push("--commit")
    assert "mine" in home.log("Publish", 3).read_text()
    (repository / "README.md").write_text("still mine\n")
    git(repository, "commit", "--all", "--message", "by hand")
    (repository / "new file").write_text("more")
    said = push()
    assert "Note: not committed in build/rehearsal/repositories/ocargo, so no build" in said
    assert "gets it: new file." in said
    repository.rename(tmp_path / "moved")
    repository.symlink_to(tmp_path / "moved")
    assert "Committed on master of the sample's ocargo: new file." in push("--commit")


def test_what_is_not_committed_in_peoples_clones_is_told(tmp_path: Path, say: Say) -> None:
    """They are only read: the work tree, the index and the commits stay as they are."""
    make_home(tmp_path / "home", {"Publish": PUBLISH, "Other": job_xml()})
    files = [f"{number}.md" for number in range(5)]
    clone = make_repository(tmp_path / "clone", dict.fromkeys(files, ""))
    for name in files:
        (clone / name).write_text("changed")
    before = (git(clone, "rev-parse", "HEAD"), (clone / ".git/index").read_bytes())
    told = "Note: not committed in clone, so no build gets it: 0.md, 1.md, 2.md and 2 more.\n"
    known = ["--home", "home", "--repo", "ocargo=clone"]
    # A push of what is built already starts nothing, and is told of all the same.
    commands = (["push", "ocargo"], True), (["push", "ocargo"], True), (["build", "Other"], False)
    for command, is_told in commands:
        assert (told in say(*known, *command)) is is_told
    refused = say(*known, "push", "ocargo", "--commit", code=1)
    assert "Commit there: git -C clone commit --all" in refused
    assert before == (git(clone, "rev-parse", "HEAD"), (clone / ".git/index").read_bytes())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "Deploy to Stagin"], "Did you mean 'Deploy to Staging'?"),
        (["build", "Deploy to Dev", "-p", "DISTRIBUTION=x"], "A build number will do."),
        (["build", "Deploy to Dev", "-p", "DISTRIBUTON=1"], "Did you mean 'DISTRIBUTION'?"),
        (["build", "Deploy to Dev", "-p", "ALLOW_UNTESTED=maybe"], "It is true or false."),
        (["build", "Run Ocargo Tests", "-p", "X=1"], "has no parameter 'X'"),
        (["push", "ocrgo"], "Did you mean 'ocargo'?"),
        (["push", "ocargo", "--branch", "none"], "ocargo has no branch 'none'"),
        (["log", "Deploy to Dev"], "build 'Deploy to Dev' -p DISTRIBUTION=..."),
        (["log", "Run Ocargo Tests"], "-p DISTRIBUTION_NUMBER=..."),
        (["log", "Ad-hoc distribution"], "build 'Ad-hoc distribution' -p BRANCH=..."),
        (["log", "Publish Ocargo Files"], "build 'Publish Ocargo Files'\n"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    made: Chain, say: Say, arguments: list[str], said: str
) -> None:
    assert said in ask_of(made, say)(*arguments, code=1)


def test_a_damaged_record_is_told_and_the_others_are_shown(
    chain: Chain, ask: Say, say: Say
) -> None:
    """Wherever builds are only looked at; a rehearsal that goes on needs them all."""
    ask("build", "Create Distribution", code=1)
    ask("build", "Deploy to Dev", "-p", "DISTRIBUTION=1", code=1)
    record = chain.home.build_directory("Create Distribution", 1) / "build.json"
    text = record.read_text().replace('"number": 1,', '"number": "one",')
    home = ["--home", str(chain.home.root)]
    record.write_text(text)
    assert f"{record} is damaged" in say("status", *home, code=1)
    record.write_text('{"job": ')
    shown = say("status", *home, code=1)
    assert "Deploy to Dev\n  #1 FAILURE" in shown
    assert f"{record} is damaged" in shown
    assert "Remove it and run this again." in shown
    say("log", "Deploy to Dev", *home)
    chain.home.log("Deploy to Dev", 1).unlink()
    assert "can't be read" in say("log", "Deploy to Dev", "1", *home, code=1)
    for command in (["log", "Create Distribution", *home], ["build", "Deploy to Dev", *home]):
        assert f"{record} is damaged" in say(*command, code=1)


def test_a_build_that_fails_says_why(chain: Chain, ask: Say) -> None:
    """It lacks secrets: all that goes before ran, and given then, the deploy alone is built again.

    It is a suite: its tests that failed are named, and not what publishers say after the step.
    """
    given = Path("secrets").read_text()
    Path("secrets").write_text("# none\n")
    shown = ask(code=1)
    assert chain.results("Promote Distribution")[-1] == "SUCCESS"
    assert "Deploy to Dev #1: FAILURE" in shown
    assert "needed and not given: codeforlife-dev-secret-key" in shown
    assert "Write lines CODEFORLIFE_DEV_SECRET_KEY=... into a file" in shown
    Path("secrets").write_text(given)
    ask("build", "Deploy to Dev", "-p", "DISTRIBUTION=1")
    (chain.home.root / "FAIL-game").touch()
    shown = ask("build", "Run Ocargo Tests", "-p", "DISTRIBUTION_NUMBER=1", code=1)
    assert "Run Ocargo Tests #2 is FAILURE. Its log says:" in shown
    assert "marked build as failure\n  Of 1 test 1 failed:\n    game.t\n  All of it:" in shown


def test_options_that_make_no_sense_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rehearse", "--repo", "ocargo"]) == 2
    assert run(["rehearse", "--executors", "0"]) == 2
    assert run(["rehearse", "build", "J", "-p", "x"]) == 2
    assert "is not NAME=PATH" in capsys.readouterr().err


def test_without_definitions_and_jobs_it_says_where_to_run_it(say: Say) -> None:
    assert "Run cfl-jobs where jobs/ and templates/ are" in say(code=1)
    said = say("status", code=1)
    assert "There is no rehearsal in build/rehearsal.\n  Start one: cfl-jobs rehearse\n" in said
    Path("other home").mkdir()
    said = say("--home", "other home", "status", code=1)
    assert "Start one: cfl-jobs rehearse --home 'other home'\n" in said


def test_an_unknown_element_is_refused_with_its_template_line(tmp_path: Path, say: Say) -> None:
    """Job, element, and the line of the template that made it."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "jobs/settings.yaml").write_text("settings: {}\n")
    (tmp_path / "jobs/odd.yaml").write_text("template: odd.yaml.j2\njobs:\n  - name: Odd\n")
    (tmp_path / "templates/odd.yaml.j2").write_text(
        "name: {{ name }}\nproject-type: freestyle\nbuilders:\n  - shell: 'true'\n  - ant: all\n"
    )
    error = say("build", "Odd", code=1)
    assert "Odd: unknown element hudson.tasks.Ant" in error
    assert "templates/odd.yaml.j2:5:" in error


def test_two_rehearsals_in_one_directory_are_one_too_many(tmp_path: Path) -> None:
    """The second is told which process has it."""
    home = make_home(tmp_path / "home", {"J": job_xml(builders=shell("sleep 600"))})
    rehearsal = _start(tmp_path, "build", "J")
    try:
        wait_until(lambda: len(_processes(home)) >= 1)
        second = _start(tmp_path, "build", "J")
        _, error = second.communicate(timeout=300)
        assert second.returncode == 1
        assert f"Another rehearsal is running in {home.root} (process {rehearsal.pid})" in error
    finally:
        rehearsal.send_signal(signal.SIGTERM)
        rehearsal.communicate(timeout=300)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    """The build is recorded as aborted, its processes are gone, the exit code says why."""
    script = "setsid sleep 600 & sleep 600 & sleep 600"
    home = make_home(tmp_path / "home", {"J": job_xml(builders=shell(script))})
    rehearsal = _start(tmp_path, "build", "J")
    try:
        wait_until(lambda: len(_processes(home)) >= 4)  # the shell and its three
        cookie = Builds(home).of("J")[0].cookie
        rehearsal.send_signal(number)
        said, _ = rehearsal.communicate(timeout=300)
        assert rehearsal.returncode == 130
        assert said.endswith("\nGo on with: cfl-jobs rehearse --home home resume\n")
    finally:
        rehearsal.kill()
        rehearsal.communicate()
    wait_until(lambda: not find_by_cookie(cookie))
    record = Builds(home).of("J")[0]
    assert record.result is Result.ABORTED
    assert "Finished: ABORTED" in _log(home.log("J", 1))


def test_killed_it_shows_its_builds_as_aborted_and_to_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    """How long nobody looked is no time of a build's. What runs is no reason to resume."""
    script = shell('[ -e "$JENKINS_HOME/FAST" ] || { echo begun; sleep 600; }')
    home = make_home(tmp_path / "home", {"J": job_xml(builders=script), "K": job_xml()})
    status = ("--home", "home", "status")
    rehearsal = _start(tmp_path, "build", "J")
    wait_until(lambda: "begun" in _log(home.log("J", 1)))
    assert say(*status) == "J\n  #1 running\nK: no builds\n"
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", _refuse)
        assert say(*status) == "J\n  #1 running\nK: no builds\n"
    rehearsal.kill()
    rehearsal.communicate()
    last_write = Builds(home).of("J")[0].started + 0.5
    os.utime(home.log("J", 1), (last_write, last_write))
    resume = "Aborted, to be built again: J #1\nGo on with: cfl-jobs rehearse --home home resume\n"
    assert say(*status) == f"J\n  #1 ABORTED in 0.5 s\nK: no builds\n{resume}"
    assert Builds(home).of("J")[0].result is None  # it only looks
    assert say("--home", "home", "build", "K").endswith(f"\n{resume}")
    assert say(*status).startswith("J\n  #1 ABORTED in 0.5 s\nK\n  #1 SUCCESS")
    (home.root / "FAST").touch()
    assert "Go on with" not in say("--home", "home", "resume") + say(*status)


def _refuse(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_who_only_looks_keeps_no_rehearsal_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` has a shared lock for a moment."""
    home = make_home(tmp_path, {})
    home.state.mkdir()
    looking = (home.state / "lock").open("a")
    fcntl.flock(looking, fcntl.LOCK_SH)
    real = fcntl.flock

    def look_until_it_was_tried(handle: int, kind: int) -> None:
        try:
            real(handle, kind)
        finally:
            looking.close()

    monkeypatch.setattr("fcntl.flock", look_until_it_was_tried)
    with locked(home):
        assert looking.closed


def test_resume_builds_what_was_aborted_and_what_waited(tmp_path: Path, say: Say) -> None:
    """It says so first. What an aborted build had started, that build starts again."""
    slow = shell('[ "$A" = fast ] || [ -e "$JENKINS_HOME/FAST" ] || sleep 600')
    job = job_xml(builders=slow, parameters=string("A"))
    top = job_xml(builders=blocking("Below"))
    home = make_home(tmp_path / "home", {"Top": top, "Below": job, "Slow": job})
    say("--home", "home", "build", "Slow", "-p", "A=fast")
    with make_engine(home) as engine:
        engine.build("Slow", {"A": "2"})
        engine.build("Top", {})
        engine.build("Slow", {"A": "3"})  # waits for the other one
    rehearsal = _start(tmp_path, "resume", "--executors", "3")
    wait_until(lambda: None not in (Builds(home).get("Below", 1), Builds(home).get("Slow", 2)))
    rehearsal.send_signal(signal.SIGINT)
    rehearsal.communicate(timeout=300)
    assert rehearsal.returncode == 130
    unfinished = (
        "Aborted, to be built again: Slow #2 (A=2)\n"
        "Aborted, to be built again: Top #1\n"
        "In the queue: Slow (A=3)\n"
    )
    going_on = "Go on with: cfl-jobs rehearse --home home resume"
    assert f"{unfinished}{going_on}" in say("status", "--home", "home")
    (home.root / "FAST").touch()
    assert say("resume", "--home", "home").startswith(unfinished)
    results = {job: [r.result for r in Builds(home).of(job)] for job, _ in home.configs()}
    again = [Result.SUCCESS, Result.ABORTED]
    assert results == {
        "Top": again,
        "Below": again,
        "Slow": [Result.SUCCESS, *again, Result.SUCCESS],
    }
    assert {Builds(home).of("Slow")[n].parameters["A"] for n in (0, 1)} == {"2", "3"}
    nothing = "Nothing was aborted, and nothing waits in the queue."
    assert nothing in say("resume", "--home", "home")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_is_ended_just_as_a_build_begins_is_told_and_built_once(
    tmp_path: Path, say: Say, number: signal.Signals
) -> None:
    """Its record is there, and so is its request in the file of the queue."""
    home = make_home(tmp_path / "home", {"Top": job_xml(builders=blocking("J")), "J": job_xml()})
    record = home.build_directory("J", 1) / "build.json"
    moment = f'event == "os.rename" and "queue.json" in str(arguments[1]) and exists("{record}")'
    _end_at(tmp_path, moment, number, "--home", "home", "build", "Top")
    assert say("--home", "home", "status").splitlines()[4:] == [
        "Aborted, to be built again: Top #1",
        "Go on with: cfl-jobs rehearse --home home resume",
    ]
    say("--home", "home", "resume")
    for job in ("Top", "J"):
        assert [r.result for r in Builds(home).of(job)] == [Result.SUCCESS, Result.ABORTED]


# Sends us a signal at a moment that an audit hook sees.
_AT_A_MOMENT = """\
import signal, sys
from os.path import exists
sent = []
def hook(event, arguments):
    if not sent and {moment}:
        sent.append(True)
        signal.raise_signal({number})
sys.addaudithook(hook)
from cfl_jobs.__main__ import main
sys.argv[1:] = ["rehearse", *{arguments}]
sys.exit(main())
"""


def _end_at(
    directory: Path, moment: str, number: signal.Signals, *arguments: str
) -> tuple[int, str, str]:
    """Rehearse, and send ourselves a signal at that moment; the exit code and what was said."""
    program = _AT_A_MOMENT.format(moment=moment, number=int(number), arguments=arguments)
    rehearsal = _run_program(directory, "-c", program)
    said, error = rehearsal.communicate(timeout=300)
    return rehearsal.returncode, said, error


def _start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return _run_program(directory, "-m", "cfl_jobs", "rehearse", "--home", "home", *arguments)


def _run_program(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell would hand on that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _processes(home: Home) -> tuple[int, ...]:
    """Return the processes of J's newest build."""
    return next((find_by_cookie(record.cookie) for record in Builds(home).of("J")), ())


def _log(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def test_a_home_of_its_own_follows_the_definitions(tmp_path: Path, say: Say) -> None:
    """What rehearse rendered it renders again; what `update` put there it only compares."""
    copy_project(tmp_path)
    make_repository(tmp_path / "clone", {"a": ""})
    assert run(["update", "--home", "filled", "--yes"]) == 0
    for home in ("own", "filled"):
        say("--home", home, "--repo", "ocargo=clone", "resume")
    edit(tmp_path, "jobs/deploy.yaml", "name: Deploy to Prod", "name: Deploy to Live")
    assert "Rendered jobs/ into own" in say("--home", "own", "resume")
    assert Path("own/jobs/Deploy to Live/config.xml").is_file()
    assert not Path("own/jobs/Deploy to Prod").exists()
    assert "Note: not as in jobs/: " in say("--home", "filled", "resume")
    assert not Path("filled/jobs/Deploy to Live").exists()


@pytest.mark.parametrize("text", ['{"next": ', "{}", "[]", '{"items": [{}], "next": 1}'])
@pytest.mark.parametrize("name", ["queue.json", "settings.json"])
def test_a_damaged_file_is_named(tmp_path: Path, say: Say, name: str, text: str) -> None:
    home = make_home(tmp_path, {"J": job_xml()})
    home.state.mkdir()
    (home.state / name).write_text(text)
    assert f"{name} is damaged" in say("--home", ".", "resume", code=1)


def test_an_interrupt_is_told_as_one_though_the_queue_is_damaged(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", {"J": job_xml()})
    home.state.mkdir()
    (home.state / "queue.json").write_text("{")
    moment = 'event == "open" and "settings.json" in str(arguments[0])'
    code, said, error = _end_at(tmp_path, moment, signal.SIGINT, "--home", "home", "resume")
    assert (code, said, error) == (130, "", "\nInterrupted.\n")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path, say: Say) -> None:
    (tmp_path / "file").write_text("")
    assert "file/home" in say("--home", str(tmp_path / "file/home"), code=1)


def test_a_slip_makes_nothing_and_is_not_remembered(tmp_path: Path, say: Say) -> None:
    """What could not be read must not break every later run, be it the very first."""
    make_repository(tmp_path / "clone", {})
    (tmp_path / "bad").write_text("a=b\nhunter2\n")
    copy_project(tmp_path)
    home = Home(tmp_path / "build/rehearsal")
    unknown = "--repo ocarga=clone resume"  # the jobs say which repositories there are
    slips = (
        ("--secrets nothing resume", 2, "'nothing'"),
        ("--secrets bad resume", 1, "bad:2:1: this line is not NAME=value"),
        ("--repo ocargo=nothing resume", 2, "'nothing'"),
        ("--repo ocargo=jobs resume", 1, "is not a git repository"),
        ("build Publish-Ocarga-Files", 1, "There is no job"),
        (unknown, 1, "No job checks out a repository 'ocarga'.\n  Did you mean 'ocargo'?"),
    )
    for is_first in (True, False):
        for slip, code, said in slips:
            error = say(*slip.split(), code=code)
            assert said in error
            assert "hunter2" not in error
            assert home.repositories.exists() is not is_first
            assert (home.root / "jobs").exists() is (slip is unknown or not is_first)
        say("resume")
    assert {path.name for path in home.repositories.iterdir()} == {*REPOSITORIES}
    say("--repo", "ocadotechnology/ocargo=clone", "resume")


def test_a_slip_makes_nothing_where_someone_else_filled_the_home(tmp_path: Path, say: Say) -> None:
    home = make_home(tmp_path / "home", {"Publish": PUBLISH})
    assert "Did you mean 'Publish'?" in say("--home", "home", "build", "Publsh", code=1)
    assert not home.repositories.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(
    "moment",
    [
        'event == "os.rename" and "jobs/C" in str(arguments[1])',
        'event == "subprocess.Popen" and "init" in arguments[1]',
        'event == "subprocess.Popen" and "commit" in arguments[1]',
    ],
)
def test_a_first_run_that_was_interrupted_is_gone_on_with(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    say: Say,
    moment: str,
    number: signal.Signals,
) -> None:
    """While it renders, or while it makes the sample's repositories: the home stays its own."""
    copy_project(tmp_path)
    code, said, error = _end_at(tmp_path, moment, number, "resume")
    if number is signal.SIGINT:
        assert (code, error) == (130, "\nInterrupted.\n")
    assert "Go on with" not in said
    shown = say("resume")
    assert "Made the sample's repositories" in shown
    assert "Note: " not in shown
    assert run(["plan", "--home", "build/rehearsal"]) == 0
    assert "13 as they should be" in capsys.readouterr().out


def test_an_own_clone_for_one_of_the_sample_says_that_made_up_secrets_go(
    tmp_path: Path, say: Say
) -> None:
    """And how to go back."""
    job = job_xml(
        scm=GIT.format("ocargo", "master"), wrappers=bind(t="StringBinding variable=TOKEN")
    )
    make_home(tmp_path / "build/rehearsal", {"J": job})
    make_repository(tmp_path / "clone", {})
    told = (
        "Note: made-up secrets are no longer used, since ocargo is your clone; give --secrets FILE."
    )
    back = "--repo ocargo=build/rehearsal/repositories/ocargo"
    Path("secrets").write_text("")
    for given, is_told in (
        ("--executors=2", False),
        ("--repo=ocargo=clone", True),
        ("--executors=2", True),
        (back.replace("--repo ", "--repo="), False),
        ("--repo=ocargo=clone", True),
        ("--secrets=secrets", False),
    ):
        said = f"{told}\n  To go back to the sample: cfl-jobs rehearse {back}\n"
        assert (said in say(given, "resume")) is is_told
