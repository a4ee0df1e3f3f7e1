"""Templates as Jinja2 parses them → text that it would drop without a word, and what each takes.

Text is dropped outside the blocks of a template that extends another, in a block that nothing
shows, and beside the macros of an imported template; and shell that is taken for a comment is.
What a template takes are variables, and keys of them, whatever is behind an `if` that nobody's
definition reaches: so keys of definitions are seen to be misspelt even where rendering fails for
want of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jinja2
import jinja2.runtime
from jinja2 import meta, nodes

from cfl_jobs.errors import nearest, suggest
from cfl_jobs.reading.located_yaml import MARK, line_at

_GIVEN = frozenset(
    {"settings", "chain", "script", "refuse", "super", "self", "caller", "varargs", "kwargs"}
)
_SILENT = (
    nodes.Assign,
    nodes.AssignBlock,
    nodes.Block,
    nodes.Extends,
    nodes.FromImport,
    nodes.Import,
    nodes.Macro,
)
_WORD_AT_START = re.compile(r"\$?\{#[^\s}\"']*\}*")
_WORD_AT_END = re.compile(r"[^\s{]*#\}|\$\{[^\s{]*#\}")
_BLANK = "# \t\r\n"
_AS_FILE = "put the script into templates/scripts/, where it is plain text"

_TAG = re.compile(
    r"\{%[-+]?\s*raw\s*-?%\}(?P<raw>.*?)\{%[-+]?\s*endraw\s*[-+]?%\}"
    r"|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Text that would be lost. `line` and `column` count from 1, column 0 is the line's text."""

    line: int
    message: str
    advice: str
    column: int = 0


class LostText(jinja2.TemplateSyntaxError):
    """Everything that one template would lose."""

    def __init__(self, mistakes: Sequence[Mistake], name: str) -> None:
        super().__init__(mistakes[0].message, mistakes[0].line, name)
        self.mistakes = tuple(mistakes)


# -- shell that is taken for a comment -------------------------------------------------------------


def find_odd_comments(
    tokens: Iterable[tuple[int, str, str]], source: Sequence[str]
) -> Iterator[Mistake]:
    """Find comments that begin or end in the middle of a word, or hold the start of another.

    `tokens` are those of Jinja2's lexer, `source` the template's lines.
    """
    before, begins_at = "", 1
    try:
        for line, kind, text in tokens:
            if kind == "comment_begin":
                begins_at = line
            elif kind == "comment":
                if before.endswith("$") or text[:1].strip(_BLANK):
                    yield _odd_comment(source, begins_at)
                elif "{#" in text:
                    message = "this comment isn't closed before another one begins"
                    yield Mistake(begins_at, message, "End it with #} after a blank.")
                elif text[-1:].strip(_BLANK):
                    ends_at = begins_at + text.count("\n")
                    yield _odd_comment(source, ends_at, _WORD_AT_END, "ends")
            before = text
    except jinja2.TemplateSyntaxError as error:
        if "comment" in str(error.message):  # the parser tells others
            yield _odd_comment(source, error.lineno)


def _odd_comment(
    source: Sequence[str],
    line: int,
    word_at: re.Pattern[str] = _WORD_AT_START,
    verb: str = "begins",
) -> Mistake:
    found = word_at.search(line_at(source, line - 1))
    word = found[0] if found else "{#"
    written = f'"{word}"' if '"' not in word else f"'{word}'"
    return Mistake(
        line,
        f"with {word!r} {verb} a comment of Jinja2, which would be left out",
        f"If it is shell, write {{{{ {written} }}}}, or {_AS_FILE}; a comment is {{# so #}}.",
    )


# -- blanks ----------------------------------------------------------------------------------------


def keep_blanks(source: str) -> str:
    """Return a template whose tags take no blanks and no line end of lines that hold text too.

    Jinja2's trim_blocks and lstrip_blocks are for tags that have a line to themselves; at the end
    of a line of shell they would join it with the next one.
    """
    kept: list[str] = []
    end = 0
    for found in _TAG.finditer(source):
        tag = found[0]
        before = source[source.rfind("\n", 0, found.start()) + 1 : found.start()]
        after = source[found.end() :].partition("\n")[0]
        shared = _TAG.sub(_own_text, before + after).strip()
        first, _, last = _own_text(found).rpartition("\n")
        kept.append(source[end : found.start()])
        end = found.end()
        if tag.startswith("{{"):
            kept.append(tag)
            continue
        if (shared or first.partition("\n")[0].strip() or last.strip()) and tag[2] not in "-+":
            tag = f"{tag[:2]}+{tag[2:]}"
        if (shared or last.strip()) and tag[-3] not in "-+":
            tag = f"{tag[:-2]}+{tag[-2:]}"
        kept.append(tag)
    return "".join([*kept, source[end:]])


def _own_text(found: re.Match[str]) -> str:
    """Return what a tag adds to the text of its lines."""
    return found[0] if found[0].startswith("{{") else found["raw"] or ""


# -- blocks ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Body:
    """What a block, or a template outside of its blocks, shows: other blocks, "super"."""

    line: int
    shows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """One template's blocks. `texts` are the places of text outside of them, one for each run.

    `parent` is the template that it extends, "" if it extends none or one that is computed.
    """

    name: str
    parent: str
    extends: bool
    top: _Body
    blocks: Mapping[str, _Body]
    outer: tuple[str, ...]
    texts: tuple[tuple[int, int, str], ...]
    misplaced: tuple[Mistake, ...]


def outline_of(tree: nodes.Template, name: str) -> Outline:
    extends = tree.find(nodes.Extends)
    return Outline(
        name,
        getattr(getattr(extends, "template", None), "value", ""),
        extends is not None,
        _body(tree),
        {block.name: _body(block) for block in tree.find_all(nodes.Block)},
        tuple(node.name for node in tree.body if isinstance(node, nodes.Block)),
        tuple(_texts_outside(tree)),
        tuple(_misplaced(tree)),
    )


def _body(node: nodes.Node) -> _Body:
    shows: list[str] = []
    for inner in _walk(node):
        if isinstance(inner, nodes.Block) or (
            isinstance(inner, nodes.Name) and inner.name == "super"
        ):
            shows.append(inner.name)
        elif isinstance(inner, nodes.Getattr) and inner.node == nodes.Name("self", "load"):
            shows.append(inner.attr)
    return _Body(node.lineno, tuple(shows))


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield what is in a node, but not what is in the blocks in it."""
    for inner in node.iter_child_nodes():
        yield inner
        if not isinstance(inner, nodes.Block):
            yield from _walk(inner)


def _texts_outside(tree: nodes.Template) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and text of what is written outside of blocks, macros and the like."""
    start = next((n for n, node in enumerate(tree.body) if isinstance(node, nodes.Extends)), -1)
    is_told = False
    for node in tree.body[start + 1 :]:
        if isinstance(node, nodes.Block):
            is_told = False
        elif not is_told and (place := _first_text(node)):
            yield place
            is_told = True


def _first_text(node: nodes.Node) -> tuple[int, int, str] | None:
    """Return the place of the first thing that a node writes, if it writes anything."""
    if isinstance(node, nodes.TemplateData):
        for mark in MARK.finditer(node.data):
            text = node.data[mark.end() :].partition("\n")[0].strip()
            if not text.startswith("#"):  # a comment of YAML
                return int(mark[2]), int(mark[3]), text
        return None
    if isinstance(node, nodes.Include | nodes.CallBlock | nodes.FilterBlock):
        return node.lineno, 0, ""
    if isinstance(node, (*_SILENT, nodes.Expr)):
        return None
    if not isinstance(node, nodes.Output):
        return next(filter(None, map(_first_text, node.iter_child_nodes())), None)
    for part in node.nodes:
        if not isinstance(part, nodes.TemplateData):
            return part.lineno, 0, ""
        if place := _first_text(part):
            return place
    return None


def _misplaced(tree: nodes.Template) -> Iterator[Mistake]:
    """Find blocks and `extends` inside of an `if` or `for`, which has no say in them."""
    extends = tree.find(nodes.Extends) is not None
    for outer in tree.body:
        if isinstance(outer, nodes.Block) or not extends:
            continue
        for inner in _walk(outer):
            if isinstance(inner, nodes.Extends):
                yield Mistake(
                    inner.lineno,
                    "{% extends %} stands inside of another tag",
                    'Write {% extends "a.yaml.j2" if … else "b.yaml.j2" %} as the first line.',
                )
            elif isinstance(inner, nodes.Block):
                yield Mistake(
                    inner.lineno,
                    f"the block {inner.name!r} stands inside of another tag, but replaces the "
                    "parent's in any case",
                    "Put that tag inside of the block; {{ super() }} there is the parent's text.",
                )


def find_lost_text(chain: Sequence[Outline]) -> Iterator[Mistake]:
    """Find what the first template of a chain, each of which extends the next, would lose.

    The last one extends none, or one that isn't known.
    """
    child, *parents = chain
    known = list(dict.fromkeys(name for parent in parents for name in parent.blocks))
    yield from child.misplaced
    for line, column, text in child.texts:
        near = nearest(text.partition(":")[0], known)
        block = f"{{% block {near} %}}" if near else "a block"
        advice = f"Put it inside of {block}; {child.parent or 'the parent'} has {', '.join(known)}."
        message = "this text stands outside of every block, so no job would get it"
        yield Mistake(line, message, advice, column)
    if parents[-1].extends:
        return
    shown = _shown_blocks(chain)
    for name in child.outer:
        if name not in known:
            message = f"{parents[0].name} has no block {name!r}, so no job would get this one"
            advice = suggest(name, known) or f"It has {', '.join(known)}."
            yield Mistake(child.blocks[name].line, message, advice)
        elif name not in shown:
            bodies = [found for parent in parents for found in parent.blocks.items()]
            around = next((outer for outer, body in bodies if name in body.shows), name)
            message = f"no job would get the block {name!r}: {around!r} around it is replaced"
            advice = f"Write {{{{ super() }}}} in {around!r}, or put the text there."
            yield Mistake(child.blocks[name].line, message, advice)


def _shown_blocks(chain: Sequence[Outline]) -> set[str]:
    """Return the blocks that are shown somewhere, as the templates of a chain replace them."""
    shown: set[str] = set()
    waiting = [(name, 0) for name in chain[-1].top.shows]
    seen: set[tuple[str, int]] = set()
    while waiting:
        name, level = waiting.pop()
        bodies = [outline.blocks[name] for outline in chain if name in outline.blocks]
        if (name, level) in seen or level >= len(bodies):
            continue
        seen.add((name, level))
        shown.add(name)
        waiting += [(inner, 0) for inner in bodies[level].shows]
        if "super" in bodies[level].shows:
            waiting.append((name, level + 1))
    return shown


# -- what templates take ---------------------------------------------------------------------------


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
    return TemplateReads(*(union(parts) for parts in zip(*files.values(), strict=True)))


def union(sets: Iterable[Iterable[Any]]) -> frozenset[Any]:
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
    assigns: Iterator[Any] = tree.find_all((nodes.Assign, nodes.AssignBlock))
    for assign in assigns:
        names = (assign.target, *assign.target.find_all(nodes.Name))
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
    reads: Iterator[Any] = tree.find_all((nodes.Getattr, nodes.Getitem))
    for read in reads:
        if field := _field(read):
            yield read.node, field


def _field(node: nodes.Node) -> str:
    match node:
        case nodes.Getattr(attr=key) | nodes.Getitem(arg=nodes.Const(value=str(key))):
            return str(key)
    return ""
