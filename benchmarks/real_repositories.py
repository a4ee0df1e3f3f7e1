"""The chain on clones of the real repositories: steps, times and sizes, as a table.

    python benchmarks/real_repositories.py 2015 ocargo=PATH codeforlife-portal=PATH \
        codeforlife-deploy=PATH
    python benchmarks/real_repositories.py today rapid-router=PATH codeforlife-portal=PATH

Takes the definitions of docs/2015 or docs/today as they stand, but for --python, and runs Ad-hoc
distribution of master in a rehearsal: publish, distribution, suites, deploy. Every credential is a
made-up one. A build that fails ends the table with its reason. Beside each publish stands what git
alone takes for the same commit: `git clone --depth 1` and `git archive | gzip`, as medians of three
in turn. Nothing is written into the clones.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cfl_jobs.configs.model import Job  # noqa: E402
from cfl_jobs.configs.steps.step import Result  # noqa: E402 - the repository is put on the path
from cfl_jobs.rehearsal.directory import Home  # noqa: E402
from cfl_jobs.rehearsal.engine import Engine  # noqa: E402
from cfl_jobs.rehearsal.environment import (  # noqa: E402
    GivenCredential,
    Repositories,
    repository_name,
)
from cfl_jobs.rehearsal.records import BuildRecord, Changed, Event  # noqa: E402
from cfl_jobs.rehearsal.reports import read_jobs  # noqa: E402
from cfl_jobs.rehearsal.session import fill  # noqa: E402

ROUNDS = 3
# A script announces a step in a line of its own: "distribution 1: packing distribution.tar.gz".
STEP = re.compile(
    r"^(?:distribution|[A-Z][\w -]*) \d+: ((?:[a-z]\w*ing|looking) .*)$", re.MULTILINE
)
REASON = re.compile(r"^.*: FAILED while (.*)$", re.MULTILINE)


@dataclass(slots=True)
class Watch:
    """Notes when each step of the running builds is announced in its log."""

    home: Home
    running: dict[str, BuildRecord] = field(default_factory=dict)
    times: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    done: list[BuildRecord] = field(default_factory=list)

    def notify(self, event: Event) -> None:
        if isinstance(event, Changed) and event.record.result is None:
            self.running[event.record.name] = event.record
        elif isinstance(event, Changed):
            self.look()
            self.running.pop(event.record.name, None)
            self.done.append(event.record)

    def look(self) -> None:
        for name, record in list(self.running.items()):
            log = self.home.log(record.job, record.number)
            text = log.read_text(errors="replace") if log.exists() else ""
            known = self.times.setdefault(name, [])
            for found in list(STEP.finditer(text))[len(known) :]:
                known.append((found[1], time.time()))

    def steps(self, record: BuildRecord) -> Iterator[tuple[str, float]]:
        """Yield each step with its seconds; what comes before the first is the checkout's."""
        marks = self.times.get(record.name, [])
        ends = [*(start for _, start in marks[1:]), record.finished or time.time()][: len(marks)]
        for (step, start), end in zip(marks, ends, strict=True):
            yield step, end - start


def lay_out(example: str, python: str, root: Path) -> Path:
    """Make a project of an example's definitions and the templates."""
    shutil.copytree(ROOT / "templates", root / "templates")
    shutil.copytree(ROOT / "docs" / example / "jobs", root / "jobs")
    if python:
        settings = root / "jobs/settings.yaml"
        text = re.sub(r"(?m)^( *python:).*$", rf"\1 {python}", settings.read_text())
        settings.write_text(text)
    return root


def make_up(jobs: Mapping[str, Job]) -> dict[str, GivenCredential]:
    """Return made-up credentials for all that the jobs bind."""
    bindings = (binding for job in jobs.values() for binding in job.bindings)
    secret = GivenCredential("made-up-for-the-benchmark", "nobody")
    return {binding.credentials_id: secret for binding in bindings}


def rehearse(project: Path, clones: Mapping[str, Path]) -> tuple[Watch, Home]:
    """Run Ad-hoc distribution of master, and all that follows."""
    home = Home(project.parent / "home")
    fill(project, home)
    jobs = read_jobs(home)
    watch = Watch(home)
    stop = threading.Event()

    def keep_looking() -> None:
        while not stop.wait(0.05):
            watch.look()

    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    repositories = Repositories(home, clones)
    with Engine(home, jobs, repositories, secrets=make_up(jobs), notify=watch.notify) as engine:
        engine.build("Ad-hoc distribution", {"BRANCH": "master"})
        engine.run()
    stop.set()
    thread.join()
    return watch, home


def measure_publish(project: Path, clones: Mapping[str, Path], job: Job) -> tuple[float, float]:
    """Return the median seconds of a publish job's builds, and of git alone, in turn.

    Each begins with nothing fetched.
    """
    assert job.scm
    clone = clones[repository_name(job.scm.urls[0])]
    target = project.parent / "measured"
    ours, theirs = [], []
    for _ in range(ROUNDS):
        home = Home(target)
        fill(project, home)
        watch = Watch(home)
        jobs = read_jobs(home)
        with Engine(
            home, jobs, Repositories(home, clones), secrets=make_up(jobs), notify=watch.notify
        ) as engine:
            engine.build(job.name, {"AD_HOC": "1"})
            engine.run()
        (record,) = watch.done
        assert record.result is Result.SUCCESS, home.log(job.name, 1).read_text()
        ours.append((record.finished or 0) - record.started)
        shutil.rmtree(target)
        start = time.monotonic()
        clone_it = ["git", "clone", "-q", "--depth=1", "--branch=master", clone.as_uri()]
        subprocess.run([*clone_it, str(target)], check=True)
        packing = f"git -C '{target}' archive HEAD | gzip -n >'{target}/archive.tar.gz'"
        subprocess.run(packing, shell=True, check=True)
        theirs.append(time.monotonic() - start)
        shutil.rmtree(target)
    return statistics.median(ours), statistics.median(theirs)


def write_table(watch: Watch, home: Home, git: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    yield "| build | step | seconds | made |"
    yield "|---|---|--:|---|"
    for record in watch.done:
        files = [f for f in home.archive(record.job, record.number).rglob("*") if f.is_file()]
        made = ", ".join(f"{f.name} {f.stat().st_size / 1e6:.1f} MB" for f in files
                         if f.stat().st_size > 100_000)  # fmt: skip
        seconds = (record.finished or 0) - record.started
        result = "" if record.result is Result.SUCCESS else f" **{record.result.name.lower()}**"  # type: ignore[union-attr]
        yield f"| {record.job}{result} | | {seconds:.1f} | {made} |"
        if record.job in git:
            ours, theirs = git[record.job]
            yield (
                f"| | median of {ROUNDS}, alone; git alone {theirs:.2f} s, "
                f"{ours / theirs:.2f} times that | {ours:.2f} | |"
            )
        for step, taken in watch.steps(record):
            if taken >= 0.5:
                yield f"| | {step[:90]} | {taken:.1f} | |"
        if record.result is not Result.SUCCESS:
            reasons = REASON.findall(home.log(record.job, record.number).read_text())
            yield f"| | {(reasons or ['see its log'])[-1][:160]} | | |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("example", choices=["2015", "today"])
    parser.add_argument("clones", nargs="+", metavar="NAME=PATH")
    parser.add_argument("--python", default="", help="in place of the definitions' own")
    parser.add_argument("--keep", type=Path, help="keep the rehearsal in this new directory")
    given = parser.parse_args(arguments)
    clones = {
        name: Path(path).resolve() for name, _, path in (c.partition("=") for c in given.clones)
    }
    with tempfile.TemporaryDirectory() as scratch:
        root = given.keep or Path(scratch)
        project = lay_out(given.example, given.python, root / "project")
        watch, home = rehearse(project, clones)
        published = {record.job for record in watch.done if record.result is Result.SUCCESS}
        git = {
            job.name: measure_publish(project, clones, job)
            for job in read_jobs(home).values()
            if job.scm and job.name in published
        }
        print("\n".join(write_table(watch, home, git)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
