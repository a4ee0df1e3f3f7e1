"""Declared parameters + what was given → the values a build gets, as Jenkins converts them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cfl_jobs.configs.model import Job, Parameter, ParameterKind
from cfl_jobs.configs.steps.artifacts import (
    BuildSelector,
    Selector,
    format_selector,
    parse_selector,
)
from cfl_jobs.errors import RehearsalError, suggest


class BadValue(Exception):
    """A value that a parameter can't have; Jenkins throws while it makes the value."""


def default_values(job: Job) -> dict[str, str]:
    return {parameter.name: parameter.default for parameter in job.parameters}


def convert_triggered(job: Job, given: Mapping[str, str]) -> dict[str, str]:
    """Return what a trigger's values become in the queue: converted, defaults for those not given.

    Names that the job doesn't declare are still there: they keep two requests in the queue apart,
    but no build sees them. Raises BadValue.
    """
    declared = {parameter.name: parameter for parameter in job.parameters}
    values = default_values(job)
    for name, value in given.items():
        values[name] = _convert(declared[name], value) if name in declared else value
    return values


def declared_only(job: Job, values: Mapping[str, str]) -> dict[str, str]:
    """Drop what the job doesn't declare (SECURITY-170), in the order that it declares."""
    return {p.name: values[p.name] for p in job.parameters if p.name in values}


def values_from_person(job: Job, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a person who presses Build with Parameters.

    A plain number is taken for "Specific build". Raises RehearsalError for a name that the form
    doesn't have and for a value that it doesn't offer.
    """
    declared = {parameter.name: parameter for parameter in job.parameters}
    values = default_values(job)
    for name, value in given.items():
        if name not in declared:
            names = ", ".join(declared) or "none"
            advice = suggest(name, declared) or f"It has {names}."
            raise RehearsalError(f"{job.name!r} has no parameter {name!r}.", advice=advice)
        parameter = declared[name]
        if parameter.kind is ParameterKind.BUILD_SELECTOR and re.fullmatch(r"\s*\d+\s*", value):
            value = format_selector(BuildSelector(Selector.SPECIFIC, value.strip()))
        if parameter.trim:
            value = value.strip()
        _check_offered(job, parameter, value)
        values[name] = _convert(parameter, value)
    return values


def _check_offered(job: Job, parameter: Parameter, value: str) -> None:
    """Raise RehearsalError for a value that the form doesn't offer.

    Jenkins itself would take any other text than "true" for false.
    """
    match parameter.kind:
        case ParameterKind.BOOLEAN if value.lower() not in ("true", "false"):
            advice = "It is true or false."
        case ParameterKind.CHOICE if value not in parameter.choices:
            advice = f"It offers: {', '.join(parameter.choices)}"
        case ParameterKind.BUILD_SELECTOR if parse_selector(value) is None:
            message = f"{job.name!r}: {value!r} is not a build selector."
            raise RehearsalError(message, advice="A build number will do.")
        case _:
            return
    raise RehearsalError(f"{job.name!r}: {parameter.name} can't be {value!r}.", advice=advice)


def _convert(parameter: Parameter, value: str) -> str:
    match parameter.kind:
        case ParameterKind.BOOLEAN:
            return str(value.lower() == "true").lower()
        case ParameterKind.CHOICE if value not in parameter.choices:
            raise BadValue(f"illegal choice for parameter {parameter.name}: {value!r}")
        case ParameterKind.BUILD_SELECTOR if parse_selector(value) is None:
            raise BadValue(f"{value!r} is not a build selector")
    return value
