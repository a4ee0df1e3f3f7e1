"""What the shell completes of the command line: jobs, rules and runs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class
from click.types import StringParamType

from cfl_jobs.commands import find_project


class Named(StringParamType):
    """Text that names something. What can't be listed is not completed."""

    def __init__(self, name: str, list_names: Callable[[click.Context], Iterable[str]]) -> None:
        self.name = name
        self.list_names = list_names

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        from cfl_jobs.errors import CflJobsError

        try:
            names = list(self.list_names(ctx))
        except (CflJobsError, OSError):
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class _Rule(Named):
    """A rule of `cfl-jobs check`; another word is wrong usage."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from cfl_jobs.errors import suggest
        from cfl_jobs.target import name_command

        known = list(self.list_names(click.get_current_context()))
        if value not in known:
            near = suggest(value, known)
            advice = f"{near} `{name_command('explain')}` lists all rules.".strip()
            self.fail(f"there is no rule {value!r}. {advice}", param, ctx)
        return str(value)


def _list_jobs(context: click.Context, *kinds: str) -> Iterable[str]:
    from cfl_jobs.reading.definitions import load_definitions

    entries = load_definitions(find_project()).entries
    return (entry.name for entry in entries if entry.kind.value in kinds)


def _list_rules(context: click.Context) -> Iterable[str]:
    import cfl_jobs.check.run  # noqa: F401 - all rules register themselves
    from cfl_jobs.check.rule import RULES

    return RULES


# As jobs/*.yaml name them; the commands take globs too.
JOB = Named("job", lambda context: _list_jobs(context, "job", "view"))
JOB_ALONE = Named("job", lambda context: _list_jobs(context, "job"))
RULE = _Rule("rule", _list_rules)


class _Bash(BashComplete):
    """Bash takes words as they are to be written, so blanks are quoted here.

    Click's script reads them by `read`, which takes one backslash of two.
    """

    def format_completion(self, item: CompletionItem[Any]) -> str:
        words = os.environ["COMP_WORDS"].split("\n")[int(os.environ["COMP_CWORD"]) :]
        if item.type == "plain" and not "".join(words).startswith(("'", '"')):
            item.value = re.sub(r"([^\w@%+,./-])", r"\\\\\1", item.value)
        return super().format_completion(item)


add_completion_class(_Bash)
