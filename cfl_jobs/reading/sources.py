"""The project's text files, read once, and findings that quote their lines."""

from __future__ import annotations

from pathlib import Path

from cfl_jobs.errors import Finding, Origin, Position


class Sources:
    """Reads files below the project's root; paths are relative to it, with "/"."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    def read(self, file: str) -> str:
        """Return a file's text, without a byte order mark. Raises OSError, or ValueError with
        a sentence where it is not UTF-8, no plain file, or a link or ".." leads out of the
        first directory on its path: a pull request could else show what is in other files of
        the machine that renders it, .git/config with its token among them."""
        if file not in self._texts:
            try:
                path = (self.root / file).resolve()
            except RuntimeError as error:  # until Python 3.12
                raise ValueError("it is a link to itself; put the file itself here") from error
            top = file.split("/")[0]
            if not path.is_relative_to(self.root.resolve() / top):
                raise ValueError(f"it leads out of the project's {top}/; put the file itself here")
            if path.exists() and not path.is_file() and not path.is_dir():
                raise ValueError("it is no plain file")
            data = path.read_bytes()
            try:
                self._texts[file] = data.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                line = data.count(b"\n", 0, error.start) + 1
                raise ValueError(f"line {line} is not UTF-8; save the file as UTF-8") from error
        return self._texts[file]

    def line(self, position: Position) -> str:
        """Return the text of a line, or "" where it isn't known."""
        lines = self._texts.get(position.file, "").split("\n")
        return lines[position.line - 1].rstrip("\r") if 0 < position.line <= len(lines) else ""

    def find(
        self,
        message: str,
        position: Position,
        *,
        origins: tuple[Origin, ...] = (),
        advice: str = "",
    ) -> Finding:
        """Return a finding that quotes its line."""
        return Finding(message, position, self.line(position), origins, advice)
