"""Options that name a target, for all verbs that have one, and the target they choose."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfl_jobs.commands import DIRECTORY, INPUT, Count, check_there, find_project

if TYPE_CHECKING:
    from cfl_jobs.target import Target

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
        from cfl_jobs.errors import PlanError
        from cfl_jobs.target import is_server, option_of

        if not self.named and is_server(label) and not is_settings_server(find_project(), label):
            raise PlanError(
                f"the plan is for {label}, which isn't the settings' server",
                advice=f"If you mean that one, add --url {shlex.quote(label)}.",
            )
        kind = option_of(label).lstrip("-")
        return replace(self, named=self.named or {kind: label}).open(Path())


def target_options(
    *kinds: str, reads: Sequence[str] = ()
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Let a command take these kinds of targets, and a file with credentials, as one `target`.

    `reads` are the parameters that name a directory which must be there.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def run(*, conf: Path | None, **given: Any) -> int:
            for parameter in reads:
                if given[parameter] is not None:
                    check_there(Path(given[parameter]), f"--{parameter.replace('_', '-')}")
            named = {kind: value for kind in kinds if (value := given.pop(kind)) is not None}
            if "url" in named:
                _check_usage(named["url"])
            return command(target=ChosenTarget(named, conf), **given)

        options = [
            click.option(f"--{kind}", type=takes, metavar=metavar, help=says)
            for kind, (takes, metavar, says, _) in _KINDS.items()
            if kind in kinds
        ]
        conf = click.option(
            "--conf",
            type=INPUT,
            metavar="FILE",
            help="A jenkins_jobs.ini that holds the credentials.",
        )
        decorated = run
        for option in (conf, *reversed(options)):
            decorated = option(decorated)
        return decorated

    return decorate


def consent_options(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command that changes a target be told beforehand what it would ask."""
    yes = "Don't ask (deletions are confirmed separately)."
    count = "Don't ask, if just N jobs and views would be deleted."
    backup = "Where runs and replaced configs are kept, if not below ~/.local/state/cfl-jobs."
    for option in (
        click.option("--backup-dir", type=DIRECTORY, metavar="DIR", help=backup),
        click.option("--delete-count", type=Count(min=0), metavar="N", help=count),
        click.option("-y", "--yes", is_flag=True, help=yes),
    ):
        command = option(command)
    return command


def _check_usage(url: str) -> None:
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.reading.server_url import check_url

    try:
        check_url(url)
    except CflJobsError as error:
        raise click.BadParameter(f"{error.message}. {error.advice}", param_hint="--url") from error


def is_settings_server(root: Path, label: str) -> bool:
    """Tell whether that is what is chosen here where no target is named."""
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.reading.server_url import check_url

    try:
        return check_url(server_of(root)) == label
    except CflJobsError:  # no project, or none that names a server
        return False


def server_of(root: Path) -> str:
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.reading.definitions import load_definitions

    server = load_definitions(root).settings.get("server")
    if not isinstance(server, str):
        raise CflJobsError(
            "no target: jobs/settings.yaml names no `server`",
            advice="Name a server with --url or a directory with --home.",
        )
    return str(server)
