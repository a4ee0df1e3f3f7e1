"""The sample repositories shaped as the real ones were in 2015, and as they are today.

What they need of packages are tiny wheels; Django and the test runners are those installed here.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from cfl_jobs.sample import make_repositories
from tests.case_files import CASES, read_case
from tests.shell_steps import commit_all

_PROGRAMS = read_case(CASES / "sample/programs.txt")
# A package that builds itself: no setuptools, so no network.
_BACKEND = _PROGRAMS["backend.py"]


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
    (deploy / "manage.py").write_text(_PROGRAMS["manage.py"].format(places=places))
    (deploy / "deploy.sh").write_text(_PROGRAMS["deploy.sh"])
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
        (root / "manage.py").write_text(_PROGRAMS["manage.py"].format(places=f'"{place}",'))
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
        (root / "conftest.py").write_text(_PROGRAMS["conftest.py"].format(site=site))
        commit_all(root)
    return {"codeforlife-portal": portal, "rapid-router": game}


def make_gcloud(directory: Path) -> Path:
    """Make a gcloud that only writes down what it was asked; returns its directory."""
    directory.mkdir()
    (directory / "gcloud").write_text(_PROGRAMS["gcloud"])
    (directory / "gcloud").chmod(0o755)
    return directory
