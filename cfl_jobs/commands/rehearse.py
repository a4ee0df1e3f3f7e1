"""`cfl-jobs rehearse`: runs the chain on this machine, without Jenkins, and shows what happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cfl_jobs.commands import DIRECTORY, INPUT, Count, Verbs, check_there, find_project
from cfl_jobs.commands.completion import JOB_ALONE

if TYPE_CHECKING:
    from cfl_jobs.rehearsal.records import Builds
    from cfl_jobs.rehearsal.session import Ask, Options

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SECRETS = "Credentials, as lines NAME=value: SITE_KEY for the id site-key."
_EXECUTORS = "How many builds run at a time (2, as on a new Jenkins)."
_REPO = "Your clone of a repository; it is only read."
_HOME = "Where jobs and builds are kept (default build/rehearsal)."


def _options(command: _Command) -> _Command:
    """Give a command the options that all of rehearse's commands share."""
    for option in (
        click.option("--secrets", type=INPUT, metavar="FILE", help=_SECRETS),
        click.option("--executors", type=Count(min=1), metavar="N", help=_EXECUTORS),
        click.option("--repo", "repositories", multiple=True, metavar="NAME=PATH", help=_REPO),
        click.option("--home", type=DIRECTORY, metavar="DIR", help=_HOME),
    ):
        command = option(command)
    return command


def _read_options(
    home: Path | None, repositories: tuple[str, ...], executors: int | None, secrets: Path | None
) -> Options:
    """Return what was given, before the subcommand or after it."""
    from cfl_jobs.rehearsal.reports import DEFAULT_HOME
    from cfl_jobs.rehearsal.session import Options

    base = click.get_current_context().find_object(Options)
    if base is None:
        root = find_project()
        base = Options(root, root / DEFAULT_HOME)
    paths = {name: Path(path) for name, path in _read_pairs(repositories, "--repo", "NAME=PATH")}
    for path in paths.values():
        check_there(path, "--repo")
    return Options(
        base.root,
        home or base.home,
        {**base.repositories, **paths},
        executors or base.executors,
        secrets or base.secrets,
    )


def _read_pairs(texts: Iterable[str], option: str, form: str) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not (value or option == "-p"):
            raise click.BadParameter(f"{text!r} is not {form}", param_hint=option)
        yield name, value


@click.group(cls=Verbs, invoke_without_command=True)
@_options
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:
    """Run the jobs on real repositories on this machine, without Jenkins, and keep their builds.

    Alone it makes three small sample repositories (or takes yours, with --repo), starts the first
    distribution and runs the chain to Deploy to Dev; once there is one, it plays a push to each
    repository. The other commands go on from there, step by step.
    """
    context.obj = options = _read_options(**given)
    if context.invoked_subcommand is not None:
        return 0
    from cfl_jobs.rehearsal.directory import Home
    from cfl_jobs.rehearsal.reports import summarize
    from cfl_jobs.rehearsal.session import rehearse_chain

    code = _run(options, rehearse_chain)
    if code == 0:
        click.echo("\n".join(summarize(Home(options.home))))
    return code


@command.command(short_help="Play a push to repositories.")
@click.argument("names", nargs=-1, required=True, metavar="REPOSITORY...")
@click.option("--branch", metavar="B", help="The branch (default: the one that jobs build).")
@click.option("--commit", is_flag=True, help="Commit what you changed in the sample's first.")
@_options
def push(names: tuple[str, ...], branch: str | None, commit: bool, **given: Any) -> int:
    """Tell the jobs of these repositories that their branch was pushed to, and run what starts.

    What is not committed isn't pushed.
    """
    from cfl_jobs.rehearsal.session import push

    ask = partial(push, names=names, branch=branch, commit=commit)
    return _run(_read_options(**given), ask)


@command.command(short_help="Start a job, as Build with Parameters does.")
@click.argument("job", type=JOB_ALONE)
@click.option(
    "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter; repeat it."
)
@_options
def build(job: str, parameters: tuple[str, ...], **given: Any) -> int:
    """Start JOB by hand and run what follows; for a build selector a plain number will do."""
    from cfl_jobs.rehearsal.session import build

    values = dict(_read_pairs(parameters, "-p", "NAME=VALUE"))
    return _run(_read_options(**given), partial(build, job=job, values=values), job)


@command.command(short_help="Go on with what was interrupted.")
@_options
def resume(**given: Any) -> int:
    """Repeat builds that were aborted, and run what an interrupted rehearsal left in the queue.

    It says first which; `rehearse status` only says it.
    """
    from cfl_jobs.rehearsal.session import resume

    return _run(_read_options(**given), resume)


@command.command(short_help="Show jobs, their newest builds and the queue.")
@_options
def status(**given: Any) -> int:
    from cfl_jobs.rehearsal.reports import COLOURS, list_status
    from cfl_jobs.terminal.text import show

    builds, code = _look_at("", **given)
    show("\n".join(list_status(builds)), COLOURS)
    return code


@command.command(short_help="Show a build's log, the newest without a number.")
@click.argument("job", type=JOB_ALONE)
@click.argument("number", type=Count(min=1), required=False)
@_options
def log(job: str, number: int | None, **given: Any) -> int:
    from cfl_jobs.rehearsal.reports import find_build, read_log

    builds, code = _look_at(job, **given)
    click.echo(read_log(builds.home, find_build(builds, job, number)), nl=False)
    return code


@command.command(short_help="List a build's artifacts, the newest's without a number.")
@click.argument("job", type=JOB_ALONE)
@click.argument("number", type=Count(min=1), required=False)
@_options
def artifacts(job: str, number: int | None, **given: Any) -> int:
    from cfl_jobs.rehearsal.reports import find_build, list_build_artifacts

    builds, code = _look_at(job, **given)
    found = list_build_artifacts(builds.home, find_build(builds, job, number))
    click.echo("\n".join(found))
    return code


def _look_at(job: str, **given: Any) -> tuple[Builds, int]:
    """Return the builds, of one job or of all, and the exit code: 1 where a record is damaged."""
    from cfl_jobs.rehearsal.reports import DEFAULT_HOME
    from cfl_jobs.rehearsal.session import look_at

    options = _read_options(**given)
    if options.home != options.root / DEFAULT_HOME:
        check_there(options.home, "--home")
    builds = look_at(options.home, job)
    for error in builds.damaged:
        click.echo(str(error), err=True)
    return builds, int(bool(builds.damaged))


def _run(options: Options, ask: Ask, job: str = "") -> int:
    from cfl_jobs.rehearsal.session import rehearse

    outcome = rehearse(options, ask, stream=sys.stdout, tell=click.echo, job=job)
    return int(not outcome.succeeded)
