"""Configs and jobs ↔ files and directories of a directory target: written whole, and locked."""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cfl_jobs.errors import ConfigError, Missing, PermissionDenied, TargetError
from cfl_jobs.files import lock, sync_directory, write_whole

_ENCODING = re.compile(r"""\A\ufeff?\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
# What is written beside a file before it takes its place; a run that was killed leaves it there.
_TEMPORARY = re.compile(r"[a-z0-9_]{8}")
# What a job's directory is called while it is deleted.
_DELETED = re.compile(r"\.cfl-jobs\.[a-z0-9]{8}\.deleted")
_PAUSE = 0.005
_Stamp = tuple[int, int, int]
_UNKNOWN: _Stamp = (0, 0, 0)


def explain(error: OSError, path: Path) -> TargetError:
    """Return the error that says what went wrong, at which place, and what to do."""
    message = f"{path}: {error.strerror or error}"
    if error.errno == errno.ENOENT:
        return Missing(message, advice="Run it again, to see how it is now.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PermissionDenied(message, advice="Is it a place you may read and write?")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TargetError(message, advice="Make room there, then run it again.")
    return TargetError(message, advice="Put that right, then run it again.")


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Raise, in place of an OSError, what it means at this path."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def is_file(path: Path) -> bool:
    """Tell whether a file is there; one in a place that may not be read is an error."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            return False
        raise explain(error, path) from error


def read_text(path: Path) -> str:
    """Return the text of a config, as it is, in the encoding that it says it has.

    Raises TargetError where it is in another one, Missing, PermissionDenied.
    """
    with explaining(path):
        data = path.read_bytes()
    said = _ENCODING.findall(data[:200].decode("utf-8", "ignore"))
    encoding = next(iter(said), "UTF-8")
    advice = "Save it as UTF-8, and let its first line say so."
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise TargetError(f"{path} is not {encoding} text", advice=advice) from error
    except LookupError as error:
        raise TargetError(f"{path} is in an unknown encoding, {encoding}", advice=advice) from error


def write_text(path: Path, text: str, *, durable: bool, is_alone: bool = False) -> None:
    """Write beside the file, flush it to the disk, then rename it into place.

    The caller has locked the directory. A file that is a link stays one: what it points at is
    replaced. What is replaced hands on its mode, and its owner where that is allowed. `is_alone`:
    the directory was made for it, so nothing is there yet.
    """
    data = _encode(text)
    place, old = path, None
    with explaining(path):
        if not is_alone:
            place, old = _follow(path)
            _remove_stale(place)
        write_whole(place, data, like=old, durable=durable)


def _encode(text: str) -> bytes:
    """Encode as the text itself says; as UTF-8 where that has not all of its characters."""
    said = _ENCODING.match(text)
    if said:
        with suppress(UnicodeEncodeError, LookupError):
            return text.encode(said[1])
        text = f"{text[: said.start(1)]}UTF-8{text[said.end(1) :]}"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"U+{ord(text[error.start]):04X} can't be written: it is no character",
            advice="Take it out of the definition.",
        ) from error


def _follow(path: Path) -> tuple[Path, os.stat_result | None]:
    """Return where a link leads, and what is there: None for nothing."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return path, None
    if not stat.S_ISLNK(there.st_mode):
        return path, there
    try:
        place = Path(os.path.realpath(path, strict=True))
        return place, place.stat()
    except FileNotFoundError as error:
        raise TargetError(
            f"{path} is a link to {path.readlink()}, which isn't there",
            advice="Remove the link, or put the file there.",
        ) from error


def _remove_stale(place: Path) -> None:
    """Remove what runs that were killed left beside a file; no other run writes there now."""
    start = f".{place.name}."
    for other in place.parent.iterdir():
        name = other.name
        if name.startswith(start) and _TEMPORARY.fullmatch(name, len(start)):
            with suppress(OSError):
                other.unlink()


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
    texts = (name for name in names if name.encode(errors="ignore").decode() == name)
    return sorted(name for name in texts if not _DELETED.fullmatch(name))


def make_directory(path: Path, *, durable: bool) -> bool:
    """Make a directory and those above it, as far as they are not there; tells if it wasn't."""
    with explaining(path):
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
    return True


def rename_directory(old: Path, new: Path, *, durable: bool) -> None:
    with explaining(new):
        old.rename(new)
        if durable:
            for parent in {old.parent, new.parent}:
                sync_directory(parent)


def delete_directory(path: Path, *, durable: bool) -> None:
    """Delete a job's directory; of a link to one, only the link.

    The caller has locked it. One step counts: it gets a name that is no job's. What a run that was
    killed leaves of it, the next one that makes or deletes a job there removes.
    """
    aside = path.with_name(f".cfl-jobs.{os.urandom(4).hex()}.deleted")
    with explaining(path):
        path.rename(aside)
        try:
            # Without a config.xml Jenkins takes it for no job, whatever its name is.
            (aside if aside.is_symlink() else aside / "config.xml").unlink()
        except OSError:
            aside.rename(path)
            raise
        if durable:
            sync_directory(path.parent)
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
                with suppress(OSError, TargetError), locked(place, timeout=0):
                    _remove_tree(place)


@contextmanager
def locked(directory: Path, *, timeout: float) -> Iterator[None]:
    """Keep other threads and other runs from changing what is in a directory.

    Waits `timeout` seconds for them. The lock is one of the directory itself (flock), so it
    leaves nothing there, needs no right to write, and goes with the process that has it.
    """
    handle = _open_locked(directory, time.monotonic() + timeout)
    try:
        yield
    finally:
        os.close(handle)


def _open_locked(directory: Path, end: float) -> int:
    while True:
        with explaining(directory):
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
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
        return lock(handle) and os.path.samestat(os.fstat(handle), directory.stat())
    except FileNotFoundError:
        return False
    except OSError as error:
        os.close(handle)
        raise explain(error, directory) from error


def _remove_tree(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)
    elif path.exists():
        import shutil

        shutil.rmtree(path)
