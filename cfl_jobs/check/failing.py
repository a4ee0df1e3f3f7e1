"""A script → its guards: the commands whose failure ends it red; and what it passes over.

One command at a time is taken to fail, and followed to the script's end. Where each way from there
ends the script red, it is a guard. What isn't known of a script may be either way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from cfl_jobs.check.following import (
    DOUBTED,
    Clause,
    End,
    Ends,
    Follower,
    Known,
    Point,
    TooLong,
    Ways,
)
from cfl_jobs.check.forms import (
    FAIL,
    call_of,
    negate,
    option_changes,
    shorten,
    text_of,
)
from cfl_jobs.check.script import Node, parse

_TESTS = re.compile(r"(?:test|cmp|diff|grep|case|wait)\s|sha\d+sum\s+-|\[\[?\s|\(\(")
# A call, up to its first argument: what it says is enough to know it by.
_CALL = re.compile(r'\S+\s+"[^"$]*(?:\$(?:\w+|\{\w+(?:\[[@*\w]+\])?\})[^"$]*)*"')


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
    around: Mapping[Node, Ways]

    def runs(self) -> Iterator[Node]:
        return (node for node in self.tree.walk() if node.kind == "run")


@lru_cache(maxsize=256)
def read_script(script: str, options: frozenset[str] | None = None) -> Reading:
    """Return what becomes of a script where its commands fail; `options` are those that it begins
    with, where its first line doesn't say. Nothing is known of one that is too deep or too long."""
    try:
        if options is None:
            options = options_at_first(script)
        return _Reader(script, options).read()
    except (RecursionError, TooLong):
        return Reading((), (), (), {}, Node("do"), {})


class _Reader:
    def __init__(self, script: str, options: frozenset[str]) -> None:
        self._script = script
        self._options = options
        self._tree = parse(script)
        self._follower = Follower(script, self._tree, options)
        # of functions: what is known there, whether that is asked, and the ends where it fails
        self._calls: dict[str, list[tuple[Known, bool, set[End]]]] = {}

    def read(self) -> Reading:
        start = Known(options=self._options)
        red: dict[Stop, None] = {}
        green: dict[Stop, None] = {}
        commands: list[Command] = []
        around: dict[Node, Ways] = {}
        done: set[str] = set()
        roots = [(self._follower.root(self._tree), [start], "")]
        ends = self._follower.outcome(roots[0][0], start)
        if set(ends) == {End.PASSES} and (last := ends[End.PASSES]):
            green[Stop(frozenset(), "", self._source(last.node), text_of(last.node))] = None
        while roots:
            root, states, of = roots.pop(0)
            reached = self._follower.reach(root, states)
            around |= {step.node: step.around for step in reached if step.do == "run"}
            for step, ok, bad in self._follower.weigh(reached):
                if step.name in self._follower.functions:
                    calls = self._calls.setdefault(step.name, [])
                    calls += [(state, step.is_checked, set(bad)) for state in reached[step]]
                if not bad:
                    continue
                asked = text_of(step.node)
                sides = [(bad, ok, asked), (ok, bad, negate(asked))]
                for ends, others, condition in sides[: 1 + step.is_checked]:
                    end = self._worst(ends, of)
                    is_held = ends is bad and end is End.FAILS
                    is_held = is_held and self._is_held(step, reached[step])
                    commands.append(Command(condition, end, is_held))
                    if set(ends) != {end} or not set(others) - {end}:
                        continue
                    stops = self._stops(step, condition, ends[end])
                    if end is End.FAILS:
                        red.update(dict.fromkeys(stops))
                    elif end is End.PASSES and _is_behind(ends[end], negate(condition)):
                        green.update(dict.fromkeys(stops))
            for name in [name for name in self._calls if name not in done]:
                done.add(name)
                calls = self._calls[name]
                is_checked = all(checked for _, checked, _ in calls)
                states = [s._replace(outer=None, known=frozenset()) for s, _, _ in calls]
                body = self._follower.functions[name]
                roots.append((self._follower.root(body, is_checked=is_checked), states, name))
        functions: dict[str, End] = {}
        for (name, _), function in self._follower.known_functions.items():
            if functions.get(name, End.FAILS) is End.FAILS:
                functions[name] = function.always
        shortened = _shorten_clauses(red)
        return Reading(shortened, tuple(green), tuple(commands), functions, self._tree, around)

    def _worst(self, ends: Iterable[End], function: str) -> End:
        worst = {End.PASSES, End.NONE, End.UNSURE} & set(ends)
        if not worst and function:
            worst = set[End]().union(*(e for _, _, e in self._calls[function])) - {End.FAILS}
        return next((end for end in (End.NONE, End.PASSES, End.UNSURE) if end in worst), End.FAILS)

    def _is_held(self, step: Point, states: Iterable[Known]) -> bool:
        """Tell whether nothing but `set -e` ends a script after a command that fails."""
        ends: Ends = {}
        for state in states:
            options = state.options - {"e"} | {DOUBTED}
            failed = state._replace(options=options, status=FAIL)
            ends = {**ends, **self._follower.ends_after(step, failed)}
        return not set(ends) & {End.FAILS, End.UNSURE}

    def _stops(self, step: Point, asked: str, end: Point | None) -> Iterator[Stop]:
        last = end or step
        name = last.name
        by = name * (name in self._follower.functions and last is not step)
        by_itself = name != "exit" and not by
        is_guard = not by_itself or self._follower.ends_red(step)
        is_guard = is_guard or (last is step and _TESTS.match(asked.removeprefix("! ")) is not None)
        start = (step.shown or step.node).start
        shown, text = self._shown(step, last, by, by_itself=by_itself), asked.removeprefix("! ")
        if by or (last is not step and by_itself):
            text = text_of(last.node)
        for way in step.around:
            clause = frozenset({asked, *map(negate, way)})
            yield Stop(clause, asked, shown, text, by, is_guard, by_itself, start)

    def _source(self, node: Node) -> str:
        """Return a command as it is written; what stands in `$(...)`, word by word."""
        text = self._script[node.start : node.end]
        if text.startswith(node.words[:1] or text):
            return text
        return " ".join(node.words)

    def _shown(self, step: Point, last: Point, by: str, *, by_itself: bool) -> str:
        """Return what ends a script as it is written."""
        own = self._source(last.node)
        if by and (call := _CALL.match(own)):
            return shorten(call[0])
        if by or by_itself or not step.shown or not last.shown:
            return shorten(own)
        if step.shown is last.shown:
            return shorten(self._source(step.shown))
        lead = self._source(step.shown)
        if step.shown.kind in ("if", "loop"):
            lead = f"if {self._source(step.shown.parts[0])}"
        elif step.shown.kind == "when":
            lead = f"case {step.shown.words[0]}"
        return shorten(f"{lead.rstrip(' ;')}: {self._source(last.shown)}")


def _is_behind(step: Point | None, condition: str) -> bool:
    """Tell whether a command stands in a branch of a condition."""
    return step is not None and any(condition in way for way in step.around)


def _shorten_clauses(stops: Iterable[Stop]) -> tuple[Stop, ...]:
    """Leave out of each clause what another stop makes sure of."""
    kept = list(stops)
    clauses = [set(stop.clause) for stop in kept]
    holding: dict[str, list[int]] = {}
    for number, clause in enumerate(clauses):
        for condition in clause:
            holding.setdefault(condition, []).append(number)
    alone = [number for number, clause in enumerate(clauses) if len(clause) == 1]
    while alone:
        sure = negate(kept[alone.pop()].asked)
        for number in holding.pop(sure, ()):
            if sure != kept[number].asked:
                clauses[number].remove(sure)
                alone += [number] * (len(clauses[number]) == 1)
    shortened = (replace(s, clause=frozenset(c)) for s, c in zip(kept, clauses, strict=True))
    return tuple(dict.fromkeys(shortened))


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
class ShellOptions:
    """Options of STOPS_AT: those that hold in a script, that it takes back (`set +e`), and how many
    shells that it calls have each; "" counts these shells.

    At the `end` those hold that weren't taken back, each with where alone it does, "" without that.
    """

    on: frozenset[str]
    off: frozenset[str]
    end: Mapping[str, str]
    inner: Counter[str]


_SHELL = re.compile(r"(?:\S*/)?(?:ba|da|z|k)?sh")


def find_options(script: str) -> ShellOptions:
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
    return ShellOptions(frozenset(on), frozenset(off), end, inner)


_ITS_OWN = "in a shell of its own"


def _places(node: Node, script: str, around: tuple[str, ...]) -> Iterator[tuple[Node, str]]:
    """Yield each command with where alone it is run, "" for always; functions are called."""
    if node.kind == "run":
        where = f"behind `{shorten(' > '.join(around))}`" * bool(around)
        yield node, _ITS_OWN if _ITS_OWN in around else where
    inner = around
    for number, part in enumerate(node.parts):
        if node.kind in ("shell", "pipe", "back"):
            inner = (_ITS_OWN,)
        elif node.kind in ("if", "loop", "and", "or") and number == 1:
            asked = node.parts[0]
            leads = {("if", "do"): "if ", ("loop", "do"): "while "}
            lead = leads.get((node.kind, asked.kind), "")
            inner = (*around, lead + script[asked.start : asked.end].rstrip("; "))
        elif node.kind == "when":
            inner = (*around, f"case {' '.join(node.words)}")
        yield from _places(part, script, inner)
