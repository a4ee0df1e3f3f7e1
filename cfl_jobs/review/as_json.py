"""Review → JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from cfl_jobs.errors import Finding
from cfl_jobs.review.comparison import Group, JobChange, Part
from cfl_jobs.review.effect import Effect
from cfl_jobs.review.review import Review
from cfl_jobs.review.revisions import Revision

VERSION = 1


def write_json(review: Review) -> str:
    """Return the review as one JSON object."""
    weight = review.risk.weight
    document = {
        "version": VERSION,
        "base": _revision(review.base),
        "head": _revision(review.head),
        "renders": {"base": not review.base_findings, "head": not review.head_findings},
        "findings": {
            "base": [_finding(finding) for finding in review.base_findings],
            "head": [_finding(finding) for finding in review.head_findings],
        },
        "risk": {"weight": weight.word if weight else "none", "text": review.risk.text},
        "effects": [_effect(effect) for effect in review.effects],
        "problems": [
            {"rule": problem.rule, "severity": problem.severity.value, **_finding(problem.finding)}
            for problem in review.problems
        ],
        "changes": [_change(change) for change in review.comparison.changes],
        "groups": [_group(group) for group in review.comparison.groups],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _revision(revision: Revision) -> dict[str, str]:
    return {"asked": revision.asked, "commit": revision.commit}


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "message": finding.message,
        "position": str(finding.position or ""),
        "advice": finding.advice,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "about": effect.about.value,
        "weight": effect.weight.word,
        "jobs": list(effect.jobs),
        "text": effect.text,
    }


def _change(change: JobChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": change.action.value,
        "kind": change.kind.value,
        "name": change.name,
        "definition": str(change.position or ""),
        "parts": [_part(part) for part in change.parts],
    }
    return {**found, "old_name": change.old_name} if change.old_name else found


def _group(group: Group) -> dict[str, Any]:
    return {"names": list(group.names), "parts": [part.label for part in group.parts]}


def _part(part: Part) -> dict[str, Any]:
    return {
        "label": part.label,
        "change": part.change.value,
        "lines": list(part.lines),
        "position": str(part.position or ""),
    }
