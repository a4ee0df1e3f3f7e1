"""What the shell completes of the command line: jobs, rules and runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class
from click.types import StringParamType

from cfl_jobs.commands import find_project


class _Named(StringParamType):
    """Text that names something. What can't be listed is not completed."""

    def list_names(self, context: click.Context) -> Iterable[str]:
        raise NotImplementedError

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        from cfl_jobs.errors import CflJobsError

        try:
            names = list(self.list_names(ctx))
        except (CflJobsError, OSError):
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class _Job(_Named):
    """A job or view, as jobs/*.yaml name it; the commands take globs too."""

    name = "job"

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds

    def list_names(self, context: click.Context) -> Iterable[str]:
        from cfl_jobs.reading.definitions import load_definitions

        entries = load_definitions(find_project()).entries
        return (entry.name for entry in entries if entry.kind.value in self._kinds)


class _Rule(_Named):
    """A rule of `cfl-jobs check`; another word is wrong usage."""

    name = "rule"

    def list_names(self, context: click.Context) -> Iterable[str]:
        import cfl_jobs.check.run  # noqa: F401 - all rules register themselves
        from cfl_jobs.check.rule import RULES

        return RULES

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from cfl_jobs.errors import suggest
        from cfl_jobs.target import name_command

        known = list(self.list_names(click.get_current_context()))
        if value not in known:
            near = suggest(value, known)
            advice = f"{near} `{name_command('explain')}` lists all rules.".strip()
            self.fail(f"there is no rule {value!r}. {advice}", param, ctx)
        return str(value)


class _Run(_Named):
    """A run against the target that the options before it name, the newest first."""

    name = "run"

    def list_names(self, context: click.Context) -> Iterable[str]:
        from cfl_jobs.commands.target_options import server_of
        from cfl_jobs.planning.journal import list_runs, state_directory
        from cfl_jobs.reading.server_url import check_url
        from cfl_jobs.target import full_label

        given = context.params
        target = given.get("home") or check_url(given.get("url") or server_of(find_project()))
        label = full_label(target)
        place = given.get("backup_dir") or state_directory(os.environ, label)
        return (run.name for run in list_runs(Path(place), label))


JOB, JOB_ALONE, RULE, RUN = _Job("job", "view"), _Job("job"), _Rule(), _Run()


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
