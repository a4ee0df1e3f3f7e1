"""Running the chain's scripts as Jenkins would: composed, in a workspace, with its environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from cfl_jobs.rendering.templates import compose_step

SCRIPTS = Path(__file__).parent.parent / "templates" / "scripts"
COMPONENTS = {"ocargo": "ocargo", "portal": "codeforlife-portal", "deploy": "codeforlife-deploy"}
DISTRIBUTION = {
    "components": ["ocargo", "portal", "deploy"],
    "repositories": ["ocargo", "codeforlife-portal", "codeforlife-deploy"],
    "directories": ["submodules/ocargo", "submodules/portal", "."],
    "first_time_job": "Ad-hoc distribution",
    "suffix": "tar.gz",
    "compression": "gzip",
    "manage": "manage.py",
    "needed": ["requirements.txt", "manage.py", "requirements-test.txt"],
    "needed_by": ["Create Distribution", "Create Distribution", "Run Portal Tests"],
    "programs": ["deploy.sh"],
    "run_by": ["Deploy to Dev"],
    "vendor": "lib",
    "requirements": [],  # what is installed beside the tests will do
    "suite_requirements": [],
    "environment": [],
    "file_variables": [],
    "file_paths": [],
    "kept_out_texts": [],
    "kept_out_pairs": [],
    "kept_out_files": [],
    "steps": ["collecting static files", "compressing static files"],
    "commands": ["python manage.py collectstatic --noinput", "python manage.py compress --force"],
    "step_directories": [".", "."],
    "step_environments": ["", ""],
    "expected": ["static/CACHE/manifest.json"],
}
PUBLISH = {
    "downstream": "Create Distribution",
    "lane": "master",
    "own_branch": "master",
    "chooses": False,
    "tags": False,
    "login": "",
    "submodules": False,
    "lfs": False,
    "compare": "",
    "suffix": "tar.gz",
    "compression": "gzip",
}


# Makes environments as venv does, without a pip in each, that see what is installed here.
_QUICK_PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec {python} "$@"
for last in "$@"; do :; done
packages="$last/lib/python{version}/site-packages"
mkdir -p "$last/bin" "$packages"
ln -s {base} "$last/bin/python"
echo "home = {home}" >"$last/pyvenv.cfg"
echo {packages} >"$packages/tests.pth"
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did: its exit code and all it printed."""

    code: int
    log: str


def run_step(
    script: str,
    workspace: Path,
    values: Mapping[str, object],
    environment: Mapping[str, str],
) -> Step:
    """Run one of templates/scripts/ in `workspace`; only `environment` and PATH are inherited."""
    text = compose_step(script, (SCRIPTS / script).read_text(encoding="utf-8"), values)
    workspace.mkdir(parents=True, exist_ok=True)
    file = workspace.parent / f"{script}.composed"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["/usr/bin/env", "bash", str(file)],
        cwd=workspace,
        env={"PATH": os.environ["PATH"], "HOME": str(workspace.parent), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    return Step(done.returncode, done.stdout)


def quick_python(directory: Path) -> str:
    """Return a Python whose venvs take no second; pip in them finds what is installed here."""
    file = directory / "python3"
    base = Path(sys.executable).resolve()
    text = _QUICK_PYTHON.format(
        python=sys.executable,
        base=base,
        home=base.parent,
        packages=sysconfig.get_path("purelib"),
        version=sysconfig.get_python_version(),
    )
    file.write_text(text)
    file.chmod(0o755)
    return str(file)


# Stands for a Python whose venv ends half made, with a link to the system's.
_HALF_A_PYTHON = """#!/bin/sh
[ "$1 $2" != "half python" ] || {{ echo "this is half-python"; exit 0; }}
[ "$1 $2" = "-m venv" ] || exec {python} "$@"
for last in "$@"; do :; done
mkdir -p "$last/bin" && ln -s {system} "$last/bin/python"
exit 1
"""


def half_a_python(directory: Path) -> tuple[str, Path]:
    """Return a Python without a venv that works, and the file that a half-made one links to."""
    system = directory / "system-python"
    system.write_text("the system's")
    file = directory / "half-python"
    file.write_text(_HALF_A_PYTHON.format(python=sys.executable, system=system))
    file.chmod(0o755)
    return str(file), system


def git(repository: Path, *arguments: str) -> str:
    """Run git with a fixed identity, time and no configuration but its own."""
    fixed = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_AUTHOR_DATE": "2016-05-04T03:02:01+00:00",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_COMMITTER_DATE": "2016-05-04T03:02:01+00:00",
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=repository,
        env=fixed,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def commit_all(repository: Path) -> str:
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "--quiet", "--message=change")
    return git(repository, "rev-parse", "HEAD")


def check_out(repository: Path, workspace: Path, branch: str = "master") -> None:
    """Check out as the git plugin does: a detached commit, the branch under refs/remotes/origin."""
    workspace.mkdir(parents=True)
    git(workspace, "init", "--quiet")
    git(workspace, "remote", "add", "origin", repository.as_uri())
    refspec = f"+refs/heads/{branch}:refs/remotes/origin/{branch}"
    git(workspace, "fetch", "--quiet", "--no-tags", "--depth=1", repository.as_uri(), refspec)
    git(
        workspace, "checkout", "--quiet", "--force", git(workspace, "rev-parse", f"origin/{branch}")
    )


@contextmanager
def serve(directory: Path, user: str, password: str) -> Iterator[str]:
    """Serve the repositories of a directory as files, to one user; gives the URL."""
    wanted = "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Authorization"] == wanted:
                super().do_GET()
            else:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    for repository in directory.glob("*.git"):
        git(repository, "update-server-info")
    handler = partial(Handler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def publish(
    repository: Path,
    workspace: Path,
    component: str = "ocargo",
    branch: str = "master",
    environment: Mapping[str, str] | None = None,
    **values: object,
) -> Step:
    """Run publish.sh in a workspace, which is checked out if it isn't there."""
    if not workspace.exists():
        check_out(repository, workspace, branch)
    build = {"BRANCH": branch, "JOB_NAME": "Publish Files", "BUILD_NUMBER": "7"}
    names = {"component": component, "repository": COMPONENTS[component]}
    given = PUBLISH | names | values
    return run_step("publish.sh", workspace, given, build | dict(environment or {}))


def publish_all(repositories: Path, directory: Path, **values: Any) -> Path:
    """Publish the three repositories; returns a workspace with published/<component>/."""
    workspace = directory / "Create Distribution"
    for component in COMPONENTS:
        publish_into(workspace, repositories, component, **values)
    return workspace


def publish_into(workspace: Path, repositories: Path, component: str, **values: Any) -> None:
    """Publish a repository, and put what it publishes where Create Distribution looks for it."""
    source = workspace.parent / f"publish {component}"
    step = publish(repositories / COMPONENTS[component], source, component, **values)
    assert step.code == 0, step.log
    target = workspace / "published" / component
    target.mkdir(parents=True)
    for name in (f"{component}.{values.get('suffix', 'tar.gz')}", "commit.txt"):
        (source / name).rename(target / name)


def create(workspace: Path, environment: Mapping[str, str], /, **values: object) -> Step:
    """Run create-distribution.sh; pip has no network."""
    workspace.mkdir(parents=True, exist_ok=True)
    build = {
        "BUILD_NUMBER": "42",
        "BRANCH": "master",
        "JOB_NAME": "Create Distribution",
        "PIP_NO_INDEX": "1",
    }
    inputs = DISTRIBUTION | {"python": quick_python(workspace.parent)} | values
    return run_step("create-distribution.sh", workspace, inputs, build | dict(environment))


def list_tar(file: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(file) as archive:
        return {member.name.removeprefix("./"): member for member in archive}
