"""Steps and what is known there → the ends that a script may come to from each.

Others than the command that is taken to fail do what they do: one that is asked may answer either
way, one that isn't succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from cfl_jobs.check.known import (
    FAIL,
    NOT_KNOWN,
    PASS,
    VARIABLE,
    answer_of,
    code_of,
    listed,
    value_of,
)
from cfl_jobs.check.options import option_changes
from cfl_jobs.check.script import ASSIGNS, Node, outputs_of, parse
from cfl_jobs.check.shell import find_assigned
from cfl_jobs.check.steps import Builder, Context, Step

DOUBTED = "?"  # an option of ours: what may fail isn't taken to succeed
_MANY_STATES = 6  # of one step: from then on, variables aren't followed
_MANY_KNOWN = 8  # variables at once
_DEEPEST = 12  # of functions that call others: what those do that are called there isn't known
_FOLLOWED = ("e", "pipefail")  # options
_WHATEVER = Step("run")  # ends a script: what the trap of EXIT does is the same for all
_LAST = ("out", "over", "returned")
_SETS = ("local", "export", "declare", "typeset", "readonly")
_SUCCEED = ("true", ":", "echo", "printf", *_SETS)
_SIGNALS = {"EXIT": 0, "0": 0, "ERR": 1}
_ENDING = ("exit", "return", "wait", "[", "[[", "test", "case")


class End(Enum):
    """What becomes of a script."""

    FAILS = "fails"
    PASSES = "ends green"
    NONE = "goes on"
    UNSURE = "may end green"
    LEFT = "returns an error"  # a function


class State(NamedTuple):
    """What is known at a step. `traps` are those of EXIT and ERR."""

    status: str = PASS
    options: frozenset[str] = frozenset()
    known: frozenset[tuple[str, str]] = frozenset()
    traps: tuple[str, str] = ("", "")
    is_waiting: bool = False  # for what failed behind the script's back
    is_piped: bool = False  # a part of the pipe failed
    has_ended: bool = False
    by: Step | None = None
    outer: State | None = None  # of the shell that began this one


Ends: TypeAlias = Mapping[End, Step | None]


class _Function(NamedTuple):
    """What a function does: how it always ends the script, NONE where it may return; whether it
    may return an error, or none; and whether it may end the script red."""

    always: End
    fails: bool
    succeeds: bool
    may_end: bool


_ANY = _Function(End.NONE, fails=True, succeeds=True, may_end=True)


def _given(step: Step, state: State) -> str:
    """Return the status that `exit` or `return` gives: its own word, or the last command's."""
    words = step.call
    return code_of(words[1], dict(state.known), state.status) if words[1:] else state.status


class Follower:
    """Follows a script from a step on; `tree` are its commands, `options` those it begins with."""

    def __init__(self, script: str, tree: Node, options: frozenset[str], builder: Builder) -> None:
        self._script = script
        self._options = options
        self._builder = builder
        self.functions = builder.functions
        self.known_functions: dict[tuple[str, bool], _Function] = {}
        self.is_noting = False  # calls: not while a function is looked at in itself
        self.calls: dict[str, list[tuple[State, bool, set[End]]]] = {}
        self._memo: dict[tuple[Step, State], Ends] = {}
        self._visits: dict[Step, int] = {}
        self._handlers: dict[tuple[str, Step], Step] = {}
        self._depth = 0  # of functions that are looked at
        self._last = Step("out")  # after a trap
        self._asked = frozenset(
            name.strip("#")
            for node in tree.walk()
            if node.words and (node.kind == "when" or node.words[0] in _ENDING)
            for name in VARIABLE.findall(" ".join(node.words))
        )

    def _after(self, step: Step, state: State) -> list[tuple[Step, State]]:
        self._builder.work.add()
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
            status = FAIL if failed and state.status == PASS else state.status
            return self._settle(step, state._replace(status=status, is_piped=False))
        if step.do == "status":
            return [(_of(step.ok), state._replace(status=step.value))]
        if step.do == "choice":
            return [(_of(step.ok), state), (_of(step.bad), state)]
        if step.do == "return":
            return [(_of(step.ok), state._replace(status=_given(step, state), by=step))]
        if step.do == "out":  # what the trap of EXIT ends is ended so; without that, as it was
            if state.by is not _WHATEVER:
                return [(step, state._replace(by=_WHATEVER))]
            left = state._replace(traps=("", ""))
            return self._handle(state.traps[0], self._last, self._last, left)
        if step.do == "restore":
            return [(_of(step.ok), state.outer or state)]
        if step.do == "trapped":
            return [(_of(step.ok), state._replace(outer=state.outer and state.outer.outer))]
        return [(_of(step.ok), state)]

    def _leave(self, step: Step, state: State) -> list[tuple[Step, State]]:
        outer = state.outer or state
        failed = state.status != PASS
        left = outer._replace(status=state.status, by=state.by)
        if step.value == "pipe":
            left = left._replace(is_piped=outer.is_piped or failed)
        elif step.value == "back":
            return [
                (_of(step.ok), left._replace(status=PASS, is_waiting=left.is_waiting or failed))
            ]
        return self._settle(step, left)

    def _settle(self, step: Step, state: State) -> list[tuple[Step, State]]:
        """Go on after a command whose status is known."""
        if state.status == NOT_KNOWN:
            both = [self._settle(step, state._replace(status=each)) for each in (PASS, FAIL)]
            return [way for ways in both for way in ways]
        if state.status == PASS:
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
        self, handler: str, following: Step, out: Step, state: State
    ) -> list[tuple[Step, State]]:
        """Go on with a trap; after it, the status is what it was, unless it ends the script."""
        key = handler, following
        if key not in self._handlers:
            restore, ended = Step("restore", ok=following), Step("trapped", ok=out)
            at = Context(ended, restore, restore, is_checked=True, around=(), depth=1)
            self._handlers[key] = self._builder.build(parse(handler), restore, restore, at)
        inner = state._replace(traps=("", ""), has_ended=False, outer=state)
        return [(self._handlers[key], inner)]

    def _end(self, status: str, step: Step, state: State) -> list[tuple[Step, State]]:
        return [(_of(step.out), state._replace(status=status, has_ended=True, by=step))]

    def _run(self, step: Step, state: State) -> list[tuple[Step, State]]:
        words = step.call
        name = words[0] if words else ""
        if name == "exit" and name not in self.functions:
            return self._end(_given(step, state), step, state)
        if name in self.functions:
            always = self.function(name, step, state).always
            if always is not End.NONE:
                status = {End.FAILS: FAIL, End.PASSES: PASS}.get(always, NOT_KNOWN)
                return self._end(status, step, state)
        state = self._changed(words, step, state)
        statuses = self._statuses(words, step, state)
        if len(statuses) > 1 and not step.is_checked:
            if DOUBTED in state.options:
                return [(self._last, state._replace(status=NOT_KNOWN, traps=("", "")))]
            statuses = (PASS,)  # it is another that is taken to fail
        ways = [self._settle(step, state._replace(status=status)) for status in statuses]
        return [each for way in ways for each in way]

    def _statuses(self, words: Sequence[str], step: Step, state: State) -> tuple[str, ...]:
        name = words[0] if words else ""
        if not words:
            has_output = any(outputs_of(step.node.words))
            return (state.status,) if has_output else (PASS,)
        if name in self.functions:
            function = self.function(name, step, state)
            return (PASS,) * function.succeeds + (FAIL,) * function.fails
        if name in _SUCCEED and not (name == ":" and "?" in " ".join(words)):
            return (PASS,)
        if name in ("set", "shopt", "trap", "umask"):
            return (PASS,)
        if name == "false":
            return (FAIL,)
        if name == "wait" and words[1:]:
            return (FAIL,) if state.is_waiting else (PASS, FAIL)
        if name in ("[", "[[", "test"):
            answer = answer_of(step.node.words, dict(state.known), state.status)
            return (PASS, FAIL) if answer is None else (PASS if answer else FAIL,)
        return (PASS, FAIL)

    def _changed(self, words: Sequence[str], step: Step, state: State) -> State:
        """Return what is known after a command that sets options, traps or variables."""
        name = words[0] if words else ""
        if name in ("set", "shopt"):
            options = set(state.options)
            for option, sets in option_changes(tuple(words)):
                if option in _FOLLOWED:
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
            if name in self.functions:
                body = self.functions[name]
                changed = find_assigned(self._script[body.start : body.end])
            elif name in ("read", "mapfile", "readarray", "getopts", "unset", "printf"):
                changed = words[1:]
            known = frozenset(pair for pair in state.known if pair[0] not in changed)
            return state._replace(known=known)
        return state._replace(known=self._assigned(step.node.words, state))

    def _assigned(self, words: Sequence[str], state: State) -> frozenset[tuple[str, str]]:
        """Return what the variables hold that are asked for, after what is assigned to some."""
        known_now = dict(state.known)
        for word in words:
            found = ASSIGNS.fullmatch(word)
            if found and found[1] in self._asked:
                value = value_of(found[3], dict(state.known), state.status)
                if found[2] or found[3].startswith("("):
                    value = listed(found[3], known_now.get(found[1]), adds=bool(found[2]))
                known_now.pop(found[1], None)
                if len(known_now) >= _MANY_KNOWN:
                    known_now.clear()
                if value is not None:
                    known_now[found[1]] = value
        return frozenset(known_now.items())

    def outcome(self, step: Step, state: State) -> Mapping[End, Step | None]:
        """Return the ends that a script may have from a step on, each with what makes it."""
        open_: list[tuple[tuple[Step, State], list[tuple[Step, State]]]] = []
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
            ends: dict[End, Step | None] = {}
            for each in following:
                ends |= self._memo[each]
            if key[0].do == "out":
                ends = {end: key[1].by if by is _WHATEVER else by for end, by in ends.items()}
            self._memo[key] = ends
            open_.pop()
        return self._memo[start]

    def _keyed(self, step: Step, state: State) -> tuple[Step, State]:
        """Return a step and what is known there; what variables hold, not for ever."""
        if step.do in ("run", "status", "choice") and not state.has_ended:
            state = state._replace(by=None)
        key = step, state
        if key not in self._memo and state.known:
            self._visits[step] = self._visits.get(step, 0) + 1
            if self._visits[step] > _MANY_STATES:
                return step, state._replace(known=frozenset())
        return key

    def _judge(self, step: Step, state: State) -> Mapping[End, Step | None]:
        if step.do == "returned":
            return {End.LEFT if state.status == FAIL else End.NONE: None}
        if state.status == NOT_KNOWN:
            return {End.UNSURE: state.by}
        if state.status == FAIL:
            return {End.FAILS: state.by}
        return {End.PASSES if state.has_ended else End.NONE: state.by}

    def function(self, name: str, step: Step, state: State) -> _Function:
        """Return what a function does that is called in a step."""
        ends_itself = "e" in state.options and not step.is_checked
        key = name, ends_itself
        if key not in self.known_functions:
            if self._depth == _DEEPEST:
                return _ANY
            self._depth += 1
            self.known_functions[key] = _ANY  # where it calls itself
            start = State(options=state.options if ends_itself else state.options - {"e"})
            root = self._builder.root(
                self.functions[name], over="returned", is_checked=step.is_checked
            )
            ends = set(self.outcome(root, start))
            was_noting, self.is_noting = self.is_noting, False
            steps = self.reach(root, [start])
            fails = any({End.FAILS, End.LEFT} & set(bad) for _, _, bad in self.weigh(steps))
            self.is_noting = was_noting
            self._depth -= 1
            always = End.UNSURE
            if ends & {End.NONE, End.LEFT}:
                always = End.NONE
            elif len(ends) == 1:
                (always,) = ends
            self.known_functions[key] = _Function(
                always,
                fails or bool(ends & {End.FAILS, End.LEFT}),
                End.NONE in ends,
                any(map(self.ends_red, steps)),
            )
        return self.known_functions[key]

    def ends_red(self, step: Step) -> bool:
        """Tell whether a step may end the script red by its own words."""
        if step.do != "run" or _of(step.out).do != "out":
            return False
        name = "".join(step.call[:1])
        if name in self.functions:
            return self.function(name, step, State(options=self._options)).may_end
        return name == "exit" and step.call[1:] != ("0",)

    def reach(self, root: Step, states: Iterable[State]) -> dict[Step, set[State]]:
        """Return the steps that are reached, with what is known at each."""
        reached: dict[Step, set[State]] = {}
        waiting = [self._keyed(root, state) for state in states]
        while waiting:
            step, state = waiting.pop()
            if state in reached.setdefault(step, set()):
                continue
            reached[step].add(state)
            if step.do not in _LAST or (step.do == "out" and state.traps[0]):
                waiting += [self._keyed(*way) for way in self._after(step, state)]
        return reached

    def weigh(self, reached: Mapping[Step, set[State]]) -> Iterator[tuple[Step, Ends, Ends]]:
        """Yield each command that may fail, with the ends where it succeeds and where it fails."""
        for step, states in reached.items():
            words = step.call
            if step.do != "run" or not words or words[0] == "exit" or not step.around:
                continue
            is_call = words[0] in self.functions
            ok: Ends = {}
            bad: Ends = {}
            for state in states:
                if is_call and self.function(words[0], step, state).always is not End.NONE:
                    continue
                after = self._changed(words, step, state)
                statuses = self._statuses(words, step, after)
                if PASS in statuses:
                    ok = {**ok, **self.ends_after(step, after._replace(status=PASS))}
                if FAIL in statuses:
                    if is_call and self.function(words[0], step, state).may_end:
                        bad = {**bad, End.FAILS: step}
                    else:
                        bad = {**bad, **self.ends_after(step, after._replace(status=FAIL))}
            if is_call and self.is_noting:
                calls = self.calls.setdefault(words[0], [])
                calls += [(state, step.is_checked, set(bad)) for state in states]
            if bad:
                yield step, ok, bad

    def ends_after(self, step: Step, state: State) -> Ends:
        ends: Ends = {}
        for way in self._settle(step, state):
            ends = {**ends, **self.outcome(*way)}
        return ends


def _of(step: Step | None) -> Step:
    assert step is not None
    return step
