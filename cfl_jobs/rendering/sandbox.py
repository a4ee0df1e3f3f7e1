"""Jinja2's sandbox as templates get it: marks in the text, values held back, reads noted.

It knows templates' files, but no definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import partial, wraps
from typing import Any

import jinja2
import jinja2.ext
import jinja2.lexer
import jinja2.runtime
import jinja2.sandbox
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import do_join, do_replace
from jinja2.utils import LRUCache
from jinja2.utils import missing as _no_owner

from cfl_jobs.configs.config import Steering
from cfl_jobs.errors import CflJobsError, Position, suggest
from cfl_jobs.reading import TEMPLATES
from cfl_jobs.reading.located_yaml import RESERVED, Sources
from cfl_jobs.reading.tracking import NOWHERE, LocatedText, Pieces, TrackedDict
from cfl_jobs.rendering import template_trees
from cfl_jobs.rendering.provenance import cut, join, mark_lines, pieces_of
from cfl_jobs.rendering.template_trees import LostText, Mistake, Outline

SCRIPTS = f"{TEMPLATES}/scripts"
# Filters that return HTML, which has no place in YAML.
_HTML_FILTERS = ("e", "escape", "forceescape", "safe", "tojson", "urlize", "xmlattr")
_LARGEST = 1_000_000
# Methods that what is parsed calls, as filters with a blank in their names: no template can.
_METHODS = (
    *("refuse_text", "note_name", "begin_test", "end_test", "check_parent", "check_imported"),
)
# Filters that take text too, as a list of its letters.
_BY_ITEM = (
    *("batch", "groupby", "list", "map", "reject", "rejectattr", "reverse", "select"),
    *("selectattr", "slice", "sort", "unique"),
)
_COMPILED = LRUCache(100)
_NOTHING_READ = (TrackedDict(), "", None)
# Nodes of templates that look at a value first.
_CHANGED = (nodes.For, nodes.If, nodes.Output, nodes.Extends, nodes.Import, nodes.FromImport)


@jinja2.pass_eval_context
def _join(context: nodes.EvalContext, value: Any, d: str = "", attribute: Any = None) -> str:
    """Join as Jinja2's own filter does; the text knows where each of its parts stands."""
    given = list(value)
    text: str = do_join(context, given, d, attribute)
    places = [place for part in given for _, place in pieces_of(part)]
    if attribute is not None or not places:
        return text
    parts: list[tuple[str, Pieces]] = []
    for part in given:
        pieces = pieces_of(part)
        # What stands between two parts comes with the second one.
        parts.append((str(d) * bool(parts), tuple((0, place) for _, place in pieces[:1])))
        parts.append((str(part), pieces[1:]))
    _, first, pieces = join(parts, places[0])
    return LocatedText(text, first, ((0, first), *(piece for piece in pieces if piece[0])))


@jinja2.pass_eval_context
def _replace(
    context: nodes.EvalContext, value: Any, old: Any, new: Any, count: int | None = None
) -> str:
    """Replace as Jinja2's own filter does; the text knows where each of its parts stands."""
    text: str = do_replace(context, value, old, new, count)
    located = [each for each in (value, new) if isinstance(each, LocatedText)]
    if count is not None or not str(old) or not located:
        return text
    pieces = pieces_of(value) or ((0, NOWHERE),)
    parts: list[tuple[str, Pieces]] = []
    at = 0
    for part in str(value).split(str(old)):
        if parts:
            parts.append((str(new), ((0, getattr(new, "pos", NOWHERE)),)))
            at += len(str(old))
        parts.append((part, cut(value, pieces, at, at + len(part))))
        at += len(part)
    return LocatedText(text, *join(parts, located[0].pos)[1:])


def _keep_place(change: Callable[..., str]) -> Callable[..., str]:
    """Make a filter of one text, such as `lower`, whose text knows where the value stands."""

    @wraps(change)
    def changed(value: Any, *arguments: Any, **named: Any) -> str:
        text = change(value, *arguments, **named)
        return LocatedText(text, value.pos) if isinstance(value, LocatedText) else text

    return changed


def _note_tests(node: nodes.If, template: str) -> None:
    """Let an `if` and each `elif` tell which values it reads, and up to which line it decides."""
    last = max(  # those that are put in stand nowhere
        (inner.lineno or 0) + getattr(inner, "data", "").rstrip("\n").count("\n")
        for inner in (node, *node.find_all(nodes.Node))
    )
    for branch in (node, *node.elif_):
        # What stands right of an operator, or of a name's `=`, is a helper's.
        for parent in (branch, branch.test, *branch.test.find_all((nodes.Expr, nodes.Helper))):
            for name, value in tuple(parent.iter_fields()):
                if isinstance(value, nodes.Name):
                    setattr(parent, name, _note_name(value))
                elif isinstance(value, list) and parent is not branch:
                    value[:] = map(_note_name, value)
        begin = _filtered(nodes.Const(None, lineno=branch.lineno), "begin_test")
        pair = nodes.Tuple([begin, branch.test], "load", lineno=branch.lineno)
        branch.test = _filtered(pair, "end_test", template, branch.lineno, last)


def _note_name(node: Any) -> Any:
    """Let a lone variable, or one with a default, note its name: its value doesn't know it."""
    inner = node
    while isinstance(inner, nodes.Filter) and inner.name in ("default", "d"):
        inner = inner.node
    return _filtered(node, "note_name", inner.name) if isinstance(inner, nodes.Name) else node


def _check_list(node: Any) -> nodes.Filter:
    """Let a `for` look at what it loops over, before a filter makes a list of letters of it."""
    if isinstance(node, nodes.Filter) and node.name in _BY_ITEM and node.node is not None:
        node.node = _check_list(node.node)
        return node
    return _filtered(node, "refuse_text")


def _filtered(node: Any, method: str, *arguments: object) -> nodes.Filter:
    """Return what calls a method of Environment with a value, when that is known."""
    given: list[nodes.Expr] = [nodes.Const(argument) for argument in arguments]
    return nodes.Filter(node, f"{method} ", given, [], None, None, lineno=node.lineno)


class MissingKey(jinja2.UndefinedError):
    """Definitions don't have a key: `owner` is the mapping that lacks `key`."""

    def __init__(self, message: str | None, owner: dict[str, Any], key: str) -> None:
        super().__init__(message)
        self.owner = owner
        self.key = key


class _Missing(jinja2.StrictUndefined):
    """An undefined value whose message speaks of the field's words, not of Python's classes."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        owner, error = self._undefined_obj, self._undefined_exception
        if error is jinja2.UndefinedError and isinstance(owner, dict):
            exact: Any = partial(MissingKey, owner=owner, key=str(self._undefined_name))
            self._undefined_exception = exact  # it is only called

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        owner = self._undefined_obj
        if owner is _no_owner or self._undefined_hint:
            return self._undefined_hint or f"{name!r} is undefined"
        if isinstance(owner, dict):
            known = list(dict.keys(owner))  # no read to be noted
            only = f", only {', '.join(map(repr, known))}" if known else ""
            return f"there is no {name!r} here{only}. {suggest(name, known)}".rstrip(". ")
        return f"a {type(owner).__name__.lower()} has no {name!r}"


class _NotingContext(jinja2.runtime.Context):
    """A context that tells the definition at hand which of its variables were asked for."""

    def resolve_or_missing(self, key: str) -> Any:
        if isinstance(self.environment, Environment):
            self.environment.reading.note(key)
        return super().resolve_or_missing(key)


class Environment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The sandbox, where `mapping.key` is the mapping's key even when dict has such a method.

    `hold` returns what stands in the rendered text for a `{{ … }}`. `reading` are the variables of
    the definition that is being rendered.
    """

    context_class = _NotingContext
    # Operators that make much of little: a typo must not fill the memory.
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, loader: Loader, hold: Callable[[Any], Any]) -> None:
        super().__init__(
            loader=loader,
            undefined=_Missing,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            extensions=[_LineMarks],
            finalize=_pass_context(hold),
        )
        for name in _HTML_FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        for name in _METHODS:
            self.filters[f"{name} "] = _pass_context(getattr(self, name))
        self.filters["join"] = _join
        self.filters["replace"] = _replace
        for name in ("lower", "upper", "capitalize", "title", "trim"):
            self.filters[name] = _keep_place(self.filters[name])
        for name in ("selectattr", "rejectattr"):
            self.filters[name] = self._picking(self.filters[name])
        self.outlines: dict[str, Outline] = {}
        self.reading = TrackedDict()
        # The mappings and keys that were read since the last test began, and what was found there.
        self._reads: list[tuple[TrackedDict, str, Any]] = []
        self._listed: list[Position] = []
        self._checked: set[tuple[str, str]] = set()  # templates with the parents that they fit
        # The places of the values that decided of lines of a file.
        self._steering: dict[tuple[str, int, int], set[Position]] = {}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Parse, and let every `for` look at what it loops over first.

        Raises LostText where shell is taken for a comment.
        """
        name = name or ""
        if "{#" in source:
            tokens = self.lexer.tokeniter(source, name)
            if odd := tuple(template_trees.find_odd_comments(tokens, source.split("\n"))):
                raise LostText(odd, name)
        tree = super()._parse(source, name, filename)
        self.outlines[name] = template_trees.outline_of(tree, name)
        others = {id(branch) for node in tree.find_all(nodes.If) for branch in node.elif_}
        for node in tuple(tree.find_all(_CHANGED)):
            if isinstance(node, nodes.For):
                node.iter = _check_list(node.iter)
            elif isinstance(node, nodes.If):
                if id(node) not in others:  # it is noted with its `if`
                    _note_tests(node, name)
            elif isinstance(node, nodes.Output):
                node.nodes = [_note_name(part) for part in node.nodes]
            elif isinstance(node, nodes.Extends):
                node.template = _filtered(node.template, "check_parent", name)
            elif isinstance(node, nodes.Import | nodes.FromImport):
                node.template = _filtered(node.template, "check_imported")
        tree.set_environment(self)
        return tree

    def outline(self, name: str) -> Outline:
        """Return the outline of a template. Raises as `get_template`."""
        self.get_template(name)
        return self.outlines[name]

    def check_parent(self, parent: Any, name: str) -> Any:
        """Return a template's parent. Raises LostText for what of the template it doesn't take."""
        if isinstance(parent, str) and (name, parent) not in self._checked:
            chain, above = [self.outline(name)], parent
            while above and above not in (outline.name for outline in chain):
                chain.append(self.outline(above))
                above = chain[-1].parent
            if lost := tuple(template_trees.find_lost_text(chain)):
                raise LostText(lost, name)
            self._checked.add((name, parent))
        return parent

    def check_imported(self, imported: Any) -> Any:
        """Return an imported template. Raises LostText for text in it that isn't in macros."""
        if isinstance(imported, str) and (texts := self.outline(imported).texts):
            message = "this text stands outside of every macro, and the file is only imported"
            advice = "Put it into a macro, or use {% include %}."
            lost = [Mistake(line, message, advice, column) for line, column, _ in texts]
            raise LostText(lost, imported)
        return imported

    def refuse_text(self, value: Any) -> Any:
        """Return what a `for` loops over. Text would be taken letter by letter: `who: alice`."""
        if isinstance(value, str):
            message = f"{str(value)!r} is text where a list is needed"
            raise CflJobsError(message, advice=f"Write [{value}].")
        if value is None:
            message = "nothing is given where a list is needed"
            raise CflJobsError(message, advice="Give it, or write [].")
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        value = super().getitem(obj, argument)
        if isinstance(obj, TrackedDict) and isinstance(argument, str):
            self._reads.append((obj, argument, value))
        return value

    def note_name(self, value: Any, name: str) -> Any:
        """Note that a value may be the variable of that name, or is a list made of others'."""
        if dict.get(self.reading, name, _no_owner) is value:
            self._reads.append((self.reading, name, value))
        elif isinstance(value, list):
            self._listed = [item.pos for item in value[:1] if isinstance(item, LocatedText)]
        return value

    def begin_test(self, value: Any) -> Any:
        self._reads.clear()
        self._listed = []
        return value

    def end_test(self, tested: tuple[Any, Any], template: str, first: int, last: int) -> Any:
        """Note what a test read, of the entry's own values or else of all; return its result.

        Of a list that a template made of values it is the first one.
        """
        reads = [(mapping, key) for mapping, key, _ in self._reads]
        own = [(at, key) for at, key in reads if at is self.reading and key not in at.forward]
        read = {_place_of(*each) for each in own or reads} or set(self._listed)
        self._steering.setdefault((f"{TEMPLATES}/{template}", first, last), set()).update(read)
        return tested[1]

    def _picking(self, pick: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Make a filter that notes by which value of its own, and nothing else, it picks entries.

        That is the value that was read last.
        """

        @jinja2.pass_context
        def picking(context: Any, value: Any, *arguments: Any, **named: Any) -> Iterator[Any]:
            for picked in pick(context, value, *arguments, **named):
                mapping, key, _ = (self._reads or [_NOTHING_READ])[-1]
                if len(arguments) == 1 and mapping is picked and picked.key_positions:
                    lines = [place.line for place in picked.key_positions.values()]
                    steered = (picked.pos.file, min(lines), max(lines))
                    self._steering.setdefault(steered, set()).add(_place_of(picked, key))
                yield picked

        return picking

    def take_steering(self) -> tuple[Steering, ...]:
        """Return what let in parts of what was rendered last, where that is one value; forget."""
        self._reads.clear()
        found, self._steering = self._steering, {}
        return tuple(Steering(*lines, *of) for lines, of in found.items() if len(of) == 1)

    def take_place(self, value: Any) -> Position | None:
        """Return where a number or flag stands, if it is what was read last, and forget that."""
        if not self._reads:
            return None
        mapping, key, found = self._reads[-1]
        self._reads[-1] = (mapping, key, _no_owner)
        if found is not value or not isinstance(value, (bool, int, float)):
            return None
        return mapping.forward.get(key, mapping).value_positions.get(key)

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        if operator == "%" and isinstance(left, str):
            raise SecurityError("text % values is not for templates; use ~")
        highest = {"**": (_LARGEST, 100)}.get(operator, ())
        for value, most in zip((left, right), highest, strict=False):
            if isinstance(value, int) and abs(value) > most:
                raise SecurityError("such a power is too large")
        lengths = [len(it) for it in (left, right) if isinstance(it, (str, list, tuple))]
        counts = [it for it in (left, right) if isinstance(it, int)]
        if operator == "*" and lengths and counts and lengths[0] * counts[0] > _LARGEST:
            raise SecurityError("such a product is too long")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and (
            dict.__contains__(obj, attribute) or not hasattr(dict, attribute)
        ):
            return self.getitem(obj, attribute)
        return super().getattr(obj, attribute)


def _place_of(mapping: TrackedDict, key: str) -> Position:
    return mapping.forward.get(key, mapping).position_of(key)


class Loader(jinja2.BaseLoader):
    """Reads templates; `files` are those that were asked for, whose numbers stand in marks.

    A text is compiled once, whichever projects have it: a review's base and head have most alike.
    What it is compiled to depends on the text, its name and its number alone.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.files: list[str] = []

    def read(self, name: str) -> str:
        """Return a template's text. Raises TemplateNotFound, TemplateSyntaxError, CflJobsError."""
        file = f"{TEMPLATES}/{name}"
        if name.startswith("/") or ".." in name.split("/"):
            raise jinja2.TemplateNotFound(name)
        if file.startswith(f"{SCRIPTS}/"):
            script = file.removeprefix(f"{SCRIPTS}/")
            advice = f'Write {{{{ script("{script}") }}}}: then its text is taken as it stands.'
            raise CflJobsError(f"{file} is a script, not a template", advice=advice)
        try:
            text = self._sources.read(file)
        except OSError as error:
            raise jinja2.TemplateNotFound(name) from error
        except ValueError as error:
            raise CflJobsError(f"{file}: {error}") from error
        if found := RESERVED.search(text):
            line = text.count("\n", 0, found.start()) + 1
            message = f"the character U+{ord(found[0]):04X} is no character; remove it"
            raise jinja2.TemplateSyntaxError(message, line, name)
        return text

    def load(
        self,
        environment: jinja2.Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - jinja2's name
    ) -> jinja2.Template:
        assert isinstance(environment, Environment)
        source = self.read(name)
        self.files.append(f"{TEMPLATES}/{name}")
        key = (source, name, self.files.index(self.files[-1]))
        if key not in _COMPILED:
            code = environment.compile(source, name, name)
            _COMPILED[key] = code, environment.outlines[name]
        code, environment.outlines[name] = _COMPILED[key]
        return environment.template_class.from_code(environment, code, globals or {})


class _LineMarks(jinja2.ext.Extension):
    """Marks each line of template text with its place."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return template_trees.keep_blanks(source)

    def filter_stream(self, stream: jinja2.lexer.TokenStream) -> Iterator[jinja2.lexer.Token]:
        loader = self.environment.loader
        assert isinstance(loader, Loader)
        name = stream.name or ""
        number = loader.files.index(f"{TEMPLATES}/{name}")
        source = loader.read(name).splitlines()
        at_line, column = 0, 0
        for token in stream:
            if token.type == "data":
                start = column * (token.lineno == at_line)
                text = "".join(mark_lines(token.value, number, token.lineno, source, start))
                at_line = token.lineno + token.value.count("\n")
                column = len(token.value) - token.value.rfind("\n") - 1
                token = jinja2.lexer.Token(token.lineno, token.type, text)
            yield token


def _pass_context(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that Jinja2 can't run while it compiles, when no value is known yet."""

    @jinja2.pass_context
    def at_run_time(_: jinja2.runtime.Context, *arguments: Any) -> Any:
        return function(*arguments)

    return at_run_time
