"""A run of `update` or `rollback` → files: what was there before, and what was done.

A run is a directory `<place>/<run>/`: `run.json`, `journal.jsonl` with one line for each step, and
`before/` with the configs that were replaced or deleted. Only its owner can read it; runs.py does.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from cfl_jobs.errors import CflJobsError
from cfl_jobs.files import lock, sync_directory
from cfl_jobs.target import Kind

RUN = "run.json"
JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to one job. `action` is create, update, rename, delete or confirm.

    `state` is started, done or failed. `after` is a digest of the config the run left, or is to
    leave, "" where that isn't known; `before` is the name of a file that holds the config before,
    "" where the job was new.
    """

    kind: Kind
    name: str
    action: str
    state: str
    before: str = ""
    after: str = ""
    old_name: str = ""
    message: str = ""


class Journal:
    """Writes one run down as it happens. `target` is the target's full label.

    A kept config is on the disk, and a line of the journal out of this process' hands, before the
    next request. The journal is locked (flock) until the run ends, however it does.
    """

    def __init__(self, place: Path, *, target: str, verb: str) -> None:
        self._lock = threading.Lock()
        self._directory = _make_run(place)
        self._before = self._directory / "before"
        self._lines = self._begin()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._write(RUN, json.dumps({"target": target, "verb": verb, "started": started}))

    @property
    def run(self) -> str:
        return self._directory.name

    @property
    def directory(self) -> Path:
        return self._directory

    def keep(self, kind: Kind, name: str, config: str) -> str:
        """Keep a config that is about to be replaced; returns the file's name."""
        plain = f"{kind.value} {quote(name, safe=' ')[:180]}.xml"
        for number in range(1, 1000):
            file = plain if number == 1 else f"{number} {plain}"
            if self._write(f"before/{file}", config):
                return file
        raise CflJobsError(f"{self._before} is full of configs of {name!r}")

    def note(self, step: Step) -> None:
        """Add a line to the journal."""
        line = {
            "kind": step.kind.value,
            **{
                key: value
                for key in ("name", "action", "state", "before", "after", "old_name", "message")
                if (value := getattr(step, key))
            },
        }
        with self._lock:
            self._append(json.dumps(line))

    def finish(self) -> None:
        """Write down that the run ended by itself."""
        with self._lock:
            try:
                self._append(json.dumps({"finished": True}))
            finally:
                os.close(self._lines)
                self._lines = -1

    def _begin(self) -> int:
        path = self._directory / JOURNAL
        try:
            self._before.mkdir(mode=0o700)
            lines = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise _explain(path, error) from error
        with suppress(OSError):
            lock(lines, wait=True)
        return lines

    def _append(self, line: str) -> None:
        """Write one line, or nothing of it. The file stays open: many threads wait for this."""
        path = self._directory / JOURNAL
        data = f"{line}\n".encode()
        try:
            written = os.write(self._lines, data)
            if written != len(data):  # the disk is full
                os.ftruncate(self._lines, os.fstat(self._lines).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise _explain(path, error, "what is done can't be written down") from error

    def _write(self, name: str, text: str) -> bool:
        """Write a new file; returns whether there was none of that name."""
        path = self._directory / name
        try:
            with open(path, "x", encoding="utf-8", newline="", opener=_open_private) as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            sync_directory(path.parent)
        except FileExistsError:
            return False
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise _explain(self._directory, error) from error
        return True


def _make_run(place: Path) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(1, 1000):
            directory = place / (now if number == 1 else f"{now}-{number}")
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:
                continue
            sync_directory(place)
            return directory
    except OSError as error:
        raise _explain(place, error) from error
    raise CflJobsError(f"{place} is full of runs of this second")


def _explain(
    path: Path,
    error: OSError,
    meaning: str = "what would be replaced can't be kept, so it wasn't changed",
) -> CflJobsError:
    return CflJobsError(
        f"{path}: {error.strerror}: {meaning}",
        advice="Make room there, or name another place with --backup-dir.",
    )


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
