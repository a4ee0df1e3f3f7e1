"""Element tags → the words people use for them, and values that must not be shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from types import MappingProxyType

from cfl_jobs.configs.configxml import ENCRYPTED
from cfl_jobs.configs.mark import MATRIX
from cfl_jobs.configs.normalform import SECRET, Normal

# Class or field: what the Jenkins page calls it.
_WORDS = MappingProxyType(
    {
        "hudson.tasks.BatchFile": "batch step",
        "hudson.tasks.Fingerprinter": "fingerprint files",
        "hudson.plugins.copyartifact.CopyArtifactPermissionProperty": "who may copy artifacts",
        "hudson.security.AuthorizationMatrixProperty": "permissions",
        "jenkins.model.BuildDiscarderProperty": "builds to keep",
        "org.jenkins.plugins.lockableresources.RequiredResourcesProperty": "lockable resources",
        "com.coravy.hudson.plugins.github.GithubProjectProperty": "GitHub project",
        "com.cloudbees.jenkins.GitHubPushTrigger": "trigger on GitHub push",
        "hudson.triggers.TimerTrigger": "timer",
        "hudson.triggers.SCMTrigger": "polling",
        "jenkins.triggers.ReverseBuildTrigger": "build after other projects",
        "assignedNode": "node label",
        "canRoam": "run on any node",
        "command": "script",
        "concurrentBuild": "concurrent builds",
        "blockBuildWhenDownstreamBuilding": "wait for downstream builds",
        "blockBuildWhenUpstreamBuilding": "wait for upstream builds",
        "defaultSelector": "default",
        "defaultValue": "default",
        "jobNames": "jobs",
        "numToKeep": "builds",
        "daysToKeep": "days",
        "artifactNumToKeep": "builds with artifacts",
        "artifactDaysToKeep": "days with artifacts",
        "quietPeriod": "quiet period",
    }
)
# Parts of a path that people don't speak of: lists, and objects around what they do speak of.
_SILENT = frozenset(
    """
    builders publishers buildWrappers properties triggers strategy configs parameterDefinitions
    hudson.model.ParametersDefinitionProperty hudson.plugins.parameterizedtrigger.BuildTriggerConfig
    hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig projectNameList string
    """.split()  # noqa: SIM905 - longer as a list
)
_SECRET_FIELD = re.compile(
    r"password|passwd|passphrase|secret|token$|api_?key|private_?key", re.IGNORECASE
)
_HARMLESS_FIELD = re.compile(r"(credentials?id|variable|credentials)$", re.IGNORECASE)
# A variable, or a flag.
_HARMLESS_TEXT = re.compile(r"\s*(\$\w+|\$\{\w+\}|true|false)?\s*")
_SECRET_TEXT = re.compile(ENCRYPTED + r"|(?<=://)[^/@:\s]+:[^/@\s]+(?=@)")


def word_for(normal: Normal) -> str:
    """Return what people call an element: a parameter by its name, others by their kind."""
    kind = normal.tag
    name = normal.find("name")
    if kind.endswith(("ParameterDefinition", "SelectorParameter")) and name is not None:
        return f"parameter {name.text}"
    from cfl_jobs.configs.read_model import label_of

    return label_of(kind) or _WORDS.get(kind) or split_words(kind)


def is_silent(tag: str) -> bool:
    """Tell whether a path reads better without this element."""
    return tag in _SILENT


def split_words(tag: str) -> str:
    """Return "pre build cleanup" for "hudson.plugins.ws__cleanup.PreBuildCleanup"."""
    simple = re.split(r"[.$]|_-", tag)[-1].replace("__", "_")
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", simple)
    return " ".join(word if word.isupper() else word.lower() for word in words) or tag


def is_secret(tag: str, text: str) -> bool:
    """Tell whether a field of this name holds, with this text, what is not to be shown."""
    named_so = _SECRET_FIELD.search(tag) and not _HARMLESS_FIELD.search(tag)
    return bool(named_so) and not _HARMLESS_TEXT.fullmatch(text)


def show_value(normal: Normal, path: str = "", hidden: Collection[str] = ()) -> str:
    """Return the content of an element at `path` as text for people, secrets left out.

    At paths in `hidden` stand passwords, whatever their fields are called. None has numbers.
    """
    if not normal.children:
        is_hidden = bool(normal.text) and path in hidden
        if is_hidden or normal.text == SECRET or is_secret(normal.tag, normal.text):
            return SECRET
        return hide_secrets(normal.text)
    if normal.tag.endswith(MATRIX):
        return "\n".join(_list_permissions(normal))
    inside = []
    for child in normal.children:
        text = show_value(child, f"{path}/{child.tag}".lstrip("/"), hidden)
        short = split_words(child.tag)
        inside.append(f"{short}: {text}" if text else short)
    return "; ".join(inside)


def _list_permissions(matrix: Normal) -> Iterator[str]:
    """Yield a property's permissions, and what else is granted, each for a line of its own."""
    for child in matrix.children:
        what = child.text
        if child.tag != "permission":
            what = f"{split_words(child.tag)}: {what or split_words(child.kind)}"
        yield what


def hide_secrets(text: str) -> str:
    """Replace encrypted values, passwords in URLs, and what else looks like a secret."""
    return "\n".join(_hide(line)[0] for line in text.split("\n"))


def secrets_of(text: str) -> tuple[str, ...]:
    """Return what `hide_secrets` leaves out of a text; not to be shown, only to be compared."""
    return tuple(secret for line in text.split("\n") for secret in _hide(line)[1])


@lru_cache(maxsize=8192)  # the same lines of scripts stand in many jobs
def _hide(line: str) -> tuple[str, tuple[str, ...]]:
    from cfl_jobs.check.secret_text import find_secrets

    hidden = [found[0] for found in _SECRET_TEXT.finditer(line)]
    line = _SECRET_TEXT.sub(SECRET, line)
    for secret in reversed(find_secrets(line)):
        hidden.append(line[secret.start : secret.end])
        line = f"{line[: secret.start]}{SECRET}{line[secret.end :]}"
    return line, tuple(hidden)
