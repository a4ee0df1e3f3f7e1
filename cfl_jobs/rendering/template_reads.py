"""templates/*.yaml.j2 → the variables that each takes, and what their use tells of their values.

Templates are parsed, not run: a variable behind an `if` that nobody's definition reaches counts.
So keys of definitions are seen to be misspelt even where rendering fails for want of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import jinja2
import jinja2.runtime
from jinja2 import meta, nodes

from cfl_jobs.errors import CflJobsError, Finding
from cfl_jobs.reading.definitions import Definitions, mend_key
from cfl_jobs.reading.tracking import TrackedDict, entries_of

_GIVEN = frozenset(
    {"settings", "chain", "script", "refuse", "super", "self", "caller", "varargs", "kwargs"}
)


class TemplateReads(NamedTuple):
    """What a template takes, and those that it extends or includes, which are `others`.

    `own` are names that it sets for itself, `words` all that stand in it, also in texts as
    `map(attribute="x")` has. `fields` are pairs of a name and a key that is read of it or of its
    items; a group of the chain is called "chain.tests".
    """

    others: frozenset[str]
    names: frozenset[str]
    own: frozenset[str]
    fields: frozenset[tuple[str, str]]
    words: frozenset[str]

    @property
    def variables(self) -> frozenset[str]:
        """The variables of definitions."""
        return self.names - self.own - _GIVEN

    def keys_of(self, owner: str) -> frozenset[str]:
        return frozenset(field for name, field in self.fields if name == owner)


def read_template(name: str, load: Callable[[str], str]) -> TemplateReads:
    """Return what a template takes, with those it extends or includes.

    `load` returns a template's text. Raises jinja2.TemplateError, as rendering would.
    """
    files: dict[str, TemplateReads] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in files:
            files[current] = _read_text(load(current))
            waiting += files[current].others
    return TemplateReads(*(_union(parts) for parts in zip(*files.values(), strict=True)))


def _union(sets: Iterable[Iterable[Any]]) -> frozenset[Any]:
    return frozenset().union(*sets)


@jinja2.pass_context
def _compute_nothing(_context: jinja2.runtime.Context, value: object) -> object:
    """As it needs a context, Jinja2 leaves all values to the time of rendering."""
    return value


_ENVIRONMENT = jinja2.Environment(autoescape=True, finalize=_compute_nothing)


class _Tracker(meta.TrackingCodeGenerator):
    """meta.find_undeclared_variables, but constants aren't computed: one may fill the memory."""

    def __init__(self) -> None:
        super().__init__(_ENVIRONMENT)
        self.optimizer = None


@lru_cache(maxsize=100)
def _read_text(text: str) -> TemplateReads:
    tree = _ENVIRONMENT.parse(text)
    tracker = _Tracker()
    tracker.visit(tree)
    return TemplateReads(
        frozenset(filter(None, meta.find_referenced_templates(tree))),
        frozenset(tracker.undeclared_identifiers - _ENVIRONMENT.globals.keys()),
        frozenset(_assigned(tree)),
        frozenset(_fields(tree)),
        frozenset(_words(tree)),
    )


def _words(tree: nodes.Template) -> Iterator[str]:
    yield from (name.name for name in tree.find_all(nodes.Name))
    yield from (field for _, field in _attributes(tree))
    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, str):
            yield from re.findall(r"\w+", constant.value)


def _assigned(tree: nodes.Template) -> Iterator[str]:
    """Yield the names that a template sets for itself; its blocks read them like variables."""
    targets: list[nodes.Node] = [assign.target for assign in tree.find_all(nodes.Assign)]
    targets += [assign.target for assign in tree.find_all(nodes.AssignBlock)]
    for target in targets:
        names = (target, *target.find_all(nodes.Name))
        yield from (it.name for it in names if isinstance(it, nodes.Name))
    yield from (macro.name for macro in tree.find_all(nodes.Macro))
    yield from (imported.target for imported in tree.find_all(nodes.Import))
    for imported in tree.find_all(nodes.FromImport):
        yield from (it if isinstance(it, str) else it[1] for it in imported.names)


def _fields(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Yield the keys that are read of variables, and of the chain's entries ("chain.tests").

    What a loop goes over and what another name is set to count as the variables they come from.
    """
    origins: dict[str, set[str]] = {}
    named_parts = [(loop.target, loop.iter) for loop in tree.find_all(nodes.For)]
    named_parts += [(assign.target, assign.node) for assign in tree.find_all(nodes.Assign)]
    for target, node in named_parts:
        if isinstance(target, nodes.Name):
            origins.setdefault(target.name, set()).add(_owner(node))
    reads = [(_owner(node), field) for node, field in _attributes(tree)]
    for filtered in tree.find_all(nodes.Filter):
        named = [keyword.value for keyword in filtered.kwargs if keyword.key == "attribute"]
        named += filtered.args[: filtered.name in ("selectattr", "rejectattr")]
        reads += [(_owner(filtered), one.value) for one in named if isinstance(one, nodes.Const)]
    for owner, field in reads:
        owners, waiting = set[str](), [owner]
        while waiting:
            current = waiting.pop()
            waiting += origins.get(current, set()) - owners - {current}
            owners.add(current)
        yield from ((one, field) for one in owners if one and field)


def _owner(node: nodes.Node | None) -> str:
    """Return the variable, or the list of the chain, that something is or is an item of."""
    match node:
        case nodes.Name(name=name):
            return name
        case nodes.Getattr(node=inner) | nodes.Getitem(node=inner) if field := _field(node):
            return f"chain.{field}" if _owner(inner) == "chain" else ""
        case nodes.Filter(node=inner) | nodes.Getitem(node=inner):
            return _owner(inner)
    return ""


def _attributes(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str]]:
    reads: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr)]
    for read in (*reads, *tree.find_all(nodes.Getitem)):
        if field := _field(read):
            yield read.node, field


def _field(node: nodes.Node) -> str:
    match node:
        case nodes.Getattr(attr=key) | nodes.Getitem(arg=nodes.Const(value=str(key))):
            return str(key)
    return ""


def find_misspelt(definitions: Definitions, load: Callable[[str], str]) -> Iterator[Finding]:
    """Find keys that no template reads and that are like one which is read and isn't there.

    Each is put right in `definitions`, so that what follows from it isn't told as well.
    """
    names = dict.fromkeys(entry.template for entry in definitions.entries)
    try:
        reads = {name: read_template(name, load) for name in names}
    except (jinja2.TemplateError, CflJobsError):
        return  # rendering tells it
    words = _union(read.words for read in reads.values())

    def fix(mapping: TrackedDict, taken: Collection[str]) -> Iterator[Finding]:
        for key, _ in mapping.raw_items():
            if key not in words and key not in taken:
                place = mapping.position_of(key)
                if near := mend_key(mapping, key, taken):
                    message = f"{key!r} is misspelt: no template reads it"
                    advice = f"Did you mean {near!r}?"
                    yield definitions.sources.find(message, place, advice=advice)

    settings = _union(read.keys_of("settings") for read in reads.values())
    yield from fix(definitions.settings, {"server", "project", *settings})
    given: dict[str, set[str]] = {}  # also to be read of the chain, by another template
    for entry in definitions.entries:
        given.setdefault(entry.template, set()).update(words & {*dict(entry.variables.raw_items())})
    for entry in definitions.entries:
        variables = reads[entry.template].variables
        taken = {"name", "moved", *variables, *given[entry.template]}
        taken |= _union(read.keys_of(f"chain.{entry.group}") for read in reads.values())
        yield from fix(entry.variables, taken)
        yield from fix(definitions.defaults[entry.group], taken)
        for name in sorted(variables):
            fields = reads[entry.template].keys_of(name) - set(dir(dict))
            for inner in entries_of(dict.get(entry.variables, name)):
                if isinstance(inner, TrackedDict):
                    yield from fix(inner, fields)
