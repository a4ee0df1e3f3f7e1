"""Rules about secrets: none in plain text, none in a log, none bound in vain."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfl_jobs.check.rule import RULES, Found, Scope, Severity, scripts_of
from cfl_jobs.check.secret_text import find_secrets, is_harmless, is_named_like_secret
from cfl_jobs.check.shell import expanding_text, find_uses
from cfl_jobs.configs.model import Parameter, ParameterKind
from cfl_jobs.errors import Position


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
        scripts = scripts_of(job) if job.bindings else []
        if any(_RUNS_OTHERS.search(expanding_text(script)) for script in scripts):
            continue
        texts = "\n".join(scripts)
        used = {use.name for script in scripts for use in find_uses(script)}
        for binding in job.bindings:
            for name in binding.variables:
                if name not in used and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", texts):
                    message = f"{binding.credentials_id} is bound to {name}, and no step uses it"
                    yield Found(job.name, message, path=binding.path)
