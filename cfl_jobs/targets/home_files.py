"""Config text ↔ files of a directory target: in the file's own encoding, whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from cfl_jobs.errors import ConfigError, Missing, PermissionDenied, TargetError

_ENCODING = re.compile(r"""\A\ufeff?\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
# What is written beside a file before it takes its place; a run that was killed leaves it there.
_TEMPORARY = re.compile(r"[a-z0-9_]{8}")


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
    try:
        data = path.read_bytes()
    except OSError as error:
        raise explain(error, path) from error
    said = _ENCODING.match(data[:200].decode("utf-8", "ignore"))
    encoding = said[1] if said else "UTF-8"
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
    temporary: Path | None = None
    try:
        place, old = path, None
        if not is_alone:
            place, old = _follow(path)
            _remove_stale(place)
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        # What is replaced may hold secrets: until it has the old one's mode, only we may read it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        handle = os.open(temporary, flags, 0o666 if old is None else 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if old is not None:
                _hand_on(handle, old)
            if durable:
                os.fsync(handle)
        temporary.replace(place)
        temporary = None
        if durable:
            sync_directory(place.parent)
    except OSError as error:
        raise explain(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on the disk."""
    with suppress(PermissionError):  # one may write to a directory and not read it
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
