"""cfl-jobs beside jenkins-jobs: the same jobs, one run, a table of times, memory and requests.

    python benchmarks/compare.py                   everything, on loopback (some minutes)
    python benchmarks/compare.py --quick           fewer jobs, no latency
    python benchmarks/compare.py --only scale      ours alone, with 100, 1,000 and 10,000 jobs
    python benchmarks/compare.py --only start --base REV
                                                   small commands, beside the build of a revision
    python benchmarks/compare.py --url URL         on a live server; jobs named cfl-bench-… only,
                                                   which are deleted again

Each cell is the median of `--repeat` runs of the real command line, in a process of its own.
jenkins-jobs gets the jobs as plain YAML without templates, so it has less to do.
Credentials for --url come from JENKINS_USER_ID and JENKINS_API_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cfl_jobs.configs.config import normalise  # noqa: E402
from cfl_jobs.reading.definitions import load_definitions  # noqa: E402
from cfl_jobs.rendering.templates import TemplateRenderer  # noqa: E402
from cfl_jobs.target import Kind  # noqa: E402
from cfl_jobs.targets.credentials import Credentials  # noqa: E402 - the repository is put on the path first
from cfl_jobs.targets.server import JenkinsTarget  # noqa: E402
from tests.jenkins_server import JenkinsServer  # noqa: E402
from tests.jenkins_server_configs import DIALECTS, NEW  # noqa: E402

PREFIX = "cfl-bench-"
# A process' peak of memory is at least what its parent has when it forks, so the parent is small.
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, used = os.wait4(process.pid, 0)
wall = time.perf_counter() - start
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
WORKERS = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds, seconds of CPU, MiB at its peak.

    Of the loopback server, which runs in this process: requests, and its seconds of CPU meanwhile.
    """

    wall: float
    cpu: float
    memory: float
    requests: int | None = None
    served: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: what was done, by whom, and the cost."""

    what: str
    who: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Server:
    """Where jobs are pushed to. `loopback` is None for a live one."""

    url: str
    user: str
    token: str
    loopback: JenkinsServer | None


class Project:
    """One set of jobs twice: for cfl-jobs as definitions, for jenkins-jobs as plain YAML."""

    def __init__(self, place: Path, count: int) -> None:
        self.ours = place / "ours"
        self.theirs = place / "theirs"
        for name in ("jobs", "templates"):
            shutil.copytree(ROOT / name, self.ours / name)
        if count:
            # Only the many are made, so that a live server's own chain is left alone.
            entries = "".join(
                f"  - {{name: {PREFIX}{n:04}, repository: r{n:04}, component: c{n:04}}}\n"
                for n in range(count)
            )
            text = f"template: publish.yaml.j2\njobs:\n{entries}"
            (self.ours / "jobs" / "many.yaml").write_text(text)
        self.names = (f"{PREFIX}*",) if count else ()
        self._count = count
        self.write_theirs()

    def change(self, number: int) -> None:
        """Change every job: how long builds are kept."""
        path = self.ours / "jobs" / "settings.yaml"
        lines = path.read_text().splitlines()
        kept = [line for line in lines if not line.strip().startswith("retention_days:")]
        kept.append(f"  retention_days: {100 + number}")
        path.write_text("\n".join(kept) + "\n")
        self.write_theirs()

    def write_theirs(self) -> None:
        """Write what our templates make as YAML for jenkins-jobs."""
        definitions = load_definitions(self.ours)
        renderer = TemplateRenderer(definitions)
        self.theirs.mkdir(exist_ok=True)
        documents = []
        for definition in definitions.entries:
            if self._count and not definition.name.startswith(PREFIX):
                continue
            data, problems = renderer.render(definition)
            if data is None or problems:
                raise SystemExit(f"{definition.name}: {problems}")
            plain = _plain(data)
            if definition.kind is Kind.VIEW:
                plain.setdefault("view-type", "list")
            documents.append({definition.kind.value: plain})
        text = yaml.safe_dump(documents, allow_unicode=True, sort_keys=False)
        (self.theirs / "jobs.yaml").write_text(text)


def _plain(value: Any) -> Any:
    """Return plain data, with the braces doubled that jenkins-jobs would take for its own."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in dict.items(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    return value


class Bench:
    """Runs commands and gathers what they cost."""

    def __init__(self, place: Path, repeat: int) -> None:
        self._place = place
        self._repeat = repeat
        self.rows: list[Row] = []
        self._plugins = place / "plugins.yaml"
        found = yaml.safe_load((ROOT / "jobs" / "plugins.yaml").read_text()) or {}
        inventory = [
            {"shortName": name, "version": str(version)}
            for name, version in found.get("plugins", {}).items()
        ]
        self._plugins.write_text(yaml.safe_dump(inventory))

    # Rendering.

    def compare_rendering(self, what: str, project: Project) -> None:
        out = self._place / "out"

        def theirs() -> None:
            shutil.rmtree(out / "theirs", ignore_errors=True)

        def ours() -> None:
            self._forget()
            shutil.rmtree(out / "ours", ignore_errors=True)

        command = [*self._jjb(None), "test", "-p", str(self._plugins), "-o", str(out / "theirs")]
        command += ["--config-xml", str(project.theirs)]
        self._measure(what, "jenkins-jobs test", command, before=theirs)
        command = [*_ours("render"), "-o", str(out / "ours"), *project.names]
        self._measure(what, "cfl-jobs render", command, before=ours, directory=project.ours)
        self._measure(what, "cfl-jobs render, warm", command, directory=project.ours)
        _check_same(out / "theirs", out / "ours" / "jobs")

    # Pushing.

    def compare_pushing(self, label: str, server: Server, project: Project) -> None:
        """Create, look at and change the same jobs, once by each."""
        target = ["--url", server.url]
        count = f"{project.names and len(list(_names(project)))} jobs{label}"
        for workers in (1, WORKERS):
            who = f"jenkins-jobs update --workers {workers}"
            push = [*self._jjb(server), "update", "--workers", str(workers), str(project.theirs)]

            def cold(push: list[str] = push) -> None:
                self._forget()
                _delete_all(server, project)

            self._measure(f"create {count}", who, push, server=server, before=cold)
            self._measure(f"no change, {count}", f"{who}, warm", push, server=server)
            if workers == WORKERS:
                self._measure(
                    f"no change, {count}", f"{who}, cold", push, server=server, before=self._forget
                )
            numbers = iter(range(100))
            self._measure(
                f"change {count}",
                who,
                push,
                server=server,
                before=lambda: project.change(next(numbers)),  # noqa: B023 - called at once
            )
        _delete_all(server, project)
        update = [*_ours("update"), *target, "--yes", "--force", *project.names]
        at = project.ours

        def fresh() -> None:
            self._forget()
            _delete_all(server, project)

        self._measure(
            f"create {count}", "cfl-jobs update", update, server=server, before=fresh, directory=at
        )
        look = [*_ours("plan"), *target, "--detailed-exitcode", *project.names]
        self._measure(
            f"no change, {count}", "cfl-jobs plan, warm", look, server=server, directory=at
        )
        self._measure(
            f"no change, {count}",
            "cfl-jobs plan, cold",
            look,
            server=server,
            before=self._forget,
            directory=at,
        )
        numbers = iter(range(100, 200))
        self._measure(
            f"change {count}",
            "cfl-jobs update",
            update,
            server=server,
            before=lambda: project.change(next(numbers)),
            directory=at,
        )
        _delete_all(server, project)

    # Growing.

    def measure_growth(self, size: int, server: Server) -> None:
        """Do everything once with as many jobs, into directories and on a server."""
        project = Project(self._place / f"scale-{size}", size)
        out, home = self._place / f"out-{size}", self._place / f"home-{size}"
        names, at, who = project.names, project.ours, f"{size} jobs"
        url = ("--url", server.url)
        for what, command in (
            ("render", [*_ours("render"), *names]),
            ("render -o", [*_ours("render"), "-o", str(out), *names]),
            ("update --home", [*_ours("update"), "--home", str(home), "--yes", *names]),
            ("plan --home", [*_ours("plan"), "--home", str(home), "--detailed-exitcode", *names]),
            ("create on a server", [*_ours("update"), *url, "--yes", *names]),
            ("no change on a server", [*_ours("plan"), *url, "--detailed-exitcode", *names]),
        ):
            self._measure(what, who, command, server=server, before=self._forget, directory=at)
        for place in (out, home):
            shutil.rmtree(place)
        _delete_all(server, project)

    # Starting.

    def compare_start(self, base: str) -> None:
        """Run small commands by the build of a revision and by this one, by turns, each warm."""
        before = self._place / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(before), base], check=True)
        try:
            builds = [(base, before), ("now", ROOT)]
            places = [_make_history(tree, self._place / f"project-{who}") for who, tree in builds]
            for (_, tree), at in zip(builds, places, strict=True):
                self._run([*_ours("update"), "--home", "home", "--yes"], None, at, tree)
            for what, command in (
                ("python -c pass", [sys.executable, "-c", "pass"]),
                ("--version", _ours("--version")),
                ("--help", _ours("--help")),
                ("check", _ours("check")),
                ("plan --home, no change", [*_ours("plan"), "--home", "home"]),
                ("review main", [*_ours("review"), "main"]),
                ("review main, a new change", [*_ours("review"), "main"]),
            ):
                costs: dict[str, list[Cost]] = {base: [], "now": []}
                for turn in range(self._repeat + 1):
                    for (who, tree), at in zip(builds, places, strict=True):
                        if what.endswith("new change"):
                            _commit_change(at)
                        cost = self._run(command, None, at, tree)
                        costs[who] += [cost] if turn else []  # the first one fills the caches
                self.rows += [Row(what, who, _middle(costs[who])) for who in costs]
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True)

    def _forget(self) -> None:
        shutil.rmtree(self._place / "cache", ignore_errors=True)

    def _jjb(self, server: Server | None) -> list[str]:
        conf = self._place / "jenkins_jobs.ini"
        lines = ["[job_builder]", "ignore_cache=False", "[jenkins]", "query_plugins_info=False"]
        if server is not None:
            lines += [f"url={server.url}", f"user={server.user}", f"password={server.token}"]
        conf.touch(mode=0o600)
        conf.write_text("\n".join(lines) + "\n")
        return [str(Path(sys.executable).parent / "jenkins-jobs"), "--conf", str(conf)]

    def _measure(
        self,
        what: str,
        who: str,
        command: Sequence[str],
        *,
        server: Server | None = None,
        before: Callable[[], None] = lambda: None,
        directory: Path | None = None,
    ) -> None:
        """Run a command some times and note the median of what it cost."""
        costs = []
        for _ in range(self._repeat):
            before()
            loopback = server and server.loopback
            if loopback:
                loopback.requests.clear()
            began = time.process_time()
            cost = self._run(command, server, directory)
            if loopback:
                served = time.process_time() - began
                cost = replace(cost, requests=len(loopback.requests), served=served)
            costs.append(cost)
        middle = _middle(costs)
        self.rows.append(Row(what, who, middle))
        print(f"{what:40} {who:38} {middle.wall:7.2f} s", file=sys.stderr)

    def _run(
        self,
        command: Sequence[str],
        server: Server | None,
        directory: Path | None,
        tree: Path = ROOT,
    ) -> Cost:
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(self._place / "cache"),
            "XDG_STATE_HOME": str(self._place / "state"),
            "PYTHONPATH": str(tree),
            "PYTHONWARNINGS": "ignore",
        }
        if server is not None:
            environment |= {"JENKINS_USER_ID": server.user, "JENKINS_API_TOKEN": server.token}
        with tempfile.TemporaryFile() as output:
            run = subprocess.run(
                [sys.executable, "-S", "-c", _LAUNCHER, *command],
                stdout=subprocess.PIPE,
                stderr=output,
                env=environment,
                cwd=directory or self._place,
                check=True,
            )
            code, wall, cpu, memory = json.loads(run.stdout)
            # Ours says 2 for "there are changes", which here would be a mistake too.
            if code != 0:
                output.seek(0)
                text = output.read().decode(errors="replace")[-3000:]
                raise SystemExit(f"{' '.join(command)} failed:\n{text}")
        return Cost(wall, cpu, memory / 1024)


def _ours(verb: str) -> list[str]:
    return [sys.executable, "-m", "cfl_jobs", verb]


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.memory for cost in costs),
        costs[-1].requests,
        statistics.median(cost.served for cost in costs),
    )


def _make_history(tree: Path, place: Path) -> Path:
    """Return a repository of a build's own definitions: `main`, and a branch for changes."""
    for name in ("jobs", "templates"):
        shutil.copytree(tree / name, place / name)
    for command in (["init", "-qb", "main"], ["add", "."], ["checkout", "-qb", "change"]):
        subprocess.run(["git", *command], cwd=place, check=True)
        if command[0] == "add":
            _commit(place)
    _commit_change(place)
    return place


def _commit_change(place: Path) -> None:
    """Commit that builds of the deploy jobs are kept for a day less."""
    path = place / "jobs" / "deploy.yaml"
    before, key, after = path.read_text().rpartition("  retention_days: ")
    days, _, rest = after.partition("\n")
    path.write_text(f"{before}{key}{int(days) - 1}\n{rest}")
    _commit(place)


def _commit(place: Path) -> None:
    name = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *name, "commit", "-qam", "A change"], cwd=place, check=True)


def _names(project: Project) -> Iterator[str]:
    for definition in load_definitions(project.ours).entries:
        if definition.name.startswith(PREFIX):
            yield definition.name


def _delete_all(server: Server, project: Project) -> None:
    """Delete the benchmark's own jobs."""
    if server.loopback is not None:
        server.loopback.top.jobs.clear()
        return
    with JenkinsTarget(server.url, Credentials(server.user, server.token)) as target:
        for entry in target.list(Kind.JOB):
            if entry.name.startswith(PREFIX):
                target.delete(Kind.JOB, entry.name)


def _check_same(theirs: Path, ours: Path) -> None:
    """Stop if the two didn't make the same jobs."""
    for path in ours.glob("*/config.xml"):
        name = path.parent.name
        other = theirs / name / "config.xml"
        text = other.read_text().replace("&lt;!-- Managed by Jenkins Job Builder --&gt;", "")
        one, two = (normalise(config, name=name) for config in (path.read_text(), text))
        if one != two:
            raise SystemExit(f"{name}: the two made different jobs")


def write_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table; ratios are ours to each of theirs for the same thing."""
    lines = [
        "| what | by | wall (s) | CPU (s) | server's CPU (s) | peak (MiB) | requests |"
        " ours ÷ theirs, wall | ours ÷ theirs, CPU |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        theirs: list[Cost] = []
        if row.who.startswith("cfl-jobs"):
            same = (other for other in rows if other.what == row.what)
            theirs = [other.cost for other in same if not other.who.startswith("cfl-jobs")]
        cost = row.cost
        walls = ", ".join(f"{cost.wall / other.wall:.2f}" for other in theirs)
        cpus = ", ".join(f"{cost.cpu / other.cpu:.2f}" for other in theirs)
        served, asked = f"{cost.served:.2f}", f"{cost.requests}"
        if cost.requests is None:
            served = asked = ""
        numbers = f"{cost.wall:.2f} | {cost.cpu:.2f} | {served} | {cost.memory:.0f} | {asked}"
        lines.append(f"| {row.what} | `{row.who}` | {numbers} | {walls} | {cpus} |")
    return "\n".join(lines)


def write_growth(rows: Sequence[Row]) -> str:
    """Return a Markdown table of how the cost grows: wall and CPU seconds, by number of jobs."""
    sizes = list(dict.fromkeys(row.who for row in rows))
    last = sizes[-2:]
    ends = f" {last[-1]} ÷ {last[0]} |" if len(last) > 1 else ""
    lines = [f"| | {' | '.join(sizes)} |{ends}", f"|---|{'--:|' * (len(sizes) + len(last) - 1)}"]
    for what in dict.fromkeys(row.what for row in rows):
        costs = {row.who: row.cost for row in rows if row.what == what}
        cells = " | ".join(f"{costs[size].wall:.1f} ({costs[size].cpu:.1f})" for size in sizes)
        one, other = costs[last[0]], costs[last[-1]]
        ratio = f" {other.wall / one.wall:.1f} ({other.cpu / one.cpu:.1f}) |" if ends else ""
        lines.append(f"| {what} | {cells} |{ratio}")
    return "\n".join(lines)


def write_starts(rows: Sequence[Row]) -> str:
    """Return a Markdown table of CPU seconds: of the revision, of this build, and the ratios."""
    base = rows[0].who
    lines = [f"| | {base} | now | now ÷ {base} | now ÷ `pass` |", "|---|--:|--:|--:|--:|"]
    cpu = {(row.what, row.who): row.cost.cpu for row in rows}
    for what in dict.fromkeys(row.what for row in rows):
        then, now = cpu[what, base], cpu[what, "now"]
        ratios = f"{now / then:.2f} | {now / cpu['python -c pass', 'now']:.1f}"
        lines.append(f"| {what} | {then:.3f} | {now:.3f} | {ratios} |")
    return "\n".join(lines)


@contextmanager
def loopback(latency: float, dialect: str) -> Iterator[Server]:
    with JenkinsServer(dialect, latency=latency) as server:
        yield Server(server.url, server.user, server.token, server)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare cfl-jobs with jenkins-jobs.")
    parser.add_argument("--url", help="a live server, instead of the one on loopback")
    parser.add_argument("--jobs", type=int, default=300, help="how many jobs are pushed")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--latency", type=float, nargs="*", default=[0.0, 0.05], help="seconds")
    parser.add_argument("--quick", action="store_true", help="30 jobs, no latency, one run")
    parser.add_argument("--dialect", choices=DIALECTS, default=NEW, help="the loopback server's")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 10000], metavar="N")
    parser.add_argument("--only", choices=["render", "push", "scale", "start"], help="one part")
    parser.add_argument("--base", default="", metavar="REV", help="what `start` is compared with")
    options = parser.parse_args()
    if options.only == "start" and not options.base:
        parser.error("--only start wants --base REV, which it is compared with")
    count = 30 if options.quick else options.jobs
    repeat = 1 if options.quick else options.repeat
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cfl-jobs-bench-")))
        bench = Bench(place, repeat)
        if options.only in (None, "render"):
            sizes = (count,) if options.quick else (300, 1000)
            bench.compare_rendering("render the chain", Project(place / "chain", 0))
            for size in sizes:
                project = Project(place / str(size), size)
                bench.compare_rendering(f"render {size} jobs", project)
        if options.only in (None, "push"):
            project = Project(place / "pushed", count)
            if options.url:
                user, token = os.environ["JENKINS_USER_ID"], os.environ["JENKINS_API_TOKEN"]
                bench.compare_pushing("", Server(options.url, user, token, None), project)
            else:
                for latency in [0.0] if options.quick else options.latency:
                    with loopback(latency, options.dialect) as server:
                        label = f", {latency * 1000:.0f} ms" if latency else ""
                        bench.compare_pushing(label, server, project)
        start = Bench(place, repeat)
        if options.base and options.only in (None, "start"):
            start.compare_start(options.base)
        growth = Bench(place, 1)
        if options.only in (None, "scale") and not options.url:
            with loopback(0.0, options.dialect) as server:
                for size in [30] if options.quick else options.sizes:
                    growth.measure_growth(size, server)
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"{system}, Python {platform.python_version()}; medians of {repeat}\n")
    for rows, write in (
        (bench.rows, write_table),
        (start.rows, write_starts),
        (growth.rows, write_growth),
    ):
        if rows:
            print(f"{write(rows)}\n")


if __name__ == "__main__":
    main()
