"""The command line: which verbs there are. Each verb's module is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

import click

from cfl_jobs import __version__

# verb: what it does, in a line; its module is cfl_jobs.commands.<verb>, which holds `command`
VERBS = MappingProxyType(
    {
        "render": "Show the config XML that Jenkins would get.",
        "rehearse": "Run the chain here, on real repositories, without Jenkins.",
        "plan": "Show what update would do, and why.",
        "update": "Create and change jobs on a server or in a directory.",
        "rollback": "Put back what a run changed.",
        "doctor": "Say whether a server can run the chain, and what it lacks.",
        "bootstrap": "Make a fresh Jenkins this server: its files, or the steps on it.",
        "import": "Take existing jobs over as definitions.",
        "inventory": "Take the versions of the server's plugins into jobs/plugins.yaml.",
        "upgrade": "Tell what other versions of Jenkins and its plugins change.",
        "history": "List the runs that changed a server or a directory.",
        "review": "Show what a change of the definitions does, between two revisions.",
        "watch": "Render and check on each save.",
        "graph": "Draw the chain: which job starts which, and what goes along.",
        "check": "Look for mistakes that only a server or a deploy would show.",
        "explain": "Tell what a rule of check looks for, and what to do.",
    }
)


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = import_module(f"cfl_jobs.commands.{cmd_name.replace('-', '_')}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"cfl_jobs.commands.{cmd_name} has no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cfl-jobs")
def cli() -> None:
    """Keep the Code for Life chain on Jenkins as code.

    Run it in the directory that holds jobs/ and templates/.
    """
