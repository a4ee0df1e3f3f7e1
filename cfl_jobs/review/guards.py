"""A job's scripts before and after → which of their guards are lost, and where they can't fail any
more.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from cfl_jobs.check.failing import STOPS_AT, Reading, Stop, find_options, read_script
from cfl_jobs.check.following import Clause, End
from cfl_jobs.check.forms import assigned_form, call_of, option_changes, plain, text_of
from cfl_jobs.check.rule import parts_of
from cfl_jobs.check.script import ASSIGNS, Node
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.building import JUnitResults
from cfl_jobs.errors import join_names, some
from cfl_jobs.review.pair import BEGIN, COMMAND, Pair, without_inputs
from cfl_jobs.review.review import About, Effect, Weight

_SHOWN = 2  # guards of those that one thing weakens
_WRITES = re.compile(r"(?:1|&)?>{1,2}\|?([\w./-]*[\w-]/[\w./-]+)")  # into a directory
_LETS = {End.PASSES: "end green", End.NONE: "go on", End.UNSURE: "perhaps end green"}
_RUNS_TESTS = re.compile(
    r"\bcommand\b|\btest(?![\w'])|\b(?:pytest|unittest|tox|nox|jest|behave|cypress)\b"
)


def _runs_tests(text: str) -> bool:
    text = re.sub(r'(?<!-c )"[^"]*\s[^"]*"', "", text)  # words for people
    return _RUNS_TESTS.search(text) is not None and not text.startswith(("! ", "test "))


@dataclass(frozen=True, slots=True)
class _Side:
    """What a job's scripts do where commands fail, all scripts taken together.

    `weak` are the commands whose failure doesn't end a script red, `made` what is assigned to each
    variable, and `written` the files that commands write by their own words.
    """

    readings: tuple[Reading, ...]
    red: dict[Clause, Stop]
    green: dict[Clause, Stop]
    weak: Counter[tuple[str, End]]
    made: dict[str, list[str]]
    written: set[str]


def _read_side(job: Job) -> _Side:
    readings = tuple(read_script(without_inputs(step.script)) for step in job.shells)
    words = [word for reading in readings for node in reading.runs() for word in node.words]
    made: dict[str, list[str]] = {}
    for word in words:
        if given := ASSIGNS.fullmatch(word):
            made.setdefault(given[1], []).append(assigned_form(word))
    return _Side(
        readings,
        {stop.clause: stop for reading in readings for stop in reading.red},
        {stop.clause: stop for reading in readings for stop in reading.green},
        Counter((c.text, c.end) for r in readings for c in r.commands if c.end is not End.FAILS),
        made,
        {found[1] for found in map(_WRITES.fullmatch, map(plain, words)) if found},
    )


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
    options = list(_say_options(old, new, name, weight))
    yield from options
    was, now = _read_side(old), _read_side(new)
    early = _without_stronger(now.green, was.green)
    lost = _without_stronger(was.red, now.red)
    if options or any(not stop.clause for stop in early):
        lost = [stop for stop in lost if not (stop.by_itself or frozenset() in now.green)]
    known = {stop.asked for stop in lost}
    for stop in early:
        if stop.asked not in known:
            tail = f"end green early: `{stop.words}`"
            yield Effect(About.GUARD, weight, "lets", (name,), tail)
    untold = lost
    if any(parts_of(new.publishers, JUnitResults)):  # find_passing tells of those that run tests
        told = {text for text, _ in now.weak - was.weak if _runs_tests(text)}
        untold = [stop for stop in lost if not (stop.by_itself and stop.asked in told)]
    yield from _say_lost(untold, was, now, name, weight)
    yield from _say_fed(was, now, name, weight)
    words = {stop.words for stop in was.red.values()}
    added = [
        stop for stop in _without_stronger(now.red, was.red) if not (options and stop.by_itself)
    ]
    for shown in dict.fromkeys(stop.words for stop in added if stop.is_guard):
        if shown not in words and not lost:
            yield Effect(About.GUARD, Weight.LOW, f"adds the guard `{shown}` to", (name,))


def _without_stronger(some: dict[Clause, Stop], others: dict[Clause, Stop]) -> list[Stop]:
    """Return the stops that none of the others is, or makes sure of."""
    by_asked: dict[str, list[Clause]] = {}
    for clause, stop in others.items():
        by_asked.setdefault(stop.asked * bool(clause), []).append(clause)
    return [
        stop
        for clause, stop in some.items()
        if clause not in others
        and not any(other <= clause for asked in ("", *clause) for other in by_asked.get(asked, ()))
    ]


def _say_lost(
    lost: list[Stop], was: _Side, now: _Side, name: str, weight: Weight
) -> Iterator[Effect]:
    """Yield the guards that are gone, hold in other cases only, or stop nothing any more."""
    weak: dict[str, End] = {}  # of commands alike what becomes of the first
    for text, end in now.weak - was.weak:
        weak.setdefault(text, end)
    there = {text_of(node) for reading in now.readings for node in reading.runs()}
    kept = {stop.words for stop in now.red.values()}
    softened: dict[tuple[End, str, bool], dict[str, None]] = {}
    gone: dict[str, bool] = {}  # whether they are there all the same
    for stop in sorted(lost, key=lambda each: not each.is_guard):
        found = {reading.functions.get(stop.by) for reading in now.readings} - {None, End.FAILS}
        by, becomes = stop.by, next(iter(found), None)
        if not becomes:
            by = ""
            becomes = weak.get(stop.asked) if stop.text in there or not stop.by else None
        if becomes:
            group = becomes, by, stop.by_itself
            softened.setdefault(group, {})[f"`{stop.words}`"] = None
        elif stop.is_guard:
            is_there = stop.words in kept or stop.text in there
            gone[stop.words] = is_there or gone.get(stop.words, False)
    for (end, by, by_itself), guards in softened.items():
        verb = "refused"
        if by_itself:
            verb = ("fail", "fails")[len(guards) == 1]
        tail = f"{_LETS[end]} where {some(list(guards), _SHOWN)} {verb}"
        tail += f": `{by}` {end.value} now" * bool(by)
        yield Effect(About.GUARD, weight, "lets", (name,), tail)
    for words, is_there in gone.items():
        if is_there:
            lead, tails = f"changes when the guard `{words}` of", ("stops it", "stops them")
            yield Effect(About.GUARD, weight, lead, (name,), *tails)
        else:
            yield Effect(About.GUARD, weight, f"takes the guard `{words}` out of", (name,))


def _say_fed(was: _Side, now: _Side, name: str, weight: Weight) -> Iterator[Effect]:
    """Yield the guards that look at what is made in another way."""
    said: set[str] = set()
    written = sorted(now.written - was.written)
    for clause, stop in (was.red | was.green).items():
        is_still = stop.is_guard and (clause in now.red or clause in now.green)
        if not is_still or stop.words in said:
            continue
        used = sorted({v for text in clause for v in re.findall(r"\$\{?#?(\w+)", text)})
        looks = " ".join((*clause, *(text for v in used for text in now.made.get(v, []))))
        changed = [v for v in used if was.made.get(v) != now.made.get(v)]
        if changed := changed + [file for file in written if file in looks]:
            said.add(stop.words)
            lead = f"changes what the guard `{stop.words}` of"
            tail = f"at: {changed[0]}"
            yield Effect(About.GUARD, weight, lead, (name,), f"looks {tail}", f"look {tail}")


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
            with_it = f"with {_say_set(options)} only {where}" * bool(where)
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


class _Passes(Enum):
    """How a suite passes though its tests fail, in words; the worst first."""

    ALWAYS = "lets", "pass whatever its tests say", "pass whatever their tests say"
    INVERTED = "lets", "pass only when its tests fail", "pass only when their tests fail"
    PERHAPS = "lets", "perhaps pass though its tests fail", "perhaps pass though their tests fail"
    UNHELD = "leaves it to `set -e` alone to fail", ": what comes after the tests succeeds"


def find_passing(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a suite can't fail any more, as far as that can be told."""
    were, weight = dict(_passing(old)), pair.weigh_feeding(name)
    patterns = [results.pattern for results in parts_of(new.publishers, JUnitResults)]
    if not patterns:
        return
    new_ways = ((text, way) for text, way in _passing(new) if were.get(text) is not way)
    found = {way for text, way in new_ways if were.get(text) in (None, _Passes.UNHELD)}
    for way in _Passes:
        if way in found:
            lead, *tails = way.value
            yield Effect(About.GUARD, weight, lead, (name,), *tails)
            break
    written = set(_writing(old, patterns))
    for words in dict.fromkeys(_writing(new, patterns)):
        if words not in written:
            lead = f"takes for test results what `{words}` writes, in"
            yield Effect(About.GUARD, weight, lead, (name,))


def _scripts_of(job: Job) -> Iterator[Reading]:
    """Yield what a job's scripts do, and what the commands do that they are given to run."""
    for step in job.shells:
        reading = read_script(without_inputs(step.script))
        yield reading
        given, mark, _ = step.script.partition(BEGIN)
        command = COMMAND.search(given * bool(mark))
        if command and (call := next(filter(None, map(_call_of_command, reading.runs())), None)):
            options = frozenset(name for name, sets in option_changes(call) if sets)
            text = next((word for word in call if _GIVEN in word), _GIVEN).strip('"')
            text = text.replace("${command}", _GIVEN)
            yield read_script(text.replace(_GIVEN, "".join(shlex.split(command[1]))), options)


_GIVEN = "$command"


def _call_of_command(node: Node) -> tuple[str, ...]:
    """Return the call of a shell that runs $command; empty where a command isn't that."""
    words = call_of(node)
    for at, word in enumerate(words):
        if re.fullmatch(r"\S*sh", word) and re.search(r"\$\{?command\b", " ".join(words[at:])):
            return words[at:]
    return ()


def _passing(job: Job) -> Iterator[tuple[str, _Passes]]:
    """Yield what of a job's scripts runs tests and doesn't fail with them, and how."""
    for reading in _scripts_of(job):
        if not any(command.end in (End.FAILS, End.UNSURE) for command in reading.commands):
            yield " ".join(map(text_of, reading.tree.parts)), _Passes.ALWAYS
        ends = {command.text: command.end for command in reading.commands}
        for command in reading.commands:
            if not _runs_tests(command.text):
                continue
            if command.is_held:
                yield command.text, _Passes.UNHELD
            elif command.end is End.UNSURE:
                yield command.text, _Passes.PERHAPS
            elif command.end is not End.FAILS:
                is_inverted = ends.get(f"! {command.text}") is End.FAILS
                yield command.text, (_Passes.ALWAYS, _Passes.INVERTED)[is_inverted]


def _writing(job: Job, patterns: Iterable[str]) -> Iterator[str]:
    """Yield the commands that write into the directory of test results by their own words."""
    places = [re.escape(pattern.partition("/")[0]) for pattern in patterns if "/" in pattern]
    place = re.compile("|".join([r"JUNIT_REPORTS", *(rf"(?:^|/){each}/" for each in places)]))
    for reading in _scripts_of(job):
        for node in reading.tree.walk():
            written = [word for word in node.words if re.match(r"(?:\d*|&)>", word)]
            if call_of(node)[:1] in _WRITERS:
                written += node.words[-1:]
            if any(place.search(word.lstrip("&>0123456789 \"'")) for word in written):
                yield text_of(node)


_WRITERS = [(name,) for name in ("cp", "mv", "ln", "install", "tee", "touch")]
