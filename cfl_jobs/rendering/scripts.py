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

from cfl_jobs.errors import CflJobsError, Position, suggest
from cfl_jobs.reading.tracking import NOWHERE, LocatedText, Pieces
from cfl_jobs.rendering.options import show
from cfl_jobs.rendering.provenance import join

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


def compose_step(file: str, text: str, values: Mapping[str, object]) -> LocatedText:
    """Return the text of a shell step: #! line, assignments, then the script from its line 2.

    `file` is the script's path as people know it. Jenkins runs a step with the interpreter that
    its first line names (hudson.tasks.Shell, "#!" as the first two characters).
    Raises CflJobsError with everything that is wrong with the values or the script.
    """
    _check_script(file, text)
    inputs = find_inputs(text)
    names = [wanted.name for wanted in inputs]
    problems = [
        f"{file}: there is no input {name!r}. {suggest(name, names)}".rstrip()
        for name in values
        if name not in names
    ]
    interpreter, _, rest = text.partition("\n")
    here = ((0, Position(file, 1)),)
    parts: list[tuple[str, Pieces]] = [(f"{interpreter}\n", here)]
    for wanted in inputs:
        try:
            parts += [*_assign(wanted, values.get(wanted.name)), ("\n", ())]
        except ValueError as problem:
            problems.append(f"{file}:{wanted.line}: {problem}")
    if problems:
        raise CflJobsError("\n".join(problems), advice=_describe_inputs(file, inputs))
    # As check.shellcheck reads it.
    parts += [(f"# From here on: {file}, line 2.\n", here), (rest, ((0, Position(file, 2)),))]
    return LocatedText(*join(parts, Position(file, 1)))


def _check_script(file: str, text: str) -> None:
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


def _assign(wanted: Input, value: object) -> list[tuple[str, Pieces]]:
    """Return the parts of an assignment, each with where its value stands."""
    here: Position = getattr(value, "pos", NOWHERE)
    if value is None:
        raise ValueError(f"the input {wanted.name!r} is not given")
    if wanted.is_array:
        if not isinstance(value, list | tuple):
            raise ValueError(f"the input {wanted.name!r} must be a list, not {show(value)}")
        if not value and not wanted.may_be_empty:
            raise ValueError(f"the input {wanted.name!r} must have at least one item")
        items: list[tuple[str, Pieces]] = []
        for item in value:
            quoted = _quote(f"an item of the input {wanted.name!r}", item)
            items += [(" " * bool(items), ()), (quoted, ((0, getattr(item, "pos", here)),))]
        return [(f"{wanted.name}=(", ((0, here),)), *items, (")", ())]
    if value == "" and not wanted.may_be_empty:
        raise ValueError(f"the input {wanted.name!r} must not be empty")
    quoted = _quote(f"the input {wanted.name!r}", value)
    inside: Pieces = ()
    if isinstance(value, LocatedText) and value in quoted:
        inside = tuple((quoted.index(value) + at, place) for at, place in value.pieces[1:])
    return [(f"{wanted.name}=", ((0, here),)), (quoted, inside)]


def _quote(what: str, value: object) -> str:
    """Return a value as bash reads it."""
    if not isinstance(value, (bool, int, str)):
        raise ValueError(f"{what} must be text, a number or true/false, not {show(value)}")
    if not isinstance(value, str):
        return str(value).lower()
    if "\0" in value:
        raise ValueError(f"{what} has a NUL character, which no shell can hold")
    return shlex.quote(value)
