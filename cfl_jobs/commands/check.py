"""`cfl-jobs check`, `explain` and `watch`: rules over the whole chain, now or on each save."""

from __future__ import annotations

import re
import time

import click

from cfl_jobs.check.project import check_project, find_sizes
from cfl_jobs.check.report import COLOURS, WRITERS
from cfl_jobs.check.rule import Severity
from cfl_jobs.commands import Count, find_project
from cfl_jobs.commands.completion import RULE
from cfl_jobs.errors import CflJobsError, suggest
from cfl_jobs.target import name_command
from cfl_jobs.terminal.text import show


class _Rate(click.FloatRange):
    name = "number"


@click.command()
@click.option(
    "--format", "form", type=click.Choice(list(WRITERS)), default="text", show_default=True
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option(
    "--executors",
    type=Count(min=1),
    default=2,
    metavar="N",
    show_default=True,
    help="How many builds the server runs at once.",
)
@click.option(
    "--size",
    "sizes",
    metavar="JOB=MB",
    multiple=True,
    help="Tell what disk artifacts take at most; sizes that aren't given are build/rehearsal's.",
)
@click.option(
    "--builds-a-day",
    type=_Rate(min=0, min_open=True),
    metavar="N",
    help="Tell what disk artifacts take at most, if each job builds so often (else: 10 times).",
)
def check(
    form: str, strict: bool, executors: int, sizes: tuple[str, ...], builds_a_day: float | None
) -> int:
    """Check definitions, templates, scripts and the chain that they make.

    Exit code 1 on errors, with --strict on warnings too. `cfl-jobs explain` tells about the rules
    and how to silence one at a place.
    """
    root = find_project()
    given = dict(map(_read_size, sizes))
    if given:
        from cfl_jobs.reading.definitions import load_definitions  # YAML, which few checks need

        definitions = load_definitions(root)  # those with mistakes are the checks'
        known = [entry.name for entry in definitions.entries]
        for name in given:
            if name not in known and not definitions.findings:
                advice = suggest(name, known) or f"`{name_command('graph')}` shows all jobs."
                raise CflJobsError(f"--size: there is no job {name!r}", advice=advice)
    if given or builds_a_day:
        given = find_sizes(root / "build/rehearsal") | given
    report = check_project(root, executors=executors, sizes=given, builds_a_day=builds_a_day or 10)
    text = WRITERS[form](report)
    if form == "text":
        show(text, COLOURS)
    else:
        click.echo(text, nl=False)
    failing = [Severity.ERROR, Severity.WARNING][: 1 + strict]
    return int(any(map(report.count, failing)))


def _read_size(text: str) -> tuple[str, float]:
    job, _, megabytes = text.rpartition("=")
    if not job or not re.fullmatch(r"\d+(\.\d+)?", megabytes):
        message = f"{text!r} is not JOB=MB, as in 'Create Distribution=60'"
        raise click.BadParameter(message, param_hint="--size")
    return job, float(megabytes)


@click.command()
@click.argument("rule", type=RULE, required=False)
def explain(rule: str | None) -> int:
    """Explain a RULE of `cfl-jobs check`; without one, list them all."""
    from cfl_jobs.check.run import explain_rule, list_rules

    show(explain_rule(rule) if rule else list_rules(), COLOURS)
    return 0


@click.command()
def watch() -> int:
    """Render and check at once and after each save of a file in jobs/ or templates/.

    Shows what the save changes on the server, or what is wrong. Ctrl-C ends it.
    """
    from cfl_jobs.reading.definitions import load_definitions
    from cfl_jobs.review import rerendering
    from cfl_jobs.review.formats import PROSE

    root = find_project()
    load_definitions(root)  # raises where there is nothing to watch
    try:
        rerendering.watch(
            root,
            say=lambda text: show(text, rerendering.COLOURS, prose=PROSE, as_one=True),
            wait=time.sleep,
        )
    except KeyboardInterrupt:
        click.echo("")
    return 0
