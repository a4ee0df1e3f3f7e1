"""Runs of `update` ↔ files: what was there before, what was done; for history and rollback.

A run is a directory `<place>/<run>/`: `run.json`, `journal.jsonl` with one line for each step, and
`before/` with the configs that were replaced or deleted. Only its owner can read it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cfl_jobs.errors import CflJobsError
from cfl_jobs.target import Kind

_RUN = "run.json"
_JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to one job. `action` is create, update, rename, delete or confirm.

    `state` is started, done or failed. `after` is a digest of the config the run left; `before`
    is the name of a file that holds the config before, "" where the job was new.
    """

    kind: Kind
    name: str
    action: str
    state: str
    before: str = ""
    after: str = ""
    old_name: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its files tell it. `is_complete` is False where it was killed or is under way."""

    directory: Path
    target: str
    started: str
    verb: str
    steps: tuple[Step, ...]
    is_complete: bool

    @property
    def name(self) -> str:
        return self.directory.name

    def read_before(self, step: Step) -> str:
        """Return the config before the step. Raises CflJobsError where it can't be read."""
        try:
            return (self.directory / "before" / step.before).read_text(encoding="utf-8")
        except OSError as error:
            raise CflJobsError(f"{self.directory}: the backup of {step.name!r} is gone") from error


class Journal:
    """Writes one run down as it happens.

    A kept config is on the disk, and a line of the journal out of this process' hands, before the
    next request.
    """

    def __init__(self, place: Path, *, target: str, verb: str) -> None:
        self._lock = threading.Lock()
        self._directory = _make_run(place)
        self._before = self._directory / "before"
        self._before.mkdir(mode=0o700)
        self._lines: int | None = None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._write(_RUN, json.dumps({"target": target, "verb": verb, "started": started}))

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
            self._append(json.dumps(line, ensure_ascii=False))

    def finish(self) -> None:
        with self._lock:
            self._append(json.dumps({"finished": True}))
            if self._lines is not None:
                os.close(self._lines)
                self._lines = None

    def _append(self, line: str) -> None:
        """Write one line, or nothing of it. The file stays open: many threads wait for this."""
        path = self._directory / _JOURNAL
        data = f"{line}\n".encode()
        try:
            if self._lines is None:
                self._lines = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
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
        except FileExistsError:
            return False
        except OSError as error:
            raise _explain(path, error) from error
        return True


def state_directory(environment: Mapping[str, str], target: str) -> Path:
    """Return where runs against a target are kept: $XDG_STATE_HOME/cfl-jobs/<target>/."""
    base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    plain = re.sub(r"^https?://", "", target)
    plain = re.sub(r"[^\w.-]+", "-", plain.rpartition("@")[2]).strip("-.") or "target"
    return Path(base) / "cfl-jobs" / plain[-100:]


def list_runs(place: Path) -> tuple[Run, ...]:
    """Return the runs kept in a place, the newest first."""
    if not place.is_dir():
        return ()
    found = [_read_run(path) for path in place.iterdir() if (path / _RUN).is_file()]
    return tuple(sorted(found, key=lambda run: (run.started, run.name), reverse=True))


def find_run(place: Path, name: str) -> Run:
    """Return a run by its name or the beginning of it; "" is the last one."""
    runs = list_runs(place)
    if not runs:
        raise CflJobsError(
            f"no runs are kept in {place}", advice="Name the server or directory that was updated."
        )
    if not name:
        return runs[0]
    found = [run for run in runs if run.name == name] or [
        run for run in runs if run.name.startswith(name)
    ]
    if len(found) != 1:
        many = "several runs begin" if found else "no run begins"
        raise CflJobsError(
            f"{many} with {name!r}", advice="`cfl-jobs history` lists the runs there are."
        )
    return found[0]


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


def _read_run(directory: Path) -> Run:
    try:
        head = json.loads((directory / _RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        head = {}
    lines = list(_read_lines(directory / _JOURNAL))
    last: dict[tuple[str, str], Step] = {}
    for line in lines:
        if "name" in line:
            step = _read_step(line)
            last[step.kind.value, step.name] = step
    return Run(
        directory,
        target=str(head.get("target", "")),
        started=str(head.get("started", "")),
        verb=str(head.get("verb", "")),
        steps=tuple(last.values()),
        is_complete=any("finished" in line for line in lines),
    )


def _read_step(line: Mapping[str, Any]) -> Step:
    texts = {key: str(value) for key, value in line.items() if key != "kind"}
    return Step(
        Kind(line["kind"]),
        texts["name"],
        texts.get("action", ""),
        texts.get("state", ""),
        texts.get("before", ""),
        texts.get("after", ""),
        texts.get("old_name", ""),
        texts.get("message", ""),
    )


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:  # the line that was being written when the run was killed
            continue
        if isinstance(found, dict):
            yield found


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
