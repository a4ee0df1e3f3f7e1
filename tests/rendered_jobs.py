"""Rendered jobs and a server's habits, for the tests of plans and what is done with them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

import tests.jenkins_server_configs as configs
from cfl_jobs.configs.config import Blame, Config
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.errors import Position
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.journal import Journal, Run, list_runs
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Plan, RunResult, Status
from cfl_jobs.planning.planner import plan_changes
from cfl_jobs.planning.renames import names_to_look_at
from cfl_jobs.target import Kind, Target
from tests.case_files import CASES
from tests.jenkins_server_pages import DIALECTS
from tests.memory_target import MemoryTarget

# The plugins of the server in memory; their versions are those of the chosen dialect.
_NAMES = ("git", "copyartifact", "cloudbees-folder", "timestamper", "ws-cleanup")
PLUGINS = {name: configs.recorded_plugins()[name] for name in (*_NAMES, "parameterized-trigger")}
_JOB, _FOLDER, _VIEW = (
    (CASES / f"rendered/{name}.xml").read_text(encoding="utf-8")
    for name in ("job", "folder", "view")
)
_SHELL = """
    <hudson.tasks.Shell>
      <command>{}</command>
    </hudson.tasks.Shell>"""


def job(
    name: str = "Publish",
    *,
    scripts: tuple[str, ...] = ("echo one\necho two\n",),
    description: str = "Publishes.",
    branch: str = "master",
    artifacts: str = "out/*",
    concurrent: str = "false",
    builders: str = "",
    publishers: str = "",
    extra: str = "",
    line: int = 3,
    moved_from: tuple[str, ...] = (),
    project: str = "",
) -> Config:
    """Return a rendered freestyle job."""
    config = _JOB.format(
        description=description,
        branch=branch,
        builders="".join(_SHELL.format(script) for script in scripts) + builders,
        publishers=publishers,
        artifacts=artifacts,
        concurrent=concurrent,
        extra=extra,
    )
    blame = (Blame("builders/hudson.tasks.Shell", Position("templates/publish.yaml.j2", 9, 5)),)
    place = Position("jobs/publish.yaml", line, 5)
    return Config(Kind.JOB, name, config, place, blame, moved_from, project)


def normal_of(config: str, *, name: str) -> Normal:
    """Return what `Config.normal` is of a text."""
    return Config(Kind.JOB, name, config).normal


def folder(name: str) -> Config:
    return Config(Kind.JOB, name, _FOLDER, Position("jobs/folders.yaml", 2, 5))


def view(name: str, jobs: tuple[str, ...]) -> Config:
    names = "".join(f"\n    <string>{job}</string>" for job in jobs)
    config = _VIEW.format(name=name, jobs=names)
    return Config(Kind.VIEW, name, config, Position("jobs/view.yaml", 3, 5))


def choose_dialect(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `jenkins` make servers of this version, for one test."""
    monkeypatch.setattr(configs, "chosen", version)
    for name in PLUGINS:
        monkeypatch.setitem(PLUGINS, name, configs.recorded_plugins(version)[name])


def jenkins(plugins: dict[str, str] | None = None) -> MemoryTarget:
    """Return a target in memory that makes of a saved job what a real Jenkins does."""
    installed = dict(PLUGINS if plugins is None else plugins)
    target = MemoryTarget(plugins=installed)
    target.normalise = lambda config: configs.save(config, installed)
    target.stores_posted = DIALECTS[configs.chosen].reads_file
    return target


def plan(
    target: Target,
    *wanted: Config,
    adopt: bool = False,
    prune: bool = False,
    defined: Collection[Config] | None = None,
) -> Plan:
    """Look at the target and plan, as the commands do."""
    names = names_to_look_at(wanted)
    project = wanted[0].project if wanted else ""
    known = None if defined is None else names_to_look_at(tuple(defined))
    observed = observe(target, names, with_orphans=prune, defined=known, project=project)
    return plan_changes(wanted, observed, adopt=adopt, prune=prune, defined=known)


def apply(made: Plan, target: MemoryTarget, place: Path, *, workers: int = 1) -> RunResult:
    """Carry a plan out; its journal is kept in a place."""
    journal = Journal(place, target=target.label, verb="update")
    return apply_plan(made, target, journal, versions=target.installed, workers=workers)


def roll_back(made: Plan, target: Target, place: Path) -> list[str]:
    """Carry a rollback's plan out; return what failed, and why."""
    journal = Journal(place, target=target.label, verb="rollback")
    outcomes = apply_plan(made, target, journal, workers=1).outcomes
    return [outcome.message for outcome in outcomes if outcome.status is not Status.DONE]


def update(
    target: MemoryTarget,
    place: Path,
    *wanted: Config,
    adopt: bool = False,
    prune: bool = False,
    workers: int = 1,
) -> RunResult:
    """Plan and apply at once, as `update --yes` does."""
    made = plan(target, *wanted, adopt=adopt, prune=prune)
    return apply(made, target, place, workers=workers)


def invent_zip(target: MemoryTarget) -> None:
    """Give the archiver a field of which no one has heard."""
    saved = target.normalise

    def normalise(config: str) -> str:
        text = saved(config)
        if "<zip>" in text:
            return text
        return text.replace("</artifacts>", "</artifacts><zip>fast</zip>")

    target.normalise = normalise


class Server(MemoryTarget):
    """What `jenkins` returns, with a place for the journals of what is done to it."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.__dict__ |= vars(jenkins())
        self.place = place

    @property
    def last_run(self) -> Run:
        return list_runs(self.place, "memory")[0]

    def plan(self, *wanted: Config, **asked: Any) -> Plan:
        return plan(self, *wanted, **asked)

    def apply(self, made: Plan) -> RunResult:
        return apply(made, self, self.place)

    def attempt(self, *wanted: Config, **asked: Any) -> RunResult:
        """Plan and apply at once, as `update --yes` does."""
        return update(self, self.place, *wanted, **asked)

    def bring(self, *wanted: Config, **asked: Any) -> Run:
        """Do the same, and all of it; returns the run."""
        result = self.attempt(*wanted, **asked)
        assert result.is_complete, [outcome.message for outcome in result.outcomes]
        return self.last_run

    def roll_back(self, made: Plan) -> list[str]:
        return roll_back(made, self, self.place)
