"""Diagnoses → a table for people, or JSON."""

from __future__ import annotations

import json
from typing import TextIO

from cfl_jobs.doctor.diagnosis import Row, State, number
from cfl_jobs.doctor.table import count

_STYLES = {State.OK: "green", State.NOTE: "cyan", State.WARNING: "yellow", State.ERROR: "red"}


def write_table(rows: tuple[Row, ...], url: str, stream: TextIO) -> None:
    """Write a row for each diagnosis, under it what mends it, and a summary."""
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
    errors, warnings = count(rows, State.ERROR), count(rows, State.WARNING)
    if not errors and not warnings:
        return f"{url} is ready for the chain."
    words = f"{number(errors, 'error')}, {number(warnings, 'warning')}"
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
        "errors": count(rows, State.ERROR),
        "warnings": count(rows, State.WARNING),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
