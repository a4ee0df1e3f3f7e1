"""publish.sh on real git repositories."""

from __future__ import annotations

import os
import shutil
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.rehearsal_home import make_repository
from tests.shell_steps import check_out, commit_all, git, list_tar, publish

# A repository with everything that is easily lost on the way.
FILES = {
    "plain.txt": "plain\n",
    "with space/and 'quote'.txt": "spaces\n",
    "straße/日本語 ☃.txt": "names\n",
    "deep/" + "d" * 120 + "/" + "f" * 150: "long\n",
    "-dash": "dash\n",
    "new\nline": "newline\n",
    "hidden/.dot": "dot\n",
    "ignored.txt": "export-ignore\n",
    "subst.txt": "$Format:%H$\n",
    "crlf.txt": "a\r\nb\r\n",
    "commit.txt": "the repository's own\n",
    "create-distribution.properties": "BRANCH=evil\n",
    ".gitattributes": "ignored.txt export-ignore\nsubst.txt export-subst\n",
    "run me.sh": "#!/bin/sh\n",
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_repository(tmp_path_factory.mktemp("first") / "a repository", FILES)
    (root / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    (root / "link").symlink_to("with space/and 'quote'.txt")
    (root / "broken link").symlink_to("/no such/place")
    commit_all(root)
    return root


@pytest.fixture
def repository(first: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first, tmp_path / first.name, symlinks=True)


def head_of(repository: Path, name: str = "HEAD") -> str:
    return git(repository, "rev-parse", name)


def commit(repository: Path, name: str, text: str) -> str:
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text(text)
    return commit_all(repository)


def read_published(workspace: Path, name: str) -> bytes:
    with tarfile.open(workspace / "ocargo.tar.gz") as archive:
        stream = archive.extractfile(name)
        assert stream is not None
        return stream.read()


def test_all_files_of_the_commit_are_published_as_they_are(
    repository: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "work space"
    step = publish(repository, workspace)
    assert step.code == 0, step.log

    members = list_tar(workspace / "ocargo.tar.gz")
    tracked = set(git(repository, "ls-files", "-z").rstrip("\0").split("\0"))
    assert tracked == {*FILES, "link", "broken link"}
    assert {name for name, member in members.items() if not member.isdir()} == tracked
    assert members["run me.sh"].mode & 0o777 == 0o755
    assert members["plain.txt"].mode & 0o777 == 0o644
    assert members["link"].linkname == "with space/and 'quote'.txt"
    assert members["broken link"].issym()
    for name in ("straße/日本語 ☃.txt", "subst.txt", "crlf.txt", "commit.txt"):
        assert read_published(workspace, name) == (repository / name).read_bytes()


def test_commit_txt_is_the_repository_and_its_commit(repository: Path, tmp_path: Path) -> None:
    publish(repository, tmp_path / "w", "portal")
    commit_txt = (tmp_path / "w/commit.txt").read_text()
    assert commit_txt == f"codeforlife-portal {head_of(repository)}\n"


def test_the_same_commit_is_published_as_the_same_bytes(repository: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert publish(repository, tmp_path / name).code == 0
    one, two = ((tmp_path / name / "ocargo.tar.gz").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_push_asks_for_a_distribution_of_its_branch(repository: Path, tmp_path: Path) -> None:
    git(repository, "branch", "feature/x")
    step = publish(repository, tmp_path / "w", branch="feature/x")
    properties = tmp_path / "w" / "create-distribution.properties"
    assert properties.read_text() == "BRANCH=feature/x\n"
    assert f"[description] feature/x {head_of(repository)[:10]}\n" in step.log


def test_an_ad_hoc_build_asks_for_none_even_if_the_repository_has_such_a_file(
    repository: Path, tmp_path: Path
) -> None:
    step = publish(repository, tmp_path / "w", environment={"AD_HOC": "3"})
    assert step.code == 0
    assert not (tmp_path / "w" / "create-distribution.properties").exists()
    assert "part of ad-hoc distribution 3, which starts Create Distribution itself" in step.log


@pytest.mark.parametrize("submodules", [False, True])
def test_a_submodules_files_are_published_where_asked_for(
    repository: Path, tmp_path: Path, *, submodules: bool
) -> None:
    """Else it is named, and published as an empty directory."""
    other = make_repository(tmp_path / "other", {"a file": "x"})
    git(repository, "submodule", "--quiet", "add", str(other), "sub module")
    commit_all(repository)
    made = []
    for name in ("one", "two"):
        workspace = tmp_path / name
        check_out(repository, workspace)
        if submodules:
            git(workspace, "submodule", "--quiet", "update", "--init", "--recursive")
        step = publish(repository, workspace, submodules=submodules)
        assert step.code == 0, step.log
        assert ("note: sub module is a git submodule" in step.log) is not submodules
        made.append(workspace / "ocargo.tar.gz")
    members = list_tar(made[0])
    assert members["sub module"].isdir()
    assert ("sub module/a file" in members) is submodules
    assert made[0].read_bytes() == made[1].read_bytes()


def test_a_commit_of_another_branch_is_not_published(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "other")
    commit(repository, "plain.txt", "other\n")
    check_out(repository, tmp_path / "w", "other")
    step = publish(repository, tmp_path / "w")
    assert step.code == 1
    assert "Files 7: FAILED while finding the commit of branch master of ocargo:" in step.log
    assert "is not on that branch" in step.log
    assert not (tmp_path / "w" / "create-distribution.properties").exists()


def test_what_branch_means_may_be_a_branch_of_another_name_or_a_tag(
    repository: Path, tmp_path: Path
) -> None:
    """Jenkins has fetched the repository's own branch of the lane; the script fetches the rest."""
    git(repository, "branch", "--move", "main")
    first = head_of(repository)
    git(repository, "tag", "v1")
    second = commit(repository, "new", "x")
    git(repository, "branch", "hotfix", first)
    for branch, tags, published in (
        ("master", False, second),
        ("hotfix", False, first),
        ("v1", True, first),
        ("v1", False, ""),
    ):
        workspace = tmp_path / f"{branch} {tags}"
        check_out(repository, workspace, "main")
        step = publish(
            repository, workspace, branch=branch, own_branch="main", chooses=True, tags=tags
        )
        if published:
            assert (workspace / "commit.txt").read_text() == f"ocargo {published}\n"
        else:
            assert "ocargo has no branch v1, nor a tag of that name" in step.log


def test_a_tag_is_no_substitute_for_a_branch_that_cannot_be_fetched(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "tag", "both")
    check_out(repository, tmp_path / "w")
    git(repository, "checkout", "--quiet", "-b", "both")
    commit(repository, "new", "lost")
    lost = head_of(repository, "HEAD:new")
    (repository / ".git/objects" / lost[:2] / lost[2:]).unlink()
    step = publish(repository, tmp_path / "w", branch="both", chooses=True, tags=True)
    assert step.code != 0
    assert "FAILED while finding the commit of branch both of ocargo" in step.log
    assert not (tmp_path / "w/ocargo.tar.gz").exists()


def test_a_branch_below_the_name_of_an_earlier_one_is_published(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "branch", "fix/menu")
    check_out(repository, tmp_path / "w")
    git(tmp_path / "w", "update-ref", "refs/remotes/origin/fix", "HEAD")
    step = publish(repository, tmp_path / "w", branch="fix/menu", chooses=True)
    assert step.code == 0, step.log


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("keys/site", f"-----BEGIN RSA {'PRIVATE KEY'}-----\n", "looks like a private key"),
        ("keys/site.p12", "\0", "is named like a private key"),
        ("big.psd", "version https://git-lfs.github.com/spec/v1\n", "is published as git-lfs's"),
    ],
)
def test_files_that_hardly_belong_are_named(
    name: str, text: str, said: str, repository: Path, tmp_path: Path
) -> None:
    commit(repository, name, text)
    step = publish(repository, tmp_path / "w")
    assert step.code == 0, step.log
    [note] = [line for line in step.log.splitlines() if line.startswith("note: ")]
    assert note.startswith(f"note: {name} {said}")


def put_on_path(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program be found first, or, without a text, the real one."""
    if not text and not shutil.which(name):
        pytest.skip(f"{name} is not there")
    if text:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")


def test_lfs_needs_git_lfs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path("git-lfs", "#!/bin/sh\nexit 1\n", tmp_path, monkeypatch)
    step = publish(repository, tmp_path / "w", lfs=True)
    assert step.code == 1
    assert "this node has no git-lfs, which 'lfs' of ocargo asks for" in step.log


@pytest.mark.parametrize("lfs", [True, False])
def test_what_git_lfs_keeps_is_published_where_asked_for(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lfs: bool
) -> None:
    """Of a branch that Jenkins didn't fetch, too; else the pointer, whatever git-lfs was told."""
    if lfs:
        put_on_path("git-lfs", "", tmp_path, monkeypatch)
    check_out(repository, tmp_path / "w")
    git(repository, "checkout", "--quiet", "-b", "hotfix")
    kept = b"a large file"
    oid = sha256(kept).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(kept)}\n"
    (repository / ".gitattributes").write_text("*.psd filter=lfs -text\n")
    commit(repository, "big.psd", pointer)
    place = repository / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    place.parent.mkdir(parents=True)
    place.write_bytes(kept)
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "filter.lfs.process",
        "GIT_CONFIG_VALUE_0": "git-lfs filter-process --skip",
    }
    step = publish(
        repository, tmp_path / "w", branch="hotfix", environment=settings, chooses=True, lfs=lfs
    )
    assert step.code == 0, step.log
    assert read_published(tmp_path / "w", "big.psd") == (kept if lfs else pointer.encode())


@pytest.mark.parametrize("program", ['#!/bin/sh\nexec gzip "$1"\n', ""], ids=["stand-in", "real"])
def test_pigz_packs_where_it_is_chosen(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """What it writes is read as what gzip writes, and the same bytes twice."""
    put_on_path("pigz", program, tmp_path, monkeypatch)
    for name in ("one", "two"):
        step = publish(repository, tmp_path / name, compression="pigz")
        assert step.code == 0, step.log
    one, two = (tmp_path / name / "ocargo.tar.gz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert list_tar(one)["plain.txt"].isfile()


def test_commit_txt_may_hold_the_branch_and_a_link(repository: Path, tmp_path: Path) -> None:
    compare = "https://github.com/a/b/compare/master"
    step = publish(repository, tmp_path / "w", compare=compare)
    assert step.code == 0, step.log
    commit = head_of(repository)
    line = f"ocargo {commit} master {compare}...{commit}\n"
    assert (tmp_path / "w/commit.txt").read_text() == line
