"""Needs → the files beside jobs/ in a directory, written where they are ours or not there yet."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cfl_jobs.bootstrap.image import (
    SIGN,
    write_compose,
    write_dockerfile,
    write_dockerignore,
    write_secrets_example,
)
from cfl_jobs.bootstrap.jenkins_yaml import write_jenkins_yaml
from cfl_jobs.bootstrap.plugins_txt import write_plugins
from cfl_jobs.bootstrap.secrets import list_credentials
from cfl_jobs.bootstrap.server_plugins import PluginLine, list_plugins
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import CflJobsError, TargetError
from cfl_jobs.reading.secrets import CredentialKind

LOCK = "plugins.lock.txt"


def plugins_of(needs: Needs) -> tuple[PluginLine, ...]:
    """Return the plugins to install for the jobs and for what jenkins.yaml sets up."""
    kinds = {credential.kind for credential in list_credentials(needs)}
    return list_plugins(needs, with_ssh=CredentialKind.SSH_KEY in kinds)


def make_files(needs: Needs, *, lock: str | None, has_lock: bool) -> dict[str, str]:
    """Return all files by name. `lock` is the text of a new lock; one may be there already."""
    files = {
        "plugins.txt": write_plugins(plugins_of(needs)),
        "jenkins.yaml": write_jenkins_yaml(needs),
        "Dockerfile": write_dockerfile(needs, has_lock=has_lock or lock is not None),
        ".dockerignore": write_dockerignore(),
        "compose.yaml": write_compose(needs),
        "secrets.env.example": write_secrets_example(needs),
    }
    return files if lock is None else {**files, LOCK: lock}


def check_ours(directory: Path, names: Mapping[str, str]) -> None:
    """Raise CflJobsError where a file is somebody's own, before any is written."""
    strange = [name for name in names if _read(directory / name) and not _is_ours(directory / name)]
    if strange:
        raise CflJobsError(
            f"{', '.join(strange)} in {directory} {'is' if len(strange) == 1 else 'are'} not "
            "written by cfl-jobs, so nothing was written",
            advice="Move it away, or name another directory.",
        )


def write_files(directory: Path, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Write each file whole; yield its name and "written" or "as it was"."""
    for name, text in files.items():
        path = directory / name
        if _read(path) == text:
            yield name, "as it was"
            continue
        _write(path, text)
        yield name, "written"


def _is_ours(path: Path) -> bool:
    return SIGN.rstrip("`") in _read(path).partition("\n")[0]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        return "not text"
    except OSError as error:
        raise _wrap(path, error) from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
                os.fchmod(stream.fileno(), 0o644)
            Path(made).replace(path)
        finally:
            Path(made).unlink(missing_ok=True)
    except OSError as error:
        raise _wrap(path, error) from error


def _wrap(path: Path, error: OSError) -> TargetError:
    return TargetError(f"{path}: {error.strerror}", advice="Is it a directory you may write?")
