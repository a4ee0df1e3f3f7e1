"""Rules about each job by itself: what is kept, for how long it runs, when, and its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, parts_of, scripts_of
from cfl_jobs.check.secret_text import find_secrets, is_harmless, is_named_like_secret
from cfl_jobs.check.shell import expanding_text, find_uses
from cfl_jobs.configs.model import BuildDiscarder, Job, Parameter, ParameterKind, Trigger
from cfl_jobs.configs.steps.building import CleanAfter, CleanBefore, TimeLimit
from cfl_jobs.errors import Position, count
from cfl_jobs.rendering.cron import find_cron_mistakes, find_cron_warnings


@RULES.rule("no-build-discarder", Severity.WARNING, "old builds of a job are kept for ever")
def find_no_discarder(scope: Scope) -> Iterator[Found]:
    """Logs and artifacts of every build stay on the server until its disk is full.

    Set how long builds are kept, or how many, with the `build-discarder` property.
    """
    for job in scope.freestyle():
        if job.discarder is None or job.discarder == BuildDiscarder():
            yield Found(job.name, "all builds of this job are kept for ever")


@RULES.rule("no-time-limit", Severity.WARNING, "a build may run for ever")
def find_no_time_limit(scope: Scope) -> Iterator[Found]:
    """A build that hangs keeps its executor, and where builds run one at a time the whole chain
    waits behind it.

    Set a limit with the `timeout` wrapper.
    """
    for job in scope.freestyle():
        if not any(parts_of(job.wrappers, TimeLimit)):
            yield Found(job.name, "builds of this job have no time limit")


@RULES.rule("workspace-not-cleaned", Severity.WARNING, "an earlier build's files may be published")
def find_uncleaned(scope: Scope) -> Iterator[Found]:
    """Jenkins keeps a job's workspace from build to build. A step that fails to write a file, or an
    optional copy that finds none, leaves the earlier build's file there, and it is archived as this
    build's.

    Clean first: the `workspace-cleanup` wrapper without patterns, or git's `clean: before`.
    """
    for job in scope.freestyle():
        steps = (*job.builders, *job.publishers)
        archiver = next((step for step in steps if step.archived), None)
        before = parts_of(job.wrappers, CleanBefore)
        is_cleaned = any(not part.patterns and not part.parameter for part in before)
        if job.scm is not None and job.scm.clean_before_checkout and not job.scm.directory:
            is_cleaned = True
        if archiver and not is_cleaned and CleanAfter() not in job.publishers:
            message = "the job archives files from a workspace that isn't cleaned before"
            yield Found(job.name, message, path=archiver.path)


@RULES.rule("cron-syntax", Severity.ERROR, "a schedule is not what Jenkins reads")
def find_bad_schedules(scope: Scope) -> Iterator[Found]:
    """Jenkins refuses the job's config, or never runs the schedule. Its cron text is not crontab's:
    no names of months or days, and `H` for a time of Jenkins' choice.

    A schedule that Jenkins takes but warns about (every job at the same minute), or that limits
    both fields of days, which Jenkins wants both to match, is only a warning.
    """
    for job in scope.jobs:
        for trigger in parts_of(job.triggers, Trigger):
            path = f"{trigger.path}/spec"
            mistakes = find_cron_mistakes(trigger.spec)
            for mistake in mistakes or find_cron_warnings(trigger.spec):
                severity = None if mistakes else Severity.WARNING
                yield Found(job.name, mistake.message, mistake.advice, path, severity=severity)


def estimate_disk(
    jobs: Iterable[Job], sizes: Mapping[str, float], builds_a_day: float
) -> Iterator[str]:
    """Yield what retention lets the artifacts of each job take at most, the largest first.

    `sizes` are megabytes a build; jobs without one, or below 0.1 GB in all, are left out.
    """
    takes: list[tuple[float, str]] = []
    for job in jobs:
        kept = job.discarder or BuildDiscarder()
        days = [d for d in (kept.days_to_keep, kept.artifact_days_to_keep) if d > 0]
        builds = [n for n in (kept.builds_to_keep, kept.artifact_builds_to_keep) if n > 0]
        limits = [*builds, *(day * builds_a_day for day in days)]
        megabytes = sizes.get(job.name, 0.0)
        if not limits:
            if megabytes:
                takes.append((float("inf"), f"{job.name}: {megabytes:.1f} MB a build, for ever"))
        elif megabytes * min(limits) >= 100:
            text = f"{megabytes * min(limits) / 1000:.1f} GB, {count(min(limits), 'build')} of "
            takes.append((megabytes * min(limits), f"{job.name}: {text}{megabytes:.1f} MB"))
    yield from (text for _, text in sorted(takes, reverse=True))


@RULES.rule("plain-secret", Severity.ERROR, "a secret stands in plain text")
def find_plain_secrets(scope: Scope) -> Iterator[Found]:
    """Everyone who can read the repository or the job's page can read it, and it stays in git's
    history. What looks like one: known shapes of tokens and keys, a value after `password=`,
    `token:` and the like, a password in a URL or that a program is given (`curl -u ann:...`), the
    default of a parameter named like one, and text that looks random.

    Take it out, revoke it, keep the new one in Jenkins' credentials and bind it in the job
    (`credentials-binding`). The message tells its place and kind, never the secret.
    """
    for file, text in scope.files.items():
        for number, line in enumerate(text.split("\n"), 1):
            for secret in find_secrets(line):
                position = Position(file, number, secret.start + 1)
                yield Found("", f"this looks like {secret.kind}", position=position)
    for job in scope.jobs:
        for parameter in job.parameters:
            if _holds_secret(parameter):
                message = f"the parameter {parameter.name} has a default that everyone can read"
                advice = "Leave its default empty, or bind a credential in place of the parameter."
                yield Found(job.name, message, advice, parameter.path, secret=True)
        for part in job.unknown:
            if part.tag == "authToken" and (part.element.text or "").strip():
                message = "the job can be started with a token that stands here in plain text"
                yield Found(job.name, message, path=part.path)


def _holds_secret(parameter: Parameter) -> bool:
    """Tell whether a parameter has a default, and it or its name says that that is a secret."""
    if parameter.has_password:
        return True
    is_text = parameter.kind in (ParameterKind.STRING, ParameterKind.TEXT, ParameterKind.CHOICE)
    value = parameter.default
    return is_text and is_named_like_secret(parameter.name) and not is_harmless(value or "none")


_TRACE = re.compile(
    r"(?:^|[;&|(]|\bthen\b|\bdo\b)\s*"
    r"(?:set\s+(?:-\w+\s+)*-(?:[a-z]*x|o\s+xtrace)|(?:ba|da|z|k)?sh\s+-[a-z]*x)"
)


@RULES.rule("trace-near-secret", Severity.ERROR, "a script traces its commands next to secrets")
def find_traces(scope: Scope) -> Iterator[Found]:
    """`set -x` prints every command with its values filled in. Jenkins hides a bound secret in the
    log only where it stands word for word: not a part of it, not in base64 or a URL. A step without
    a `#!` line is traced too: Jenkins runs it with `/bin/sh -xe`.

    Remove `set -x`, or begin the script with `#!/usr/bin/env bash`.
    """
    for job in scope.freestyle():
        if not job.bindings:
            continue
        for step in job.shells:
            path = f"{step.path}/command"
            first, *_ = step.script.split("\n")
            if not first.startswith("#!"):
                message = "the job has secrets, and this step is traced: it has no #! line"
                yield Found(job.name, message, path=path, line=1)
            elif re.search(r"\s-\w*x", first):
                yield Found(job.name, _TRACED, path=path, line=1)
            for number, line in enumerate(expanding_text(step.script).split("\n"), 1):
                if _TRACE.search(line):
                    yield Found(job.name, _TRACED, path=path, line=number)


_RUNS_OTHERS = re.compile(r"(?:^|[\s;&|(])(?:\./\w|\w*sh(?:\s+[\w-]+)*\s+-c\s+[\"']?\$)")
_TRACED = "the job has secrets, and this prints every command with its values"


@RULES.rule("unused-credential", Severity.WARNING, "a credential is bound and nothing uses it")
def find_unused(scope: Scope) -> Iterator[Found]:
    """A secret that a build has and doesn't need can only leak.

    Remove the binding. A variable counts as used where a script names it, and where a script runs a
    program of the workspace (`./deploy.sh`) or a command that it is given (`bash -c "$command"`),
    which may read it from the environment.
    """
    for job in scope.freestyle():
        scripts = scripts_of(job) * bool(job.bindings)
        if any(_RUNS_OTHERS.search(expanding_text(script)) for script in scripts):
            continue
        texts = "\n".join(scripts)
        used = {use.name for script in scripts for use in find_uses(script)}
        for binding in job.bindings:
            for name in binding.variables:
                if name not in used and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", texts):
                    message = f"{binding.credentials_id} is bound to {name}, and no step uses it"
                    yield Found(job.name, message, path=binding.path)
