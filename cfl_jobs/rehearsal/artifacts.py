"""Files → archives, archives → workspaces; which files Ant patterns select."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from cfl_jobs.rehearsal.directory import Home


def copy_file(source: Path, target: Path) -> None:
    """Copy one file with its mode and time; a symbolic link stays one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    if source.is_symlink():
        target.symlink_to(source.readlink())
    else:
        shutil.copy2(source, target)


def list_artifacts(home: Home, job: str, number: int) -> Mapping[str, Path]:
    """Return a build's artifacts, name → file."""
    archive = home.archive(job, number)
    return {name: archive / name for name in find_files(archive, "**", default_excludes=False)}


# org.apache.tools.ant.DirectoryScanner.DEFAULTEXCLUDES
DEFAULT_EXCLUDES = (
    "**/*~,**/#*#,**/.#*,**/%*%,**/._*,**/CVS,**/CVS/**,**/.cvsignore,**/SCCS,**/SCCS/**,"
    "**/vssver.scc,**/.svn,**/.svn/**,**/.DS_Store,**/.git,**/.git/**,**/.gitattributes,"
    "**/.gitignore,**/.gitmodules,**/.hg,**/.hg/**,**/.hgignore,**/.hgsub,**/.hgsubstate,"
    "**/.hgtags,**/.bzr,**/.bzr/**,**/.bzrignore"
)


def find_files(
    directory: Path,
    includes: str,
    excludes: str = "",
    *,
    default_excludes: bool = True,
    case_sensitive: bool = True,
    follow_symlinks: bool = True,
) -> tuple[str, ...]:
    """Return the selected files, relative with "/", sorted.

    `includes` and `excludes` are comma separated. Without `follow_symlinks` every symbolic link,
    to a file or to a directory, is passed over, as Ant's scanner does.
    """
    wanted = _compile(includes, case_sensitive=case_sensitive)
    unwanted = _compile(excludes, case_sensitive=case_sensitive)
    if default_excludes:
        unwanted += _compile(DEFAULT_EXCLUDES, case_sensitive=case_sensitive)
    return tuple(
        sorted(
            name
            for name in _walk(directory, "", follow_symlinks=follow_symlinks)
            if any(pattern.fullmatch(name) for pattern in wanted)
            and not any(pattern.fullmatch(name) for pattern in unwanted)
        )
    )


def _walk(directory: Path, prefix: str, *, follow_symlinks: bool) -> Iterator[str]:
    # Ant gives up on a link that leads back to itself; so does a depth no real tree has.
    if prefix.count("/") > 200 or not directory.is_dir():
        return
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink() and not follow_symlinks:
                continue
            if entry.is_dir():
                inner = f"{prefix}{entry.name}/"
                if not (entry.is_symlink() and _leads_back(Path(entry.path))):
                    yield from _walk(Path(entry.path), inner, follow_symlinks=follow_symlinks)
            else:
                yield f"{prefix}{entry.name}"


def _leads_back(link: Path) -> bool:
    target = link.resolve()
    return target == link.parent.resolve() or target in link.parent.resolve().parents


def _compile(patterns: str, *, case_sensitive: bool) -> tuple[re.Pattern[str], ...]:
    names = (name.strip() for name in patterns.split(","))
    return tuple(_compile_one(name, case_sensitive) for name in names if name)


@lru_cache(maxsize=512)
def _compile_one(pattern: str, case_sensitive: bool) -> re.Pattern[str]:
    pattern = pattern.replace("\\", "/")
    if pattern.endswith("/"):
        pattern += "**"
    parts = re.sub(r"/+", "/", pattern).split("/")
    text = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            # "**" at the end takes everything below; elsewhere any number of directories.
            text += ".*" if last else "(?:[^/]+/)*"
        else:
            text += _segment(part)
            if not last:
                # "a/**" also selects "a" itself.
                tail_is_any = all(rest == "**" for rest in parts[index + 1 :])
                if tail_is_any:
                    return re.compile(text + "(?:/.*)?", _flags(case_sensitive))
                text += "/"
    return re.compile(text, _flags(case_sensitive))


def _flags(case_sensitive: bool) -> re.RegexFlag:
    return re.DOTALL if case_sensitive else re.DOTALL | re.IGNORECASE


def _segment(part: str) -> str:
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(character, re.escape(character)) for character in part)
