"""A job → the variables that its builds have, and where its config and scripts use some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cfl_jobs.check.shell_variables import Use, find_assigned, find_uses
from cfl_jobs.configs.graph import Chain
from cfl_jobs.configs.model import (
    BindCredentials,
    CopyArtifact,
    Job,
    PredefinedParameters,
    Selector,
    Shell,
    TimeLimit,
    TriggerBuilds,
    Unknown,
)

# Jenkins' own (core 2.440, CoreEnvironmentContributor; display-url-api; junit)
_JENKINS = """
    BUILD_CAUSE BUILD_DISPLAY_NAME BUILD_ID BUILD_NUMBER BUILD_TAG BUILD_URL CI EXECUTOR_NUMBER
    HUDSON_HOME HUDSON_SERVER_COOKIE HUDSON_URL JENKINS_HOME JENKINS_SERVER_COOKIE JENKINS_URL
    JOB_BASE_NAME JOB_DISPLAY_URL JOB_NAME JOB_URL NODE_LABELS NODE_NAME ROOT_BUILD_CAUSE
    RUN_ARTIFACTS_DISPLAY_URL RUN_CHANGES_DISPLAY_URL RUN_DISPLAY_URL RUN_TESTS_DISPLAY_URL
    WORKSPACE WORKSPACE_TMP
"""
# What a shell on the node sets, or the login that the agent runs under
_SHELL = """
    COLUMNS DIRSTACK DISPLAY EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HOME HOSTNAME HOSTTYPE
    HTTPS_PROXY HTTP_PROXY IFS JAVA_HOME LANG LANGUAGE LINENO LINES LOGNAME MACHTYPE NO_PROXY OLDPWD
    OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS PPID PS1 PS2 PS4 PWD RANDOM REPLY SECONDS SHELL
    SHELLOPTS SHLVL SRANDOM SSH_AUTH_SOCK TEMP TERM TMP TMPDIR TZ UID USER
"""
_ALWAYS = frozenset(f"{_JENKINS} {_SHELL}".split())
_ALWAYS_LIKE = re.compile(r"LC_\w+|BASH\w*|XDG_\w+")
# hudson.Util.VARIABLE
_REFERENCE = re.compile(r"\$(?:(?P<plain>[A-Za-z0-9_]+)|\{(?P<braced>[A-Za-z0-9_.]+)\})")


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable that a field of the config or a script uses. `line` is 0 but in scripts."""

    name: str
    path: str
    use: Use | None = None

    @property
    def line(self) -> int:
        return self.use.line if self.use else 0


def is_set(name: str, job: Job, chain: Chain) -> bool:
    """Tell whether a build of the job has the variable, so far as its config tells."""
    if name in _ALWAYS or _ALWAYS_LIKE.fullmatch(name) or name in _declared(job):
        return True
    if name.startswith("GIT_"):
        return job.scm is not None
    if name.startswith("TRIGGERED_") or name == "LAST_TRIGGERED_JOB_NAME":
        name = re.sub(r"_RUN_\d+$", "", name)
        return name in _TRIGGERED_ALWAYS or any(
            edge.blocking and name.endswith(f"_{_underscored(edge.target)}")
            for edge in chain.starts_of(job.name)
        )
    return name in {_copy_variable(step) for step in job.builders if isinstance(step, CopyArtifact)}


_TRIGGERED_ALWAYS = frozenset({"TRIGGERED_JOB_NAMES", "LAST_TRIGGERED_JOB_NAME"})


def _underscored(name: str) -> str:
    # parameterized-trigger 787, TriggerBuilder: letters and digits stay
    return re.sub(r"[^a-zA-Z0-9]+", "_", name)


def _copy_variable(step: CopyArtifact) -> str:
    # copyartifact 722, CopyArtifact.EnvAction: only letters stay
    suffix = step.variable_suffix
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", suffix):
        suffix = re.sub(r"[^A-Z]+", "_", step.project.upper())
    return f"COPYARTIFACT_BUILD_NUMBER_{suffix}"


def _declared(job: Job) -> set[str]:
    names = {parameter.name for parameter in job.parameters} | {job.resources_variable}
    for wrapper in job.wrappers:
        if isinstance(wrapper, BindCredentials):
            names |= {name for binding in wrapper.bindings for name in binding.variables}
        elif isinstance(wrapper, TimeLimit):
            names.add(wrapper.variable or "BUILD_TIMEOUT")
    return names


def sets_unknown_variables(job: Job) -> bool:
    """Tell whether parts without a type here may set variables that the model doesn't see."""
    parts = (*job.wrappers, *job.builders, *job.unknown)
    return any(isinstance(part, Unknown) for part in parts)


def list_references(job: Job) -> Iterator[Reference]:
    """Yield the variables that fields of the config use, then those that scripts use."""
    yield from _field_references(job)
    for step in job.builders:
        if isinstance(step, Shell):
            assigned = find_assigned(step.script)
            for use in find_uses(step.script):
                if re.fullmatch(r"[A-Z][A-Z0-9_]*", use.name) and use.name not in assigned:
                    yield Reference(use.name, f"{step.path}/command", use)


def _field_references(job: Job) -> Iterator[Reference]:
    if job.scm:
        for text in (*job.scm.branches, *job.scm.urls, job.scm.refspec):
            yield from _expand(text, job.scm.path)
    for part in (*job.builders, *job.publishers):
        if isinstance(part, CopyArtifact):
            fields = {
                "project": part.project,
                "filter": part.filter,
                "target": part.target,
                "parameters": part.parameter_filter,
            }
            for field, text in fields.items():
                yield from _expand(text, f"{part.path}/{field}")
            argument = part.selector.argument
            if part.selector.kind is Selector.PARAMETER:
                yield Reference(argument, f"{part.path}/selector/parameterName")
            else:
                yield from _expand(argument, f"{part.path}/selector/buildNumber")
        elif isinstance(part, TriggerBuilds):
            for given in part.parameters:
                if isinstance(given, PredefinedParameters):
                    yield from _expand(given.properties, f"{given.path}/properties")


def _expand(text: str, path: str) -> Iterator[Reference]:
    for match in _REFERENCE.finditer(text.replace("$$", "")):
        yield Reference(match["plain"] or match["braced"], path)
