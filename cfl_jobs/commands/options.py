"""Options that several verbs have; those that name a target, and the target they choose."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import click

from cfl_jobs.commands import DIRECTORY, INPUT, THERE, Count, check_there, find_project
from cfl_jobs.commands.completion import JOB, RULE, Named
from cfl_jobs.errors import CflJobsError, PlanError
from cfl_jobs.target import Target, check_url, full_label, is_server, option_of

# A kind of target: what its option takes and says, and the function that opens it, which is given
# that and the file with credentials. It is imported only where it is chosen.
_KINDS: Mapping[str, tuple[click.ParamType[str], str, str, str]] = {
    "home": (
        click.Path(file_okay=False),
        "DIR",
        "A directory laid out as JENKINS_HOME, instead of a server.",
        "cfl_jobs.targets.home.open_home",
    ),
    "url": (
        click.STRING,
        "URL",
        "The server, instead of the settings' one.",
        "cfl_jobs.targets.server.open_server",
    ),
}
_OF_SETTINGS = "url"
_Verb: TypeAlias = Callable[..., int]


def flag(says: str, *names: str) -> Callable[[_Verb], _Verb]:
    return click.option(*names, is_flag=True, help=says)


def layout_option(layouts: Iterable[str], note: str = "") -> Callable[[_Verb], _Verb]:
    choice, says = click.Choice(list(layouts)), f"How to write it; {note}".rstrip("; ")
    return click.option(
        "--format", "layout", type=choice, default="text", show_default=True, help=says
    )


JOBS = click.argument("jobs", type=JOB, nargs=-1, metavar="[JOB]...")
ADOPT = flag("Take over jobs of our names that aren't ours yet.", "--adopt")
PRUNE = flag("Delete jobs of ours that are no longer defined.", "--prune")
VERBOSE = flag("Show Jenkins' own changes too.", "-v", "--verbose")
YES = flag("Don't ask (deletions are confirmed separately).", "-y", "--yes")
DETAILED = flag("Exit with 2 where there are changes.", "--detailed-exitcode")
_LET = "Let errors of this rule through; repeatable."
DESPITE = click.option("--despite", type=RULE, multiple=True, help=_LET)
_COUNT = "Don't ask, if just N jobs and views would be deleted."
DELETE_COUNT = click.option("--delete-count", type=Count(min=0), metavar="N", help=_COUNT)
_KEPT = "Where runs and replaced configs are kept, if not below ~/.local/state/cfl-jobs."
BACKUP = click.option("--backup-dir", "backup", type=DIRECTORY, metavar="DIR", help=_KEPT)
BACKUP_THERE = click.option("--backup-dir", "backup", type=THERE, metavar="DIR", help=_KEPT)
_INI = "A jenkins_jobs.ini that holds the credentials."
_CONF = click.option("--conf", type=INPUT, metavar="FILE", help=_INI)


@dataclass(frozen=True, slots=True)
class ChosenTarget:
    """What the options say: what was named, by kind of target, and a file with credentials."""

    named: Mapping[str, str]
    conf: Path | None = None

    @property
    def home(self) -> Path | None:
        return Path(self.named["home"]) if "home" in self.named else None

    def without(self, kind: str) -> ChosenTarget:
        """Return what the options say of the other kinds."""
        return replace(self, named={k: v for k, v in self.named.items() if k != kind})

    def open(self, root: Path) -> Target:
        """Return the target, else the settings' server. Raises CflJobsError, DefinitionError."""
        if len(self.named) > 1:
            options = " and ".join(f"--{kind}" for kind in self.named)
            raise click.UsageError(f"{options} don't go together; name one of them.")
        named = self.named or {_OF_SETTINGS: server_of(root)}
        ((kind, value),) = named.items()
        module, _, function = _KINDS[kind][-1].rpartition(".")
        target: Target = getattr(import_module(module), function)(value, conf=self.conf)
        return target

    def open_kept(self, label: str) -> Target:
        """Return the target that was named, else the one that a kept plan has this label of.

        The user's token goes to no server but one that they, or their settings, name. Raises
        PlanError.
        """
        if not self.named and is_server(label) and not is_settings_server(find_project(), label):
            raise PlanError(
                f"the plan is for {label}, which isn't the settings' server",
                advice=f"If you mean that one, add --url {shlex.quote(label)}.",
            )
        kind = option_of(label).lstrip("-")
        return replace(self, named=self.named or {kind: label}).open(Path())


def target_options(*kinds: str, is_there: bool = False) -> Callable[[_Verb], _Verb]:
    """Let a command take these kinds of targets, and a file with credentials, as one `target`.

    `is_there`: a directory must be.
    """

    def decorate(command: _Verb) -> _Verb:
        @wraps(command)
        def run(*, conf: Path | None, **given: Any) -> int:
            named = {kind: value for kind in kinds if (value := given.pop(kind)) is not None}
            if is_there and "home" in named:
                check_there(Path(named["home"]), "--home")
            try:
                if "url" in named:
                    check_url(named["url"])
            except CflJobsError as error:
                message = f"{error.message}. {error.advice}"
                raise click.BadParameter(message, param_hint="--url") from error
            return command(target=ChosenTarget(named, conf), **given)

        decorated = _CONF(run)
        for kind in reversed(kinds):
            takes, metavar, says, _ = _KINDS[kind]
            decorated = click.option(f"--{kind}", type=takes, metavar=metavar, help=says)(decorated)
        return decorated

    return decorate


def is_settings_server(root: Path, label: str) -> bool:
    """Tell whether that is what is chosen here where no target is named."""
    try:
        return check_url(server_of(root)) == label
    except CflJobsError:  # no project, or none that names a server
        return False


def server_of(root: Path) -> str:
    from cfl_jobs.reading.definitions import load_definitions  # yaml is slow to import

    server = load_definitions(root).settings.get("server")
    if not isinstance(server, str):
        raise CflJobsError(
            "no target: jobs/settings.yaml names no `server`",
            advice="Name a server with --url or a directory with --home.",
        )
    return str(server)


def _list_runs(context: click.Context) -> Iterable[str]:
    """Those against the target that the options before name, the newest first."""
    from cfl_jobs.planning.journal import list_runs, state_directory

    given = context.params
    target = given.get("home") or check_url(given.get("url") or server_of(find_project()))
    label = full_label(target)
    place = given.get("backup") or state_directory(os.environ, label)
    return (run.name for run in list_runs(Path(place), label))


RUN = click.argument("run", type=Named("run", _list_runs), required=False, default="")
