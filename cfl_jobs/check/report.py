"""Problems → text, JSON, GitHub annotations or SARIF, one writer each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from cfl_jobs import __version__
from cfl_jobs.check.rule import RULES, Problem, Report, Severity
from cfl_jobs.errors import Position, count, some
from cfl_jobs.target import name_command

# How a line of text begins, and its colour: findings, rules, the summary.
COLOURS = (
    (r".*\[error: [\w-]+\]$|[\w-]+ \(error\): |[\w-]+ +error ", "red"),
    (r".*\[warning: [\w-]+\]$|[\w-]+ \(warning\): |[\w-]+ +warning ", "yellow"),
    (r"[\d,]+ jobs? checked by .*: no problems", "green"),
    (r"[1-9][\d,]* errors?, ", "red"),
    (r"0 errors, ", "yellow"),
)


def write_text(report: Report) -> str:
    """Return each problem with its source line, and a summary."""
    parts = []
    for problem in report.problems:
        first, *rest = str(problem.finding).split("\n")
        parts.append("\n".join([f"{first} [{problem.severity.value}: {problem.rule}]", *rest]))
    parts.append(_summary(report))
    if report.disk:
        parts.append("\n  ".join(["What retention lets artifacts take at most:", *report.disk]))
    return "\n\n".join(parts) + "\n"


def _summary(report: Report) -> str:
    silenced = f" ({report.silenced} silenced)" if report.silenced else ""
    if not report.problems:
        checked = f"{count(report.jobs, 'job')} checked by {report.rules} rules"
        return f"{checked}: no problems{silenced}."
    errors = count(report.count(Severity.ERROR), "error")
    warnings = count(report.count(Severity.WARNING), "warning")
    explain = name_command(f"explain {report.problems[0].rule}")
    return f"{errors}, {warnings}{silenced}.\n`{explain}` tells more about a rule."


def write_json(report: Report) -> str:
    """Return an object with `problems` and counts."""
    data = {
        "problems": [_as_data(problem) for problem in report.problems],
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "silenced": report.silenced,
        "jobs": report.jobs,
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _as_data(problem: Problem) -> dict[str, Any]:
    place: dict[str, Any] = dict.fromkeys(Position._fields)
    if problem.finding.position:
        place = problem.finding.position._asdict()
    return {
        "rule": problem.rule,
        "severity": problem.severity.value,
        "message": problem.finding.message,
        "advice": problem.finding.advice,
        **place,
        "jobs": list(problem.names),
    }


def _sentence(problem: Problem) -> str:
    """Return message, jobs and advice, for where the place alone doesn't tell the job."""
    jobs = f" ({some(problem.names, 1)})" if problem.names else ""
    return f"{problem.finding.message}{jobs}\n{problem.finding.advice}".strip()


def write_github(report: Report) -> str:
    """Return workflow commands, which GitHub Actions shows at the lines of a pull request."""
    return "".join(_annotation(problem) for problem in report.problems)


def _annotation(problem: Problem) -> str:
    position = problem.finding.position
    fields: dict[str, object] = {}
    if position:
        fields = {"file": position.file, "line": position.line, "col": position.column}
    fields["title"] = problem.rule
    escaped = ",".join(f"{key}={_escape(str(value), ':,')}" for key, value in fields.items())
    return f"::{problem.severity.value} {escaped}::{_escape(_sentence(problem))}\n"


def _escape(text: str, also: str = "") -> str:
    # actions/toolkit, command.ts: escapeData and escapeProperty
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def write_sarif(report: Report) -> str:
    """Return a SARIF 2.1.0 log with one run."""
    used = dict.fromkeys(problem.rule for problem in report.problems)
    driver = {
        "name": "cfl-jobs",
        "version": __version__,
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": RULES[name].title},
                "fullDescription": {"text": RULES[name].why},
                "defaultConfiguration": {"level": RULES[name].severity.value},
            }
            for name in used
        ],
    }
    numbers = {name: number for number, name in enumerate(used)}
    results = [_result(problem, numbers[problem.rule]) for problem in report.problems]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The project's directory."}}},
        "results": results,
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(problem: Problem, number: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.rule,
        "ruleIndex": number,
        "level": problem.severity.value,
        "message": {"text": _sentence(problem)},
    }
    position = problem.finding.position
    if position:
        place = {
            "artifactLocation": {"uri": quote(position.file), "uriBaseId": "ROOT"},
            "region": {"startLine": position.line, "startColumn": position.column},
        }
        result["locations"] = [{"physicalLocation": place}]
    return result


WRITERS: Mapping[str, Callable[[Report], str]] = MappingProxyType(
    {
        "text": write_text,
        "json": write_json,
        "github": write_github,
        "sarif": write_sarif,
    }
)
