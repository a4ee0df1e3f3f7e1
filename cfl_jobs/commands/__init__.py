"""One module for each verb, and what they share: the project, verbs that are misspelt, types.

A path that isn't there, or is a file in place of a directory, is wrong usage.
"""

from __future__ import annotations

from pathlib import Path

import click

INPUT = click.Path(exists=True, dir_okay=False, path_type=Path)
OUTPUT = click.Path(dir_okay=False, path_type=Path)
DIRECTORY = click.Path(file_okay=False, path_type=Path)  # it may be new
THERE = click.Path(exists=True, file_okay=False, path_type=Path)


class Count(click.IntRange):
    """A whole number, in the words of people."""

    name = "whole number"


class Verbs(click.Group):
    """A group of commands that says which one was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        is_verb = name.startswith("-") or self.get_command(ctx, name) is not None
        if not (is_verb or ctx.resilient_parsing):
            from cfl_jobs.errors import suggest

            near = suggest(name, self.list_commands(ctx))
            ctx.fail(f"No such command {name!r}. {near}".rstrip())
        return super().resolve_command(ctx, args)


def find_project() -> Path:
    """Return the nearest directory, from this one upwards, that has jobs/*.yaml; else this one."""
    here = Path()
    for depth in range(len(here.absolute().parts)):
        place = here.joinpath(*[".."] * depth)
        if any((place / "jobs").glob("*.yaml")):
            return place
    return here


def check_there(directory: Path, option: str) -> None:
    """Raise BadParameter where there is no such directory."""
    if not directory.is_dir():
        raise click.BadParameter(f"Directory {str(directory)!r} does not exist.", param_hint=option)
