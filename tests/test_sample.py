"""The sample repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfl_jobs.sample import REPOSITORIES, make_repositories
from tests.shell_steps import git


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
