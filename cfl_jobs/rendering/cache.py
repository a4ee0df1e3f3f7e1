"""A project's files → its rendered jobs, kept from an earlier time if all that made them is equal.

Kept are only projects without a mistake, in $XDG_CACHE_HOME/cfl-jobs/rendered, for the
user alone, under a digest of every file in jobs/ and templates/ and of the program itself.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import cfl_jobs
from cfl_jobs.configs.config import Config
from cfl_jobs.files import kept_file, load_kept, save_kept
from cfl_jobs.reading.names import select_names

_KEPT = 20  # projects, or states of one


def render_cached(root: Path, *, only: Sequence[str] = ()) -> tuple[Config, ...]:
    """Render a project as render.render does, or take what is kept of it."""
    whole, *part = _places_for(root, only)
    kept = _load(whole) or (_load(part[0]) if part else None)
    if kept is None:
        # jenkins-job-builder is most of the start-up time, so it is imported only here.
        from cfl_jobs.rendering.render import render

        rendered = render(root, only=only)
        place = part[0] if part else whole
        save_kept(place, [each.to_json() for each in rendered], most=_KEPT)
        return rendered
    chosen = frozenset(select_names([each.name for each in kept], only))
    return tuple(each for each in kept if each.name in chosen)


def _places_for(root: Path, only: Sequence[str]) -> list[Path | None]:
    """Return the files for all that is rendered and, where names are given, for those alone.

    None where that can't be told by the project's bytes.
    """
    digest = hashlib.sha256()
    try:
        for name, data in (*_program(), *_inputs(root)):
            digest.update(f"{len(name)} {name} {len(data)} ".encode(errors="surrogatepass"))
            digest.update(data)
    except OSError:  # a file that can't be read, or a link
        return [None]
    found: list[Path | None] = []
    for patterns in dict.fromkeys(((), tuple(only))):
        digest.update(json.dumps(patterns).encode())
        found.append(kept_file("rendered", digest.hexdigest()))
    return found


@cache
def _program() -> tuple[tuple[str, bytes], ...]:
    """Return what tells this program and what is installed beside it from others."""
    versions = {path.name for folder in sys.path for path in Path(folder).glob("*.*-info")}
    found = [("python", sys.version.encode()), ("installed", "\n".join(sorted(versions)).encode())]
    for path in sorted(Path(cfl_jobs.__file__).parent.rglob("*.py")):
        state = path.stat()
        found.append((str(path), f"{state.st_size} {state.st_mtime_ns}".encode()))
    return tuple(found)


def _inputs(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of a project's files. Raises OSError at a link."""
    for directory in ("jobs", "templates"):
        for path in sorted((root / directory).rglob("*")):
            if path.is_symlink():
                raise OSError("where it leads to is for render to judge")
            if path.is_file():
                yield path.relative_to(root).as_posix(), path.read_bytes()


def _load(place: Path | None) -> tuple[Config, ...] | None:
    try:
        return tuple(Config.from_json(each) for each in load_kept(place))
    except (ValueError, KeyError, TypeError):
        return None
