"""A script's commands → steps, each with where the script goes on after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from cfl_jobs.check.known import FAIL, PASS
from cfl_jobs.check.script import (
    Node,
    call_of,
    literal,
    negate,
    outputs_of,
    parse,
    plain,
    say,
    text_of,
)

# Conditions, all of which hold; and several of them, one of which does.
Clause: TypeAlias = frozenset[str]
Ways: TypeAlias = tuple[Clause, ...]
_MANY_WAYS = 8
_MANY_BRANCHES = 64  # from then on, which of those before is not taken isn't followed


@dataclass(eq=False, slots=True)
class Step:
    """A command, or what begins or ends several. `out` is where an end of this shell leads."""

    do: str
    node: Node = field(default_factory=lambda: Node("run"))
    ok: Step | None = None
    bad: Step | None = None
    out: Step | None = None
    is_checked: bool = False
    around: Ways = (frozenset(),)
    shown: Node | None = None
    value: str = ""
    call: tuple[str, ...] = ()


class Context(NamedTuple):
    out: Step
    back: Step  # where `return` leads
    loop: Step
    is_checked: bool = False
    around: Ways = (frozenset(),)
    shown: Node | None = None  # the statement that a command is part of
    depth: int = 0  # of functions in traps


def _conditions(node: Node, *, holds: bool = True) -> Ways:
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
    return (frozenset({say(text, holds)}),)


def _both(some: Ways, others: Ways) -> Ways:
    if len(some) * len(others) > _MANY_WAYS:
        return some
    return tuple(dict.fromkeys(one | other for one in some for other in others))


class TooLong(Exception):
    """A script would take more than its share of work to follow."""


@dataclass(slots=True)
class Work:
    """Counts what is done of `most`, so that the time is in proportion to a script's length."""

    most: int
    done: int = 0

    def add(self) -> None:
        self.done += 1
        if self.done > self.most:
            raise TooLong


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes steps of commands, the last first. `functions` are the bodies of those that a trap may
    call; bash runs `$(...)` without `set -e`, where another shell keeps it.
    """

    functions: Mapping[str, Node]
    is_bash: bool
    work: Work

    def build(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        self.work.add()
        return _BUILD[node.kind](self, node, ok, bad, at)

    def _build_do(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        following = ok
        for number, part in enumerate(reversed(node.parts)):
            bad = following if number else bad
            inner = at if at.shown else at._replace(shown=part)
            following = self.build(part, following, bad, inner)
        return following if node.parts else self._status(PASS, ok)

    def _build_not(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        checked = at._replace(is_checked=True)
        ways = self._status(FAIL, bad), self._status(PASS, ok)
        return self.build(node.parts[0], *ways, checked)

    def _build_joined(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        left, right = node.parts
        is_and = node.kind == "and"
        around = _both(at.around, _conditions(left, holds=is_and))
        second = self.build(right, ok, bad, at._replace(around=around))
        checked = at._replace(is_checked=True)
        ways = (second, bad) if is_and else (ok, second)
        return self.build(left, *ways, checked)

    def _build_if(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        condition, *bodies = node.parts
        otherwise = self._status(PASS, ok)
        entries = [otherwise, otherwise]
        for number, body in enumerate(bodies):
            around = _both(at.around, _conditions(condition, holds=not number))
            entries[number] = self.build(body, ok, bad, at._replace(around=around, shown=None))
        then, otherwise = entries
        return self.build(condition, then, otherwise, at._replace(is_checked=True, shown=node))

    def _build_loop(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        condition, body = node.parts
        around = _both(at.around, _conditions(condition))
        inner = at._replace(around=around, shown=None, loop=self._status(PASS, ok))
        entry = self.build(body, ok, bad, inner)
        over = self._status(PASS, ok)
        return self.build(condition, entry, over, at._replace(is_checked=True, shown=node))

    def _build_each(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        return self._with_outputs(node.words, Step("choice", node, ok, bad), at)

    def _build_case(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        entry = self._status(PASS, ok)
        before: Ways = (frozenset(),)
        ways: list[tuple[Node, str, Ways]] = []
        for branch in node.parts:
            words = branch.words[1:]
            is_rest = "*" in words
            asked = "" if is_rest else " ".join(map(plain, ("case", branch.words[0], *words)))
            here = _both(before, (frozenset({asked} - {""}),))
            if len(ways) < _MANY_BRANCHES:
                before = _both(before, (frozenset({negate(asked)} if asked else ()),))
            ways.append((branch, asked, here))
        for branch, asked, here in reversed(ways):
            inner = at._replace(around=_both(at.around, here), shown=None)
            body = self.build(branch.parts[0], ok, bad, inner)
            if not asked:
                entry = body
                continue
            around = _both(at.around, tuple(way - {asked} for way in here))
            node = Node("run", (), tuple(asked.split(" ")), branch.start, branch.end)
            entry = self._run(
                node, body, entry, at._replace(is_checked=True, around=around, shown=branch)
            )
        return entry

    def _build_shell(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        leave = Step("leave", node, ok, bad, at.out, at.is_checked)
        return self._inner(node.parts[0], leave, at)

    def _inner(self, body: Node, leave: Step, at: Context, value: str = "") -> Step:
        inner = at._replace(out=leave, back=leave, loop=leave, shown=at.shown)
        return Step("enter", body, self.build(body, leave, leave, inner), value=value)

    def _build_pipe(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        following = Step("join", node, ok, bad, at.out, at.is_checked)
        for part in reversed(node.parts):
            leave = Step("leave", part, following, following, following, True, value="pipe")
            following = self._inner(part, leave, at)
        return following

    def _build_back(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        leave = Step("leave", node, ok, ok, at.out, True, value="back")
        return self._inner(node.parts[0], leave, at)

    def _build_def(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        return self._status(PASS, ok)

    def _build_run(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        words = call_of(node)
        name = words[0] if words else ""
        if name in ("break", "continue"):
            return self._status(PASS, at.loop)
        if name == "return":
            return Step("return", node, at.back, at.back, call=words)
        if name == "exec" and words[1:]:
            return self._run(node, at.out, at.out, at._replace(is_checked=True))
        if at.depth and name in self.functions and at.depth < 4:
            inner = at._replace(back=ok, depth=at.depth + 1)
            return self.build(self.functions[name], ok, bad, inner)
        step = self._run(node, ok, bad, at)
        return self._with_outputs(node.words, step, at)

    def _with_outputs(self, words: Sequence[str], step: Step, at: Context) -> Step:
        for output in reversed(list(outputs_of(words))):
            leave = Step("leave", step.node, step, step, at.out, True)
            step = self._inner(parse(output), leave, at, "" if not self.is_bash else "output")
        return step

    def _run(self, node: Node, ok: Step, bad: Step, at: Context) -> Step:
        shown, call = at.shown or node, call_of(node)
        return Step("run", node, ok, bad, at.out, at.is_checked, at.around, shown, call=call)

    def _status(self, value: str, following: Step) -> Step:
        return Step("status", ok=following, value=value)

    def root(self, body: Node, *, over: str = "over", is_checked: bool = False) -> Step:
        end = Step(over)
        return self.build(body, end, end, Context(Step("out"), end, end, is_checked))


_BUILD = {
    "!": Builder._build_not,
    "and": Builder._build_joined,
    "or": Builder._build_joined,
    "do": Builder._build_do,
    "if": Builder._build_if,
    "loop": Builder._build_loop,
    "each": Builder._build_each,
    "case": Builder._build_case,
    "shell": Builder._build_shell,
    "pipe": Builder._build_pipe,
    "back": Builder._build_back,
    "def": Builder._build_def,
    "run": Builder._build_run,
}
