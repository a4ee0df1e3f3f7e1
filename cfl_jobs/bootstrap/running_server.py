"""`cfl-jobs bootstrap --url URL`: a fresh server becomes ours, in steps that can be done again.

Installing plugins and restarting: hudson.PluginManager, hudson.model.UpdateCenter and
jenkins.model.Jenkins of core 2.440, and its answers to the same requests.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

import click

from cfl_jobs.doctor.checks import COLOURS, State, diagnose, of_state, write_text
from cfl_jobs.doctor.facts import InstalledPlugin, ask_plugins
from cfl_jobs.doctor.needs import Needs, PluginNeed
from cfl_jobs.errors import (
    CflJobsError,
    Declined,
    TargetError,
    Unavailable,
    Unreachable,
    count,
    is_or_are,
)
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import Kind, Target
from cfl_jobs.targets.client import FORM_TYPE
from cfl_jobs.targets.server import JenkinsTarget, path_of
from cfl_jobs.terminal.streams import confirm
from cfl_jobs.terminal.text import show

# What no later step can fix; of the rest the last step asks again.
_STOPPING = frozenset({"server", "version", "login", "permissions"})
_AGAIN = "Fix it and run this again: it goes on from what is there."
# Where Jenkins leads to after an installation was asked for: before and since 2.4xx.
_AFTER_INSTALL = ("updateCenter", "pluginManager/updates")
_WAITS = "restartRequiredForCompletion"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long something on the server is waited for, and how often it is looked at, in seconds."""

    limit: float = 900.0
    interval: float = 3.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def rounds(self) -> Iterator[None]:
        """Yield once at once, then after each interval, until the limit."""
        yield
        for _ in range(int(self.limit / self.interval)):
            self.sleep(self.interval)
            yield


def set_up_server(
    target: Target,
    needs: Needs,
    *,
    update: Callable[[], int],
    verify: Callable[[], int],
    yes: bool,
    waiting: Waiting | None = None,
) -> int:
    """Do all steps on a server; returns the exit code.

    `update` makes its jobs what is defined, `verify` tells whether they are, both by their exit
    codes. `yes`: nothing is asked.
    """
    if not isinstance(target, JenkinsTarget):
        raise CflJobsError(f"{target.label} is no server", advice="Name one with --url.")
    steps = _Steps(target, needs, yes, waiting or Waiting())
    all_steps = (
        ("doctor", steps.examine),
        ("plugins", steps.install),
        ("restart", steps.restart),
        ("update", update),
        ("verify", verify),
        ("first distribution", steps.distribute),
    )
    for number, (title, step) in enumerate(all_steps, 1):
        click.echo(f"[{number}/{len(all_steps)}] {title}")
        try:
            code = step()
        except Declined:
            click.echo(f"Stopped at step {number}, {title!r}; run this again to go on from there.")
            return 0
        if code:
            click.echo(f"Stopped at step {number}, {title!r}. {_AGAIN}", err=True)
            return code
    return 0


@dataclass
class _Steps:
    """Those that aren't an update's own; each returns an exit code."""

    target: JenkinsTarget
    needs: Needs
    yes: bool
    waiting: Waiting
    has_installed: bool = False

    def examine(self) -> int:
        rows = diagnose(self.target, self.needs)
        show(write_text(rows, self.target.label), COLOURS)
        errors = {row.check for row in of_state(rows, State.ERROR)}
        return int(bool(errors & _STOPPING))

    def install(self) -> int:
        """Ask Jenkins to install what is missing or too old, and what that depends on.

        Jenkins takes the newest that its update centre offers; one that it offers not at all is
        left out without an error.
        """
        installed = ask_plugins(self.target)
        there = [need.name for need in self.needs.plugins if need.name in installed]
        if off := [name for name in there if not installed[name].is_enabled]:
            raise TargetError(
                f"{', '.join(off)} {is_or_are(off)} disabled",
                advice="Manage Jenkins → Plugins → Installed: enable, restart, run this again.",
            )
        lacking = self.find_lacking(installed)
        if not lacking:
            click.echo(f"All there: {count(len(self.needs.plugins), 'plugin')}.")
            return 0
        for need in lacking:
            click.echo(f"  {_name(need)}, for {', '.join(need.users)}")
        what = count(len(lacking), "plugin")
        self.confirm(f"Install {what} on {self.target.label}, and restart?")
        wanted = (quoteattr(f"{need.name}@{need.version or '0'}") for need in lacking)
        body = "".join(f"<install plugin={plugin}/>" for plugin in wanted)
        self.target.client.post(
            "pluginManager/installNecessaryPlugins",
            "install plugins",
            f"<jenkins>{body}</jenkins>",
            lands_on=_AFTER_INSTALL,
        )
        click.echo("Jenkins installs them, and what they depend on.")
        for line in wait_for_installation(self.target, self.waiting):
            click.echo(f"  {line}", err=True)
        self.has_installed = True
        return 0

    def find_lacking(self, installed: Mapping[str, InstalledPlugin]) -> list[PluginNeed]:
        """Return the plugins to install or update."""
        return [
            need
            for need in self.needs.plugins
            if need.name not in installed
            or (need.version and is_older(installed[need.name].version, need.version))
        ]

    def restart(self) -> int:
        if not (self.has_installed or _ask_installations(self.target).get(_WAITS)):
            click.echo("No restart is needed.")
            return 0
        click.echo("Jenkins restarts as soon as no build runs.")
        restart(self.target, self.waiting)
        click.echo("It is back.")
        if lacking := self.find_lacking(ask_plugins(self.target)):
            raise TargetError(
                f"{self.target.label} still lacks {', '.join(map(_name, lacking))}",
                advice="Press “Check now” in Manage Jenkins → Plugins, look whether its update "
                "centre offers them, and run this again.",
            )
        return 0

    def distribute(self) -> int:
        job, branch = self.needs.adhoc, self.needs.branch
        if not job or not branch:
            click.echo("There is no ad-hoc job (jobs/adhoc.yaml) or no branch in the settings.")
            return 0
        page = f"{self.target.label}{path_of(Kind.JOB, job)}/"
        if self.target.count_builds(job):
            click.echo(f"{job} has been built already, so it isn't started: {page}")
            return 0
        errors = of_state(diagnose(self.target, self.needs), State.ERROR)
        for row in errors:
            click.echo(f"  {row.check}: {row.message}\n    → {row.fix}", err=True)
        if errors:
            return 1
        self.confirm(f"Start {job} with BRANCH={branch}? It ends with a deployment.")
        start_build(self.target, job, {"BRANCH": branch})
        click.echo(f"Started {job} with BRANCH={branch}: {page}")
        return 0

    def confirm(self, question: str) -> None:
        if not self.yes:
            confirm(question, advice="Add --yes to go ahead.")


def _name(need: PluginNeed) -> str:
    return f"{need.name} {need.version}".rstrip()


def wait_for_installation(target: JenkinsTarget, waiting: Waiting) -> tuple[str, ...]:
    """Wait until nothing is being installed; return what went wrong, a line for each plugin."""
    for _ in waiting.rounds():
        jobs = _ask_installations(target)["jobs"]
        by_state = defaultdict[str, list[str]](list)
        for job in jobs:
            told = f"{job.get('name', 'a plugin')}: {job.get('errorMessage') or 'it failed'}"
            by_state[str((job.get("status") or {}).get("type", ""))].append(told)
        if not {"Pending", "Installing"} & by_state.keys():
            return tuple(by_state["Failure"])
    raise TargetError(
        f"{target.label} has been installing plugins for {waiting.limit / 60:.0f} minutes",
        advice=f"Look at {target.label}pluginManager/updates/, then run this again.",
    )


def _ask_installations(target: JenkinsTarget) -> dict[str, Any]:
    tree = f"{_WAITS},jobs[name,errorMessage,status[type]]"
    path, doing = f"updateCenter/api/json?tree={tree}", "look at the installation"
    return target.client.ask_json(path, doing, "jobs")


def restart(target: JenkinsTarget, waiting: Waiting) -> None:
    """Restart Jenkins when its running builds are done, and wait until it is back."""
    before = _ask_session(target)
    target.client.post(
        "safeRestart", "restart", lands_on=("",), is_done=lambda: _ask_session(target) != before
    )
    was_away = False
    for _ in waiting.rounds():
        try:
            session = _ask_session(target)
        except (Unavailable, Unreachable):
            was_away = True
            continue
        if session != before or was_away:
            return
    raise TargetError(
        f"{target.label} has not come back within {waiting.limit / 60:.0f} minutes",
        advice="It restarts when its running builds are done: look there, then run this again.",
    )


def _ask_session(target: JenkinsTarget) -> str:
    """Return what Jenkins calls itself from one start to the next (Jenkins.SESSION_HASH)."""
    answer = target.client.ask("api/json?tree=quietingDown", "ask whether it is up")
    return answer.headers.get("X-Jenkins-Session", "")


def start_build(target: JenkinsTarget, job: str, parameters: Mapping[str, str]) -> None:
    """Start a build of a job; a request whose answer is lost doesn't start a second one."""
    path = path_of(Kind.JOB, job)
    before = target.count_builds(job)

    def has_started() -> bool:
        asked = f"{path}/api/json?tree=inQueue"
        waits = target.client.ask_json(asked, f"look at the job {job!r}").get("inQueue")
        return bool(waits) or target.count_builds(job) > before

    target.client.post(
        f"{path}/buildWithParameters",
        f"start the job {job!r}",
        urlencode(dict(parameters)),
        is_done=has_started,
        headers=FORM_TYPE,
    )
