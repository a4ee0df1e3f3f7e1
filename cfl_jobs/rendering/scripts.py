"""Scripts: a bash file and the values a template gives it → the text of one shell step.

A script declares each of its inputs by a guard, alone on its line::

    : "${component:?}"          text, number or boolean, not empty
    : "${root?}"                the same, may be empty
    : "${directories[@]:?}"     a list with at least one item
    : "${steps[@]-}"            a list that may be empty

Lowercase names are inputs, uppercase names are Jenkins' environment. An input becomes a quoted
assignment before the script's own text, so no value can be anything but a value.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from cfl_jobs.errors import CflJobsError, suggest
from cfl_jobs.rendering.options import show

Scalar: TypeAlias = str | int | bool

GUARD = re.compile(
    r"""^:[ ]"\$\{
        (?P<name>[a-z][a-z0-9_]*)
        (?: (?P<filled_array>\[@\]:\?) | (?P<array>\[@\]-) | (?P<filled>:\?) | \? ) [^"{}]*
    \}"[ \t]*$""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a script asks for. `line` is its guard's, from 1."""

    name: str
    is_array: bool
    line: int
    may_be_empty: bool = False


@lru_cache(maxsize=64)
def find_inputs(text: str) -> tuple[Input, ...]:
    """Return the inputs that a script declares, each once, in the order of their guards."""
    inputs: dict[str, Input] = {}
    for guard in GUARD.finditer(text):
        name = guard["name"]
        line = text.count("\n", 0, guard.start()) + 1
        is_array = bool(guard["array"] or guard["filled_array"])
        may_be_empty = not (guard["filled"] or guard["filled_array"])
        inputs.setdefault(name, Input(name, is_array, line, may_be_empty))
    return tuple(inputs.values())


def compose_lines(file: str, text: str, values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the lines of a shell step: #! line, assignments, then the script from its line 2.

    Each assignment is with its input's name, "" for others.
    `file` is the script's path as people know it. Jenkins runs a step with the interpreter that
    its first line names (hudson.tasks.Shell, "#!" as the first two characters).
    Raises CflJobsError with everything that is wrong with the values or the script.
    """
    check_script(file, text)
    inputs = find_inputs(text)
    names = [wanted.name for wanted in inputs]
    problems = [
        f"{file}: there is no input {name!r}. {suggest(name, names)}".rstrip()
        for name in values
        if name not in names
    ]
    assignments: list[tuple[str, str]] = []
    for wanted in inputs:
        try:
            assignments.append((wanted.name, _assign(wanted, values)))
        except ValueError as problem:
            problems.append(f"{file}:{wanted.line}: {problem}")
    if problems:
        raise CflJobsError("\n".join(problems), advice=_describe_inputs(file, inputs))
    interpreter, _, rest = text.partition("\n")
    from_here_on = f"# From here on: {file}, line 2."  # as check.positions reads it
    return [("", interpreter), *assignments, ("", from_here_on), ("", rest)]


def check_script(file: str, text: str) -> None:
    """Raise CflJobsError if `text` can't run as a Jenkins shell step."""
    if not text.startswith("#!"):
        raise CflJobsError(
            f"{file}:1: the script doesn't start with #!, so Jenkins would run it with /bin/sh",
            advice="Make its first line: #!/usr/bin/env bash",
        )
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise CflJobsError(
            f"{file}:{line}: a carriage return, which XML would lose",
            advice="Save the script with LF line ends.",
        )
    if "\0" in text:
        raise CflJobsError(
            f"{file}: the script has a NUL character", advice="Save it as plain UTF-8 text."
        )


def _describe_inputs(file: str, inputs: tuple[Input, ...]) -> str:
    if not inputs:
        return f'{file} takes no inputs; an input is declared by a line like : "${{name:?}}"'
    names = ", ".join(each.name + " (a list)" * each.is_array for each in inputs)
    return f"{file} takes: {names}."


def _assign(wanted: Input, values: Mapping[str, object]) -> str:
    value = values.get(wanted.name)
    if value is None:
        raise ValueError(f"the input {wanted.name!r} is not given")
    if wanted.is_array:
        if not isinstance(value, list | tuple):
            raise ValueError(f"the input {wanted.name!r} must be a list, not {show(value)}")
        if not value and not wanted.may_be_empty:
            raise ValueError(f"the input {wanted.name!r} must have at least one item")
        items = (_quote(f"an item of the input {wanted.name!r}", item) for item in value)
        return f"{wanted.name}=({' '.join(items)})"
    if value == "" and not wanted.may_be_empty:
        raise ValueError(f"the input {wanted.name!r} must not be empty")
    return f"{wanted.name}={_quote(f'the input {wanted.name!r}', value)}"


def _quote(what: str, value: object) -> str:
    if not isinstance(value, (bool, int, str)):
        raise ValueError(f"{what} must be text, a number or true/false, not {show(value)}")
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"{what} has a NUL character, which no shell can hold")
    return quote_value(value)


def quote_value(value: Scalar) -> str:
    """Return a value as bash reads it."""
    if isinstance(value, str):
        return shlex.quote(value)
    return str(value).lower()
