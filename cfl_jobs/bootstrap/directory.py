"""Needs → the files beside jobs/ in a directory. People's own are kept; edits are backed up.

compose.yaml runs one controller, which alone is given secrets and runs no build, and its agents;
both are made of the controller's image (https://github.com/jenkinsci/docker): one tag to keep, the
same Java, git and user. What the jobs' scripts need beside that is in the agents' only. Keys of
jenkins.yaml: configuration-as-code-plugin (demos/, docs/features). plugins.txt: "Plugin Input
Format" of https://github.com/jenkinsci/plugin-installation-manager-tool.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import chain
from itertools import count as numbers
from pathlib import Path
from urllib.parse import urlsplit

import click
import jinja2

from cfl_jobs.bootstrap import contents
from cfl_jobs.bootstrap.contents import OVERRIDES, SETUP, Overrides, Secret, read_overrides
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import CflJobsError, TargetError, count, is_or_are, suggest
from cfl_jobs.files import write_whole
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.secrets import read_secrets
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import Target

LOCK = "plugins.lock.txt"
SECRETS_FILE = "secrets.env"
_COMPOSE_OVERRIDE = "compose.override.yaml"
_SIGN = "Written by `cfl-jobs bootstrap`"
_SIGNED = re.compile(re.escape(_SIGN.rstrip("`")) + r"[^`\n]*`(?: \(([0-9a-f]{12})\))?")
# In the order in which they are told; each is made of files/NAME.j2, or is files/NAME.
_FILES = (
    "plugins.txt", "jenkins.yaml", "Dockerfile", ".dockerignore", "compose.yaml",
    "secrets.env.example", "agent.sh", "agents.groovy", "backup.sh", "controller.sh", "restore.sh",
    f"{OVERRIDES}/README.md", _COMPOSE_OVERRIDE, LOCK,
)  # fmt: skip


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
    *,
    source: Target | None,
    require_secrets: bool,
    update: Callable[[], int],
) -> int:
    """Write the jobs, by `update`, and every file; returns the exit code.

    Exact versions of plugins are taken from the server `source`.
    """
    if secrets_file is None and (home / SECRETS_FILE).is_file():
        secrets_file = home / SECRETS_FILE
    values = read_secrets(secrets_file) if secrets_file else dict(os.environ)
    overrides = read_overrides(home)
    made = make_files(needs, overrides, source=source, has_lock=(home / LOCK).is_file())
    check_ours(home, made)
    if code := update():
        return code
    for name, became, kept in write_files(home, made):
        if became is Written.EDITED:
            _warn(f"{home / name}: {became.value} {kept}")
            _warn(f"  What it adds is kept each time if it stands in {OVERRIDES}/.")
        else:
            click.echo(f"{home / name}: {became.value}")
    locked = {line.partition(":")[0].strip() for line in _read(home / LOCK).splitlines()}
    needed = {line.name for line in contents.list_plugins(needs, overrides)}
    if len(locked) > 1 and (unlocked := sorted(needed - locked)):
        _warn(f"{home / LOCK} lacks {', '.join(unlocked)}, so they aren't installed.")
        _warn("  Take the versions again with --lock, or remove that file.")
    for job in contents.find_exposed(needs):
        told = f"{job} binds credentials and may run where every branch's builds run: they can read"
        _warn(f"{told} them there. Give its entry a node_label of its own.")
    secrets = contents.list_secrets(needs, overrides)
    is_complete = _tell_secrets(secrets, home, values, secrets_file)
    return int(require_secrets and not is_complete)


def _tell_secrets(
    secrets: tuple[Secret, ...], home: Path, values: Mapping[str, str], secrets_file: Path | None
) -> bool:
    """Say which secrets are missing and how to start; returns whether none is."""
    known = [secret.name for secret in secrets]
    for name in values if secrets_file else ():
        if name not in known:
            _warn(f"{secrets_file}: {name} is not needed. {suggest(name, known)}".rstrip())
    where, file = secrets_file or "the environment", secrets_file or home / SECRETS_FILE
    missing = list(contents.find_missing(secrets, values, home))
    if missing:
        what = f"{len(missing)} of {count(len(secrets), 'secret')} {is_or_are(missing)} missing"
        _warn(f"{what} in {where}:")
        for secret, why in missing:
            _warn(f"  {secret.name}: {why} ({secret.meaning})")
        example = f"{home / SECRETS_FILE}.example"
        _warn(f"  Everything is written; it starts when they are in {file}, as {example} tells.")
    else:
        click.echo(f"All {count(len(secrets), 'secret')} are in {where}.")
    given = ""
    if missing or secrets_file:
        given = f" --env-file {shlex.quote(os.path.relpath(file, home))}"
    start = f"cd {shlex.quote(str(home))} && docker compose{given} up --build --detach --wait"
    click.echo(f"Start it: {start}")
    return not missing


def _warn(line: str) -> None:
    click.echo(line, err=True)


def make_files(
    needs: Needs, overrides: Overrides, *, source: Target | None = None, has_lock: bool = False
) -> dict[str, str]:
    """Return all files by name; no secret is in them.

    What a snippet of overrides/ sets to another kind of thing is left to it. A lock is made of a
    server's plugins, or may be there already. Raises CflJobsError for credentials of an unknown
    kind, and where the version of Jenkins has no image.
    """
    image = image_of(needs)
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        loader=jinja2.PackageLoader("cfl_jobs.bootstrap", "files"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "ascii": ascii, "entry": _entry, "json": json.dumps, "label": _label, "quote": _quote,
        "reference": _reference,
    }  # fmt: skip
    values = {
        "contents": contents,
        "needs": needs,
        "overrides": overrides,
        "source": source,
        "installed": source and source.plugins(),
        "plugins": contents.list_plugins(needs, overrides),
        "agents": contents.list_agents(needs),
        "secrets": contents.list_secrets(needs, overrides),
        "credentials": contents.list_credentials(needs),
        "has_lock": has_lock or source,
        "image": image,
        "tag": image.partition(":")[2],
        "host": urlsplit(needs.server).hostname,
        "mail": next(iter(needs.mail.replace(",", " ").split()), ""),
        "has_package": re.fullmatch(r"python3(\.\d+)?", needs.python),
        "has_old_remoting": is_older(needs.inventory.jenkins, "2.326"),
        "sign": _SIGN,
        "change": "change jobs/ or overrides/ and run that again",
        "compose": f"docker compose --env-file {SECRETS_FILE}",
        "secrets_file": SECRETS_FILE,
        "inventory": INVENTORY,
        "setup": SETUP,
    }
    left_out = {LOCK: not source, _COMPOSE_OVERRIDE: not overrides.compose}
    made = {}
    for name in (name for name in _FILES if not left_out.get(name)):
        file = name.rpartition("/")[2].removeprefix(".")
        made[name] = environment.select_template([f"{file}.j2", file]).render(values)
    return made


def image_of(needs: Needs) -> str:
    """Return the image and its tag. Raises CflJobsError where the version isn't a long-term one."""
    version = needs.inventory.jenkins
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        what = f"({version}) is a weekly release" if version else "is not known"
        raise CflJobsError(
            f"the version of Jenkins {what}; the image is made of a long-term-support one",
            advice=f'Write `jenkins: "2.568.2"` or a later release into {INVENTORY}.',
        )
    # Jenkins 2.463 and later run on Java 21 as well as on 17; from 2.555 on they need it.
    java = "jdk17" if is_older(version, "2.463") else "jdk21"
    return f"jenkins/jenkins:{version}-lts-{java}"


def _entry(line: contents.PluginLine) -> str:
    """Return a plugin's lines of plugins.txt."""
    comments = "".join(f"# {reason}\n" for reason in line.reasons)
    if not line.version:
        comments += f"# {INVENTORY} has no version of it, so this is the newest\n"
    return f"\n{comments}{line.name}:{line.version}".rstrip(":") + "\n"


def _label(label: str) -> str:
    """Return a label as a node's list of labels, separated by blanks, has it."""
    return label if re.fullmatch(r"[^\s\"()&|!<>]+", label) else json.dumps(label)


def _quote(text: str) -> str:
    """Return a YAML scalar that Configuration as Code takes literally: `^` keeps `${` from it."""
    return json.dumps(text.replace("${", "^${"), ensure_ascii=False)


def _reference(name: str, function: str = "") -> str:
    """Return a secret, or what a function makes of its file."""
    file = function and f"{function}:/run/secrets/"
    return f'"${{{file}{name}}}"'


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
            f"{', '.join(strange)} in {directory} {is_or_are(strange)} not written by cfl-jobs, "
            "so nothing was written",
            advice=f"Move it away (what it adds may stand in {OVERRIDES}/), or name another "
            "directory.",
        )


def write_files(directory: Path, made: Mapping[str, str]) -> Iterator[tuple[str, Written, Path]]:
    """Write each file whole; yield its name, what became of it, and where an edited one is now."""
    for name, text in made.items():
        path = directory / name
        there, signed = _read(path), _sign(text)
        # What stands in overrides/ is people's own; an edited README.md is too.
        if there == signed or (name.startswith(OVERRIDES) and _is_edited(there)):
            yield name, Written.SAME, path
            continue
        kept, became = path, Written.NEW
        if _is_edited(there):
            kept, became = _free_name(path), Written.EDITED
            _write(kept, there)
        _write(path, signed)
        yield name, became, kept
    stale = directory / _COMPOSE_OVERRIDE
    if _COMPOSE_OVERRIDE not in made and _find_sign(there := _read(stale)):
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
    ends = chain([""], map(".{}".format, numbers(2)))
    kept = (path.with_name(f"{path.name}.edited{end}") for end in ends)
    return next(path for path in kept if not path.exists())


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
