"""A project's files → what the checks find, kept from an earlier time if all that made it is equal.

That is the project's files, this program, the options, and which ShellCheck there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from cfl_jobs.check.rule import Report, find_shellcheck
from cfl_jobs.errors import DefinitionError
from cfl_jobs.files import describe_file, kept_file, load_kept, save_kept
from cfl_jobs.rendering.cache import Rendering, digest_project, render_cached
from cfl_jobs.target import program

_KEPT = 100  # projects, or states of one


def check_project(
    root: Path,
    rendered: Rendering | None = None,
    *,
    executors: int = 2,
    sizes: Mapping[str, float] = MappingProxyType({}),
    builds_a_day: float = 10,
) -> Report:
    """Return what every rule finds in the project's jobs and views, and what rendering finds.

    `rendered` is all it defines, where that is at hand. A file may have been saved since; then
    nothing is kept. `sizes` are megabytes of artifacts a build, by job: what retention makes of
    them is estimated.
    """
    project = rendered.project if rendered else digest_project(root)
    shellcheck = describe_file(find_shellcheck())
    # The commands that its advice names are those of where we are.
    given = [executors, sorted(sizes.items()), builds_a_day, shellcheck, program()]
    place = kept_file("checked", sha256(f"{project} {json.dumps(given)}".encode()).hexdigest())
    if project and (kept := load_kept(place, Report.from_json)):
        return kept[0]
    # The rules, and what they read, are most of the start-up time, so they are imported only here.
    from cfl_jobs.check.run import check_rendered, problems_of, read_files

    files = read_files(root)
    try:
        configs = rendered.configs if rendered else render_cached(root)
    except DefinitionError as error:
        return Report(tuple(problems_of(error.findings)))
    report = check_rendered(
        configs, files, executors=executors, sizes=sizes, builds_a_day=builds_a_day
    )
    # That ShellCheck takes too long names no job, and is not of the project alone.
    is_of_project = all(p.names or p.rule != "shellcheck" for p in report.problems)
    if project and project == digest_project(root) and is_of_project:
        save_kept(place, [report], Report.to_json, most=_KEPT)
    return report


def find_sizes(home: Path) -> dict[str, float]:
    """Return the megabytes that each job's newest build archived below a JENKINS_HOME."""
    sizes: dict[str, float] = {}
    archives = home.glob("jobs/*/builds/[0-9]*/archive")
    for archive in sorted(archives, key=lambda each: each.parent.name.zfill(9)):
        files = (file for file in archive.rglob("*") if file.is_file())
        sizes[archive.parts[-4]] = sum(file.stat().st_size for file in files) / 1e6
    return sizes
