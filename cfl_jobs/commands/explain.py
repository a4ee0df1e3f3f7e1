"""`cfl-jobs explain`: what a rule of `check` looks for, what comes of it and what to do."""

from __future__ import annotations

import click

from cfl_jobs.check.report import COLOURS
from cfl_jobs.check.run import explain_rule, list_rules
from cfl_jobs.commands.completion import RULE
from cfl_jobs.terminal.text import show


@click.command()
@click.argument("rule", type=RULE, required=False)
def command(rule: str | None) -> int:
    """Explain a RULE of `cfl-jobs check`; without one, list them all."""
    show(explain_rule(rule) if rule else list_rules(), COLOURS)
    return 0
