"""Job names as jobs write them ↔ full names: folders, patterns of who may copy.

A name in a config is relative to the folder of the job that holds it; a leading "/" makes it
absolute (jenkins.model.Jenkins.getItem(String, ItemGroup), core 2.440).
"""

from __future__ import annotations

import re
from collections.abc import Container
from posixpath import normpath, relpath

from cfl_jobs.configs.model import Job


def resolve_job(name: str, holder: str, jobs: Container[str]) -> str:
    """Return the full name of the job that `name` in the config of job `holder` means.

    A name found in no folder on the way is taken as absolute, as Jenkins does last of all.
    """
    if name.startswith("/"):
        return name.strip("/")
    folder = holder.rpartition("/")[0]
    near = normpath(f"{folder}/{name}" if folder else name)
    return near if near in jobs else name


def matches_permission(source: Job, copier: str) -> bool:
    """Tell whether a job's copyartifact property lets job `copier` copy from it.

    An entry is a name relative to the source's folder or, with "/", absolute; `*` stands for
    anything. No job is permitted by itself, not even the source
    (CopyArtifactPermissionProperty.canCopiedBy, copyartifact 722).
    """
    folder = source.name.rpartition("/")[0] or "."
    names = (relpath(copier, folder), f"/{copier}")
    expressions = [
        ".*".join(re.escape(piece) for piece in entry.split("*"))
        for entry in source.copy_permissions or ()
    ]
    return any(re.fullmatch(expression, name) for expression in expressions for name in names)
