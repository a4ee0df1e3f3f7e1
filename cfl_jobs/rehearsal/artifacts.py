"""Files → archives, archives → workspaces, and fingerprints of what went where."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cfl_jobs.configs.model import ArchiveArtifacts
from cfl_jobs.rehearsal.directory import Home, write_text
from cfl_jobs.rehearsal.patterns import find_files
from cfl_jobs.rehearsal.records import BuildRecord


def archive_files(
    home: Home, record: BuildRecord, step: ArchiveArtifacts, workspace: Path, patterns: str
) -> tuple[str, ...]:
    """Copy the files that `patterns` (variables replaced) select into the build's archive."""
    names = find_files(
        workspace,
        patterns,
        step.excludes,
        default_excludes=step.default_excludes,
        case_sensitive=step.case_sensitive,
        follow_symlinks=step.follow_symlinks,
    )
    archive = home.archive(record.job, record.number)
    for name in names:
        copy_file(workspace / name, archive / name)
    if step.fingerprint:
        record_fingerprints(home, archive, names, original=record, users=(record,))
    return names


def copy_file(source: Path, target: Path) -> None:
    """Copy one file with its mode and time; a symbolic link stays one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    if source.is_symlink():
        target.symlink_to(source.readlink())
    else:
        shutil.copy2(source, target)


def copy_artifacts(
    archive: Path, target: Path, *, includes: str, excludes: str, flatten: bool
) -> tuple[str, ...]:
    """Copy from an archive and return the names there. Default excludes don't count here."""
    names = find_files(archive, includes or "**", excludes, default_excludes=False)
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        copy_file(archive / name, target / (PurePosixPath(name).name if flatten else name))
    return names


def record_fingerprints(
    home: Home,
    directory: Path,
    names: Iterable[str],
    *,
    original: BuildRecord | None,
    users: Iterable[BuildRecord],
) -> None:
    """Note by MD5, as Jenkins does, which build made each file and which builds used it."""
    for name in names:
        path = directory / name
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "md5").hexdigest()
        place = _fingerprint_path(home, digest)
        note = read_fingerprint(home, digest) or {
            "md5": digest,
            "fileName": PurePosixPath(name).name,
            "original": [original.job, original.number] if original else None,
            "usages": {},
        }
        for user in users:
            numbers = set(note["usages"].get(user.job, ())) | {user.number}
            note["usages"][user.job] = sorted(numbers)
        write_text(place, json.dumps(note, indent=2) + "\n")


def read_fingerprint(home: Home, digest: str) -> dict[str, Any] | None:
    """Return the note on the file with this MD5, or None."""
    try:
        note: dict[str, Any] = json.loads(_fingerprint_path(home, digest).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return note


def list_artifacts(home: Home, job: str, number: int) -> Mapping[str, Path]:
    """Return a build's artifacts, name → file."""
    archive = home.archive(job, number)
    return {name: archive / name for name in find_files(archive, "**", default_excludes=False)}


def _fingerprint_path(home: Home, digest: str) -> Path:
    return home.root / "fingerprints" / digest[:2] / digest[2:4] / f"{digest[4:]}.json"
