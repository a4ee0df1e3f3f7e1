"""The project's own chain on a stub site: the definitions as they are, but for the Python.

The stub stands for Python, pip and Django, so that a whole chain takes a second or two. Files in
the home steer it: FAIL-<app> breaks that app's suite, SLOW lets collecting static files hang.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from cfl_jobs.files import write_whole
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.engine import Engine, LoopResult
from cfl_jobs.rehearsal.environment import GivenCredential
from cfl_jobs.rehearsal.records import BuildRecord, Builds, Event
from cfl_jobs.rehearsal.session import fill
from tests.rehearsal_home import commit, make_engine, make_repository
from tests.shell_steps import git

PROJECT = Path(__file__).parent.parent
NAMES = ("ocargo", "codeforlife-portal", "codeforlife-deploy")
SECRETS = {
    f"codeforlife-{name}-secret-key": f"key of {name}" for name in ("dev", "staging", "prod")
}
CREDENTIALS = {name: GivenCredential(value) for name, value in SECRETS.items()}
ALL = {
    "Ad-hoc distribution",
    "Publish Ocargo Files",
    "Publish Portal Files",
    "Publish Deploy Files",
    "Create Distribution",
    "Run Ocargo Tests",
    "Run Portal Tests",
    "Promote Distribution",
    "Deploy to Dev",
    "Deploy to Staging",
    "Deploy to Prod",
}

STUB = """\
#!/bin/sh
set -eu
case "$1 ${2:-}" in
"-m venv") for last in "$@"; do :; done; mkdir -p "$last/bin"; ln -s "$0" "$last/bin/python" ;;
"-m pip") ;;
"-c "*) printf 'inside' >"$CFL_ANSWER" ;;
"manage.py collectstatic")
    if [ -e "$JENKINS_HOME/SLOW" ]; then setsid sleep 600 & echo "very slow"; sleep 600; fi
    mkdir -p static; cp -r submodules/*/static/. static/ ;;
"manage.py compress") mkdir -p static/CACHE; echo '{}' >static/CACHE/manifest.json ;;
"manage.py test")
    inner=
    [ ! -e "$JENKINS_HOME/FAIL-$3" ] || inner='<failure/>'
    printf '<testsuite><testcase classname="%s" name="t">%s</testcase></testsuite>' "$3" "$inner" \\
        >"$JUNIT_REPORTS/$3.xml"
    [ -z "$inner" ] ;;
*) echo "the stub has no $*"; exit 9 ;;
esac
"""
DEPLOY = """\
#!/bin/sh
set -eu
place="$JENKINS_HOME/deployed/$1"
mkdir -p "$place"
echo "begin $2" >>"$place/history"
test -n "$SITE_SECRET_KEY"
echo "the key is $SITE_SECRET_KEY"
sleep 0.2
cp commit.txt "$place/commit.txt"
echo "$2" >"$place/number"
echo "end $2" >>"$place/history"
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """A home with the chain's jobs, and the three repositories that it builds."""

    home: Home
    repositories: dict[str, Path]

    def engine(self, *, executors: int = 2, events: list[Event] | None = None) -> Engine:
        return make_engine(
            self.home, self.repositories, executors=executors, secrets=CREDENTIALS, events=events
        )

    def push(self, *names: str) -> LoopResult:
        """Push to master of these repositories, and run everything to its end."""
        with self.engine() as engine:
            for name in names:
                engine.push(name, "master")
            return engine.run()

    def build(self, job: str, *, executors: int = 2, **values: str) -> LoopResult:
        """Start a job by hand, and run everything to its end."""
        with self.engine(executors=executors) as engine:
            engine.build(job, values)
            return engine.run()

    def commit(self, name: str, files: dict[str, str] | None = None) -> str:
        return commit(self.repositories[name], files or {}, "a change")

    def results(self, job: str) -> list[str]:
        """Return the results of a job's builds, oldest first."""
        records = reversed(Builds(self.home).of(job))
        return [record.result.name if record.result else "running" for record in records]

    def last(self, job: str) -> BuildRecord:
        return Builds(self.home).of(job)[0]

    def log(self, job: str) -> str:
        return self.home.log(job, self.last(job).number).read_text()

    def artifact(self, job: str, name: str, number: int | None = None) -> bytes:
        chosen = number or self.last(job).number
        return (self.home.archive(job, chosen) / name).read_bytes()

    def commits(self, text: bytes) -> dict[str, str]:
        """Read a commit.txt."""
        return dict(line.split(" ") for line in text.decode().splitlines())

    def deployed(self, environment: str) -> dict[str, str]:
        """Return the commits that are live."""
        text = (self.home.root / "deployed" / environment / "commit.txt").read_bytes()
        return self.commits(text)

    def heads(self, branch: str = "master") -> dict[str, str]:
        return {n: git(path, "rev-parse", branch) for n, path in self.repositories.items()}


def make_chain(root: Path) -> Chain:
    """Make repositories and a home whose jobs are rendered from the project's definitions."""
    repositories = {
        name: make_repository(
            root / "clones" / name,
            {
                f"static/{name}.css": "a {}",
                "manage.py": "",
                "requirements.txt": "",
                "requirements-test.txt": "",
                "deploy.sh": DEPLOY,
            },
        )
        for name in NAMES
    }
    # One place for all tests, so that what is rendered for one is in the others' cache.
    stub = Path.home() / "stub-python"
    if not stub.exists():
        write_whole(stub, STUB, mode=0o755)
    for folder in ("jobs", "templates"):
        shutil.copytree(PROJECT / folder, root / "project" / folder)
    settings = root / "project/jobs/settings.yaml"
    text, count = re.subn(r"(?m)^( *python:).*$", rf"\1 {stub}", settings.read_text())
    assert count == 1
    settings.write_text(text)
    home = Home(root / "home")
    fill(root / "project", home)
    return Chain(home, repositories)


def copy_chain(chain: Chain, root: Path) -> Chain:
    """Return a copy that can be changed; its stub Python stays the first one's."""
    shutil.copytree(chain.home.root, root / "home", symlinks=True)
    for name, path in chain.repositories.items():
        shutil.copytree(path, root / "clones" / name, symlinks=True)
    return Chain(Home(root / "home"), {name: root / "clones" / name for name in NAMES})
