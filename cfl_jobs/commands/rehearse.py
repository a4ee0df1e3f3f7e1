"""`cfl-jobs rehearse`: runs the chain on this machine, without Jenkins, and shows what happens."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cfl_jobs.commands.rehearsal_setup import Ready
    from cfl_jobs.rehearsal.directory import Builds, Home
    from cfl_jobs.rehearsal.engine import Engine, Outcome
    from cfl_jobs.rehearsal.records import BuildRecord

_DEFAULT_HOME = Path("build/rehearsal")
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """The options that all of rehearse's commands share."""

    home: Path = _DEFAULT_HOME
    repositories: Mapping[str, Path] = field(default_factory=dict)
    executors: int = 2
    secrets: Path | None = None


def _options(command: _Command) -> _Command:
    for option in (
        click.option(
            "--secrets",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Credentials, as lines NAME=value: SITE_KEY for the id site-key.",
        ),
        click.option(
            "--executors",
            type=click.IntRange(min=1),
            metavar="N",
            help="How many builds run at a time (2, as on a new Jenkins).",
        ),
        click.option(
            "--repo",
            "repositories",
            multiple=True,
            metavar="NAME=PATH",
            help="Your clone of a repository; it is only read.",
        ),
        click.option(
            "--home",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help=f"Where jobs and builds are kept (default {_DEFAULT_HOME}).",
        ),
    ):
        command = option(command)
    return command


def _read_options(
    home: Path | None,
    repositories: tuple[str, ...],
    executors: int | None,
    secrets: Path | None,
) -> Options:
    """Return what was given, before the subcommand or after it."""
    parent = click.get_current_context().parent
    outer = parent.obj if parent else None
    base = outer if isinstance(outer, Options) else Options()
    paths = dict(base.repositories)
    for text in repositories:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise click.BadParameter(f"{text!r} is not NAME=PATH", param_hint="--repo")
        paths[name] = Path(path)
    return Options(home or base.home, paths, executors or base.executors, secrets or base.secrets)


@click.group(invoke_without_command=True, short_help="Run the chain here, without Jenkins.")
@_options
@click.pass_context
def command(
    context: click.Context,
    home: Path | None,
    repositories: tuple[str, ...],
    executors: int | None,
    secrets: Path | None,
) -> int:
    """Run the jobs on real repositories on this machine, without Jenkins, and keep their builds.

    Alone it makes three small sample repositories (or takes yours, with --repo), plays a push to
    each and runs the chain to Deploy to Dev. The other commands go on from there, step by step.
    """
    options = _read_options(home, repositories, executors, secrets)
    context.obj = options
    if context.invoked_subcommand is not None:
        return 0
    return rehearse_chain(Path(), options)


@command.command(short_help="Play a push to repositories.")
@click.argument("names", nargs=-1, required=True, metavar="REPOSITORY...")
@click.option("--branch", metavar="B", help="The branch (default: the one that jobs build).")
@_options
def push(names: tuple[str, ...], branch: str | None, **given: Any) -> int:
    """Tell the jobs of these repositories that their branch was pushed to, and run what starts."""
    return push_repositories(Path(), _read_options(**given), names, branch)


@command.command(short_help="Start a job, as Build with Parameters does.")
@click.argument("job")
@click.option(
    "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter; repeat it."
)
@_options
def build(job: str, parameters: tuple[str, ...], **given: Any) -> int:
    """Start JOB by hand and run what follows; for a build selector a plain number will do."""
    values = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="-p")
        values[name] = value
    return build_job(Path(), _read_options(**given), job, values)


@command.command(short_help="Run what waits in the queue.")
@_options
def resume(**given: Any) -> int:
    """Go on with what an interrupted rehearsal left in the queue."""
    return resume_queue(Path(), _read_options(**given))


@command.command(short_help="Show jobs, their newest builds and the queue.")
@_options
def status(**given: Any) -> int:
    return show_status(_read_options(**given))


@command.command(short_help="Show a build's log, the newest without a number.")
@click.argument("job")
@click.argument("number", type=int, required=False)
@_options
def log(job: str, number: int | None, **given: Any) -> int:
    return show_log(_read_options(**given), job, number)


@command.command(short_help="List a build's artifacts, the newest's without a number.")
@click.argument("job")
@click.argument("number", type=int, required=False)
@_options
def artifacts(job: str, number: int | None, **given: Any) -> int:
    return show_artifacts(_read_options(**given), job, number)


def rehearse_chain(root: Path, options: Options) -> int:
    """Play a push to every repository and run the chain; returns the exit code."""
    from cfl_jobs.rehearsal.summary import summarize

    outcome = _run(root, options, lambda engine, ready: _push(engine, ready, None, None))
    if outcome.succeeded:
        _echo(summarize(_home(options)))
    return 0 if outcome.succeeded else 1


def push_repositories(
    root: Path, options: Options, names: tuple[str, ...], branch: str | None
) -> int:
    outcome = _run(root, options, lambda engine, ready: _push(engine, ready, names, branch))
    return 0 if outcome.succeeded else 1


def build_job(root: Path, options: Options, job: str, values: Mapping[str, str]) -> int:
    outcome = _run(root, options, lambda engine, ready: engine.build(job, values))
    return 0 if outcome.succeeded else 1


def resume_queue(root: Path, options: Options) -> int:
    def look(engine: Engine, ready: Ready) -> None:
        if not len(engine.queue):
            click.echo("Nothing waits in the queue.")

    return 0 if _run(root, options, look).succeeded else 1


def show_status(options: Options) -> int:
    from cfl_jobs.rehearsal.directory import Builds
    from cfl_jobs.rehearsal.queueing import Queue
    from cfl_jobs.rehearsal.reports import list_status

    home = _home(options, must_exist=True)
    builds = Builds(home, lenient=True)
    _echo(list_status(home, builds, Queue(home.state / "queue.json")))
    return _tell_damaged(builds)


def show_log(options: Options, job: str, number: int | None) -> int:
    from cfl_jobs.rehearsal.reports import read_log

    home = _home(options, must_exist=True)
    record, code = _find_build(home, job, number)
    click.echo(read_log(home, record), nl=False)
    return code


def show_artifacts(options: Options, job: str, number: int | None) -> int:
    from cfl_jobs.rehearsal.reports import list_build_artifacts

    home = _home(options, must_exist=True)
    record, code = _find_build(home, job, number)
    _echo(list_build_artifacts(home, record))
    return code


def _find_build(home: Home, job: str, number: int | None) -> tuple[BuildRecord, int]:
    """Return a build, and the exit code: 1 where others of its job can't be read."""
    from cfl_jobs.rehearsal.directory import Builds, require_job
    from cfl_jobs.rehearsal.reports import find_build

    require_job(dict(home.configs()), job)
    builds = Builds(home, lenient=True)
    builds.of(job)
    code = _tell_damaged(builds)
    return find_build(builds, job, number), code


def _tell_damaged(builds: Builds) -> int:
    """Tell which records of builds can't be read; returns the exit code."""
    for error in builds.damaged:
        click.echo(str(error), err=True)
    return 1 if builds.damaged else 0


def _home(options: Options, *, must_exist: bool = False) -> Home:
    from cfl_jobs.errors import RehearsalError
    from cfl_jobs.rehearsal.directory import Home

    home = Home(options.home)
    if must_exist and not (home.root / "jobs").is_dir():
        raise RehearsalError(
            f"There is no rehearsal in {options.home}.", advice="Start one: cfl-jobs rehearse"
        )
    return home


def _run(
    root: Path,
    options: Options,
    ask: Callable[[Engine, Ready], object],
) -> Outcome:
    """Open the home, ask for builds, run them while showing them, and tell of failures."""
    from cfl_jobs.errors import RehearsalError
    from cfl_jobs.rehearsal.reports import list_failures

    home = _home(options)
    try:
        outcome = _rehearse(root, options, home, ask)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = error.filename or home.root
        raise RehearsalError(
            f"{where}: {error.strerror or error}", advice="Put that right, then run it again."
        ) from error
    _echo(list_failures(home, outcome.builds))
    _echo(f"Not started: {problem}." for problem in outcome.not_started)
    return outcome


def _rehearse(
    root: Path, options: Options, home: Home, ask: Callable[[Engine, Ready], object]
) -> Outcome:
    from cfl_jobs.commands.rehearsal_setup import prepare
    from cfl_jobs.rehearsal.engine import Engine
    from cfl_jobs.rehearsal.settings import locked
    from cfl_jobs.rehearsal.view import showing

    with _stopping_on_signals(), locked(home):
        ready = prepare(root, home, options.repositories, options.secrets, tell=click.echo)
        with (
            showing(sys.stdout) as notify,
            Engine(
                home,
                ready.jobs,
                ready.repositories,
                executors=options.executors,
                secrets=ready.secrets,
                notify=notify,
                locate=ready.locate,
            ) as engine,
        ):
            ask(engine, ready)
            return engine.run()


def _push(engine: Engine, ready: Ready, names: tuple[str, ...] | None, branch: str | None) -> None:
    """Play a push to these repositories, or to all; without a branch to the one that jobs build."""
    from cfl_jobs.commands.rehearsal_setup import commit_to_sample
    from cfl_jobs.rehearsal.pushes import find_watched

    watched = find_watched(ready.jobs, ready.repositories)
    for given in watched if names is None else names:
        name = ready.repositories.require(given)
        pushed = watched.get(name, "master") if branch is None else branch
        commit_to_sample(engine.home, ready, name, pushed, tell=click.echo)
        for job, says in engine.push(name, pushed).items():
            click.echo(f"Push to {pushed} of {name}: {job} {says}.")


def _echo(lines: Any) -> None:
    for line in lines:
        click.echo(line)


class _stopping_on_signals:  # noqa: N801 - used as a function
    """While it is open, SIGTERM and SIGHUP end us as Ctrl-C does: with everything cleaned up."""

    def __enter__(self) -> None:
        def stop(number: int, frame: object) -> None:
            raise KeyboardInterrupt

        self._before = {
            number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)
        }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
