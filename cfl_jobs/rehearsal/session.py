"""Definitions, clones, secrets → a rehearsal: a home filled, builds asked for, run and shown."""

from __future__ import annotations

import secrets as random_source
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from threading import Event
from typing import TextIO, TypeAlias

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.step import BoundCredential
from cfl_jobs.errors import CflJobsError, PlanError, RehearsalError, count, some, suggest
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.basis import PlanRequest, look
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.plan import Status
from cfl_jobs.rehearsal import directory, reports
from cfl_jobs.rehearsal.engine import Engine, LoopResult
from cfl_jobs.rehearsal.environment import (
    GivenCredential,
    Repositories,
    find_submodules,
    read_credentials,
    repository_name,
)
from cfl_jobs.rehearsal.records import Builds, find_aborted
from cfl_jobs.rehearsal.reports import own_command, show_path, showing
from cfl_jobs.rehearsal.triggering import find_watched, find_watching
from cfl_jobs.rendering.cache import render_cached
from cfl_jobs.sample import REPOSITORIES, make_repositories
from cfl_jobs.target import Kind, name_command
from cfl_jobs.targets.home import HomeTarget

Tell: TypeAlias = Callable[[str], None]
# Asks for builds; returns the repositories that were pushed.
Ask: TypeAlias = Callable[[Engine, Tell], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Options:
    """`root` has the definitions; `repositories` are clones by name; `secrets` is a file."""

    root: Path
    home: Path
    repositories: Mapping[str, Path] = field(default_factory=dict)
    executors: int = 2
    secrets: Path | None = None


def fill(root: Path, home: directory.Home, begin: Callable[[], None] = lambda: None) -> int:
    """Bring the jobs in `home` to what the definitions in `root` say; returns how many changed.

    Jobs that are no longer defined go, with their builds. The run's journal is kept in the home
    too, not in the user's own directories. `begin` is called before the first is written.
    Raises CflJobsError if one can't be written, KeyboardInterrupt after those in hand.
    """
    target = HomeTarget(home.root)
    plan = look(root, target, PlanRequest(prune=True)).plan()
    begin()
    if not plan.changes:
        return 0
    journal = Journal(home.state / "runs", target=target.label, verb="rehearse")
    stop = Event()
    result = apply_plan(plan, target, journal, stop=stop)
    if stop.is_set():
        raise KeyboardInterrupt
    for done in result.outcomes:
        if done.status in (Status.FAILED, Status.NOT_DONE):
            raise PlanError(f"{done.change.name} could not be written: {done.message}")
    return len(result.outcomes)


def _locate(root: Path) -> Callable[[str, str], str]:
    """Return what says which line made an element of a job, if there are definitions."""

    @cache
    def places() -> dict[str, Callable[[str], object]]:
        try:
            return {job.name: job.place_of for job in render_cached(root)}
        except CflJobsError:
            return {}

    def locate(job: str, path: str) -> str:
        if job in places():
            return f"{path}, from {places()[job](path)}"
        return path

    return locate


def rehearse(
    options: Options, ask: Ask, *, stream: TextIO, tell: Tell, job: str = ""
) -> LoopResult:
    """Open the home, ask for builds, run them while showing them, and tell of failures.

    `job` is the one that is asked for: nothing is made where there is no such job.
    """
    home = directory.Home(options.home)
    go_on = f"Go on with: {own_command(home)} resume"
    try:
        with directory.locked(home):
            jobs, repositories, secrets = prepare(options, home, tell, job)
            with (
                showing(stream, home) as notify,
                Engine(
                    home,
                    jobs,
                    repositories,
                    executors=options.executors,
                    secrets=secrets,
                    notify=notify,
                    locate=_locate(options.root),
                ) as engine,
            ):
                _name_uncommitted(engine, ask(engine, tell), tell)
                outcome = engine.run()
            unfinished = list(reports.list_unfinished(engine.builds))
    except KeyboardInterrupt:
        with suppress(CflJobsError, OSError):  # damaged, or not readable: the next run says so
            if any(reports.list_unfinished(Builds(home, lenient=True, idle=True))):
                tell(go_on)
        raise
    except BrokenPipeError:
        raise
    except OSError as error:
        where = error.filename or home.root
        raise RehearsalError(
            f"{where}: {error.strerror or error}", advice="Put that right, then run it again."
        ) from error
    for line in reports.list_failures(home, outcome.builds):
        tell(line)
    for problem in outcome.not_started:
        tell(f"Not started: {problem}.")
    if unfinished and not outcome.deadlock:
        tell("\n".join([*unfinished, go_on]))
    return outcome


def rehearse_chain(engine: Engine, tell: Tell) -> Iterable[str]:
    """Start the first distribution by the job that publishes all; later play a push to each.

    On an empty chain each push by itself would want what the others publish. So that job is started
    by which a person starts all that a push starts; it must ask for one thing only, the branch,
    which is the same for all.
    """
    watched = find_watched(engine.jobs, engine.repositories)
    pushed = {job.name for name in watched for job in find_watching(engine.jobs, name)}
    if pushed and not any(engine.builds.of(name) for name in pushed):
        for node in engine.chain.nodes:
            awaited = {edge.target for edge in engine.chain.starts_of(node.name) if edge.blocking}
            asked = [parameter.name for parameter in node.parameters if not parameter.default]
            branches = set(watched.values())
            if awaited >= pushed and len(asked) == len(branches) == 1 and not node.disabled:
                [name], [branch] = asked, branches
                engine.build(node.name, {name: branch})
                how = f"{node.name} is started with {name}={branch}: it publishes all."
                tell(f"Nothing is built yet, so {how}")
                return ()
    return push(engine, tell)


def build(engine: Engine, tell: Tell, job: str, values: Mapping[str, str]) -> Iterable[str]:
    """Start a job by hand."""
    engine.build(job, values)
    return ()


def push(
    engine: Engine,
    tell: Tell,
    names: Iterable[str] = (),
    branch: str | None = None,
    *,
    commit: bool = False,
) -> Iterable[str]:
    """Play a push to these repositories, or to all; without a branch to the one that jobs build.

    `commit`: what is changed in the sample's is committed first. Raises RehearsalError.
    """
    watched = find_watched(engine.jobs, engine.repositories)
    given = [*map(engine.repositories.require, names)] or watched
    pushed = {name: branch or watched.get(name, "master") for name in given}
    for name in pushed:
        _commit(engine, tell, name, pushed[name], commit=commit)
    for name in pushed:
        for job, says in engine.push(name, pushed[name]).items():
            tell(f"Push to {pushed[name]} of {name}: {job} {says}.")
    return pushed


def _commit(engine: Engine, tell: Tell, name: str, branch: str, *, commit: bool) -> None:
    """Give a repository of the sample something to push, where its newest commit was built.

    People's own clones are never touched. Raises RehearsalError where only they can commit.
    """
    repositories = engine.repositories
    place = repositories.paths[name]
    if name not in repositories.sample:
        if commit:
            advice = f"Commit there: git -C {shlex.quote(show_path(place))} commit --all"
            raise RehearsalError(f"{name} is your clone, which is only read.", advice=advice)
        return
    changed = repositories.list_uncommitted(name)
    if commit and changed:
        repositories.commit(name, branch)
        tell(f"Committed on {branch} of the sample's {name}: {some(changed)}.")
        return
    head = repositories.read_head(str(place), branch)
    records = (r for job in find_watching(engine.jobs, name) for r in engine.builds.of(job.name))
    if head not in {record.revision.commit for record in records if record.revision}:
        return
    if changed:
        raise RehearsalError(
            f"{name} has nothing to push; not committed in {show_path(place)}: {some(changed)}.",
            advice=f"Commit it and push: {own_command(engine.home)} push {name} --commit",
        )
    repositories.commit(name, branch)
    tell(f"Made an empty commit to push, on {branch} of the sample's {name}.")


def _name_uncommitted(engine: Engine, pushed: Iterable[str], tell: Tell) -> None:
    """Tell what no build gets of the repositories that were pushed or are to be checked out."""
    reached = engine.chain.reachable([item.job for item in engine.queue])
    used = {repository_name(url) for name in reached for url in engine.jobs[name].urls}
    for name in sorted(engine.repositories.paths.keys() & used.union(pushed)):
        if changed := engine.repositories.list_uncommitted(name):
            place = show_path(engine.repositories.paths[name])
            tell(f"Note: not committed in {place}, so no build gets it: {some(changed)}.")


def resume(engine: Engine, tell: Tell) -> Iterable[str]:
    """Say what was aborted and what waits, and ask for the first again."""
    unfinished = list(reports.list_unfinished(engine.builds))
    for record in list(find_aborted(engine.builds, engine.jobs)):
        engine.repeat(record)
    tell("\n".join(unfinished) or "Nothing was aborted, and nothing waits in the queue.")
    return ()


def look_at(place: Path, job: str = "") -> Builds:
    """Return the builds of a job, or of all, without those whose records can't be read.

    Raises RehearsalError where there is no such home or job.
    """
    home = directory.Home(place)
    if not (home.root / "jobs").is_dir():
        raise RehearsalError(
            f"There is no rehearsal in {place}.", advice=f"Start one: {own_command(home)}"
        )
    builds, jobs = Builds(home, lenient=True, idle=directory.is_free(home)), dict(home.configs())
    if job:
        directory.require_job(jobs, job)
    for name in jobs:
        if name == (job or name):
            builds.of(name)
    return builds


def prepare(
    options: Options, home: directory.Home, tell: Tell, job: str = ""
) -> tuple[dict[str, Job], Repositories, dict[str, GivenCredential]]:
    """Fill the home with jobs if that is left to us, and find repositories and secrets.

    Repositories and a secrets file that were given once are remembered. With no repository at all
    the sample's are made, if a job checks one out. All that was given is looked at before.
    """
    settings = directory.load_settings(home)
    secrets = (options.secrets and options.secrets.resolve()) or settings.secrets
    given = {repository_name(name): path.resolve() for name, path in options.repositories.items()}
    read_credentials(secrets, ())
    Repositories(home, given)
    if settings.rendered or not any(True for _ in home.configs()):
        if job:
            rendered = render_cached(options.root)
            directory.require_job({each.name: 0 for each in rendered if each.kind is Kind.JOB}, job)
        settings = replace(settings, rendered=True)

        def begin() -> None:
            """Mark it as ours first: else what an interrupt leaves was taken for another's."""
            directory.save_settings(home, settings)

        if changed := fill(options.root, home, begin):
            tell(f"Rendered jobs/ into {show_path(home.root)}: {count(changed, 'config')}.")
    else:
        _tell_of_differences(options.root, home, tell)
    jobs = reports.read_jobs(home)
    if job:
        directory.require_job(jobs, job)
    used = {repository_name(url) for each in jobs.values() for url in each.urls}
    known = {**settings.repositories, **given}
    if any(each.scm and each.scm.submodules for each in jobs.values()):
        used |= find_submodules(home, known.values())
    for name in given:
        if name not in used:
            advice = suggest(name, used) or f"They check out: {', '.join(sorted(used)) or 'none'}."
            raise RehearsalError(f"No job checks out a repository {name!r}.", advice=advice)
    known = {name: path for name, path in known.items() if name in used}
    bindings = [binding for each in jobs.values() for binding in each.bindings]
    values = read_credentials(secrets, bindings)
    theirs = {name for name, path in known.items() if not path.is_relative_to(home.repositories)}
    # The sample stands for its own repositories, where the chain has them all and none is given.
    if used and theirs.isdisjoint(REPOSITORIES) and (not theirs or used >= {*REPOSITORIES}):
        home.repositories.mkdir(parents=True, exist_ok=True)
        is_new = not all((home.repositories / name).exists() for name in REPOSITORIES)
        known |= {path.name: path for path in make_repositories(home.repositories)}
        if is_new:
            tell(f"Made the sample's repositories in {show_path(home.repositories)}.")
    if known.keys() - theirs >= used & {*REPOSITORIES}:
        values = {**_make_up_secrets(home, bindings, tell), **values}
    elif not secrets and (home.state / "secrets.json").is_file():
        _tell_of_own_clones(home, sorted(theirs.intersection(REPOSITORIES)), tell)
    repositories = Repositories(home, known)
    # Only what could be read is remembered: a slip of the pen must not break every later run.
    directory.save_settings(home, replace(settings, repositories=known, secrets=secrets))
    return jobs, repositories, values


def _tell_of_differences(root: Path, home: directory.Home, tell: Tell) -> None:
    """Say where the jobs in `home` are not as the definitions say, if there are any that render."""
    with suppress(CflJobsError):
        if changes := look(root, HomeTarget(home.root), PlanRequest()).plan().changes:
            different = count(len(changes), "config")
            tell(f"Note: not as in jobs/: {different}; what is here is run.")
            tell(f"  To bring them up to date: {name_command('update', show_path(home.root))}")


def _tell_of_own_clones(home: directory.Home, names: Sequence[str], tell: Tell) -> None:
    """Say why a deploy asks for secrets now that were made up before."""
    what = " and ".join(names) + (" is your clone" if len(names) == 1 else " are your clones")
    tell(f"Note: made-up secrets are no longer used, since {what}; give --secrets FILE.")
    places = (f"--repo {name}={shlex.quote(show_path(home.repositories / name))}" for name in names)
    tell(f"  To go back to the sample: {own_command(home)} {' '.join(places)}")


def _make_up_secrets(
    home: directory.Home, bindings: Iterable[BoundCredential], tell: Tell
) -> dict[str, GivenCredential]:
    """Return made-up values for all credentials: the sample site needs some, any will do."""
    path = home.state / "secrets.json"
    values: dict[str, str] = directory.read_json(path, dict, {})
    missing = {binding.credentials_id for binding in bindings} - set(values)
    if missing:
        values |= {name: random_source.token_hex(12) for name in sorted(missing)}
        directory.write_json(path, values)
        path.chmod(0o600)
        tell(f"Made up values for {count(len(missing), 'credential')}, for the sample site only.")
    return {name: GivenCredential(value, "made-up") for name, value in values.items()}
