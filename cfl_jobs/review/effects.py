"""A plan + all that is defined → what it means for the chain, and how much harm it could do.

Each kind of danger is a row of DANGERS: where in a config it shows, and what looks for it. What no
row knows is told as it stands, so that nothing passes as harmless that wasn't understood.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cfl_jobs.check.rule import parts_of
from cfl_jobs.check.shell import without_comments
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.graph import list_starts
from cfl_jobs.configs.model import (
    DECLARED,
    DISCARDER,
    GITHUB,
    MATRIX,
    PERMITTED,
    RESOURCES,
    Job,
    Parameter,
    ParameterKind,
)
from cfl_jobs.configs.read_model import label_of
from cfl_jobs.configs.steps.building import (
    AnsiColor,
    BindCredentials,
    CleanBefore,
    JUnitResults,
    Mail,
    TimeLimit,
    Timestamps,
)
from cfl_jobs.configs.steps.step import HARMLESS, Placed
from cfl_jobs.configs.steps.triggering import BuildOther, TriggerBuilds, TriggerStep
from cfl_jobs.drawing.words import say_start
from cfl_jobs.errors import count, join_names
from cfl_jobs.planning.differences import without_numbers
from cfl_jobs.planning.plan import Change, Create, Delete, Difference, Owner, Plan, Update
from cfl_jobs.review import flow, settings
from cfl_jobs.review.guards import find_guards, find_passing
from cfl_jobs.review.outline import say_moved
from cfl_jobs.review.pair import BEGIN, COMMAND, Pair
from cfl_jobs.review.review import (
    JOB,
    About,
    Effect,
    Review,
    Weight,
    join_effects,
    say,
    weigh,
)

_SHOWS_DEFAULT = (ParameterKind.BOOLEAN, ParameterKind.STRING, ParameterKind.CHOICE)
_SHORT = 60  # characters of a value that is told
_LONG_COMMAND = 100  # characters
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
    tells: str = ".*"
    of_kept: bool = True

    def says(self, effect: Effect, found: Difference) -> bool:
        """Tell whether an effect that is found says what a difference at one of `paths` is."""
        around = [f"{path}/" for path in effect.paths]
        if around and not f"{found.path}/".startswith(tuple(around)):
            return False
        rests = (_find_below(place, found) for place in self.paths)
        return any(rest == "" or (rest and re.fullmatch(self.tells, rest)) for rest in rests)


def _find_below(place: str, found: Difference) -> str | None:
    """Return where below a place in a config a difference is: "" at it or around it, else None."""
    path = without_numbers(found.path)
    if path.startswith(f"{place}/"):
        return path.removeprefix(f"{place}/")
    if f"{place}/".startswith(f"{path}/".lstrip("/")):
        return ""
    return None


def weigh_plan(plan: Plan, desired: Sequence[Config]) -> Review:
    """Return a plan with what it means, `desired` being all that is defined."""
    pair = Pair.of(plan, desired)
    for config in desired:  # the checks had looked at it before
        config.forget()
    found: list[Effect] = []
    weights: dict[tuple[str, str], Weight] = {}
    for name, old, new in pair.sides():
        for effect, paths in _find_effects(pair, name, old, new):
            found.append(effect)
            for path in paths:
                weights[name, path] = max(effect.weight, weights.get((name, path), Weight.LOW))
    effects = join_effects(found, pair.after.jobs)
    chain, arrow_marks = flow.merge_chains(pair)
    return Review(
        plan,
        effects=effects,
        risk=weigh(effects, is_changed=bool(plan.changes)),
        weights=weights,
        deploys=pair.deploys,
        chain=chain,
        arrow_marks=arrow_marks,
    )


def _find_effects(
    pair: Pair, name: str, old: Job, new: Job
) -> Iterator[tuple[Effect, Sequence[str]]]:
    """Yield what becomes of a job, with the paths of the differences that weigh as much."""
    change = pair.changes[name]
    told = change.told if isinstance(change, Update) else ()
    untold = dict.fromkeys(told)
    is_kept = name in pair.before.jobs and name in pair.after.jobs
    for danger in DANGERS:
        by_place = [
            [found for found in told if _find_below(place, found) is not None]
            for place in danger.paths
        ]
        about = [found for found in told if any(found in there for there in by_place)]
        if (is_kept and danger.paths and not about) or (danger.of_kept and not is_kept):
            continue
        weighed = [found.path for found in next(filter(None, by_place), ())] or [""]
        for effect in danger.find(pair, name, old, new):
            for found in about:
                if danger.says(effect, found):
                    untold.pop(found, None)
            yield replace(effect, remark=_say_owner(about)), weighed
    for found in untold:
        yield _tell_unknown(pair, name, found), (found.path,)


def _say_owner(differences: Iterable[Difference]) -> str:
    """Return whose differences these are, where that is someone's on the server."""
    owners = {found.owner for found in differences}
    if owners == {Owner.THEIRS}:
        return "changed on the server, will be put back"
    return "changed here and on the server" * bool(owners & {Owner.THEIRS, Owner.BOTH})


def _tell_unknown(pair: Pair, name: str, found: Difference) -> Effect:
    """Return a difference that no row has words for: text, or a setting and its values."""
    path, label = without_numbers(found.path), re.sub(r" \d+(?=:|$)", "", found.label)
    remark = _say_owner([found])
    if path.startswith(_TEXTS) or _PARAMETER_TEXT.fullmatch(path):
        text = f"changes only text for people ({label}) of {JOB}"
        return say(About.TEXT, Weight.LOW, text, name, remark=remark)
    verbs = {Change.ADDED: "adds “{}” to", Change.REMOVED: "takes “{}” from"}
    text = f"{verbs.get(found.change, 'changes “{}” of').format(label)} {JOB}"
    values = [text for text in (found.after, found.before) if "\n" not in text]
    if found.change is Change.CHANGED and len(values) == 2 and len("".join(values)) < _SHORT:
        text += f": {values[0] or 'empty'}, not {values[1] or 'empty'}"
    weight = Weight.MEDIUM
    classes = [step for step in path.split("/") if "." in step]
    if not HARMLESS.isdisjoint(classes):
        weight = Weight.LOW
    elif classes and not any(map(label_of, classes)):
        weight = pair.weigh(name)  # nobody knows what it does
    return say(About.SETTING, weight, text, name, remark=remark)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a thing of a `{job}`: `{key}` is its name, `{now}` and `{was}` what it is and
    was, of which `say` tells more. It weighs as much as the job unless a weight is given."""

    text: str
    weight: Weight | None = None
    say: Callable[[Any, Any], str] = lambda now, was: ""


@dataclass(frozen=True, slots=True)
class Compare:
    """Finds what a job has now and hadn't, hasn't any more, or has otherwise, by its name."""

    about: About
    read: Callable[[Job], Mapping[str, Any]]
    new: Told | None = None
    gone: Told | None = None
    other: Told | None = None

    def __call__(self, pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
        was, now = self.read(old), self.read(new)
        if name not in pair.after.jobs:
            return  # that a job goes is told as such
        for told, keys in (
            (self.new, settings.without(now, was)),
            (self.other, [key for key in now if key in was and now[key] != was[key]]),
            (self.gone, settings.without(was, now)),
        ):
            if told is None:
                continue
            for key in keys:
                sides = now.get(key), was.get(key)
                text = told.text.format(job=JOB, key=key, now=sides[0], was=sides[1])
                paths = tuple(side.path for side in sides if isinstance(side, Placed))
                weight = told.weight or pair.weigh(name)
                yield say(self.about, weight, text + told.say(*sides), name, paths=paths)


def _find_failing(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that tests which fail, or are missing, don't stop what comes after them any more."""
    was, now = (list(parts_of(job.publishers, JUnitResults)) for job in (old, new))
    weight = pair.weigh_feeding(name)
    if was and not now:
        yield say(About.GUARD, weight, f"reads no test results any more in {JOB}", name)
    elif any(step.mark_unstable for step in was) and not any(step.mark_unstable for step in now):
        yield say(About.GUARD, weight, f"lets {JOB} succeed though tests failed", name)
    if any(step.allow_empty for step in now) and not any(step.allow_empty for step in was):
        yield say(About.GUARD, weight, f"lets {JOB} succeed without any test result", name)


def _find_environments(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now = (side.environments.get(name) for side in (pair.before, pair.after))
    others = [env for job, env in pair.before.environments.items() if job != name]
    if now and was is None:
        what, weight = "the environment", Weight.MEDIUM
        if now in others:
            what, weight = "another way to deploy to", Weight.HIGH
        yield say(About.ENVIRONMENT, weight, f"adds {what} {now}: {JOB}", name)
    elif now and was and was != now:
        yield say(About.ENVIRONMENT, Weight.HIGH, f"lets {JOB} deploy to {now}, not {was}", name)
    elif was and not now and was not in pair.after.environments.values():
        text = f"leaves nothing that deploys to {was}: that was {JOB}"
        yield say(About.ENVIRONMENT, Weight.HIGH, text, name)


def _say_default(after: Parameter, before: Parameter) -> str:
    if before.default == after.default or after.kind not in _SHOWS_DEFAULT:
        return ""
    return f": its default is {after.default or 'empty'}, not {before.default or 'empty'}"


def _find_jobs(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job is made, goes or gets another name."""
    change = pair.changes[name]
    probable = {update.name: update for update in pair.plan.probable_renames}
    if update := probable.get(name):
        text = f"probably renames {update.old_name} to {JOB}, without its builds: "
        text += f"write {say_moved(update)} at {update.desired.definition} to keep them"
        yield say(About.RENAME, Weight.HIGH, text, name)
    elif isinstance(change, Create) and change.gone:
        yield say(About.JOB, Weight.MEDIUM, f"makes {JOB} again, {change.gone}", name)
    elif isinstance(change, Create):
        weight, runs = (Weight.MEDIUM, Weight.LOW)[new.is_folder], _say_what_runs(new)
        which, each = f", which {runs}" * bool(runs), f", each of which {runs}" * bool(runs)
        yield say(About.JOB, weight, f"adds {JOB}{which}", name, tail_of_many=each)
    elif isinstance(change, Delete):
        builds = many = f"with {count(change.builds, 'build')}"
        if not pair.plan.target:
            builds, many = (
                f"with {w} builds, once update is run with --prune" for w in ("its", "their")
            )
        yield say(About.JOB, pair.weigh(name), f"deletes {JOB} {builds}", name, tail_of_many=many)
    elif change.old_name:
        text = f"renames {change.old_name}, whose builds stay, to {JOB}"
        yield say(About.JOB, Weight.LOW, text, name)


def _say_what_runs(job: Job) -> str:
    """Return what a new job runs, and where; "" for nothing."""
    if job.is_folder or not job.builders:
        return ""
    given = (COMMAND.search(step.script.partition(BEGIN)[0]) for step in job.shells)
    commands = [
        " ".join(shlex.split(found[1])) for found in given if found and "\n" not in found[1]
    ]
    codes = [without_comments(step.script).strip() for step in job.shells]
    short = [code for code in codes if "\n" not in code and len(code) <= _LONG_COMMAND]
    what = count(len(job.builders), "step")
    if commands or len(short) == len(job.builders):
        what = join_names([f"`{command}`" for command in commands or short])
    return f"runs {what} on {job.node_label or 'any node'}"


# What is passed along may stand in scripts, and whether it goes in the other job's parameters.
_TRIGGERING = (
    f"publishers/{TriggerBuilds.TAG}",
    f"publishers/{BuildOther.TAG}",
    f"builders/{TriggerStep.TAG}",
    "triggers",
    DECLARED,
    "builders",
)
_STARTING = (
    r"(com\.cloudbees\.jenkins\.GitHubPushTrigger|hudson\.triggers\.(SCM|Timer)Trigger)(/spec)?"
)
# Below `configs` of the parameterized trigger: whom it starts, when, and with what.
_STARTED = (
    r"configs|configs/[^/]+(/(projects|condition|configs|configs/[^/]+"
    r"|configs/[^/]+/(properties|propertiesFile|failTriggerOnMissing)|block))?"
    r"|childProjects|threshold(/.*)?|jenkins\.triggers\.ReverseBuildTrigger(/.*)?"
)
_OF_RESULTS = "allowEmptyResults|skipMarkingBuildUnstable"
_BINDING = r"bindings|bindings/[^/]+(/\w*Variable)?|(.*/)?credentialsId"
_CHECKED_OUT = r"userRemoteConfigs(/[^/]+(/url)?)?|branches(/.*)?"
_KEEPING = r"(strategy|(strategy/)?(artifactD|d)aysToKeep|(strategy/)?(artifactN|n)umToKeep)"
_MAILING = "recipients|sendToIndividuals|dontNotifyEveryUnstableBuild"
_DEFAULTS = r"[^/]+(/(defaultValue|defaultSelector|choices|trim)(/.*)?)?"
DANGERS = (
    Danger(find_guards, ("builders",), of_kept=False),
    Danger(_find_failing, (f"publishers/{JUnitResults.TAG}",), _OF_RESULTS),
    Danger(find_passing, ("builders",)),
    Danger(_find_environments, ("builders",), of_kept=False),
    Danger(
        Compare(About.TRIGGER, lambda job: dict.fromkeys(map(say_start, list_starts(job))),
                new=Told("lets {key} start {job}"), gone=Told("stops starting {job} by {key}")),
        ("triggers", "scm/userRemoteConfigs"), _STARTING, of_kept=False,
    ),
    Danger(flow.find_edges, _TRIGGERING, _STARTED, of_kept=False),
    Danger(
        Compare(About.SECRET, settings.read_secrets,
                new=Told("gives the secret {key} to {job} {now[0]}", Weight.HIGH),
                gone=Told("takes the secret {key} from {job}", Weight.HIGH),
                other=Told("changes how the secret {key} gets to {job}", Weight.HIGH,
                           settings.say_way)),
        (f"buildWrappers/{BindCredentials.TAG}", "scm/userRemoteConfigs"), _BINDING, of_kept=False,
    ),
    Danger(settings.find_tokens, ("authToken",), of_kept=False),
    Danger(settings.find_nodes, ("assignedNode", "canRoam"), of_kept=False),
    Danger(
        Compare(About.PERMISSION, settings.read_restriction,
                new=Told("restricts who may build {job} to {now}", Weight.MEDIUM),
                gone=Told("lifts the restriction of who may build {job}, which only {was} could")),
        (f"{MATRIX}/inheritanceStrategy",),
    ),
    Danger(settings.find_permissions, (f"{MATRIX}/permission",)),
    Danger(settings.find_copiers, (PERMITTED,)),
    Danger(settings.find_sources, ("scm", f"{DECLARED}/parameterDefinitions"), _CHECKED_OUT),
    Danger(
        Compare(About.SOURCE,
                lambda job: {"": replace(job.scm, urls=(), branches=())} if job.scm else {},
                other=Told("changes how git fetches for {job}", Weight.MEDIUM)),
        ("scm",),
    ),
    Danger(settings.find_retention, (DISCARDER, "logRotator"), _KEEPING),
    Danger(settings.find_mail, (f"publishers/{Mail.TAG}",), _MAILING),
    Danger(flow.find_copies, ("builders",), of_kept=False),
    Danger(
        Compare(About.PARAMETER,
                lambda job: {each.name: replace(each, description="") for each in job.parameters},
                new=Told("adds the parameter {key} to {job}", Weight.MEDIUM),
                gone=Told("drops the parameter {key} of {job}"),
                other=Told("changes the parameter {key} of {job}", say=_say_default)),
        (f"{DECLARED}/parameterDefinitions",), _DEFAULTS,
    ),
    Danger(_find_jobs, (), of_kept=False),
    Danger(
        Compare(About.JOB, lambda job: dict.fromkeys([""] * job.disabled),
                new=Told("disables {job}"), gone=Told("enables {job}")),
        ("disabled",),
    ),
    Danger(
        Compare(About.RUNS, lambda job: {"": job.node_label or "any node"},
                other=Told("runs {job} on {now}, not on {was}")),
        ("assignedNode", "canRoam"),
    ),
    Danger(
        Compare(About.RUNS, lambda job: dict.fromkeys([""] * job.concurrent),
                new=Told("lets several builds of {job} run at once"),
                gone=Told("lets several builds of {job} run at once no longer", Weight.LOW)),
        ("concurrentBuild",),
    ),
    Danger(settings.find_locks, (RESOURCES,), "resourceNames"),
    Danger(
        Compare(About.RUNS,
                lambda job: dict.fromkeys(p.TAG for p in parts_of(job.wrappers, CleanBefore)),
                gone=Told("no longer cleans the workspace of {job}")),
        (f"buildWrappers/{CleanBefore.TAG}",),
    ),
    Danger(flow.find_runs, ("builders",)),
    Danger(settings.find_limit, (f"buildWrappers/{TimeLimit.TAG}",),
           "strategy/(timeoutMinutes|timeoutSecondsString)"),
)  # fmt: skip
