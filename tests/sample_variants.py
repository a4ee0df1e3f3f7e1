"""The sample repositories shaped as the real ones were in 2015, and as they are today.

What they need of packages are tiny wheels; Django and the test runners are those installed here.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from cfl_jobs.sample import make_repositories
from tests.shell_steps import commit_all

_RUNS = """#!/usr/bin/env python
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(here, place) for place in ({places})]
if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "codeforlife.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
_DEPLOY_2015 = """#!/bin/bash
set -e
[ $# = 0 ]
python -c 'import tiny_road, tiny_site, tiny_teach'
python manage.py migrate
place="$JENKINS_HOME/deployed/$DEPLOYMENT_CONFIG"
mkdir -p "$place"
cp commit.txt "$place/"
echo "$VERSION $CACHE_PREFIX ${#DJANGO_SECRET} $(cat client-cert.pem)" >"$place/version"
"""
_GCLOUD = """#!/bin/sh
test -z "$PYTHONPATH"
test -s "$GOOGLE_APPLICATION_CREDENTIALS"
mkdir -p "$JENKINS_HOME/deployed/$MODULE_NAME"
cp commit.txt "$JENKINS_HOME/deployed/$MODULE_NAME/"
echo "$* as $DB_USER" >"$JENKINS_HOME/deployed/$MODULE_NAME/version"
"""
_CONFTEST = """import os
import sys

import django
from django.test.utils import setup_test_environment

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "{site}"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "codeforlife.settings")
django.setup()
setup_test_environment()
"""
# A package that builds itself: no setuptools, so no network.
_BACKEND = """
import zipfile
from pathlib import Path


def build_wheel(directory, settings=None, metadata=None):
    Path("build").mkdir(exist_ok=True)
    name = "{name}"
    with zipfile.ZipFile(Path(directory) / (name + "-1-py3-none-any.whl"), "w") as wheel:
        for file in sorted(Path("{package}").rglob("*")):
            if file.is_file():
                wheel.write(file)
        info = name + "-1.dist-info/"
        needs = "Requires-Dist: tiny-{package}\\n"
        wheel.writestr(
            info + "METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n{needs}"
        )
        wheel.writestr(
            info + "WHEEL",
            "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        )
        wheel.writestr(info + "RECORD", "")
    return name + "-1-py3-none-any.whl"
"""


def make_tiny_wheels(directory: Path, *names: str) -> Path:
    """Make wheels of these names, each with one empty module."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        module = name.replace("-", "_")
        info = f"{module}-1.dist-info"
        with zipfile.ZipFile(directory / f"{module}-1-py3-none-any.whl", "w") as wheel:
            if name.startswith("tiny-"):
                wheel.writestr(f"{module}.py", "")
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
            wheel.writestr(f"{info}/METADATA", about)
            tag = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            wheel.writestr(f"{info}/WHEEL", tag)
            wheel.writestr(f"{info}/RECORD", "")
    return directory


def make_2015(directory: Path) -> dict[str, Path]:
    """Three repositories: dependencies in lib/, a requirements file each, deploy.sh as it was."""
    names = ("ocargo", "codeforlife-portal", "codeforlife-deploy")
    make_repositories(directory)
    for name, needed in zip(names, ("tiny-road", "tiny-teach", "tiny-site"), strict=True):
        (directory / name / "requirements.txt").write_text(f"{needed}\n")
    deploy = directory / "codeforlife-deploy"
    (deploy / "requirements-test.txt").unlink()
    places = '"lib", "submodules/portal", "submodules/ocargo"'
    (deploy / "manage.py").write_text(_RUNS.format(places=places))
    (deploy / "deploy.sh").write_text(_DEPLOY_2015)
    for kept in ("lib", "submodules"):
        (deploy / kept).mkdir()
        (deploy / kept / ".gitignore").write_text("*\n!.gitignore\n")
    for name in names:
        commit_all(directory / name)
    return {name: directory / name for name in names}


def make_today(directory: Path) -> dict[str, Path]:
    """Two packages, the site in one of them; no requirements.txt and no deploy.sh; pytest."""
    make_repositories(directory)
    portal, game = directory / "codeforlife-portal", directory / "rapid-router"
    (directory / "ocargo").rename(game)
    deploy = directory / "codeforlife-deploy"
    shutil.move(deploy / "codeforlife", portal / "codeforlife")
    for root, place in ((portal, "lib"), (game, "../..")):
        (root / "manage.py").write_text(_RUNS.format(places=f'"{place}",'))
        (root / "manage.py").chmod(0o755)
    shutil.rmtree(deploy)
    settings = portal / "codeforlife" / "settings.py"
    text = settings.read_text().replace("COMPRESS_OFFLINE = True", "COMPRESS_OFFLINE = False")
    settings.write_text(text.replace('"only for building"', 'os.environ["ENCRYPTION_KEY"]'))
    for root, package, name in ((portal, "portal", "codeforlife_portal"), (game, "game", "game")):
        (root / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        backend = _BACKEND.replace("{package}", package).replace('"{name}"', f'"{name}"')
        (root / "backend.py").write_text(backend)
        site = "." if root == portal else "../.."
        (root / "conftest.py").write_text(_CONFTEST.format(site=site))
        commit_all(root)
    return {"codeforlife-portal": portal, "rapid-router": game}


def make_gcloud(directory: Path) -> Path:
    """Make a gcloud that only writes down what it was asked; returns its directory."""
    directory.mkdir()
    (directory / "gcloud").write_text(_GCLOUD)
    (directory / "gcloud").chmod(0o755)
    return directory
