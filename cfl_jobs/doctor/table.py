"""All checks, in the order in which they are told; and what they say of a server."""

from __future__ import annotations

from types import MappingProxyType

from cfl_jobs.doctor import job_checks, server_checks
from cfl_jobs.doctor.diagnosis import Check, Diagnosis, Row, State
from cfl_jobs.doctor.examine import examine
from cfl_jobs.doctor.facts import Facts
from cfl_jobs.doctor.needs import Needs
from cfl_jobs.errors import TargetError
from cfl_jobs.targets.server import JenkinsTarget

CHECKS: MappingProxyType[str, Check] = MappingProxyType(
    {
        "version": server_checks.check_version,
        "support": server_checks.check_support,
        "login": server_checks.check_login,
        "permissions": server_checks.check_permissions,
        "security": server_checks.check_security,
        "URL": server_checks.check_url,
        "GitHub hook": server_checks.check_hook,
        "plugins": job_checks.check_plugins,
        "credentials": job_checks.check_credentials,
        "labels": job_checks.check_labels,
        "executors": job_checks.check_executors,
        "secrets": job_checks.check_isolation,
        "jobs": job_checks.check_jobs,
        "clock": server_checks.check_clock,
        "disk": server_checks.check_disk,
    }
)


def diagnose(target: JenkinsTarget, needs: Needs) -> tuple[Row, ...]:
    """Ask the server and apply every check; a server that can't be asked is one row."""
    try:
        facts = examine(target, needs.names)
    except TargetError as error:
        return (Row("server", Diagnosis(State.ERROR, error.message, error.advice)),)
    return apply_checks(needs, facts)


def apply_checks(needs: Needs, facts: Facts) -> tuple[Row, ...]:
    return tuple(
        Row(name, diagnosis) for name, check in CHECKS.items() for diagnosis in check(needs, facts)
    )


def count(rows: tuple[Row, ...], state: State) -> int:
    return sum(row.diagnosis.state is state for row in rows)
