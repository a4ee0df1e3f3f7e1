"""Config XML of wrappers (a build's environment) → model; what has no type here stays `Unknown`.

Class names and defaults are those of timestamper 1.26, ws-cleanup 0.45, build-timeout 1.32,
build-name-setter 2.4, credentials-binding 642 and ansicolor 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from cfl_jobs.configs.fields import (
    Paths,
    list_items,
    read_flag,
    read_number,
    read_text,
    short_class,
)
from cfl_jobs.configs.model import (
    AnsiColor,
    BindCredentials,
    BoundCredential,
    BuildName,
    CleanBefore,
    TimeLimit,
    TimeoutKind,
    Timestamps,
    Wrapper,
)
from cfl_jobs.configs.read_steps import read_patterns

# Every binding's fields that name a variable, in the order of the plugins' pages.
_ROLES = (
    "variable",
    "usernameVariable",
    "accessKeyVariable",
    "secretKeyVariable",
    "keyFileVariable",
    "passphraseVariable",
    "keystoreVariable",
    "passwordVariable",
    "aliasVariable",
)


def read_wrappers(wrappers: ET.Element, paths: Paths) -> Iterator[Wrapper]:
    """Yield the wrappers in order."""
    for element in wrappers:
        yield _read_wrapper(element, paths) or paths.unknown("buildWrappers", element)


def _read_wrapper(element: ET.Element, paths: Paths) -> Wrapper | None:
    path = paths[element]
    match short_class(element.tag):
        case "TimestamperBuildWrapper":
            return Timestamps(path=path)
        case "AnsiColorBuildWrapper":
            return AnsiColor(read_text(element, "colorMapName", "xterm"), path=path)
        case "PreBuildCleanup":
            return CleanBefore(
                patterns=read_patterns(element),
                delete_directories=read_flag(element, "deleteDirs"),
                parameter=read_text(element, "cleanupParameter"),
                path=path,
            )
        case "BuildTimeoutWrapper":
            return _read_time_limit(element, path)
        case "BuildNameSetter":
            return BuildName(
                template=read_text(element, "template"),
                description=read_text(element, "descriptionTemplate"),
                # BuildNameSetter.readResolve: before 1.8 neither field was there, both were done
                at_start=read_flag(element, "runAtStart", default=True),
                at_end=read_flag(element, "runAtEnd", default=True),
                path=path,
            )
        case "SecretBuildWrapper":
            bindings = list_items(element, "bindings")
            return BindCredentials(
                tuple(_read_binding(item, paths) for item in bindings), path=path
            )
        case _:
            return None


def _read_time_limit(element: ET.Element, path: str) -> TimeLimit | None:
    strategy = element.find("strategy")
    if strategy is None:
        return None
    minutes = read_number(strategy, "timeoutMinutes")
    seconds = read_number(strategy, "timeoutSecondsString")
    kind = short_class(strategy.get("class", ""))
    if kind == "AbsoluteTimeOutStrategy" and minutes is not None:
        found, limit = TimeoutKind.ABSOLUTE, minutes * 60
    elif kind == "NoActivityTimeOutStrategy" and seconds is not None:
        found, limit = TimeoutKind.NO_ACTIVITY, seconds
    else:
        return None
    actions = tuple(short_class(item.tag) for item in list_items(element, "operationList"))
    return TimeLimit(found, limit, actions, read_text(element, "timeoutEnvVar"), path=path)


def _read_binding(element: ET.Element, paths: Paths) -> BoundCredential:
    named = {role: read_text(element, role) for role in _ROLES}
    named |= {
        child.tag: child.text or ""
        for child in element
        if child.tag.endswith("Variable") and child.tag not in named
    }
    roles = tuple(role for role, variable in named.items() if variable)
    return BoundCredential(
        credentials_id=read_text(element, "credentialsId"),
        kind=short_class(element.tag),
        variables=tuple(named[role] for role in roles),
        roles=roles,
        path=paths[element],
    )
