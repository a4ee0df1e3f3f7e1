"""`cfl-jobs import`: take existing jobs over as definitions."""
# ruff: noqa: N999 - the verb's name, loaded by import_module

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from cfl_jobs.commands import INPUT, find_project
from cfl_jobs.commands.options import ChosenTarget, target_options
from cfl_jobs.configs.configxml import check_config
from cfl_jobs.errors import CflJobsError, ConfigError, DefinitionError, count
from cfl_jobs.files import read_text
from cfl_jobs.importing.solving import ComponentSolver
from cfl_jobs.importing.takeover import Imported, check_new, import_config, write_new
from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.reading.inventory import INVENTORY
from cfl_jobs.reading.names import find_name_problem, select_names
from cfl_jobs.target import Kind, name_command, program


@click.command()
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@target_options("home", "url", is_there=True)
@click.option("--file", type=INPUT, metavar="FILE", help="A config.xml, instead of a server.")
@click.option("--name", metavar="NAME", help="With --file: the job's name.")
def command(
    jobs: tuple[str, ...], target: ChosenTarget, file: Path | None, name: str | None
) -> int:
    """Write a definition and a template for each JOB (names or globs), from the server's config.

    What jenkins-job-builder has a module for becomes one, the rest stays raw XML and is named.
    What is written renders to an equal config; files that are there are never overwritten.
    """
    root = find_project()
    if file is not None:
        if name is None or jobs or target.named:
            message = "--file takes one config.xml and goes with --name only."
            raise click.UsageError(message)
        if problem := find_name_problem(name):
            raise click.BadParameter(f"{problem} in the name {name!r}", param_hint="--name")
        config = read_text(file, advice="Name a job's config.xml.")
        try:
            check_config(config, name=str(file))
        except ConfigError as error:
            message = error.message.replace(": config.xml ", ": ")  # the file may have another name
            raise CflJobsError(message, advice="Name a job's config.xml.") from error
        return import_jobs(root, [name], lambda _: config)
    if name is not None or not jobs:
        raise click.UsageError("--name goes with --file." if name else "Name a job: `import JOB`.")
    opened = target.open(root)
    advice = f"Look at the names on {opened.label}."
    if target.home:
        graph = f"{program()} graph --home {shlex.quote(opened.label)}"
        advice = f"`{graph}` shows the names there are."
    names = select_names([job.name for job in opened.list(Kind.JOB)], jobs, advice=advice)
    return import_jobs(root, names, lambda name: opened.read(Kind.JOB, name), opened.label)


def import_jobs(
    root: Path, names: Iterable[str], read: Callable[[str], str], label: str = ""
) -> int:
    """Import each job, tell what became of it, and return the exit code."""
    definitions = load_definitions(root)
    # That nothing is defined yet is no reason not to begin; it has no position.
    if any(finding.position for finding in definitions.findings):
        raise DefinitionError(definitions.findings)
    solver = ComponentSolver(definitions.inventory)
    there = root / INVENTORY
    inventory = there.read_text(encoding="utf-8-sig") if there.is_file() else None
    failed = 0
    for name in names:
        try:
            check_new(definitions, name)
            imported = import_config(read(name), name=name, solver=solver, inventory=inventory)
            write_new(root, imported.files)
        except CflJobsError as error:
            failed += 1
            click.echo(str(error), err=True)
        else:
            _tell(imported, label)
    if failed:
        click.echo(f"{failed} not imported.", err=True)
    return int(bool(failed))


def _tell(imported: Imported, label: str) -> None:
    (definition, _), (template, _) = imported.files
    modules, kept = count(imported.modules, "module"), count(len(imported.kept), "element")
    click.echo(f"{imported.name}: {definition}, {template}: {modules}; {kept} stayed raw XML.")
    for what in imported.kept:
        click.echo(f"  raw XML: {what}")
    for tag in imported.left:
        click.echo(f"  left to its builds, which wrote it: {tag}")
    plan = name_command(f"plan --adopt {shlex.quote(imported.name)}", label)
    click.echo(f"  `{plan}` shows that only the mark is added.")
