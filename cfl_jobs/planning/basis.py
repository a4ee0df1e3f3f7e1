"""What a plan is made of: the rendered jobs, what the target has, and what was asked for.

`plan --out` keeps it in a file, with what a plan is judged by, and `update --plan` makes the plan
of that again, so that what is shown then is what is done, whatever the file says. JSON, readable by
its owner only, since configs may hold what others shouldn't see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfl_jobs import __version__
from cfl_jobs.configs.config import Config
from cfl_jobs.errors import DefinitionError, Finding, PlanError
from cfl_jobs.files import write_named
from cfl_jobs.planning.observe import Observed, observe
from cfl_jobs.planning.plan import Plan
from cfl_jobs.planning.planner import check_filter, plan_changes
from cfl_jobs.planning.renames import names_to_look_at
from cfl_jobs.rendering.cache import render_cached, render_whole, select_configs
from cfl_jobs.target import Key, Kind, Listed, Target, full_label, name_command

if TYPE_CHECKING:  # a plan without changes needs no model
    from cfl_jobs.check.rule import Problem
    from cfl_jobs.configs.graph import Chain
    from cfl_jobs.configs.model import Job

_FORMAT = f"cfl-jobs {__version__} plan 11"


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan is asked for: which jobs (() for all), and what it may do."""

    jobs: tuple[str, ...] = ()
    adopt: bool = False
    prune: bool = False


@dataclass(frozen=True)
class Setup:
    """What a revision, or the files here, define: all its jobs and views.

    `problems` are what the checks find; `findings` are why it doesn't render. `commit` says which
    commit it is, "" where nobody asked; `project` is a Rendering's.
    """

    rendered: tuple[Config, ...] = ()
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    commit: str = ""
    project: str = ""

    @property
    def renders(self) -> bool:
        return not self.findings

    @cached_property
    def jobs(self) -> Mapping[str, Job]:
        from cfl_jobs.configs.read_model import read_job  # planning does without

        return {each.name: each.read(read_job) for each in self.rendered if each.kind is Kind.JOB}

    @cached_property
    def chain(self) -> Chain:
        from cfl_jobs.configs.graph import build_chain

        return build_chain(self.jobs.values())


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is made of: the same basis always makes the same plan.

    `setup` is all that the project defines: of a look as it is rendered, or what is left out and
    why; then with what the checks find. None where nothing changes and nothing is judged.
    """

    desired: tuple[Config, ...]
    observed: Observed
    asked: PlanRequest = PlanRequest()
    setup: Setup | None = None

    def plan(self) -> Plan:
        """Make the plan, as plan_changes does."""
        asked = self.asked
        return plan_changes(
            self.desired,
            self.observed,
            adopt=asked.adopt,
            prune=asked.prune,
            defined=_list_defined(asked, self.setup),
        )


def look(
    root: Path,
    target: Target,
    asked: PlanRequest,
    *,
    recall: Callable[[], Collection[Key]] = frozenset,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Basis:
    """Render, and look at the target. `recall` tells what earlier runs left there.

    Raises UnsafePlan, before anything is looked at, where names come with a wish to prune.
    """
    check_filter(prune=asked.prune, filtered=bool(asked.jobs))
    try:
        whole = render_whole(root)
    except DefinitionError as error:  # the rest may be rendered all the same; all of it is judged
        if not asked.jobs:
            raise
        desired = render_cached(root, only=asked.jobs)
        setup = Setup(desired, findings=error.findings)
    else:
        desired = select_configs(whole.configs, asked.jobs)
        setup = Setup(whole.configs, project=whole.project)
    observed = observe(
        target,
        names_to_look_at(desired),
        with_orphans=asked.prune,
        defined=_list_defined(asked, setup),
        project=next((config.project for config in desired), ""),
        progress=progress,
    )
    if any(config.key not in observed.listed for config in desired):
        left = frozenset(recall()).difference(observed.listed)
        observed = replace(observed, left=left.intersection(config.key for config in desired))
    return Basis(desired, observed, asked, setup)


def _list_defined(asked: PlanRequest, setup: Setup | None) -> Collection[Key] | None:
    """Return all names that are defined, where only a part is asked for; () if unknown."""
    if not asked.jobs:
        return None
    if not setup or setup.findings:
        return ()
    return names_to_look_at(setup.rendered)


def save_plan(basis: Basis, path: Path) -> None:
    """Write down what a plan is made of. Raises PlanError where that can't be done."""
    content = _to_json(basis)
    document = {"format": _FORMAT, "digest": _digest(content), "content": content}
    try:
        if path.exists() and not path.is_file():
            raise PlanError(f"{path} is not a file", advice="Name a file to keep the plan in.")
        write_named(path, json.dumps(document, ensure_ascii=False), mode=0o600)
    except OSError as error:
        raise PlanError(
            f"{path}: {error.strerror}", advice="Name a file that can be written."
        ) from error


def load_plan(path: Path) -> Basis:
    """Return what a plan is made of. Raises PlanError on another file, or an altered one."""
    advice = f"Make one with `{name_command('plan --out FILE')}`."
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not str(document["format"]).startswith("cfl-jobs "):
            raise ValueError(document["format"])
        if document["format"] != _FORMAT:
            raise PlanError(f"{path} was made by another version of cfl-jobs", advice=advice)
        if document["digest"] != _digest(document["content"]):
            raise PlanError(f"{path} was altered after it was made", advice=advice)
        return _from_json(document["content"])
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}", advice=advice) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PlanError(f"{path} is not a plan", advice=advice) from error


def _digest(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _to_json(basis: Basis) -> dict[str, Any]:
    observed, setup = basis.observed, basis.setup
    numbers = {config.key: number for number, config in enumerate(basis.desired)}
    return {
        "target": full_label(observed.label),
        "project": observed.project,
        "jobs": basis.asked.jobs,
        "adopt": basis.asked.adopt,
        "prune": basis.asked.prune,
        "desired": [config.to_json() for config in basis.desired],
        "setup": setup
        and {  # what is desired stands there by its number
            "rendered": [
                numbers[each.key] if each.key in numbers else each.to_json()
                for each in setup.rendered
            ],
            "problems": [problem.to_json() for problem in setup.problems],
            "commit": setup.commit,
        },
        "listed": [
            [kind.value, name, entry.description * observed.is_ours((kind, name))]
            for (kind, name), entry in observed.listed.items()
        ],
        "configs": [[key[0].value, key[1], live.config] for key, live in observed.live.items()],
        "unreadable": [[key[0].value, key[1], why] for key, why in observed.unreadable.items()],
        "versions": dict(observed.versions),
        "builds": dict(observed.builds),
        "left": [[kind.value, name] for kind, name in sorted(observed.left, key=str)],
    }


def _from_json(content: dict[str, Any]) -> Basis:
    versions: dict[str, str] = content["versions"]
    desired = tuple(map(Config.from_json, content["desired"]))
    live = [Config(Kind(of), name, it, versions=versions) for of, name, it in content["configs"]]
    observed = Observed(
        content["target"],
        {(Kind(of), name): Listed(name, text) for of, name, text in content["listed"]},
        {config.key: config for config in live},
        versions,
        content["builds"],
        {(Kind(of), name): reason for of, name, reason in content["unreadable"]},
        content["project"],
        frozenset((Kind(of), name) for of, name in content["left"]),
    )
    asked = PlanRequest(tuple(content["jobs"]), content["adopt"], content["prune"])
    setup = None
    if kept := content["setup"]:
        from cfl_jobs.check.rule import Problem

        rendered = tuple(
            desired[each] if isinstance(each, int) else Config.from_json(each)
            for each in kept["rendered"]
        )
        problems = tuple(map(Problem.from_json, kept["problems"]))
        setup = Setup(rendered, problems, commit=kept["commit"])
    return Basis(desired, observed, asked, setup)
