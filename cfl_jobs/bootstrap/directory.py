"""Needs → the files beside jobs/ in a directory. People's own are kept; edits are backed up."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path

import click

from cfl_jobs.bootstrap.overrides import OVERRIDES, Overrides, read_overrides
from cfl_jobs.bootstrap.plugins import PluginLine, list_plugins, write_lock, write_plugins
from cfl_jobs.bootstrap.secrets import Secret, find_missing, find_unneeded, list_credentials
from cfl_jobs.bootstrap.texts import (
    SECRETS_FILE,
    SIGN,
    find_exposed,
    list_all_secrets,
    read_ours,
    write_texts,
)
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import CflJobsError, TargetError, count
from cfl_jobs.files import write_whole
from cfl_jobs.reading.secrets import CredentialKind, read_secrets
from cfl_jobs.target import Target

LOCK = "plugins.lock.txt"
_COMPOSE_OVERRIDE = "compose.override.yaml"
_AS_THEY_ARE = ("agent.sh", "agents.groovy", "backup.sh", "controller.sh", "restore.sh")
_SIGNED = re.compile(re.escape(SIGN.rstrip("`")) + r"[^`\n]*`(?: \(([0-9a-f]{12})\))?")


class Written(Enum):
    """What became of a file of ours."""

    NEW = "written"
    SAME = "as it was"
    EDITED = "written; it was edited, and that is kept in"
    REMOVED = "removed"


def write_home(
    needs: Needs,
    home: Path,
    secrets_file: Path | None,
    lock: str | None,
    *,
    require_secrets: bool,
    update: Callable[[], int],
) -> int:
    """Write the jobs, by `update`, and every file; returns the exit code."""
    if secrets_file is None and (home / SECRETS_FILE).is_file():
        secrets_file = home / SECRETS_FILE
    values = dict(os.environ) if secrets_file is None else read_secrets(secrets_file)
    overrides = read_overrides(home)
    files = make_files(needs, overrides, lock=lock, has_lock=(home / LOCK).is_file())
    check_ours(home, files)
    if code := update():
        return code
    for name, became, kept in write_files(home, files):
        if became is Written.EDITED:
            click.echo(f"{home / name}: {became.value} {kept}", err=True)
            click.echo(f"  What it adds is kept each time if it stands in {OVERRIDES}/.", err=True)
        else:
            click.echo(f"{home / name}: {became.value}")
    if unlocked := find_unlocked(home, needs, overrides):
        click.echo(
            f"{home / LOCK} lacks {', '.join(unlocked)}, so they aren't installed.", err=True
        )
        click.echo("  Take the versions again with --lock, or remove that file.", err=True)
    for job in find_exposed(needs):
        click.echo(
            f"{job} binds credentials and may run where every branch's builds run: they can read "
            "them there. Give its entry a node_label of its own.",
            err=True,
        )
    return _tell_secrets(
        list_all_secrets(needs, overrides), home, values, secrets_file, is_error=require_secrets
    )


def _tell_secrets(
    secrets: tuple[Secret, ...],
    home: Path,
    values: dict[str, str],
    secrets_file: Path | None,
    *,
    is_error: bool,
) -> int:
    """Say which secrets are missing and how to start; returns the exit code."""
    where = "the environment" if secrets_file is None else str(secrets_file)
    if secrets_file is not None:
        for line in find_unneeded(secrets, values):
            click.echo(f"{secrets_file}: {line}", err=True)
    missing = find_missing(secrets, values, home)
    file = secrets_file or home / SECRETS_FILE
    start = f"cd {shlex.quote(str(home))} && docker compose"
    if missing or secrets_file is not None:
        start += f" --env-file {shlex.quote(os.path.relpath(file, home))}"
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        what = f"{len(missing)} of {count(len(secrets), 'secret')} {verb} missing"
        click.echo(f"{what} in {where}:", err=True)
        for secret, why in missing:
            click.echo(f"  {secret.name}: {why} ({secret.meaning})", err=True)
        click.echo(
            f"  Everything is written; it starts when they are in {file}, as "
            f"{home / SECRETS_FILE}.example tells.",
            err=True,
        )
    else:
        click.echo(f"All {count(len(secrets), 'secret')} are in {where}.")
    click.echo(f"Start it: {start} up --build --detach --wait")
    return 1 if missing and is_error else 0


def read_lock(needs: Needs, home: Path, target: Target) -> str:
    """Return the text of a lock: the exact versions of a server's plugins."""
    installed = target.plugins()
    lines = plugins_of(needs, read_overrides(home))
    return write_lock(installed, lines, label=target.label, jenkins=target.version())


def plugins_of(needs: Needs, overrides: Overrides) -> tuple[PluginLine, ...]:
    """Return the plugins to install for the jobs, for what jenkins.yaml sets up, and people's."""
    kinds = {credential.kind for credential in list_credentials(needs)}
    lines = {
        line.name: line for line in list_plugins(needs, with_ssh=CredentialKind.SSH_KEY in kinds)
    }
    for line in overrides.plugins:
        before = lines.get(line.name, line)
        reasons = tuple(dict.fromkeys((*before.reasons, *line.reasons)))
        lines[line.name] = PluginLine(line.name, line.version or before.version, reasons)
    return tuple(lines[name] for name in sorted(lines))


def make_files(
    needs: Needs, overrides: Overrides, *, lock: str | None, has_lock: bool
) -> dict[str, str]:
    """Return all files by name. `lock` is the text of a new lock; one may be there already."""
    made = {
        "plugins.txt": write_plugins(plugins_of(needs, overrides)),
        **write_texts(needs, overrides, has_lock=has_lock or lock is not None),
        **{name: read_ours(name) for name in _AS_THEY_ARE},
        f"{OVERRIDES}/README.md": read_ours("overrides.md"),
    }
    if overrides.compose:
        made[_COMPOSE_OVERRIDE] = (
            f"# {_COMPOSE_OVERRIDE}: overrides/compose.yaml. {SIGN}; to change it, change that.\n"
            + overrides.compose
        )
    return made if lock is None else {**made, LOCK: lock}


def check_ours(directory: Path, names: Mapping[str, str]) -> None:
    """Raise CflJobsError where a file is somebody's own, before any is written."""
    strange = [
        name
        for name in names
        if not name.startswith(OVERRIDES) and (there := _read(directory / name))
        if not _find_sign(there)
    ]
    if strange:
        raise CflJobsError(
            f"{', '.join(strange)} in {directory} {'is' if len(strange) == 1 else 'are'} not "
            "written by cfl-jobs, so nothing was written",
            advice=f"Move it away (what it adds may stand in {OVERRIDES}/), or name another "
            "directory.",
        )


def find_unlocked(directory: Path, needs: Needs, overrides: Overrides) -> tuple[str, ...]:
    """Return the plugins that are needed by now, and that plugins.lock.txt doesn't have."""
    locked = {line.partition(":")[0].strip() for line in _read(directory / LOCK).splitlines()}
    names = (line.name for line in plugins_of(needs, overrides))
    return tuple(name for name in names if len(locked) > 1 and name not in locked)


def write_files(directory: Path, files: Mapping[str, str]) -> Iterator[tuple[str, Written, Path]]:
    """Write each file whole; yield its name, what became of it, and where an edited one is now."""
    for name, text in files.items():
        path = directory / name
        there, signed = _read(path), _sign(text)
        # What stands in overrides/ is people's own; an edited README.md is too.
        if there == signed or (name.startswith(OVERRIDES) and _is_edited(there)):
            yield name, Written.SAME, path
            continue
        kept = path
        if _is_edited(there):
            kept = _free_name(path)
            _write(kept, there)
        _write(path, signed)
        yield name, Written.NEW if kept == path else Written.EDITED, kept
    stale = directory / _COMPOSE_OVERRIDE
    if _COMPOSE_OVERRIDE not in files and _find_sign(there := _read(stale)):
        if _is_edited(there):
            stale.rename(_free_name(stale))
        stale.unlink(missing_ok=True)
        yield _COMPOSE_OVERRIDE, Written.REMOVED, stale


def _find_sign(text: str) -> re.Match[str] | None:
    """Return our sign with the digest in it; it stands in a file's first lines."""
    return _SIGNED.search("\n".join(text.split("\n", 3)[:3]))


def _sign(text: str) -> str:
    """Put the digest of a text into its sign, by which an edit is known later."""
    found = _SIGNED.search(text)
    if found is None:
        raise ValueError("a file of ours has no sign")
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{text[: found.end()]} ({digest}){text[found.end() :]}"


def _is_edited(text: str) -> bool:
    """Tell whether a text isn't what we wrote, or was written when we kept no digest."""
    found = _find_sign(text)
    if found is None or found[1] is None:
        return bool(text)
    return _sign(text[: found.start(1) - 2] + text[found.end() :]) != text


def _free_name(path: Path) -> Path:
    """Return the first of NAME.edited, NAME.edited.2, ... that is free."""
    number, kept = 1, path.with_name(f"{path.name}.edited")
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.edited.{number}")
    return kept


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        return "not text"
    except OSError as error:
        raise _wrap(path, error) from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text, mode=0o644)
    except OSError as error:
        raise _wrap(path, error) from error


def _wrap(path: Path, error: OSError) -> TargetError:
    return TargetError(f"{path}: {error.strerror}", advice="Is it a directory you may write?")
