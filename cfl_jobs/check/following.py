"""A script's commands → the ends that it may come to from each.

Commands become steps, each with where the script goes on after it. Others than the command that is
taken to fail do what they do: one that is asked may answer either way, one that isn't succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from cfl_jobs.check.forms import (
    FAIL,
    NOT_KNOWN,
    PASS,
    VARIABLE,
    answer_of,
    call_of,
    code_of,
    listed,
    negate,
    option_changes,
    outputs_of,
    plain,
    say,
    text_of,
    value_of,
)
from cfl_jobs.check.script import ASSIGNS, Node, parse
from cfl_jobs.check.shell import find_assigned

# Conditions, all of which hold; and several of them, one of which does.
Clause: TypeAlias = frozenset[str]
Ways: TypeAlias = tuple[Clause, ...]
_ALWAYS: Ways = (frozenset(),)
DOUBTED = "?"  # an option of ours: what may fail isn't taken to succeed
_WORK, _LEAST_WORK = 15, 10_000  # steps taken for each command, where usual scripts take 7
_MANY_WAYS = 8
_MANY_BRANCHES = 64  # from then on, which of those before is not taken isn't followed
_MANY_STATES = 6  # of one step: from then on, variables aren't followed
_MANY_KNOWN = 8  # variables at once
_DEEPEST = 12  # of functions that call others: what those do that are called there isn't known
_DEEPEST_TRAP = 4  # of functions that a trap calls
_FOLLOWED = ("e", "pipefail")  # options
_SETS = ("local", "export", "declare", "typeset", "readonly")
_READS = ("read", "mapfile", "readarray", "getopts", "unset", "printf")
_SUCCEED = ("true", ":", "echo", "printf", "set", "shopt", "trap", "umask", *_SETS)
_SIGNALS = {"EXIT": 0, "0": 0, "ERR": 1}
_ENDING = ("exit", "return", "wait", "[", "[[", "test", "case")


class TooLong(Exception):
    """A script would take more than its share of work to follow."""


class End(Enum):
    """What becomes of a script."""

    FAILS = "fails"
    PASSES = "ends green"
    NONE = "goes on"
    UNSURE = "may end green"
    LEFT = "returns an error"  # a function


_NOWHERE: Any = None  # where the last steps go on


@dataclass(eq=False, slots=True)
class Point:
    """A command, or what begins or ends several. `out` is where an end of this shell leads."""

    do: str
    node: Node = field(default_factory=lambda: Node("run"))
    ok: Point = _NOWHERE
    bad: Point = _NOWHERE
    out: Point = _NOWHERE
    is_checked: bool = False
    around: Ways = _ALWAYS
    shown: Node | None = None
    value: str = ""
    call: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "".join(self.call[:1])


_WHATEVER = Point("run")  # ends a script: what the trap of EXIT does is the same for all
Ends: TypeAlias = Mapping[End, Point | None]


class Known(NamedTuple):
    """What is known at a step. `traps` are those of EXIT and ERR."""

    status: str = PASS
    options: frozenset[str] = frozenset()
    known: frozenset[tuple[str, str]] = frozenset()
    traps: tuple[str, str] = ("", "")
    is_waiting: bool = False  # for what failed behind the script's back
    is_piped: bool = False  # a part of the pipe failed
    has_ended: bool = False
    by: Point | None = None
    outer: Known | None = None  # of the shell that began this one

    def given(self, words: Sequence[str]) -> str:
        """Return the status of `exit` or `return`: its own word, or the last command's."""
        if not words[1:]:
            return self.status
        return code_of(words[1], dict(self.known), self.status)


_Way: TypeAlias = tuple[Point, Known]
Reached: TypeAlias = Mapping[Point, Mapping[Known, None]]  # in the order in which they are reached


class _Context(NamedTuple):
    out: Point
    back: Point  # where `return` leads
    loop: Point
    is_checked: bool = False
    around: Ways = _ALWAYS
    shown: Node | None = None  # the statement that a command is part of
    depth: int = 0  # of functions in traps


class _Function(NamedTuple):
    """What a function does: how it always ends the script, NONE where it may return; whether it
    may return an error, or none; and whether it may end the script red."""

    always: End
    fails: bool
    succeeds: bool
    may_end: bool


_ANY = _Function(End.NONE, fails=True, succeeds=True, may_end=True)


def _conditions(node: Node, *, holds: bool = True) -> Ways:
    """Return the ways in which a condition holds, or doesn't."""
    if node.kind == "!":
        return _conditions(node.parts[0], holds=not holds)
    if node.kind in ("and", "or"):
        left, right = (_conditions(part, holds=holds) for part in node.parts)
        return _both(left, right) if (node.kind == "and") is holds else (*left, *right)
    if node.kind in ("do", "shell") and node.parts:
        return _conditions(node.parts[-1], holds=holds)
    text = text_of(node)
    if text in ("true", ":", "false"):
        return _ALWAYS * ((text != "false") is holds)
    return (frozenset({say(text, holds)}),)


def _both(some: Ways, others: Ways) -> Ways:
    if len(some) * len(others) > _MANY_WAYS:
        return some
    return tuple(dict.fromkeys(one | other for one in some for other in others))


def _status(value: str, following: Point) -> Point:
    return Point("status", ok=following, value=value)


def _step_of(node: Node, ok: Point, bad: Point, at: _Context) -> Point:
    shown, call = at.shown or node, call_of(node)
    return Point("run", node, ok, bad, at.out, at.is_checked, at.around, shown, call=call)


class Follower:
    """Follows a script from a step on; `tree` are its commands, `options` those it begins with."""

    def __init__(self, script: str, tree: Node, options: frozenset[str]) -> None:
        nodes = list(tree.walk())
        self._script = script
        self._options = options
        self._left = _LEAST_WORK + _WORK * len(nodes)  # of work
        self.functions = {node.words[0]: node.parts[0] for node in nodes if node.kind == "def"}
        self.known_functions: dict[tuple[str, bool], _Function] = {}
        self._memo: dict[_Way, Ends] = {}
        self._visits: dict[Point, int] = {}
        self._handlers: dict[tuple[str, Point], Point] = {}
        self._depth = 0  # of functions that are looked at
        self._last = Point("out")  # after a trap
        self._asked = frozenset(
            name.strip("#")
            for node in nodes
            if node.words and (node.kind == "when" or node.words[0] in _ENDING)
            for name in VARIABLE.findall(" ".join(node.words))
        )

    def _work(self) -> None:
        """Count what is done, so that the time is in proportion to a script's length."""
        self._left -= 1
        if self._left < 0:
            raise TooLong

    def root(self, body: Node, *, over: str = "over", is_checked: bool = False) -> Point:
        """Return the first step of commands, which are made from the last on."""
        end = Point(over)
        return self._build(body, end, end, _Context(Point("out"), end, end, is_checked))

    def _build(self, node: Node, ok: Point, bad: Point, at: _Context) -> Point:
        self._work()
        parts = node.parts
        match node.kind:
            case "run":
                return self._build_run(node, ok, bad, at)
            case "do":
                if not parts:
                    return _status(PASS, ok)
                for part in reversed(parts):
                    ok = bad = self._build(part, ok, bad, at._replace(shown=at.shown or part))
                return ok
            case "!":
                ways = _status(FAIL, bad), _status(PASS, ok)
                return self._build(parts[0], *ways, at._replace(is_checked=True))
            case "and" | "or":
                is_and = node.kind == "and"
                around = _both(at.around, _conditions(parts[0], holds=is_and))
                second = self._build(parts[1], ok, bad, at._replace(around=around))
                ways = ((ok, second), (second, bad))[is_and]
                return self._build(parts[0], *ways, at._replace(is_checked=True))
            case "if" | "loop":
                return self._build_branches(node, ok, bad, at)
            case "case":
                return self._build_case(node, ok, bad, at)
            case "each":
                return self._with_outputs(node.words, Point("choice", node, ok, bad), at)
            case "shell":
                return self._inner(
                    parts[0], Point("leave", node, ok, bad, at.out, at.is_checked), at
                )
            case "back":
                leave = Point("leave", node, ok, ok, at.out, True, value="back")
                return self._inner(parts[0], leave, at)
            case "pipe":
                following = Point("join", node, ok, bad, at.out, at.is_checked)
                for part in reversed(parts):
                    ways = following, following
                    leave = Point("leave", part, *ways, following, True, value="pipe")
                    following = self._inner(part, leave, at)
                return following
        return _status(PASS, ok)  # of what defines a function

    def _build_branches(self, node: Node, ok: Point, bad: Point, at: _Context) -> Point:
        condition, *bodies = node.parts
        entries = [_status(PASS, ok), _status(PASS, ok)]
        for number, body in enumerate(bodies):
            around = _both(at.around, _conditions(condition, holds=not number))
            inner = at._replace(around=around, shown=None)
            if node.kind == "loop":
                inner = inner._replace(loop=_status(PASS, ok))
            entries[number] = self._build(body, ok, bad, inner)
        then, otherwise = entries
        asking = at._replace(is_checked=True, shown=node)
        return self._build(condition, then, otherwise, asking)

    def _build_case(self, node: Node, ok: Point, bad: Point, at: _Context) -> Point:
        entry = _status(PASS, ok)
        before = _ALWAYS
        ways: list[tuple[Node, str, Ways]] = []
        for branch in node.parts:
            words = branch.words[1:]
            asked = " ".join(map(plain, ("case", *branch.words))) * ("*" not in words)
            ways.append((branch, asked, _both(before, (frozenset({asked} - {""}),))))
            if asked and len(ways) <= _MANY_BRANCHES:
                before = _both(before, (frozenset({negate(asked)}),))
        for branch, asked, here in reversed(ways):
            inner = at._replace(around=_both(at.around, here), shown=None)
            body = self._build(branch.parts[0], ok, bad, inner)
            if not asked:
                entry = body
                continue
            around = _both(at.around, tuple(way - {asked} for way in here))
            question = Node("run", (), tuple(asked.split(" ")), branch.start, branch.end)
            asking = at._replace(is_checked=True, around=around, shown=branch)
            entry = _step_of(question, body, entry, asking)
        return entry

    def _build_run(self, node: Node, ok: Point, bad: Point, at: _Context) -> Point:
        words = call_of(node)
        name = "".join(words[:1])
        if name in ("break", "continue"):
            return _status(PASS, at.loop)
        if name == "return":
            return Point("return", node, at.back, at.back, call=words)
        if name == "exec" and words[1:]:
            return _step_of(node, at.out, at.out, at._replace(is_checked=True))
        if 0 < at.depth < _DEEPEST_TRAP and name in self.functions:
            inner = at._replace(back=ok, depth=at.depth + 1)
            return self._build(self.functions[name], ok, bad, inner)
        return self._with_outputs(node.words, _step_of(node, ok, bad, at), at)

    def _inner(self, body: Node, leave: Point, at: _Context, value: str = "") -> Point:
        """Return the first step of commands that a shell of their own runs."""
        inner = at._replace(out=leave, back=leave, loop=leave)
        return Point("enter", body, self._build(body, leave, leave, inner), value=value)

    def _with_outputs(self, words: Sequence[str], step: Point, at: _Context) -> Point:
        # bash runs $(...) without set -e, where another shell keeps it
        value = "output" * self._script.startswith("#!")
        for output in reversed(list(outputs_of(words))):
            leave = Point("leave", step.node, step, step, at.out, True)
            step = self._inner(parse(output), leave, at, value)
        return step

    def _ways(self, step: Point, state: Known) -> list[_Way]:
        """Return where a script goes on after a step, and what is known there; nowhere at its end.

        What variables hold is not followed for ever.
        """
        if step.do in ("over", "returned") or (step.do == "out" and not state.traps[0]):
            return []
        self._work()
        return [self._keyed(*way) for way in self._after(step, state)]

    def _keyed(self, step: Point, state: Known) -> _Way:
        if step.do in ("run", "status", "choice") and not state.has_ended:
            state = state._replace(by=None)
        if state.known and (step, state) not in self._memo:
            self._visits[step] = self._visits.get(step, 0) + 1
            if self._visits[step] > _MANY_STATES:
                return step, state._replace(known=frozenset())
        return step, state

    def _after(self, step: Point, state: Known) -> list[_Way]:
        match step.do:
            case "run":
                return self._run(step, state)
            case "enter":
                options = state.options - set("e" * (step.value == "output"))
                inner = state._replace(outer=state, options=options, traps=("", ""))
                return [(step.ok, inner._replace(has_ended=False, is_piped=False))]
            case "leave":
                return self._leave(step, state)
            case "join":
                if state.is_piped and "pipefail" in state.options and state.status == PASS:
                    state = state._replace(status=FAIL)
                return self._settle(step, state._replace(is_piped=False))
            case "status":
                return [(step.ok, state._replace(status=step.value))]
            case "choice":
                return [(step.ok, state), (step.bad, state)]
            case "return":
                return [(step.ok, state._replace(status=state.given(step.call), by=step))]
            case "restore":
                return [(step.ok, state.outer or state)]
            case "trapped":
                return [(step.ok, state._replace(outer=state.outer and state.outer.outer))]
        # The way out: what the trap of EXIT ends is ended so; without that, as it was.
        if state.by is not _WHATEVER:
            return [(step, state._replace(by=_WHATEVER))]
        left = state._replace(traps=("", ""))
        return self._handle(state.traps[0], self._last, self._last, left)

    def _leave(self, step: Point, state: Known) -> list[_Way]:
        outer = state.outer or state
        failed = state.status != PASS
        left = outer._replace(status=state.status, by=state.by)
        if step.value == "pipe":
            left = left._replace(is_piped=outer.is_piped or failed)
        elif step.value == "back":
            left = left._replace(status=PASS, is_waiting=left.is_waiting or failed)
        return self._settle(step, left)

    def _settle(self, step: Point, state: Known) -> list[_Way]:
        """Go on after a command whose status is known."""
        if state.status == NOT_KNOWN:
            both = [self._settle(step, state._replace(status=each)) for each in (PASS, FAIL)]
            return [way for ways in both for way in ways]
        if state.status == PASS:
            return [(step.ok, state)]
        if step.is_checked:
            return [(step.bad, state)]
        following, left = step.bad, state
        if "e" in state.options:
            by = (step.do in ("leave", "join") and state.by) or step
            following, left = step.out, state._replace(has_ended=True, by=by)
        if handler := state.traps[1]:
            return self._handle(handler, following, step.out, left)
        return [(following, left)]

    def _handle(self, handler: str, following: Point, out: Point, state: Known) -> list[_Way]:
        """Go on with a trap; after it, the status is what it was, unless it ends the script."""
        key = handler, following
        if key not in self._handlers:
            restore, ended = Point("restore", ok=following), Point("trapped", ok=out)
            at = _Context(ended, restore, restore, is_checked=True, around=(), depth=1)
            self._handlers[key] = self._build(parse(handler), restore, restore, at)
        inner = state._replace(traps=("", ""), has_ended=False, outer=state)
        return [(self._handlers[key], inner)]

    def _run(self, step: Point, state: Known) -> list[_Way]:
        status = ""  # with which the command ends the script
        if step.name in self.functions:
            always = self.function(step, state).always
            if always is not End.NONE:
                status = {End.FAILS: FAIL, End.PASSES: PASS}.get(always, NOT_KNOWN)
        elif step.name == "exit":
            status = state.given(step.call)
        if status:
            return [(step.out, state._replace(status=status, has_ended=True, by=step))]
        states = self._results(step, state)
        if len(states) > 1 and not step.is_checked:
            if DOUBTED in state.options:
                return [(self._last, states[0]._replace(status=NOT_KNOWN, traps=("", "")))]
            states = states[:1]  # it is another that is taken to fail
        return [way for each in states for way in self._settle(step, each)]

    def _results(self, step: Point, state: Known) -> list[Known]:
        """Return what is known after a command where it succeeds, and where it fails, if it may."""
        after = self._changed(step, state)
        return [after._replace(status=status) for status in self._statuses(step, after)]

    def _statuses(self, step: Point, state: Known) -> tuple[str, ...]:
        words, name = step.call, step.name
        if not words:
            return (state.status if any(outputs_of(step.node.words)) else PASS,)
        if name in self.functions:
            function = self.function(step, state)
            return (PASS,) * function.succeeds + (FAIL,) * function.fails
        if name in _SUCCEED and not (name == ":" and "?" in " ".join(words)):
            return (PASS,)
        if name == "false" or (name == "wait" and words[1:] and state.is_waiting):
            return (FAIL,)
        if name in ("[", "[[", "test"):
            answer = answer_of(step.node, dict(state.known), state.status)
            return {None: (PASS, FAIL), True: (PASS,), False: (FAIL,)}[answer]
        return (PASS, FAIL)

    def _changed(self, step: Point, state: Known) -> Known:
        """Return what is known after a command that sets options, traps or variables."""
        words, name = step.call, step.name
        if name in ("set", "shopt"):
            changes = {option: on for option, on in option_changes(words) if option in _FOLLOWED}
            options = dict.fromkeys(state.options, True) | changes
            return state._replace(options=frozenset(filter(options.get, options)))
        if name == "trap" and len(words) > 2:
            handler = {"-": ""}.get(words[1], words[1].strip("'\""))
            traps = dict(enumerate(state.traps))
            traps |= {_SIGNALS.get(signal.removeprefix("SIG"), 2): handler for signal in words[2:]}
            return state._replace(traps=(traps[0], traps[1]))
        if not words or name in _SETS:
            return state._replace(known=self._assigned(step.node.words, state))
        changed: Iterable[str] = words[1:] if name in _READS else ()
        if name in self.functions:
            body = self.functions[name]
            changed = find_assigned(self._script[body.start : body.end])
        return state._replace(known=frozenset(p for p in state.known if p[0] not in changed))

    def _assigned(self, words: Sequence[str], state: Known) -> frozenset[tuple[str, str]]:
        """Return what the variables hold that are asked for, after what is assigned to some."""
        before, known = dict(state.known), dict(state.known)
        for word in words:
            found = ASSIGNS.fullmatch(word)
            if found and found[1] in self._asked:
                value = value_of(found[3], before, state.status)
                if found[2] or found[3].startswith("("):
                    value = listed(found[3], known.get(found[1]), adds=bool(found[2]))
                known.pop(found[1], None)
                if len(known) >= _MANY_KNOWN:
                    known.clear()
                if value is not None:
                    known[found[1]] = value
        return frozenset(known.items())

    def outcome(self, step: Point, state: Known) -> Ends:
        """Return the ends that a script may have from a step on, each with what makes it."""
        start = self._keyed(step, state)
        if start in self._memo:
            return self._memo[start]
        open_ = [(start, self._ways(*start))]
        while open_:
            key, ways = open_[-1]
            missing = next((way for way in ways if way not in self._memo), None)
            if missing:
                open_.append((missing, self._ways(*missing)))
                continue
            open_.pop()
            ends: dict[End, Point | None] = {}
            if not ways:
                ends |= _judge(*key)
            for way in ways:
                ends |= self._memo[way]
            if key[0].do == "out":
                ends = {end: key[1].by if by is _WHATEVER else by for end, by in ends.items()}
            self._memo[key] = ends
        return self._memo[start]

    def function(self, step: Point, state: Known) -> _Function:
        """Return what a function does that is called in a step."""
        ends_itself = "e" in state.options and not step.is_checked
        key = step.name, ends_itself
        if key not in self.known_functions:
            if self._depth == _DEEPEST:
                return _ANY
            self._depth += 1
            self.known_functions[key] = _ANY  # where it calls itself
            start = Known(options=state.options - set("e" * (not ends_itself)))
            body = self.functions[step.name]
            root = self.root(body, over="returned", is_checked=step.is_checked)
            ends = set(self.outcome(root, start))
            steps = self.reach(root, [start])
            failing = {End.FAILS, End.LEFT}
            fails = any(failing & set(bad) for _, _, bad in self.weigh(steps))
            self._depth -= 1
            always = End.UNSURE
            if ends & {End.NONE, End.LEFT}:
                always = End.NONE
            elif len(ends) == 1:
                (always,) = ends
            ends_red = any(map(self.ends_red, steps))
            does = _Function(always, fails or bool(ends & failing), End.NONE in ends, ends_red)
            self.known_functions[key] = does
        return self.known_functions[key]

    def ends_red(self, step: Point) -> bool:
        """Tell whether a step may end the script red by its own words."""
        if step.do != "run" or step.out.do != "out":
            return False
        if step.name in self.functions:
            return self.function(step, Known(options=self._options)).may_end
        return step.name == "exit" and step.call[1:] != ("0",)

    def reach(self, root: Point, states: Iterable[Known]) -> Reached:
        """Return the steps that are reached, with what is known at each."""
        reached: dict[Point, dict[Known, None]] = {}
        waiting = [self._keyed(root, state) for state in states]
        while waiting:
            step, state = waiting.pop()
            if state not in reached.setdefault(step, {}):
                reached[step][state] = None
                waiting += self._ways(step, state)
        return reached

    def weigh(self, reached: Reached) -> Iterator[tuple[Point, Ends, Ends]]:
        """Yield each command with the ends where it succeeds, and where it fails, if it may."""
        for step, states in reached.items():
            if step.do != "run" or step.name in ("", "exit") or not step.around:
                continue
            is_call = step.name in self.functions
            ok: Ends = {}
            bad: Ends = {}
            for state in states:
                if is_call and self.function(step, state).always is not End.NONE:
                    continue
                for after in self._results(step, state):
                    if after.status == PASS:
                        ok = {**ok, **self.ends_after(step, after)}
                    elif is_call and self.function(step, state).may_end:
                        bad = {**bad, End.FAILS: step}
                    else:
                        bad = {**bad, **self.ends_after(step, after)}
            yield step, ok, bad

    def ends_after(self, step: Point, state: Known) -> Ends:
        ends: Ends = {}
        for way in self._settle(step, state):
            ends = {**ends, **self.outcome(*way)}
        return ends


def _judge(step: Point, state: Known) -> Ends:
    """Return what a script comes to at a last step."""
    if step.do == "returned":
        return {{FAIL: End.LEFT}.get(state.status, End.NONE): None}
    passes = (End.NONE, End.PASSES)[state.has_ended]
    return {{NOT_KNOWN: End.UNSURE, FAIL: End.FAILS}.get(state.status, passes): state.by}
