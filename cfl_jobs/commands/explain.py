"""`cfl-jobs explain`: what a rule of `check` looks for, what comes of it and what to do."""

from __future__ import annotations

import click


@click.command(short_help="Tell what a rule of check looks for, and what to do.")
@click.argument("rule", required=False)
def command(rule: str | None) -> int:
    """Explain a RULE of `cfl-jobs check`; without one, list them all."""
    return explain(rule)


def explain(name: str | None) -> int:
    """Write to standard output; returns the exit code. Raises CflJobsError on an unknown rule."""
    from cfl_jobs.check.table import DEFINITION, RULES, SILENCE_WITHOUT_REASON, UNUSED_SILENCE
    from cfl_jobs.errors import CflJobsError, suggest

    if name is None:
        width = max(len(rule.id) for rule in RULES)
        for rule in RULES:
            click.echo(f"{rule.id:{width}}  {rule.severity.value:7}  {rule.title}")
        return 0
    if name not in RULES:
        near = suggest(name, (rule.id for rule in RULES))
        advice = f"{near} `cfl-jobs explain` lists all rules.".strip()
        raise CflJobsError(f"there is no rule {name!r}", advice=advice)
    rule = RULES[name]
    click.echo(f"{rule.id} ({rule.severity.value}): {rule.title}\n\n{rule.why}")
    if rule not in (DEFINITION, SILENCE_WITHOUT_REASON, UNUSED_SILENCE):
        click.echo(
            f"\nSilence it where it is right: `# cfl-jobs: ignore {rule.id} REASON` behind the line"
            " or on the\nline above it, or above the job's entry in jobs/ for that job alone."
        )
    return 0
