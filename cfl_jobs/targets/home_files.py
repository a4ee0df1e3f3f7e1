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
# What a job's directory is called while it is deleted.
_DELETED = re.compile(r"\.cfl-jobs\.[a-z0-9]{8}\.deleted")
_PAUSE = 0.005
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_FORBIDDEN = PermissionDenied, "Is it a place you may read and write?"
_FULL = TargetError, "Make room there, then run it again."
_MEANINGS: dict[int | None, tuple[type[TargetError], str]] = {
    errno.ENOENT: (Missing, "Run it again, to see how it is now."),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _FORBIDDEN),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
}
_Stamp = tuple[int, int, int]
_UNKNOWN: _Stamp = (0, 0, 0)


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Raise, in place of an OSError, what it means at this path, and what to do."""
    try:
        yield
    except OSError as error:
        otherwise = TargetError, "Put that right, then run it again."
        kind, advice = _MEANINGS.get(error.errno, otherwise)
        raise kind(f"{path}: {error.strerror or error}", advice=advice) from error


def is_file(path: Path) -> bool:
    """Tell whether a file is there; one in a place that may not be read is an error."""
    with explaining(path):
        try:
            return stat.S_ISREG(path.stat().st_mode)
        except OSError as error:
            if error.errno in _ABSENT:
                return False
            raise


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


def write_text(path: Path, text: str, *, durable: bool) -> None:
    """Write beside the file, flush it to the disk, then rename it into place.

    The caller has locked the directory. A file that is a link stays one: what it points at is
    replaced. What is replaced hands on its mode, and its owner where that is allowed.
    """
    data = _encode(text)
    with explaining(path):
        place, old = _follow(path)
        # What runs that were killed left beside it; no other run writes there now.
        left = re.compile(rf"\.{re.escape(place.name)}\.[a-z0-9_]{{8}}")
        for other in place.parent.iterdir():
            if left.fullmatch(other.name):
                with suppress(OSError):
                    other.unlink()
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
        place = Path(os.path.realpath(path, strict=True))
        return place, place.stat()
    except FileNotFoundError as error:
        if not path.is_symlink():
            return path, None
        raise TargetError(
            f"{path} is a link to {path.readlink()}, which isn't there",
            advice="Remove the link, or put the file there.",
        ) from error


def list_directory(path: Path) -> list[str]:
    """Return the names in a directory of jobs, sorted; none where it isn't there.

    Those that aren't UTF-8 are no names to Jenkins either, and those being deleted are gone.
    """
    with explaining(path):
        try:
            names = [entry.name for entry in path.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
    texts = (name for name in names if name.encode(errors="ignore").decode() == name)
    return sorted(name for name in texts if not _DELETED.fullmatch(name))


def make_directory(path: Path, *, durable: bool) -> None:
    """Make a directory and those above it, as far as they are not there."""
    with explaining(path):
        if path.is_dir():
            return
        try:
            path.mkdir(exist_ok=True)  # another run may make it right now
        except FileNotFoundError:
            make_directory(path.parent, durable=durable)
            path.mkdir(exist_ok=True)
        if durable:
            sync_directory(path.parent)


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

    @contextmanager
    def taking(self, jobs: Path, name: str) -> Iterator[list[str]]:
        """Yield the names there that are this one but for upper and lower case, sorted.

        The caller puts this one there, and no other thread takes one meanwhile.
        """
        with self._lock:
            before, names = self._list(jobs)
            equal = names.get(name.lower(), set())
            yield sorted(equal)
            names[name.lower()] = {*equal, name}
            # What changes with the names: the directory's time alone is too coarse. Most file
            # systems count its directories in its links, others in its size.
            after = _stamp(jobs)
            is_alone = after[1] - before[1] <= 1  # no other run put one there too
            self._known[jobs] = (after if is_alone else _UNKNOWN, names)

    def sweep(self, jobs: Path) -> None:
        """Remove, once, what runs that were killed left there of jobs they deleted."""
        with self._lock:
            if jobs not in self._known:
                self._list(jobs)

    def _list(self, jobs: Path) -> tuple[_Stamp, dict[str, set[str]]]:
        if jobs not in self._known:
            _remove_deleted(jobs)
        now = _stamp(jobs)
        if now == _UNKNOWN or self._known.get(jobs, (_UNKNOWN,))[0] != now:
            names: dict[str, set[str]] = {}
            for name in list_directory(jobs):
                names.setdefault(name.lower(), set()).add(name)
            self._known[jobs] = (now, names)
        return self._known[jobs]


def _stamp(path: Path) -> _Stamp:
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_nlink, found.st_size
    return _UNKNOWN


def _remove_deleted(jobs: Path) -> None:
    with suppress(OSError):
        for place in jobs.iterdir():
            if _DELETED.fullmatch(place.name):
                with suppress(OSError, TargetError), locked(place, timeout=0):
                    _remove_tree(place)


def _remove_tree(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)
    elif path.exists():
        import shutil

        shutil.rmtree(path)


@contextmanager
def locked(directory: Path, *, timeout: float) -> Iterator[None]:
    """Keep other threads and other runs from changing what is in a directory.

    Waits `timeout` seconds for them. The lock is one of the directory itself (flock), so it
    leaves nothing there, needs no right to write, and goes with the process that has it.
    """
    end = time.monotonic() + timeout
    while True:
        with explaining(directory):
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with explaining(directory):
                is_ours = lock_directory(handle, directory)
            if is_ours:
                yield
                return
        finally:
            os.close(handle)
        if time.monotonic() >= end:
            raise TargetError(
                f"{directory} is being changed by another run",
                advice="Wait until that is done, then run it again.",
            )
        time.sleep(_PAUSE)


def lock_directory(handle: int, directory: Path) -> bool:
    """Lock a directory; False where another has it locked, or renamed or deleted it."""
    with suppress(FileNotFoundError):
        return lock(handle) and os.path.samestat(os.fstat(handle), directory.stat())
    return False
