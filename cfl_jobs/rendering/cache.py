"""A project's files → its rendered jobs, kept from an earlier time if all that made them is equal.

Kept are only projects without a mistake, in $XDG_CACHE_HOME/cfl-jobs/rendered, for the
user alone, under a digest of every file in jobs/ and templates/ and of the program itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cfl_jobs
from cfl_jobs.files import kept_file, list_states, load_kept, save_kept
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.reading.names import select_names

if TYPE_CHECKING:
    from cfl_jobs.configs.config import Config

_KEPT = 20  # projects, or states of one


class Rendering(NamedTuple):
    """What a project defines. `project` is its digest as it was then, "" where that isn't known."""

    configs: tuple[Config, ...]
    project: str = ""


def render_cached(root: Path, *, only: Sequence[str] = ()) -> tuple[Config, ...]:
    """Render a project as render.render does, or take what is kept of it."""
    return render_whole(root, only).configs


def select_configs(configs: Sequence[Config], only: Sequence[str]) -> tuple[Config, ...]:
    """Return those that names or globs ask for; () is all."""
    chosen = frozenset(select_names([each.name for each in configs], only))
    return tuple(each for each in configs if each.name in chosen)


def render_whole(root: Path, only: Sequence[str] = ()) -> Rendering:
    """Do the same, and tell of what."""
    from cfl_jobs.configs.config import Config  # the digest of a project is told without

    project = digest_project(root)
    whole, part = (_place_of(project, names) for names in ((), only))
    kept = load_kept(whole, Config.from_json) or load_kept(part, Config.from_json)
    if kept is None:
        # jenkins-job-builder is most of the start-up time, so it is imported only here.
        from cfl_jobs.rendering.render import render

        rendered = render(root, only=only)
        if project != digest_project(root):  # somebody saved a file meanwhile
            return Rendering(rendered)
        save_kept(part, rendered, Config.to_json, most=_KEPT)
        return Rendering(rendered, project)
    return Rendering(select_configs(kept, only), project)


def _place_of(project: str, only: Sequence[str]) -> Path | None:
    digest = sha256(f"{project} {json.dumps(tuple(only))}".encode())
    return kept_file("rendered", digest.hexdigest()) if project else None


def digest_project(root: Path) -> str:
    """Return a digest of a project's files and of this program, which say what is rendered.

    "" where that can't be told: a file that can't be read, a link, or a program that is installed
    anew at this moment.
    """
    try:
        digest = sha256(_program())
        for name, data in _inputs(root):
            digest.update(f"{len(name)} {name} {len(data)} ".encode(errors="surrogatepass"))
            digest.update(data)
    except OSError:
        return ""
    return digest.hexdigest()


@cache
def _program() -> bytes:
    """Return what tells this program and what is installed beside it from others."""
    installed = {path.name for folder in sys.path for path in Path(folder).glob("*-info")}
    files = list_states(Path(cfl_jobs.__file__).parent)
    return "\n".join([sys.version, *sorted(installed), *files]).encode(errors="surrogatepass")


def _inputs(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of a project's files. Raises OSError at a link."""
    for directory in (JOBS, TEMPLATES):
        for path in sorted((root / directory).rglob("*")):
            if path.is_symlink():
                raise OSError("where it leads to is for render to judge")
            if path.is_file():
                yield path.relative_to(root).as_posix(), path.read_bytes()
