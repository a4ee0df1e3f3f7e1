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
    silenced = f" ({report.silenced} silenced)" * bool(report.silenced)
    if not report.problems:
        checked = f"{count(report.jobs, 'job')} checked by {report.rules} rules"
        return f"{checked}: no problems{silenced}."
    errors = count(report.count(Severity.ERROR), "error")
    warnings = count(report.count(Severity.WARNING), "warning")
    explain = name_command(f"explain {report.problems[0].rule}")
    return f"{errors}, {warnings}{silenced}.\n`{explain}` tells more about a rule."


def write_json(report: Report) -> str:
    """Return an object with `problems` and counts."""
    problems = []
    for problem in report.problems:
        found = problem.finding
        place = dict(zip(Position._fields, found.position or [None] * 3, strict=True))
        told = {"rule": problem.rule, "severity": problem.severity.value}
        told |= {"message": found.message, "advice": found.advice}
        problems.append({**told, **place, "jobs": list(problem.names)})
    data = {
        "problems": problems,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "silenced": report.silenced,
        "jobs": report.jobs,
    }
    return _dump(data)


def _dump(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _sentence(problem: Problem) -> str:
    """Return message, jobs and advice, for where the place alone doesn't tell the job."""
    jobs = f" ({some(problem.names, 1)})" * bool(problem.names)
    return f"{problem.finding.message}{jobs}\n{problem.finding.advice}".strip()


def write_github(report: Report) -> str:
    """Return workflow commands, which GitHub Actions shows at the lines of a pull request."""
    lines = []
    for problem in report.problems:
        place, fields = problem.finding.position, {"title": problem.rule}
        if place:
            fields = {
                "file": place.file,
                "line": f"{place.line}",
                "col": f"{place.column}",
            } | fields
        escaped = ",".join(f"{key}={_escape(str(value), ':,')}" for key, value in fields.items())
        lines.append(f"::{problem.severity.value} {escaped}::{_escape(_sentence(problem))}\n")
    return "".join(lines)


def _escape(text: str, also: str = "") -> str:
    # actions/toolkit, command.ts: escapeData and escapeProperty
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def write_sarif(report: Report) -> str:
    """Return a SARIF 2.1.0 log with one run."""
    used = list(dict.fromkeys(problem.rule for problem in report.problems))
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.why},
            "defaultConfiguration": {"level": rule.severity.value},
        }
        for rule in map(RULES.__getitem__, used)
    ]
    results: list[dict[str, Any]] = []
    for problem in report.problems:
        result: dict[str, Any] = {
            "ruleId": problem.rule,
            "ruleIndex": used.index(problem.rule),
            "level": problem.severity.value,
            "message": {"text": _sentence(problem)},
        }
        if place := problem.finding.position:
            physical = {
                "artifactLocation": {"uri": quote(place.file), "uriBaseId": "ROOT"},
                "region": {"startLine": place.line, "startColumn": place.column},
            }
            result["locations"] = [{"physicalLocation": physical}]
        results.append(result)
    run = {
        "tool": {"driver": {"name": "cfl-jobs", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The project's directory."}}},
        "results": results,
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return _dump({"$schema": schema, "version": "2.1.0", "runs": [run]})


WRITERS: Mapping[str, Callable[[Report], str]] = MappingProxyType(
    {"text": write_text, "json": write_json, "github": write_github, "sarif": write_sarif}
)
