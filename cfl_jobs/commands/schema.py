"""`cfl-jobs schema`: a JSON Schema of jobs/*.yaml, for editors."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write a JSON Schema of jobs/*.yaml, for editors.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a file instead; the project keeps it in templates/schema.json.",
    metavar="FILE",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where FILE is out of date.")
def command(output: Path | None, check: bool) -> int:
    """Write a JSON Schema of the definitions: what templates take, so that it can't drift.

    Editors with a YAML language server complete and check jobs/*.yaml with it: the first line of
    each file names the schema.
    """
    return show_schema(Path(), output, check=check)


def show_schema(root: Path, output: Path | None, *, check: bool = False) -> int:
    """Write the schema or compare it; returns the exit code."""
    from cfl_jobs.errors import CflJobsError
    from cfl_jobs.rendering.schema import SCHEMA_FILE, write_schema

    text = write_schema(root)
    if check:
        file = output or root / SCHEMA_FILE
        there = file.read_text(encoding="utf-8") if file.is_file() else ""
        if there != text:
            raise CflJobsError(
                f"{file} is not what the templates take now",
                advice=f"Run `cfl-jobs schema --output {file}`.",
            )
        click.echo(f"{file} is up to date.")
    elif output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"Wrote {output}.", err=True)
    return 0
