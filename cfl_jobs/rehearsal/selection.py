"""A build selector + a parameter filter + builds → the build to copy from (Copy Artifact 722)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cfl_jobs.configs.expansion import expand
from cfl_jobs.configs.model import BuildSelector, Selector
from cfl_jobs.errors import RehearsalError
from cfl_jobs.rehearsal.causes import UpstreamCause
from cfl_jobs.rehearsal.directory import Builds
from cfl_jobs.rehearsal.environment import build_variables
from cfl_jobs.rehearsal.parameters import BadValue, parse_selector
from cfl_jobs.rehearsal.records import BuildRecord, Result

_FILTER = re.compile(r"(.*?)=([^,]*)(,|$)")


class NotANumber(Exception):
    """An empty build number: Copy Artifact answers it with a stack trace."""


def select_build(
    selector: BuildSelector,
    builds: Builds,
    job: str,
    *,
    variables: Mapping[str, str],
    parameter_filter: str,
    copier: BuildRecord,
) -> BuildRecord | None:
    """Return the build of `job` that Copy Artifact would take, or None.

    `parameter_filter` is "A=1,B=2" with variables already replaced: of a build only its
    environment then has to say the same. Raises NotANumber.
    """
    wanted = {match[1]: match[2] for match in _FILTER.finditer(parameter_filter)}

    def passes(record: BuildRecord) -> bool:
        environment = build_variables(record)
        return all(environment.get(name) == value for name, value in wanted.items())

    return _select(selector, builds, job, variables, passes, copier)


def _select(
    selector: BuildSelector,
    builds: Builds,
    job: str,
    variables: Mapping[str, str],
    passes: Callable[[BuildRecord], bool],
    copier: BuildRecord,
) -> BuildRecord | None:
    match selector.kind:
        case Selector.LAST_SUCCESSFUL:
            enough = Result.SUCCESS if selector.stable_only else Result.UNSTABLE
            return _latest(builds, job, enough, passes)
        case Selector.LAST_COMPLETED:
            return _latest(builds, job, Result.ABORTED, passes)
        case Selector.SPECIFIC:
            chosen = _specific(builds, job, expand(selector.argument, variables))
        case Selector.PERMALINK:
            chosen = _permalink(builds, job, selector.argument)
        case Selector.UPSTREAM:
            chosen = _upstream(builds, job, passes, copier)
            if chosen is None and selector.fall_back_to_last_successful:
                chosen = _latest(builds, job, Result.SUCCESS, passes)
        case Selector.PARAMETER:
            xml = _parameter(selector.argument, variables)
            try:
                inner = parse_selector(xml) if xml is not None else None
            except BadValue:
                return None
            if inner is None or inner.kind is Selector.PARAMETER:
                return None
            return _select(inner, builds, job, variables, passes, copier)
        case _:
            raise RehearsalError(
                f"Copy Artifact's {selector.kind.value} can't be rehearsed.",
                advice="Try the job on a server.",
            )
    return chosen if chosen and passes(chosen) else None


def _latest(
    builds: Builds, job: str, enough: Result, passes: Callable[[BuildRecord], bool]
) -> BuildRecord | None:
    return next(
        (
            record
            for record in builds.completed(job)
            if record.result and record.result.is_at_least(enough) and passes(record)
        ),
        None,
    )


def _specific(builds: Builds, job: str, number: str) -> BuildRecord | None:
    if number.startswith("$"):
        return None
    if not number:
        raise NotANumber
    if re.fullmatch("[0-9]+", number):
        return builds.get(job, int(number))
    permalink = _permalink(builds, job, number)
    if permalink:
        return permalink
    shown = (r for r in builds.of(job) if number == (r.display_name or f"#{r.number}"))
    return next(shown, None)


def _permalink(builds: Builds, job: str, name: str) -> BuildRecord | None:
    try:
        return builds.find_permalink(job, name)
    except KeyError:
        return None


def _upstream(
    builds: Builds, job: str, passes: Callable[[BuildRecord], bool], copier: BuildRecord
) -> BuildRecord | None:
    """Follow the causes up; of several builds the oldest (the plugin's own default)."""
    found: BuildRecord | None = None
    for cause in copier.causes:
        if not isinstance(cause, UpstreamCause):
            continue
        upstream = builds.get(cause.job, cause.number)
        if upstream and cause.job != job:
            upstream = _upstream(builds, job, passes, upstream)
        if upstream and passes(upstream) and (found is None or upstream.number < found.number):
            found = upstream
    return found


def _parameter(name: str, variables: Mapping[str, str]) -> str | None:
    if "<" in name:
        return name
    if "$" in name:
        return expand(name, variables)
    return variables.get(name)
