"""Templates as Jinja2 parsed them → text that it would drop without a word.

That is: text outside the blocks of a template that extends another, a block that nothing shows,
text beside the macros of an imported template, and shell that is taken for a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import jinja2
from jinja2 import nodes

from cfl_jobs.errors import nearest, suggest
from cfl_jobs.reading.located_yaml import MARK, line_at

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
                    yield _odd_comment(_word(_WORD_AT_START, source, begins_at), begins_at)
                elif "{#" in text:
                    message = "this comment isn't closed before another one begins"
                    yield Mistake(begins_at, message, "End it with #} after a blank.")
                elif text[-1:].strip(_BLANK):
                    ends_at = begins_at + text.count("\n")
                    yield _odd_comment(_word(_WORD_AT_END, source, ends_at), ends_at, "ends")
            before = text
    except jinja2.TemplateSyntaxError as error:
        if "comment" not in str(error.message):
            return  # the parser tells it
        word = _word(_WORD_AT_START, source, error.lineno)
        yield _odd_comment(word, error.lineno)


def _word(pattern: re.Pattern[str], source: Sequence[str], line: int) -> str:
    found = pattern.search(line_at(source, line - 1))
    return found[0] if found else "{#"


def _odd_comment(word: str, line: int, verb: str = "begins") -> Mistake:
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
    """What a block, or a template outside of its blocks, shows: other blocks, its parent's text."""

    line: int
    shows: tuple[str, ...]
    calls_super: bool


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
    parent, misplaced = "", tuple[Mistake, ...]()
    if extends is not None:
        misplaced = tuple(_misplaced(tree))
        if isinstance(extends.template, nodes.Const):
            parent = extends.template.value
    blocks = {block.name: _body(block) for block in tree.find_all(nodes.Block)}
    return Outline(
        name,
        parent,
        extends is not None,
        _body(tree),
        blocks,
        tuple(node.name for node in tree.body if isinstance(node, nodes.Block)),
        tuple(_texts_outside(tree)),
        misplaced,
    )


def _body(node: nodes.Node) -> _Body:
    shows: list[str] = []
    calls_super = False
    for inner in _walk(node):
        if isinstance(inner, nodes.Block):
            shows.append(inner.name)
        elif isinstance(inner, nodes.Name) and inner.name == "super":
            calls_super = True
        elif isinstance(inner, nodes.Getattr) and inner.node == nodes.Name("self", "load"):
            shows.append(inner.attr)
    return _Body(node.lineno, tuple(shows), calls_super)


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
    places: Iterator[tuple[int, int, str] | None]
    if isinstance(node, nodes.Output):
        places = (
            _first_text(i) if isinstance(i, nodes.TemplateData) else (i.lineno, 0, "")
            for i in node.nodes
        )
    elif isinstance(node, (*_SILENT, nodes.Expr)):
        return None
    else:
        places = map(_first_text, node.iter_child_nodes())
    return next(filter(None, places), None)


def _misplaced(tree: nodes.Template) -> Iterator[Mistake]:
    """Find blocks and `extends` inside of an `if` or `for`, which has no say in them."""
    for outer in tree.body:
        if isinstance(outer, nodes.Block):
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
            around = _block_around(name, parents)
            message = f"no job would get the block {name!r}: {around!r} around it is replaced"
            advice = f"Write {{{{ super() }}}} in {around!r}, or put the text there."
            yield Mistake(child.blocks[name].line, message, advice)


def find_beside_macros(imported: Outline) -> Iterator[Mistake]:
    """Find text of an imported template outside of its macros: only those are taken."""
    for line, column, _ in imported.texts:
        message = "this text stands outside of every macro, and the file is only imported"
        yield Mistake(line, message, "Put it into a macro, or use {% include %}.", column)


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
        if bodies[level].calls_super:
            waiting.append((name, level + 1))
    return shown


def _block_around(name: str, parents: Sequence[Outline]) -> str:
    bodies = [(outer, body) for parent in parents for outer, body in parent.blocks.items()]
    return next((outer for outer, body in bodies if name in body.shows), name)
