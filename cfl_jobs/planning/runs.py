"""Files of runs (see journal.py) → what was done to a target, for history and rollback."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import CflJobsError, ConfigError
from cfl_jobs.files import lock
from cfl_jobs.planning.journal import JOURNAL, RUN, Step
from cfl_jobs.target import Kind

_NAME = re.compile(r"(\d{8}-\d{6})(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its files tell it. `target` is the full label of what it was about.

    `is_complete` is False where it was killed or is under way (`is_running`). `damaged` counts
    lines of its journal that can't be read; `problem` says why nothing of it can, "" otherwise.
    """

    directory: Path
    target: str = ""
    verb: str = ""
    steps: tuple[Step, ...] = ()
    is_complete: bool = False
    is_running: bool = False
    damaged: int = 0
    problem: str = ""

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def order(self) -> tuple[str, int]:
        """What sorts runs by their time; those of one second are numbered."""
        found = _NAME.fullmatch(self.name)
        return (found[1], int(found[2] or 1)) if found else ("", 0)

    def read_before(self, step: Step) -> str:
        """Return the config before the step. Raises CflJobsError where it can't be read."""
        place = self.directory / "before" / step.before
        try:
            config = place.read_bytes().decode()
            parse_config(config, name=step.name)
        except (OSError, ValueError, ConfigError) as error:
            raise CflJobsError(f"its backup, {place}, can't be read") from error
        return config


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


def find_run(place: Path, target: str, name: str) -> Run:
    """Return a run by its name or the beginning of it; "" is the last one."""
    runs = list_runs(place, target)
    if not runs:
        raise CflJobsError(
            f"no runs against {target} are kept in {place}",
            advice="Name the server or directory that was updated.",
        )
    found = list(runs[:1]) if not name else [run for run in runs if run.name == name]
    found = found or [run for run in runs if run.name.startswith(name)]
    if len(found) != 1:
        many = "several runs begin" if found else "no run begins"
        raise CflJobsError(
            f"{many} with {name!r}", advice="`cfl-jobs history` lists the runs there are."
        )
    if found[0].problem:
        raise CflJobsError(
            f"the run {found[0].name} can't be read: {found[0].problem}",
            advice="Let it be read by you, or name another run of `cfl-jobs history`.",
        )
    return found[0]


def _read_run(directory: Path) -> Run | None:
    """Return None for a run that was killed before it had done anything, or for no run."""
    try:
        head = json.loads((directory / RUN).read_bytes())
        data = (directory / JOURNAL).read_bytes()
        is_running = _is_locked(directory / JOURNAL)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Run(directory, problem=error.strerror or str(error))
    except ValueError:
        return Run(directory, problem=f"{RUN} is damaged")
    steps: dict[tuple[Kind, str], Step] = {}
    damaged = 0
    is_complete = False
    for line in data.split(b"\n"):
        if not line:
            continue
        try:
            found = json.loads(line)
            if "finished" in found:
                is_complete = True
                continue
            step = _read_step(found)
            steps[step.kind, step.name] = step
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged += 1
    return Run(
        directory,
        target=str(head.get("target", "")) if isinstance(head, dict) else "",
        verb=str(head.get("verb", "")) if isinstance(head, dict) else "",
        steps=tuple(steps.values()),
        is_complete=is_complete,
        is_running=is_running,
        damaged=damaged,
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


def _is_locked(path: Path) -> bool:
    """Tell whether a process is writing it; see Journal."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return not lock(handle, shared=True)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            os.close(handle)
    return False
