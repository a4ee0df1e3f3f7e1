"""A run of `update` or `rollback` ↔ files: what was there before, and what was done.

A run is a directory `<place>/<run>/`: `run.json`, `journal.jsonl` with one line for each step, and
`before/` with the configs that were replaced or deleted. Only its owner can read it.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import CflJobsError, ConfigError, count, some
from cfl_jobs.files import lock, sync_directory
from cfl_jobs.target import Key, Kind, Target, full_label, name_command

RUN = "run.json"
JOURNAL = "journal.jsonl"
# How a line of the history begins, and its colour: runs, then a run's steps.
HISTORY = (
    (r"\d{8}-\d{6}.* can't be read|\d{8}-\d{6}.*\d failed|\w+ +(job|view) .*: failed", "red"),
    (r"\d{8}-\d{6}.* (not finished|under way|started)\b|\w+ +(job|view) .*: started", "yellow"),
    (r"\d{8}-\d{6}|\w+ +(job|view) .*: done", "green"),
)
_SHOWN = 6
_NAME = re.compile(r"(\d{8}-\d{6})(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class RunStep:
    """What was done to one job. `action` is create, update, rename, delete or confirm.

    `state` is started, done or failed. `after` is a digest of the config the run left, or is to
    leave, "" where that isn't known; `before` is the name of a file that holds the config before,
    "" where the job was new.
    """

    kind: Kind
    name: str
    action: str = ""
    state: str = ""
    before: str = ""
    after: str = ""
    old_name: str = ""
    message: str = ""

    def __str__(self) -> str:
        name = " → ".join(filter(None, (self.old_name, self.name)))
        became = ": ".join(filter(None, (self.state, self.message)))
        return f"{self.action:8} {self.kind.value:4} {name}: {became}"


_TEXTS = {field.name for field in fields(RunStep)} - {"kind"}


class Journal:
    """Writes one run down as it happens. `target` is the target's full label.

    `source` says what the run is made of: a commit, or another run.

    A kept config is on the disk, and a line of the journal out of this process' hands, before the
    next request. The journal is locked (flock) until the run ends, however it does.
    """

    def __init__(self, place: Path, *, target: str, verb: str, source: str = "") -> None:
        self._lock = threading.Lock()
        self.directory = _make_run(place)
        self.run, path = self.directory.name, self.directory / JOURNAL
        try:
            (self.directory / "before").mkdir(mode=0o700)
            self._lines = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise _explain(path, error) from error
        with suppress(OSError):
            lock(self._lines, wait=True)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # one without a name
            user = f"user {os.getuid()}"
        head = {"target": target, "verb": verb, "started": started, "user": user, "source": source}
        self._write(RUN, json.dumps(head))

    def keep(self, kind: Kind, name: str, config: str) -> str:
        """Keep a config that is about to be replaced; returns the file's name."""
        plain = f"{kind.value} {quote(name, safe=' ')[:180]}.xml"
        for file in (plain, *(f"{number} {plain}" for number in range(2, 1000))):
            if self._write(f"before/{file}", config):
                return file
        raise CflJobsError(f"{self.directory / 'before'} is full of configs of {name!r}")

    def note(self, step: RunStep) -> None:
        """Add a line to the journal."""
        line = {key: value for key, value in asdict(step).items() if value}
        with self._lock:
            self._append(line | {"kind": step.kind.value})

    def finish(self) -> None:
        """Write down that the run ended by itself."""
        with self._lock:
            try:
                self._append({"finished": True})
            finally:
                os.close(self._lines)
                self._lines = -1

    def _append(self, line: Mapping[str, object]) -> None:
        """Write one line, or nothing of it. The file stays open: many threads wait for this."""
        data = f"{json.dumps(line)}\n".encode()
        try:
            written = os.write(self._lines, data)
            if written != len(data):  # the disk is full
                os.ftruncate(self._lines, os.fstat(self._lines).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            meaning = "what is done can't be written down"
            raise _explain(self.directory / JOURNAL, error, meaning) from error

    def _write(self, name: str, text: str) -> bool:
        """Write a new file; returns whether there was none of that name."""
        path = self.directory / name
        try:
            private = partial(os.open, mode=0o600)
            with open(path, "x", encoding="utf-8", newline="", opener=private) as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            sync_directory(path.parent)
        except FileExistsError:
            return False
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise _explain(self.directory, error) from error
        return True


def _make_run(place: Path) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (now, *(f"{now}-{number}" for number in range(2, 1000))):
            with suppress(FileExistsError):
                (place / name).mkdir(mode=0o700)
                sync_directory(place)
                return place / name
    except OSError as error:
        raise _explain(place, error) from error
    raise CflJobsError(f"{place} is full of runs of this second")


def _explain(path: Path, error: OSError, meaning: str = "") -> CflJobsError:
    meaning = meaning or "what would be replaced can't be kept, so it wasn't changed"
    return CflJobsError(
        f"{path}: {error.strerror}: {meaning}",
        advice="Make room there, or name another place with --backup-dir.",
    )


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its files tell it. `target` is the full label of what it was about.

    `user` ran it, and `source` is what it was made of; "" for runs of old that don't say.
    `is_complete` is False where it was killed or is under way (`is_running`). `damaged` counts
    lines of its journal that can't be read; `problem` says why nothing of it can, "" otherwise.
    """

    directory: Path
    target: str = ""
    verb: str = ""
    user: str = ""
    source: str = ""
    steps: tuple[RunStep, ...] = ()
    is_complete: bool = False
    is_running: bool = False
    damaged: int = 0
    problem: str = ""

    def __str__(self) -> str:
        """Return lines: who did what and of what, how it ended, which jobs it was about."""
        if self.problem:
            return f"{self.name}  can't be read: {self.problem}"
        states = Counter(step.state for step in self.steps)
        told = [f"{states['done']} of {count(len(self.steps), 'step')} done"]
        told += [f"{states[state]} {state}" for state in ("failed", "started") if states[state]]
        told += [("not finished", "under way")[self.is_running]] * (not self.is_complete)
        told += [self.damage] * bool(self.damaged)
        names: dict[str, list[str]] = {}
        for step in self.steps:
            names.setdefault(f"{step.action} {step.kind.value}", []).append(step.name)
        who = ", ".join(filter(None, (self.user and f"by {self.user}", self.source)))
        first = f"{self.name}  {self.verb}: {', '.join(told)}"
        lines = ["; ".join(filter(None, (first, who)))]
        lines += [f"    {what}  {some(sorted(found), _SHOWN)}" for what, found in names.items()]
        return "\n".join(lines)

    @property
    def damage(self) -> str:
        return f"{count(self.damaged, 'line')} of its journal can't be read"

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def order(self) -> tuple[str, int]:
        """What sorts runs by their time; those of one second are numbered."""
        date, time, number = f"{self.name}-1".split("-")[:3]
        return f"{date}-{time}", int(number)

    def read_before(self, step: RunStep) -> str:
        """Return the config before the step. Raises CflJobsError where it can't be read."""
        place = self.directory / "before" / step.before
        try:
            config = place.read_bytes().decode()
            parse_config(config, name=step.name)
        except (OSError, ValueError, ConfigError) as error:
            raise CflJobsError(f"its backup, {place}, can't be read") from error
        return config


def runs_of(target: Target, backup: Path | None) -> tuple[Path, str]:
    """Return where the runs against a target are kept, and what they call it."""
    label = full_label(target.label)
    return backup or state_directory(os.environ, label), label


def state_directory(environment: Mapping[str, str], target: str) -> Path:
    """Return where runs against a target are kept: $XDG_STATE_HOME/cfl-jobs/<target>/.

    Names that come to the same share it; each run says what it was about.
    """
    base = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    plain = re.sub(r"^https?://", "", target)
    plain = re.sub(r"[^\w.-]+", "-", plain.rpartition("@")[2]).strip("-.") or "target"
    return Path(base) / "cfl-jobs" / plain[-100:]


def list_runs(place: Path, target: str) -> tuple[Run, ...]:
    """Return the runs against a target that are kept in a place, the newest first.

    Those of which nothing can be read are among them. Raises CflJobsError where the place itself
    can't be read.
    """
    try:
        directories = [path for path in place.iterdir() if _NAME.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise CflJobsError(
            f"{place}: {error.strerror}: the runs kept there can't be read",
            advice="Let it be read by you, or name another place with --backup-dir.",
        ) from error
    found = [_read_run(path) for path in directories]
    kept = [run for run in found if run is not None and (run.problem or run.target == target)]
    return tuple(sorted(kept, key=lambda run: run.order, reverse=True))


def list_left(place: Path, target: str) -> frozenset[Key]:
    """Return the jobs and views that are to be there, as the runs left them."""
    is_left: dict[Key, bool] = {}
    for run in list_runs(place, target):
        for step in reversed(run.steps):
            if step.state == "done":
                is_left.setdefault((step.kind, step.name), step.action != "delete")
                is_left.setdefault((step.kind, step.old_name), False)
    return frozenset(key for key, is_there in is_left.items() if is_there)


def find_run(place: Path, target: str, name: str) -> Run:
    """Return a run by its name or the beginning of it; "" is the last one."""
    runs = list_runs(place, target)
    if not runs:
        raise CflJobsError(
            f"no runs against {target} are kept in {place}",
            advice="Name the server or directory that was updated.",
        )
    known = name_command("history", target)
    found = [run for run in runs if run.name == (name or runs[0].name)]
    found = found or [run for run in runs if run.name.startswith(name)]
    if len(found) != 1:
        many = ("no run begins", "several runs begin")[bool(found)]
        raise CflJobsError(f"{many} with {name!r}", advice=f"`{known}` lists the runs there are.")
    if found[0].problem:
        raise CflJobsError(
            f"the run {found[0].name} can't be read: {found[0].problem}",
            advice=f"Let it be read by you, or name another run of `{known}`.",
        )
    return found[0]


def _read_run(directory: Path) -> Run | None:
    """Return None for a run that was killed before it had done anything, or for no run."""
    try:
        head = dict(json.loads((directory / RUN).read_bytes()))
        data = (directory / JOURNAL).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Run(directory, problem=error.strerror or str(error))
    except (ValueError, TypeError):
        return Run(directory, problem=f"{RUN} is damaged")
    steps: dict[Key, RunStep] = {}
    damaged = 0
    is_complete = is_running = False
    with suppress(OSError), (directory / JOURNAL).open("rb") as stream:  # see Journal
        is_running = not lock(stream.fileno(), shared=True)
    for line in filter(None, data.split(b"\n")):
        try:
            found = json.loads(line)
            if "finished" in found:
                is_complete = True
            else:
                texts = {key: str(found[key]) for key in found.keys() & _TEXTS}
                step = RunStep(Kind(found["kind"]), **texts)
                steps[step.kind, step.name] = step
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged += 1
    told = (str(head.get(name, "")) for name in ("target", "verb", "user", "source"))
    target, verb, user, source = told
    done = tuple(steps.values())
    return Run(directory, target, verb, user, source, done, is_complete, is_running, damaged)
