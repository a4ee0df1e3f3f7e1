"""Checkouts and pushes, from people's own clones, which are only read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.engine import Engine
from cfl_jobs.rehearsal.environment import find_submodules
from cfl_jobs.rehearsal.records import Builds
from tests.rehearsal_home import (
    GIT,
    commit,
    job_xml,
    make_engine,
    make_home,
    make_repository,
    play,
    read_log,
    shell,
    string,
)
from tests.shell_steps import git


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits, the first tagged v1."""
    repository = make_repository(tmp_path_factory.mktemp("first") / "repo", {"a": "1"})
    git(repository, "tag", "v1")
    commit(repository, {"a": "2"}, "two")
    return repository


Prepare = Callable[..., tuple[Home, Engine, Path]]


@pytest.fixture
def prepare(first: Path, tmp_path: Path) -> Prepare:
    """Return a home with a job that builds a branch of a clone, an engine, and the clone."""

    def prepare(branch: str, script: str = "true") -> tuple[Home, Engine, Path]:
        repository = shutil.copytree(first, tmp_path / "clones/repo")
        config = job_xml(
            scm=GIT.format("repo", branch),
            builders=shell('echo "<$(cat a) $GIT_BRANCH $GIT_COMMIT $GIT_URL>"\n' + script),
            parameters=string("BRANCH", "master"),
            triggers="<com.cloudbees.jenkins.GitHubPushTrigger/>",
        )
        home = make_home(tmp_path / "home", {"J": config})
        return home, make_engine(home, {"repo": repository}), repository

    return prepare


def build(engine: Engine, **values: str) -> bool:
    """Build J; whether that succeeded."""
    with engine:
        engine.build("J", values)
        return engine.run().succeeded


@pytest.mark.parametrize(
    ("branch", "shown"),
    [
        ("master", "2 origin/master"),
        ("${BRANCH}", "2 origin/master"),
        ("origin/master", "2 origin/master"),
        ("*/master", "2 origin/master"),
        ("refs/heads/master", "2 origin/master"),
        ("refs/remotes/origin/master", "2 origin/master"),
        ("refs/tags/v1", "1 refs/tags/v1"),
        ("v1", "1 refs/tags/v1"),
    ],
)
def test_a_branch_specifier_is_checked_out(prepare: Prepare, branch: str, shown: str) -> None:
    home, engine, _ = prepare(branch)
    assert build(engine)
    assert f"\n<{shown} " in read_log(home, "J")


def test_a_commit_is_checked_out_by_its_id(prepare: Prepare) -> None:
    home, engine, repository = prepare("$BRANCH")
    first = git(repository, "rev-parse", "v1")
    assert build(engine, BRANCH=first)
    assert f"\n<1 detached {first} https://github.com/o/repo.git>" in read_log(home, "J")


def test_a_branch_that_is_not_there_fails_the_build(prepare: Prepare) -> None:
    home, engine, _ = prepare("${BRANCH}")
    assert not build(engine, BRANCH="none")
    assert "Couldn't find any revision to build" in read_log(home, "J")


def test_a_clone_is_only_read(prepare: Prepare) -> None:
    """Its refs, its index and its files are as before, and no hook of it runs."""
    script = "git ls-remote https://github.com/o/repo.git master; git fetch -q origin"
    home, engine, repository = prepare("master", script)
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


def test_steps_never_reach_the_network(prepare: Prepare) -> None:
    """A repository that nobody stands for is refused by git itself."""
    script = "git ls-remote https://github.com/o/other.git"
    home, engine, _ = prepare("master", script)
    assert not build(engine)
    assert "transport 'https' not allowed" in read_log(home, "J")


def test_a_push_starts_a_job_only_for_a_new_commit_of_its_branch(prepare: Prepare) -> None:
    home, engine, repository = prepare("${BRANCH}")
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


def test_a_job_whose_repository_nobody_stands_for_is_refused(tmp_path: Path) -> None:
    home = make_home(tmp_path, {"J": job_xml(scm=GIT.format("repo", "master"))})
    with make_engine(home) as engine, pytest.raises(RehearsalError, match="--repo repo=PATH"):
        engine.build("J", {})


MODULES = (
    "<extensions><hudson.plugins.git.extensions.impl.SubmoduleOption>"
    "<recursiveSubmodules>true</recursiveSubmodules>"
    "</hudson.plugins.git.extensions.impl.SubmoduleOption></extensions></scm>"
)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("../blocks.git", "inner"),
        ("https://github.com/o/blocks", "inner"),
        ("git@github.com:o/blocks.git", r"in\1 #er"),
    ],
)
def test_submodules_come_from_clones_too(tmp_path: Path, url: str, name: str) -> None:
    """One is given by its name, and stands beside the repository that has it."""
    blocks = make_repository(tmp_path / "clones/blocks", {"b": "block"})
    inner = make_repository(tmp_path / "clones" / name, {"i": "inner"})
    repository = make_repository(tmp_path / "clones/repo", {"a": "1"})
    for outer, module, there in ((blocks, inner, f"../{name}.git"), (repository, blocks, url)):
        allowed = ("-c", "protocol.file.allow=always")
        git(outer, *allowed, "submodule", "--quiet", "add", str(module), "sub")
        git(outer, "config", "--file=.gitmodules", "submodule.sub.url", there)
        commit(outer, {}, "a submodule")
    scm = GIT.format("repo", "master").replace("</scm>", MODULES)
    config = job_xml(scm=scm, builders=shell('[ "$(cat sub/b sub/sub/i)" = blockinner ]'))
    home = make_home(tmp_path / "home", {"J": config})
    clones = {"repo": repository, "blocks": blocks, name: inner}
    assert find_submodules(home, [repository]) == {"blocks"}
    assert play(home, "J", repositories=clones).succeeded, read_log(home, "J")


@pytest.mark.parametrize("kind", ["bare", "worktree", 'a "b" c'])
def test_any_kind_of_clone_will_do(tmp_path: Path, kind: str) -> None:
    original = make_repository(tmp_path / "original", {"a": "1"})
    clone = tmp_path / kind / "repo"
    if kind == "worktree":
        git(original, "worktree", "add", "--quiet", "--detach", str(clone))
    else:
        option = "--bare" if kind == "bare" else "--quiet"
        git(original, "clone", "--quiet", option, str(original), str(clone))
    config = job_xml(scm=GIT.format("repo", "master"), builders=shell("cat a"))
    home = make_home(tmp_path / "home", {"J": config})
    assert play(home, "J", repositories={"repo": clone}).succeeded


@pytest.mark.parametrize(
    ("option", "fetch"),
    [("--depth=1", "--unshallow"), ("--filter=blob:none", "--refetch --no-filter")],
)
def test_a_clone_that_lacks_something_is_refused_with_what_to_do(
    tmp_path: Path, option: str, fetch: str
) -> None:
    original = make_repository(tmp_path / "original", {"a": "1"})
    git(original, "config", "uploadpack.allowFilter", "true")
    commit(original, {"a": "2"}, "two")
    clone = tmp_path / "repo"
    git(original, "clone", "--quiet", "--no-checkout", option, original.as_uri(), str(clone))
    home = make_home(tmp_path / "home", {})
    with pytest.raises(RehearsalError, match=f"Fetch the rest: git -C {clone} fetch {fetch}"):
        make_engine(home, {"repo": clone})
    git(clone, "fetch", "--quiet", *fetch.split())
    make_engine(home, {"repo": clone}).close()
