"""A secrets file → values for credentials, and logs without them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from cfl_jobs.configs.steps.wrappers import BoundCredential
from cfl_jobs.errors import RehearsalError
from cfl_jobs.reading.secrets import KINDS, CredentialKind, name_of, names_of, read_secrets

MASK = b"****"


def read_credentials(path: Path, bindings: Iterable[BoundCredential]) -> dict[str, str]:
    """Return what a secrets file gives of these credentials, by id.

    A user name and a password are "user:password". Raises CflJobsError, DefinitionError.
    """
    given = {name_of(name): value for name, value in read_secrets(path).items()}
    found: dict[str, str] = {}
    for binding in bindings:
        kind = KINDS.get(binding.kind, CredentialKind.STRING)
        values = [given.get(name, "") for name in names_of(binding.credentials_id, kind)]
        if all(values):
            value = ":".join(values)
            is_file = kind is CredentialKind.FILE
            found[binding.credentials_id] = _read_file(path.parent / value) if is_file else value
    return found


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RehearsalError(f"The secret file {path} can't be read: {reason}.") from error


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
