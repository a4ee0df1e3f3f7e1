"""Directories of a directory target: listed, made, deleted whole or not at all, and locked."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cfl_jobs.errors import TargetError
from cfl_jobs.targets.home_files import explain, sync_directory

# What a job's directory is called while it is deleted.
_DELETED = re.compile(r"\.cfl-jobs\.[a-z0-9]{8}\.deleted")
# A network's file system may have no locks for directories.
_WITHOUT_LOCKS = {errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}
_PAUSE = 0.005


def list_directory(path: Path) -> list[str]:
    """Return the names in a directory of jobs, sorted; none where it isn't there.

    Those that aren't UTF-8 are no names to Jenkins either, and those being deleted are gone.
    """
    try:
        names = [entry.name for entry in path.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise explain(error, path) from error
    return sorted(name for name in names if _is_text(name) and not _DELETED.fullmatch(name))


def make_directory(path: Path, *, durable: bool) -> None:
    """Make a directory and those above it, as far as they are not there."""
    try:
        if path.is_dir():
            return
        make_directory(path.parent, durable=durable)
        path.mkdir(exist_ok=True)
        if durable:
            sync_directory(path.parent)
    except OSError as error:
        raise explain(error, path) from error


def rename_directory(old: Path, new: Path, *, durable: bool) -> None:
    try:
        old.rename(new)
        if durable:
            for parent in {old.parent, new.parent}:
                sync_directory(parent)
    except OSError as error:
        raise explain(error, new) from error


def delete_directory(path: Path, *, durable: bool) -> None:
    """Delete a job's directory; of a link to one, only the link.

    The caller has locked it. One step counts: it gets a name that is no job's. What a run that was
    killed leaves of it, the next one that makes or deletes a job there removes.
    """
    aside = path.with_name(f".cfl-jobs.{secrets.token_hex(4)}.deleted")
    try:
        path.rename(aside)
        try:
            # Without a config.xml Jenkins takes it for no job, whatever its name is.
            (aside if aside.is_symlink() else aside / "config.xml").unlink()
        except OSError:
            aside.rename(path)
            raise
        if durable:
            sync_directory(path.parent)
    except OSError as error:
        raise explain(error, path) from error
    try:
        _remove_tree(aside)
    except OSError as error:
        raise TargetError(
            f"{path} is no job any more, but not all of it could be deleted: {error.strerror}",
            advice=f"Remove what is left, {aside}.",
        ) from error


def remove_deleted(jobs: Path) -> None:
    """Remove what runs that were killed left of jobs they deleted."""
    with suppress(OSError):
        for place in jobs.iterdir():
            if _DELETED.fullmatch(place.name):
                with suppress(OSError, TargetError), locked(place, patience=0):
                    _remove_tree(place)


@contextmanager
def locked(directory: Path, *, patience: float) -> Iterator[None]:
    """Keep other threads and other runs from changing what is in a directory.

    Waits `patience` seconds for them. The lock is one of the directory itself (flock), so it
    leaves nothing there, needs no right to write, and goes with the process that has it.
    """
    handle = _open_locked(directory, patience)
    try:
        yield
    finally:
        os.close(handle)


def _open_locked(directory: Path, patience: float) -> int:
    end = time.monotonic() + patience
    while True:
        try:
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise explain(error, directory) from error
        if _is_locked(handle, directory):
            return handle
        os.close(handle)
        if time.monotonic() >= end:
            raise TargetError(
                f"{directory} is being changed by another run",
                advice="Wait until that is done, then run it again.",
            )
        time.sleep(_PAUSE)


def _is_locked(handle: int, directory: Path) -> bool:
    """Lock a directory; False where another has it locked, or renamed or deleted it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            os.close(handle)
            raise explain(error, directory) from error
    try:
        return os.path.samestat(os.fstat(handle), directory.stat())
    except FileNotFoundError:
        return False


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _remove_tree(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path)
