"""A plan + all that is defined → what it means for the chain, and how much harm it could do.

Each kind of danger is a row of DANGERS: where in a config it shows, and what looks for it. What no
row knows is told as it stands, so that nothing passes as harmless that wasn't understood.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from cfl_jobs.check.rule import parts_of
from cfl_jobs.check.shell import forget_scripts, without_comments
from cfl_jobs.configs.config import Config
from cfl_jobs.configs.model import (
    DECLARED,
    DISCARDER,
    GITHUB,
    MATRIX,
    PERMITTED,
    RESOURCES,
    BuildDiscarder,
    Git,
    Job,
    Parameter,
    ParameterKind,
)
from cfl_jobs.configs.read_model import label_of
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.results import JUnitResults, Mail
from cfl_jobs.configs.steps.step import HARMLESS, Placed
from cfl_jobs.configs.steps.triggering import BuildOther, TriggerBuilds, TriggerStep
from cfl_jobs.configs.steps.wrappers import (
    AnsiColor,
    BindCredentials,
    CleanBefore,
    TimeLimit,
    Timestamps,
)
from cfl_jobs.errors import count, join_names
from cfl_jobs.planning.fields import without_numbers
from cfl_jobs.planning.plan import Change, Create, Delete, Difference, Owner, Plan
from cfl_jobs.review.access import (
    find_copiers,
    find_nodes,
    find_permissions,
    read_restriction,
    read_secrets,
    say_way,
)
from cfl_jobs.review.flow import find_copies, find_edges, find_runs, merge_chains, read_starts
from cfl_jobs.review.guards import find_guards, find_passing
from cfl_jobs.review.outline import say_moved
from cfl_jobs.review.pair import BEGIN, COMMAND, Pair, covers
from cfl_jobs.review.review import About, Effect, Review, Weight, Weights, join_effects, weigh

_SHOWS_DEFAULT = (ParameterKind.BOOLEAN, ParameterKind.STRING, ParameterKind.CHOICE)
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
    tells: str = ".*"
    of_kept: bool = True

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


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a thing, around the job's name: `{key}` is its name, `{now}` and `{was}` what
    it is and was, of which `say` makes the tail where there is one. It weighs as much as the job
    unless a weight is given."""

    lead: str
    tail: str = ""
    weight: Weight | None = None
    say: Callable[[Any, Any], str] | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """Finds what a job has now and hadn't, hasn't any more, or has otherwise, by its name.

    `less` is told in place of `other` of what is a lower number now. `as_one`: several are told in
    one sentence.
    """

    about: About
    read: Callable[[Job], Mapping[str, Any]]
    new: Told | None = None
    gone: Told | None = None
    other: Told | None = None
    less: Told | None = None
    as_one: bool = False

    def __call__(self, pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
        was, now = self.read(old), self.read(new)
        if name not in pair.after.jobs:
            return  # that a job goes is told as such
        changed = [key for key in now if key in was and now[key] != was[key]]
        lower = [key for key in changed if self.less and now[key] < was[key]]
        for told, keys in (
            (self.new, _without(now, was)),
            (self.less, lower),
            (self.other, _without(changed, lower)),
            (self.gone, _without(was, now)),
        ):
            for key in [join_names(keys)] if keys and self.as_one else keys:
                if told:
                    sides = {"key": key, "now": now.get(key), "was": was.get(key)}
                    paths = tuple(of.path for of in sides.values() if isinstance(of, Placed))
                    lead, tail = (text.format(**sides) for text in (told.lead, told.tail))
                    tail = told.say(sides["now"], sides["was"]) if told.say else tail
                    weight = told.weight or pair.weigh(name)
                    yield Effect(self.about, weight, lead, (name,), tail, paths=paths)


def _without(some: Iterable[str], others: Iterable[str]) -> list[str]:
    return [each for each in some if each not in others]


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


def _results(job: Job) -> list[JUnitResults]:
    return list(parts_of(job.publishers, JUnitResults))


def _find_tokens(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job can be started from anywhere by a token."""
    was, now = pair.find_in_configs(name, "authToken")
    lead, weight = "lets whoever knows a token start", pair.weigh(name)
    if now and was:
        lead = "changes the token of who may start"
    elif not now:
        lead, weight = f"no longer {lead}", Weight.LOW
    if now or (was and name in pair.after.jobs):
        yield Effect(About.TRIGGER, weight, lead, (name,))


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


def _find_sources(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield what is checked out: of which repository, which branch."""
    weight = pair.weigh_feeding(name)
    if old.urls != new.urls:
        lead = f"checks out {join_names(new.urls or ['nothing'])}, not "
        lead += f"{join_names(old.urls or ['nothing'])}, in"
        yield Effect(About.SOURCE, weight, lead, (name,))
    was, now = _branches_of(old), _branches_of(new)
    if was == now or not old.scm or not new.scm:
        return
    if _is_wider(now, was):
        tail = f"build {_say_branches(now)}, not only {_say_branches(was)}"
        yield Effect(About.SOURCE, Weight.HIGH, "lets", (name,), tail)
    else:
        lead = f"checks out {_say_branches(now)}, not {_say_branches(was)}, in"
        yield Effect(About.SOURCE, weight, lead, (name,))


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


def _read_fetching(job: Job) -> Mapping[str, Git]:
    """Return how git fetches, whatever it does."""
    return {"": replace(job.scm, urls=(), branches=())} if job.scm else {}


def _find_retention(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield how much less is kept, or more, of builds and of their artifacts."""
    was, now = old.discarder or BuildDiscarder(), new.discarder or BuildDiscarder()
    for kept in _KEPT:
        before, after = getattr(was, kept.field), getattr(now, kept.field)
        others = (
            other.say(getattr(was, other.field))
            for other in _KEPT
            if other is not kept and other.what in ("builds", kept.what)
        )
        if after >= 0 and (before < 0 or after < before):
            held = [amount for amount in others if before < 0 and amount != _ALL]
            tail = f": {kept.goes.format(after)} go, "
            tail += f"{' and '.join(held) or kept.say(before)} were kept"
            lead = f"keeps fewer {kept.what} of"
            yield Effect(About.RETENTION, Weight.HIGH, lead, (name,), tail)
        elif after != before:
            tail = f": {kept.say(after)}, not {kept.say(before)}"
            yield Effect(About.RETENTION, Weight.LOW, f"keeps more {kept.what} of", (name,), tail)


_ALL = "all"


@dataclass(frozen=True, slots=True)
class _Kept:
    """One number of a BuildDiscarder: what it keeps, what goes beyond it, how much that is."""

    what: str
    field: str
    goes: str
    amount: str

    def say(self, number: int) -> str:
        return self.amount.format(number) if number >= 0 else _ALL


_KEPT = (
    _Kept("builds", "days_to_keep", "those older than {} days", "{} days"),
    _Kept("builds", "builds_to_keep", "all but the newest {}", "the newest {}"),
    _Kept("artifacts", "artifact_days_to_keep", "those older than {} days", "{} days"),
    _Kept(
        "artifacts", "artifact_builds_to_keep", "all but the newest {} builds'", "the newest {}'s"
    ),
)


def _find_mail(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield who hears no more of builds that fail, or does now."""
    was, now = _mailed(old), _mailed(new)
    lost, gained = _without(was, now), _without(now, was)
    who = "when a build of"
    if lost and not now:
        tail = f"fails: {join_names(lost)} heard of it"
        yield Effect(About.MAIL, Weight.HIGH, f"mails nobody {who}", (name,), tail)
    elif lost:
        lead = f"no longer mails {join_names(lost)} {who}"
        yield Effect(About.MAIL, Weight.HIGH, lead, (name,), "fails")
    if gained:
        lead = f"mails {join_names(gained)} too {who}"
        yield Effect(About.MAIL, Weight.LOW, lead, (name,), "fails")
    before, after = (
        any(mail.every_unstable for mail in parts_of(job.publishers, Mail)) for job in (old, new)
    )
    if now and before and not after:
        lead, tail = f"mails nobody {who}", "is unstable again"
        yield Effect(About.MAIL, Weight.HIGH, lead, (name,), tail)


def _mailed(job: Job) -> list[str]:
    """Return whom a job's failing builds are mailed to."""
    mails = list(parts_of(job.publishers, Mail))
    found = dict.fromkeys(who for mail in mails for who in re.split(r"[\s,]+", mail.recipients))
    if any(mail.send_to_individuals for mail in mails):
        found["those whose commits broke it"] = None
    return [who for who in found if who]


def _read_parameters(job: Job) -> Mapping[str, Parameter]:
    return {parameter.name: replace(parameter, description="") for parameter in job.parameters}


def _say_default(after: Parameter, before: Parameter) -> str:
    if before.default == after.default or after.kind not in _SHOWS_DEFAULT:
        return ""
    return f": its default is {after.default or 'empty'}, not {before.default or 'empty'}"


def _find_jobs(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
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
        weight = (Weight.MEDIUM, Weight.LOW)[new.is_folder]
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
    given = (COMMAND.search(step.script.partition(BEGIN)[0]) for step in job.shells)
    codes = [without_comments(step.script).strip() for step in job.shells]
    short = [code for code in codes if "\n" not in code and len(code) <= _LONG_COMMAND]
    what = f"{count(len(job.builders), 'step')}"
    if commands := [
        " ".join(shlex.split(found[1])) for found in given if found and "\n" not in found[1]
    ]:
        what = join_names([f"`{command}`" for command in commands])
    elif short and len(short) == len(job.builders):
        what = join_names([f"`{code}`" for code in short])
    runs = f"runs {what} on {job.node_label or 'any node'}"
    return f", which {runs}", f", each of which {runs}"


_LONG_COMMAND = 100  # characters


def _read_cleaning(job: Job) -> Mapping[str, None]:
    return dict.fromkeys(part.TAG for part in parts_of(job.wrappers, CleanBefore))


def _read_minutes(job: Job) -> Mapping[str, float]:
    limits = (limit.seconds / 60 for limit in parts_of(job.wrappers, TimeLimit))
    return {"": min(limits, default=inf)}


def _say_limit(now: float, was: float) -> str:
    return f": {_say_minutes(now)}, not {_say_minutes(was)}"


def _say_minutes(minutes: float) -> str:
    if minutes == inf:
        return "none"
    return f"{minutes:g} minute{'s' * (minutes != 1)}"


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
    Danger(_tests, (f"publishers/{JUnitResults.TAG}",), _OF_RESULTS),
    Danger(find_passing, ("builders",)),
    Danger(_environments, ("builders",), of_kept=False),
    Danger(
        Compare(About.TRIGGER, read_starts,
                new=Told("lets {key} start"), gone=Told("stops starting", "by {key}")),
        ("triggers", "scm/userRemoteConfigs"), _STARTING, of_kept=False,
    ),
    Danger(find_edges, _TRIGGERING, _STARTED, of_kept=False),
    Danger(
        Compare(About.SECRET, read_secrets,
                new=Told("gives the secret {key} to", "{now[0]}", Weight.HIGH),
                gone=Told("takes the secret {key} from", "", Weight.HIGH),
                other=Told("changes how the secret {key} gets to", "", Weight.HIGH, say_way)),
        (f"buildWrappers/{BindCredentials.TAG}", "scm/userRemoteConfigs"), _BINDING, of_kept=False,
    ),
    Danger(_find_tokens, ("authToken",), of_kept=False),
    Danger(find_nodes, ("assignedNode", "canRoam"), of_kept=False),
    Danger(
        Compare(About.PERMISSION, read_restriction,
                new=Told("restricts who may build", "to {now}", Weight.MEDIUM),
                gone=Told("lifts the restriction of who may build", ", which only {was} could")),
        (f"{MATRIX}/inheritanceStrategy",),
    ),
    Danger(find_permissions, (f"{MATRIX}/permission",)),
    Danger(find_copiers, (PERMITTED,)),
    Danger(_find_sources, ("scm", f"{DECLARED}/parameterDefinitions"), _CHECKED_OUT),
    Danger(
        Compare(About.SOURCE, _read_fetching,
                other=Told("changes how git fetches for", "", Weight.MEDIUM)),
        ("scm",),
    ),
    Danger(_find_retention, (DISCARDER, "logRotator"), _KEEPING),
    Danger(_find_mail, (f"publishers/{Mail.TAG}",), _MAILING),
    Danger(find_copies, ("builders",), of_kept=False),
    Danger(
        Compare(About.PARAMETER, _read_parameters,
                new=Told("adds the parameter {key} to", "", Weight.MEDIUM),
                gone=Told("drops the parameter {key} of"),
                other=Told("changes the parameter {key} of", say=_say_default)),
        (f"{DECLARED}/parameterDefinitions",), _DEFAULTS,
    ),
    Danger(_find_jobs, (), of_kept=False),
    Danger(
        Compare(About.JOB, lambda job: dict.fromkeys([""] * job.disabled),
                new=Told("disables"), gone=Told("enables")),
        ("disabled",),
    ),
    Danger(
        Compare(About.RUNS, lambda job: {"": job.node_label or "any node"},
                other=Told("runs", "on {now}, not on {was}")),
        ("assignedNode", "canRoam"),
    ),
    Danger(
        Compare(About.RUNS, lambda job: dict.fromkeys([""] * job.concurrent),
                new=Told("lets several builds of", "run at once"),
                gone=Told("lets several builds of", "run at once no longer", Weight.LOW)),
        ("concurrentBuild",),
    ),
    Danger(
        Compare(About.RUNS, lambda job: dict.fromkeys(job.resources), as_one=True,
                new=Told("lets", "wait for {key}", Weight.MEDIUM),
                gone=Told("lets", "run without waiting for {key}")),
        (RESOURCES,), "resourceNames",
    ),
    Danger(
        Compare(About.RUNS, _read_cleaning,
                gone=Told("no longer cleans the workspace of")),
        (f"buildWrappers/{CleanBefore.TAG}",),
    ),
    Danger(find_runs, ("builders",)),
    Danger(
        Compare(About.SETTING, _read_minutes,
                other=Told("changes the time limit of", "", Weight.LOW, _say_limit),
                less=Told("changes the time limit of", "", Weight.MEDIUM, _say_limit)),
        (f"buildWrappers/{TimeLimit.TAG}",), "strategy/(timeoutMinutes|timeoutSecondsString)",
    ),
)  # fmt: skip
