"""The project, rendered again after each save or for other plugins → what that changes.

Files are looked at by time and size a few times a second: the chain is a few dozen small files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from cfl_jobs.check.project import check_project
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.configxml import element_paths
from cfl_jobs.configs.requirements import used_plugins
from cfl_jobs.errors import CflJobsError, DefinitionError, count, some
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.reading.inventory import Inventory
from cfl_jobs.reading.versions import CORE
from cfl_jobs.rendering.cache import render_whole
from cfl_jobs.rendering.noeffect import NO_EFFECTS
from cfl_jobs.rendering.render import render
from cfl_jobs.review.comparing import plan_revision
from cfl_jobs.review.formats import COLOURS as _OF_PLANS
from cfl_jobs.review.formats import tell_changes
from cfl_jobs.review.review import Review
from cfl_jobs.target import Kind

INTERVAL = 0.2
_PLACE = r"\S+:\d+:\d+: "
COLOURS = ((rf"[Ee]rror:? |{_PLACE}", "red"), (r"warning ", "yellow"), *_OF_PLANS)
_SHOWN_NAMES = 6
_NAMES = {CORE: "Jenkins"}
Look = Mapping[str, tuple[int, int, int]]


def watch(root: Path, *, say: Callable[[str], None], wait: Callable[[float], None]) -> None:
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
    root: Path, good: tuple[Config, ...] | None, say: Callable[[str], None]
) -> tuple[Config, ...] | None:
    """Say what changed since the last good rendering, or what is wrong; return the last good."""
    start = perf_counter()
    try:
        whole = render_whole(root)
        problems = check_project(root, whole).problems
    except CflJobsError as error:
        text = str(error)
        say(text if re.match(_PLACE, text) else f"Error: {text}")
        return good
    if good is not None:
        lines = list(tell_changes(Review(plan_revision(good, whole.configs))))
        for line in lines or ["  no change on the server"]:
            say(line)
    for problem in problems:
        say(f"{problem.title}: {problem.finding}")
    jobs = sum(config.kind is Kind.JOB for config in whole.configs)
    found = f"{count(jobs, 'job')} and {count(len(whole.configs) - jobs, 'view')}"
    verdict = "nothing wrong"
    if problems:
        verdict = count(len(problems), "problem")
    say(f"  {found}, {verdict} ({perf_counter() - start:.2f} s)")
    return whole.configs


def examine_upgrade(root: Path, old: Inventory, new: Inventory) -> tuple[list[str], bool]:
    """Return the lines that tell what an upgrade changes, and whether it is possible.

    That is where the jobs render for it, and its plugins fit together. Raises DefinitionError where
    they don't render now.
    """
    before = render(root, inventory=old)
    lines = list(_tell_versions(old.versions, new.versions, before))
    if unmet := list(new.unmet()):
        lines += ("", "What doesn't fit together:", *(f"  {need}." for need in unmet))
    try:
        after = render(root, inventory=new)
    except DefinitionError as error:
        lines += ("", "What doesn't render any more:", *(f"\n{each}" for each in error.findings))
        return lines, False
    if silent := list(_find_silent(after, old.versions, new.versions)):
        lines += ("", "What nobody set, and whose default ends to have an effect:", *silent)
    plan = plan_revision(before, after)
    if plan.changes:
        lines += ("", "What is rendered differently:", *tell_changes(Review(plan)))
    else:
        lines += ("", "Every job is rendered as before.")
    return lines, not unmet


def _tell_versions(
    old: Mapping[str, str], new: Mapping[str, str], jobs: tuple[Config, ...]
) -> Iterator[str]:
    """Yield what gets another version, Jenkins itself first, then what jobs have elements of."""
    users: dict[str | None, list[str]] = {}
    for job in jobs:
        for plugin in used_plugins(job.parse()):
            users.setdefault(plugin, []).append(job.name)
    names = sorted({*old, *new}, key=lambda name: (name != CORE, name))
    changed = [
        name
        for name in names
        if old.get(name, "") != new.get(name, "") and (name != CORE or new.get(name))
    ]
    told = [name for name in changed if name in users or name == CORE]
    for name in told:
        before, after = old.get(name, ""), new.get(name, "")
        version = f"{before} → {after}"
        if not before or not after:
            version = f"{before or after} is {('new', 'gone')[bool(before)]}"
        look_at = f"  (look at {some(users.get(name, ()), _SHOWN_NAMES)})" * (name in users)
        yield f"{_NAMES.get(name, name)} {version}{look_at}"
    if changed:
        yield f"{len(changed) - len(told)} more that no job uses."
    else:
        yield "Nothing gets another version."


def _find_silent(
    jobs: tuple[Config, ...], old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[str]:
    """Yield the options that nobody set and whose default ends to have an effect, with the jobs."""
    for row in NO_EFFECTS:
        if row.successor is None or row.span.holds(old) or not row.span.holds(new):
            continue
        tag = f"/{row.successor.old}"
        names = [
            job.name
            for job in jobs
            if job.kind is Kind.JOB
            and any(
                path.endswith(tag) and path in job.own and element.text in row.successor.values
                for path, element in element_paths(job.parse())
            )
        ]
        if names:
            yield f"  {row.key!r} of the {row.kind} {row.name!r}: {some(names, _SHOWN_NAMES)}"
