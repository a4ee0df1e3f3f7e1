"""What a rehearsal remembers from one command to the next, and the lock around each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cfl_jobs.errors import RehearsalError
from cfl_jobs.files import lock
from cfl_jobs.rehearsal.directory import Home, read_as_written, read_json, write_text


@dataclass(frozen=True, slots=True)
class Settings:
    """`repositories`: name → clone. `secrets` is the file, never what is in it.

    `rendered`: the jobs here are kept as the definitions are.
    """

    repositories: Mapping[str, Path] = field(default_factory=dict)
    secrets: Path | None = None
    rendered: bool = False


def load_settings(home: Home) -> Settings:
    path = home.state / "settings.json"
    if not path.is_file():
        return Settings()
    data = read_json(path)
    with read_as_written(path):
        repositories = {name: Path(place) for name, place in data["repositories"].items()}
        secrets = Path(data["secrets"]) if data.get("secrets") else None
        return Settings(repositories, secrets=secrets, rendered=bool(data["rendered"]))


def save_settings(home: Home, settings: Settings) -> None:
    data = {
        "repositories": {name: str(place) for name, place in settings.repositories.items()},
        "secrets": str(settings.secrets) if settings.secrets else None,
        "rendered": settings.rendered,
    }
    write_text(home.state / "settings.json", json.dumps(data, indent=2) + "\n")


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Keep every other rehearsal out of this home. Raises RehearsalError if one is there."""
    home.state.mkdir(parents=True, exist_ok=True)
    path = home.state / "lock"
    with path.open("a+", encoding="utf-8") as file:
        if not lock(file.fileno()):
            file.seek(0)
            raise RehearsalError(
                f"Another rehearsal is running in {home.root} (process {file.read().strip()}).",
                advice="Wait until it ends, or use another directory: --home DIR.",
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
