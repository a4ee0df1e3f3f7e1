"""run-suite.sh, promote.sh and deploy-distribution.sh: from a distribution to a deployed site."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cfl_jobs.sample import make_repositories
from tests.sample_variants import make_tiny_wheels
from tests.shell_steps import (
    Step,
    commit_all,
    create,
    half_a_python,
    list_tar,
    publish_all,
    quick_python,
    run_step,
)
from tests.wheelhouse import make_pip_offline

COMMITS = f"ocargo {'1' * 40}\ncodeforlife-deploy {'2' * 40}\n"
SHORT = "ocargo 1111111, codeforlife-deploy 2222222"
DEPLOY = """#!/bin/sh
echo "deploying to $1 number $2 with $SECRET" && cp -r . "$TARGET"
"""
PASSING = """mkdir -p "$JUNIT_REPORTS"
echo '<testsuite><testcase name="a"/><testcase name="b"/></testsuite>' >"$JUNIT_REPORTS/a.xml"
"""


def pack(workspace: Path, files: dict[str, str], commits: str = COMMITS) -> str:
    """Put a distribution of `files` into a workspace as Copy Artifact does; returns its sha256."""
    source = workspace.parent / f"{workspace.name} source"
    for name, text in (files | {"commit.txt": commits}).items():
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if name.endswith(".sh") else 0o644)
    workspace.mkdir(parents=True, exist_ok=True)
    packed = workspace / "distribution.tar.gz"
    subprocess.run(["tar", "-czf", str(packed), "-C", str(source), "."], check=True)
    (workspace / "commit.txt").write_text(commits)
    return hashlib.sha256(packed.read_bytes()).hexdigest()


SUITE = {
    "distribution_job": "Create Distribution",
    "archive": "distribution.tar.gz",
    "vendor": "lib",
    "environment": [],
    "file_variables": [],
    "file_paths": [],
    "services": [],
}


def run_suite(workspace: Path, command: str, **values: object) -> Step:
    build = {"JOB_NAME": "Run Ocargo Tests", "BUILD_NUMBER": "7", "DISTRIBUTION_NUMBER": "42"}
    given = {**SUITE, "python": quick_python(workspace.parent), "command": command, **values}
    return run_step("run-suite.sh", workspace, given, build)


def test_a_suite_that_passes_leaves_evidence_of_number_and_bytes(tmp_path: Path) -> None:
    workspace = tmp_path / "Run Ocargo Tests"
    sum_ = pack(workspace, {})
    command = f"{PASSING}test -f commit.txt && command -v python"
    step = run_suite(workspace, command, python=sys.executable)
    assert step.code == 0, step.log
    assert str(workspace / "venv" / "bin" / "python") in step.log
    assert "[description] distribution 42\n" in step.log
    assert (workspace / "tested.txt").read_text() == (
        f"distribution 42\nsha256 {sum_}\nRun Ocargo Tests 7: 2 tests passed\n"
    )


NO_TEST = "counting the suite's tests: the suite ended well but reported no test"


@pytest.mark.parametrize(
    ("command", "said"),
    [(f"{PASSING}exit 3", "running the suite ("), (f"{PASSING}false\ntrue", "running the suite ("),
     ("true", NO_TEST)],
)  # fmt: skip
def test_a_suite_that_fails_or_ran_nothing_leaves_none(
    command: str, said: str, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    pack(workspace, {"tested.txt": "distribution 42\n"})
    (workspace / "tested.txt").write_text("distribution 42\n")
    step = run_suite(workspace, command)
    assert step.code != 0
    assert f"Run Ocargo Tests 7: FAILED while {said}" in step.log
    assert step.log.splitlines()[-1].startswith(f"distribution 42, commits: ocargo {'1' * 40} ")
    assert not (workspace / "tested.txt").exists()


def test_a_suite_has_its_environment_its_secrets_and_its_services(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    pack(workspace, {"lib/site.py": "", "lib-suites/tool.py": ""})
    command = f"""{PASSING}
test "$BROWSER" = "a b"
test -f certs/a.pem
python -c 'import tool'
until test -f ../service; do sleep 0.05; done
"""
    step = run_suite(
        workspace,
        command,
        environment=["BROWSER=a b"],
        services=['echo "$BROWSER" >../service; exec sleep 60'],
        file_variables=["BASH"],
        file_paths=["certs/a.pem"],
    )
    assert step.code == 0, step.log
    assert "starting a service (" in step.log
    assert not (workspace / "distribution/certs/a.pem").exists()


def test_a_secret_replaces_no_file_of_the_distribution(tmp_path: Path) -> None:
    pack(tmp_path / "w", {"certs/a.pem": "the site's"})
    step = run_suite(tmp_path / "w", PASSING, file_variables=["BASH"], file_paths=["certs/a.pem"])
    assert step.code == 1
    assert "the distribution has certs/a.pem, where a secret belongs" in step.log
    assert (tmp_path / "w/distribution/certs/a.pem").read_text() == "the site's"


def test_suite_and_deploy_run_the_python_that_is_named_where_it_has_no_venv(tmp_path: Path) -> None:
    python, system = half_a_python(tmp_path)
    for workspace in (tmp_path / "suite", tmp_path / "deploy"):
        pack(workspace, {})
    suite = run_suite(tmp_path / "suite", f"{PASSING} python half python", python=python)
    values = {"command": "python half python", "python": python}
    deployed = deploy(tmp_path / "deploy", values, ALLOW_UNTESTED="true")
    for step in (suite, deployed):
        assert step.code == 0, step.log
        assert "this is half-python\n" in step.log
    assert system.read_text() == "the system's"


def test_a_service_that_ended_is_told_where_the_suite_fails(tmp_path: Path) -> None:
    pack(tmp_path / "w", {})
    ended = 'test -s ../pid && ! kill -0 "$(<../pid)" 2>/dev/null'
    suite = f"until {ended}; do sleep 0.05; done; exit 4"
    step = run_suite(tmp_path / "w", suite, services=["echo $$ >../pid; exit 3"])
    assert "7: echo $$ >../pid; exit 3 had ended before the suite did" in step.log


def test_a_suite_that_is_stopped_says_in_which_step(tmp_path: Path) -> None:
    pack(tmp_path / "w", {})
    step = run_suite(tmp_path / "w", 'kill -TERM "$PPID"')
    assert step.code == 143
    said = 'STOPPED while running the suite (kill -TERM "$PPID"): by its time limit or by a person'
    assert f"Run Ocargo Tests 7: {said}" in step.log
    assert "FAILED" not in step.log


def test_a_suite_of_an_unknown_distribution_is_refused_in_a_sentence(tmp_path: Path) -> None:
    step = run_suite(tmp_path / "w", PASSING)
    assert step.code == 1
    assert (
        "Run Ocargo Tests 7: FAILED while taking distribution 42: there is no distribution 42: no "
        "such build of Create Distribution, or it did not finish, or its artifacts were not kept"
    ) in step.log


def test_a_distribution_with_another_commit_txt_is_not_tested(tmp_path: Path) -> None:
    pack(tmp_path / "w", {})
    (tmp_path / "w" / "commit.txt").write_text(COMMITS.replace("1", "3"))
    step = run_suite(tmp_path / "w", PASSING)
    assert step.code != 0
    assert "differ" in step.log


SUM = "sha256 " + "a" * 64
OTHER_SUM = "sha256 " + "b" * 64


def evidence(number: int = 42, sum_: str = SUM, suite: str = "Run Portal Tests 3") -> str:
    return f"distribution {number}\n{sum_}\n{suite}: 2 tests passed\n"


JOBS = {"portal": "Run Portal Tests", "ocargo": "Run Ocargo Tests"}
PORTAL, OCARGO = "evidence/portal/tested.txt", "evidence/ocargo/tested.txt"
BOTH = {PORTAL: evidence(), OCARGO: evidence(suite="Run Ocargo Tests 4")}
BEFORE = "before/tests.txt"


def promote(
    workspace: Path, files: Mapping[str, str], suites: Sequence[str] = tuple(JOBS)
) -> tuple[Step, str, str]:
    """Run promote.sh; what it did, and what is in tests.txt and deploy.properties, "" without."""
    for name, text in files.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(text)
    values = {"suites": suites, "jobs": [*JOBS.values()], "deploys": "Deploy to Dev"}
    build = {"JOB_NAME": "Promote Distribution", "BUILD_NUMBER": "9", "DISTRIBUTION_NUMBER": "42"}
    step = run_step("promote.sh", workspace, values, build)
    made = (workspace / name for name in ("tests.txt", "deploy.properties"))
    recorded, starts = (file.read_text() if file.exists() else "" for file in made)
    return step, recorded, starts


def test_both_suites_passing_promote_and_start_the_deploy(tmp_path: Path) -> None:
    step, recorded, starts = promote(tmp_path / "w", BOTH)
    assert step.code == 0, step.log
    assert recorded == (
        f"distribution 42\n{SUM}\n"
        "Run Portal Tests 3: 2 tests passed\nRun Ocargo Tests 4: 2 tests passed\n"
    )
    number = "<SpecificBuildSelector><buildNumber>42</buildNumber></SpecificBuildSelector>"
    assert starts == f"DISTRIBUTION={number}\n"
    assert "[description] distribution 42: tested\n" in step.log


@pytest.mark.parametrize(
    ("files", "waits"),
    [
        ({PORTAL: evidence()}, ["ocargo"]),
        ({OCARGO: evidence()}, ["portal"]),
        ({}, ["portal", "ocargo"]),
        ({**BOTH, OCARGO: evidence(number=41)}, ["ocargo"]),
        ({**BOTH, PORTAL: evidence(number=421)}, ["portal"]),
        ({**BOTH, PORTAL: ""}, ["portal"]),
        ({**BOTH, PORTAL: evidence(sum_="sha256 x")}, ["portal"]),
        ({**BOTH, PORTAL: evidence(sum_=OTHER_SUM)}, ["portal", "ocargo"]),
        ({PORTAL: evidence(), BEFORE: evidence(sum_=OTHER_SUM)}, ["ocargo"]),
    ],
)
def test_missing_evidence_ends_quietly_with_what_is_waited_for(
    files: dict[str, str], waits: list[str], tmp_path: Path
) -> None:
    stale = {"tests.txt": "stale", "deploy.properties": "stale"}
    step, *made = promote(tmp_path / "w", files | stale)
    said = f"distribution 42: waiting for {' and '.join(JOBS[suite] for suite in waits)}\n"
    assert step.code == 0, step.log
    assert f"\n{said}" in f"\n{step.log}"
    assert f"[description] {said}" in step.log
    assert made == ["", ""]


def test_two_suites_of_one_name_are_refused(tmp_path: Path) -> None:
    """They would share one place of evidence, and one success would count for both."""
    step, *made = promote(tmp_path / "w", {PORTAL: evidence()}, ["portal", "portal"])
    assert step.code == 1
    assert "distribution 42: refused: two suites are called portal; rename one" in step.log
    assert made == ["", ""]


def test_a_distribution_recorded_before_is_not_deployed_again(tmp_path: Path) -> None:
    step, recorded, starts = promote(tmp_path / "w", {**BOTH, BEFORE: evidence()})
    assert "recorded before, so Deploy to Dev is not started again" in step.log
    assert recorded
    assert not starts


def test_a_record_of_other_bytes_of_that_number_does_not_count(tmp_path: Path) -> None:
    _, _, starts = promote(tmp_path / "w", {**BOTH, BEFORE: evidence(sum_=OTHER_SUM)})
    assert starts


@pytest.mark.parametrize("files", [{}, {PORTAL: evidence()}])
def test_a_record_outlives_the_suites_builds(files: dict[str, str], tmp_path: Path) -> None:
    _, *made = promote(tmp_path / "w", files | {BEFORE: evidence()})
    assert made == [evidence(), ""]


def deploy(workspace: Path, values: Mapping[str, object] | None = None, **environment: str) -> Step:
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "distribution-number").write_text("42\n")
    given = {
        "environment": "Prod",
        "distribution_job": "Create Distribution",
        "promote_job": "Promote Distribution",
        "archive": "distribution.tar.gz",
        "python": quick_python(workspace.parent),
        "vendor": "lib",
        "command": "./deploy.sh {environment} {number}",
        "variables": [],
        "file_variables": [],
        "file_paths": [],
        **(values or {}),
    }
    build = {
        "JOB_NAME": "Deploy to Prod",
        "BUILD_NUMBER": "5",
        "TARGET": str(workspace.parent / "target"),
        "SECRET": "s3cret",
    }
    return run_step("deploy-distribution.sh", workspace, given, build | environment)


def record(workspace: Path, text: str) -> None:
    (workspace / "evidence").mkdir()
    (workspace / "evidence" / "tests.txt").write_text(text)


def test_a_tested_distribution_is_deployed_by_its_own_script(tmp_path: Path) -> None:
    workspace = tmp_path / "Deploy to Prod"
    sum_ = pack(workspace, {"deploy.sh": DEPLOY, "site/a b": "x"})
    record(workspace, evidence(sum_=f"sha256 {sum_}"))
    step = deploy(workspace, {"python": sys.executable})
    assert step.code == 0, step.log
    assert "deploying to Prod number 42 with s3cret" in step.log
    assert f"[description] distribution 42 to Prod ({SHORT})\n" in step.log
    assert (tmp_path / "target" / "site" / "a b").read_text() == "x"
    assert (workspace / "commit.txt").read_text() == COMMITS


def test_a_deploy_has_a_command_variables_and_files_of_its_own(tmp_path: Path) -> None:
    """As in 2015: deploy.sh takes no arguments, but variables and a certificate beside it."""
    script = '#!/bin/sh\necho "$# $VERSION to $CONFIG with $(cat certs/a.pem)" >"$TARGET"\n'
    pack(tmp_path / "w", {"deploy.sh": script})
    (tmp_path / "pem").write_text("certificate")
    values = {
        "command": "./deploy.sh",
        "variables": ["VERSION={number}", "CONFIG=app-{environment}.yaml"],
        "file_variables": ["PEM"],
        "file_paths": ["certs/a.pem"],
    }
    step = deploy(tmp_path / "w", values, ALLOW_UNTESTED="true", PEM=str(tmp_path / "pem"))
    assert step.code == 0, step.log
    target = (tmp_path / "target").read_text()
    assert target == "0 42 to app-Prod.yaml with certificate\n"
    assert not (tmp_path / "w/distribution/certs/a.pem").exists()


@pytest.mark.parametrize(
    "recorded", [None, "", evidence(sum_=OTHER_SUM), evidence(number=41), "distribution 42\n"]
)
def test_an_untested_distribution_is_refused(recorded: str | None, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    pack(workspace, {"deploy.sh": DEPLOY})
    if recorded is not None:
        record(workspace, recorded)
    step = deploy(workspace, ALLOW_UNTESTED="false")
    assert step.code == 1
    assert (
        "refused, Promote Distribution has not recorded distribution 42 as tested. Run its test "
        "suites, or tick ALLOW_UNTESTED to deploy it all the same\n"
    ) in step.log
    assert "[description] refused: distribution 42 is not tested\n" in step.log
    assert f"commits: ocargo {'1' * 40} codeforlife-deploy {'2' * 40}; nothing was deployed" in (
        step.log
    )
    assert not (tmp_path / "target").exists()


def test_an_untested_distribution_is_deployed_if_that_is_allowed_and_says_so(
    tmp_path: Path,
) -> None:
    pack(tmp_path / "w", {"deploy.sh": DEPLOY})
    step = deploy(tmp_path / "w", ALLOW_UNTESTED="true")
    assert step.code == 0, step.log
    assert f"[description] distribution 42 to Prod, UNTESTED ({SHORT})\n" in step.log
    assert "distribution 42 is UNTESTED, deployed because ALLOW_UNTESTED is ticked" in step.log
    assert (tmp_path / "target").exists()


def test_an_unknown_distribution_is_refused_even_if_untested_is_allowed(tmp_path: Path) -> None:
    step = deploy(tmp_path / "w", ALLOW_UNTESTED="true")
    assert step.code == 1
    assert "refused, there is no distribution 42: no such build of Create Distribution" in step.log
    assert "[description] refused: no distribution 42\n" in step.log
    assert "nothing was deployed" in step.log


@pytest.mark.parametrize(
    ("script", "ended", "said"),
    [
        ("exit 6", "FAILED", "running ./deploy.sh Prod 42: exit code 6"),
        ("", "FAILED", "has no executable file deploy.sh"),
        ('kill -TERM "$PPID"', "STOPPED",
         "running ./deploy.sh Prod 42: by its time limit or by a person"),
    ],
)  # fmt: skip
def test_a_failed_deploy_says_what_failed_and_which_commits(
    script: str, ended: str, said: str, tmp_path: Path
) -> None:
    pack(tmp_path / "w", {"deploy.sh": f"#!/bin/sh\n{script}\n"} if script else {"deploy": ""})
    step = deploy(tmp_path / "w", ALLOW_UNTESTED="true", BUILD_URL="http://jenkins/5/")
    assert step.code != 0
    assert f"Deploy to Prod 5: {ended} while {said if script else ''}" in step.log
    assert said in step.log
    last = step.log.splitlines()[-1]
    assert last.startswith(f"distribution 42, commits: ocargo {'1' * 40} codeforlife-deploy ")
    assert last.endswith("this log: http://jenkins/5/")
    assert ("may be half deployed" in last) is bool(script)
    described = "refused: no deploy.sh"
    if script:
        described = f"distribution 42 to Prod, UNTESTED ({SHORT}): {ended} while running ./deploy."
    assert f"[description] {described}" in step.log


def test_the_sample_site_is_tested_and_deployed(tmp_path: Path) -> None:
    """The whole way of the scripts, on real repositories and a Django that is installed here."""
    pip = make_pip_offline(make_tiny_wheels(tmp_path / "wheels", "tiny-site", "tiny-tool"))
    make_repositories(tmp_path / "repositories")
    deployed = tmp_path / "repositories/codeforlife-deploy"
    (deployed / "requirements.txt").write_text("tiny-site\n")
    (deployed / "requirements-test.txt").write_text("tiny-tool\n")
    commit_all(deployed)
    made = publish_all(tmp_path / "repositories", tmp_path)
    files = {"requirements": ["requirements.txt"], "suite_requirements": ["requirements-test.txt"]}
    step = create(made, pip, **files)
    assert step.code == 0, step.log
    assert "lib-suites/tiny_tool.py" in list_tar(made / "distribution.tar.gz")

    tests = tmp_path / "Run Ocargo Tests"
    site = tmp_path / "Deploy to Prod"
    for workspace in (tests, site):
        workspace.mkdir()
        for name in ("distribution.tar.gz", "commit.txt"):
            (workspace / name).write_bytes((made / name).read_bytes())
    runner = "xmlrunner.extra.djangotestrunner.XMLTestRunner"
    step = run_suite(tests, f"python manage.py test game portal --testrunner {runner}")
    assert step.code == 0, step.log
    assert "distribution 42 passed, 7 tests" in step.log
    assert list((tests / "reports").glob("*.xml"))

    record(site, (tests / "tested.txt").read_text())
    root = tmp_path / "environments"
    for _ in range(2):
        step = deploy(site, CFL_DEPLOY_ROOT=str(root), SITE_SECRET_KEY="k3y")
        assert step.code == 0, step.log
    current = root / "Prod" / "current"
    assert current.is_symlink()
    assert (current / "commit.txt").read_bytes() == (made / "commit.txt").read_bytes()
    assert (current / "distribution-number.txt").read_text() == "42\n"
    assert (current / "static" / "game" / "van.svg").is_file()
    assert (current / "lib" / "tiny_site.py").is_file()
    assert not (current / "lib-suites").exists()
    assert (current / "secret-key.txt").stat().st_mode & 0o777 == 0o600
    assert "k3y" not in step.log

    live = current.resolve()
    step = deploy(site, CFL_DEPLOY_ROOT=str(root))
    assert step.code != 0
    assert "the secret key of environment Prod is not set" in step.log
    assert current.resolve() == live
