"""Two jobs → effects on who may do what or reads secrets; on what is built, kept and mailed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import inf

from cfl_jobs.check.rule import parts_of
from cfl_jobs.configs.model import BuildDiscarder, Job
from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.building import Mail, TimeLimit
from cfl_jobs.errors import join_names
from cfl_jobs.review.pair import Pair, runs_on_controller
from cfl_jobs.review.review import JOB, About, Effect, Weight, say

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
    if now[1] == was[1]:
        return now[0]
    return f": {now[1]}, not {was[1]}"


def find_nodes(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job may run where a deploy does, and read what is there."""
    were = pair.shares_nodes_with(name, old)
    if shared := tuple(job for job in pair.shares_nodes_with(name, new) if job not in were):
        text = f"runs {JOB} where {{others}}'s secrets can be read"
        yield say(About.SECRET, Weight.HIGH, text, name, others=shared)
    is_usual = pair.is_new(name) and name in pair.deploys  # where there are no agents
    if runs_on_controller(new) and not runs_on_controller(old) and not is_usual:
        text = f"runs {JOB} on the controller, whose files hold all that Jenkins knows, secrets too"
        yield say(About.SECRET, Weight.HIGH, text, name)


def find_tokens(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield that a job can be started from anywhere by a token."""
    was, now = pair.find_in_configs(name, "authToken")
    if now:
        means = "lets whoever knows a token"
        if was:
            means = "changes the token of who may"
        yield say(About.TRIGGER, pair.weigh(name), f"{means} start {JOB}", name)
    elif was and name in pair.after.jobs:
        text = f"no longer lets whoever knows a token start {JOB}"
        yield say(About.TRIGGER, Weight.LOW, text, name)


def read_restriction(job: Job) -> dict[str, str]:
    """Return who alone may build a job, where nothing that is granted elsewhere counts."""
    if job.inheritance != _CLOSED:
        return {}
    found = [who for who, rights in _by_who(job).items() if "build" in rights]
    return {"": join_names(found or ["administrators"])}


def find_permissions(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield who may do something else with a job."""
    was, now, weight = _by_who(old), _by_who(new), pair.weigh(name)
    was_closed, is_closed = (job.inheritance == _CLOSED for job in (old, new))
    for who in dict.fromkeys((*now, *was)):
        gained = without(now.get(who, ()), was.get(who, ()))
        if is_closed and not was_closed:
            # Others' rights count no more, and who may build is told of all at once.
            gained = without(gained, _OF_BUILDERS)
        lost = without(was.get(who, ()), now.get(who, ()))
        if gained:
            yield _permit(f"lets {who}", gained, weight, name)
        if lost and (is_closed or not was_closed):  # else others' rights hold again, theirs too
            yield _permit(f"no longer lets {who}", lost, weight, name)


def _permit(lead: str, rights: Sequence[str], weight: Weight, name: str) -> Effect:
    """Return what someone may do with a job; "workspace" is the right to read one."""
    others = without(rights, ["workspace"])
    if not others:
        return say(About.PERMISSION, weight, f"{lead} read the workspace of {JOB}", name)
    text, many = f"{lead} {join_names(others)} {JOB}", ""
    if len(others) < len(rights):
        text, many = f"{text} and read its workspace", "and read their workspaces"
    return say(About.PERMISSION, weight, text, name, tail_of_many=many)


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
    whose = f"who may copy the artifacts of {JOB}"
    if was is not None and now is None:
        text = f"no longer says {whose}, which {join_names(was or ['no one'])} could: {_UNSAID}"
        yield say(About.PERMISSION, Weight.HIGH, text, name)
    elif was is None and now is not None:
        text = f"says {whose}: {join_names(now or ['no one'])}; until now {_UNSAID}"
        yield say(About.PERMISSION, Weight.MEDIUM, text, name)
    if was is None or now is None:
        return
    copies = {edge.target for edge in pair.after.chain.copies_of(name)}
    gained = without(now, was)
    # A job that comes with this very plan, to copy from this one, is told as what it is.
    expected = [who for who in gained if who in copies and pair.is_new(who)]
    for verb, weight, copiers in (
        ("lets", Weight.HIGH, list(map(_say_copier, without(gained, expected)))),
        ("lets", Weight.MEDIUM, list(map(_say_copier, expected))),
        ("no longer lets", Weight.MEDIUM, without(was, now)),
    ):
        if copiers:
            text = f"{verb} {join_names(copiers)} copy the artifacts of {JOB}"
            yield say(About.PERMISSION, weight, text, name)


def _say_copier(entry: str) -> str:
    if entry.strip("/") == "*":
        return "every job"
    return f"every job that {entry} names" if "*" in entry else entry


def find_sources(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield what is checked out: of which repository, which branch."""
    weight = pair.weigh_feeding(name)
    if old.urls != new.urls:
        now, was = (join_names(job.urls or ["nothing"]) for job in (new, old))
        yield say(About.SOURCE, weight, f"checks out {now}, not {was}, in {JOB}", name)
    specs, before = _branches_of(new), _branches_of(old)
    if specs == before or not old.scm or not new.scm:
        return
    now, was = _say_branches(specs), _say_branches(before)
    is_any, was_any = (
        any("*" in spec or spec[:1] == ":" for spec in each) for each in (specs, before)
    )
    if (is_any and not was_any) or set(specs) > set(before):
        text = f"lets {JOB} build {now}, not only {was}"
        yield say(About.SOURCE, Weight.HIGH, text, name)
    else:
        yield say(About.SOURCE, weight, f"checks out {now}, not {was}, in {JOB}", name)


def _branches_of(job: Job) -> tuple[str, ...]:
    """Return the branches that are built unless someone enters another."""
    defaults = {parameter.name: parameter.default for parameter in job.parameters}
    specs = job.scm.branches if job.scm else ()
    return tuple(expand(spec, defaults) or "**" for spec in specs)


def _say_branches(specs: Sequence[str]) -> str:
    names = [spec.removeprefix("refs/heads/").removeprefix("*/") for spec in specs]
    if any(name.strip("/") in ("**", "*", "origin/**", "origin/*") for name in names):
        return "any branch"
    return f"branch{'es' * (len(names) > 1)} {join_names(names)}"


_ALL = "all"
# What is kept, the number of a BuildDiscarder that says it, what goes beyond it, how much that is.
_KEPT = (
    ("builds", "days_to_keep", "those older than {} days", "{} days"),
    ("builds", "builds_to_keep", "all but the newest {}", "the newest {}"),
    ("artifacts", "artifact_days_to_keep", "those older than {} days", "{} days"),
    ("artifacts", "artifact_builds_to_keep", "all but the newest {} builds'", "the newest {}'s"),
)


def find_retention(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield how much less is kept, or more, of builds and of their artifacts."""
    was, now = old.discarder or BuildDiscarder(), new.discarder or BuildDiscarder()
    kept = {row: _say_kept(was, row) for row in _KEPT}
    for row in _KEPT:
        what, field, goes, _ = row
        before, after = getattr(was, field), getattr(now, field)
        if after >= 0 and (before < 0 or after < before):
            others = (kept[other] for other in _KEPT if other[0] in ("builds", what))
            held = [amount for amount in others if before < 0 and amount != _ALL]
            text = f"keeps fewer {what} of {JOB}: {goes.format(after)} go, "
            text += f"{' and '.join(held) or kept[row]} were kept"
            yield say(About.RETENTION, Weight.HIGH, text, name)
        elif after != before:
            text = f"keeps more {what} of {JOB}: {_say_kept(now, row)}, not {kept[row]}"
            yield say(About.RETENTION, Weight.LOW, text, name)


def _say_kept(discarder: BuildDiscarder, row: tuple[str, str, str, str]) -> str:
    number = getattr(discarder, row[1])
    return row[3].format(number) if number >= 0 else _ALL


def find_mail(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield who hears no more of builds that fail, or does now."""
    was, now = _mailed(old), _mailed(new)
    lost, gained = without(was, now), without(now, was)
    when = f"when a build of {JOB}"
    if lost:
        text = f"no longer mails {join_names(lost)} {when} fails"
        if not now:
            text = f"mails nobody {when} fails: {join_names(lost)} heard of it"
        yield say(About.MAIL, Weight.HIGH, text, name)
    if gained:
        yield say(About.MAIL, Weight.LOW, f"mails {join_names(gained)} too {when} fails", name)
    before, after = (
        any(mail.every_unstable for mail in parts_of(job.publishers, Mail)) for job in (old, new)
    )
    if now and before and not after:
        yield say(About.MAIL, Weight.HIGH, f"mails nobody {when} is unstable again", name)


def _mailed(job: Job) -> list[str]:
    """Return whom a job's failing builds are mailed to."""
    mails = list(parts_of(job.publishers, Mail))
    found = dict.fromkeys(who for mail in mails for who in re.split(r"[\s,]+", mail.recipients))
    if any(mail.send_to_individuals for mail in mails):
        found["those whose commits broke it"] = None
    return [who for who in found if who]


def find_limit(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield after how many minutes a build is ended."""
    was, now = (
        min((limit.seconds / 60 for limit in parts_of(job.wrappers, TimeLimit)), default=inf)
        for job in (old, new)
    )
    if was != now:
        text = f"changes the time limit of {JOB}: {_say_minutes(now)}, not {_say_minutes(was)}"
        yield say(About.SETTING, (Weight.LOW, Weight.MEDIUM)[now < was], text, name)


def _say_minutes(minutes: float) -> str:
    return "none" if minutes == inf else f"{minutes:g} minute{'s' * (minutes != 1)}"


def find_locks(pair: Pair, name: str, old: Job, new: Job) -> Iterator[Effect]:
    """Yield which resources a build waits for."""
    if more := without(new.resources, old.resources):
        yield say(About.RUNS, Weight.MEDIUM, f"lets {JOB} wait for {join_names(more)}", name)
    if fewer := without(old.resources, new.resources):
        text = f"lets {JOB} run without waiting for {join_names(fewer)}"
        yield say(About.RUNS, pair.weigh(name), text, name)


def without(some: Iterable[str], others: Collection[str]) -> list[str]:
    return [each for each in some if each not in others]
