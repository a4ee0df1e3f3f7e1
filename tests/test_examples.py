"""The sample repositories, and the two example definitions of docs/: checked, and run to a deploy.

Their commands run as they stand, on the sample repositories shaped as the real ones; only the
Python is another.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from cfl_jobs.__main__ import run
from cfl_jobs.cli import cli
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.sample import REPOSITORIES, make_repositories
from tests.rehearsal_chain import Chain
from tests.sample_variants import make_2015, make_gcloud, make_tiny_wheels, make_today
from tests.shell_steps import git, list_tar, quick_python

ROOT = Path(__file__).parent.parent
EXAMPLES = ("2015", "today")
# Lines of a secrets file; what ends with _FILE is the text of a file.
SECRETS_2015 = {
    "CODE_FOR_LIFE_GITHUB_USERNAME": "robot",
    "CODE_FOR_LIFE_GITHUB_PASSWORD": "t0ken",
    "DEV_DJANGO_SECRET": "dj4ngo",
    "DEV_RECAPTCHA_PRIVATE": "pr1vate",
    "DEV_RECAPTCHA_PUBLIC": "publ1c",
    "DEV_DATABASE_CERTIFICATE_FILE": "c3rtificate",
    "DEV_DATABASE_KEY_FILE": "k3y",
}
SECRETS_TODAY = {
    "BUILD_ENCRYPTION_KEY": "f3rnet",
    "DEV_ENCRYPTION_KEY": "f3rnet-of-dev",
    "DEV_DATABASE_USERNAME": "django",
    "DEV_DATABASE_PASSWORD": "p4ss",
    "DEV_GOOGLE_ACCOUNT_FILE": "{account}",
}


def copy_example(name: str, root: Path) -> Path:
    """Lay an example out as a project: its jobs/ and the templates."""
    shutil.copytree(ROOT / "templates", root / "templates")
    shutil.copytree(ROOT / "docs" / name / "jobs", root / "jobs")
    return root


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_checks_clean_and_fits_the_schema(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_example(name, tmp_path / name)
    monkeypatch.chdir(project)
    done = CliRunner().invoke(cli, ["check"])
    assert done.exit_code == 0, done.output
    assert done.output.endswith(": no problems.\n")
    schema = Draft202012Validator(json.loads((ROOT / "templates/schema.json").read_text()))
    for file in sorted((project / "jobs").iterdir()):
        errors = [e.message for e in schema.iter_errors(yaml.safe_load(file.read_text()))]
        assert not errors, (file.name, errors)


@pytest.fixture
def rehearse_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Chain]:
    def rehearse(example: str, repositories: dict[str, Path], secrets: dict[str, str]) -> Chain:
        """Publish all repositories: the first distribution is made, tested and deployed to Dev."""
        project = copy_example(example, tmp_path / example)
        settings = project / "jobs/settings.yaml"
        python = quick_python(tmp_path)
        text, count = re.subn(r"(?m)^( *python:).*$", rf"\1 {python}", settings.read_text())
        assert count == 1
        settings.write_text(text)
        lines = []
        for name, value in secrets.items():
            (tmp_path / name).write_text(value)
            lines.append(f"{name}='{name if name.endswith('_FILE') else value}'\n")
        (tmp_path / "secrets.env").write_text("".join(lines))
        monkeypatch.chdir(project)
        clones = [f"--repo={name}={path}" for name, path in repositories.items()]
        code = run(["rehearse", "--secrets=../secrets.env", *clones])
        said = capsys.readouterr().out
        assert (code, "Deploy to Dev #1: SUCCESS" in said) == (0, True), said
        return Chain(Home(project / "build/rehearsal"), repositories)

    return rehearse


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def provide(*names: str) -> None:
        wheels = make_tiny_wheels(tmp_path / "wheels", *names)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", wheels.as_uri())

    return provide


def test_the_chain_of_2015_runs_from_repositories_to_deploy(
    tmp_path: Path, offline: Callable[..., None], rehearse_all: Callable[..., Chain]
) -> None:
    offline("tiny-road", "tiny-teach", "tiny-site", "unittest-xml-reporting", "selenium")
    repositories = make_2015(tmp_path / "repositories")
    chain = rehearse_all("2015", repositories, SECRETS_2015)

    made = list_tar(chain.home.archive("Create Distribution", 1) / "distribution.tar.gz")
    assert {"lib/tiny_road.py", "lib/tiny_site.py", "lib/tiny_teach.py"} <= set(made)
    assert "static/CACHE/manifest.json" in made
    version = (chain.home.root / "deployed/app-dev.yaml/version").read_text()
    assert version == "1 dev-1- 6 c3rtificate\n"
    commit_txt = chain.artifact("Deploy to Dev", "commit.txt").decode().splitlines()
    link = (
        r"\S+ ([0-9a-f]{40}) master https://github.com/ocadotechnology/\S+/compare/master\.\.\.\1"
    )
    assert len(commit_txt) == 3
    assert all(re.fullmatch(link, line) for line in commit_txt), commit_txt
    logs = "".join(chain.log(job) for job, _ in chain.home.configs() if chain.results(job))
    assert not [value for value in ("t0ken", "dj4ngo", "c3rtificate") if value in logs]


def test_the_chain_of_today_runs_from_repositories_to_deploy(
    tmp_path: Path,
    offline: Callable[..., None],
    rehearse_all: Callable[..., Chain],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offline(
        *("tiny-portal", "tiny-game", "pytest", "pytest-django", "pytest-mock", "pytest-order"),
        *("pyvirtualdisplay", "responses", "selenium", "snapshottest", "django-extensions"),
        *("django-selenium-clean", "django-test-migrations", "pyOpenSSL", "pypdf", "Werkzeug"),
    )
    gcloud = make_gcloud(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{gcloud}{os.pathsep}{os.environ['PATH']}")
    repositories = make_today(tmp_path / "repositories")
    chain = rehearse_all("today", repositories, SECRETS_TODAY)

    made = list_tar(chain.home.archive("Create Distribution", 1) / "distribution.tar.gz")
    assert {"lib/game/route.py", "lib/portal/views.py", "lib/tiny_game.py"} <= set(made)
    assert not [name for name in made if name.startswith("build")]
    asked = (chain.home.root / "deployed/dev/version").read_text()
    assert asked == (
        "app deploy --quiet --version 1 --project code-for-life-dev app.yaml as django\n"
    )


def test_three_repositories_are_made_with_the_same_commits_each_time(tmp_path: Path) -> None:
    made = [make_repositories(tmp_path / name) for name in ("one", "two")]
    assert [path.relative_to(tmp_path / "one").as_posix() for path in made[0]] == list(REPOSITORIES)
    commits = [[git(path, "rev-parse", "master") for path in paths] for paths in made]
    assert commits[0] == commits[1]
    assert len(set(commits[0])) == 3


def test_a_repository_is_clean_and_its_scripts_can_be_run(tmp_path: Path) -> None:
    for repository in make_repositories(tmp_path):
        assert git(repository, "status", "--porcelain", "--ignored") == ""
    deploy = tmp_path / "codeforlife-deploy"
    listed = {line.split("\t")[1]: line[:6] for line in git(deploy, "ls-files", "-s").splitlines()}
    assert {name for name, mode in listed.items() if mode == "100755"} == {"deploy.sh", "manage.py"}


def test_commits_do_not_depend_on_the_users_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = make_repositories(tmp_path / "plain")
    config = tmp_path / "gitconfig"
    config.write_text("[core]\n\tautocrlf = true\n[init]\n\tdefaultBranch = trunk\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    others = make_repositories(tmp_path / "others")
    monkeypatch.undo()
    for one, other in zip(plain, others, strict=True):
        assert git(one, "rev-parse", "master") == git(other, "rev-parse", "master")


def test_a_repository_that_is_there_stays_and_a_half_made_one_is_begun_anew(tmp_path: Path) -> None:
    kept = tmp_path / "ocargo" / "kept"
    half = tmp_path / ".codeforlife-deploy.new" / "half"
    for file in (kept, half):
        file.parent.mkdir()
        file.write_text("mine")
    make_repositories(tmp_path)
    assert list(kept.parent.iterdir()) == [kept]
    assert {path.name for path in tmp_path.iterdir()} == {*REPOSITORIES}
    assert not list(tmp_path.rglob("half"))
