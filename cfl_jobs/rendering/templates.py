"""Definitions + templates/*.yaml.j2 → one plain job each: tracked data with template positions.

Templates run in Jinja2's sandbox: no files but templates/ and templates/scripts/, no network, no
Python beyond its operators and filters. A value is put in after the YAML was parsed, so that it
can't change the YAML's structure.

A script is a bash file that becomes one shell step. It declares each of its inputs by a guard,
alone on its line::

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
import traceback
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from markupsafe import Markup

from cfl_jobs.errors import CflJobsError, Finding, Origin, Position, suggest
from cfl_jobs.reading import JOBS, TEMPLATES
from cfl_jobs.reading.definitions import Definition, Definitions, mend_key
from cfl_jobs.reading.tracking import (
    NOWHERE,
    LocatedText,
    Pieces,
    TrackedDict,
    entries_of,
    note_deeply,
)
from cfl_jobs.rendering.options import show
from cfl_jobs.rendering.provenance import Misplaced, Values, join, read_marked
from cfl_jobs.rendering.sandbox import SCRIPTS, Environment, Loader, MissingKey
from cfl_jobs.rendering.template_trees import LostText, read_template, union

_UNDEFINED = re.compile(r"'([^']*)' is undefined\Z")
_BRACKETS = re.compile(r"\{[{%]")
_NO_FILTER = re.compile(r"No (filter|test) named '([^']*)'")

GUARD = re.compile(
    r"""^:[ ]"\$\{
        (?P<name>[a-z][a-z0-9_]*)
        (?: (?P<filled_array>\[@\]:\?) | (?P<array>\[@\]-) | (?P<filled>:\?) | \? ) [^"{}]*
    \}"[ \t]*$""",
    re.MULTILINE | re.VERBOSE,
)


class TemplateProblem(Exception):
    """A template that can't be rendered for one definition; `missing` names a variable.

    No findings: what is wrong is told already.
    """

    def __init__(self, *findings: Finding, missing: str = "") -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings
        self.missing = missing


class TemplateRenderer:
    """Renders the templates of one project. Not thread-safe: templates note what they read."""

    def __init__(self, definitions: Definitions) -> None:
        self._sources = definitions.sources
        self._settings = definitions.settings
        self._chain = definitions.chain()
        # Files whose jobs other templates may look for in vain.
        self._damaged = {f.position.file for f in definitions.findings if f.position}
        variables = (id(entry.variables) for entry in definitions.entries)
        self._kinds = {**dict.fromkeys(variables, "variable"), id(self._settings): "setting"}
        self._values = Values()
        self._refused: list[Finding] = []
        self._loader = Loader(definitions.sources)
        self._environment = Environment(self._loader, self._hold)
        # What let in parts of the job that was rendered last.
        self.take_steering = self._environment.take_steering

    def render(self, definition: Definition) -> tuple[TrackedDict | None, tuple[Finding, ...]]:
        """Return the job that the template makes of a definition, and what is wrong with it.

        Where a variable is missing it is assumed, for what else is missing.
        """
        self._refused = []
        missing: list[Finding] = []
        assumed: dict[str, Any] = {}
        text = None
        while text is None:
            try:
                text = self._run(definition, assumed)
            except TemplateProblem as problem:
                if not assumed:
                    missing = [*self._refused, *problem.findings]
                elif problem.missing:
                    missing += problem.findings
                if not problem.missing or problem.missing in assumed:
                    return None, tuple(missing)
                assumed[problem.missing] = ""
        if assumed or self._refused:
            return None, tuple(missing or self._refused)
        first = Position(f"{TEMPLATES}/{definition.template}", 1)
        read = read_marked(text, tuple(self._loader.files), first)
        loaded = self._values.fill(read.value)
        problems = (*read.findings, *loaded.findings)
        if isinstance(loaded.value, TrackedDict) or problems:
            value = loaded.value if isinstance(loaded.value, TrackedDict) else None
            return value, tuple(self._sources.quote(it, definition.origin) for it in problems)
        message = "the template makes no mapping, but a job is one: `name: {{ name }}` and so on"
        return None, (self._find(message, first, definition),)

    def _hold(self, value: Any) -> Any:
        """Return what stands in the rendered text for a `{{ … }}`."""
        if isinstance(value, Markup):  # a macro's or block's own text
            return value
        if isinstance(value, jinja2.Undefined):
            str(value)  # raises UndefinedError
        note_deeply(value)  # from here on it is the generator's reads that count
        place = self._environment.take_place(value)
        return Markup(self._values.hold(value, place))  # noqa: S704 - a placeholder, not HTML

    def _run(self, definition: Definition, assumed: Mapping[str, Any]) -> str:
        variables = definition.variables
        self._values = Values()
        context = {
            **assumed,
            **dict(variables.raw_items()),
            "settings": self._settings,
            "chain": self._chain,
            "script": self._compose_script,
            "refuse": partial(self._refuse, definition),
        }
        try:
            template = self._environment.get_template(definition.template)
            self._environment.reading = variables
            self._environment.take_steering()
            return template.render(context)
        except Exception as error:  # whatever an expression of the template raises
            raise self._explain(error, definition, context) from error

    def _explain(
        self, error: Exception, definition: Definition, context: Mapping[str, Any]
    ) -> TemplateProblem:
        place, advice = self._place_of(error, definition), ""
        match error:
            case jinja2.TemplateNotFound():
                return TemplateProblem(self._not_found(definition, str(error.name), place))
            case LostText():
                return TemplateProblem(*self._lost(error, definition))
            case jinja2.TemplateSyntaxError():
                place = Position(f"{TEMPLATES}/{error.name or definition.template}", error.lineno)
                message = f"not Jinja2: {error.message}"
                advice = self._syntax_advice(str(error.message), place)
            case jinja2.UndefinedError():
                return self._undefined(error, place, definition, context)
            case RecursionError():
                message = "the template includes or calls itself without end"
            case CflJobsError(message=message, advice=advice):
                place = getattr(error, "position", None) or place
            case SecurityError():
                message = f"not allowed: {error}"
                advice = "Templates may only read their variables."
            case _:
                message = f"{type(error).__name__}: {error}"
        return TemplateProblem(self._find(message, place, definition, advice))

    def _find(
        self, message: str, place: Position, definition: Definition, advice: str = ""
    ) -> Finding:
        origins = (definition.origin,)
        return self._sources.find(message, place, origins=origins, advice=advice)

    def _place_of(self, error: BaseException, definition: Definition) -> Position:
        """Return the template line that an error came from: Jinja2 puts it into the traceback."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            file = f"{TEMPLATES}/{frame.filename}"
            if file in self._loader.files and frame.lineno:
                return Position(file, frame.lineno)
        return Position(f"{TEMPLATES}/{definition.template}", 1)

    def _not_found(self, definition: Definition, name: str, place: Position) -> Finding:
        folder = self._sources.root / TEMPLATES
        there = [
            path.relative_to(folder).as_posix()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parent.name != "scripts"
        ]
        advice = suggest(name, there) or f"In {TEMPLATES}/ there are: {', '.join(there)}."
        message = f"no template {name!r} in {TEMPLATES}/"
        if name == definition.template:
            return self._sources.find(message, definition.template_position, advice=advice)
        return self._find(message, place, definition, advice)

    def _syntax_advice(self, message: str, place: Position) -> str:
        if missing := _NO_FILTER.match(message):
            tables = {"filter": self._environment.filters, "test": self._environment.tests}
            return suggest(missing[2], tables[missing[1]])
        brackets = _BRACKETS.search(self._sources.line(place))
        if brackets is None or message.startswith("Unexpected end of template"):
            return ""
        return (
            f"If it is shell, write {{{{ '{brackets[0]}' }}}} for {brackets[0]}, or put the script "
            f"into {SCRIPTS}/, where it is plain text."
        )

    def _lost(self, error: LostText, definition: Definition) -> Iterator[Finding]:
        file = f"{TEMPLATES}/{error.name or definition.template}"
        for mistake in error.mistakes:
            line = self._sources.line(Position(file, mistake.line))
            column = mistake.column or len(line) - len(line.lstrip()) + 1
            place = Position(file, mistake.line, column)
            yield self._find(mistake.message, place, definition, mistake.advice)

    def _undefined(
        self,
        error: jinja2.UndefinedError,
        place: Position,
        definition: Definition,
        context: Mapping[str, Any],
    ) -> TemplateProblem:
        needed = (Origin("needed by the template", place),)
        if isinstance(error, MissingKey) and error.owner is self._chain:
            if f"{JOBS}/{error.key}.yaml" in self._damaged:
                return TemplateProblem()
        elif (
            isinstance(error, MissingKey)
            and (where := getattr(error.owner, "pos", NOWHERE)) != NOWHERE
        ):
            message = f"the {self._kinds.get(id(error.owner), 'key')} {error.key!r} is missing"
            advice = f"Add `{error.key}: …`."
            missing = self._sources.find(message, where, origins=needed, advice=advice)
            return TemplateProblem(missing)
        found = _UNDEFINED.search(str(error.message))
        if not found:
            message, advice = str(error.message), ""
            if re.search(r"[\"']\{\{", self._sources.line(place)):  # as in Go's templates
                advice = self._syntax_advice(message, place)
            return TemplateProblem(self._find(message, place, definition, advice))
        name = found[1]
        message = f"the variable {name!r} is missing"
        advice = suggest(name, context) or f"Add `{name}: …` to this entry or its `defaults:`."
        missing = self._sources.find(message, definition.position, origins=needed, advice=advice)
        return TemplateProblem(missing, missing=name)

    def _refuse(self, definition: Definition, value: Any, message: str, advice: str = "") -> str:
        """The templates' `refuse(value, "why", "what to do")`: an error where the value stands."""
        variables = definition.variables
        own = (
            variables.value_positions.get(key) for key, it in variables.raw_items() if it is value
        )
        place = getattr(value, "pos", None) or next(own, None) or definition.position
        self._refused.append(self._find(str(message), place, definition, str(advice)))
        return ""

    def _compose_script(self, file: str, /, **values: Any) -> LocatedText:
        """The templates' `script("publish.sh", component=…)`: the text of a shell step."""
        path = f"{SCRIPTS}/{file}"
        try:
            if ".." in file.split("/"):
                raise FileNotFoundError(file)
            text = self._sources.read(path)
        except OSError as error:
            there = [entry.name for entry in sorted((self._sources.root / SCRIPTS).glob("*"))]
            advice = suggest(file, there) or f"In {SCRIPTS}/ there are: {', '.join(there)}."
            raise CflJobsError(f"no script {file!r} in {SCRIPTS}/", advice=advice) from error
        except ValueError as error:
            raise CflJobsError(f"{path}: {error}") from error
        for value in values.values():
            for item in entries_of(value):
                if isinstance(item, jinja2.Undefined):
                    str(item)  # raises UndefinedError
                if isinstance(item, TrackedDict):
                    raise Misplaced(item)
            note_deeply(value)
        return compose_step(path, text, values)


def find_misspelt(definitions: Definitions) -> Iterator[Finding]:
    """Find keys that no template reads and that are like one which is read and isn't there.

    Each is put right in `definitions`, so that what follows from it isn't told as well.
    """
    names = dict.fromkeys(entry.template for entry in definitions.entries)
    load = Loader(definitions.sources).read
    try:
        reads = {name: read_template(name, load) for name in names}
    except (jinja2.TemplateError, CflJobsError):
        return  # rendering tells it
    words = union(read.words for read in reads.values())

    def fix(mapping: TrackedDict, taken: Collection[str]) -> Iterator[Finding]:
        for key, _ in mapping.raw_items():
            if key not in words and key not in taken:
                place = mapping.position_of(key)
                if near := mend_key(mapping, key, taken):
                    message = f"{key!r} is misspelt: no template reads it"
                    advice = f"Did you mean {near!r}?"
                    yield definitions.sources.find(message, place, advice=advice)

    settings = union(read.keys_of("settings") for read in reads.values())
    yield from fix(definitions.settings, {"server", "project", *settings})
    given: dict[str, set[str]] = {}  # also to be read of the chain, by another template
    for entry in definitions.entries:
        given.setdefault(entry.template, set()).update(words & {*dict(entry.variables.raw_items())})
    for entry in definitions.entries:
        variables = reads[entry.template].variables
        taken = {"name", "moved", *variables, *given[entry.template]}
        taken |= union(read.keys_of(f"chain.{entry.group}") for read in reads.values())
        yield from fix(entry.variables, taken)
        yield from fix(definitions.defaults[entry.group], taken)
        for name in sorted(variables):
            fields = reads[entry.template].keys_of(name) - set(dir(dict))
            for inner in entries_of(dict.get(entry.variables, name)):
                if isinstance(inner, TrackedDict):
                    yield from fix(inner, fields)


# -- scripts ---------------------------------------------------------------------------------------


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
        taken = ", ".join(each.name + " (a list)" * each.is_array for each in inputs)
        advice = f"{file} takes: {taken}."
        if not inputs:
            advice = f'{file} takes no inputs; an input is declared by a line like : "${{name:?}}"'
        raise CflJobsError("\n".join(problems), advice=advice)
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
