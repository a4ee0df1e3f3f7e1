"""Kills runs on a home at each system call that Python tells of; prints what each one left.

A process of its own, with one thread, since it forks: `python -m tests.killed_runs DIR`. A line is
"deed, number of the call, state, what the next run leaves beside the jobs".
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cfl_jobs.target import Kind
from cfl_jobs.targets.home import HomeTarget
from tests.rendered_jobs import job, view

OLD, NEW = job().config, job(scripts=("new",)).config
DEEDS: dict[str, Callable[[HomeTarget], None]] = {
    "create": lambda home: home.create(Kind.JOB, "b", NEW),
    "update": lambda home: home.update(Kind.JOB, "a", NEW),
    "rename": lambda home: home.rename("a", "b"),
    "delete": lambda home: home.delete(Kind.JOB, "a"),
    "view": lambda home: home.create(Kind.VIEW, "v", view("v", ()).config),
}


def main() -> None:
    root = Path(sys.argv[1])
    for name, deed in DEEDS.items():
        number = 0
        killed = True
        while killed:
            number += 1
            home = make_home(root)
            killed = kill_at(number, partial(deed, home))
            state = state_of(home, name)
            left = leftovers(HomeTarget(root, durable=False), root)
            print(name, number, state, *left, sep=",")


def make_home(root: Path) -> HomeTarget:
    shutil.rmtree(root, ignore_errors=True)
    home = HomeTarget(root, durable=False)
    home.create(Kind.JOB, "a", OLD)
    home.create(Kind.VIEW, "u", view("u", ()).config)
    (root / "jobs" / "a" / "builds" / "1").mkdir(parents=True)
    return HomeTarget(root)


def kill_at(number: int, deed: Callable[[], None]) -> bool:
    """Do it in a child that dies at the call of that number; tells whether it came to that."""
    child = os.fork()
    if not child:
        left = number

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event.partition(".")[0] in ("open", "os", "fcntl", "shutil"):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        deed()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def state_of(home: HomeTarget, deed: str) -> str:
    """Return "old" or "new"; anything else fails, or is told."""
    jobs = {entry.name: home.read(Kind.JOB, entry.name) for entry in home.list(Kind.JOB)}
    views = [entry.name for entry in home.list(Kind.VIEW)]
    builds = home.count_builds("a") + home.count_builds("b")
    old = ({"a": OLD}, ["all", "u"], 1)
    new = {
        "create": ({"a": OLD, "b": NEW}, ["all", "u"], 1),
        "update": ({"a": NEW}, ["all", "u"], 1),
        "rename": ({"b": OLD}, ["all", "u"], 1),
        "delete": ({}, ["all", "u"], 0),
        "view": ({"a": OLD}, ["all", "u", "v"], 1),
    }[deed]
    found = (jobs, views, builds)
    return "old" if found == old else "new" if found == new else f"broken: {found}"


def leftovers(home: HomeTarget, root: Path) -> list[str]:
    """Write everything once more, as the next run would; return what is there beside that."""
    for name in [entry.name for entry in home.list(Kind.JOB)]:
        home.update(Kind.JOB, name, OLD)
    if "b" not in [entry.name for entry in home.list(Kind.JOB)]:
        home.create(Kind.JOB, "b", OLD)
    home.update(Kind.VIEW, "u", view("u", ()).config)
    return [path.name for path in root.rglob(".*")]


if __name__ == "__main__":
    main()
