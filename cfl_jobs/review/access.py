"""Two setups → effects on access: secrets, permissions, parameters that people are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from cfl_jobs.configs.model import Job, Parameter, ParameterKind
from cfl_jobs.drawing.words import join_names
from cfl_jobs.review.effect import About, Effect, Weight
from cfl_jobs.review.pair import Pair

# matrix-auth 3.2: the strategy under which nothing granted elsewhere counts.
_CLOSED = "NonInheritingStrategy"


def find_access_effects(pair: Pair) -> Iterator[Effect]:
    yield from _secrets(pair)
    deploys = pair.deploys
    for name, old, new in pair.both():
        high = Weight.HIGH if name in deploys else Weight.MEDIUM
        yield from _permissions(name, old, new, high)
        yield from _copy_permissions(name, old, new)
        yield from _parameters(name, old, new, high)


def _secrets(pair: Pair) -> Iterator[Effect]:
    old_jobs, deploys = pair.old_jobs, pair.deploys
    for name, job in pair.after.jobs.items():
        old = _secrets_of(old_jobs[name]) if name in old_jobs else {}
        new = _secrets_of(job)
        weight = Weight.HIGH if name in deploys else Weight.MEDIUM
        for credential, way in new.items():
            if credential not in old:
                yield Effect(
                    About.SECRET, weight, f"gives the secret {credential} to", (name,), way
                )
            elif old[credential] != way:
                lead = f"changes how the secret {credential} gets to"
                yield Effect(About.SECRET, weight, lead, (name,), way)
        for credential in old:
            if credential not in new:
                yield Effect(
                    About.SECRET, Weight.MEDIUM, f"takes the secret {credential} from", (name,)
                )


def _secrets_of(job: Job) -> dict[str, str]:
    """Return how each credential gets to a job."""
    found: dict[str, str] = {}
    for bound in job.bindings:
        found[bound.credentials_id] = f"as {', '.join(f'${v}' for v in bound.variables)}"
    if job.scm is not None and job.scm.credentials_id:
        found[job.scm.credentials_id] = "for its checkout"
    return found


def _permissions(name: str, old: Job, new: Job, high: Weight) -> Iterator[Effect]:
    was, now = _by_who(old), _by_who(new)
    if old.inheritance != _CLOSED and new.inheritance == _CLOSED:
        builders = [who for who, rights in now.items() if "build" in rights]
        tail = f"to {join_names(builders)}" if builders else "to administrators"
        yield Effect(About.PERMISSION, Weight.MEDIUM, "restricts who may build", (name,), tail)
        return
    if old.inheritance == _CLOSED and new.inheritance != _CLOSED:
        lead = "lifts the restriction of who may build"
        yield Effect(About.PERMISSION, high, lead, (name,))
    for who in dict.fromkeys((*now, *was)):
        gained = [right for right in now.get(who, ()) if right not in was.get(who, ())]
        lost = [right for right in was.get(who, ()) if right not in now.get(who, ())]
        if gained:
            yield Effect(About.PERMISSION, high, f"lets {who} {join_names(gained)}", (name,))
        if lost:
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
    if old.copy_permissions == new.copy_permissions:
        return
    if new.copy_permissions is None:
        lead = "lets every job copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,))
        return
    was = old.copy_permissions or ()
    gained = [other for other in new.copy_permissions if other not in was]
    lost = [other for other in was if other not in new.copy_permissions]
    if old.copy_permissions is None:
        lead, tail = (
            "restricts who may copy the artifacts of",
            f"to {join_names(gained or ['no one'])}",
        )
        yield Effect(About.PERMISSION, Weight.LOW, lead, (name,), tail)
        return
    if gained:
        lead = f"lets {join_names(gained)} copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.LOW, lead, (name,))
    if lost:
        lead = f"no longer lets {join_names(lost)} copy the artifacts of"
        yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,))


def _parameters(name: str, old: Job, new: Job, high: Weight) -> Iterator[Effect]:
    was = {parameter.name: parameter for parameter in old.parameters}
    now = {parameter.name: parameter for parameter in new.parameters}
    for parameter in now.values():
        before = was.get(parameter.name)
        if before is None:
            lead = f"adds the parameter {parameter.name} to"
            yield Effect(About.PARAMETER, Weight.MEDIUM, lead, (name,))
        elif _meaning(before) != _meaning(parameter):
            lead = f"changes the parameter {parameter.name} of"
            yield Effect(About.PARAMETER, high, lead, (name,), _say_default(before, parameter))
    for gone in was:
        if gone not in now:
            lead = f"drops the parameter {gone} of"
            yield Effect(About.PARAMETER, high, lead, (name,))


def _meaning(parameter: Parameter) -> tuple[object, ...]:
    return (parameter.kind, parameter.default, parameter.choices, parameter.trim)


def _say_default(before: Parameter, after: Parameter) -> str:
    plain = (ParameterKind.BOOLEAN, ParameterKind.STRING, ParameterKind.CHOICE)
    if before.default == after.default or after.kind not in plain:
        return ""
    return f": its default is {after.default or 'empty'}, not {before.default or 'empty'}"
