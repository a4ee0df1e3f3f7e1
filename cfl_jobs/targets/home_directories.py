"""Directories of a directory target: listed, made, deleted whole or not at all, and locked."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import threading
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
_Stamp = tuple[int, int, int]
_UNKNOWN: _Stamp = (0, 0, 0)


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


def make_directory(path: Path, *, durable: bool) -> bool:
    """Make a directory and those above it, as far as they are not there; tells if it wasn't."""
    try:
        if path.is_dir():
            return False
        try:
            path.mkdir()
        except FileExistsError:
            if path.is_dir():  # another run made it right now
                return False
            raise
        except FileNotFoundError:
            make_directory(path.parent, durable=durable)
            path.mkdir(exist_ok=True)
        if durable:
            sync_directory(path.parent)
    except OSError as error:
        raise explain(error, path) from error
    return True


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


class JobNames:
    """The names in directories of jobs: each is listed once, and again where others changed it.

    Without that, writing n jobs would list n names n times. Any number of threads may use it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[_Stamp, dict[str, set[str]]]] = {}

    def find_equal(self, jobs: Path, name: str) -> tuple[str, ...]:
        """Return the names there that are this one but for upper and lower case, sorted."""
        with self._lock:
            return tuple(sorted(self._list(jobs).get(name.lower(), ())))

    @contextmanager
    def adding(self, jobs: Path, name: str) -> Iterator[None]:
        """Follow a name that the caller puts there meanwhile."""
        with self._lock:
            names = self._list(jobs)
            before, _ = self._known[jobs]
            yield
            after = _stamp(jobs)
            names.setdefault(name.lower(), set()).add(name)
            if after[1] - before[1] > 1:  # another run put one there too
                after = _UNKNOWN
            self._known[jobs] = (after, names)

    def sweep(self, jobs: Path) -> None:
        """Remove, once, what runs that were killed left there of jobs they deleted."""
        with self._lock:
            if jobs not in self._known:
                self._list(jobs)

    def _list(self, jobs: Path) -> dict[str, set[str]]:
        if jobs not in self._known:
            _remove_deleted(jobs)
        now = _stamp(jobs)
        stamp, names = self._known.get(jobs, (_UNKNOWN, {}))
        if stamp != now or stamp == _UNKNOWN:
            names = {}
            for name in list_directory(jobs):
                names.setdefault(name.lower(), set()).add(name)
            self._known[jobs] = (now, names)
        return names


def _stamp(path: Path) -> _Stamp:
    """Return what changes with the names in a directory: its time alone is too coarse.

    Most file systems count a directory's directories in its links, others in its size.
    """
    try:
        found = path.stat()
    except OSError:
        return _UNKNOWN
    return found.st_mtime_ns, found.st_nlink, found.st_size


def _remove_deleted(jobs: Path) -> None:
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
