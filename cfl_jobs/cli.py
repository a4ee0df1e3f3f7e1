"""The command line: which verbs there are. Each verb's module is imported when it is used."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import click

from cfl_jobs import __version__
from cfl_jobs.commands import Verbs

# verb: what it does, in a line
_GROUPS = {
    "Write definitions": {
        "check": "Look for mistakes that only a server or a deploy would show.",
        "explain": "Tell what a rule of check looks for, and what to do.",
        "watch": "Render and check on each save.",
        "import": "Take existing jobs over as definitions.",
    },
    "Look": {
        "render": "Show the config XML that Jenkins would get.",
        "graph": "Draw the chain: which job starts which, and what goes along.",
        "review": "Show what a change of the definitions does, between two revisions.",
        "plan": "Show what update would do, and why.",
        "history": "List the runs that changed a server or a directory.",
    },
    "Push": {
        "update": "Create and change jobs on a server or in a directory.",
        "rollback": "Put back what a run changed.",
    },
    "Rehearse": {"rehearse": "Run the chain here, on real repositories, without Jenkins."},
    "Server": {
        "doctor": "Say whether a server can run the chain, and what it lacks.",
        "bootstrap": "Make a fresh Jenkins this server: its files, or the steps on it.",
        "inventory": "Take the versions of the server's plugins into jobs/plugins.yaml.",
        "upgrade": "Tell what other versions of Jenkins and its plugins change.",
    },
}
VERBS = MappingProxyType({verb: line for group in _GROUPS.values() for verb, line in group.items()})


# Its module is cfl_jobs.commands.<verb>, which holds `command`, or one that it shares.
_SHARED = {
    "check": ("check", "explain", "watch"),
    "compare": ("plan", "review"),
    "server": ("doctor", "bootstrap", "inventory", "upgrade"),
    "update": ("update", "history", "rollback"),
}


class _AllVerbs(Verbs):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, name = next(
            ((module, cmd_name) for module, verbs in _SHARED.items() if cmd_name in verbs),
            (cmd_name, "command"),
        )
        command: click.Command = getattr(import_module(f"cfl_jobs.commands.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, VERBS))
        for title, verbs in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(width), line) for verb, line in verbs.items()])


def _go_to(context: click.Context, option: click.Parameter, directories: Sequence[str]) -> None:
    """Work in a directory, until the command is done; each next one counts from the last.

    What the shell completes is looked for only after its context was closed.
    """
    for directory in directories:
        from cfl_jobs.target import moves

        try:
            here = Path.cwd()
            os.chdir(directory)
            if not context.resilient_parsing:
                moves.append(directory)
                context.call_on_close(moves.clear)
                context.call_on_close(partial(os.chdir, here))
        except OSError as error:
            raise click.BadParameter(f"{directory!r}: {error.strerror}") from error


@click.group(cls=_AllVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    type=click.Path(file_okay=False),
    metavar="DIR",
    multiple=True,
    expose_value=False,
    callback=_go_to,
    help="Work in DIR, as git and make do.",
)
@click.version_option(__version__, prog_name="cfl-jobs")
def cli() -> None:
    """Keep the Code for Life chain on Jenkins as code.

    Run it in the directory that holds jobs/ and templates/, or anywhere below it.
    """
