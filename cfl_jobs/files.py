"""Files of every stage: written whole or not at all, on the disk when that counts, and locked.

All but `read_text` raise OSError; what that means to a user, each stage says. And what is kept by
its content, in $XDG_CACHE_HOME/cfl-jobs for the user alone: no matter whether that can be done.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from cfl_jobs.errors import CflJobsError

# What a network's file system says that has no locks, or no fsync, of directories or at all.
_CANT = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}

_Value = TypeVar("_Value")


def read_text(path: Path, *, advice: str) -> str:
    """Return a file's text, without a byte order mark. Raises CflJobsError that says why not.

    What it comes from may quote the file, so it is left out.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    raise CflJobsError(f"{path} can't be read: {reason}", advice=advice)


def write_whole(
    path: Path,
    text: str | bytes | Iterable[str],
    *,
    mode: int | None = None,
    like: os.stat_result | None = None,
    durable: bool = False,
) -> None:
    """Write beside the file (`.NAME.` and eight hexadecimal digits), then rename it into place.

    Whoever reads it sees the old text or the new, never half. `text` may come in pieces. The file
    has this mode, else that of the file that it is to be `like`, with its owner where that is
    allowed, else the umask says it. `durable`: it is on the disk before this returns.
    """
    if isinstance(text, str):
        text = text.encode()
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    # Until it has the right mode, only we may read it: it may hold secrets.
    first = 0o666 if mode is None and like is None else 0o600
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, first)
    try:
        with os.fdopen(handle, "wb") as stream:
            if isinstance(text, bytes):
                stream.write(text)
            else:
                stream.writelines(piece.encode() for piece in text)
            stream.flush()
            if mode is not None:
                os.fchmod(handle, mode)
            elif like is not None:
                _hand_on(handle, like)
            if durable:
                os.fsync(handle)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def write_named(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write to a file that someone named: whole or not at all, as write_whole does.

    A link stays one, and what isn't a plain file, such as a pipe or a device, is written into.
    """
    if not path.is_symlink() and (path.is_file() or not path.exists()):
        write_whole(path, text, mode=mode)
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode or 0o666)
    with os.fdopen(handle, "wb") as stream:
        if mode is not None and stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, mode)
        stream.write(text.encode())


def sync_directory(path: Path) -> None:
    """Have the names in a directory on the disk, where it may be read and can do that."""
    with suppress(PermissionError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _CANT:
                raise
        finally:
            os.close(handle)


def lock(handle: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Lock an open file or directory (flock) until it is closed; False where another has it.

    The lock goes with the process that has it. Where a file system has no locks, all have it.
    """
    kind = fcntl.LOCK_EX
    if shared:
        kind = fcntl.LOCK_SH
    if not wait:
        kind |= fcntl.LOCK_NB
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _CANT:
            raise
    return True


def _hand_on(handle: int, old: os.stat_result) -> None:
    """Give a new file the mode of the old one, and its owner and group as far as we may."""
    mode = stat.S_IMODE(old.st_mode)
    new = os.fstat(handle)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(handle, old.st_uid, old.st_gid)
        except OSError:
            try:
                os.fchown(handle, -1, old.st_gid)
            except OSError:  # another group gets no more than everyone has
                mode &= ~0o070 | (mode & 0o007) << 3
    os.fchmod(handle, mode)


def list_states(place: Path) -> Iterator[str]:
    """Yield each file below a directory, but what Python made, as describe_file does."""
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(names):
            yield describe_file(Path(folder, name))


def describe_file(path: Path | None) -> str:
    """Return what tells a file from another one, or from what it was before; "" for none."""
    if path is None:
        return ""
    state = path.stat()
    return f"{path} {state.st_size} {state.st_mtime_ns}"


def kept_file(kind: str, digest: str) -> Path | None:
    """Return where something is kept by its content; None for a user without a home."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return base / "cfl-jobs" / kind / f"{digest}.json"


def load_kept(place: Path | None, read: Callable[[Any], _Value]) -> tuple[_Value, ...] | None:
    """Return the values that are kept there, as `read` makes them of JSON.

    None where nothing is kept, or nothing that `read` can take.
    """
    if place is None:
        return None
    try:
        with place.open(encoding="utf-8") as lines:
            many = json.loads(next(lines))
            values = tuple(read(json.loads(line)) for line in lines)
    except (OSError, StopIteration, ValueError, KeyError, TypeError, RecursionError):
        return None
    if len(values) == many:
        return values
    return None


def save_kept(
    place: Path | None, values: Sequence[_Value], write: Callable[[_Value], Any], *, most: int
) -> None:
    """Keep values as JSON, where that can be done, and let go of the oldest but `most` of the kind.

    A line each, so that never more than one is in memory; the first line tells how many there are.
    """
    if place is None:
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = (f"{json.dumps(write(value))}\n" for value in values)
        write_whole(place, chain([f"{len(values)}\n"], lines), mode=0o600)
        kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kept[:-most]:
            old.unlink(missing_ok=True)
    except (OSError, ValueError):
        return
