"""create-distribution.sh on the sample site, a real Django."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from cfl_jobs.sample import make_repositories
from tests.shell_steps import commit_all, create, git, half_a_python, list_tar, publish_all
from tests.wheelhouse import make_pip_offline, make_wheelhouse


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    make_repositories(tmp_path / "repositories")
    return tmp_path / "repositories"


def add_what_is_easily_lost(deploy: Path) -> None:
    (deploy / "names with space").mkdir()
    (deploy / "names with space" / "straße ☃.txt").write_text("ü")
    (deploy / "link").symlink_to("names with space/straße ☃.txt")
    tool = deploy / "tool.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)


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
        wheel.writestr(info + "RECORD", "")
    return name
"""


def require_own_package(deploy: Path) -> None:
    package = deploy / "helper"
    package.mkdir()
    (package / "backend.py").write_text(BACKEND)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    with (deploy / "requirements.txt").open("a") as requirements:
        requirements.write("./helper\n")


def test_a_distribution_has_the_layout_the_static_files_what_it_needs_and_nothing_else(
    repositories: Path, tmp_path: Path
) -> None:
    pip = make_pip_offline(make_wheelhouse(tmp_path / "wheels"))
    deploy = repositories / "codeforlife-deploy"
    add_what_is_easily_lost(deploy)
    require_own_package(deploy)
    commit_all(deploy)
    workspace = publish_all(repositories, tmp_path / "one")
    step = create(workspace, pip, requirements=["requirements.txt"])
    assert step.code == 0, step.log
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
    assert {"lib/django/__init__.py", "lib/helper-1.dist-info/METADATA"} <= vendored
    assert not [name for name in vendored if "direct_url" in name or name.endswith(".pyc")]
    assert {"static/game/van.svg", "static/portal/home.css", "static/staticfiles.json"} <= static
    assert "static/CACHE/manifest.json" in static  # by manage.py compress
    with tarfile.open(workspace / "distribution.tar.gz") as archive:
        program = archive.extractfile("./lib/bin/django-admin")
        assert program is not None
        assert program.readline() in (b"#!/usr/bin/env python\n", b"#!/bin/sh\n")

    assert members["tool.sh"].mode & 0o777 == 0o755
    assert members["manage.py"].mode & 0o777 == 0o755
    assert members["requirements.txt"].mode & 0o777 == 0o644
    assert members["link"].linkname == "names with space/straße ☃.txt"
    assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "")}
    assert len({member.mtime for member in members.values()}) == 1
    names = [member.rstrip("/") for member in members]
    assert names == sorted(names, key=lambda name: name.encode())

    lines = (workspace / "commit.txt").read_text().splitlines()
    assert lines == [
        f"{name} {git(repositories / name, 'rev-parse', 'HEAD')}"
        for name in ("ocargo", "codeforlife-portal", "codeforlife-deploy")
    ]
    with tarfile.open(workspace / "distribution.tar.gz") as archive:
        inside = archive.extractfile("./commit.txt")
        assert inside is not None
        assert inside.read() == (workspace / "commit.txt").read_bytes()

    again = publish_all(repositories, tmp_path / "two")
    step = create(again, pip | {"BUILD_NUMBER": "43"}, requirements=["requirements.txt"])
    assert step.code == 0, step.log
    first, second = (each / "distribution.tar.gz" for each in (workspace, again))
    assert first.read_bytes() == second.read_bytes()


def test_the_log_names_the_distribution_its_branch_and_commits(
    repositories: Path, tmp_path: Path
) -> None:
    workspace = publish_all(repositories, tmp_path)
    step = create(workspace, {})
    assert step.code == 0, step.log
    assert "[description] distribution 42 of master\n" in step.log
    commit = git(repositories / "ocargo", "rev-parse", "HEAD")
    assert f"distribution 42: branch master, commits: ocargo {commit} codeforlife-portal " in (
        step.log
    )
    assert "distribution 42: collecting static files (python manage.py collectstatic" in step.log


def test_a_distribution_needs_published_files_of_each_repository(tmp_path: Path) -> None:
    step = create(tmp_path / "w", {"BRANCH": "hotfix"})
    assert step.code == 1
    assert (
        "distribution 42: FAILED while looking for the published files: there are no published "
        "files of branch hotfix of ocargo codeforlife-portal codeforlife-deploy. Ad-hoc "
        "distribution with BRANCH=hotfix publishes all repositories.\n"
    ) in step.log


def break_requirements(deploy: Path) -> None:
    (deploy / "requirements.txt").write_text("no-such-package-anywhere\n")


def break_settings(deploy: Path) -> None:
    (deploy / "codeforlife" / "settings.py").write_text("raise RuntimeError('broken settings')\n")


def break_manage(deploy: Path) -> None:
    (deploy / "manage.py").unlink()


def drop_what_others_need(deploy: Path) -> None:
    (deploy / "requirements-test.txt").unlink()
    (deploy / "deploy.sh").chmod(0o644)


def leave_compressor_out(deploy: Path) -> None:
    settings = deploy / "codeforlife" / "settings.py"
    settings.write_text(settings.read_text().replace('"compressor", ', ""))


def fill_vendor(deploy: Path) -> None:
    (deploy / "lib").mkdir()
    (deploy / "lib" / "jquery.js").write_text("")


def break_static(deploy: Path) -> None:
    (deploy / "codeforlife" / "static" / "bad.css").write_text("a { background: url(no.png) }")


def collect_elsewhere(deploy: Path) -> None:
    with (deploy / "codeforlife" / "settings.py").open("a") as settings:
        settings.write("STATIC_ROOT = '/tmp/static-of-nobody'\n")


def add_commit_txt(deploy: Path) -> None:
    (deploy / "commit.txt").write_text("mine\n")


def fill_submodules(deploy: Path) -> None:
    (deploy / "submodules" / "ocargo").mkdir(parents=True)
    (deploy / "submodules" / "ocargo" / "old.py").write_text("")


def link_submodules(deploy: Path) -> None:
    (deploy / "submodules").symlink_to("/tmp")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (break_requirements, "FAILED while installing requirements.txt into lib: "),
        (break_settings, "FAILED while reading the site's settings with manage.py: "),
        (break_manage, "the site has no file manage.py, which Create Distribution needs"),
        (
            drop_what_others_need,
            "the site has no file requirements-test.txt, which Run Portal Tests "
            "needs; a file deploy.sh that is not executable, and Deploy to Dev runs it",
        ),
        (leave_compressor_out, "FAILED while compressing static files (python manage.py compress"),
        (fill_vendor, "a repository has lib already, where this job puts its own"),
        (break_static, "FAILED while collecting static files (python manage.py collectstatic"),
        (collect_elsewhere, "STATIC_ROOT is not set to a directory inside the site"),
        (add_commit_txt, "a repository has commit.txt already"),
        (fill_submodules, "submodules/ocargo, the place of ocargo, holds files of another"),
        (link_submodules, "submodules/ocargo of ocargo leads out of the distribution"),
    ],
)
def test_each_failure_says_which_step_which_distribution_and_which_commits(
    damage: object, said: str, repositories: Path, tmp_path: Path
) -> None:
    assert callable(damage)
    deploy = repositories / "codeforlife-deploy"
    damage(deploy)
    commit = commit_all(deploy)
    workspace = publish_all(repositories, tmp_path / "build")
    installs = {"requirements": ["requirements.txt"]} if damage is break_requirements else {}
    step = create(workspace, {"BUILD_URL": "http://jenkins/job/42/"}, **installs)
    assert step.code != 0
    assert "distribution 42: FAILED while " in step.log
    assert said in step.log
    last = step.log.splitlines()[-1]
    assert last.startswith("distribution 42: branch master, commits: ocargo ")
    assert "[description] distribution 42 of master: FAILED while " in step.log
    assert "[description] distribution 42 of master\n" not in step.log
    assert f"codeforlife-deploy {commit}; this log: http://jenkins/job/42/" in last
    assert not (workspace / "distribution.tar.gz").exists()


def test_a_commit_txt_of_another_repository_is_refused(repositories: Path, tmp_path: Path) -> None:
    workspace = publish_all(repositories, tmp_path)
    file = workspace / "published" / "ocargo" / "commit.txt"
    file.write_text(file.read_text().replace("ocargo", "evil"))
    step = create(workspace, {})
    assert step.code == 1
    assert "commit.txt of ocargo is not 'ocargo <commit>': evil " in step.log


def test_a_gitlink_where_a_repository_belongs_is_filled(repositories: Path, tmp_path: Path) -> None:
    deploy = repositories / "codeforlife-deploy"
    commit = git(repositories / "ocargo", "rev-parse", "HEAD")
    git(deploy, "update-index", "--add", "--cacheinfo", f"160000,{commit},submodules/ocargo")
    git(deploy, "commit", "--quiet", "--message=submodule")
    workspace = publish_all(repositories, tmp_path / "build")
    step = create(workspace, {})
    assert step.code == 0, step.log
    assert "submodules/ocargo/game/route.py" in list_tar(workspace / "distribution.tar.gz")


def test_names_are_sorted_as_bytes_whatever_the_directories(
    repositories: Path, tmp_path: Path
) -> None:
    """Files made with another umask, and names that directories sort otherwise."""
    deploy = repositories / "codeforlife-deploy"
    for name in ("a/c", "a-b", "a.b/c", "A", "ä"):
        (deploy / name).parent.mkdir(exist_ok=True)
        (deploy / name).write_text(name)
    commit_all(deploy)
    before = os.umask(0o077)
    try:
        workspace = publish_all(repositories, tmp_path / "build")
        step = create(workspace, {})
    finally:
        os.umask(before)
    assert step.code == 0, step.log
    members = list_tar(workspace / "distribution.tar.gz")
    names = list(members)
    assert names == sorted(names, key=lambda name: name.encode())
    assert {"a/c", "a-b", "a.b/c", "A", "ä"} <= set(names)
    assert {member.mode for member in members.values() if member.isfile()} == {0o644, 0o755}


def test_a_directory_outside_the_distribution_is_refused(
    repositories: Path, tmp_path: Path
) -> None:
    workspace = publish_all(repositories, tmp_path)
    step = create(workspace, {}, directories=["../elsewhere", "submodules/portal", "."])
    assert step.code == 1
    assert "../elsewhere of ocargo leads out of the distribution" in step.log
    assert not (tmp_path / "elsewhere").exists()


def test_steps_have_directories_environments_and_secrets_and_make_what_is_expected(
    repositories: Path, tmp_path: Path
) -> None:
    """No Django and no pip: what is configured runs, in order, and a secret isn't packed."""
    workspace = publish_all(repositories, tmp_path)
    (tmp_path / "key").write_text("s3cret")
    step = create(
        workspace,
        {"KEY_FILE": str(tmp_path / "key")},
        requirements=[],
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
    assert step.code == 0, step.log
    made = workspace / "distribution/static/a.css"
    assert made.read_text() == f"a b {workspace / 'distribution'}\nc d e\n"
    assert "certs/site.pem" not in list_tar(workspace / "distribution.tar.gz")
    assert "s3cret" not in step.log


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", "there is no static/*.css after the steps, and 'expect' names it"),
        (
            "mkdir static; touch static/a.css",
            "static/a.css is empty after the steps, and 'expect' names it",
        ),
        ("mkdir -p static/a.css", "static/a.css is a directory, and 'expect' names files"),
        (
            "mkdir static; echo x >static/a.css; cp certs/site.pem static/copy",
            "static/copy has the secret in KEY_FILE, which must not be packed",
        ),
        (
            "mkdir static; (echo new; cat certs/site.pem) >static/a.css",
            "static/a.css has the secret in KEY_FILE, which must not be packed",
        ),
        (
            'mkdir static; echo "the ${PAIR#*:} of" >static/a.css',
            "static/a.css has the secret in PAIR, which must not be packed",
        ),
        (  # too short a password, but not with its user
            'mkdir static; echo "the $SHORT of" >static/a.css',
            "static/a.css has the secret in SHORT, which must not be packed",
        ),
        (
            'mkdir static; echo "the $TOKEN of" >static/a.css',
            "static/a.css has the secret in TOKEN, which must not be packed",
        ),
        (
            'mkdir static; tail -c 20 "$DER_FILE" >static/a.css',
            "static/a.css has the secret in DER_FILE, which must not be packed",
        ),
        (
            "mkdir -p static lib/bin; echo x >static/a.css; echo exit 2 >lib/bin/grep; "
            "chmod 755 lib/bin/grep",
            "grep can't read every file to look for the secret in TOKEN, see above",
        ),
        (
            'kill -TERM "$PPID"',
            'STOPPED while working (kill -TERM "$PPID"): by its time limit or by a person',
        ),
    ],
)
def test_a_step_that_makes_nothing_or_is_killed_fails(
    command: str, said: str, repositories: Path, tmp_path: Path
) -> None:
    workspace = publish_all(repositories, tmp_path)
    (tmp_path / "key").write_text("BEGIN\na s3cret of ours: x\nEND\n")
    (tmp_path / "der").write_bytes(b"\x30\x00a longer \x00s3cret in bytes\x00")
    one = {
        "file_variables": ["KEY_FILE"],
        "file_paths": ["certs/site.pem"],
        "kept_out_texts": ["TOKEN"],
        "kept_out_pairs": ["SHORT", "PAIR"],
        "kept_out_files": ["KEY_FILE", "DER_FILE"],
        "steps": ["working"],
        "commands": [command],
        "step_directories": ["."],
        "step_environments": [""],
        "expected": ["static/*.css"],
    }
    secrets = {
        "KEY_FILE": str(tmp_path / "key"),
        "DER_FILE": str(tmp_path / "der"),
        "PAIR": "someone:passw0rd",
        "SHORT": "someone:pass",
        "TOKEN": "https://hooks.example/s3cret:1",
    }
    step = create(workspace, secrets, requirements=[], manage="", **one)
    assert step.code != 0
    assert said in step.log
    left = [each for each in (workspace / "distribution").rglob("*") if each.is_file()]
    assert not [each for each in left if "s3cret" in each.read_text(errors="replace")]
    assert not (workspace / "distribution.tar.gz").exists()


def test_a_half_made_environment_is_not_written_through(repositories: Path, tmp_path: Path) -> None:
    workspace = publish_all(repositories, tmp_path)
    python, system = half_a_python(tmp_path)
    plain: dict[str, object] = {"steps": [], "commands": [], "expected": [], "manage": ""}
    step = create(workspace, {}, python=python, **plain)
    assert step.code == 0, step.log
    assert system.read_text() == "the system's"


@pytest.mark.parametrize(
    ("last", "code", "said"),
    [
        ("sys.exit(execute_from_command_line(sys.argv))", 0, "packed "),
        ("os._exit(0)", 1, "manage.py ended before its settings could be read. Let it call "),
    ],
)
def test_a_manage_py_may_end_with_an_exit_after_it_read_the_settings(
    last: str, code: int, said: str, repositories: Path, tmp_path: Path
) -> None:
    manage = repositories / "codeforlife-deploy" / "manage.py"
    text = manage.read_text()
    manage.write_text(text.replace("execute_from_command_line(sys.argv)", last))
    assert manage.read_text() != text
    commit_all(repositories / "codeforlife-deploy")
    workspace = publish_all(repositories, tmp_path)
    (workspace / "static-root.txt").write_text("outside")  # of a build before
    plain: dict[str, object] = {"steps": [], "commands": [], "expected": []}
    step = create(workspace, {}, **plain)
    assert step.code == code, step.log
    assert said in step.log


def test_another_compression_packs_the_same_bytes_twice(repositories: Path, tmp_path: Path) -> None:
    values = {"suffix": "tar.zst", "compression": "zstd"}
    steps: dict[str, object] = {"steps": [], "commands": [], "expected": [], "manage": ""}
    made = []
    for name in ("one", "two"):
        workspace = publish_all(repositories, tmp_path / name, **values)
        step = create(workspace, {}, requirements=[], **values, **steps)
        assert step.code == 0, step.log
        made.append((workspace / "distribution.tar.zst").read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(bytes.fromhex("28b52ffd"))


def test_a_node_without_the_compression_is_told_at_once(repositories: Path, tmp_path: Path) -> None:
    workspace = publish_all(repositories, tmp_path)
    step = create(workspace, {}, compression="no-such-packer")
    assert step.code == 1
    assert "this node has no no-such-packer, which settings.compression in jobs/" in step.log
