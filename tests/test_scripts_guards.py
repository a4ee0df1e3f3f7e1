"""The guards: what a person can type is refused in a sentence, or is harmless."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rehearsal_home import make_repository
from tests.shell_steps import check_out, git, publish, run_step, serve

BUILD = {"JOB_NAME": "A job", "BUILD_NUMBER": "5"}
NAMES = {"distribution_job": "Create Distribution"}


@pytest.mark.parametrize(
    "branch", ["master", "feature/x-1", "v1.2", "fix-#12", "user@topic", "a+b", "release_3"]
)
def test_a_sane_branch_name_passes(branch: str, tmp_path: Path) -> None:
    step = run_step("check-branch.sh", tmp_path / "w", {}, BUILD | {"BRANCH": branch})
    assert (step.code, step.log) == (0, "")


NO_BRANCHES = (
    "-x", "--upload-pack=touch pwned", "a b", "a\nBRANCH=b", "a\n[description] owned",
    "a,DISTRIBUTION=1", "$(touch pwned)", "`touch pwned`", "$BUILD_NUMBER", "a;b", "*", "a..b",
    "a.lock", "/a", "a/", "a//b", ".a", "@{-1}", "HEAD", "a\\u000ab", "<b>a</b>", "größe",
    "a" * 201,
)  # fmt: skip


@pytest.mark.parametrize("branch", NO_BRANCHES)
def test_a_name_that_is_no_sane_branch_is_refused(branch: str, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    step = run_step("check-branch.sh", workspace, {}, BUILD | {"BRANCH": branch})
    lines = step.log.splitlines()
    assert step.code == 1
    assert len(lines) == 2
    assert lines[0].startswith("A job 5: refused, nothing was done: BRANCH ")
    assert lines[1] == "[description] refused: BRANCH is not a branch name"
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("environment", [BUILD, BUILD | {"BRANCH": ""}])
def test_no_branch_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    step = run_step("check-branch.sh", tmp_path / "w", {}, environment)
    assert step.code == 1
    assert "BRANCH is empty. Enter the name of the branch to build" in step.log


REPOSITORIES = ("one", "two", "three")


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the repositories are, as a URL."""
    directory = tmp_path_factory.mktemp("remotes")
    for name in REPOSITORIES:
        git(make_repository(directory / f"{name}.git", {"file": "x"}), "branch", "hotfix")
    git(directory / "two.git", "branch", "--move", "hotfix", "not/refs/heads/hotfix")
    git(directory / "three.git", "tag", "only-a-tag")
    return directory.as_uri()


def check_exists(
    branch: str,
    at: str,
    tmp_path: Path,
    *repositories: str,
    environment: Mapping[str, str] | None = None,
    **more: object,
) -> tuple[int, str]:
    """Run check-branch-exists.sh on these repositories, or all three; code and log."""
    names = repositories or REPOSITORIES
    values: dict[str, object] = {
        "repositories": names,
        "urls": [f"{at}/{name}.git" for name in names],
        "lane": "master",
        "tags": False,
        "own_branches": ["master"] * len(names),
        "logins": [""] * len(names),
        **more,
    }
    given = {**BUILD, **(environment or {}), "BRANCH": branch}
    step = run_step("check-branch-exists.sh", tmp_path / "w", values, given)
    return step.code, step.log


def test_a_branch_of_all_repositories_passes(remotes: str, tmp_path: Path) -> None:
    said = "A job 5: branch master is in all 3 repositories\n"
    assert check_exists("master", remotes, tmp_path) == (0, said)


def test_a_branch_that_one_repository_lacks_is_refused_with_its_name(
    remotes: str, tmp_path: Path
) -> None:
    code, log = check_exists("hotfix", remotes, tmp_path)
    assert code == 1
    assert "nothing was published: there is no branch hotfix in two." in log
    assert "[description] refused: hotfix is not in all repositories\n" in log


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A directory with a repository to serve, and one that has it checked out to publish it."""
    source = make_repository(tmp_path / "source", {"file": "x"})
    served = tmp_path / "served"
    git(tmp_path, "clone", "--quiet", "--bare", str(source), str(served / "one.git"))
    check_out(source, tmp_path / "publish/w")
    return served


def read_and_publish(url: str, login: str, tmp_path: Path, environment: Mapping[str, str]) -> str:
    """Look for a branch and publish one that isn't there, both with a login; what was said."""
    code, log = check_exists(
        "master", url, tmp_path, "one", environment=environment, logins=[login]
    )
    assert code == 0, log
    workspace = tmp_path / "publish/w"
    git(workspace, "remote", "set-url", "origin", f"{url}/one.git")
    step = publish(
        tmp_path, workspace, branch="none", environment=environment, chooses=True, login=login
    )
    assert "ocargo has no branch none" in step.log
    return log + step.log


def test_a_repository_is_read_with_its_user_name_and_password(served: Path, tmp_path: Path) -> None:
    password = r"a\nb\\c $d 'e' %s"
    with serve(served, "someone", password) as url:
        log = read_and_publish(url, "U P", tmp_path, {"U": "someone", "P": password})
    assert password not in log


# Stands for ssh: takes the options that git is given, and runs the command where it is.
_SSH = """#!/bin/sh
set -eu
[ "$1 $3 $4 $5 $6" = "-i -o IdentitiesOnly=yes -o BatchMode=yes" ]
grep -qx "the key" "$2"
for last in "$@"; do :; done
exec sh -c "$last"
"""


def test_a_repository_is_read_with_its_ssh_key(served: Path, tmp_path: Path) -> None:
    """Jenkins keeps a key beside a workspace whose name has blanks."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(_SSH)
    (tmp_path / "bin/ssh").chmod(0o755)
    key = tmp_path / "Publish Files@tmp key"
    key.write_text("the key\n")
    environment = {"K": str(key), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    read_and_publish(f"git@localhost:{served}", "K", tmp_path, environment)


def test_a_tag_is_taken_only_where_that_is_allowed(remotes: str, tmp_path: Path) -> None:
    code, log = check_exists("only-a-tag", remotes, tmp_path)
    assert code == 1
    assert "there is no branch only-a-tag in one two three." in log
    code, log = check_exists("only-a-tag", remotes, tmp_path, "three", tags=True)
    assert code == 0, log


def test_the_lanes_branch_is_each_repositorys_own(remotes: str, tmp_path: Path) -> None:
    own = ["master", "not/refs/heads/hotfix", "master"]
    assert check_exists("master", remotes, tmp_path, own_branches=own)[0] == 0
    own[1] = "main"
    log = check_exists("master", remotes, tmp_path, own_branches=own)[1]
    assert "there is no branch master in two." in log


def test_a_repository_that_cannot_be_read_is_named(remotes: str, tmp_path: Path) -> None:
    code, log = check_exists("master", remotes, tmp_path, *REPOSITORIES, "nowhere")
    assert code == 1
    assert f"refused, nothing was published: git could not read {remotes}/nowhere.git" in log


NOT_NUMBERS = ["", "x", "0", "-1", "4.2", "1 2", "42\n", "٣", "$(touch pwned)", "latest", "1" * 10]


@pytest.mark.parametrize("number", NOT_NUMBERS)
def test_what_is_no_build_number_is_refused(number: str, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    environment = BUILD | ({"DISTRIBUTION_NUMBER": number} if number else {})
    step = run_step("check-number.sh", workspace, NAMES, environment)
    assert step.code == 1
    assert step.log.startswith("A job 5: refused: DISTRIBUTION_NUMBER ")
    assert "is not a build number of Create Distribution. Enter one, like 42.\n" in step.log
    assert len(step.log.splitlines()) == 2
    assert list(workspace.iterdir()) == []


def test_a_build_number_passes(tmp_path: Path) -> None:
    environment = BUILD | {"DISTRIBUTION_NUMBER": "42"}
    step = run_step("check-number.sh", tmp_path / "w", NAMES, environment)
    assert (step.code, step.log) == (0, "")


def check_selector(selector: str, tmp_path: Path) -> tuple[int, str]:
    environment = BUILD | ({"DISTRIBUTION": selector} if selector else {})
    step = run_step("check-selector.sh", tmp_path / "w", NAMES, environment)
    return step.code, step.log


SPECIFIC = "<SpecificBuildSelector><buildNumber>{}</buildNumber></SpecificBuildSelector>"
NO_NUMBER, NOT_ONE = "has no build number", "is not a build number"
WHICH = "must say which build"


@pytest.mark.parametrize(
    "selector",
    [
        SPECIFIC.format(42),
        '<SpecificBuildSelector plugin="copyartifact@722.v0662a_9b_e22a_c">  '
        "<buildNumber>42</buildNumber></SpecificBuildSelector>",
        "<SpecificBuildSelector>\n  <buildNumber> 42 </buildNumber>\n</SpecificBuildSelector>\n",
    ],
)
def test_a_specific_build_passes_and_leaves_its_number(selector: str, tmp_path: Path) -> None:
    assert check_selector(selector, tmp_path) == (0, "")
    assert (tmp_path / "w" / "distribution-number").read_text() == "42\n"


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("", "DISTRIBUTION must say which build"),
        ("<SpecificBuildSelector><buildNumber/></SpecificBuildSelector>", NO_NUMBER),
        ('<SpecificBuildSelector plugin="copyartifact@722">  <buildNumber></buildNumber>'
         "</SpecificBuildSelector>", NO_NUMBER),
        (SPECIFIC.format(" "), NO_NUMBER),
        (SPECIFIC.format("lastSuccessfulBuild"), NOT_ONE),
        (SPECIFIC.format("x"), NOT_ONE),
        (SPECIFIC.format("007"), NOT_ONE),
        (SPECIFIC.format("$BUILD_NUMBER"), NOT_ONE),
        (SPECIFIC.format("1;touch pwned"), NOT_ONE),
        (SPECIFIC.format("1 2"), NOT_ONE),
        ("<StatusBuildSelector><stable>true</stable></StatusBuildSelector>", WHICH),
        (SPECIFIC.format("1</buildNumber><buildNumber>2"), WHICH),
        (SPECIFIC.format("1<!-- -->"), WHICH),
        ("42", WHICH),
    ],
)  # fmt: skip
def test_any_other_selection_is_refused(selector: str, said: str, tmp_path: Path) -> None:
    code, log = check_selector(selector, tmp_path)
    assert code == 1
    assert log.startswith("A job 5: refused, nothing was deployed: DISTRIBUTION ")
    assert said in log
    assert log.splitlines()[1:] == ["[description] refused: no distribution number"]
    assert list((tmp_path / "w").iterdir()) == []


TRIGGERED = {
    "TRIGGERED_BUILD_NUMBER_Publish_Ocargo_Files": "3",
    "TRIGGERED_BUILD_NUMBER_Publish_Portal_Files_2": "2",
}
HAND_OVER = {
    "jobs": ["Publish Ocargo Files", "Publish - Portal Files (2)"],
    "parameters": ["OCARGO", "PORTAL"],
}


def test_ad_hoc_hands_over_exactly_the_builds_it_started(tmp_path: Path) -> None:
    environment = BUILD | TRIGGERED | {"BRANCH": "hotfix"}
    step = run_step("hand-over.sh", tmp_path / "w", HAND_OVER, environment)
    assert step.code == 0, step.log
    assert (tmp_path / "w" / "create-distribution.properties").read_text() == (
        f"BRANCH=hotfix\nOCARGO={SPECIFIC.format(3)}\nPORTAL={SPECIFIC.format(2)}\n"
    )


def test_ad_hoc_starts_no_distribution_if_a_build_is_not_known(tmp_path: Path) -> None:
    environment = BUILD | {"BRANCH": "hotfix"}
    step = run_step("hand-over.sh", tmp_path / "w", HAND_OVER, environment)
    assert step.code == 1
    assert "no build number of Publish Ocargo Files" in step.log
    assert not (tmp_path / "w" / "create-distribution.properties").exists()
