"""A secrets file (NAME=value lines) → values for credentials, and logs without them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from cfl_jobs.errors import RehearsalError

MASK = b"****"


def read_secrets(path: Path) -> dict[str, str]:
    """Read NAME=value lines, where NAME is a credential's id; blank lines and # lines are skipped.

    Errors name the line, never what is in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RehearsalError(
            f"The secrets file {path} can't be read: {reason}.",
            advice="Give another with --secrets FILE.",
        ) from error
    secrets = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise RehearsalError(
                f"{path}:{number}: this line is not NAME=value.",
                advice="NAME is the credential's id on the server; lines with # are comments.",
            )
        secrets[name.strip()] = value
    return secrets


class Masker:
    """Replaces secrets in a log's bytes by ****, a whole line at a time."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for value in values:
            # "user:password" is one credential; the password alone is a secret too.
            for part in {value, value.partition(":")[2], *value.splitlines()}:
                # `sh -x` shows an argument with blanks or quotes in its quoted form.
                forms |= {part, shlex.quote(part), part.replace("'", "'\\''")}
        self._forms = sorted((form.encode() for form in forms if form), key=len, reverse=True)
        self._pending = b""

    def add(self, data: bytes) -> bytes:
        """Return what may be written now; an unfinished line is held back."""
        if not self._forms:
            return data
        lines, newline, self._pending = (self._pending + data).rpartition(b"\n")
        return self.mask(lines + newline)

    def end(self) -> bytes:
        """Return what was held back."""
        data, self._pending = self._pending, b""
        return self.mask(data)

    def mask(self, data: bytes) -> bytes:
        for form in self._forms:
            data = data.replace(form, MASK)
        return data


def mask_text(text: str, values: Mapping[str, str]) -> str:
    """Return the text without any of the values."""
    return Masker(values.values()).mask(text.encode()).decode()
