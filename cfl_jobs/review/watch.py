"""The project's files, looked at again and again → what each save changes, or what is wrong.

Files are looked at by time and size a few times a second: the chain is a few dozen small files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from cfl_jobs.check.project import check_project
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import CflJobsError, count, some
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.rendering.cache import render_whole
from cfl_jobs.review.comparing import plan_revision
from cfl_jobs.review.formats import COLOURS as _OF_PLANS
from cfl_jobs.review.formats import tell_changes
from cfl_jobs.review.review import Review
from cfl_jobs.target import Kind

INTERVAL = 0.2
_PLACE = r"\S+:\d+:\d+: "
COLOURS = ((rf"[Ee]rror:? |{_PLACE}", "red"), (r"warning ", "yellow"), *_OF_PLANS)
Look = Mapping[str, tuple[int, int, int]]


def watch(
    root: Path,
    *,
    say: Callable[[str], None],
    wait: Callable[[float], None],
) -> None:
    """Render and check at once and after each save, until `wait` raises. Nothing else ends it."""
    say(f"Watching {JOBS}/ and {TEMPLATES}/; Ctrl-C ends it.")
    seen = look(root)
    good = _show(root, None, say)
    while True:
        wait(INTERVAL)
        now = look(root)
        if now == seen:
            continue
        changed = sorted({file for file, _ in now.items() ^ seen.items()})
        seen = now
        say("")
        say(f"{some(changed, 4)}:")
        good = _show(root, good, say)


def look(root: Path) -> Look:
    """Return the time, size and inode of each file that a rendering may read."""
    found: dict[str, tuple[int, int, int]] = {}
    for part in (JOBS, TEMPLATES):
        for folder, _, names in os.walk(root / part, followlinks=True):
            for path in (Path(folder, name) for name in names):
                with suppress(OSError):  # gone meanwhile; rendering says so
                    state = path.stat()
                    file = path.relative_to(root).as_posix()
                    found[file] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found


def _show(
    root: Path,
    good: tuple[Config, ...] | None,
    say: Callable[[str], None],
) -> tuple[Config, ...] | None:
    """Say what changed since the last good rendering, or what is wrong; return the last good."""
    start = perf_counter()
    try:
        whole = render_whole(root)
        report = check_project(root, whole)
        rendered = whole.configs
    except CflJobsError as error:
        text = str(error)
        say(text if re.match(_PLACE, text) else f"Error: {text}")
        return good
    if good is not None:
        lines = list(tell_changes(Review(plan_revision(good, rendered))))
        for line in lines or ["  no change on the server"]:
            say(line)
    for problem in report.problems:
        say(f"{problem.title}: {problem.finding}")
    jobs = sum(1 for job in rendered if job.kind is Kind.JOB)
    found = f"{count(jobs, 'job')} and {count(len(rendered) - jobs, 'view')}"
    problems = len(report.problems)
    verdict = (problems and count(problems, "problem")) or "nothing wrong"
    say(f"  {found}, {verdict} ({perf_counter() - start:.2f} s)")
    return rendered
