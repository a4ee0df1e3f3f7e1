"""plan, update, history and rollback as a person uses them, on a directory."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cfl_jobs.__main__ import run
from cfl_jobs.configs.config import Config
from cfl_jobs.rendering.render import render
from tests.case_files import CASES, read_case, write_files
from tests.jenkins_server import JenkinsServer
from tests.projects import History, copy_project

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two jobs and a view, as the working directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(write_files(tmp_path / "project", read_case(CASES / "update/project.txt")))
    return tmp_path / "project"


@pytest.fixture
def cfl_jobs(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run([*arguments, *(() if "--help" in arguments else ("--home", "home"))])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_update_makes_what_is_defined_and_the_second_one_nothing(
    cfl_jobs: Run, project: Path
) -> None:
    """A line for each job and the number of changes; nothing is drawn but at a terminal.

    Without anyone to ask nothing is changed.
    """
    code, output = cfl_jobs("update")
    assert code == 1
    assert "3 to create" in output
    assert "nobody is there to ask, so nothing was changed\n  Add --yes to go ahead." in output
    assert not (project / "home").exists()
    code, output = cfl_jobs("update", "--yes")
    assert code == 0
    assert "+ create job Publish A  (jobs/publish.yaml:3:5)" in output
    assert "create job Publish B: done" in output
    assert "[3/3] create view Code for Life: done\n" in output
    assert output.replace("…", "").isascii()
    assert "3 of 3 changes made on home." in output
    assert (project / "home/jobs/Publish A/config.xml").is_file()
    before = (project / "home/jobs/Publish A/config.xml").stat()
    code, output = cfl_jobs("update", "--yes")
    assert (code, output) == (0, "Plan for home: 3 as they should be.\n")
    assert (project / "home/jobs/Publish A/config.xml").stat().st_mtime_ns == before.st_mtime_ns


def test_names_and_globs_limit_what_is_done(cfl_jobs: Run, project: Path) -> None:
    """And a name that nothing has is an error."""
    assert cfl_jobs("update", "* A", "--yes")[0] == 0
    assert [path.name for path in (project / "home/jobs").iterdir()] == ["Publish A"]
    for arguments, said in (
        (("Publish C",), "no job or view is called 'Publish C'"),
        (("Publish A", "--prune"), "a filter never deletes"),
    ):
        code, output = cfl_jobs("update", *arguments, "--yes")
        assert (code, said in output) == (1, True)


def test_plan_shows_each_difference_where_it_comes_from(cfl_jobs: Run, project: Path) -> None:
    """Scripts as line diffs, ours and theirs apart, alike changes once."""
    cfl_jobs("update", "--yes")
    edit(project / "templates/scripts/publish.sh", "echo two", "echo three")
    edit(project / "home/jobs/Publish B/config.xml", "out/*", "all/*")
    code, output = cfl_jobs("plan")
    assert code == 0
    assert "shell step: script  (ours; templates/scripts/publish.sh:4:1)" in output
    assert "      - echo two\n      + echo three\n" in output
    assert "archive artifacts: artifacts  (theirs" in output
    assert "      - all/*\n      + out/*\n" in output
    assert "2 to change, 1 as they should be" in output


def test_plan_tells_by_its_exit_code_whether_there_are_changes(cfl_jobs: Run) -> None:
    """As Terraform's: 0 nothing, 1 an error, 2 changes; without the flag always 0."""
    assert cfl_jobs("plan")[0] == 0
    assert cfl_jobs("plan", "--detailed-exitcode")[0] == 2
    cfl_jobs("update", "--yes")
    assert cfl_jobs("plan", "--detailed-exitcode")[0] == 0
    assert cfl_jobs("plan", "--detailed-exitcode", "Nothing")[0] == 1


def test_plan_is_written_for_programs_and_for_pull_requests(cfl_jobs: Run, project: Path) -> None:
    """JSON and Markdown hold the same changes."""
    cfl_jobs("update", "--yes")
    edit(project / "jobs/publish.yaml", "branch: master", "branch: main")
    document = json.loads(cfl_jobs("plan", "--format", "json")[1])
    assert [change["name"] for change in document["changes"]] == ["Publish A", "Publish B"]
    labels = {found["label"]: found["side"] for found in document["differences"]}
    assert labels == {"parameter BRANCH: default": "ours", "shell step: script": "ours"}
    text = cfl_jobs("plan", "--format", "markdown")[1]
    assert "<summary><b>change 2 jobs: Publish A, Publish B</b></summary>" in text
    assert "\n- master\n+ main\n" in text
    assert text.count("```") == 6  # what the checks find, and two differences


def test_a_kept_plan_is_applied_just_so(cfl_jobs: Run, project: Path) -> None:
    """What changes in the definitions after it doesn't count."""
    cfl_jobs("update", "--yes")
    edit(project / "jobs/publish.yaml", "branch: master", "branch: main")
    assert "Kept in plan.json" in cfl_jobs("plan", "--out", "plan.json")[1]
    edit(project / "jobs/publish.yaml", "branch: main", "branch: later")
    code, output = cfl_jobs("update", "--plan", "plan.json", "--yes")
    assert code == 0
    assert "2 of 2 changes made" in output
    assert ">main<" in (project / "home/jobs/Publish A/config.xml").read_text()


def test_a_kept_plan_is_for_one_directory_wherever_it_is_applied(
    cfl_jobs: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative --home is another place in another directory; with none it goes where it's for."""
    assert cfl_jobs("plan", "--out", "plan.json")[0] == 0
    other = project / "other"
    (other / "home").mkdir(parents=True)
    monkeypatch.chdir(other)
    code, output = cfl_jobs("update", "--plan", "../plan.json", "--yes")
    assert code == 1
    assert f"is for {project / 'home'}, not for {other / 'home'}" in output
    assert not any((other / "home").iterdir())
    assert run(["update", "--plan", "../plan.json", "--yes"]) == 0
    assert not any((other / "home").iterdir())
    assert (project / "home/jobs/Publish A/config.xml").exists()


def test_a_kept_plan_for_a_server_that_settings_do_not_name_wants_its_url(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wrote the file doesn't say where the token goes."""
    settings = project / "jobs/settings.yaml"
    with JenkinsServer() as server:
        monkeypatch.setenv("JENKINS_USER_ID", server.user)
        monkeypatch.setenv("JENKINS_API_TOKEN", server.token)
        for named in ("", "https://jenkins.example.org/", server.url):
            if named:
                settings.write_text(f"settings:\n  server: {named}\n")
            assert run(["plan", "--url", server.url, "--out", "my plan"]) == 0
            advised = shlex.split(capsys.readouterr().err.split("`")[1])
            assert advised[1:4] == ["update", "--plan", "my plan"]
            assert advised[4:] == (["--url", server.url] if named != server.url else [])
            seen = len(server.requests)
            code = run(["update", "--plan", "my plan"])
            said = capsys.readouterr().err
            if advised[4:]:
                assert code == 1
                assert f"add {shlex.join(advised[4:])}." in said
                assert len(server.requests) == seen
        assert run([*advised[1:], "--yes"]) == 0


def test_a_kept_plan_is_refused_where_a_job_changed_since(cfl_jobs: Run, project: Path) -> None:
    cfl_jobs("update", "--yes")
    edit(project / "jobs/publish.yaml", "branch: master", "branch: main")
    cfl_jobs("plan", "--out", "plan.json")
    edit(project / "home/jobs/Publish B/config.xml", "out/*", "all/*")
    code, output = cfl_jobs("update", "--plan", "plan.json", "--yes")
    assert code == 1
    assert "isn't as it was when the plan was made: job Publish B was changed" in output
    assert ">main<" not in (project / "home/jobs/Publish A/config.xml").read_text()
    (project / "plan.json").write_text("{}")
    assert "is not a plan" in cfl_jobs("update", "--plan", "plan.json", "--yes")[1]


@pytest.fixture(scope="session")
def _updated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real chain, and a directory that it was put into."""
    root = copy_project(tmp_path_factory.mktemp("updated") / "chain")
    assert run(["-C", str(root), "update", "--home", "home", "--yes"]) == 0
    return root


@pytest.fixture
def dangerous(
    cfl_jobs: Run, _updated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The real chain in a directory, and then deployed to Prod as soon as it is tested."""
    monkeypatch.chdir(shutil.copytree(_updated, tmp_path / "chain"))
    edit(Path("jobs/deploy.yaml"), PROD, PROMOTED)
    return cfl_jobs


PROD = "environment: Prod"
PROMOTED = f"{PROD}\n    after_promotion: true"
RISK = "Risk: high: lets Promote Distribution start Deploy to Prod"


@pytest.mark.parametrize("kept", [False, True])
def test_errors_of_check_are_applied_only_despite_them(dangerous: Run, *, kept: bool) -> None:
    """By a rule's name, in a kept plan too; plan says the same, and that update will want it."""
    promote = Path("home/jobs/Promote Distribution/config.xml")
    before = promote.read_text()
    output = dangerous("plan", *(["--out", "kept"] if kept else []))[1]
    assert "deploy-trigger; update will want --despite deploy-trigger." in output
    update = ("update", *(["--plan", "kept"] if kept else []), "--yes")
    for options in ((), ("--despite", "unused-silence")):
        code, output = dangerous(*update, *options)
        assert code == 1
        assert "error deploy-trigger\ntemplates/promote.yaml.j2:68:5: Promote Dist" in output
        assert "Error: the checks find errors in this: deploy-trigger\n" in output
        assert output.startswith(RISK)
        assert promote.read_text() == before
    code, output = dangerous(*update, "--despite", "deploy-trigger")
    assert code == 0
    assert "--despite deploy-trigger lets its errors through.\n" in output
    assert promote.read_text() != before
    back = "Risk: high: keeps Promote Distribution from starting Deploy to Prod"
    assert back in dangerous("rollback")[1].split("\n\n")[0]
    assert dangerous("update", "--yes") == (0, "Plan for home: 13 as they should be.\n")


def test_growing_the_chain_and_renaming_a_job_need_no_force(dangerous: Run) -> None:
    """Nothing is lost by them, though they change a third of all jobs, and the view."""
    edit(Path("jobs/deploy.yaml"), PROMOTED, PROD)
    for file, entry in (
        ("publish", "{name: Publish Route Files, repository: r, component: r, directory: r}"),
        ("tests", "{name: Run Route Tests, suite: route, command: ./test route}"),
        ("deploy", "{name: Deploy to Demo, environment: Demo}"),
    ):
        with Path(f"jobs/{file}.yaml").open("a") as definitions:
            definitions.write(f"\n  - {entry}\n")
    code, output = dangerous("update", "--yes")
    assert code == 0
    assert "3 to create, 4 to change, 9 as they should be." in output
    moved = "Deploy to Test\n    moved: Deploy to Staging"
    edit(Path("jobs/deploy.yaml"), "Deploy to Staging", moved)
    code, output = dangerous("update", "--yes")
    assert code == 0
    assert output.count("> rename job Deploy to Staging to Deploy to Test  (and its name in") == 1
    assert "1 to rename, 3 to follow, 12 as they should be." in output


def test_force_is_asked_for_what_may_do_harm_in_many_deploys(dangerous: Run) -> None:
    """Not for a comment in them, nor for what changes in each job and harms none."""
    edit(Path("jobs/deploy.yaml"), PROMOTED, PROD)
    with Path("jobs/deploy.yaml").open("a") as definitions:
        for name in "ABC":
            definitions.write(f"\n  - {{name: Deploy to {name}, environment: {name}}}\n")
    assert dangerous("update", "--yes")[0] == 0
    for file, old, new, is_asked in (
        ("jobs/settings.yaml", "time_limit: 30", "time_limit: 45", False),
        ("templates/scripts/deploy-distribution.sh", "umask 022", "umask 022\n# why", False),
        ("templates/scripts/deploy-distribution.sh", "umask 022", "umask 077", True),
    ):
        edit(Path(file), old, new)
        code, output = dangerous("update", "--yes")
        assert code == is_asked
        assert ("6 of those that deploy changed; together 6 of the 16" in output) is is_asked
    assert dangerous("update", "--yes", "--force")[0] == 0


def test_an_update_of_some_jobs_is_judged_by_what_these_do(
    dangerous: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by that the rest doesn't render, whatever it is that doesn't; which is found out once."""
    edit(Path("jobs/tests.yaml"), "manage.py test game", "manage.py test games")
    for jobs, expected in (("Promote *", 1), ("Deploy to Prod", 0), ("Run Ocargo *", 0)):
        assert dangerous("update", jobs, "--yes")[0] == expected
    edit(Path("jobs/adhoc.yaml"), "time_limit: 60", "time_limit: much")
    edit(Path("jobs/tests.yaml"), "manage.py test games", "manage.py test gamer")
    rendered: list[Sequence[str]] = []

    def count_and_render(root: Path, *, only: Sequence[str] = ()) -> tuple[Config, ...]:
        rendered.append(only)
        return render(root, only=only)

    monkeypatch.setattr("cfl_jobs.rendering.render.render", count_and_render)
    code, output = dangerous("update", "Run *", "--yes")
    assert rendered.count(()) == 1
    assert code == 1
    assert "error definition\njobs/adhoc.yaml" in output
    assert "To apply it all the same, run it again with --despite definition" in output


@pytest.mark.parametrize("asked", [(), ("Publish C",), ("Publish *", "--adopt")])
def test_a_probable_rename_is_told_whatever_part_is_asked_for(
    asked: tuple[str, ...], cfl_jobs: Run, project: Path
) -> None:
    """A kept plan tells it too; where only others are asked for, nothing is made."""
    cfl_jobs("update", "--yes")
    edit(project / "jobs/publish.yaml", "Publish A", "Publish C")
    told = "> job Publish A seems to be called Publish C now: to rename it, with its builds, write "
    assert told in cfl_jobs("plan", *asked, "--out", "kept")[1]
    assert told in cfl_jobs("update", *asked)[1]
    assert told in cfl_jobs("update", "--plan", "kept")[1]
    assert told not in cfl_jobs("plan", "Publish B")[1]


def test_what_was_deleted_on_the_server_is_theirs(
    cfl_jobs: Run, project: Path, tmp_path: Path
) -> None:
    """The journal knows that it was there; what we deleted, and what is new, is ours."""
    cfl_jobs("update", "Publish A", "Code*", "--yes")
    cfl_jobs("update", "--yes", "--backup-dir", str(tmp_path / "elsewhere"))
    for name in ("A", "B"):
        (project / f"home/jobs/Publish {name}").rename(project / name)
    theirs = "+ create job Publish A  (theirs: deleted on the server, will be made again; jobs/"
    output = cfl_jobs("plan", "--out", "kept")[1]
    assert theirs in output
    assert "+ create job Publish B  (jobs/publish.yaml:4:5)" in output
    changes = json.loads(cfl_jobs("plan", "--format", "json")[1])["changes"]
    assert [change["side"] for change in changes] == ["theirs", "ours"]
    assert theirs in cfl_jobs("update", "--plan", "kept")[1]
    (project / "A").rename(project / "home/jobs/By hand")
    assert "deleted on the server, or called 'By hand' there, will be" in cfl_jobs("plan")[1]
    (project / "home/jobs/By hand").rename(project / "home/jobs/Publish A")
    edit(project / "jobs/publish.yaml", "  - {name: Publish A", "  # - {name: Publish A")
    edit(project / "templates/view.yaml.j2", "Publish A, ", "")
    assert cfl_jobs("update", "--prune", "--yes", "--delete-count", "1")[0] == 0
    edit(project / "jobs/publish.yaml", "  # - {name: Publish A", "  - {name: Publish A")
    assert "theirs" not in cfl_jobs("plan")[1]


def test_prune_deletes_only_when_told_the_number(cfl_jobs: Run, project: Path) -> None:
    """--yes alone doesn't delete; the builds that would go are counted."""
    cfl_jobs("update", "--yes")
    (project / "home/jobs/Publish B/builds/1").mkdir(parents=True)
    edit(project / "jobs/publish.yaml", "  - {name: Publish B, branch: master}\n", "")
    edit(project / "templates/view.yaml.j2", ", Publish B", "")
    code, output = cfl_jobs("plan")
    assert "job Publish B is no longer defined; --prune deletes it" in output
    code, output = cfl_jobs("update", "--prune", "--yes")
    assert code == 1
    assert "- delete job Publish B and its 1 build" in output
    assert "--delete-count 1" in output
    assert (project / "home/jobs/Publish B").exists()
    code, output = cfl_jobs("update", "--prune", "--yes", "--delete-count", "1")
    assert code == 0
    assert not (project / "home/jobs/Publish B").exists()
    code, output = cfl_jobs("rollback", "--yes")
    assert code == 0
    assert "create job Publish B: done" in output
    assert (project / "home/jobs/Publish B/config.xml").exists()


def test_history_lists_runs_and_rollback_puts_one_back(cfl_jobs: Run, project: Path) -> None:
    """Changed jobs as they were, new ones gone; and the rollback can be rolled back.

    What was changed since is left alone.
    """
    cfl_jobs("update", "Publish A", "--yes")
    path = project / "home/jobs/Publish A/config.xml"
    before = path.read_text()
    edit(project / "jobs/publish.yaml", "branch: master", "branch: main")
    cfl_jobs("update", "--yes")
    runs = [line for line in cfl_jobs("history")[1].splitlines() if line[0] != " "]
    assert len(runs) == 2
    assert "3 of 3 steps done" in runs[0]
    steps = cfl_jobs("history", runs[0].split()[0])[1]
    assert "update   job  Publish A: done" in steps
    code, output = cfl_jobs("rollback")
    assert code == 1
    assert "~ change job Publish A" in output
    assert "      - master\n" not in output
    assert "      + master\n" in output
    code, output = cfl_jobs("rollback", "--yes", "--delete-count", "2")
    assert code == 0
    assert "3 of 3 changes made on home." in output
    assert path.read_text() == before
    assert not (project / "home/jobs/Publish B").exists()
    assert cfl_jobs("rollback", "--yes")[0] == 0
    assert ">main<" in path.read_text()
    assert (project / "home/jobs/Publish B").exists()
    edit(path, "out/*", "all/*")
    code, output = cfl_jobs("rollback", "--yes")
    assert code == 1
    assert "! job Publish A was changed since" in output
    assert "all/*" in path.read_text()
    assert cfl_jobs("rollback", "--yes", "--force", "20")[0] == 1  # several runs begin so


def test_rollback_deletes_only_when_told_the_number(cfl_jobs: Run, project: Path) -> None:
    """--yes alone only puts back; the builds that would go are shown, and nothing else is done."""
    cfl_jobs("update", "Publish A", "--yes")
    edit(project / "jobs/publish.yaml", "branch: master", "branch: main")
    cfl_jobs("update", "Publish *", "--yes")
    (project / "home/jobs/Publish B/builds/1").mkdir(parents=True)
    code, output = cfl_jobs("rollback", "--yes")
    assert code == 1
    assert "delete job Publish B and its 1 build" in output
    assert "Plan for home: 1 to change, 1 to delete." in output
    assert "1 job, with 1 build, without being asked: --delete-count 1." in output
    assert (project / "home/jobs/Publish B").exists()
    assert ">main<" in (project / "home/jobs/Publish A/config.xml").read_text()
    assert cfl_jobs("rollback", "--yes", "--delete-count", "2")[0] == 1
    assert cfl_jobs("rollback", "--delete-count", "1")[0] == 1
    code, output = cfl_jobs("rollback", "--yes", "--delete-count", "1")
    assert (code, output.splitlines()[-1]) == (0, "2 of 2 changes made on home.")
    assert not (project / "home/jobs/Publish B").exists()


def test_a_run_that_was_killed_is_spoken_of_and_gone_on_with(
    cfl_jobs: Run, project: Path, tmp_path: Path
) -> None:
    cfl_jobs("update", "Publish A", "--yes")
    (journal,) = tmp_path.glob("state/cfl-jobs/*/*/journal.jsonl")
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([*lines[:-1], '{"kind": "jo']))
    code, output = cfl_jobs("update", "--yes")
    assert code == 0
    assert "was not finished; going on from what is there." in output
    assert "not finished" in cfl_jobs("history")[1]


def test_a_rollback_that_was_killed_is_not_what_an_update_goes_on_with(
    cfl_jobs: Run, project: Path, tmp_path: Path
) -> None:
    """It makes all as it is defined, and says so; also where it applies a kept plan."""
    cfl_jobs("update", "--yes")
    edit(project / "jobs/publish.yaml", "branch: master", "branch: main")
    cfl_jobs("update", "--yes")
    cfl_jobs("rollback", "--yes")
    (journal,) = (
        run / "journal.jsonl"
        for run in tmp_path.glob("state/cfl-jobs/*/*")
        if '"verb": "rollback"' in (run / "run.json").read_text()
    )
    journal.write_text(journal.read_text().replace('{"finished": true}\n', ""))
    cfl_jobs("plan", "--out", str(tmp_path / "kept"))
    for command in (("update", "--plan", str(tmp_path / "kept"), "--yes"), ("update", "--yes")):
        code, output = cfl_jobs(*command)
        assert code == 0
        said = f"The rollback {journal.parent.name} was not finished; this update makes all as it"
        assert (said in output) is ("--plan" in command)  # then the last run is that update


def test_a_target_must_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["update", "--yes"]) == 1
    assert "jobs/settings.yaml names no `server`" in capsys.readouterr().err


def test_a_definition_that_is_wrong_stops_everything(cfl_jobs: Run, project: Path) -> None:
    edit(project / "jobs/publish.yaml", "branch: master", "brunch: master")
    code, output = cfl_jobs("update", "--yes")
    assert code == 1
    assert "jobs/publish.yaml:3" in output
    assert not (project / "home").exists()


def test_nothing_that_a_target_holds_reaches_the_terminal_as_it_is(
    cfl_jobs: Run, project: Path
) -> None:
    """Names and values: a plan, an update, the history and a rollback spell out what is hidden."""
    home = project / "home"
    cfl_jobs("update", "--yes")
    config = home / "jobs/Publish A/config.xml"
    odd = home / "jobs/Copy \u202e\x1b[2J/config.xml"
    odd.parent.mkdir()
    odd.write_text(config.read_text())
    edit(config, "echo two", "echo \u202eowt&#13;&#13;")
    said = [
        cfl_jobs(*command)
        for command in (("plan", "-v"), ("update", "--yes"), ("history",), ("rollback", "--yes"))
    ]
    text = "".join(output for _, output in said)
    assert "job Copy \\u202e\\x1b[2J is a copy of" in text
    assert text.count("- echo \\u202eowt\\r") == 2
    assert "+ echo \\u202eowt\\r" in text
    assert all(character.isprintable() for character in text.replace("\n", ""))


def test_history_tells_who_did_what_from_which_commit(
    history: History,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a kept plan, the commit that it was made from; of a rollback, the run."""
    monkeypatch.chdir(history.root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOGNAME", "ann")
    first = history.git("rev-parse", "--short=10", "HEAD").strip()
    assert run(["update", "--home", "home", "--yes"]) == 0
    edit(history.root / "jobs/settings.yaml", "time_limit: 30", "time_limit: 45")
    assert run(["plan", "--home", "home", "--out", "plan"]) == 0
    history.commit("later")
    assert run(["update", "--plan", "plan", "--yes"]) == 0
    assert run(["rollback", "--home", "home", "--yes"]) == 0
    capsys.readouterr()
    assert run(["history", "--home", "home"]) == 0
    told = [re.sub(r"\s+", " ", run) for run in re.split(r"\n(?=\d)", capsys.readouterr().out)]
    changed = "11 of 11 steps done; by ann"
    assert re.match(rf"[\d-]+ rollback: {changed}, of the run [\d-]+ update job Check", told[0])
    assert f" update: {changed}, commit {first} and what is not committed update job" in told[1]
    assert f" update: 13 of 13 steps done; by ann, commit {first} create job Ad-hoc" in told[2]
    assert "Deploy to Staging and 6 more create view Code for Life" in told[2]
