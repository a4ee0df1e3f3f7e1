"""Two jobs → effects on who may do what, and on who can read what is secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cfl_jobs.configs.model import Job
from cfl_jobs.errors import join_names
from cfl_jobs.review.pair import Pair, runs_on_controller
from cfl_jobs.review.review import About, Effect, Weight

# matrix-auth 3.2: the strategy under which nothing granted elsewhere counts.
_CLOSED = "NonInheritingStrategy"
_OF_BUILDERS = ("build", "cancel", "discover", "read", "workspace")
# What Copy Artifact does with a job that names nobody; new installations are in production mode.
_UNSAID = "no job may in Copy Artifact's production mode, every job in its migration mode"
_PERMISSION = re.compile(r"(?P<kind>(USER:|GROUP:|EITHER:)?)([^:]*\.)?(?P<right>[^:]*):(?P<who>.*)")
_KINDS = {
    "StringBinding": "text",
    "FileBinding": "a file",
    "ZipFileBinding": "an unpacked file",
    "UsernamePasswordBinding": "user and password in one variable",
    "UsernamePasswordMultiBinding": "user and password in two variables",
    "SSHUserPrivateKeyBinding": "a key's file",
    "CertificateMultiBinding": "a certificate's file",
}


def read_secrets(job: Job) -> dict[str, tuple[str, str]]:
    """Return where each credential gets to a job, and as what: {"key": ("as $KEY", "text")}."""
    found = {
        bound.credentials_id: (
            f"as {', '.join(f'${variable}' for variable in bound.variables)}",
            _KINDS.get(bound.kind, bound.kind),
        )
        for bound in job.bindings
    }
    if job.scm is not None and job.scm.credentials_id:
        found[job.scm.credentials_id] = ("for its checkout", "for git")
    return found


def say_way(now: tuple[str, str], was: tuple[str, str]) -> str:
    """Return how a credential gets to a job otherwise than before."""
    return now[0] if now[1] == was[1] else f": {now[1]}, not {was[1]}"


def find_nodes(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job may run where a deploy does, and read what is there."""
    were = pair.shares_nodes_with(name, old)
    if shared := tuple(job for job in pair.shares_nodes_with(name, new) if job not in were):
        tail = "where {others}'s secrets can be read"
        yield Effect(About.SECRET, Weight.HIGH, "runs", (name,), tail, others=shared)
    is_usual = pair.is_new(name) and name in pair.deploys  # where there are no agents
    if runs_on_controller(new) and not runs_on_controller(old) and not is_usual:
        tail = "on the controller, whose files hold all that Jenkins knows, secrets too"
        yield Effect(About.SECRET, Weight.HIGH, "runs", (name,), tail)


def read_restriction(job: Job) -> dict[str, str]:
    """Return who alone may build a job, where nothing that is granted elsewhere counts."""
    if job.inheritance != _CLOSED:
        return {}
    found = [who for who, rights in _by_who(job).items() if "build" in rights]
    return {"": join_names(found or ["administrators"])}


def find_permissions(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield who may do something else with a job."""
    was, now, weight = _by_who(old), _by_who(new), pair.weigh(name)
    closes, opens = (
        [job.inheritance == _CLOSED for job in sides] == [False, True]
        for sides in ((old, new), (new, old))
    )
    for who in dict.fromkeys((*now, *was)):
        rights, before = now.get(who, []), was.get(who, [])
        gained = [right for right in rights if right not in before]
        if closes:  # others' rights count no more, and who may build is told of all at once
            gained = [right for right in gained if right not in _OF_BUILDERS]
        lost = [right for right in before if right not in rights]
        if gained:
            yield _permit(f"lets {who}", gained, weight, name)
        if lost and not opens:  # then others' rights hold again, theirs too
            yield _permit(f"no longer lets {who}", lost, weight, name)


def _permit(lead: str, rights: Sequence[str], weight: Weight, name: str) -> Effect:
    """Return what someone may do with a job; "workspace" is the right to read one."""
    others = [right for right in rights if right != "workspace"]
    tails = "and read its workspace", "and read their workspaces"
    if not others:
        return Effect(About.PERMISSION, weight, f"{lead} read the workspace of", (name,))
    if len(others) == len(rights):
        tails = "", ""
    return Effect(About.PERMISSION, weight, f"{lead} {join_names(others)}", (name,), *tails)


def _by_who(job: Job) -> Mapping[str, list[str]]:
    """Return rights by who has them: {"USER:alice": ["build"]}."""
    found: dict[str, list[str]] = {}
    for part in filter(None, map(_PERMISSION.fullmatch, job.permissions)):
        found.setdefault(part["kind"] + part["who"], []).append(part["right"].lower())
    return found


def find_copiers(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield which jobs may copy a job's artifacts, or may no more."""
    was, now = old.copy_permissions, new.copy_permissions
    was = was and tuple(pair.renamed.get(who, who) for who in was)
    if was is None or now is None:
        if was is not None:
            lead = "no longer says who may copy the artifacts of"
            tail = f", which {join_names(was or ['no one'])} could: {_UNSAID}"
            yield Effect(About.PERMISSION, Weight.HIGH, lead, (name,), tail)
        elif now is not None:
            lead = "says who may copy the artifacts of"
            tail = f": {join_names(now or ['no one'])}; until now {_UNSAID}"
            yield Effect(About.PERMISSION, Weight.MEDIUM, lead, (name,), tail)
        return
    copies = {edge.target for edge in pair.after.chain.copies_of(name)}
    # A job that comes with this very plan, to copy from this one, is told as what it is.
    expected = [who for who in now if who not in was and who in copies and pair.is_new(who)]
    others = [who for who in now if who not in was and who not in expected]
    lost = [who for who in was if who not in now]
    for verb, weight, copiers in (
        ("lets", Weight.HIGH, list(map(_say_copier, others))),
        ("lets", Weight.MEDIUM, list(map(_say_copier, expected))),
        ("no longer lets", Weight.MEDIUM, lost),
    ):
        if copiers:
            lead = f"{verb} {join_names(copiers)} copy the artifacts of"
            yield Effect(About.PERMISSION, weight, lead, (name,))


def _say_copier(entry: str) -> str:
    if entry.strip("/") == "*":
        return "every job"
    return f"every job that {entry} names" if "*" in entry else entry
