"""Checks of the server as a whole: who we are to it, how it is set up, whether it is well."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from cfl_jobs.configs.graph import name_repository
from cfl_jobs.doctor.facts import (
    Diagnosis,
    Disk,
    Facts,
    Repository,
    State,
    ok,
    renew_inventory,
    untold,
)
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import count, some
from cfl_jobs.reading.versions import is_older
from cfl_jobs.target import name_command

_SKEW = 30.0  # seconds; git, make and GitHub's tokens go by the clock
_STALE = 7.0  # days; Jenkins asks its update centre each day


def check_version(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    wanted = needs.inventory.jenkins
    if not facts.version:
        yield Diagnosis(State.WARNING, "the server doesn't say its version", "Is it Jenkins?")
    elif wanted and is_older(facts.version, wanted):
        inventory = name_command("inventory", facts.url)
        fix = f"Update Jenkins, or render for {facts.version}: `{inventory}`."
        message = f"Jenkins {facts.version} is older than {wanted}, which the jobs are rendered for"
        yield Diagnosis(State.ERROR, message, fix)
    elif wanted and facts.version != wanted:
        message = f"Jenkins {facts.version} is newer than {wanted}, which the jobs are rendered for"
        yield Diagnosis(State.NOTE, message, renew_inventory(facts))
    else:
        yield ok(f"Jenkins {facts.version}")
    if facts.is_quieting_down:
        fix = "Cancel it on the server's front page, or wait for the restart."
        yield Diagnosis(State.WARNING, "it prepares to shut down and starts no builds", fix)


def check_support(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """Whether what runs is out of support or has published faults, as the server itself knows."""
    upkeep = facts.upkeep
    if upkeep is None or upkeep.age is None:
        why = "the server has not heard of its update centre since it started"
        if upkeep is None:
            why = facts.untold.get("upkeep", "the server does not say")
        message = f"whether it is out of support or has published faults can't be told: {why}"
        fix = "As an administrator: Manage Jenkins → Plugins → Updates → Check now, and ask again."
        yield Diagnosis(State.NOTE, message, fix)
        return
    if upkeep.age > _STALE:
        message = (
            f"its update centre was asked {upkeep.age:.0f} days ago; what is newer it can't know"
        )
        yield Diagnosis(
            State.WARNING, message, "Let Jenkins reach its update centre, or look yourself."
        )
    if upkeep.offered and _line(upkeep.offered) != _line(facts.version):
        message = (
            f"Jenkins {facts.version} is out of support: fixes go into {_line(upkeep.offered)}, "
            f"and {upkeep.offered} is offered"
        )
        yield Diagnosis(
            State.WARNING, message, "Update Jenkins; before, look for what that changes."
        )
    elif upkeep.offered:
        message = f"Jenkins {upkeep.offered} is offered"
        yield Diagnosis(State.NOTE, message, "Update Jenkins: such a release has fixes only.")
    for warning, advisory in upkeep.warnings:
        yield Diagnosis(State.WARNING, f"a fault is published: {warning}", f"Read {advisory}")
    if not upkeep.offered and not upkeep.warnings and upkeep.age <= _STALE:
        yield ok("no newer Jenkins and no published fault, says its update centre")


def _line(version: str) -> str:
    """Return what gets fixes together: a long-term release's line; of weekly ones each its own."""
    return ".".join(version.split(".")[:2])


def check_login(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    if facts.login.is_anonymous:
        fix = "Set JENKINS_USER_ID and JENKINS_API_TOKEN, or name a jenkins_jobs.ini with --conf."
        yield Diagnosis(State.ERROR, "we are not logged in", fix)
    else:
        groups = ", ".join(facts.login.authorities)
        yield ok(f"logged in as {facts.login.name}" + (f", in {groups}" if groups else ""))


def check_permissions(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    name = facts.login.name
    if facts.is_administrator:
        yield ok(f"{name} has Overall/Administer, so may do everything")
        return
    there = {job.name for job in facts.jobs}
    lacking = tuple(job for job in needs.names if job not in there)
    if not facts.may_create:
        state = State.ERROR if lacking else State.WARNING
        jobs = some(lacking) if lacking else "new jobs"
        fix = f"Give {name} Job/Create on the server."
        yield Diagnosis(state, f"{name} may not create jobs: {jobs}", fix, lacking)
    else:
        yield ok(f"{name} may create jobs")
    if facts.unreadable:
        message = f"{name} may not see or change the configs of {some(facts.unreadable)}"
        fix = f"Give {name} Job/Configure on them."
        yield Diagnosis(State.ERROR, message, fix, facts.unreadable)
    elif there & set(needs.names):
        yield ok(f"{name} may change the jobs that are there")
    if facts.plugins is None:
        message = f"{name} lacks Overall/Administer, so what Jenkins would drop can't be told"
        fix = f"Give {name} Overall/Administer, or let an administrator run this."
        yield Diagnosis(State.NOTE, message, fix)
    message = f"whether {name} may start builds can't be told without starting one"
    yield Diagnosis(State.NOTE, message, "It needs Job/Build.")


def check_security(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    bootstrap = name_command("bootstrap --home DIR")
    fix = f"Manage Jenkins → Security; `{bootstrap}` writes a jenkins.yaml for it."
    if not facts.uses_security:
        message = "security is switched off: everyone may do everything and read every secret"
        yield Diagnosis(State.ERROR, message, fix)
    elif facts.anonymous_reads:
        yield Diagnosis(State.WARNING, "people who aren't logged in can list the jobs", fix)
    else:
        yield ok("nobody gets in without a login")
    if facts.uses_crumbs:
        yield ok("crumbs are on")
    else:
        yield Diagnosis(
            State.WARNING,
            "crumbs are off: another site can make a logged in person's browser start builds",
            "Take -Dhudson.security.csrf.GlobalCrumbIssuerConfiguration."
            "DISABLE_CSRF_PROTECTION=true out of Jenkins' start, or add a crumb issuer.",
        )


def check_url(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    fix = f"Manage Jenkins → System → Jenkins URL: {needs.server or facts.url}"
    expected = {url.rstrip("/") for url in (needs.server, facts.url) if url}
    if not facts.own_url:
        yield Diagnosis(State.ERROR, "Jenkins doesn't know its own URL", fix)
    elif facts.own_url.rstrip("/") not in expected:
        message = f"Jenkins believes it is {facts.own_url}; mails and webhooks name that"
        yield Diagnosis(State.WARNING, message, fix)
    else:
        yield ok(f"Jenkins believes it is {facts.own_url}")


def check_hook(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """GitHub must be able to tell of a push: by the URL, the plugin, a working GitHub trigger."""
    if not needs.hooked:
        yield ok("no job is started by a push to GitHub")
        return
    jobs = needs.hooked
    url = f"{(facts.own_url or needs.server or facts.url).rstrip('/')}/github-webhook/"
    if _is_private(url):
        message = f"GitHub can't reach {url}, so a push starts nothing: {some(jobs)}"
        fix = "Give Jenkins a URL that GitHub reaches (Manage Jenkins → System → Jenkins URL)."
        yield Diagnosis(State.WARNING, message, fix, jobs)
        return
    plugin = (facts.plugins or {}).get("github")
    if facts.plugins is not None and (plugin is None or not plugin.is_active):
        message = f"the plugin github isn't at work, so a push starts nothing: {some(jobs)}"
        yield Diagnosis(State.ERROR, message, "Install or enable it.", jobs)
        return
    yield ok(f"GitHub's webhooks go to {url}")


def check_repositories(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    """git follows a repository that was renamed; the events of its pushes name the new one."""
    untold: dict[str, list[str]] = {}
    good = 0
    for url, jobs in needs.watched:
        told = facts.repositories.get(url, Repository(untold="nobody asked"))
        name, new = name_repository(url), name_repository(told.moved_to)
        if told.untold:
            untold.setdefault(told.untold, []).append(name)
        elif told.moved_to and new != name:
            message = (
                f"{name} redirects to {new}; a push is announced by that name, so it starts "
                f"nothing: {some(jobs)}"
            )
            yield Diagnosis(State.WARNING, message, f"Write {new} in jobs/ and update.", jobs)
        else:
            good += 1
    for reason, names in untold.items():
        message = f"whether it has another name can't be told of {some(tuple(names))}: {reason}"
        yield Diagnosis(State.NOTE, message)
    if good or not needs.watched:
        yield ok(f"jobs watch {count(good, 'repository')} by the right name")


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan"))


def check_clock(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    fix = "Switch time synchronisation (NTP) on: there, or here."
    ahead = facts.clock_difference
    if ahead is None:
        yield Diagnosis(State.NOTE, "the server's answers don't tell its time", "")
    elif abs(ahead) > _SKEW:
        word = "ahead of" if ahead > 0 else "behind"
        message = f"the server's clock is {abs(ahead):.0f} s {word} this machine's"
        yield Diagnosis(State.WARNING, message, fix)
    else:
        yield ok("the server's clock is right, as far as this machine's is")
    for node in facts.nodes or ():
        if node.clock_difference is not None and abs(node.clock_difference) > _SKEW:
            seconds = abs(node.clock_difference)
            message = f"the clock of {node.name} is {seconds:.0f} s away from the controller's"
            yield Diagnosis(State.WARNING, message, fix)


def check_disk(needs: Needs, facts: Facts) -> Iterator[Diagnosis]:
    if facts.nodes is None:
        yield untold(facts, "nodes")
        return
    fix = "Delete what isn't needed there, or keep builds for fewer days (retention_days)."
    measured = [(node, disk) for node in facts.nodes for disk in node.disks]
    bad = False
    for node, disk in measured:
        if disk.free < disk.warns_at:
            bad = True
            state = State.ERROR if disk.free < disk.stops_at else State.WARNING
            yield Diagnosis(state, f"{node.name} has {_size(disk)} left at {disk.path}", fix)
    if not measured:
        message = "no node has measured its disk yet"
        yield Diagnosis(State.NOTE, message, "Ask again in an hour; Jenkins measures by itself.")
    elif not bad:
        node, disk = min(measured, key=lambda pair: pair[1].free)
        yield ok(f"{_size(disk)} left at {disk.path} of {node.name}, the fullest")


def _size(disk: Disk) -> str:
    if disk.free < 2**30:
        return f"{disk.free / 2**20:.0f} MiB"
    return f"{disk.free / 2**30:.1f} GiB"
