"""create-distribution.sh on the sample site, a real Django."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cfl_jobs.sample import make_repositories
from tests.sample_variants import make_tiny_wheels
from tests.shell_steps import (
    Step,
    commit_all,
    create,
    git,
    half_a_python,
    list_tar,
    publish_all,
    publish_into,
)
from tests.wheelhouse import make_pip_offline

NO_DJANGO: dict[str, object] = {"steps": [], "commands": [], "expected": [], "manage": ""}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sample's repositories, and with what they publish."""
    root = tmp_path_factory.mktemp("sample")
    make_repositories(root / "repositories")
    publish_all(root / "repositories", root)
    return root


Publish = Callable[..., Path]


@pytest.fixture
def published(sample: Path, tmp_path: Path) -> Publish:
    """Return a workspace with what is published after a change of codeforlife-deploy, if any."""

    def published(change: str = "") -> Path:
        workspace = tmp_path / "Create Distribution"
        shutil.copytree(sample / workspace.name, workspace)
        if change:
            deploy = tmp_path / "repositories/codeforlife-deploy"
            shutil.copytree(sample / "repositories" / deploy.name, deploy, symlinks=True)
            subprocess.run(["bash", "-ec", change], cwd=deploy, check=True)
            commit_all(deploy)
            shutil.rmtree(workspace / "published/deploy")
            publish_into(workspace, deploy.parent, "deploy")
        return workspace

    return published


def commit_of(sample: Path, repository: str) -> str:
    return git(sample / "repositories" / repository, "rev-parse", "HEAD")


def create_well(
    workspace: Path, given: Mapping[str, str] | None = None, /, **values: object
) -> Step:
    step = create(workspace, given or {}, **values)
    assert step.code == 0, step.log
    return step


EASILY_LOST = """
mkdir 'names with space'
echo ü >'names with space/straße ☃.txt'
ln -s 'names with space/straße ☃.txt' link
install -m 755 /dev/null tool.sh
mkdir helper a a.b
touch a/c a-b a.b/c A ä
"""
# A package whose installation leaves files in the directory that it is installed from, as
# setuptools does with build/ and *.egg-info.
BACKEND = """
import zipfile
from pathlib import Path


def build_wheel(directory, settings=None, metadata=None):
    Path("build").mkdir()
    Path("build/left behind").write_text("x")
    Path("code.egg-info").write_text("x")
    name = "helper-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory) / name, "w") as wheel:
        info = "helper-1.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: helper\\nVersion: 1\\n")
        tag = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(info + "WHEEL", tag)
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nhelp-me = helper:run\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def test_a_distribution_has_the_layout_the_static_files_what_it_needs_and_nothing_else(
    sample: Path, tmp_path: Path
) -> None:
    """Also where files are made with another umask."""
    pip = make_pip_offline(make_tiny_wheels(tmp_path / "wheels", "tiny-site"))
    repositories = tmp_path / "repositories"
    shutil.copytree(sample / "repositories", repositories, symlinks=True)
    deploy = repositories / "codeforlife-deploy"
    subprocess.run(["bash", "-ec", EASILY_LOST], cwd=deploy, check=True)
    (deploy / "helper/backend.py").write_text(BACKEND)
    (deploy / "helper/pyproject.toml").write_text(PROJECT)
    (deploy / "requirements.txt").write_text("tiny-site\n./helper\n")
    commit_all(deploy)
    workspace = publish_all(repositories, tmp_path / "one")
    step = create_well(workspace, pip, requirements=["requirements.txt"])
    assert "Successfully installed" in step.log  # what pip does is seen

    members = list_tar(workspace / "distribution.tar.gz")
    files = {name for name, member in members.items() if not member.isdir()}
    tracked = {
        prefix + name
        for prefix, repository in (
            ("", "codeforlife-deploy"),
            ("submodules/ocargo/", "ocargo"),
            ("submodules/portal/", "codeforlife-portal"),
        )
        for name in git(repositories / repository, "ls-files", "-z").rstrip("\0").split("\0")
    }
    static = {name for name in files if name.startswith("static/")}
    vendored = {name for name in files if name.startswith("lib/")}
    assert files - static - vendored == tracked | {"commit.txt"}
    assert {"lib/tiny_site.py", "lib/helper-1.dist-info/METADATA"} <= vendored
    assert not [name for name in vendored if "direct_url" in name or name.endswith(".pyc")]
    assert {"static/game/van.svg", "static/portal/home.css", "static/staticfiles.json"} <= static
    assert "static/CACHE/manifest.json" in static  # by manage.py compress

    assert members["tool.sh"].mode & 0o777 == 0o755
    assert members["manage.py"].mode & 0o777 == 0o755
    assert members["requirements.txt"].mode & 0o777 == 0o644
    assert {member.mode for member in members.values() if member.isfile()} == {0o644, 0o755}
    assert members["link"].linkname == "names with space/straße ☃.txt"
    assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "")}
    assert len({member.mtime for member in members.values()}) == 1
    names = [member.rstrip("/") for member in members]
    assert names == sorted(names, key=lambda name: name.encode())
    assert {"a/c", "a-b", "a.b/c", "A", "ä"} <= set(names)

    commits = (workspace / "commit.txt").read_bytes()
    assert commits.decode().splitlines() == [
        f"{name} {git(repositories / name, 'rev-parse', 'HEAD')}"
        for name in ("ocargo", "codeforlife-portal", "codeforlife-deploy")
    ]
    with tarfile.open(workspace / "distribution.tar.gz") as archive:
        program, inside = map(archive.extractfile, ("./lib/bin/help-me", "./commit.txt"))
        assert program
        assert program.readline() in (b"#!/usr/bin/env python\n", b"#!/bin/sh\n")
        assert inside
        assert inside.read() == commits

    before = os.umask(0o077)
    try:
        again = publish_all(repositories, tmp_path / "two")
        create_well(again, pip | {"BUILD_NUMBER": "43"}, requirements=["requirements.txt"])
    finally:
        os.umask(before)
    first, second = (each / "distribution.tar.gz" for each in (workspace, again))
    assert first.read_bytes() == second.read_bytes()


def test_the_log_names_the_distribution_its_branch_and_commits(
    sample: Path, published: Publish
) -> None:
    log = create_well(published()).log
    assert "[description] distribution 42 of master\n" in log
    commit = commit_of(sample, "ocargo")
    assert f"distribution 42: branch master, commits: ocargo {commit} codeforlife-portal " in log
    assert "distribution 42: collecting static files (python manage.py collectstatic" in log


def test_a_distribution_needs_published_files_of_each_repository(tmp_path: Path) -> None:
    step = create(tmp_path / "w", {"BRANCH": "hotfix"})
    assert step.code == 1
    assert (
        "distribution 42: FAILED while looking for the published files: there are no published "
        "files of branch hotfix of ocargo codeforlife-portal codeforlife-deploy. Ad-hoc "
        "distribution with BRANCH=hotfix publishes all repositories.\n"
    ) in step.log


# What is done to codeforlife-deploy → what is said.
DAMAGE = [
    ("echo no-such-package >requirements.txt",
     "FAILED while installing requirements.txt into lib: "),
    ("echo 'raise RuntimeError()' >codeforlife/settings.py",
     "FAILED while reading the site's settings with manage.py: "),
    ("rm manage.py", "the site has no file manage.py, which Create Distribution needs"),
    ("rm requirements-test.txt; chmod 644 deploy.sh",
     "the site has no file requirements-test.txt, which Run Portal Tests needs; "
     "a file deploy.sh that is not executable, and Deploy to Dev runs it"),
    ("""sed -i 's/"compressor", //' codeforlife/settings.py""",
     "FAILED while compressing static files (python manage.py compress"),
    ("mkdir lib; touch lib/jquery.js",
     "a repository has lib already, where this job puts its own"),
    ("echo 'a { background: url(no.png) }' >codeforlife/static/bad.css",
     "FAILED while collecting static files (python manage.py collectstatic"),
    ("""echo "STATIC_ROOT = '/tmp/static-of-nobody'" >>codeforlife/settings.py""",
     "STATIC_ROOT is not set to a directory inside the site"),
    ("echo mine >commit.txt", "a repository has commit.txt already"),
    ("mkdir -p submodules/ocargo; touch submodules/ocargo/old.py",
     "submodules/ocargo, the place of ocargo, holds files of another"),
    ("ln -s /tmp submodules", "submodules/ocargo of ocargo leads out of the distribution"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), DAMAGE)
def test_each_failure_says_which_step_which_distribution_and_which_commits(
    damage: str, said: str, published: Publish, tmp_path: Path
) -> None:
    workspace = published(damage)
    installs = ["requirements.txt"] if ">requirements.txt" in damage else []
    step = create(workspace, {"BUILD_URL": "http://jenkins/job/42/"}, requirements=installs)
    assert step.code != 0
    assert "distribution 42: FAILED while " in step.log
    assert said in step.log
    last = step.log.splitlines()[-1]
    assert last.startswith("distribution 42: branch master, commits: ocargo ")
    assert "[description] distribution 42 of master: FAILED while " in step.log
    assert "[description] distribution 42 of master\n" not in step.log
    commit = commit_of(tmp_path, "codeforlife-deploy")
    assert f"codeforlife-deploy {commit}; this log: http://jenkins/job/42/" in last
    assert not (workspace / "distribution.tar.gz").exists()


def test_a_commit_txt_of_another_repository_is_refused(published: Publish) -> None:
    workspace = published()
    file = workspace / "published/ocargo/commit.txt"
    file.write_text(file.read_text().replace("ocargo", "evil"))
    step = create(workspace, {})
    assert step.code == 1
    assert "commit.txt of ocargo is not 'ocargo <commit>': evil " in step.log


def test_a_gitlink_where_a_repository_belongs_is_filled(sample: Path, published: Publish) -> None:
    ocargo = sample / "repositories/ocargo"
    workspace = published(f"git clone --quiet '{ocargo}' submodules/ocargo")
    create_well(workspace, python=sys.executable, **NO_DJANGO)
    assert "submodules/ocargo/game/route.py" in list_tar(workspace / "distribution.tar.gz")


def test_a_directory_outside_the_distribution_is_refused(
    published: Publish, tmp_path: Path
) -> None:
    step = create(published(), {}, directories=["../elsewhere", "submodules/portal", "."])
    assert step.code == 1
    assert "../elsewhere of ocargo leads out of the distribution" in step.log
    assert not (tmp_path / "elsewhere").exists()


def test_steps_have_directories_environments_and_secrets_and_make_what_is_expected(
    published: Publish, tmp_path: Path
) -> None:
    """No Django and no pip: what is configured runs, in order, and a secret isn't packed."""
    workspace = published()
    (tmp_path / "key").write_text("s3cret")
    step = create_well(
        workspace,
        {"KEY_FILE": str(tmp_path / "key")},
        manage="",
        environment=["STAGE=a b"],
        file_variables=["KEY_FILE"],
        file_paths=["certs/site.pem"],
        steps=["first", "second"],
        commands=[
            'mkdir -p static; echo "$STAGE" "$PWD" >static/a.css',
            'test "$(wc -c <../../certs/site.pem)" = 6; echo "$STAGE $MORE" >>../../static/a.css',
        ],
        step_directories=[".", "submodules/ocargo"],
        step_environments=["", "STAGE=c\nMORE=d e"],
        expected=["static/*.css"],
    )
    made = workspace / "distribution/static/a.css"
    assert made.read_text() == f"a b {workspace / 'distribution'}\nc d e\n"
    assert "certs/site.pem" not in list_tar(workspace / "distribution.tar.gz")
    assert "s3cret" not in step.log


# A step → what is said of it, or the file and the variable of the secret that it packs.
BAD_STEPS = [
    ("true", "there is no static/*.css after the steps, and 'expect' names it"),
    ("mkdir static; touch static/a.css",
     "static/a.css is empty after the steps, and 'expect' names it"),
    ("mkdir -p static/a.css", "static/a.css is a directory, and 'expect' names files"),
    ("mkdir static; echo x >static/a.css; cp certs/site.pem static/copy", ("copy", "KEY_FILE")),
    ("mkdir static; (echo new; cat certs/site.pem) >static/a.css", ("a.css", "KEY_FILE")),
    ('mkdir static; echo "the ${PAIR#*:} of" >static/a.css', ("a.css", "PAIR")),
    # Too short a password, but not with its user.
    ('mkdir static; echo "the $SHORT of" >static/a.css', ("a.css", "SHORT")),
    ('mkdir static; echo "the $TOKEN of" >static/a.css', ("a.css", "TOKEN")),
    ('mkdir static; tail -c 20 "$DER_FILE" >static/a.css', ("a.css", "DER_FILE")),
    ("mkdir -p static lib/bin; echo x >static/a.css; echo exit 2 >lib/bin/grep; "
     "chmod 755 lib/bin/grep",
     "grep can't read every file to look for the secret in TOKEN, see above"),
    ('kill -TERM "$PPID"',
     'STOPPED while working (kill -TERM "$PPID"): by its time limit or by a person'),
]  # fmt: skip


@pytest.mark.parametrize(("command", "said"), BAD_STEPS)
def test_a_step_that_makes_nothing_or_is_killed_fails(
    command: str, said: str | tuple[str, str], published: Publish, tmp_path: Path
) -> None:
    workspace = published()
    (tmp_path / "key").write_text("BEGIN\na s3cret of ours: x\nEND\n")
    (tmp_path / "der").write_bytes(b"\x30\x00a longer \x00s3cret in bytes\x00")
    secrets = {
        "KEY_FILE": str(tmp_path / "key"),
        "DER_FILE": str(tmp_path / "der"),
        "PAIR": "someone:passw0rd",
        "SHORT": "someone:pass",
        "TOKEN": "https://hooks.example/s3cret:1",
    }
    step = create(
        workspace,
        secrets,
        manage="",
        file_variables=["KEY_FILE"],
        file_paths=["certs/site.pem"],
        kept_out_texts=["TOKEN"],
        kept_out_pairs=["SHORT", "PAIR"],
        kept_out_files=["KEY_FILE", "DER_FILE"],
        steps=["working"],
        commands=[command],
        step_directories=["."],
        step_environments=[""],
        expected=["static/*.css"],
    )
    assert step.code != 0
    if not isinstance(said, str):
        said = f"static/{said[0]} has the secret in {said[1]}, which must not be packed"
    assert said in step.log
    left = [each for each in (workspace / "distribution").rglob("*") if each.is_file()]
    assert not [each for each in left if "s3cret" in each.read_text(errors="replace")]
    assert not (workspace / "distribution.tar.gz").exists()


def test_a_half_made_environment_is_not_written_through(published: Publish, tmp_path: Path) -> None:
    python, system = half_a_python(tmp_path)
    create_well(published(), python=python, **NO_DJANGO)
    assert system.read_text() == "the system's"


@pytest.mark.parametrize(
    ("last", "code", "said"),
    [
        ("sys.exit(execute_from_command_line(sys.argv))", 0, "packed "),
        ("os._exit(0)", 1, "manage.py ended before its settings could be read. Let it call "),
    ],
)
def test_a_manage_py_may_end_with_an_exit_after_it_read_the_settings(
    last: str, code: int, said: str, published: Publish
) -> None:
    ends = "execute_from_command_line(sys.argv)"
    workspace = published(f"grep -F '{ends}' manage.py; sed -i 's/{ends}/{last}/' manage.py")
    (workspace / "static-root.txt").write_text("outside")  # of a build before
    step = create(workspace, {}, **{**NO_DJANGO, "manage": "manage.py"})
    assert step.code == code, step.log
    assert said in step.log


def test_another_compression_packs_the_same_bytes_twice(sample: Path, tmp_path: Path) -> None:
    values = {"suffix": "tar.zst", "compression": "zstd"}
    made = []
    for name in ("one", "two"):
        workspace = publish_all(sample / "repositories", tmp_path / name, **values)
        create_well(workspace, **values, **NO_DJANGO)
        made.append((workspace / "distribution.tar.zst").read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(bytes.fromhex("28b52ffd"))


def test_a_node_without_the_compression_is_told_at_once(published: Publish) -> None:
    step = create(published(), {}, compression="no-such-packer")
    assert step.code == 1
    assert "this node has no no-such-packer, which settings.compression in jobs/" in step.log
