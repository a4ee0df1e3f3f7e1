"""An imported job → its two files in a project; nothing that is there is touched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cfl_jobs.errors import CflJobsError
from cfl_jobs.reading.definitions import Definitions
from cfl_jobs.target import Kind


def check_new(definitions: Definitions, name: str) -> None:
    """Raise CflJobsError if a definition makes a job of this name; Jenkins ignores case."""
    for entry in definitions.entries:
        if entry.kind is Kind.JOB and entry.name.lower() == name.lower():
            raise CflJobsError(
                f"{name}: {entry.position} already defines it",
                advice="Change it there, or rename or remove that definition first.",
            )


def write_new(root: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write files that must not be there yet, all or none. Raises CflJobsError."""
    wanted = [(root / name, text) for name, text in files]
    for path, _ in wanted:
        if path.exists():
            raise CflJobsError(
                f"{path.relative_to(root)} is already there, and is not overwritten",
                advice="Rename or remove it first.",
            )
    written: list[Path] = []
    try:
        for path, text in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as opened:
                written.append(path)
                opened.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise CflJobsError(
            f"{error.filename}: can't be written: {error.strerror}",
            advice="Nothing was kept; make room or mend the permissions and try again.",
        ) from error
