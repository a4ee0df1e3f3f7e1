"""Two setups → effects on access: secrets, permissions, parameters that people are asked for."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from cfl_jobs.configs.model import Job, Parameter, ParameterKind
from cfl_jobs.drawing.words import join_names
from cfl_jobs.review.review import About, Effect, Weight
from cfl_jobs.review.setups import Pair

# matrix-auth 3.2: the strategy under which nothing granted elsewhere counts.
_CLOSED = "NonInheritingStrategy"
_SHOWS_DEFAULT = (ParameterKind.BOOLEAN, ParameterKind.STRING, ParameterKind.CHOICE)


def find_access_effects(pair: Pair) -> Iterator[Effect]:
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
