"""Two setups → everything that the change means for the chain, heaviest first; and the risk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.wrappers import CleanBefore
from cfl_jobs.drawing.words import join_names
from cfl_jobs.review.access import find_access_effects
from cfl_jobs.review.comparison import Action, Comparison, JobChange
from cfl_jobs.review.effect import About, Effect, Weight, join_alike
from cfl_jobs.review.flow import find_flow_effects
from cfl_jobs.review.pair import Pair
from cfl_jobs.target import Kind

_SHOWN = 3
_ITS = ("its", "their")
_LIKENESS = 0.8  # of their lines


@dataclass(frozen=True, slots=True)
class Risk:
    """`weight` is None where nothing changes on the server."""

    weight: Weight | None
    text: str


def find_effects(pair: Pair, comparison: Comparison) -> tuple[Effect, ...]:
    """Return what a change means for the chain."""
    return join_alike(
        [
            *_environments(pair),
            *_runs(pair),
            *find_access_effects(pair),
            *find_flow_effects(pair),
            *_jobs(pair, comparison),
        ]
    )


def weigh(effects: Sequence[Effect], comparison: Comparison) -> Risk:
    """Return the line on top of a review."""
    if not comparison.changes:
        return Risk(None, "no change on the server")
    if not effects:
        return Risk(Weight.LOW, "no job runs, starts, copies or may do anything else than before")
    weight = effects[0].weight
    heaviest = [effect.text for effect in effects if effect.weight is weight]
    more = len(heaviest) - _SHOWN
    shown = "; ".join(heaviest[:_SHOWN])
    return Risk(weight, f"{shown}; and {more} more like this" if more > 0 else shown)


def _environments(pair: Pair) -> Iterator[Effect]:
    old, new = pair.old_environments, pair.after.environments
    for name, environment in new.items():
        if name not in old:
            is_known = environment in old.values()
            what = "another way to deploy to" if is_known else "the environment"
            lead = f"adds {what} {environment}:"
            yield Effect(About.ENVIRONMENT, Weight.MEDIUM, lead, (name,))
        elif old[name] != environment:
            tail = f"deploy to {environment}, not {old[name]}"
            yield Effect(About.ENVIRONMENT, Weight.HIGH, "lets", (name,), tail)
    for name, environment in old.items():
        if name not in new and environment not in new.values():
            lead = f"leaves nothing that deploys to {environment}: that was"
            yield Effect(About.ENVIRONMENT, Weight.HIGH, lead, (name,))


def _runs(pair: Pair) -> Iterator[Effect]:
    was = {pair.now(name): steps for name, steps in pair.before.steps().items()}
    now = pair.after.steps()
    deploys = pair.deploys
    for name, old, new in pair.both():
        is_deploy = name in deploys
        if was[name] != now[name]:
            yield _ran(pair, name, is_deploy=is_deploy)
        high = Weight.HIGH if is_deploy else Weight.MEDIUM
        if _sources(old) != _sources(new):
            yield Effect(About.RUNS, high, "changes which code", (name,), "checks out", "check out")
        if old.node_label != new.node_label:
            tail = f"on {new.node_label or 'any node'}, not on {old.node_label or 'any node'}"
            yield Effect(About.RUNS, Weight.MEDIUM, "runs", (name,), tail)
        if old.concurrent != new.concurrent:
            tail = "at once" if new.concurrent else "at once no longer"
            yield Effect(About.RUNS, high, "lets several builds of", (name,), f"run {tail}")
        if _is_cleaned(old) and not _is_cleaned(new):
            yield Effect(About.RUNS, high, "no longer cleans the workspace of", (name,))


def _ran(pair: Pair, name: str, *, is_deploy: bool) -> Effect:
    if is_deploy:
        return Effect(About.RUNS, Weight.HIGH, "changes what", (name,), "runs", "run")
    fed = pair.fed_by(name)
    if not fed:
        return Effect(About.RUNS, Weight.LOW, "changes what", (name,), "runs", "run")
    tails = [f"{verb}, and so what {join_names(fed)} may deploy" for verb in ("runs", "run")]
    return Effect(About.RUNS, Weight.MEDIUM, "changes what", (name,), *tails)


def _sources(job: Job) -> tuple[object, ...]:
    if job.scm is None:
        return ()
    return (job.scm.urls, job.scm.branches, job.scm.refspec, job.scm.directory)


def _is_cleaned(job: Job) -> bool:
    return any(isinstance(wrapper, CleanBefore) for wrapper in job.wrappers)


def _find_likeness(gone: JobChange, comparison: Comparison) -> JobChange | None:
    """Return the new job that looks as if it were one that goes under another name."""
    old = {line[1:] for part in gone.parts for line in part.lines}
    for made in comparison.having(Action.CREATE):
        new = {line[1:] for part in made.parts for line in part.lines}
        if made.kind is gone.kind and len(old & new) > _LIKENESS * len(old | new):
            return made
    return None


def _jobs(pair: Pair, comparison: Comparison) -> Iterator[Effect]:
    for change in comparison.changes:
        if change.kind is not Kind.JOB:
            continue
        if change.action is Action.CREATE:
            yield Effect(About.JOB, Weight.LOW, "adds", (change.name,))
        elif change.action is Action.DELETE:
            is_deploy = change.name in pair.deploys
            weight = Weight.HIGH if is_deploy else Weight.MEDIUM
            tails = [f"with {its} builds, once update is run with --prune" for its in _ITS]
            if like := _find_likeness(change, comparison):
                hint = f"; `moved: {change.name}` in {like.name} would rename it and keep them"
                tails = [f"{tail}{hint}" for tail in tails]
            yield Effect(About.JOB, weight, "deletes", (change.name,), *tails)
        elif change.action is Action.RENAME:
            lead = f"renames {change.old_name}, whose builds stay, to"
            yield Effect(About.JOB, Weight.LOW, lead, (change.name,))
    for name, old, new in pair.both():
        if old.disabled != new.disabled:
            weight = Weight.HIGH if name in pair.deploys else Weight.MEDIUM
            yield Effect(About.JOB, weight, "disables" if new.disabled else "enables", (name,))
