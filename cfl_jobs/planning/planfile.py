"""What a plan is made of ↔ file: kept by `plan --out`, applied, just so, by `update --plan`.

The file holds what was rendered and what the target had. The plan is made of that again when the
file is read, so that what is shown then is what is done, whatever the file says. JSON, readable by
its owner only, since configs may hold what others shouldn't see.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cfl_jobs import __version__
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import PlanError
from cfl_jobs.files import write_whole
from cfl_jobs.planning.observe import Observed
from cfl_jobs.planning.planner import Basis
from cfl_jobs.target import Key, Kind, Listed, full_label

_FORMAT = f"cfl-jobs {__version__} plan 5"
_MAKE_ONE = "Make one with `cfl-jobs plan --out FILE`."


def save_plan(basis: Basis, path: Path) -> None:
    """Write down what a plan is made of. Raises PlanError where that can't be done."""
    content = _to_json(basis)
    document = {"format": _FORMAT, "digest": _digest(content), "content": content}
    try:
        if path.exists() and not path.is_file():
            raise PlanError(f"{path} is not a file", advice="Name a file to keep the plan in.")
        write_whole(path, json.dumps(document, ensure_ascii=False), mode=0o600)
    except OSError as error:
        raise PlanError(
            f"{path}: {error.strerror}", advice="Name a file that can be written."
        ) from error


def load_plan(path: Path) -> Basis:
    """Return what a plan is made of. Raises PlanError on another file, or an altered one."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not str(document["format"]).startswith("cfl-jobs "):
            raise ValueError(document["format"])
        if document["format"] != _FORMAT:
            raise PlanError(f"{path} was made by another version of cfl-jobs", advice=_MAKE_ONE)
        if document["digest"] != _digest(document["content"]):
            raise PlanError(f"{path} was altered after it was made", advice=_MAKE_ONE)
        return _from_json(document["content"])
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}", advice=_MAKE_ONE) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PlanError(f"{path} is not a plan", advice=_MAKE_ONE) from error


def _digest(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _to_json(basis: Basis) -> dict[str, Any]:
    observed = basis.observed
    return {
        "target": full_label(observed.label),
        "project": observed.project,
        "adopt": basis.adopt,
        "prune": basis.prune,
        "filtered": basis.filtered,
        "desired": [config.to_json() for config in basis.desired],
        "listed": [
            [kind.value, name, entry.description if observed.is_ours((kind, name)) else ""]
            for (kind, name), entry in observed.listed.items()
        ],
        "configs": [
            [kind.value, name, live.config] for (kind, name), live in observed.live.items()
        ],
        "unreadable": [
            [kind.value, name, reason] for (kind, name), reason in observed.unreadable.items()
        ],
        "versions": dict(observed.versions),
        "builds": dict(observed.builds),
    }


def _from_json(content: dict[str, Any]) -> Basis:
    listed = {
        (Kind(kind), name): Listed(name, description)
        for kind, name, description in content["listed"]
    }
    versions: dict[str, str] = content["versions"]
    live: dict[Key, Config] = {}
    for kind, name, config in content["configs"]:
        live[Kind(kind), name] = Config(Kind(kind), name, config, versions=versions)
    observed = Observed(
        content["target"],
        listed,
        live,
        versions,
        content["builds"],
        {(Kind(kind), name): reason for kind, name, reason in content["unreadable"]},
        content["project"],
    )
    return Basis(
        tuple(Config.from_json(found) for found in content["desired"]),
        observed,
        adopt=content["adopt"],
        prune=content["prune"],
        filtered=content["filtered"],
    )
