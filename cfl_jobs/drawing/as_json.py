"""The chain → JSON, for other programs."""

from __future__ import annotations

import json
from typing import Any

from cfl_jobs.configs.graph import Chain, CopyEdge, Node, TriggerEdge
from cfl_jobs.configs.model import Parameter


def draw_json(chain: Chain) -> str:
    """Return an object with `jobs`, `triggers` and `copies`, in the chain's order."""
    data = {
        "jobs": [_job(node) for node in chain.nodes],
        "triggers": [_trigger(edge) for edge in chain.triggers],
        "copies": [_copy(edge) for edge in chain.copies],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _job(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "defined": node.defined,
        "disabled": node.disabled,
        "started_by": [{"kind": start.kind.value, "detail": start.detail} for start in node.starts],
        "parameters": [_parameter(parameter) for parameter in node.parameters],
        "artifacts": list(node.artifacts),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "kind": parameter.kind.value,
        "default": parameter.default,
        "choices": list(parameter.choices),
    }


def _trigger(edge: TriggerEdge) -> dict[str, Any]:
    return {
        "from": edge.source,
        "to": edge.target,
        "condition": edge.condition,
        "parameters": {item.name: item.value for item in edge.passed},
        "needs_file": edge.file or None,
        "waits": edge.blocking,
    }


def _copy(edge: CopyEdge) -> dict[str, Any]:
    return {
        "from": edge.source,
        "to": edge.target,
        "artifacts": list(edge.artifacts),
        "build": {"selector": edge.selector.kind.value, "argument": edge.selector.argument},
        "parameter_filter": edge.parameter_filter,
        "optional": edge.optional,
        "permitted": edge.permitted,
    }
