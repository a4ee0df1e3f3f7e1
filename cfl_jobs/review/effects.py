"""Two setups + the plan from one to the other → what the change means for the chain."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.configs.model import Job
from cfl_jobs.configs.steps.wrappers import CleanBefore
from cfl_jobs.drawing.words import join_names
from cfl_jobs.planning.plan import Create, Delete, Plan
from cfl_jobs.review.access import find_access_effects
from cfl_jobs.review.flow import find_flow_effects
from cfl_jobs.review.outline import differences_of
from cfl_jobs.review.review import About, Effect, Weight, join_alike
from cfl_jobs.review.setups import Pair
from cfl_jobs.target import Kind

_ITS = ("its", "their")
_LIKENESS = 0.8  # of their lines


def find_effects(pair: Pair, plan: Plan) -> tuple[Effect, ...]:
    """Return what a change means for the chain, heaviest first."""
    return join_alike(
        [
            *_environments(pair),
            *_runs(pair),
            *find_access_effects(pair),
            *find_flow_effects(pair),
            *_jobs(pair, plan),
        ]
    )


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
    for name, old, new in pair.both():
        if was[name] != now[name]:
            yield _runs_otherwise(pair, name)
        weight = pair.weigh(name)
        if _sources(old) != _sources(new):
            tails = ("checks out", "check out")
            yield Effect(About.RUNS, weight, "changes which code", (name,), *tails)
        if old.node_label != new.node_label:
            tail = f"on {new.node_label or 'any node'}, not on {old.node_label or 'any node'}"
            yield Effect(About.RUNS, Weight.MEDIUM, "runs", (name,), tail)
        if old.concurrent != new.concurrent:
            tail = "run at once" if new.concurrent else "run at once no longer"
            yield Effect(About.RUNS, weight, "lets several builds of", (name,), tail)
        if _is_cleaned(old) and not _is_cleaned(new):
            yield Effect(About.RUNS, weight, "no longer cleans the workspace of", (name,))


def _runs_otherwise(pair: Pair, name: str) -> Effect:
    weight, tails = Weight.HIGH, ("runs", "run")
    if name not in pair.deploys:
        fed = pair.fed_by(name)
        weight = Weight.MEDIUM if fed else Weight.LOW
        along = f", and so what {join_names(fed)} may deploy" if fed else ""
        tails = (f"runs{along}", f"run{along}")
    return Effect(About.RUNS, weight, "changes what", (name,), *tails)


def _sources(job: Job) -> tuple[object, ...]:
    if job.scm is None:
        return ()
    return (job.scm.urls, job.scm.branches, job.scm.refspec, job.scm.directory)


def _is_cleaned(job: Job) -> bool:
    return any(isinstance(wrapper, CleanBefore) for wrapper in job.wrappers)


def _jobs(pair: Pair, plan: Plan) -> Iterator[Effect]:
    for change in plan.changes:
        name = change.name
        if change.kind is not Kind.JOB:
            continue
        if isinstance(change, Create):
            yield Effect(About.JOB, Weight.LOW, "adds", (name,))
        elif isinstance(change, Delete):
            tails = [f"with {its} builds, once update is run with --prune" for its in _ITS]
            if like := _find_likeness(change, plan):
                hint = f"; `moved: {name}` in {like} would rename it and keep them"
                tails = [f"{tail}{hint}" for tail in tails]
            yield Effect(About.JOB, pair.weigh(name), "deletes", (name,), *tails)
        elif change.old_name:
            lead = f"renames {change.old_name}, whose builds stay, to"
            yield Effect(About.JOB, Weight.LOW, lead, (name,))
    for name, old, new in pair.both():
        if old.disabled != new.disabled:
            lead = "disables" if new.disabled else "enables"
            yield Effect(About.JOB, pair.weigh(name), lead, (name,))


def _find_likeness(gone: Delete, plan: Plan) -> str:
    """Return the new job that looks as if it were one that goes under another name, "" for none."""
    old = _lines_of(gone)
    for made in plan.changes:
        if isinstance(made, Create) and made.kind is gone.kind:
            new = _lines_of(made)
            if len(old & new) > _LIKENESS * len(old | new):
                return made.name
    return ""


def _lines_of(change: Create | Delete) -> set[str]:
    """Return all that a job has, line by line."""
    texts = (found.before or found.after for found in differences_of(change, whole=True))
    return {line for text in texts for line in text.split("\n")}
