"""All checks of a server → what they say, as a table for people or JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType
from typing import TextIO

from cfl_jobs.doctor import job_checks, server_checks
from cfl_jobs.doctor.examine import ask_repositories, examine
from cfl_jobs.doctor.facts import Check, Diagnosis, Facts, Row, State
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import TargetError, count
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


def diagnose(target: JenkinsTarget, needs: Needs) -> tuple[Row, ...]:
    """Ask the server and the repositories' hosts, apply every check.

    A server that can't be asked is one row.
    """
    try:
        facts = examine(target, needs.names)
    except TargetError as error:
        return (Row("server", Diagnosis(State.ERROR, error.message, error.advice)),)
    repositories = ask_repositories(url for url, _ in needs.watched)
    return apply_checks(needs, replace(facts, repositories=repositories))


def apply_checks(needs: Needs, facts: Facts) -> tuple[Row, ...]:
    return tuple(
        Row(name, diagnosis) for name, check in CHECKS.items() for diagnosis in check(needs, facts)
    )


def count_state(rows: tuple[Row, ...], state: State) -> int:
    return sum(row.diagnosis.state is state for row in rows)


_STYLES = {State.OK: "green", State.NOTE: "cyan", State.WARNING: "yellow", State.ERROR: "red"}


def write_table(rows: tuple[Row, ...], url: str, stream: TextIO) -> None:
    """Write a row for each diagnosis, under it what fixes it, and a summary."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream)
    table = Table("Check", "", "What", expand=False)
    before = ""
    for row in rows:
        found = row.diagnosis
        text = Text(found.message)
        if found.fix:
            text.append(f"\n→ {found.fix}", style="bold")
        style = _STYLES[found.state]
        name = "" if row.check == before else row.check
        table.add_row(name, Text(found.state.value, style=style), text)
        before = row.check
    console.print(table)
    console.print(Text(summarise(rows, url)), soft_wrap=True)


def summarise(rows: tuple[Row, ...], url: str) -> str:
    errors, warnings = count_state(rows, State.ERROR), count_state(rows, State.WARNING)
    if not errors and not warnings:
        return f"{url} is ready for the chain."
    words = f"{count(errors, 'error')}, {count(warnings, 'warning')}"
    end = "the chain can't run there as it should" if errors else "the chain can run there"
    return f"{url}: {words}; {end}."


def write_json(rows: tuple[Row, ...], url: str) -> str:
    """Return an object with the server, `checks` and counts."""
    data = {
        "server": url,
        "checks": [
            {
                "check": row.check,
                "state": row.diagnosis.state.value,
                "message": row.diagnosis.message,
                "fix": row.diagnosis.fix,
                "jobs": list(row.diagnosis.jobs),
            }
            for row in rows
        ],
        "errors": count_state(rows, State.ERROR),
        "warnings": count_state(rows, State.WARNING),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
