"""Two jobs → guards that one has and the other hasn't, and tests that can't fail any more."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

from cfl_jobs.check.rule import parts_of
from cfl_jobs.check.shell import (
    STOPS_AT,
    End,
    find_excused,
    find_options,
    find_stops,
    without_comments,
)
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.results import JUnitResults
from cfl_jobs.errors import join_names, some
from cfl_jobs.review.pair import BEGIN, COMMAND, Pair
from cfl_jobs.review.review import About, Effect, Weight


def find_guards(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield checks that a job's scripts stop at no more, first that of passed tests."""
    if name in pair.after.unguarded and name not in pair.before.unguarded:
        lead, tail = "lets", "deploy what was not tested: nothing stops it any more"
        if pair.is_new(name):
            lead, tail = "adds what deploys without looking whether it was tested:", ""
        yield Effect(About.GUARD, Weight.HIGH, lead, (name,), tail)
    if pair.is_new(name) or name not in pair.after.jobs:
        return
    weight = pair.weigh_feeding(name)
    yield from _say_options(old, new, name, weight)
    was, now, weak = _stops_of(old), _stops_of(new), _weak_stops(old, new)
    said = {condition for conditions in now.values() for condition in conditions if condition}
    softened: dict[tuple[End, str], list[str]] = {}
    for words, conditions in was.items():
        left = now.get(words, [])
        # One with the same condition says the same in other words.
        lost = (Counter(conditions) - Counter(left)).keys() - said
        becomes = next((weak[key] for key in (words, *conditions) if key in weak), None)
        if lost and becomes:
            softened.setdefault(becomes, []).append(f"`{words}`")
        elif lost and len(left) < len(conditions):
            yield Effect(About.GUARD, weight, f"takes the guard `{words}` out of", (name,))
        elif lost:
            lead, tails = f"changes when the guard `{words}` of", ("stops it", "stops them")
            yield Effect(About.GUARD, weight, lead, (name,), *tails)
    for (end, by), guards in softened.items():
        tail = f"{_SOFTENED[end]} {some(guards, _SHOWN_GUARDS)} refused"
        tail += f": `{by}` {end.value} now" if by else ""
        yield Effect(About.GUARD, weight, "lets", (name,), tail)
    before = {condition for conditions in was.values() for condition in conditions if condition}
    for words in [words for words in now if words not in was]:
        if before.isdisjoint(now[words]):
            yield Effect(About.GUARD, Weight.LOW, f"adds the guard `{words}` to", (name,))


_SOFTENED = {End.PASSES: "end green where", End.NONE: "go on where"}
_SHOWN_GUARDS = 2


def _say_options(old: Job, new: Job, name: str, weight: Weight) -> Iterator[Effect]:
    """Yield at what a job's scripts stop by themselves no more, or do now: `set -e` and such."""
    for script, other in _pair_scripts(old, new):
        before, after = find_options(script), find_options(other)
        off = [option for option in STOPS_AT if option in after.off - before.off]
        if off:
            tail = f"go on after {_say_stops(off)}, as of {_say_set(off, '+')}"
            yield Effect(About.GUARD, weight, "lets", (name,), tail)
        lost: dict[str, list[str]] = {}
        for option in STOPS_AT:
            held = option in before.end and after.end.get(option) not in ("", before.end[option])
            if option not in off and (held or option in before.on - after.on):
                lost.setdefault(after.end.get(option, ""), []).append(option)
        for where, options in lost.items():
            with_it = f"with {_say_set(options)} only {where}" if where else ""
            tail = f"go on after {_say_stops(options)}, {with_it or f'without {_say_set(options)}'}"
            yield Effect(About.GUARD, weight, "lets", (name,), tail)
        if more := [option for option in STOPS_AT if option in after.on - before.on]:
            tail = f"at {_say_stops(more)}, with {_say_set(more)}"
            yield Effect(About.GUARD, Weight.LOW, "stops", (name,), tail)
        fewer = before.inner - after.inner
        if not fewer[""] and (inner := [option for option in STOPS_AT if fewer[option]]):
            tail = f"go on after {_say_stops(inner)} in what a shell of its own runs"
            yield Effect(About.GUARD, weight, "lets", (name,), tail)


def _pair_scripts(old: Job, new: Job) -> Iterator[tuple[str, str]]:
    """Yield a job's scripts before and after; where there are more or fewer, those most alike."""
    was, now = ([step.script for step in job.shells] for job in (old, new))
    if len(was) == len(now):
        yield from zip(was, now, strict=True)
        return
    left = [script for script in now if script not in was]
    for script in was:
        if script not in now and left:
            lines = _lines_of(script)
            other = max(left, key=lambda one: (lines & _lines_of(one)).total())
            if lines & _lines_of(other):
                left.remove(other)
                yield script, other


def _lines_of(script: str) -> Counter[str]:
    lines = (line.strip() for line in script.split("\n"))
    return Counter(line for line in lines if line and not line.startswith("#!"))


def _say_stops(options: Iterable[str]) -> str:
    return join_names(map(STOPS_AT.__getitem__, options), "or")


def _say_set(options: Iterable[str], sign: str = "-") -> str:
    return join_names(f"`set {sign}{'o ' * (len(option) > 1)}{option}`" for option in options)


def _stops_of(job: Job) -> dict[str, list[str]]:
    """Return the statements at which a job's scripts fail, with the conditions that each has."""
    found: dict[str, list[str]] = {}
    for step in job.shells:
        for stop in find_stops(step.script):
            if stop.end is End.FAILS:
                found.setdefault(stop.words, []).append(stop.condition)
    return found


def _weak_stops(old: Job, new: Job) -> dict[str, tuple[End, str]]:
    """Return what becomes of a job's scripts where they don't fail, by the words or the condition,
    and which function that comes of. Functions count at which they failed before."""
    stops = (stop for step in old.shells for stop in find_stops(step.script))
    known = frozenset(stop.by for stop in stops if stop.by)
    found: dict[str, tuple[End, str]] = {}
    for step in new.shells:
        for stop in find_stops(step.script, known):
            if stop.end is not End.FAILS:
                found[stop.words if stop.by else stop.condition] = (stop.end, stop.by)
    found.pop("", None)
    return found


def find_passing(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a suite can't fail any more, as far as that can be told."""
    were, weight = set(_passing(old)), pair.weigh_feeding(name)
    found = {passes for line, passes in _passing(new) if (line, passes) not in were}
    if found and any(parts_of(new.publishers, JUnitResults)):
        lead, *tails = next(way for way in _Passes if way in found).value
        yield Effect(About.GUARD, weight, lead, (name,), *tails)


class _Passes(Enum):
    """How a suite passes though its tests fail, in words; the worst first."""

    ALWAYS = "lets", "pass whatever its tests say", "pass whatever their tests say"
    INVERTED = "lets", "pass only when its tests fail", "pass only when their tests fail"
    UNHELD = (
        "leaves it to `set -e` alone to fail",
        ": what comes after the tests succeeds",
    )


# A command that can't fail.
_NOTHING = re.compile(r"command=['\"]?(?:true|:|exit 0)['\"]?$", re.MULTILINE)
_RUNS_TESTS = re.compile(
    r"\bcommand\b|\btest(?![\w'])|\b(?:pytest|unittest|tox|nox|jest|behave|cypress)\b"
)
_INVERTED = re.compile(r"!\s[^|&]*")
_RUNS_COMMAND = re.compile(r"sh\s[^\n]*-\w*c\s+\"?\$\{?command\b")


def _passing(job: Job) -> Iterator[tuple[str, _Passes]]:
    """Yield what of a job's scripts runs tests and doesn't fail with them; see find_excused."""
    for step in job.shells:
        script = step.script
        yield from ((found[0], _Passes.ALWAYS) for found in _NOTHING.finditer(script))
        given, mark, _ = script.partition(BEGIN)
        texts = [(script, find_options(script))]
        command = COMMAND.search(given) if mark else None
        if command and (runs := _RUNS_COMMAND.search(without_comments(script))):
            texts.append(("".join(shlex.split(command[1])), find_options(f"#!sh\n{runs[0]}")))
        for text, options in texts:
            own = {*options.inner, *options.on} if text is not script else options.on
            for words, is_held in find_excused(text, own):
                is_last = without_comments(text).strip().endswith(words)
                passes = _Passes.UNHELD if is_held else _Passes.ALWAYS
                if is_last and _INVERTED.fullmatch(words):
                    passes = _Passes.INVERTED
                if _RUNS_TESTS.search(words):
                    yield words, passes
