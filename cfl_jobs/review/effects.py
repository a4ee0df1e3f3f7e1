"""A plan + all that is defined → what it means for the chain, and how much harm it could do.

Each kind of danger is a row of DANGERS: where in a config it shows, and what looks for it. What no
row knows is told as it stands, so that nothing passes as harmless that wasn't understood.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from cfl_jobs.check.rule import parts_of
from cfl_jobs.check.shell import (
    STOPS_AT,
    End,
    find_excused,
    find_options,
    find_stops,
    forget_scripts,
    without_comments,
)
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.model import (
    DECLARED,
    DISCARDER,
    GITHUB,
    MATRIX,
    PERMITTED,
    RESOURCES,
    BuildDiscarder,
    Job,
    Parameter,
    ParameterKind,
)
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.read_model import label_of
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.artifacts import CopyArtifact
from cfl_jobs.configs.steps.results import JUnitResults, Mail
from cfl_jobs.configs.steps.shell import Shell
from cfl_jobs.configs.steps.step import HARMLESS
from cfl_jobs.configs.steps.triggering import BuildOther, TriggerBuilds, TriggerStep
from cfl_jobs.configs.steps.wrappers import (
    AnsiColor,
    BindCredentials,
    CleanBefore,
    TimeLimit,
    Timestamps,
)
from cfl_jobs.errors import count, join_names, some
from cfl_jobs.planning.fields import without_numbers
from cfl_jobs.planning.plan import Change, Create, Delete, Difference, Owner, Plan
from cfl_jobs.review.flow import find_copies, find_edges, find_starts, merge_chains
from cfl_jobs.review.outline import say_moved
from cfl_jobs.review.pair import Pair, covers, runs_on_controller
from cfl_jobs.review.review import About, Effect, Review, Weight, Weights, join_effects, weigh

# matrix-auth 3.2: the strategy under which nothing granted elsewhere counts.
_CLOSED = "NonInheritingStrategy"
_OF_BUILDERS = ("build", "cancel", "discover", "read", "workspace")
_SHOWS_DEFAULT = (ParameterKind.BOOLEAN, ParameterKind.STRING, ParameterKind.CHOICE)
# What a template gives a script stands before it (rendering/scripts.py).
BEGIN = "\n# From here on: "
_SHORT = 60  # characters of a value that is told
_OWNED = {
    Owner.THEIRS: "changed on the server, will be put back",
    Owner.BOTH: "changed here and on the server",
}
# For people to read, or of how a log looks: where they stand in a config.
_TEXTS = (
    "description",
    "displayName",
    GITHUB,
    f"buildWrappers/{Timestamps.TAG}",
    f"buildWrappers/{AnsiColor.TAG}",
)
_PARAMETER_TEXT = re.compile(rf"{DECLARED}/parameterDefinitions/[^/]+/description")

Find = Callable[[Pair, str, Job, Job], Iterator[Effect]]


@dataclass(frozen=True, slots=True)
class Danger:
    """A kind of danger. `paths` are the places in a config whose differences may be it, the
    likeliest first. `find` gets the pair, a job's name, and the job before and after: where it is
    new or goes, an empty one, unless the row is `of_kept` jobs only. What it finds says all of a
    difference whose path, below one of `paths`, is as `tells` has it; all others are told apart.
    """

    find: Find
    paths: tuple[str, ...]
    of_kept: bool = False
    tells: str = ".*"

    def says(self, effect: Effect, found: Difference) -> bool:
        """Tell whether an effect that is found says what a difference at one of `paths` is."""
        if not _is_in(effect.paths, found):
            return False
        path = without_numbers(found.path)
        return any(
            re.fullmatch(self.tells, path.removeprefix(place).lstrip("/"))
            if path.startswith(f"{place}/")
            else f"{place}/".startswith(f"{path}/".lstrip("/"))
            for place in self.paths
        )


def _is_in(paths: Sequence[str], found: Difference) -> bool:
    """Tell whether a difference is at one of these paths or in it, where there are any."""
    return not paths or any(f"{found.path}/".startswith(f"{path}/") for path in paths)


def weigh_plan(plan: Plan, desired: Sequence[Config]) -> Review:
    """Return a plan with what it means, `desired` being all that is defined."""
    pair = Pair.of(plan, desired)
    for config in desired:  # the checks had looked at it before
        config.forget()
    try:
        effects, weights = find_effects(pair)
    finally:
        forget_scripts()
    chain, arrow_marks = merge_chains(pair)
    return Review(
        plan,
        effects=effects,
        risk=weigh(effects, is_changed=bool(plan.changes)),
        weights=weights,
        deploys=pair.deploys,
        chain=chain,
        arrow_marks=arrow_marks,
    )


def find_effects(pair: Pair) -> tuple[tuple[Effect, ...], Weights]:
    """Return what a plan means, heaviest first, and what each difference weighs."""
    effects: list[Effect] = []
    weights: dict[tuple[str, str], Weight] = {}
    for name, old, new in pair.sides():
        for effect, paths in _find_effects_of(pair, name, old, new):
            effects.append(effect)
            for path in paths:
                weights[name, path] = max(effect.weight, weights.get((name, path), Weight.LOW))
    return join_effects(effects, pair.after.jobs), weights


def _find_effects_of(
    pair: Pair, name: str, old: Job, new: Job
) -> Iterator[tuple[Effect, Sequence[str]]]:
    """Yield what becomes of a job, with the paths of the differences that weigh as much."""
    told = pair.differences(name)
    untold = dict.fromkeys(told)
    is_kept = name in pair.before.jobs and name in pair.after.jobs
    for danger in DANGERS:
        about = [found for found in told if covers(danger.paths, found)]
        if (is_kept and danger.paths and not about) or (danger.of_kept and not is_kept):
            continue
        remark = _say_owner(about)
        weighed = [found.path for found in _nearest(danger.paths, about)] or [""]
        for effect in danger.find(pair, name, old, new):
            for found in about:
                if danger.says(effect, found):
                    untold.pop(found, None)
            yield replace(effect, remark=remark), weighed
    for found in untold:
        yield _tell_unknown(pair, name, found), (found.path,)


def _nearest(paths: Iterable[str], about: Sequence[Difference]) -> Sequence[Difference]:
    """Return the differences at the first of these places where there are any."""
    found = ([each for each in about if covers([path], each)] for path in paths)
    return next(filter(None, found), about)


def _say_owner(differences: Iterable[Difference]) -> str:
    """Return whose differences these are, where that is someone's on the server."""
    owners = {found.owner for found in differences}
    if len(owners) > 1 and Owner.THEIRS in owners:
        return _OWNED[Owner.BOTH]
    return next((words for owner, words in _OWNED.items() if owner in owners), "")


def _tell_unknown(pair: Pair, name: str, found: Difference) -> Effect:
    """Return a difference that no row has words for: text, or a setting and its values."""
    path = without_numbers(found.path)
    if path.startswith(_TEXTS) or _PARAMETER_TEXT.fullmatch(path):
        lead = f"changes only text for people ({_unnumbered(found.label)}) of"
        return Effect(About.TEXT, Weight.LOW, lead, (name,), remark=_say_owner([found]))
    verbs = {Change.ADDED: "adds “{}” to", Change.REMOVED: "takes “{}” from"}
    lead = verbs.get(found.change, "changes “{}” of").format(_unnumbered(found.label))
    values = [text for text in (found.after, found.before) if "\n" not in text]
    tail = ""
    if found.change is Change.CHANGED and len(values) == 2 and len("".join(values)) < _SHORT:
        tail = f": {values[0] or 'empty'}, not {values[1] or 'empty'}"
    weight = Weight.MEDIUM
    classes = [step for step in path.split("/") if "." in step]
    if not HARMLESS.isdisjoint(classes):
        weight = Weight.LOW
    elif classes and not any(map(label_of, classes)):
        weight = pair.weigh(name)  # nobody knows what it does
    return Effect(About.SETTING, weight, lead, (name,), tail, remark=_say_owner([found]))


def _unnumbered(label: str) -> str:
    return re.sub(r" \d+(?=:|$)", "", label)


def _guards(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
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
    for words in _without(now, was):
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


def _tests(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that tests which fail, or are missing, don't stop what comes after them any more."""
    was, now = _results(old), _results(new)
    weight = pair.weigh_feeding(name)
    if was and not now:
        yield Effect(About.GUARD, weight, "reads no test results any more in", (name,))
    elif any(step.mark_unstable for step in was) and not any(step.mark_unstable for step in now):
        yield Effect(About.GUARD, weight, "lets", (name,), "succeed though tests failed")
    if now and any(s.allow_empty for s in now) and not any(s.allow_empty for s in was):
        yield Effect(About.GUARD, weight, "lets", (name,), "succeed without any test result")


def _passes(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a suite can't fail any more, as far as that can be told."""
    were, weight = set(_passing(old)), pair.weigh_feeding(name)
    found = {passes for line, passes in _passing(new) if (line, passes) not in were}
    if found and _results(new):
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
        command = _COMMAND.search(given) if mark else None
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


def _results(job: Job) -> list[JUnitResults]:
    return list(parts_of(job.publishers, JUnitResults))


def _environments(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now = (side.environments.get(name) for side in (pair.before, pair.after))
    others = [env for job, env in pair.before.environments.items() if job != name]
    if now and was is None:
        what, weight = "the environment", Weight.MEDIUM
        if now in others:
            what, weight = "another way to deploy to", Weight.HIGH
        yield Effect(About.ENVIRONMENT, weight, f"adds {what} {now}:", (name,))
    elif now and was and was != now:
        tail = f"deploy to {now}, not {was}"
        yield Effect(About.ENVIRONMENT, Weight.HIGH, "lets", (name,), tail)
    elif was and not now and was not in pair.after.environments.values():
        lead = f"leaves nothing that deploys to {was}: that was"
        yield Effect(About.ENVIRONMENT, Weight.HIGH, lead, (name,))


def _runs(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job runs something else, unless that is known to be comments alone."""
    was, now = pair.builders(name)
    if was == now:
        return
    if _only_code(was) == _only_code(now):
        lead = "changes nothing but comments and blank lines in what"
        yield Effect(About.RUNS, Weight.LOW, lead, (name,), "runs", "run")
        return
    if name in pair.judges and _judges_otherwise(was, now):
        lead = "changes what decides whether a distribution was tested:"
        yield Effect(About.GUARD, Weight.HIGH, lead, (name,))
        return
    fed = () if name in pair.deploys else _narrow(pair.fed_by(name), was, now)
    weight = pair.weigh(name) if fed or name in pair.deploys else Weight.LOW
    along = ", and so what {others} may deploy" if fed else ""
    tails = f"runs{along}", f"run{along}"
    yield Effect(About.RUNS, weight, "changes what", (name,), *tails, others=fed)


def _narrow(fed: tuple[str, ...], was: Normal | None, now: Normal | None) -> tuple[str, ...]:
    """Return which of the jobs that are fed are meant, where only inputs that name them change."""
    before, after = (Counter(_given(side).split("\n")) for side in (was, now))
    lines = ["\n".join(part.elements()) for part in (before - after, after - before)]
    name = re.compile("|".join(map(re.escape, sorted(fed, key=len, reverse=True))))
    rest = [_LINKS.sub("", name.sub("", text)) for text in lines]
    if not fed or rest[0] != rest[1] or _judging_steps(was) != _judging_steps(now):
        return fed
    old, new = (set(name.findall(text)) for text in lines)
    return tuple(job for job in fed if job in old ^ new) or fed


_LINKS = re.compile(r"\b(?:and|nothing)\b|[\s,'()]")


def _judges_otherwise(was: Normal | None, now: Normal | None) -> bool:
    """Tell whether more changes than what a script is given, or one more place to look at."""
    old, new = (_judging_steps(side) for side in (was, now))
    if [step for step in new if step in old] != old:
        return True
    if any(step.tag != CopyArtifact.TAG for step in new if step not in old):
        return True
    lists, lists_now = (dict(_LIST.findall(_given(side))) for side in (was, now))
    return any(
        set(words.split()) - set(lists_now.get(name, "").split()) for name, words in lists.items()
    )


_LIST = re.compile(r"^(\w+)=\((.*)\)$", re.MULTILINE)


def _judging_steps(builders: Normal | None) -> list[Normal]:
    """Return the code of what is run, each script without the inputs that a template gives it."""
    steps = builders.children if builders else ()
    return [_code_of_step(step, _without_inputs) for step in steps]


def _without_inputs(script: str) -> str:
    head, mark, rest = script.partition(BEGIN)
    return f"{head.partition(chr(10))[0]}{mark}{rest}" if mark else script


def _given(builders: Normal | None) -> str:
    """Return the inputs of all scripts."""
    steps = builders.children if builders else ()
    scripts = (step.find("command") for step in steps if step.tag == Shell.TAG)
    return "\n".join(script.text.partition(BEGIN)[0] for script in scripts if script)


def _only_code(builders: Normal | None) -> Normal | None:
    """Return what is run, without what shell takes for comments and blank lines."""
    if builders is None:
        return None
    steps = tuple(map(_code_of_step, builders.children))
    return replace(builders, children=steps)


def _code_of_step(step: Normal, of: Callable[[str], str] = str) -> Normal:
    script = step.find("command")
    if step.tag != Shell.TAG or script is None:
        return step
    others = tuple(child for child in step.children if child is not script)
    code = replace(script, text=without_comments(of(script.text)))
    return replace(step, children=(*others, code))


def _secrets(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now = _secrets_of(old), _secrets_of(new)
    for credential, way in now.items():
        lead = f"gives the secret {credential} to"
        before = was.get(credential)
        tail = way.place
        if before:
            lead = f"changes how the secret {credential} gets to"
            if before.kind != way.kind:
                tail = f": {way.kind}, not {before.kind}"
        if before != way:
            yield Effect(About.SECRET, Weight.HIGH, lead, (name,), tail)
    for credential in _without(was, now) if name in pair.after.jobs else []:
        lead = f"takes the secret {credential} from"
        yield Effect(About.SECRET, Weight.HIGH, lead, (name,))


@dataclass(frozen=True, slots=True)
class _Way:
    """How a credential gets to a job."""

    place: str
    kind: str = ""


_KINDS = {
    "StringBinding": "text",
    "FileBinding": "a file",
    "ZipFileBinding": "an unpacked file",
    "UsernamePasswordBinding": "user and password in one variable",
    "UsernamePasswordMultiBinding": "user and password in two variables",
    "SSHUserPrivateKeyBinding": "a key's file",
    "CertificateMultiBinding": "a certificate's file",
}


def _secrets_of(job: Job) -> dict[str, _Way]:
    """Return how each credential gets to a job."""
    found: dict[str, _Way] = {}
    for bound in job.bindings:
        place = f"as {', '.join(f'${v}' for v in bound.variables)}"
        found[bound.credentials_id] = _Way(place, _KINDS.get(bound.kind, bound.kind))
    if job.scm is not None and job.scm.credentials_id:
        found[job.scm.credentials_id] = _Way("for its checkout", "for git")
    return found


def _tokens(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job can be started from anywhere by a token."""
    was, now = pair.tokens(name)
    if now and not was:
        lead = "lets whoever knows a token start"
        yield Effect(About.TRIGGER, pair.weigh(name), lead, (name,))
    elif was and not now and name in pair.after.jobs:
        lead = "no longer lets whoever knows a token start"
        yield Effect(About.TRIGGER, Weight.LOW, lead, (name,))
    elif was and now:
        lead = "changes the token of who may start"
        yield Effect(About.TRIGGER, pair.weigh(name), lead, (name,))


def _nodes(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job may run where a deploy does, and read what is there."""
    were = pair.shares_nodes_with(name, old)
    if shared := _without(pair.shares_nodes_with(name, new), were):
        tail = "where {others}'s secrets can be read"
        yield Effect(About.SECRET, Weight.HIGH, "runs", (name,), tail, others=tuple(shared))
    is_usual = pair.is_new(name) and name in pair.deploys  # where there are no agents
    if runs_on_controller(new) and not runs_on_controller(old) and not is_usual:
        tail = "on the controller, whose files hold all that Jenkins knows, secrets too"
        yield Effect(About.SECRET, Weight.HIGH, "runs", (name,), tail)


def _restriction(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    weight = pair.weigh(name)
    if old.inheritance != _CLOSED and new.inheritance == _CLOSED:
        tail = f"to {join_names(_builders_of(new))}"
        yield Effect(About.PERMISSION, Weight.MEDIUM, "restricts who may build", (name,), tail)
    elif old.inheritance == _CLOSED and new.inheritance != _CLOSED:
        tail = f", which only {join_names(_builders_of(old))} could"
        lead = "lifts the restriction of who may build"
        yield Effect(About.PERMISSION, weight, lead, (name,), tail)


def _builders_of(job: Job) -> list[str]:
    found = [who for who, rights in _by_who(job).items() if "build" in rights]
    return found or ["administrators"]


def _permissions(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now, weight = _by_who(old), _by_who(new), pair.weigh(name)
    closed = [job.inheritance == _CLOSED for job in (old, new)]
    # Where others' rights begin or end to count, who may build is told of all at once.
    told = _OF_BUILDERS if closed == [False, True] else ()
    for who in dict.fromkeys((*now, *was)):
        rights, before = now.get(who, []), was.get(who, [])
        if gained := _without(rights, (*before, *told)):
            yield _permit(f"lets {who}", gained, weight, name)
        lost = _without(before, rights)
        if lost and closed != [True, False]:  # then others' rights hold again, theirs too
            yield _permit(f"no longer lets {who}", lost, weight, name)


def _permit(lead: str, rights: Sequence[str], weight: Weight, name: str) -> Effect:
    """Return what someone may do with a job; "workspace" is the right to read one."""
    others = [right for right in rights if right != "workspace"]
    if len(others) == len(rights):
        return Effect(About.PERMISSION, weight, f"{lead} {join_names(others)}", (name,))
    if not others:
        return Effect(About.PERMISSION, weight, f"{lead} read the workspace of", (name,))
    tails = "and read its workspace", "and read their workspaces"
    return Effect(About.PERMISSION, weight, f"{lead} {join_names(others)}", (name,), *tails)


def _by_who(job: Job) -> dict[str, list[str]]:
    """Return rights by who has them: {"USER:alice": ["build"]}."""
    found: dict[str, list[str]] = {}
    for entry in job.permissions:
        parts = entry.split(":", 2)
        kind, right, who = parts if len(parts) == 3 else ("", *entry.partition(":")[::2])
        right = right.rpartition(".")[2].lower()
        found.setdefault(f"{kind}:{who}" if kind else who, []).append(right)
    return found


# What Copy Artifact does with a job that names nobody; new installations are in production mode.
_UNSAID = "no job may in Copy Artifact's production mode, every job in its migration mode"


def _copy_permissions(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now = old.copy_permissions, new.copy_permissions
    if was is not None:
        was = tuple(pair.renamed.get(who, who) for who in was)
    if was == now:
        return
    if now is None:
        lead = "no longer says who may copy the artifacts of"
        tail = f", which {join_names(was or ['no one'])} could: {_UNSAID}"
        yield Effect(About.PERMISSION, Weight.HIGH, lead, (name,), tail)
        return
    if was is None:
        tail = f": {join_names(now or ['no one'])}; until now {_UNSAID}"
        yield Effect(
            About.PERMISSION, Weight.MEDIUM, "says who may copy the artifacts of", (name,), tail
        )
        return
    copies = {edge.target for edge in pair.after.chain.copies_of(name)}
    gained = _without(now, was)
    # A job that comes with this very plan, to copy from this one, is told as what it is.
    expected = [who for who in gained if who in copies and pair.is_new(who)]
    others = _without(gained, expected)
    for copiers, weight in ((others, Weight.HIGH), (expected, Weight.MEDIUM)):
        if copiers:
            lead = f"lets {join_names(list(map(_say_copier, copiers)))} copy the artifacts of"
            yield Effect(About.PERMISSION, weight, lead, (name,))
    if lost := _without(was, now):
        lead = f"no longer lets {join_names(lost)} copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,))


def _say_copier(entry: str) -> str:
    if "*" in entry:
        return "every job" if entry.strip("/") == "*" else f"every job that {entry} names"
    return entry


def _sources(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield what is checked out: of which repository, which branch."""
    weight = pair.weigh_feeding(name)
    if old.urls != new.urls:
        lead = f"checks out {join_names(new.urls or ['nothing'])}, not "
        lead += f"{join_names(old.urls or ['nothing'])}, in"
        yield Effect(About.SOURCE, weight, lead, (name,))
    was, now = _branches_of(old), _branches_of(new)
    if was != now and old.scm and new.scm:
        if _is_wider(now, was):
            tail = f"build {_say_branches(now)}, not only {_say_branches(was)}"
            yield Effect(About.SOURCE, Weight.HIGH, "lets", (name,), tail)
        else:
            lead = f"checks out {_say_branches(now)}, not {_say_branches(was)}, in"
            yield Effect(About.SOURCE, weight, lead, (name,))


def _fetching(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a checkout differs in more than its repositories and branches."""
    if old.scm and new.scm:
        was = replace(old.scm, urls=new.scm.urls, branches=new.scm.branches)
        if was != new.scm:
            yield Effect(About.SOURCE, Weight.MEDIUM, "changes how git fetches for", (name,))


def _branches_of(job: Job) -> tuple[str, ...]:
    """Return the branches that are built unless someone enters another."""
    defaults = {parameter.name: parameter.default for parameter in job.parameters}
    specs = job.scm.branches if job.scm else ()
    return tuple(expand(spec, defaults) or "**" for spec in specs)


def _is_wider(now: Sequence[str], was: Sequence[str]) -> bool:
    """Tell whether more branches are built than were."""
    was_any, is_any = (
        any("*" in spec or spec[:1] == ":" for spec in specs) for specs in (was, now)
    )
    return (is_any and not was_any) or set(now) > set(was)


def _say_branches(specs: Sequence[str]) -> str:
    names = [spec.removeprefix("refs/heads/").removeprefix("*/") for spec in specs]
    if any(name.strip("/") in ("**", "*", "origin/**", "origin/*") for name in names):
        return "any branch"
    return f"{'branches' if len(names) > 1 else 'branch'} {join_names(names)}"


def _retention(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield how much less is kept, or more, of builds and of their artifacts."""
    was, now = old.discarder or BuildDiscarder(), new.discarder or BuildDiscarder()
    for kept in _KEPT:
        before, after = getattr(was, kept.field), getattr(now, kept.field)
        others = [
            other.amount.format(n)
            for other in _KEPT
            if other is not kept and (n := getattr(was, other.field)) >= 0
            if other.what in ("builds", kept.what)
        ]
        held = " and ".join(others) if before < 0 and others else ""
        amounts = [kept.amount.format(n) if n >= 0 else "all" for n in (after, before)]
        if after >= 0 and (before < 0 or after < before):
            lead = f"keeps fewer {kept.what} of"
            tail = f": {kept.goes.format(after)} go, {held or amounts[1]} were kept"
            yield Effect(About.RETENTION, Weight.HIGH, lead, (name,), tail)
        elif after != before:
            lead = f"keeps more {kept.what} of"
            tail = f": {amounts[0]}, not {amounts[1]}"
            yield Effect(About.RETENTION, Weight.LOW, lead, (name,), tail)


@dataclass(frozen=True, slots=True)
class _Kept:
    """One number of a BuildDiscarder: what it keeps, what goes beyond it, how much that is."""

    what: str
    field: str
    goes: str
    amount: str


_KEPT = (
    _Kept("builds", "days_to_keep", "those older than {} days", "{} days"),
    _Kept("builds", "builds_to_keep", "all but the newest {}", "the newest {}"),
    _Kept("artifacts", "artifact_days_to_keep", "those older than {} days", "{} days"),
    _Kept(
        "artifacts", "artifact_builds_to_keep", "all but the newest {} builds'", "the newest {}'s"
    ),
)


def _mail(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield who hears no more of builds that fail, or does now."""
    was, now = _mailed(old), _mailed(new)
    if lost := _without(was, now):
        lead, tail = f"no longer mails {join_names(lost)} when a build of", "fails"
        if not now:
            lead, tail = "mails nobody when a build of", f"fails: {join_names(lost)} heard of it"
        yield Effect(About.MAIL, Weight.HIGH, lead, (name,), tail)
    if gained := _without(now, was):
        lead = f"mails {join_names(gained)} too when a build of"
        yield Effect(About.MAIL, Weight.LOW, lead, (name,), "fails")
    unstable = [any(mail.every_unstable for mail in _mails(job)) for job in (old, new)]
    if now and unstable[0] and not unstable[1]:
        lead, tail = "mails nobody when a build of", "is unstable again"
        yield Effect(About.MAIL, Weight.HIGH, lead, (name,), tail)


def _mails(job: Job) -> list[Mail]:
    return list(parts_of(job.publishers, Mail))


def _mailed(job: Job) -> list[str]:
    """Return whom a job's failing builds are mailed to."""
    found = dict.fromkeys(
        who for mail in _mails(job) for who in re.split(r"[\s,]+", mail.recipients)
    )
    if any(mail.send_to_individuals for mail in _mails(job)):
        found["those whose commits broke it"] = None
    return [who for who in found if who]


def _parameters(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was = {parameter.name: parameter for parameter in old.parameters}
    now = {parameter.name: parameter for parameter in new.parameters}
    weight = pair.weigh(name)
    for parameter in now.values():
        before = was.get(parameter.name)
        if before is None:
            lead = f"adds the parameter {parameter.name} to"
            here = (parameter.path,)
            yield Effect(About.PARAMETER, Weight.MEDIUM, lead, (name,), paths=here)
        elif _meaning(before) != _meaning(parameter):
            lead = f"changes the parameter {parameter.name} of"
            tail, paths = _say_default(before, parameter), (before.path, parameter.path)
            yield Effect(About.PARAMETER, weight, lead, (name,), tail, paths=paths)
    for gone in _without(was, now):
        lead, there = f"drops the parameter {gone} of", (was[gone].path,)
        yield Effect(About.PARAMETER, weight, lead, (name,), paths=there)


def _meaning(parameter: Parameter) -> tuple[object, ...]:
    return (parameter.kind, parameter.default, parameter.choices, parameter.trim)


def _say_default(before: Parameter, after: Parameter) -> str:
    if before.default == after.default or after.kind not in _SHOWS_DEFAULT:
        return ""
    return f": its default is {after.default or 'empty'}, not {before.default or 'empty'}"


def _jobs(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    change = pair.changes[name]
    probable = {update.name: update for update in pair.plan.probable_renames}
    is_server = bool(pair.plan.target)
    if update := probable.get(name):
        tail = f", without its builds: write {say_moved(update)} at {update.desired.definition}"
        lead = f"probably renames {update.old_name} to"
        yield Effect(About.RENAME, Weight.HIGH, lead, (name,), f"{tail} to keep them")
    elif isinstance(change, Create) and change.gone:
        yield Effect(About.JOB, Weight.MEDIUM, "makes", (name,), f"again, {change.gone}")
    elif isinstance(change, Create):
        weight = Weight.LOW if new.is_folder else Weight.MEDIUM
        yield Effect(About.JOB, weight, "adds", (name,), *_say_what_runs(new))
    elif isinstance(change, Delete):
        more = ", once update is run with --prune"
        tails = (f"with its builds{more}", f"with their builds{more}")
        if is_server:
            tails = (f"with {count(change.builds, 'build')}",) * 2
        yield Effect(About.JOB, pair.weigh(name), "deletes", (name,), *tails)
    elif change.old_name:
        lead = f"renames {change.old_name}, whose builds stay, to"
        yield Effect(About.JOB, Weight.LOW, lead, (name,))


def _say_what_runs(job: Job) -> tuple[str, str]:
    """Return what a new job runs, and where; and the same of one of several jobs."""
    if job.is_folder or not job.builders:
        return "", ""
    given = (_COMMAND.search(step.script.partition(BEGIN)[0]) for step in job.shells)
    codes = [without_comments(step.script).strip() for step in job.shells]
    short = [code for code in codes if "\n" not in code and len(code) <= _LONG_COMMAND]
    what = f"{count(len(job.builders), 'step')}"
    if commands := [" ".join(shlex.split(found[1])) for found in given if found]:
        what = join_names([f"`{command}`" for command in commands])
    elif short and len(short) == len(job.builders):
        what = join_names([f"`{code}`" for code in short])
    runs = f"runs {what} on {job.node_label or 'any node'}"
    return f", which {runs}", f", each of which {runs}"


_COMMAND = re.compile(r"^command=('[^'\n]*'|[^\s'\"]+)$", re.MULTILINE)
_LONG_COMMAND = 100  # characters


def _disabled(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    if old.disabled != new.disabled:
        lead = "disables" if new.disabled else "enables"
        yield Effect(About.JOB, pair.weigh(name), lead, (name,))


def _label(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    if old.node_label != new.node_label:
        tail = f"on {new.node_label or 'any node'}, not on {old.node_label or 'any node'}"
        yield Effect(About.RUNS, pair.weigh(name), "runs", (name,), tail)


def _concurrency(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    lead = "lets several builds of"
    if new.concurrent and not old.concurrent:
        yield Effect(About.RUNS, pair.weigh(name), lead, (name,), "run at once")
    elif old.concurrent and not new.concurrent:
        yield Effect(About.RUNS, Weight.LOW, lead, (name,), "run at once no longer")


def _resources(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    if lost := _without(old.resources, new.resources):
        tail = f"run without waiting for {join_names(lost)}"
        yield Effect(About.RUNS, pair.weigh(name), "lets", (name,), tail)
    if gained := _without(new.resources, old.resources):
        tail = f"wait for {join_names(gained)}"
        yield Effect(About.RUNS, Weight.MEDIUM, "lets", (name,), tail)


def _cleaning(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    if _is_cleaned(old) and not _is_cleaned(new):
        lead = "no longer cleans the workspace of"
        yield Effect(About.RUNS, pair.weigh(name), lead, (name,))


def _time_limit(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now = _minutes(old), _minutes(new)
    if was != now:
        is_shorter = was is None or (now is not None and now < was)
        weight = Weight.MEDIUM if is_shorter else Weight.LOW
        tail = f": {_say_minutes(now)}, not {_say_minutes(was)}"
        yield Effect(About.SETTING, weight, "changes the time limit of", (name,), tail)


def _minutes(job: Job) -> float | None:
    limits = parts_of(job.wrappers, TimeLimit)
    return min((limit.seconds / 60 for limit in limits), default=None)


def _say_minutes(minutes: float | None) -> str:
    if minutes is None:
        return "none"
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"


def _is_cleaned(job: Job) -> bool:
    return any(parts_of(job.wrappers, CleanBefore))


def _without(some: Iterable[str], others: Container[str]) -> list[str]:
    return [each for each in some if each not in others]


# What is passed along may stand in scripts, and whether it goes in the other job's parameters.
_TRIGGERING = (
    f"publishers/{TriggerBuilds.TAG}",
    f"publishers/{BuildOther.TAG}",
    f"builders/{TriggerStep.TAG}",
    "triggers",
    DECLARED,
    "builders",
)
_STARTING = r"(com\.cloudbees\.jenkins\.GitHubPushTrigger|hudson\.triggers\.(SCM|Timer)Trigger)"
# Below `configs` of the parameterized trigger: whom it starts, when, and with what.
_STARTED = (
    r"configs|configs/[^/]+(/(projects|condition|configs|configs/[^/]+"
    r"|configs/[^/]+/(properties|propertiesFile|failTriggerOnMissing)|block))?"
    r"|childProjects|threshold(/.*)?|jenkins\.triggers\.ReverseBuildTrigger(/.*)?"
)
DANGERS = (
    Danger(_guards, ("builders",)),
    Danger(
        _tests,
        (f"publishers/{JUnitResults.TAG}",),
        of_kept=True,
        tells="allowEmptyResults|skipMarkingBuildUnstable",
    ),
    Danger(_passes, ("builders",), of_kept=True),
    Danger(_environments, ("builders",)),
    Danger(find_starts, ("triggers", "scm/userRemoteConfigs"), tells=rf"{_STARTING}(/spec)?"),
    Danger(find_edges, _TRIGGERING, tells=_STARTED),
    Danger(
        _secrets,
        (f"buildWrappers/{BindCredentials.TAG}", "scm/userRemoteConfigs"),
        tells=r"bindings|bindings/[^/]+(/\w*Variable)?|(.*/)?credentialsId",
    ),
    Danger(_tokens, ("authToken",)),
    Danger(_nodes, ("assignedNode", "canRoam")),
    Danger(_restriction, (f"{MATRIX}/inheritanceStrategy",), of_kept=True),
    Danger(_permissions, (f"{MATRIX}/permission",), of_kept=True),
    Danger(_copy_permissions, (PERMITTED,), of_kept=True),
    Danger(
        _sources,
        ("scm", f"{DECLARED}/parameterDefinitions"),
        of_kept=True,
        tells=r"userRemoteConfigs(/[^/]+(/url)?)?|branches(/.*)?",
    ),
    Danger(_fetching, ("scm",), of_kept=True),
    Danger(
        _retention,
        (DISCARDER, "logRotator"),
        of_kept=True,
        tells=r"(strategy|(strategy/)?(artifactD|d)aysToKeep|(strategy/)?(artifactN|n)umToKeep)",
    ),
    Danger(
        _mail,
        (f"publishers/{Mail.TAG}",),
        of_kept=True,
        tells="recipients|sendToIndividuals|dontNotifyEveryUnstableBuild",
    ),
    Danger(find_copies, ("builders",)),
    Danger(
        _parameters,
        (f"{DECLARED}/parameterDefinitions",),
        of_kept=True,
        tells=r"[^/]+(/(defaultValue|defaultSelector|choices|trim)(/.*)?)?",
    ),
    Danger(_jobs, ()),
    Danger(_disabled, ("disabled",), of_kept=True),
    Danger(_label, ("assignedNode", "canRoam"), of_kept=True),
    Danger(_concurrency, ("concurrentBuild",), of_kept=True),
    Danger(_resources, (RESOURCES,), of_kept=True, tells="resourceNames"),
    Danger(_cleaning, (f"buildWrappers/{CleanBefore.TAG}",), of_kept=True),
    Danger(_runs, ("builders",), of_kept=True),
    Danger(
        _time_limit,
        (f"buildWrappers/{TimeLimit.TAG}",),
        of_kept=True,
        tells="strategy/(timeoutMinutes|timeoutSecondsString)",
    ),
)
