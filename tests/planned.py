"""Updates of a server in memory, and whose their differences are."""

from __future__ import annotations

from cfl_jobs.planning.plan import Difference, Owner, Plan, Update
from cfl_jobs.review.formats import WRITERS
from cfl_jobs.review.review import Review
from tests.jenkins_server_configs import save
from tests.memory_target import MemoryTarget


def owners(made: Plan) -> dict[str, Owner]:
    """Return whose each difference of a plan's only update is, by its words."""
    assert sum(isinstance(change, Update) for change in made.changes) == 1
    return {found.label: found.owner for found in told(made)}


def told(made: Plan) -> list[Difference]:
    """Return the differences of all updates of a plan."""
    updates = [change for change in made.changes if isinstance(change, Update)]
    return [found for update in updates for found in update.differences]


def upgrade(target: MemoryTarget) -> None:
    """Upgrade a plugin; Jenkins saves every job."""
    target.installed["timestamper"] = "9.27"
    for key, config in target.configs.items():
        target.configs[key] = save(config, target.installed)


def tell(plan: Plan, form: str = "text", *, verbose: bool = False) -> str:
    """Return what people see of a plan in one of the formats."""
    return WRITERS[form](Review(plan), verbose=verbose)


def ways(made: Plan) -> dict[str, str]:
    """Return what is done to each job, or why it is left alone."""
    return {
        **{name: "unchanged" for _, name in made.unchanged},
        **{change.name: change.verb for change in made.changes},
        **{note.name: note.text for note in made.undone},
    }
