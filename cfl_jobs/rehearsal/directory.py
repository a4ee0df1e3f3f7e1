"""The rehearsal's directory, laid out as JENKINS_HOME, its lock, and what it remembers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from cfl_jobs.errors import RehearsalError, suggest
from cfl_jobs.files import lock, write_whole

T = TypeVar("T")
_REMOVE = "Remove it and run this again."


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step: whoever reads it sees the old text or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON; what it has no form for, as a path, becomes text."""
    write_text(path, json.dumps(data, indent=2, default=str) + "\n")


def read_json(path: Path, take: Callable[[dict[str, Any]], T], missing: T) -> T:
    """Return what `take` makes of a file that write_json wrote, `missing` where there is none.

    Raises RehearsalError for a file that we can't have written.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return missing
    except (OSError, ValueError) as error:
        raise RehearsalError(f"{path} is damaged: {error}", advice=_REMOVE) from error
    try:
        return take(data if isinstance(data, dict) else {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{path} is damaged: it is not what cfl-jobs writes ({error!r})"
        raise RehearsalError(what, advice=_REMOVE) from error


def remove_tree(path: Path) -> None:
    """Remove a directory, also one whose parts were made read only."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder, names, _ in os.walk(path):
        for name in [".", *names]:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(inner.stat().st_mode | 0o700)
    shutil.rmtree(path)


class Trash:
    """Where directories go that may be large: moved at once, removed while builds run.

    What an earlier rehearsal didn't come to is removed first.
    """

    def __init__(self, directory: Path, remover: Executor) -> None:
        self._directory = directory
        self._remover = remover
        directory.mkdir(parents=True, exist_ok=True)
        for left in directory.iterdir():
            self._remover.submit(remove_tree, left)

    def put(self, path: Path) -> None:
        """Take a file or directory away. Raises OSError."""
        aside = self._directory / uuid4().hex
        try:
            path.rename(aside)
        except FileNotFoundError:
            return
        except OSError:  # it is on another disk, or read only
            remove_tree(path)
        else:
            self._remover.submit(remove_tree, aside)

    def close(self) -> None:
        self._remover.shutdown()


class Home:
    """Where everything of a rehearsal is; nothing outside `root` is written."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def state(self) -> Path:
        """The directory of what Jenkins keeps elsewhere or in memory: the queue, git's config."""
        return self.root / "rehearsal"

    @property
    def repositories(self) -> Path:
        """Where the sample's repositories are."""
        return self.root / "repositories"

    def job_directory(self, job: str) -> Path:
        return self.root.joinpath("jobs", *job.replace("/", "/jobs/").split("/"))

    def build_directory(self, job: str, number: int) -> Path:
        return self.job_directory(job) / "builds" / str(number)

    def archive(self, job: str, number: int) -> Path:
        return self.build_directory(job, number) / "archive"

    def log(self, job: str, number: int) -> Path:
        return self.build_directory(job, number) / "log"

    def workspace(self, job: str) -> Path:
        return self.root.joinpath("workspace", *job.split("/"))

    def configs(self) -> Iterator[tuple[str, Path]]:
        """Yield each job's full name and its config.xml, folders' jobs as folder/job."""

        def walk(jobs: Path, prefix: str) -> Iterator[tuple[str, Path]]:
            for directory in sorted(jobs.glob("*")):
                config = directory / "config.xml"
                if config.is_file():
                    yield f"{prefix}{directory.name}", config
                    yield from walk(directory / "jobs", f"{prefix}{directory.name}/")

        yield from walk(self.root / "jobs", "")


def require_job(jobs: Mapping[str, T], name: str) -> T:
    """Return the job called `name`. Raises RehearsalError that names the nearest one."""
    if name not in jobs:
        advice = suggest(name, jobs) or "The jobs are: " + ", ".join(sorted(jobs))
        raise RehearsalError(f"There is no job {name!r}.", advice=advice)
    return jobs[name]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a rehearsal remembers from one command to the next.

    `repositories`: name → clone. `secrets` is the file, never what is in it. `rendered`: the jobs
    here are kept as the definitions are.
    """

    repositories: Mapping[str, Path] = field(default_factory=dict)
    secrets: Path | None = None
    rendered: bool = False


def load_settings(home: Home) -> Settings:
    def take(data: Mapping[str, Any]) -> Settings:
        repositories = {name: Path(place) for name, place in data["repositories"].items()}
        secrets = Path(data["secrets"]) if data.get("secrets") else None
        return Settings(repositories, secrets=secrets, rendered=bool(data["rendered"]))

    return read_json(home.state / "settings.json", take, Settings())


def save_settings(home: Home, settings: Settings) -> None:
    write_json(home.state / "settings.json", asdict(settings))


def is_free(home: Home) -> bool:
    """Whether no rehearsal is at work in this home: what is recorded as running was killed."""
    path = home.state / "lock"
    try:
        with path.open("rb") as one, path.open("rb") as other:
            if not lock(one.fileno(), shared=True):
                return False
            has_locks = not lock(other.fileno())
            noted = one.read().decode(errors="replace").strip() or "-"
            return has_locks or not Path("/proc", noted).exists()
    except FileNotFoundError:
        return True


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Keep every other rehearsal out of this home. Raises RehearsalError if one is there."""
    home.state.mkdir(parents=True, exist_ok=True)
    with (home.state / "lock").open("a+", encoding="utf-8") as file:
        while not lock(file.fileno()):
            if lock(file.fileno(), shared=True):
                continue  # someone only looked, see is_free
            file.seek(0)
            raise RehearsalError(
                f"Another rehearsal is running in {home.root} (process {file.read().strip()}).",
                advice="Wait until it ends, or use another directory: --home DIR.",
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
