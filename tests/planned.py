"""Updates of a server in memory, and whose their differences are."""

from __future__ import annotations

from pathlib import Path

from cfl_jobs.configs.config import Config
from cfl_jobs.planning.apply import apply_plan
from cfl_jobs.planning.differences import Owner
from cfl_jobs.planning.journal import Journal
from cfl_jobs.planning.observe import observe
from cfl_jobs.planning.plan import Plan, Update
from cfl_jobs.planning.planner import plan_changes
from cfl_jobs.review.formats import WRITERS
from cfl_jobs.review.review import Review
from tests.jenkins_server_configs import save
from tests.memory_target import MemoryTarget


def update(target: MemoryTarget, place: Path, *wanted: Config, adopt: bool = False) -> None:
    names = [(rendered.kind, rendered.name) for rendered in wanted]
    observed = observe(target, names, with_orphans=False, project=wanted[0].project)
    made = plan_changes(wanted, observed, adopt=adopt)
    journal = Journal(place, target="memory", verb="update")
    result = apply_plan(
        made,
        target,
        journal,
        versions=target.installed,
    )
    assert result.is_complete, [outcome.message for outcome in result.outcomes]


def owners(made: Plan) -> dict[str, Owner]:
    """Return whose each difference of a plan's only update is, by its words."""
    updates = [change for change in made.changes if isinstance(change, Update)]
    assert len(updates) == 1
    return {found.label: found.owner for found in updates[0].differences}


def upgrade(target: MemoryTarget) -> None:
    """Upgrade a plugin; Jenkins saves every job."""
    target.installed["timestamper"] = "9.27"
    for key, config in target.configs.items():
        target.configs[key] = save(config, target.installed)


def tell(plan: Plan, form: str = "text", *, verbose: bool = False) -> str:
    """Return what people see of a plan in one of the formats."""
    return WRITERS[form](Review(plan), verbose=verbose)
