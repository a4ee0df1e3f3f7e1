"""A script's commands → what becomes of the script where each of them fails.

The commands become steps, each with where the script goes on after it. One command at a time is
taken to fail while the others do what they do: where each way from there ends the script red, it
is a guard. What a variable holds is known only where the script says so itself; what isn't known
may be either way.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from cfl_jobs.check.script import ASSIGNS, Node, literal, parse, plain
from cfl_jobs.check.shell import Lexer, deploys, find_assigned


class End(Enum):
    """What becomes of a script."""

    FAILS = "fails"
    PASSES = "ends green"
    NONE = "goes on"
    UNSURE = "may end green"
    LEFT = "returns an error"  # a function


# Conditions, all of which hold; and several of them, one of which does.
Clause: TypeAlias = frozenset[str]
_Ways: TypeAlias = tuple[Clause, ...]
_MANY_WAYS = 8
_MANY_STATES = 12  # of one step: from then on, variables aren't followed
_MANY_KNOWN = 8  # variables at once
_FAIL, _PASS, _NOT_KNOWN = "1", "0", "?"


@dataclass(frozen=True, slots=True)
class Stop:
    """What ends a script: of the conditions `clause` one holds, or else it ends, in `words` of its
    own. `asked` is the one that is looked at last, `text` the command that ends it, and `by` the
    function that this calls. `is_guard`: that is what it is for. `by_itself`: `set -e` ends it.
    """

    clause: Clause
    asked: str
    words: str
    text: str
    by: str = ""
    is_guard: bool = True
    by_itself: bool = False
    start: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """A command that may fail, in one form for all spellings, and what becomes of the script then.

    `is_held`: nothing but `set -e` ends it, all that comes after it succeeds.
    """

    text: str
    end: End
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What ends a script red, what ends it green early, and all that may fail in it.

    `functions`: how each ends the script where it always does. `tree` are all its commands, and
    `around` the conditions in which each of them runs that is reached.
    """

    red: tuple[Stop, ...]
    green: tuple[Stop, ...]
    commands: tuple[Command, ...]
    functions: Mapping[str, End]
    tree: Node
    around: Mapping[Node, _Ways]


class _State(NamedTuple):
    """What is known at a step. `traps` are those of EXIT and ERR."""

    status: str = _PASS
    options: frozenset[str] = frozenset()
    known: frozenset[tuple[str, str]] = frozenset()
    traps: tuple[str, str] = ("", "")
    is_waiting: bool = False  # for what failed behind the script's back
    is_piped: bool = False  # a part of the pipe failed
    has_ended: bool = False
    by: _Step | None = None
    outer: _State | None = None  # of the shell that began this one


@dataclass(eq=False, slots=True)
class _Step:
    """A command, or what begins or ends several. `out` is where an end of this shell leads."""

    do: str
    node: Node = field(default_factory=lambda: Node("run"))
    ok: _Step | None = None
    bad: _Step | None = None
    out: _Step | None = None
    is_checked: bool = False
    around: _Ways = (frozenset(),)
    shown: Node | None = None
    value: str = ""
    call: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.call = call_of(self.node)


class _Function(NamedTuple):
    """What a function does: how it always ends the script, NONE where it may return; whether it
    may return an error, or none; and whether it may end the script red."""

    always: End
    fails: bool
    succeeds: bool
    may_end: bool


_Ends: TypeAlias = Mapping[End, _Step | None]


class _Context(NamedTuple):
    out: _Step
    back: _Step  # where `return` leads
    loop: _Step
    is_checked: bool = False
    around: _Ways = (frozenset(),)
    shown: Node | None = None  # the statement that a command is part of
    depth: int = 0  # of functions in traps


_TESTS = re.compile(r"(?:test|cmp|diff|grep|case|wait)\s|sha\d+sum\s+-|\[\[?\s|\(\(")
_SUCCEED = ("true", ":", "echo", "printf", "local", "export", "declare", "typeset", "readonly")
_SETS = ("local", "export", "declare", "typeset", "readonly")
_LONG_NAMES = {"errexit": "e", "nounset": "u"}
_SIGNALS = {"EXIT": 0, "0": 0, "ERR": 1}
_REDIRECTS = re.compile(r"(?:\d*|&|\{\w+\})[<>]+&?(?!\()")
_OUTPUT = re.compile(r"[$<>]\(|`")
_VARIABLE = re.compile(r"\$\{?(#?\w+|\?)(?:\[[@*]\])?\}?")


_BUILT = {
    "!": "not", "and": "joined", "or": "joined", "do": "do", "if": "if", "loop": "loop",
    "each": "each", "case": "case", "shell": "shell", "pipe": "pipe", "back": "back", "def": "def",
    "run": "run",
}  # fmt: skip
_LISTS = {"()": "0", "(...)": "1"}  # lists that are known, and how long they are at least
_LAST = ("out", "over", "returned")
_DOUBTED = "?"  # an option of ours: what may fail isn't taken to succeed
_ENDING = ("exit", "return", "wait", "[", "[[", "test", "case")
_SHOWN_WORDS = 90


_DECIDES_NOTHING = re.compile(
    r"(?:echo|printf|rm|:|true|mkdir|touch|export|local|declare|readonly|unset|set|trap|tee)(?:\s|$)"
)
_LOOKS = re.compile(r"(?:test|grep|cmp|diff|case|sha\d+sum|\S*/\S+)\s")


class Guard(Enum):
    """What a script does, whichever comes first."""

    STOPS = "stops where the file isn't right"
    DEPLOYS = "deploys"
    NEITHER = "neither"


def find_guard(script: str, files: Collection[str]) -> Guard:
    """Return what a step does first: look at one of the files and stop, or deploy."""
    first = script.partition("\n")[0]
    if first.startswith("#!") and not re.search(r"sh\b", first):
        return Guard.STOPS if any(file in script for file in files) else Guard.NEITHER
    reading = read_script(script)
    bodies = {node.words[0]: node for node in reading.tree.walk() if node.kind == "def"}
    deploying = {name for name, body in bodies.items() if any(map(_deploys, body.walk()))}
    deploy: Node | None = None
    words = list(map(re.escape, files))
    calls: dict[str, int] = {}
    for node in reading.tree.walk():
        if node.kind != "run" or node not in reading.around:
            continue
        name = "".join(call_of(node)[:1])
        calls.setdefault(name or " ", node.start)
        is_inner = any(body.start < node.start < body.end for body in bodies.values())
        if deploy is None and not is_inner and (name in deploying or _deploys(node)):
            deploy = node
        words += _made_of(node, words)

    def names(condition: str) -> bool:
        return any(re.search(word, condition) for word in words)

    if deploy and all(any(map(names, way)) for way in reading.around[deploy]):
        return Guard.STOPS
    for stop in (*reading.red, *reading.green):
        body = next((n for n, b in bodies.items() if b.start < stop.start < b.end), "")
        start = calls.get(body, stop.start)
        asked = stop.asked.removeprefix("! ")
        is_lone = stop.by_itself and (
            not _LOOKS.match(asked) if stop.clause - {stop.asked} else _DECIDES_NOTHING.match(asked)
        )
        if any(map(names, stop.clause)) and not is_lone and not (deploy and start > deploy.start):
            return Guard.STOPS
    return Guard.DEPLOYS if deploy else Guard.NEITHER


def _deploys(node: Node) -> bool:
    return node.kind == "run" and deploys(" ".join(node.words))


def _made_of(node: Node, words: Sequence[str]) -> Iterator[str]:
    """Yield the variables that a command makes of what is named, as they are used."""
    text = " ".join(node.words)
    if any(re.search(word, text) for word in words):
        made = [found[1] for word in node.words if (found := ASSIGNS.fullmatch(word))]
        if node.words[0] in ("read", "mapfile", "readarray"):
            made += [word for word in node.words[1:] if re.fullmatch(r"[a-z_]\w*", word, re.I)]
        yield from (rf"\$\{{?{name}\b" for name in made)


def negate(condition: str) -> str:
    return condition[2:] if condition.startswith("! ") else f"! {condition}"


def _conditions(node: Node, *, holds: bool = True) -> _Ways:
    """Return the ways in which a condition holds, or doesn't."""
    if node.kind == "!":
        return _conditions(node.parts[0], holds=not holds)
    if node.kind in ("and", "or"):
        left, right = (_conditions(part, holds=holds) for part in node.parts)
        return _both(left, right) if (node.kind == "and") is holds else (*left, *right)
    if node.kind in ("do", "shell") and node.parts:
        return _conditions(node.parts[-1], holds=holds)
    if node.kind == "run":
        text, is_so = literal(node)
        holds = holds is is_so
    else:
        text = text_of(node)
    if text in ("true", ":", "false"):
        return (frozenset(),) * ((text != "false") is holds)
    return (frozenset({_say(text, holds)}),)


def _say(text: str, holds: bool) -> str:
    return text if holds else negate(text)


def _both(some: _Ways, others: _Ways) -> _Ways:
    if len(some) * len(others) > _MANY_WAYS:
        return some
    return tuple(dict.fromkeys(one | other for one in some for other in others))


def text_of(node: Node) -> str:
    """Return a command in one form for all spellings."""
    if node.kind in ("run", "each", "when"):
        text, holds = literal(node)
        return _say(text, holds)
    signs = {"pipe": " | ", "and": " && ", "or": " || ", "!": "! ", "back": " & "}
    return signs.get(node.kind, "; ").join(map(text_of, node.parts))


def _outputs_of(words: Iterable[str]) -> Iterator[str]:
    """Yield the scripts whose output stands in words: `$(...)`, `<(...)`."""
    for word in words:
        if not _OUTPUT.search(word):
            continue
        yield from re.findall(r"`([^`]*)`", word)
        begin, depth, at = -1, 0, 0
        for token in Lexer(word).read():
            at += len(token.text)
            if token.kind == "open" and begin < 0 and word[at - 2 : at - 1] in ("$", "<", ">"):
                begin, depth = at, token.depth + 1
            elif token.kind == "close" and begin >= 0 and token.depth == depth:
                yield word[begin : at - 1]
                begin = -1


def call_of(node: Node) -> tuple[str, ...]:
    """Return a command's words without what is set for it alone, and without redirections."""
    words = [plain(word) for word in node.words if not _REDIRECTS.match(word)]
    while words and (ASSIGNS.fullmatch(words[0]) or words[0] in ("command", "builtin")):
        if words[0] == "command" and words[1:2] == ["-v"]:
            break
        words = words[1:]
    if not node.words[1:] and node.words[:1] and node.words[0].startswith("<"):
        return ("<",)  # of $(<file)
    return tuple(words)


def option_changes(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the options of `set`, `shopt -o` or a call of a shell, and whether each is set."""
    if words[:1] == ("shopt",):
        letters = "".join(word[1:] for word in words[1:] if word.startswith("-"))
        if "o" in letters and ("s" in letters or "u" in letters):
            names = (word for word in words[1:] if not word.startswith("-"))
            yield from ((_LONG_NAMES.get(name, name), "s" in letters) for name in names)
        return
    is_named, sets = False, True
    for word in words[1:]:
        if is_named:
            yield _LONG_NAMES.get(word, word), sets
            is_named = False
        elif re.fullmatch(r"[-+]\w+", word):
            sets = word[0] == "-"
            is_named = word.endswith("o")
            yield from ((letter, sets) for letter in word[1:] if letter != "o")
        else:
            return


def options_at_first(script: str) -> frozenset[str]:
    """Return the options that a script begins with. Jenkins calls sh -xe where there is no `#!`
    (hudson.tasks.Shell)."""
    first = script.partition("\n")[0]
    if not first.startswith("#!"):
        return frozenset("e")
    words = first[2:].split()
    program = next((n for n, word in enumerate(words) if re.search(r"sh$", word)), len(words))
    return frozenset(name for name, sets in option_changes(tuple(words[program:])) if sets)


# What `set -e` and the like let a script stop at, by the option's letter or name.
STOPS_AT = MappingProxyType(
    {
        "e": "a command that fails",
        "u": "a variable that isn't set",
        "pipefail": "a failure before a pipe",
    }
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of STOPS_AT: those that hold in a script, that it takes back (`set +e`), and how many
    shells that it calls have each; "" counts these shells.

    At the `end` those hold that weren't taken back, each with where alone it does, "" without that.
    """

    on: frozenset[str]
    off: frozenset[str]
    end: Mapping[str, str]
    inner: Counter[str]


_SHELL = re.compile(r"(?:\S*/)?(?:ba|da|z|k)?sh")


def find_options(script: str) -> Options:
    """Return at what a script is to stop by itself."""
    on = set(options_at_first(script))
    off, inner = set[str](), Counter[str]()
    end = dict.fromkeys(on, "")
    for node, where in _places(parse(script), script, ()):
        words = call_of(node)
        for at, word in enumerate(words):
            if _SHELL.fullmatch(word) and words[at + 1 : at + 2]:
                inner.update(["", *(name for name, sets in option_changes(words[at:]) if sets)])
        if words[:1] not in (("set",), ("shopt",)):
            continue
        for option, sets in option_changes(words):
            if sets:
                on.add(option)
                end[option] = end.get(option, where) and where
            else:
                off.add(option)
                if not where:
                    end.pop(option, None)
    return Options(frozenset(on), frozenset(off), end, inner)


_ITS_OWN = "in a shell of its own"


def _places(node: Node, script: str, around: tuple[str, ...]) -> Iterator[tuple[Node, str]]:
    """Yield each command with where alone it is run, "" for always; functions are called."""
    if node.kind == "run":
        where = f"behind `{_shorten(' > '.join(around))}`" if around else ""
        yield node, _ITS_OWN if _ITS_OWN in around else where
    inner = around
    for number, part in enumerate(node.parts):
        if node.kind in ("shell", "pipe", "back"):
            inner = (_ITS_OWN,)
        elif node.kind in ("if", "loop", "and", "or") and number == 1:
            asked = node.parts[0]
            lead = {"if": "if ", "loop": "while "}.get(node.kind, "") if asked.kind == "do" else ""
            inner = (*around, lead + script[asked.start : asked.end].rstrip("; "))
        elif node.kind == "when":
            inner = (*around, f"case {' '.join(node.words)}")
        yield from _places(part, script, inner)


@lru_cache(maxsize=256)
def read_script(script: str, options: frozenset[str] | None = None) -> Reading:
    """Return what becomes of a script where its commands fail; `options` are those that it begins
    with, where its first line doesn't say. Nothing is known of one that is nested too deeply."""
    try:
        return _Reader(script, options_at_first(script) if options is None else options).read()
    except RecursionError:
        return Reading((), (), (), {}, Node("do"), {})


class _Reader:
    def __init__(self, script: str, options: frozenset[str]) -> None:
        self._script = script
        self._options = options
        self._tree = parse(script)
        self._is_bash = script.startswith("#!")
        self._functions = {n.words[0]: n.parts[0] for n in self._tree.walk() if n.kind == "def"}
        self._known_functions: dict[tuple[str, bool], _Function] = {}
        self._is_noting = False  # calls: not while a function is looked at in itself
        self._calls: dict[str, list[tuple[_State, bool, set[End]]]] = {}
        self._memo: dict[tuple[_Step, _State], Mapping[End, _Step | None]] = {}
        self._visits: dict[_Step, int] = {}
        self._handlers: dict[tuple[str, _Step], _Step] = {}
        self._last = _Step("out")  # after a trap
        self._asked = frozenset(
            name.strip("#")
            for node in self._tree.walk()
            if node.words and (node.kind == "when" or node.words[0] in _ENDING)
            for name in _VARIABLE.findall(" ".join(node.words))
        )

    # From a tree to steps, the last first.

    def _build(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        build = getattr(self, f"_build_{_BUILT[node.kind]}")
        built: _Step = build(node, ok, bad, at)
        return built

    def _build_do(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        following = ok
        for number, part in enumerate(reversed(node.parts)):
            bad = following if number else bad
            inner = at if at.shown else at._replace(shown=part)
            following = self._build(part, following, bad, inner)
        return following if node.parts else self._status(_PASS, ok)

    def _build_not(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        checked = at._replace(is_checked=True)
        ways = self._status(_FAIL, bad), self._status(_PASS, ok)
        return self._build(node.parts[0], *ways, checked)

    def _build_joined(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        left, right = node.parts
        is_and = node.kind == "and"
        around = _both(at.around, _conditions(left, holds=is_and))
        second = self._build(right, ok, bad, at._replace(around=around))
        checked = at._replace(is_checked=True)
        ways = (second, bad) if is_and else (ok, second)
        return self._build(left, *ways, checked)

    def _build_if(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        condition, *bodies = node.parts
        otherwise = self._status(_PASS, ok)
        entries = [otherwise, otherwise]
        for number, body in enumerate(bodies):
            around = _both(at.around, _conditions(condition, holds=not number))
            entries[number] = self._build(body, ok, bad, at._replace(around=around, shown=None))
        then, otherwise = entries
        return self._build(condition, then, otherwise, at._replace(is_checked=True, shown=node))

    def _build_loop(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        condition, body = node.parts
        around = _both(at.around, _conditions(condition))
        inner = at._replace(around=around, shown=None, loop=self._status(_PASS, ok))
        entry = self._build(body, ok, bad, inner)
        over = self._status(_PASS, ok)
        return self._build(condition, entry, over, at._replace(is_checked=True, shown=node))

    def _build_each(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        return self._with_outputs(node.words, _Step("choice", node, ok, bad), at)

    def _build_case(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        entry = self._status(_PASS, ok)
        before: _Ways = (frozenset(),)
        ways = []
        for branch in node.parts:
            words = branch.words[1:]
            is_rest = "*" in words
            asked = "" if is_rest else " ".join(map(plain, ("case", branch.words[0], *words)))
            here = _both(before, (frozenset({asked} - {""}),))
            before = _both(before, (frozenset({negate(asked)}) if asked else frozenset(),))
            ways.append((branch, asked, here))
        for branch, asked, here in reversed(ways):
            inner = at._replace(around=_both(at.around, here), shown=None)
            body = self._build(branch.parts[0], ok, bad, inner)
            if not asked:
                entry = body
                continue
            around = _both(at.around, tuple(way - {asked} for way in here))
            node = Node("run", (), tuple(asked.split(" ")), branch.start, branch.end)
            entry = _Step("run", node, body, entry, at.out, True, around, branch)
        return entry

    def _build_shell(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        leave = _Step("leave", node, ok, bad, at.out, at.is_checked)
        return self._inner(node.parts[0], leave, at)

    def _inner(self, body: Node, leave: _Step, at: _Context, value: str = "") -> _Step:
        inner = at._replace(out=leave, back=leave, loop=leave, shown=at.shown)
        return _Step("enter", body, self._build(body, leave, leave, inner), value=value)

    def _build_pipe(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        following = _Step("join", node, ok, bad, at.out, at.is_checked)
        for part in reversed(node.parts):
            leave = _Step("leave", part, following, following, following, True, value="pipe")
            following = self._inner(part, leave, at)
        return following

    def _build_back(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        leave = _Step("leave", node, ok, ok, at.out, True, value="back")
        return self._inner(node.parts[0], leave, at)

    def _build_def(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        return self._status(_PASS, ok)

    def _build_run(self, node: Node, ok: _Step, bad: _Step, at: _Context) -> _Step:
        words = call_of(node)
        name = words[0] if words else ""
        if name in ("break", "continue"):
            return self._status(_PASS, at.loop)
        if name == "return":
            return _Step("return", node, at.back, at.back)
        if name == "exec" and words[1:]:
            return _Step("run", node, at.out, at.out, at.out, True, at.around, at.shown or node)
        if at.depth and name in self._functions and at.depth < 4:
            inner = at._replace(back=ok, depth=at.depth + 1)
            return self._build(self._functions[name], ok, bad, inner)
        step = _Step("run", node, ok, bad, at.out, at.is_checked, at.around, at.shown or node)
        return self._with_outputs(node.words, step, at)

    def _with_outputs(self, words: Sequence[str], step: _Step, at: _Context) -> _Step:
        for output in reversed(list(_outputs_of(words))):
            leave = _Step("leave", step.node, step, step, at.out, True)
            step = self._inner(parse(output), leave, at, "" if not self._is_bash else "output")
        return step

    def _status(self, value: str, following: _Step) -> _Step:
        return _Step("status", ok=following, value=value)

    def _root(self, body: Node, *, over: str = "over", is_checked: bool = False) -> _Step:
        end = _Step(over)
        return self._build(body, end, end, _Context(_Step("out"), end, end, is_checked))

    # From a step and what is known there to those after it.

    def _after(self, step: _Step, state: _State) -> list[tuple[_Step, _State]]:
        if step.do == "run":
            return self._run(step, state)
        if step.do == "enter":
            options = state.options - {"e"} if step.value == "output" else state.options
            inner = state._replace(outer=state, options=options, traps=("", ""))
            return [(_of(step.ok), inner._replace(has_ended=False, is_piped=False))]
        if step.do == "leave":
            return self._leave(step, state)
        if step.do == "join":
            failed = state.is_piped and "pipefail" in state.options
            status = _FAIL if failed and state.status == _PASS else state.status
            return self._settle(step, state._replace(status=status, is_piped=False))
        if step.do == "status":
            return [(_of(step.ok), state._replace(status=step.value))]
        if step.do == "choice":
            return [(_of(step.ok), state), (_of(step.bad), state)]
        if step.do == "return":
            words = step.call
            status = self._code(words[1], state) if words[1:] else state.status
            return [(_of(step.ok), state._replace(status=status, by=step))]
        if step.do == "out":  # what the trap of EXIT ends is ended so; without that, as it was
            left = state._replace(traps=("", ""))
            return self._handle(state.traps[0], self._last, self._last, left)
        if step.do == "restore":
            return [(_of(step.ok), state.outer or state)]
        if step.do == "trapped":
            return [(_of(step.ok), state._replace(outer=state.outer and state.outer.outer))]
        return [(_of(step.ok), state)]

    def _leave(self, step: _Step, state: _State) -> list[tuple[_Step, _State]]:
        outer = state.outer or state
        failed = state.status != _PASS
        left = outer._replace(status=state.status, by=state.by)
        if step.value == "pipe":
            left = left._replace(is_piped=outer.is_piped or failed)
        elif step.value == "back":
            return [
                (_of(step.ok), left._replace(status=_PASS, is_waiting=left.is_waiting or failed))
            ]
        return self._settle(step, left)

    def _settle(self, step: _Step, state: _State) -> list[tuple[_Step, _State]]:
        """Go on after a command whose status is known."""
        if state.status == _NOT_KNOWN:
            both = [self._settle(step, state._replace(status=each)) for each in (_PASS, _FAIL)]
            return [way for ways in both for way in ways]
        if state.status == _PASS:
            return [(_of(step.ok), state)]
        if step.is_checked:
            return [(_of(step.bad), state)]
        following, left = _of(step.bad), state
        if "e" in state.options:
            by = state.by if step.do in ("leave", "join") and state.by else step
            following, left = _of(step.out), state._replace(has_ended=True, by=by)
        if handler := state.traps[1]:
            return self._handle(handler, following, _of(step.out), left)
        return [(following, left)]

    def _handle(
        self, handler: str, following: _Step, out: _Step, state: _State
    ) -> list[tuple[_Step, _State]]:
        """Go on with a trap; after it, the status is what it was, unless it ends the script."""
        key = handler, following
        if key not in self._handlers:
            restore, ended = _Step("restore", ok=following), _Step("trapped", ok=out)
            at = _Context(ended, restore, restore, is_checked=True, around=(), depth=1)
            self._handlers[key] = self._build(parse(handler), restore, restore, at)
        inner = state._replace(traps=("", ""), has_ended=False, outer=state)
        return [(self._handlers[key], inner)]

    def _end(self, status: str, step: _Step, state: _State) -> list[tuple[_Step, _State]]:
        return [(_of(step.out), state._replace(status=status, has_ended=True, by=step))]

    def _run(self, step: _Step, state: _State) -> list[tuple[_Step, _State]]:
        words = step.call
        name = words[0] if words else ""
        if name == "exit":
            code = self._code(words[1], state) if words[1:] else state.status
            return self._end(code, step, state)
        if name in self._functions:
            always = self._function(name, step, state).always
            if always is not End.NONE:
                status = {End.FAILS: _FAIL, End.PASSES: _PASS}.get(always, _NOT_KNOWN)
                return self._end(status, step, state)
        state = self._changed(words, step, state)
        statuses = self._statuses(words, step, state)
        if len(statuses) > 1 and not step.is_checked:
            if _DOUBTED in state.options:
                return [(self._last, state._replace(status=_NOT_KNOWN, traps=("", "")))]
            statuses = (_PASS,)  # it is another that is taken to fail
        ways = [self._settle(step, state._replace(status=status)) for status in statuses]
        return [each for way in ways for each in way]

    def _statuses(self, words: Sequence[str], step: _Step, state: _State) -> tuple[str, ...]:
        name = words[0] if words else ""
        if not words:
            has_output = any(map(_OUTPUT.search, step.node.words))
            return (state.status,) if has_output else (_PASS,)
        if name in _SUCCEED and not (name == ":" and "?" in " ".join(words)):
            return (_PASS,)
        if name in ("set", "shopt", "trap", "umask"):
            return (_PASS,)
        if name == "false":
            return (_FAIL,)
        if name == "wait" and words[1:]:
            return (_FAIL,) if state.is_waiting else (_PASS, _FAIL)
        if name in ("[", "[[", "test"):
            answer = self._answer(step.node, state)
            return (_PASS, _FAIL) if answer is None else (_PASS if answer else _FAIL,)
        if name in self._functions:
            function = self._function(name, step, state)
            return (_PASS,) * function.succeeds + (_FAIL,) * function.fails
        return (_PASS, _FAIL)

    def _changed(self, words: Sequence[str], step: _Step, state: _State) -> _State:
        """Return what is known after a command that sets options, traps or variables."""
        name = words[0] if words else ""
        if name in ("set", "shopt"):
            options = set(state.options)
            for option, sets in option_changes(tuple(words)):
                (options.add if sets else options.discard)(option)
            return state._replace(options=frozenset(options))
        if name == "trap" and len(words) > 2:
            handler = words[1].strip("'\"") if words[1] != "-" else ""
            traps = list(state.traps)
            for signal in words[2:]:
                if signal.removeprefix("SIG") in _SIGNALS:
                    traps[_SIGNALS[signal.removeprefix("SIG")]] = handler
            return state._replace(traps=(traps[0], traps[1]))
        if words and name not in _SETS:
            changed: Iterable[str] = ()
            if name in self._functions:
                body = self._functions[name]
                changed = find_assigned(self._script[body.start : body.end])
            elif name in ("read", "mapfile", "readarray", "getopts", "unset", "printf"):
                changed = words[1:]
            known = frozenset(pair for pair in state.known if pair[0] not in changed)
            return state._replace(known=known)
        known_now = dict(state.known)
        for word in step.node.words:
            found = ASSIGNS.fullmatch(word)
            if found and found[1] in self._asked:
                value = self._value(found[3], state)
                if found[2] or found[3].startswith("("):
                    value = self._listed(found[3], known_now.get(found[1]), adds=bool(found[2]))
                known_now.pop(found[1], None)
                if len(known_now) >= _MANY_KNOWN:
                    known_now.clear()
                if value is not None:
                    known_now[found[1]] = value
        return state._replace(known=frozenset(known_now.items()))

    @staticmethod
    def _listed(text: str, before: str | None, *, adds: bool) -> str | None:
        """Return a list that is known to be empty or not, as "()" and "(...)"."""
        is_empty = re.fullmatch(r"\(\s*\)", text) is not None
        if not text.startswith("("):
            return None
        if not is_empty:
            return None if re.search(r"\[[@*]\]", text) else "(...)"
        return before if adds else "()"

    def _value(self, word: str, state: _State) -> str | None:
        """Return what a word is, where that is known."""
        text, special = word, r"[$`\\\"'*?\[\]~]"
        if quoted := re.fullmatch(r"""'([^']*)'|"([^"]*)\"""", word):
            text, special = quoted[1] or quoted[2] or "", r"[$`\\]"
        if word[:1] == "'" and quoted:
            return text
        if found := re.fullmatch(r"\$\(\(\s*\$?(\w+)\s*\)\)", text):
            text = found[1] if found[1].isdigit() else f"${found[1]}"
        found = _VARIABLE.fullmatch(text)
        if found is None:
            return None if re.search(special, text) else text
        if found[1] == "?":
            return state.status if state.status != _NOT_KNOWN else None
        value = dict(state.known).get(found[1].removeprefix("#"))
        if found[1].startswith("#") or value in _LISTS:
            value = _LISTS.get(value or "")
        return value

    def _code(self, word: str, state: _State) -> str:
        value = self._value(word, state)
        if value is None or not value.isdigit():
            return _NOT_KNOWN
        return _FAIL if int(value) % 256 else _PASS

    def _answer(self, node: Node, state: _State) -> bool | None:
        """Return what a test finds, where that is known."""
        words = list(node.words[1:])
        while words[:1] == ["!"]:
            words = words[1:]
        words = words[: len(words) - (words[-1:] in (["]"], ["]]"]))]
        values = [self._value(word, state) for word in words]
        if len(words) == 1 and not words[0].startswith("-"):
            values, operator = values * 1, "-n"
        elif len(words) == 2 and words[0] in ("-n", "-z"):
            values, operator = values[1:], words[0]
        elif len(words) == 3:
            values, operator = [values[0], values[2]], words[1]
        else:
            return None
        if None in values:
            return None
        is_negated = node.words[1:2] == ("!",)
        found = _compare(operator, [value or "" for value in values])
        return None if found is None else found is not is_negated

    # What comes of that.

    def _outcome(self, step: _Step, state: _State) -> Mapping[End, _Step | None]:
        """Return the ends that a script may have from a step on, each with what makes it."""
        open_: list[tuple[tuple[_Step, _State], list[tuple[_Step, _State]]]] = []
        start = self._keyed(step, state)
        if start not in self._memo:
            open_.append((start, []))
        while open_:
            key, following = open_[-1]
            if key[0].do in _LAST and not (key[0].do == "out" and key[1].traps[0]):
                self._memo[key] = self._judge(*key)
                open_.pop()
                continue
            if not following:
                ways = self._after(*key)
                following += [self._keyed(*way) for way in ways]
            missing = next((each for each in following if each not in self._memo), None)
            if missing:
                open_.append((missing, []))
                continue
            ends: dict[End, _Step | None] = {}
            for each in following:
                ends |= self._memo[each]
            self._memo[key] = ends
            open_.pop()
        return self._memo[start]

    def _keyed(self, step: _Step, state: _State) -> tuple[_Step, _State]:
        """Return a step and what is known there; what variables hold, not for ever."""
        if step.do in ("run", "status", "choice") and not state.has_ended:
            state = state._replace(by=None)
        key = step, state
        if key not in self._memo and state.known:
            self._visits[step] = self._visits.get(step, 0) + 1
            if self._visits[step] > _MANY_STATES:
                return step, state._replace(known=frozenset())
        return key

    def _judge(self, step: _Step, state: _State) -> Mapping[End, _Step | None]:
        if step.do == "returned":
            return {End.LEFT if state.status == _FAIL else End.NONE: None}
        if state.status == _NOT_KNOWN:
            return {End.UNSURE: state.by}
        if state.status == _FAIL:
            return {End.FAILS: state.by}
        return {End.PASSES if state.has_ended else End.NONE: state.by}

    def _function(self, name: str, step: _Step, state: _State) -> _Function:
        """Return what a function does that is called in a step."""
        ends_itself = "e" in state.options and not step.is_checked
        key = name, ends_itself
        if key not in self._known_functions:
            self._known_functions[key] = _Function(End.NONE, True, True, True)  # calls itself
            start = _State(options=state.options if ends_itself else state.options - {"e"})
            root = self._root(self._functions[name], over="returned", is_checked=step.is_checked)
            ends = set(self._outcome(root, start))
            was_noting, self._is_noting = self._is_noting, False
            steps = self._reach(root, [start])
            fails = any({End.FAILS, End.LEFT} & set(bad) for _, _, bad in self._weigh(steps))
            self._is_noting = was_noting
            self._known_functions[key] = _Function(
                End.NONE
                if ends & {End.NONE, End.LEFT}
                else ends.pop()
                if len(ends) == 1
                else End.UNSURE,
                fails or bool(ends & {End.FAILS, End.LEFT}),
                End.NONE in ends,
                any(map(self._ends_red, steps)),
            )
        return self._known_functions[key]

    def _ends_red(self, step: _Step) -> bool:
        """Tell whether a step may end the script red by its own words."""
        if step.do != "run" or _of(step.out).do != "out":
            return False
        name = "".join(step.call[:1])
        if name in self._functions:
            return self._function(name, step, _State(options=self._options)).may_end
        return name == "exit" and step.call[1:] != ("0",)

    def _reach(self, root: _Step, states: Iterable[_State]) -> dict[_Step, set[_State]]:
        """Return the steps that are reached, with what is known at each."""
        reached: dict[_Step, set[_State]] = {}
        waiting = [self._keyed(root, state) for state in states]
        while waiting:
            step, state = waiting.pop()
            if state in reached.setdefault(step, set()):
                continue
            reached[step].add(state)
            if step.do not in _LAST or (step.do == "out" and state.traps[0]):
                waiting += [self._keyed(*way) for way in self._after(step, state)]
        return reached

    def _weigh(self, reached: Mapping[_Step, set[_State]]) -> Iterator[tuple[_Step, _Ends, _Ends]]:
        """Yield each command that may fail, with the ends where it succeeds and where it fails."""
        for step, states in reached.items():
            words = step.call
            if step.do != "run" or not words or words[0] == "exit" or not step.around:
                continue
            is_call = words[0] in self._functions
            ok: _Ends = {}
            bad: _Ends = {}
            for state in states:
                if is_call and self._function(words[0], step, state).always is not End.NONE:
                    continue
                after = self._changed(words, step, state)
                statuses = self._statuses(words, step, after)
                if _PASS in statuses:
                    ok = {**ok, **self._ends_after(step, after._replace(status=_PASS))}
                if _FAIL in statuses:
                    if is_call and self._function(words[0], step, state).may_end:
                        bad = {**bad, End.FAILS: step}
                    else:
                        bad = {**bad, **self._ends_after(step, after._replace(status=_FAIL))}
            if is_call and self._is_noting:
                calls = self._calls.setdefault(words[0], [])
                calls += [(state, step.is_checked, set(bad)) for state in states]
            if bad:
                yield step, ok, bad

    def _ends_after(self, step: _Step, state: _State) -> _Ends:
        ends: _Ends = {}
        for way in self._settle(step, state):
            ends = {**ends, **self._outcome(*way)}
        return ends

    def read(self) -> Reading:
        start = _State(options=self._options)
        red: dict[Stop, None] = {}
        green: dict[Stop, None] = {}
        commands: list[Command] = []
        around: dict[Node, _Ways] = {}
        done: set[str] = set()
        roots = [(self._root(self._tree), [start], "")]
        ends = self._outcome(roots[0][0], start)
        if set(ends) == {End.PASSES} and (last := ends[End.PASSES]):
            green[Stop(frozenset(), "", self._source(last.node), text_of(last.node))] = None
        while roots:
            root, states, of = roots.pop(0)
            reached = self._reach(root, states)
            self._is_noting = True
            around |= {step.node: step.around for step in reached if step.do == "run"}
            for step, ok, bad in self._weigh(reached):
                text, holds = literal(step.node)
                asked = _say(text, holds)
                for ends, others, condition in ((bad, ok, asked), (ok, bad, negate(asked))):
                    if ends is ok and not step.is_checked:
                        continue
                    end = self._worst(ends, of)
                    is_held = (
                        end is End.FAILS and ends is bad and self._is_held(step, reached[step])
                    )
                    commands.append(Command(condition, end, is_held))
                    kept = {End.FAILS: red, End.PASSES: green}.get(end)
                    if kept is None or set(ends) != {end} or not set(others) - {end}:
                        continue
                    if kept is red or _is_behind(ends[end], negate(condition)):
                        kept.update(dict.fromkeys(self._stops(step, condition, ends[end])))
            for name in self._calls.keys() - done:
                done.add(name)
                calls = self._calls[name]
                is_checked = all(checked for _, checked, _ in calls)
                states = list({s._replace(outer=None, known=frozenset()) for s, _, _ in calls})
                body = self._functions[name]
                roots.append((self._root(body, is_checked=is_checked), states, name))
        functions: dict[str, End] = {}
        for (name, _), function in self._known_functions.items():
            if functions.get(name, End.FAILS) is End.FAILS:
                functions[name] = function.always
        return Reading(
            _shorten_clauses(red), tuple(green), tuple(commands), functions, self._tree, around
        )

    def _worst(self, ends: Iterable[End], function: str) -> End:
        worst = {End.PASSES, End.NONE, End.UNSURE} & set(ends)
        if not worst and function:
            calls = self._calls[function]
            worst = set[End]().union(*(ends for _, _, ends in calls)) - {End.FAILS}
        return next((end for end in (End.NONE, End.PASSES, End.UNSURE) if end in worst), End.FAILS)

    def _is_held(self, step: _Step, states: Iterable[_State]) -> bool:
        """Tell whether nothing but `set -e` ends a script after a command that fails."""
        ends: _Ends = {}
        for state in states:
            options = state.options - {"e"} | {_DOUBTED}
            failed = state._replace(options=options, status=_FAIL)
            ends = {**ends, **self._ends_after(step, failed)}
        return not set(ends) & {End.FAILS, End.UNSURE}

    def _stops(self, step: _Step, asked: str, end: _Step | None) -> Iterator[Stop]:
        last = end or step
        words = last.call
        name = words[0] if words else ""
        by = name if name in self._functions and last is not step else ""
        by_itself = name != "exit" and not by
        is_guard = not by_itself or self._ends_red(step)
        is_guard = is_guard or (last is step and _TESTS.match(asked.removeprefix("! ")) is not None)
        start = step.shown.start if step.shown else 0
        shown, text = self._shown(step, last, by, by_itself=by_itself), asked.removeprefix("! ")
        if by or (last is not step and by_itself):
            text = text_of(last.node)
        for way in step.around:
            clause = frozenset({asked, *map(negate, way)})
            yield Stop(clause, asked, shown, text, by, is_guard, by_itself, start)

    def _source(self, node: Node) -> str:
        """Return a command as it is written; what stands in `$(...)`, word by word."""
        text = self._script[node.start : node.end]
        return text if text.startswith(node.words[:1] or text) else " ".join(node.words)

    def _shown(self, step: _Step, last: _Step, by: str, *, by_itself: bool) -> str:
        """Return what ends a script as it is written."""
        own = self._source(last.node)
        if by:
            call = _CALL.match(own)
            return _shorten(call[0] if call else own)
        if by_itself or not step.shown or not last.shown:
            return _shorten(own)
        if step.shown is last.shown:
            return _shorten(self._source(step.shown))
        lead = self._source(step.shown)
        if step.shown.kind in ("if", "loop"):
            lead = f"if {self._source(step.shown.parts[0])}"
        elif step.shown.kind == "when":
            lead = f"case {step.shown.words[0]}"
        return _shorten(f"{lead.rstrip(' ;')}: {self._source(last.shown)}")


def _is_behind(step: _Step | None, condition: str) -> bool:
    """Tell whether a command stands in a branch of a condition."""
    return step is not None and any(condition in way for way in step.around)


def _shorten_clauses(stops: Iterable[Stop]) -> tuple[Stop, ...]:
    """Leave out of each clause what another stop makes sure of."""
    alone: set[str] = set()
    shortened = list(stops)
    while more := {negate(stop.asked) for stop in shortened if len(stop.clause) == 1} - alone:
        alone |= more
        shortened = [replace(s, clause=s.clause - (alone - {s.asked})) for s in shortened]
    return tuple(dict.fromkeys(shortened))


def _shorten(words: str) -> str:
    words = re.sub(r"\\\n|(?<=[{(;&|])[ \t]*\n|\b(then|do|else)[ \t]*\n", r"\1 ", words)
    words = re.sub(r"[ \t]+", " ", re.sub(r"[ \t]*\n\s*", "; ", words.strip()))
    return words if len(words) <= _SHOWN_WORDS else f"{words[:_SHOWN_WORDS]}…"


# A call, up to its first argument: what it says is enough to know it by.
_CALL = re.compile(r'\S+\s+"[^"$]*(?:\$(?:\w+|\{\w+(?:\[[@*\w]+\])?\})[^"$]*)*"')


def _of(step: _Step | None) -> _Step:
    assert step is not None
    return step


_NUMBERS: Mapping[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}


def _compare(sign: str, values: Sequence[str]) -> bool | None:
    """Return what a test of known values finds; None where it is of something else."""
    if sign in ("-n", "-z"):
        return bool(values[0]) is (sign == "-n")
    if sign in ("=", "==", "!="):
        return (values[0] == values[1]) is (sign != "!=")
    if sign in _NUMBERS and all(re.fullmatch(r"\d+", value) for value in values):
        return _NUMBERS[sign](int(values[0]), int(values[1]))
    return None
