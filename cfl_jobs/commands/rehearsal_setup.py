"""Options + definitions → a home that is ready to rehearse: jobs, repositories, secrets."""

from __future__ import annotations

import json
import secrets as random_source
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cfl_jobs.commands.fill_home import count_differences, fill_home, locate_in
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.wrappers import BoundCredential
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.directory import Builds, Home, read_json, write_text
from cfl_jobs.rehearsal.masking import read_credentials
from cfl_jobs.rehearsal.pushes import find_watching
from cfl_jobs.rehearsal.refusals import Locate
from cfl_jobs.rehearsal.reports import show_path
from cfl_jobs.rehearsal.repositories import Repositories
from cfl_jobs.rehearsal.settings import load_settings, save_settings


@dataclass(frozen=True, slots=True)
class Ready:
    """What an engine needs. `sample` are the names of repositories that are ours to change."""

    jobs: dict[str, Job]
    repositories: Repositories
    secrets: Mapping[str, str]
    sample: frozenset[str]
    locate: Locate


def prepare(
    root: Path,
    home: Home,
    given: Mapping[str, Path],
    secrets: Path | None,
    *,
    tell: Callable[[str], None],
) -> Ready:
    """Fill the home with jobs if that is left to us, and find repositories and secrets.

    Repositories and a secrets file that were given once are remembered. With no repository at all
    the sample's are made.
    """
    settings = load_settings(home)
    if settings.rendered or not any(True for _ in home.configs()):
        _fill(root, home, tell)
        settings = replace(settings, rendered=True)
        save_settings(home, settings)
    elif different := count_differences(root, home):
        where = shlex.quote(show_path(home.root))
        tell(f"Note: {different} jobs and views here are not as jobs/ says; what is here is run.")
        tell(f"  To bring them up to date: cfl-jobs update --home {where}")
    jobs = home.read_jobs()
    known = {**settings.repositories, **{name: path.resolve() for name, path in given.items()}}
    if not known:
        known = _make_sample(home, tell)
    secrets = secrets.resolve() if secrets else settings.secrets
    ours = {name for name, path in known.items() if path.is_relative_to(home.repositories)}
    bindings = [binding for job in jobs.values() for binding in job.bindings]
    values = read_credentials(secrets, bindings) if secrets else {}
    if ours == set(known):
        values = {**_make_up_secrets(home, bindings, tell), **values}
    repositories = Repositories(home, known)
    # Only what could be read is remembered: a slip of the pen must not break every later run.
    save_settings(home, replace(settings, repositories=known, secrets=secrets))
    return Ready(jobs, repositories, values, frozenset(ours), locate_in(root))


def commit_to_sample(
    home: Home, ready: Ready, name: str, branch: str, *, tell: Callable[[str], None]
) -> None:
    """Give a repository of the sample something to push, where its newest commit was built.

    People's own clones are never touched.
    """
    if name not in ready.sample:
        return
    head = ready.repositories.read_head(str(ready.repositories.paths[name]), branch)
    builds = Builds(home)
    built = {
        record.revision.commit
        for job in find_watching(ready.jobs, name)
        for record in builds.of(job.name)
        if record.revision
    }
    if head in built:
        ready.repositories.commit_nothing(name, branch, "A change to rehearse with")
        tell(f"Made a commit to push, on {branch} of the sample's {name}.")


def _fill(root: Path, home: Home, tell: Callable[[str], None]) -> None:
    if not (root / "jobs").is_dir():
        raise RehearsalError(
            f"There are no jobs in {home.root}, and no definitions here.",
            advice="Run it where jobs/ and templates/ are, or fill DIR: cfl-jobs update --home DIR",
        )
    changed = fill_home(root, home)
    if changed:
        tell(f"Rendered jobs/ into {show_path(home.root)}: {changed} jobs and views.")


def _make_sample(home: Home, tell: Callable[[str], None]) -> dict[str, Path]:
    from cfl_jobs.sample import make_repositories

    home.repositories.mkdir(parents=True, exist_ok=True)
    paths = make_repositories(home.repositories)
    tell(f"Made the sample's repositories in {show_path(home.repositories)}.")
    return {path.name: path for path in paths}


def _make_up_secrets(
    home: Home, bindings: Iterable[BoundCredential], tell: Callable[[str], None]
) -> dict[str, str]:
    """Return made-up values for all credentials: the sample site needs some, any will do."""
    path = home.state / "secrets.json"
    values: dict[str, str] = read_json(path) if path.is_file() else {}
    missing = {binding.credentials_id for binding in bindings} - set(values)
    if missing:
        values |= {name: f"made-up:{random_source.token_hex(12)}" for name in sorted(missing)}
        write_text(path, json.dumps(values, indent=2) + "\n")
        path.chmod(0o600)
        tell(f"Made up values for {len(missing)} credentials, for the sample site only.")
    return values
