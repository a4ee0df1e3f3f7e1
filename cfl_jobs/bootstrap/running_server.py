"""Steps on a running server that aren't about jobs: install plugins, restart, start a build.

Each one can be done again. Sources: hudson.PluginManager, hudson.model.UpdateCenter and
jenkins.model.Jenkins of core 2.440, and its answers to the same requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from cfl_jobs.doctor.facts import InstalledPlugin
from cfl_jobs.doctor.needs import Needs, PluginNeed
from cfl_jobs.errors import TargetError, Unavailable, Unreachable
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import Kind
from cfl_jobs.targets.client import FORM_TYPE
from cfl_jobs.targets.server import JenkinsTarget, path_of

# Where Jenkins leads to after an installation was asked for: before and since 2.4xx.
_AFTER_INSTALL = ("updateCenter", "pluginManager/updates")
_UNDER_WAY = ("Pending", "Installing")


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


def find_lacking(needs: Needs, installed: Mapping[str, InstalledPlugin]) -> tuple[PluginNeed, ...]:
    """Return the plugins to install or update; one that is switched off is nobody's to install."""
    return tuple(
        need
        for need in needs.plugins
        if need.name not in installed
        or (need.version and is_older(installed[need.name].version, need.version))
    )


def install_plugins(target: JenkinsTarget, plugins: Iterable[PluginNeed]) -> None:
    """Ask Jenkins to install these, and what they depend on, in at least these versions.

    Jenkins takes the newest that its update centre offers; one that it offers not at all is left
    out without an error.
    """
    wanted = [f"{need.name}@{need.version or '0'}" for need in plugins]
    body = "".join(f"<install plugin={quoteattr(plugin)}/>" for plugin in wanted)
    target.client.post(
        "pluginManager/installNecessaryPlugins",
        "install plugins",
        f"<jenkins>{body}</jenkins>",
        lands_on=_AFTER_INSTALL,
    )


def wait_for_installation(target: JenkinsTarget, waiting: Waiting) -> tuple[str, ...]:
    """Wait until nothing is being installed; return what went wrong, a line for each plugin."""
    for _ in waiting.rounds():
        jobs = _ask_installations(target)["jobs"]
        states = [str((job.get("status") or {}).get("type", "")) for job in jobs]
        if not any(state in _UNDER_WAY for state in states):
            return tuple(
                f"{job.get('name', 'a plugin')}: {job.get('errorMessage') or 'it failed'}"
                for job, state in zip(jobs, states, strict=True)
                if state == "Failure"
            )
    raise TargetError(
        f"{target.label} has been installing plugins for {waiting.limit / 60:.0f} minutes",
        advice=f"Look at {target.label}pluginManager/updates/, then run this again.",
    )


def needs_restart(target: JenkinsTarget) -> bool:
    """Tell whether Jenkins waits for a restart to finish an installation."""
    return bool(_ask_installations(target).get("restartRequiredForCompletion"))


def _ask_installations(target: JenkinsTarget) -> dict[str, Any]:
    tree = "restartRequiredForCompletion,jobs[name,errorMessage,status[type]]"
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
