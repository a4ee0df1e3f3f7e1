"""All checks of a server → what they say, as text for people or JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import groupby

from cfl_jobs.doctor.checks import CHECKS, Diagnosis, State
from cfl_jobs.doctor.facts import examine
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import TargetError, count
from cfl_jobs.planning.visible import make_visible
from cfl_jobs.targets.server import JenkinsTarget


def diagnose(target: JenkinsTarget, needs: Needs) -> tuple[Diagnosis, ...]:
    """Ask the server and the repositories' hosts, apply every check.

    A server that can't be asked is one row.
    """
    try:
        facts = examine(target, needs)
    except TargetError as error:
        return (Diagnosis(State.ERROR, error.message, error.advice, check="server"),)
    return tuple(
        replace(found, check=name)
        for name, check in CHECKS.items()
        for found in check(needs, facts)
    )


def of_state(rows: tuple[Diagnosis, ...], state: State) -> list[Diagnosis]:
    return [row for row in rows if row.state is state]


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
    for name, found in groupby(rows, key=lambda row: row.check):
        for row in found:
            lines.append(f"{name:<{_COLUMN}}{row.state.value:<7}  {row.message}")
            if row.fix:
                lines.append(f"{'':<{_COLUMN}}{'':<7}  → {row.fix}")
            name = ""
    errors, warnings = (len(of_state(rows, state)) for state in (State.ERROR, State.WARNING))
    words = f"{url}: {count(errors, 'error')}, {count(warnings, 'warning')}; the chain"
    if errors:
        end = f"{words} can't run there as it should."
    elif warnings:
        end = f"{words} can run there."
    else:
        end = f"{url} is ready for the chain."
    return make_visible("\n".join([*lines, "", end]))


def write_json(rows: tuple[Diagnosis, ...], url: str) -> str:
    """Return an object with the server, `checks` and counts."""
    data = {
        "server": url,
        "checks": [{"check": row.check, **asdict(row), "state": row.state.value} for row in rows],
        "errors": len(of_state(rows, State.ERROR)),
        "warnings": len(of_state(rows, State.WARNING)),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
