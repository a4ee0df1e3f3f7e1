"""templates/*.yaml.j2 → the variables that each takes, and what their use tells of their values.

Templates are parsed, not run: a variable behind an `if` that nobody's definition reaches counts.
So keys of definitions are seen to be misspelt even where rendering fails for want of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import jinja2
import jinja2.runtime
from jinja2 import meta, nodes

from cfl_jobs.errors import CflJobsError, Finding
from cfl_jobs.reading.definitions import Definitions, mend_key
from cfl_jobs.reading.tracking import TrackedDict, entries_of

_GIVEN = frozenset(
    {"settings", "chain", "script", "refuse", "super", "self", "caller", "varargs", "kwargs"}
)


@dataclass(frozen=True, slots=True)
class TemplateReads:
    """What a template takes.

    `variables` are its definitions', with the keys that it reads of their items, or of themselves.
    `chain` are keys of the chain's entries, by group. `words` are all names that stand in it, also
    in texts as `map(attribute="x")` has.
    """

    variables: Mapping[str, frozenset[str]]
    chain: Mapping[str, frozenset[str]]
    settings: frozenset[str]
    words: frozenset[str]


def read_template(name: str, load: Callable[[str], str]) -> TemplateReads:
    """Return what a template takes, and the templates it extends or includes take.

    `load` returns a template's text. Raises jinja2.TemplateError, as rendering would.
    """
    environment = jinja2.Environment(autoescape=True, finalize=_compute_nothing)
    variables: set[str] = set()
    fields: dict[str, set[str]] = {}
    own: set[str] = set()
    words: set[str] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        tree = environment.parse(load(current), name=current)
        waiting += [other for other in meta.find_referenced_templates(tree) if other]
        own |= {target.name for target in _assigned(tree)}
        words |= set(_words(tree))
        for owner, field in _fields(tree):
            fields.setdefault(owner, set()).add(field)
        tracker = _Tracker(environment)
        tracker.visit(tree)
        variables |= tracker.undeclared_identifiers
    hidden = own | _GIVEN | set(environment.globals)
    taken = {key: frozenset(fields.get(key, ())) for key in sorted(variables) if key not in hidden}
    chain = {
        owner.removeprefix("chain."): frozenset(found)
        for owner, found in fields.items()
        if owner.startswith("chain.")
    }
    return TemplateReads(taken, chain, frozenset(fields.get("settings", ())), frozenset(words))


class _Tracker(meta.TrackingCodeGenerator):
    """meta.find_undeclared_variables, but constants aren't computed: one may fill the memory."""

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        self.optimizer = None


@jinja2.pass_context
def _compute_nothing(_context: jinja2.runtime.Context, value: object) -> object:
    """As it needs a context, Jinja2 leaves all values to the time of rendering."""
    return value


def _words(tree: nodes.Template) -> Iterator[str]:
    yield from (name.name for name in tree.find_all(nodes.Name))
    yield from (field for attribute in _attributes(tree) if (field := _field(attribute)))
    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, str):
            yield from re.findall(r"\w+", constant.value)


def find_misspelt(definitions: Definitions, load: Callable[[str], str]) -> Iterator[Finding]:
    """Find keys that no template reads and that are like one which is read and isn't there.

    Each is put right in `definitions`, so that what follows from it isn't told as well.
    """
    templates = {entry.template: entry for entry in definitions.entries}
    reads: dict[str, TemplateReads] = {}
    for name in templates:
        try:
            reads[name] = read_template(name, load)
        except (jinja2.TemplateError, CflJobsError):
            return  # rendering tells it
    words = frozenset[str]().union(*(read.words for read in reads.values()))
    settings = frozenset({"server", "project"}).union(*(read.settings for read in reads.values()))

    def fix(mapping: TrackedDict, taken: Collection[str]) -> Iterator[Finding]:
        for key, _ in mapping.raw_items():
            if key not in words and key not in taken:
                place = mapping.position_of(key)
                if near := mend_key(mapping, key, taken):
                    message = f"{key!r} is misspelt: no template reads it"
                    advice = f"Did you mean {near!r}?"
                    yield definitions.sources.find(message, place, advice=advice)

    yield from fix(definitions.settings, settings)
    given: dict[str, set[str]] = {}  # also to be read of the chain, by another template
    for entry in definitions.entries:
        given.setdefault(entry.template, set()).update(words & {*dict(entry.variables.raw_items())})
    for entry in definitions.entries:
        variables = reads[entry.template].variables
        taken = {"name", "moved", *variables, *given[entry.template]}
        taken = taken.union(*(read.chain.get(entry.group, ()) for read in reads.values()))
        yield from fix(entry.variables, taken)
        yield from fix(definitions.defaults[entry.group], taken)
        for name, fields in variables.items():
            value = dict.get(entry.variables, name)
            for inner in entries_of(value):
                if isinstance(inner, TrackedDict):
                    yield from fix(inner, fields - set(dir(dict)))


def _assigned(tree: nodes.Template) -> Iterator[nodes.Name]:
    """Yield the names that a template sets for itself; its blocks read them like variables."""
    targets = [assign.target for assign in tree.find_all(nodes.Assign)]
    targets += [assign.target for assign in tree.find_all(nodes.AssignBlock)]
    for target in targets:
        yield from [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name)
    for macro in tree.find_all(nodes.Macro):
        yield nodes.Name(macro.name, "store")
    for imported in tree.find_all(nodes.Import):
        yield nodes.Name(imported.target, "store")
    for imported_names in tree.find_all(nodes.FromImport):
        for item in imported_names.names:
            yield nodes.Name(item if isinstance(item, str) else item[1], "store")


def _fields(tree: nodes.Node) -> Iterator[tuple[str, str]]:
    """Yield the keys that are read of variables, and of the chain's entries ("chain.tests").

    What a loop goes over and what another name is set to count as the variables they come from.
    """
    origins: dict[str, set[str]] = {}
    named_parts = [(loop.target, loop.iter) for loop in tree.find_all(nodes.For)]
    named_parts += [(assign.target, assign.node) for assign in tree.find_all(nodes.Assign)]
    for target, node in named_parts:
        if isinstance(target, nodes.Name) and (origin := _owner(node)):
            origins.setdefault(target.name, set()).add(origin)
    reads = [(_owner(attribute.node), _field(attribute)) for attribute in _attributes(tree)]
    for filtered in tree.find_all(nodes.Filter):
        named = [keyword.value for keyword in filtered.kwargs if keyword.key == "attribute"]
        named += filtered.args[:1] if filtered.name in ("selectattr", "rejectattr") else []
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
    while isinstance(node, nodes.Filter) or (isinstance(node, nodes.Getitem) and not _field(node)):
        node = node.node
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, (nodes.Getattr, nodes.Getitem)) and _owner(node.node) == "chain":
        return f"chain.{_field(node)}"
    return ""


def _attributes(node: nodes.Node) -> Iterator[nodes.Getattr | nodes.Getitem]:
    yield from node.find_all(nodes.Getattr)
    yield from node.find_all(nodes.Getitem)


def _field(node: nodes.Getattr | nodes.Getitem) -> str:
    if isinstance(node, nodes.Getattr):
        return node.attr
    is_text = isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)
    return str(node.arg.value) if is_text and isinstance(node.arg, nodes.Const) else ""
