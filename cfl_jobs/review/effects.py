"""Two setups + the plan from one to the other → what the change means for the chain."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from cfl_jobs.configs.model import Job, Parameter, ParameterKind
from cfl_jobs.configs.normalform import Normal
from cfl_jobs.configs.steps.wrappers import CleanBefore
from cfl_jobs.drawing.words import join_names
from cfl_jobs.planning.basis import Setup
from cfl_jobs.planning.plan import Create, Delete, Plan
from cfl_jobs.review.flow import find_flow_effects
from cfl_jobs.review.outline import differences_of
from cfl_jobs.review.review import About, Effect, Weight, join_effects
from cfl_jobs.review.setups import Pair
from cfl_jobs.target import Kind

_ITS = ("its", "their")
_LIKENESS = 0.8  # of their lines
# matrix-auth 3.2: the strategy under which nothing granted elsewhere counts.
_CLOSED = "NonInheritingStrategy"
_SHOWS_DEFAULT = (ParameterKind.BOOLEAN, ParameterKind.STRING, ParameterKind.CHOICE)


def find_effects(pair: Pair, plan: Plan) -> tuple[Effect, ...]:
    """Return what a change means for the chain, heaviest first."""
    return join_effects(
        [
            *_environments(pair),
            *_runs(pair),
            *_access(pair),
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
    was = {pair.now(name): steps for name, steps in _steps_of(pair.before).items()}
    now = _steps_of(pair.after)
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


def _steps_of(setup: Setup) -> Mapping[str, Normal | None]:
    """Return what each job runs, in normal form."""
    return {job.name: job.normal.find("builders") for job in setup.rendered if job.kind is Kind.JOB}


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


def _access(pair: Pair) -> Iterator[Effect]:
    """Yield effects on secrets, permissions, and parameters that people are asked for."""
    yield from _secrets(pair)
    for name, old, new in pair.both():
        weight = pair.weigh(name)
        yield from _permissions(name, old, new, weight)
        yield from _copy_permissions(name, old, new)
        yield from _parameters(name, old, new, weight)


def _secrets(pair: Pair) -> Iterator[Effect]:
    for name, job in pair.after.jobs.items():
        old = _secrets_of(pair.old_jobs.get(name, Job(name)))
        new = _secrets_of(job)
        for credential, way in new.items():
            lead = f"gives the secret {credential} to"
            if credential in old:
                lead = f"changes how the secret {credential} gets to"
            if old.get(credential) != way:
                yield Effect(About.SECRET, pair.weigh(name), lead, (name,), way)
        for credential in _without(old, new):
            lead = f"takes the secret {credential} from"
            yield Effect(About.SECRET, Weight.MEDIUM, lead, (name,))


def _secrets_of(job: Job) -> dict[str, str]:
    """Return how each credential gets to a job."""
    found: dict[str, str] = {}
    for bound in job.bindings:
        found[bound.credentials_id] = f"as {', '.join(f'${v}' for v in bound.variables)}"
    if job.scm is not None and job.scm.credentials_id:
        found[job.scm.credentials_id] = "for its checkout"
    return found


def _permissions(name: str, old: Job, new: Job, weight: Weight) -> Iterator[Effect]:
    was, now = _by_who(old), _by_who(new)
    if old.inheritance != _CLOSED and new.inheritance == _CLOSED:
        builders = [who for who, rights in now.items() if "build" in rights]
        tail = f"to {join_names(builders or ['administrators'])}"
        yield Effect(About.PERMISSION, Weight.MEDIUM, "restricts who may build", (name,), tail)
        return
    if old.inheritance == _CLOSED and new.inheritance != _CLOSED:
        lead = "lifts the restriction of who may build"
        yield Effect(About.PERMISSION, weight, lead, (name,))
    for who in dict.fromkeys((*now, *was)):
        rights, before = now.get(who, []), was.get(who, [])
        if gained := _without(rights, before):
            yield Effect(About.PERMISSION, weight, f"lets {who} {join_names(gained)}", (name,))
        if lost := _without(before, rights):
            lead = f"no longer lets {who} {join_names(lost)}"
            yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,))


def _by_who(job: Job) -> dict[str, list[str]]:
    """Return rights by who has them: {"USER:alice": ["build"]}."""
    found: dict[str, list[str]] = {}
    for entry in job.permissions:
        parts = entry.split(":", 2)
        kind, right, who = parts if len(parts) == 3 else ("", *entry.partition(":")[::2])
        right = right.rpartition(".")[2].lower()
        found.setdefault(f"{kind}:{who}" if kind else who, []).append(right)
    return found


def _copy_permissions(name: str, old: Job, new: Job) -> Iterator[Effect]:
    was, now = old.copy_permissions, new.copy_permissions
    if was == now:
        return
    if now is None:
        lead = "lets every job copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,))
        return
    if was is None:
        lead, tail = "restricts who may copy the artifacts of", join_names(now or ["no one"])
        yield Effect(About.PERMISSION, Weight.LOW, lead, (name,), f"to {tail}")
        return
    if gained := _without(now, was):
        lead = f"lets {join_names(gained)} copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.LOW, lead, (name,))
    if lost := _without(was, now):
        lead = f"no longer lets {join_names(lost)} copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,))


def _parameters(name: str, old: Job, new: Job, weight: Weight) -> Iterator[Effect]:
    was = {parameter.name: parameter for parameter in old.parameters}
    now = {parameter.name: parameter for parameter in new.parameters}
    for parameter in now.values():
        before = was.get(parameter.name)
        if before is None:
            lead = f"adds the parameter {parameter.name} to"
            yield Effect(About.PARAMETER, Weight.MEDIUM, lead, (name,))
        elif _meaning(before) != _meaning(parameter):
            lead = f"changes the parameter {parameter.name} of"
            yield Effect(About.PARAMETER, weight, lead, (name,), _say_default(before, parameter))
    for gone in _without(was, now):
        yield Effect(About.PARAMETER, weight, f"drops the parameter {gone} of", (name,))


def _meaning(parameter: Parameter) -> tuple[object, ...]:
    return (parameter.kind, parameter.default, parameter.choices, parameter.trim)


def _say_default(before: Parameter, after: Parameter) -> str:
    if before.default == after.default or after.kind not in _SHOWS_DEFAULT:
        return ""
    return f": its default is {after.default or 'empty'}, not {before.default or 'empty'}"


def _without(some: Iterable[str], others: Container[str]) -> list[str]:
    return [each for each in some if each not in others]
