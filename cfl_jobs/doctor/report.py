"""All checks of a server → what they say, as text for people or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from types import MappingProxyType

from cfl_jobs.doctor import job_checks, server_checks
from cfl_jobs.doctor.examine import ask_repositories, examine
from cfl_jobs.doctor.facts import Check, Diagnosis, State
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import TargetError, count
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.targets.server import JenkinsTarget

CHECKS: MappingProxyType[str, Check] = MappingProxyType(
    {
        "version": server_checks.check_version,
        "support": server_checks.check_support,
        "login": server_checks.check_login,
        "permissions": server_checks.check_permissions,
        "security": server_checks.check_security,
        "URL": server_checks.check_url,
        "GitHub hook": server_checks.check_hook,
        "repositories": server_checks.check_repositories,
        "plugins": job_checks.check_plugins,
        "credentials": job_checks.check_credentials,
        "labels": job_checks.check_labels,
        "executors": job_checks.check_executors,
        "secrets": job_checks.check_isolation,
        "jobs": job_checks.check_jobs,
        "clock": server_checks.check_clock,
        "disk": server_checks.check_disk,
    }
)


def diagnose(target: JenkinsTarget, needs: Needs) -> tuple[Diagnosis, ...]:
    """Ask the server and the repositories' hosts, apply every check.

    A server that can't be asked is one row.
    """
    try:
        facts = examine(target, needs.names)
    except TargetError as error:
        return (Diagnosis(State.ERROR, error.message, error.advice, check="server"),)
    repositories = ask_repositories(url for url, _ in needs.watched)
    facts = replace(facts, repositories=repositories)
    return tuple(
        replace(found, check=name)
        for name, check in CHECKS.items()
        for found in check(needs, facts)
    )


def count_state(rows: tuple[Diagnosis, ...], state: State) -> int:
    return sum(row.state is state for row in rows)


_COLUMN = max(map(len, CHECKS)) + 2
# How a line of the text begins, and its colour: diagnoses, the summary.
COLOURS = (
    (rf".{{{_COLUMN}}}ok |.* is ready for the chain", "green"),
    (rf".{{{_COLUMN}}}note ", "cyan"),
    (rf".{{{_COLUMN}}}warning |.*; the chain can run there", "yellow"),
    (rf".{{{_COLUMN}}}error |.*; the chain can't run there", "red"),
)


def write_text(rows: tuple[Diagnosis, ...], url: str) -> str:
    """Return a line for each diagnosis, below it what fixes it, and a summary."""
    lines = []
    before = ""
    for row in rows:
        name = "" if row.check == before else row.check
        lines.append(f"{name:<{_COLUMN}}{row.state.value:<7}  {row.message}")
        if row.fix:
            lines.append(f"{'':<{_COLUMN}}{'':<7}  → {row.fix}")
        before = row.check
    return make_visible("\n".join([*lines, "", summarise(rows, url)]))


def summarise(rows: tuple[Diagnosis, ...], url: str) -> str:
    errors, warnings = count_state(rows, State.ERROR), count_state(rows, State.WARNING)
    if not errors and not warnings:
        return f"{url} is ready for the chain."
    words = f"{count(errors, 'error')}, {count(warnings, 'warning')}"
    end = "the chain can't run there as it should" if errors else "the chain can run there"
    return f"{url}: {words}; {end}."


def write_json(rows: tuple[Diagnosis, ...], url: str) -> str:
    """Return an object with the server, `checks` and counts."""
    data = {
        "server": url,
        "checks": [{"check": row.check, **asdict(row), "state": row.state.value} for row in rows],
        "errors": count_state(rows, State.ERROR),
        "warnings": count_state(rows, State.WARNING),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
